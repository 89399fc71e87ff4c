/* SPDX-License-Identifier: Apache-2.0 */
/* test_app_json.c - config/app_json and config/json_place: what is read of an app.json, and where its mistakes are */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "config/app_json.h"
#include "config/json_place.h"

static void example_of_the_schema(void **state)
{
	static const char text[] = "{\n"
				   "  \"name\": \"Small Sharp Tool\",\n"
				   "  \"env\": {\n"
				   "    \"SECRET_TOKEN\": { \"description\": \"signs\", \"generator\": \"secret\" },\n"
				   "    \"WEB_CONCURRENCY\": { \"value\": \"5\", \"required\": false },\n"
				   "    \"PLAIN\": \"a b\"\n"
				   "  },\n"
				   "  \"formation\": {\n"
				   "    \"web\": { \"quantity\": 2, \"size\": \"Standard-1X\" },\n"
				   "    \"worker\": {}\n"
				   "  },\n"
				   "  \"addons\": [ \"openredis\" ]\n"
				   "}\n";
	struct mistakes m = { .name = "app.json" };
	struct app_json app = { 0 };

	(void)state;
	assert_int_equal(app_json_parse(text, sizeof(text) - 1, NULL, &m, &app), 0);
	assert_int_equal(app.var_count, 3);
	assert_string_equal(app.vars[0].key, "SECRET_TOKEN");
	assert_null(app.vars[0].value);
	assert_true(app.vars[0].required && app.vars[0].generated);
	assert_int_equal(app.vars[0].line, 4);
	assert_string_equal(app.vars[1].value, "5");
	assert_false(app.vars[1].required || app.vars[1].generated);
	assert_string_equal(app.vars[2].value, "a b");
	assert_true(app.vars[2].required);
	assert_int_equal(app.type_count, 2);
	assert_string_equal(app.types[0].type, "web");
	assert_int_equal(app.types[0].quantity, 2);
	assert_string_equal(app.types[0].size.name, "standard-1x");
	assert_int_equal(app.types[1].quantity, 1);
	assert_string_equal(app.types[1].size.name, "");
	assert_int_equal(app.types[1].line, 10);
	app_json_done(&app);
}

static void refused_with_the_line_and_without_the_value(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{ "", "app.json:1: this is no JSON" },
		{ "{\n \"env\": {\"A\": \"SECRET\"\n", "app.json:3: this is no JSON" },
		{ "{\n \"env\": {\"A\": SECRET}}\n", "app.json:2: this is no JSON" },
		{ "{} SECRET", "app.json:1: this is no JSON" },
		{ "{\"a\": 1,\n\"a\": \"SECRET\"}", "app.json:2: this is no JSON" },
		{ "{\"a\": \"SECRET\xFF\"}", "app.json:1: this is no JSON" },
		{ "[]", "app.json:1: the file is no JSON object" },
		{ "{\n\n\"env\": []}", "app.json:3: 'env' is no object" },
		{ "{\"env\": {\n\"A\": 5}}", "app.json:2: config var A is neither a string nor an object" },
		{ "{\"env\": {\n\"A-B\": \"SECRET\"}}", "app.json:2: the name of a config var is" },
		{ "{\"env\": {\"A\": {\n\"value\": 5}}}", "app.json:2: the value of A is no string" },
		{ "{\"env\": {\"A\": {\n\"required\": 1}}}", "app.json:2: 'required' of A is neither true nor false" },
		{ "{\"env\": {\"A\": {\n\"generator\": \"x\"}}}", "app.json:2: the generator of A is unknown" },
		{ "{\n\"formation\": 1}", "app.json:2: 'formation' is no object" },
		{ "{\"formation\": {\n\"web\": 1}}", "app.json:2: process type 'web' is no object" },
		{ "{\"formation\": {\n\"w b\": {}}}", "app.json:2: a process type is" },
		{ "{\"formation\": {\"web\": {\n\"quantity\": -1}}}", "app.json:2: the quantity of 'web'" },
		{ "{\"formation\": {\"web\": {\n\"quantity\": 1001}}}", "app.json:2: the quantity of 'web'" },
		{ "{\"formation\": {\"web\": {\n\"quantity\": \"1\"}}}", "app.json:2: the quantity of 'web'" },
		{ "{\"formation\": {\"web\": {\n\"size\": \"standrad-1x\"}}}", "standrad-1x (there are eco, basic, " },
		{ "{\"formation\": {\"web\": {\n\"size\": 1}}}", "app.json:2: the size of 'web' is unknown" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct dyno_error err = { 0 };
		struct mistakes m = { .name = "app.json", .first = &err };
		struct app_json app = { .var_count = 77 };
		int code = app_json_parse(cases[i].text, strlen(cases[i].text), NULL, &m, &app);

		if (code != -EINVAL || !strstr(err.text, cases[i].says) || strstr(err.text, "SECRET"))
			fail_msg("<%s> gave %d: %s", cases[i].text, code, err.text);
		assert_int_equal(app.var_count, 77);
	}
}

static void count_up(void *data, const struct dyno_error *mistake)
{
	(void)mistake;
	++*(unsigned *)data;
}

static void every_mistake_is_told_to_who_wants_to_hear(void **state)
{
	static const char text[] =
		"{\"env\": {\"A\": 1, \"B\": \"x\", \"9\": \"y\"}, \"formation\": {\"web\": {\"quantity\": -1}}}";
	unsigned heard = 0;
	struct mistakes m = { .name = "app.json", .hear = count_up, .data = &heard };
	struct app_json app = { 0 };

	(void)state;
	assert_int_equal(app_json_parse(text, sizeof(text) - 1, NULL, &m, &app), -EINVAL);
	assert_int_equal(heard, 3);
}

static void deep_and_large_files_are_refused(void **state)
{
	size_t size = APP_JSON_SIZE_MAX + 1;
	char *text = malloc(size);
	struct mistakes m = { .name = "app.json" };
	struct app_json app = { 0 };

	(void)state;
	assert_non_null(text);
	memset(text, '[', size);
	assert_int_equal(app_json_parse(text, size, NULL, &m, &app), -EINVAL);
	assert_int_equal(app_json_parse(text, size - 1, NULL, &m, &app), -EINVAL);
	free(text);
}

static void places_of_keys(void **state)
{
	static const char text[] =
		"{\n\"x\": [{\"env\": 1}, \"env\"],\n\"y\": {\"env\": {\"A\":\n 1}},\n"
		"\"s\": \"a\\\"\\\\\", \"env\"\n: {\n\"B\": {\"A\": 1},\n\"A\": \"B\"\n},\n\"z\": {\"C\": 1}}\n";
	static const struct {
		const char *path[4];
		unsigned long line;
	} cases[] = {
		{ { NULL }, 1 },
		{ { "x" }, 2 },
		{ { "env" }, 5 },
		{ { "env", "A" }, 8 },
		{ { "env", "B", "A" }, 7 },
		{ { "env", "C" }, 5 },
		{ { "s" }, 5 },
		{ { "x", "env" }, 2 },
		{ { "z", "C" }, 10 },
		{ { "q" }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(json_place(text, sizeof(text) - 1, cases[i].path), cases[i].line);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(example_of_the_schema),
		cmocka_unit_test(refused_with_the_line_and_without_the_value),
		cmocka_unit_test(every_mistake_is_told_to_who_wants_to_hear),
		cmocka_unit_test(deep_and_large_files_are_refused),
		cmocka_unit_test(places_of_keys),
	};

	return cmocka_run_group_tests_name("app_json", tests, NULL, NULL);
}
