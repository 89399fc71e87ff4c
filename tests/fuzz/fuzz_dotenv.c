/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_dotenv.c - env files of any bytes: accepted pairs are valid, and read the same when written back quoted */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "config/dotenv.h"
#include "config/environment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** expect_same() - the callback of the second parse: its pair is @data */
static int expect_same(void *data, const char *pair, struct dyno_error *err)
{
	(void)err;
	if (strcmp(data, pair) != 0)
		abort();
	return 0;
}

/** write_back() - write @pair with its value in double quotes, escaped as dotenv.h says, and read it again */
static void write_back(const char *pair)
{
	_cleanup_free_ char *text = malloc(2 * strlen(pair) + 3);
	_cleanup_free_ char *expected = strdup(pair);
	char *to = text;

	if (!text || !expected)
		return;
	while ((*to++ = *pair++) != '=')
		;
	*to++ = '"';
	for (; *pair; pair++) {
		if (*pair == '"' || *pair == '\\' || *pair == '\n')
			*to++ = '\\';
		*to++ = *pair == '\n' ? 'n' : *pair;
	}
	*to++ = '"';
	if (dotenv_parse(text, (size_t)(to - text), "fuzz", expect_same, expected, NULL) != 0)
		abort();
}

/** check_pair() - the callback of the first parse */
static int check_pair(void *data, const char *pair, struct dyno_error *err)
{
	const char *equals = strchr(pair, '=');

	if (!equals || !environment_key_valid(pair, (size_t)(equals - pair)))
		abort();
	write_back(pair);
	return environment_set(data, pair, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct environment env = { 0 };
	struct dyno_error err = { 0 };
	int code = dotenv_parse((const char *)data, size, "fuzz", check_pair, &env, &err);

	if (code != 0 && (code != err.code || !err.text[0]))
		abort();
	environment_done(&env);
	return 0;
}
