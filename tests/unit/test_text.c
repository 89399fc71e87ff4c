/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c - base/text: bounded copying and building, JSON strings, suggestions */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

static void copy_fits_or_leaves_untouched(void **state)
{
	char to[4] = "old";

	(void)state;
	assert_int_equal(text_copy(to, sizeof(to), "abcd"), -ENAMETOOLONG);
	assert_string_equal(to, "old");
	assert_int_equal(text_copy(to, sizeof(to), "abc"), 0);
	assert_string_equal(to, "abc");
	assert_int_equal(text_copy(to, 0, ""), -ENAMETOOLONG);
	assert_int_equal(text_copy(to, 1, ""), 0);
	assert_string_equal(to, "");
}

static void format_returns_length_or_fails(void **state)
{
	char to[6] = "";

	(void)state;
	assert_int_equal(text_format(to, sizeof(to), "%d", 12345), 5);
	assert_string_equal(to, "12345");
	assert_int_equal(text_format(to, sizeof(to), "%d", 123456), -ENAMETOOLONG);
	assert_string_equal(to, "");
	assert_int_equal(text_format(to, 0, "x"), -ENAMETOOLONG);
	assert_int_equal(text_format(to, 1, "%s", ""), 0);
}

static void append_keeps_what_was_there(void **state)
{
	char to[8] = "ab";

	(void)state;
	assert_int_equal(text_append(to, sizeof(to), "%s", "cde"), 3);
	assert_string_equal(to, "abcde");
	assert_int_equal(text_append(to, sizeof(to), "%s", "fgh"), -ENAMETOOLONG);
	assert_string_equal(to, "abcde");
	assert_int_equal(text_append(to, sizeof(to), "%s", "fg"), 2);
	assert_int_equal(text_append(to, sizeof(to), "%s", "h"), -ENAMETOOLONG);
	assert_int_equal(text_append(to, sizeof(to), "%s", ""), 0);
	assert_string_equal(to, "abcdefg");
	assert_int_equal(text_append(to, 3, "x"), -ENAMETOOLONG);
}

static void starts(void **state)
{
	(void)state;
	assert_true(text_starts("--net", "--"));
	assert_true(text_starts("", ""));
	assert_true(text_starts("a", ""));
	assert_false(text_starts("", "a"));
	assert_false(text_starts("-", "--"));
}

static void json_escapes_and_replaces(void **state)
{
	static const struct {
		const char *text;
		const char *json;
	} cases[] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\n\r\t\b\f", "\"\\n\\r\\t\\b\\f\"" },
		{ "\x01\x1b[31m\x7f", "\"\\u0001\\u001b[31m\\u007f\"" },
		{ "caf\xC3\xA9 \xF0\x9F\x9A\x80", "\"caf\xC3\xA9 \xF0\x9F\x9A\x80\"" },
		{ "\xFF", "\"\\ufffd\"" },
		{ "a\x80z", "\"a\\ufffdz\"" },
		{ "\xC3", "\"\\ufffd\"" },                       /* cut short by the end */
		{ "\xC0\xAF", "\"\\ufffd\\ufffd\"" },            /* overlong / */
		{ "\xE0\x80\xAF", "\"\\ufffd\\ufffd\\ufffd\"" }, /* overlong / */
		{ "\xED\xA0\x80", "\"\\ufffd\\ufffd\\ufffd\"" }, /* surrogate */
		{ "\xED\x9F\xBF", "\"\xED\x9F\xBF\"" },          /* the last before them */
		{ "\xF4\x8F\xBF\xBF", "\"\xF4\x8F\xBF\xBF\"" },  /* U+10FFFF */
		{ "\xF4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xF0\x9F\x9A", "\"\\ufffd\\ufffd\\ufffd\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *json = NULL;
		size_t size;
		FILE *out = open_memstream(&json, &size);

		assert_non_null(out);
		text_json(out, cases[i].text);
		fclose(out);
		assert_string_equal(json, cases[i].json);
		free(json);
	}
}

static void closest_suggests_only_what_is_near(void **state)
{
	static const char *const words[] = { "memory", "name", "net",  "env",      "env-file", "scratch-size",
		                             "pids",   "size", "slug", "timeline", "tty",      NULL };
	static const struct {
		const char *text;
		const char *word;
	} cases[] = {
		{ "memroy", "memory" },
		{ "mem", "memory" },
		{ "nmae", "name" },
		{ "nte", "net" },
		{ "envfile", "env-file" },
		{ "scratchsize", "scratch-size" },
		{ "time", "timeline" },
		{ "ttyy", "tty" },
		{ "slgu", "slug" },
		{ "memory", "memory" },
		{ "", NULL },
		{ "x", NULL },
		{ "frobnicate", NULL },
		{ "zz", NULL },
	};
	char huge[5000];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *word = text_closest(cases[i].text, words);

		if (cases[i].word) {
			assert_non_null(word);
			assert_string_equal(word, cases[i].word);
		} else {
			assert_null(word);
		}
	}
	memset(huge, 'm', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	assert_null(text_closest(huge, words));
	assert_null(text_closest("memory", (const char *const[]){ huge, NULL }));
	assert_null(text_closest("memory", (const char *const[]){ NULL }));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(copy_fits_or_leaves_untouched), cmocka_unit_test(format_returns_length_or_fails),
		cmocka_unit_test(append_keeps_what_was_there),   cmocka_unit_test(starts),
		cmocka_unit_test(json_escapes_and_replaces),     cmocka_unit_test(closest_suggests_only_what_is_near),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
