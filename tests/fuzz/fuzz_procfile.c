/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_procfile.c - Procfiles of any bytes: what is accepted is valid, and reads the same when written back */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "config/procfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** must() - what has to hold, also where assert(3) is compiled away */
static void must(bool holds)
{
	if (!holds)
		abort();
}

/** hear() - a mistake is a sentence */
static void hear(void *data, const struct dyno_error *mistake)
{
	must(mistake->code == -EINVAL && strncmp(mistake->text, "fuzz:", 5) == 0);
	++*(unsigned *)data;
}

/** write_back() - write @file as a Procfile and read it again */
static void write_back(const struct procfile *file)
{
	struct mistakes m = { .name = "fuzz" };
	struct procfile again = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	must(out != NULL);
	for (size_t i = 0; i < file->count; i++)
		fprintf(out, "%s: %s\n", file->processes[i].type, file->processes[i].command);
	fclose(out);
	must(procfile_parse(text, size, &m, &again) == 0 && again.count == file->count);
	for (size_t i = 0; i < file->count; i++) {
		must(strcmp(again.processes[i].type, file->processes[i].type) == 0);
		must(strcmp(again.processes[i].command, file->processes[i].command) == 0);
		must(procfile_find(file, again.processes[i].type) == &file->processes[i]);
	}
	procfile_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned heard = 0;
	struct mistakes all = { .name = "fuzz", .hear = hear, .data = &heard }, first = { .name = "fuzz" };
	struct procfile file = { 0 }, same = { 0 };
	int code = procfile_parse((const char *)data, size, &all, &file);

	must(heard == all.count && (code == 0) == (heard == 0));
	must(procfile_parse((const char *)data, size, &first, &same) == code && first.count == (heard > 0));
	if (code == 0) {
		must(file.count > 0 && file.count <= PROCFILE_TYPES_MAX);
		for (size_t i = 0; i < file.count; i++)
			must(procfile_type_valid(file.processes[i].type, strlen(file.processes[i].type)) &&
			     file.processes[i].command[0] != '\0');
		write_back(&file);
	}
	procfile_done(&file);
	procfile_done(&same);
	return 0;
}
