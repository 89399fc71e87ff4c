/* SPDX-License-Identifier: Apache-2.0 */
/* test_config_vars.c - which config vars and app names there may be, and values written so that they are read back */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "config/app_name.h"
#include "config/dotenv.h"
#include "config/quote.h"
#include "config/vars.h"

static const char *const values[] = {
	"",
	"plain",
	"a b",
	" a ",
	"a#b",
	"a # b",
	"it's",
	"say \"x\"",
	"it's \"x\"",
	"$HOME",
	"it's $HOME `x`",
	"back\\slash",
	"it's \\n",
	"two\nlines",
	"it's\ntwo",
	"crlf\r\nhere",
	"it's\r\n",
	"\r",
	"\\",
	"'",
	"\"",
	"~",
	"!event",
	"caf\xc3\xa9",
	"tab\there",
	"postgres://u:p@h/d?x=1&y=2",
	"a=b",
	"\n",
	"trailing\n",
	"\x1b[1m",
	"it's ends \\",
	"-n",
	"export A=1",
};

static void contract_4_5_keys(void **state)
{
	static const char *const good[] = { "A", "a", "_A", "A1", "DATABASE_URL", "HEROKU", "heroku_x", "_", "_A__B" };
	static const char *const bad[] = {
		"", "1A", "A-B", "A B", "A.B", "__A", "__", "HEROKU_", "HEROKU_X", "\xc3\xa9"
	};
	struct dyno_error err = { 0 };
	char longest[CONFIG_KEY_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(config_key_check(good[i], strlen(good[i]), &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(config_key_check(bad[i], strlen(bad[i]), &err), -EINVAL);
		assert_true(err.text[0] && err.remedy[0]);
	}
	memset(longest, 'K', sizeof(longest));
	assert_int_equal(config_key_check(longest, CONFIG_KEY_MAX, &err), 0);
	assert_int_equal(config_key_check(longest, CONFIG_KEY_MAX + 1, &err), -EINVAL);
}

static void check_pairs_without_telling_values(void **state)
{
	static const char *const bad[] = { "s3cret",       "=s3cret",        "s3cret value=",
		                           "s3cret-key=x", "A=s3cret\xff",   "A=s3cret\xed\xa0\x80",
		                           "1=s3cret",     "HEROKU_A=s3cret" };
	struct dyno_error err = { 0 };

	(void)state;
	assert_int_equal(config_pair_check("A=", &err), 0);
	assert_int_equal(config_pair_check("A=B=C", &err), 0);
	assert_int_equal(config_pair_check("A=line\nline \xf0\x9f\x98\x80", &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(config_pair_check(bad[i], &err), -EINVAL);
		assert_null(strstr(err.text, "s3cret"));
		assert_null(strstr(err.remedy, "s3cret"));
	}
}

static void contract_4_5_32_kb_of_keys_and_values(void **state)
{
	struct environment vars = { 0 };
	struct dyno_error err = { 0 };
	char pair[CONFIG_VARS_MAX + 8];

	(void)state;
	assert_int_equal(config_vars_size(&vars), 0);
	memset(pair, 'x', sizeof(pair));
	memcpy(pair, "AB=", 3);
	pair[CONFIG_VARS_MAX] = '\0';
	assert_int_equal(environment_set(&vars, pair, &err), 0);
	assert_int_equal(config_vars_size(&vars), CONFIG_VARS_MAX - 1);
	assert_int_equal(environment_set(&vars, "C=", &err), 0);
	assert_int_equal(config_vars_check(&vars, &err), 0);
	assert_int_equal(environment_set(&vars, "D=", &err), 0);
	assert_int_equal(config_vars_check(&vars, &err), -E2BIG);
	assert_string_equal(config_vars_get(&vars, "C"), "");
	assert_null(config_vars_get(&vars, "A"));
	assert_null(config_vars_get(&vars, "ABC"));
	environment_done(&vars);
}

static void check_app_names(void **state)
{
	static const char *const good[] = { "a", "my-app", "app2", "a--b", "abcdefghijklmnopqrstuvwxyz-123" };
	static const char *const bad[] = { "",    "1a",  "-a",    "a-",  "A",
		                           "a_b", "a.b", "a/../", "a b", "abcdefghijklmnopqrstuvwxyz-1234" };
	static const char *const directories[][2] = {
		{ "/srv/My_App", "my-app" },
		{ "/x/.dotfiles", "dotfiles" },
		{ "a - b", "a-b" },
		{ "/srv/app.example.com", "app-example-com" },
		{ "/s/caf\xc3\xa9", "caf" },
		{ "/s/abcdefghijklmnopqrstuvwxyz1234567", "abcdefghijklmnopqrstuvwxyz1234" },
		{ "/s/abcdefghijklmnopqrstuvwxyz123_567", "abcdefghijklmnopqrstuvwxyz123" },
	};
	char name[APP_NAME_LENGTH_MAX + 1] = "untouched";
	struct dyno_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(app_name_check(good[i], &err), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(app_name_check(bad[i], &err), -EINVAL);
	assert_int_equal(app_name_from_directory("/", name, &err), -EINVAL);
	assert_int_equal(app_name_from_directory("/srv/2048", name, &err), -EINVAL);
	assert_int_equal(app_name_from_directory("/srv/---", name, &err), -EINVAL);
	assert_string_equal(name, "untouched");
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		assert_int_equal(app_name_from_directory(directories[i][0], name, &err), 0);
		assert_string_equal(name, directories[i][1]);
	}
}

/** keep() - remember the last pair, in the shape dotenv_parse() calls */
static int keep(void *data, const char *pair, struct dyno_error *err)
{
	char **kept = data;

	(void)err;
	free(*kept);
	*kept = strdup(pair);
	return *kept ? 0 : -ENOMEM;
}

static void env_files_read_back_what_was_quoted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct dyno_error err = { 0 };
		char *text = NULL, *pair = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);

		assert_non_null(out);
		fputs("KEY=", out);
		quote_dotenv(out, values[i]);
		fputs("\nLAST=1\nKEY=", out);
		quote_dotenv(out, values[i]);
		fputc('\n', out);
		fclose(out);
		assert_int_equal(dotenv_parse(text, size, "x", keep, &pair, &err), 0);
		assert_non_null(pair);
		assert_true(strncmp(pair, "KEY=", 4) == 0);
		assert_string_equal(pair + 4, values[i]);
		free(text);
		free(pair);
	}
}

