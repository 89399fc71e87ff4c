/* SPDX-License-Identifier: Apache-2.0 */
/* test_procfile.c - config/procfile: every rule in procfile.h, and every way to break one */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "config/procfile.h"

#define TOLD_MAX 1024

/** tell() - each entry as TYPE<COMMAND>LINE, one after another */
static void tell(const struct procfile *file, char *all, size_t size)
{
	all[0] = '\0';
	for (size_t i = 0; i < file->count; i++)
		(void)text_append(all, size, "%s<%s>%lu ", file->processes[i].type, file->processes[i].command,
		                  file->processes[i].line);
}

/** hear() - the sentences one after another, each ended by "|" */
static void hear(void *data, const struct dyno_error *mistake)
{
	(void)text_append(data, TOLD_MAX, "%s|", mistake->text);
}

static void accepted(void **state)
{
	static const struct {
		const char *text;
		const char *entries;
	} cases[] = {
		{ "web: a b", "web<a b>1 " },
		{ "web: a\nworker: b\n", "web<a>1 worker<b>2 " },
		{ "web: a\r\nworker: b\r\n", "web<a>1 worker<b>2 " },
		{ "web: a\r", "web<a>1 " },
		{ "\xEF\xBB\xBF"
		  "web: a",
		  "web<a>1 " },
		{ "web:a", "web<a>1 " },
		{ "web: \t a \t ", "web<a>1 " },
		{ "\n# web: x\n  # web: x\n\t\n   \nweb: a\n", "web<a>6 " },
		{ "web: a # b", "web<a # b>1 " },
		{ "web: a: b:c", "web<a: b:c>1 " },
		{ "web: A=\"$PORT\" exec x -p ${PORT:-5000} 'q'", "web<A=\"$PORT\" exec x -p ${PORT:-5000} 'q'>1 " },
		{ "a-b_C9: x\n9: y\n-: z\n_: _", "a-b_C9<x>1 9<y>2 -<z>3 _<_>4 " },
		{ "Web: a\nweb: b", "Web<a>1 web<b>2 " },
		{ "web: \xC3\xA9", "web<\xC3\xA9>1 " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dyno_error err = { 0 };
		struct mistakes m = { .name = "Procfile", .first = &err };
		struct procfile file = { 0 };
		char all[TOLD_MAX];
		int code = procfile_parse(cases[i].text, strlen(cases[i].text), &m, &file);

		if (code != 0)
			fail_msg("<%s> gave %d: %s", cases[i].text, code, err.text);
		tell(&file, all, sizeof(all));
		assert_string_equal(all, cases[i].entries);
		procfile_done(&file);
	}
}

static void refused_with_file_and_line(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{ "", "Procfile: no process types are defined" },
		{ "# web: a\n\n", "Procfile: no process types are defined" },
		{ "web", "Procfile:1: this is no TYPE: COMMAND" },
		{ "web: a\n\nworker b\n", "Procfile:3: this is no TYPE: COMMAND" },
		{ "web: a\r\nworker b\r\n", "Procfile:2: this is no TYPE: COMMAND" },
		{ "web:", "Procfile:1: process type 'web' has no command" },
		{ "web: \t\r\n", "Procfile:1: process type 'web' has no command" },
		{ ": a", "Procfile:1: a process type is letters, digits, underscores and dashes" },
		{ "we.b: a", "Procfile:1: a process type is letters, digits, underscores and dashes" },
		{ "my web: a", "Procfile:1: a process type is letters, digits, underscores and dashes" },
		{ "w\xC3\xA9: a", "Procfile:1: a process type is letters, digits, underscores and dashes" },
		{ " web: a", "Procfile:1: there is white space before the process type" },
		{ "web : a", "Procfile:1: there is white space between the process type and the colon" },
		{ "web: a\nx: b\nweb: c", "Procfile:3: process type 'web' was there already, in line 1" },
		{ "web: a\rworker: b", "Procfile:1: there is a carriage return that ends no line" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dyno_error err = { 0 };
		struct mistakes m = { .name = "Procfile", .first = &err };
		struct procfile file = { .count = 77 };

		assert_int_equal(procfile_parse(cases[i].text, strlen(cases[i].text), &m, &file), -EINVAL);
		assert_string_equal(err.text, cases[i].says);
		assert_int_equal(err.code, -EINVAL);
		assert_int_equal(file.count, 77);
		assert_int_equal(m.count, 1);
	}
}

static void every_mistake_is_told_to_who_wants_to_hear(void **state)
{
	static const char text[] = "web: a\nnothing\nweb: b\nclock:\nok: x\n";
	char told[TOLD_MAX] = "";
	struct mistakes m = { .name = "P", .hear = hear, .data = told };
	struct procfile file = { 0 };

	(void)state;
	assert_int_equal(procfile_parse(text, strlen(text), &m, &file), -EINVAL);
	assert_string_equal(told, "P:2: this is no TYPE: COMMAND|"
	                          "P:3: process type 'web' was there already, in line 1|"
	                          "P:4: process type 'clock' has no command|");
	assert_int_equal(m.count, 3);
}

static void nul_bytes_are_refused(void **state)
{
	static const char command[] = "web: a\0b\n", type[] = "w\0eb: a\n", alone[] = "\0";
	struct mistakes m = { .name = "P" };
	struct procfile file = { 0 };

	(void)state;
	assert_int_equal(procfile_parse(command, sizeof(command) - 1, &m, &file), -EINVAL);
	assert_int_equal(procfile_parse(type, sizeof(type) - 1, &m, &file), -EINVAL);
	assert_int_equal(procfile_parse(alone, 1, &m, &file), -EINVAL);
	assert_int_equal(m.count, 3);
}

/** parse_repeated() - a type of @type times "t" and a command of @command times "c". Return: of procfile_parse() */
static int parse_repeated(size_t type, size_t command)
{
	struct mistakes m = { .name = "P" };
	struct procfile file = { 0 };
	char *text = malloc(type + 2 + command);
	int code;

	assert_non_null(text);
	memset(text, 't', type);
	text[type] = ':';
	text[type + 1] = ' ';
	memset(text + type + 2, 'c', command);
	code = procfile_parse(text, type + 2 + command, &m, &file);
	procfile_done(&file);
	free(text);
	return code;
}

static void lengths_are_bounded(void **state)
{
	char text[PROCFILE_TYPES_MAX * 16 + 16] = "";
	struct mistakes m = { .name = "P" };
	struct procfile file = { 0 };

	(void)state;
	assert_int_equal(parse_repeated(PROCFILE_TYPE_MAX, 1), 0);
	assert_int_equal(parse_repeated(PROCFILE_TYPE_MAX + 1, 1), -EINVAL);
	assert_int_equal(parse_repeated(1, PROCFILE_COMMAND_MAX), 0);
	assert_int_equal(parse_repeated(1, PROCFILE_COMMAND_MAX + 1), -EINVAL);
	assert_int_equal(parse_repeated(1, PROCFILE_SIZE_MAX), -EINVAL);
	for (int i = 0; i < PROCFILE_TYPES_MAX; i++)
		assert_true(text_append(text, sizeof(text), "t%d: c\n", i) > 0);
	assert_int_equal(procfile_parse(text, strlen(text), &m, &file), 0);
	assert_int_equal(file.count, PROCFILE_TYPES_MAX);
	assert_string_equal(procfile_find(&file, "t511")->command, "c");
	assert_null(procfile_find(&file, "t512"));
	procfile_done(&file);
	assert_true(text_append(text, sizeof(text), "more: c\n") > 0);
	assert_int_equal(procfile_parse(text, strlen(text), &m, &file), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused_with_file_and_line),
		cmocka_unit_test(every_mistake_is_told_to_who_wants_to_hear),
		cmocka_unit_test(nul_bytes_are_refused),
		cmocka_unit_test(lengths_are_bounded),
	};

	return cmocka_run_group_tests_name("procfile", tests, NULL, NULL);
}
