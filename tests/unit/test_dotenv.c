/* SPDX-License-Identifier: Apache-2.0 */
/* test_dotenv.c - config/dotenv: every rule in dotenv.h, and every way to break one */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "config/dotenv.h"

#define COLLECTED_MAX 256

/** collect() - the variables of a file one after another, each ended by "|" */
static int collect(void *data, const char *pair, struct dyno_error *err)
{
	char *all = data;

	(void)err;
	return text_append(all, COLLECTED_MAX, "%s|", pair) < 0 ? -ENOMEM : 0;
}

/* what a file holds, and what collect() makes of it */
static const struct {
	const char *text;
	const char *pairs;
} accepted_cases[] = {
	{ "", "" },
	{ "\n\n  \n\t\n", "" },
	{ "# comment\n  # another", "" },
	{ "A=1", "A=1|" },
	{ "A=1\nB=2\n", "A=1|B=2|" },
	{ "A=1\r\nB=2\r\n", "A=1|B=2|" },
	{ "A=1\r", "A=1|" },
	{ "\xEF\xBB\xBF"
	  "A=1",
	  "A=1|" },
	{ "_a9=x", "_a9=x|" },
	{ "A=", "A=|" },
	{ "A= \t", "A=|" },
	{ "A=\r\n", "A=|" },
	{ "A=''", "A=|" },
	{ "A=\"\"", "A=|" },
	{ "  A = 1  ", "A=1|" },
	{ "A\t=\t1", "A=1|" },
	{ "export A=1", "A=1|" },
	{ "export\tA=1", "A=1|" },
	{ "  export   A = 1", "A=1|" },
	{ "export=1", "export=1|" },
	{ "export =1", "export=1|" },
	{ "exported=1", "exported=1|" },
	{ "A=a b  c ", "A=a b  c|" },
	{ "A=1 # comment", "A=1|" },
	{ "A=1\t# comment", "A=1|" },
	{ "A= # comment", "A=|" },
	{ "A=#fff", "A=#fff|" },
	{ "A=x#y", "A=x#y|" },
	{ "A=http://h/?a=b&c#d", "A=http://h/?a=b&c#d|" },
	{ "A==", "A==|" },
	{ "A=it's", "A=it's|" },
	{ "A=a\"b\"", "A=a\"b\"|" },
	{ "A=C:\\new", "A=C:\\new|" },
	{ "A={\"a\": 1}", "A={\"a\": 1}|" },
	{ "A=$HOME/`x`", "A=$HOME/`x`|" },
	{ "A='a # b'", "A=a # b|" },
	{ "A='a\\nb\"c'", "A=a\\nb\"c|" },
	{ "A=' a '", "A= a |" },
	{ "A='x' # comment", "A=x|" },
	{ "A='x'# comment", "A=x|" },
	{ "A= 'x' \r\nB=1", "A=x|B=1|" },
	{ "A=\"a # b\"", "A=a # b|" },
	{ "A=\"a\\nb\"", "A=a\nb|" },
	{ "A=\"a\\\"b\"", "A=a\"b|" },
	{ "A=\"a\\\\nb\"", "A=a\\nb|" },
	{ "A=\"\\\\\"", "A=\\|" },
	{ "A=\"C:\\temp\\$x\"", "A=C:\\temp\\$x|" },
	{ "A=\"it's\"", "A=it's|" },
	{ "A=\"one\ntwo\"\nB=1", "A=one\ntwo|B=1|" },
	{ "A='one\r\ntwo'\r\nB=1", "A=one\ntwo|B=1|" },
	{ "A=\"# no comment\n# neither\"", "A=# no comment\n# neither|" },
	{ "A=1\nA=2", "A=1|A=2|" },
	{ "A=\xC3\xA9", "A=\xC3\xA9|" },
};

static void accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(accepted_cases) / sizeof(*accepted_cases); i++) {
		struct dyno_error err = { 0 };
		char all[COLLECTED_MAX] = "";
		int code = dotenv_parse(accepted_cases[i].text, strlen(accepted_cases[i].text), ".env", collect, all,
		                        &err);

		if (code != 0)
			fail_msg("<%s> gave %d: %s", accepted_cases[i].text, code, err.text);
		assert_string_equal(all, accepted_cases[i].pairs);
	}
}