static void shells_read_back_what_was_quoted(void **state)
{
	char *script = NULL, got[4096], wanted[4096];
	size_t size = 0, length = 0;
	FILE *out = open_memstream(&script, &size), *shell;

	(void)state;
	assert_non_null(out);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		fputs("A=", out);
		quote_shell(out, values[i]);
		fputs("\nprintf '%s\\000' \"$A\"\n", out);
		memcpy(wanted + length, values[i], strlen(values[i]) + 1);
		length += strlen(values[i]) + 1;
	}
	fclose(out);
	setenv("DYNO_TEST_SCRIPT", script, 1);
	shell = popen("eval \"$DYNO_TEST_SCRIPT\"", "r");
	assert_non_null(shell);
	assert_int_equal(fread(got, 1, sizeof(got), shell), length);
	assert_int_equal(pclose(shell), 0);
	assert_memory_equal(got, wanted, length);
	unsetenv("DYNO_TEST_SCRIPT");
	free(script);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(contract_4_5_keys),
		cmocka_unit_test(check_pairs_without_telling_values),
		cmocka_unit_test(contract_4_5_32_kb_of_keys_and_values),
		cmocka_unit_test(check_app_names),
		cmocka_unit_test(env_files_read_back_what_was_quoted),
		cmocka_unit_test(shells_read_back_what_was_quoted),
	};

	return cmocka_run_group_tests_name("config vars", tests, NULL, NULL);
}
