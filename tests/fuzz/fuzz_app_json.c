/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_app_json.c - app.json of any bytes: what is accepted is in range, mistakes are in a line of the file */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/app_json.h"
#include "config/environment.h"
#include "config/json_place.h"
#include "config/procfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** must() - what has to hold, also where assert(3) is compiled away */
static void must(bool holds)
{
	if (!holds)
		abort();
}

/** count_lines() - at least one */
static unsigned long count_lines(const uint8_t *data, size_t size)
{
	unsigned long lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const path[] = { "env", "A", "value", NULL };
	unsigned long lines = count_lines(data, size);
	struct dyno_error err = { 0 };
	struct mistakes m = { .name = "fuzz", .first = &err };
	struct app_json app = { 0 };
	int code = app_json_parse((const char *)data, size, NULL, &m, &app);

	must(code == 0 || (code == -EINVAL && strncmp(err.text, "fuzz:", 5) == 0));
	/* it is given valid texts only, but must not leave any text */
	must(json_place((const char *)data, size, path) <= lines);
	for (size_t i = 0; i < app.var_count; i++)
		must(environment_key_valid(app.vars[i].key, strlen(app.vars[i].key)) && app.vars[i].line <= lines);
	for (size_t i = 0; i < app.type_count; i++)
		must(procfile_type_valid(app.types[i].type, strlen(app.types[i].type)) &&
		     app.types[i].quantity <= APP_JSON_QUANTITY_MAX && app.types[i].line <= lines);
	app_json_done(&app);
	return 0;
}