static void refused_with_the_line_and_without_the_value(void **state)
{
	static const struct {
		const char *text;
		const char *place;
	} cases[] = {
		{ "SECRET", "my.env:1: " },
		{ "A=1\n\nSECRET\n", "my.env:3: " },
		{ "A=1\r\nSECRET\r\n", "my.env:2: " },
		{ "export SECRET", "my.env:1: " },
		{ "export", "my.env:1: " },
		{ "=SECRET", "my.env:1: " },
		{ "9A=SECRET", "my.env:1: " },
		{ "A-B=SECRET", "my.env:1: " },
		{ "A B=SECRET", "my.env:1: " },
		{ "A: SECRET", "my.env:1: " },
		{ "\xC3\xA9=SECRET", "my.env:1: " },
		{ "A='SECRET", "my.env:1: " },
		{ "A=1\nB=\"SECRET\nC=2\n", "my.env:2: " },
		{ "A=\"SECRET\\\"", "my.env:1: " },
		{ "A=\"SECRET\\", "my.env:1: " },
		{ "A='", "my.env:1: " },
		{ "A='x'SECRET", "my.env:1: " },
		{ "A=\"x\" SECRET", "my.env:1: " },
		{ "A=\"x\ny\" SECRET", "my.env:2: " },
		{ "A=\"x\ny\"\nSECRET", "my.env:3: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dyno_error err = { 0 };
		char all[COLLECTED_MAX] = "";
		int code = dotenv_parse(cases[i].text, strlen(cases[i].text), "my.env", collect, all, &err);

		if (code != -EINVAL || err.code != -EINVAL)
			fail_msg("<%s> was accepted as %s", cases[i].text, all);
		if (!strstr(err.text, cases[i].place))
			fail_msg("<%s>: %s", cases[i].text, err.text);
		assert_null(strstr(err.text, "SECRET"));
		assert_null(strstr(err.remedy, "SECRET"));
	}
}

static void nul_bytes_are_refused_wherever_they_stand(void **state)
{
	static const char value[] = "A=x\0y\n", quoted[] = "A='x\0y'\n", key[] = "A\0B=x\n", alone[] = "\0";
	char all[COLLECTED_MAX] = "";

	(void)state;
	assert_int_equal(dotenv_parse(value, sizeof(value) - 1, "e", collect, all, NULL), -EINVAL);
	assert_int_equal(dotenv_parse(quoted, sizeof(quoted) - 1, "e", collect, all, NULL), -EINVAL);
	assert_int_equal(dotenv_parse(key, sizeof(key) - 1, "e", collect, all, NULL), -EINVAL);
	assert_int_equal(dotenv_parse(alone, 1, "e", collect, all, NULL), -EINVAL);
	assert_string_equal(all, "");
}

/** length_of() - keep the length of the one variable */
static int length_of(void *data, const char *pair, struct dyno_error *err)
{
	(void)err;
	*(size_t *)data = strlen(pair);
	return 0;
}

static void value_of_a_mebibyte_is_read_whole(void **state)
{
	size_t size = 2 + (1 << 20), length = 0;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	memset(text, 'v', size);
	text[0] = 'A';
	text[1] = '=';
	assert_int_equal(dotenv_parse(text, size, "e", length_of, &length, NULL), 0);
	assert_int_equal(length, size);
	free(text);
}

/** refuse() - fail with a sentence of its own */
static int refuse(void *data, const char *pair, struct dyno_error *err)
{
	(void)data;
	(void)pair;
	if (err)
		snprintf(err->text, sizeof(err->text), "not this one");
	return -E2BIG;
}

static void callback_ends_the_parse_and_gets_its_place(void **state)
{
	static const char text[] = "# first\nA='1\n2'\nB=3\n";
	struct dyno_error err = { 0 };

	(void)state;
	assert_int_equal(dotenv_parse(text, strlen(text), "e", refuse, NULL, &err), -E2BIG);
	assert_string_equal(err.text, "e:2: not this one");
	assert_int_equal(dotenv_parse(text, strlen(text), "e", refuse, NULL, NULL), -E2BIG);
}

/** hear() - the sentences one after another, each ended by "|" */
static void hear(void *data, const struct dyno_error *mistake)
{
	(void)text_append(data, COLLECTED_MAX, "%s|", mistake->text);
}

static void check_goes_on_after_a_mistake(void **state)
{
	static const char text[] = "A=1\nB\nC='open\nD-=1\nE=2\n", well[] = "# x\nA=1\nexport B=\"\n\"\nA=2\n";
	char told[COLLECTED_MAX] = "";
	struct mistakes m = { .name = "e", .hear = hear, .data = told };
	size_t count = 77;

	(void)state;
	assert_int_equal(dotenv_check(text, strlen(text), &m, &count), -EINVAL);
	assert_string_equal(told, "e:2: no KEY=VALUE|e:3: the quote is not closed|"
	                          "e:4: a name is letters, digits and underscores and begins with no digit|");
	assert_int_equal(m.count, 3);
	assert_int_equal(count, 77);
	assert_int_equal(dotenv_check(well, strlen(well), &m, &count), 0);
	assert_int_equal(count, 3);
}

/* the table of dotenv.h */
static void where_the_peers_differ(void **state)
{
	static const struct {
		const char *text;
		const char *pairs; /* NULL: refused */
	} cases[] = {
		{ "A = 1", "A=1|" },
		{ "A=1 # x", "A=1|" },
		{ "A=x#y", "A=x#y|" },
		{ "A=1  ", "A=1|" },
		{ "A=\"a\\tb\"", "A=a\\tb|" },
		{ "A='it\\'s'", NULL },
		{ "A=\"x\" y", NULL },
		{ "A='x\ny'", "A=x\ny|" },
		{ "A=$B${B}$(b)", "A=$B${B}$(b)|" },
		{ "A: 1", NULL },
		{ "a.b=1", NULL },
		{ "9=1", NULL },
		{ "A='a b#$\"\\n'", "A=a b#$\"\\n|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char all[COLLECTED_MAX] = "";
		int code = dotenv_parse(cases[i].text, strlen(cases[i].text), "e", collect, all, NULL);

		assert_int_equal(code, cases[i].pairs ? 0 : -EINVAL);
		assert_string_equal(all, cases[i].pairs ? cases[i].pairs : "");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused_with_the_line_and_without_the_value),
		cmocka_unit_test(nul_bytes_are_refused_wherever_they_stand),
		cmocka_unit_test(value_of_a_mebibyte_is_read_whole),
		cmocka_unit_test(callback_ends_the_parse_and_gets_its_place),
		cmocka_unit_test(check_goes_on_after_a_mistake),
		cmocka_unit_test(where_the_peers_differ),
	};

	return cmocka_run_group_tests_name("dotenv", tests, NULL, NULL);
}
