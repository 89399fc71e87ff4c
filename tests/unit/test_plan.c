/* SPDX-License-Identifier: Apache-2.0 */
/* test_plan.c - formation/plan and wire: what is to run, foreman's ports, and how it is asked for */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "formation/plan.h"
#include "formation/wire.h"

static const char text[] = "web: a\nrelease: r\nmy-worker: b\nclock: c\n";

/** setup() - a plan of four lines */
static int setup(void **state)
{
	struct mistakes m = { .name = "Procfile" };
	struct procfile file = { 0 };
	struct plan *plan = calloc(1, sizeof(*plan));
	int code = procfile_parse(text, strlen(text), &m, &file);

	if (code == 0)
		code = plan_make(&file, 5000, plan, NULL);
	procfile_done(&file);
	*state = plan;
	return code;
}

/** teardown() - free it */
static int teardown(void **state)
{
	plan_done(*state);
	free(*state);
	return 0;
}

/** told() - "web=1 my-worker=0 clock=2" */
static const char *told(const struct plan *plan)
{
	static char buf[256];

	buf[0] = '\0';
	for (size_t i = 0; i < plan->count; i++)
		(void)text_append(buf, sizeof(buf), "%s%s=%u", i ? " " : "", plan->types[i].name,
		                  plan->types[i].quantity);
	return buf;
}

static void ports_are_foremans(void **state)
{
	struct plan *plan = *state;

	assert_int_equal(plan->count, 3);
	assert_string_equal(plan->release, "r");
	assert_int_equal(plan_port(plan_find(plan, "web", 3), 1), 5000);
	assert_int_equal(plan_port(plan_find(plan, "web", 3), 3), 5002);
	assert_int_equal(plan_port(plan_find(plan, "my-worker", 9), 1), 5200);
	assert_true(plan_is_web(plan_find(plan, "web", 3)));
	assert_false(plan_is_web(plan_find(plan, "clock", 5)));
	assert_null(plan_find(plan, "we", 2));
}

static void words_change_quantities(void **state)
{
	static const struct {
		const char *word;
		const char *then;
	} rows[] = {
		{ "web=2", "web=2 my-worker=0 clock=0" },
		{ "my-worker+3", "web=2 my-worker=3 clock=0" },
		{ "my-worker-1", "web=2 my-worker=2 clock=0" },
		{ "my-worker-9", "web=2 my-worker=0 clock=0" },
		{ "all=1,clock=4", "web=1 my-worker=1 clock=4" },
		{ "clock=4,all=2", "web=2 my-worker=2 clock=4" },
		{ " all=1, clock = 4", "web=1 my-worker=1 clock=4" },
		{ "web=1000", "web=1000 my-worker=1 clock=4" },
	};
	struct plan *plan = *state;
	struct dyno_error err = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (plan_scale(plan, rows[i].word, &err) != 0)
			fail_msg("%s: %s", rows[i].word, err.text);
		assert_string_equal(told(plan), rows[i].then);
	}
	assert_int_equal(plan_total(plan), 1005);
	assert_true(plan_memory(plan) == 1005 * (512ULL << 20));
	assert_int_equal(plan_scale(plan, "web=1:standard-2x", &err), 0);
	assert_string_equal(plan_size_label(plan_find(plan, "web", 3)), "Standard-2X");
	assert_int_equal(plan_resize(plan, "clock=performance-m", &err), 0);
	assert_int_equal(plan_limits(plan_find(plan, "clock", 5)).memory, 2560ULL << 20);
	assert_int_equal(plan_resize(plan, "Eco", &err), 0);
	assert_string_equal(plan_size_label(plan_find(plan, "clock", 5)), "Eco");
}

static void mistakes_are_told_and_change_nothing(void **state)
{
	static const struct {
		const char *word;
		const char *says;
		const char *remedy;
	} rows[] = {
		{ "", "does not say how many", "web=2" },
		{ "web", "does not say how many", "web=2" },
		{ "web=", "does not say how many", "web=2" },
		{ "=2", "does not say how many", "web=2" },
		{ "web=-1", "does not say how many", "web=2" },
		{ "web=1001", "does not say how many", "0 to 1000" },
		{ "web=99999999999999999999", "does not say how many", "0 to 1000" },
		{ "web=1,wbe=2", "no process type 'wbe'", "did you mean web?" },
		{ "release=1", "no process type 'release'", "" },
		{ "web=2:standard-3x", "no dyno size 'standard-3x'", "standard-" },
		{ "web=2,web+999", "1001 dynos are more than 1000", "" },
	};
	struct plan *plan = *state;
	char *before = strdup(told(plan));

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dyno_error err = { 0 };

		assert_int_equal(plan_scale(plan, rows[i].word, &err), -EINVAL);
		if (!strstr(err.text, rows[i].says) || !strstr(err.remedy, rows[i].remedy))
			fail_msg("%s: %s (%s)", rows[i].word, err.text, err.remedy);
		assert_string_equal(told(plan), before);
	}
	free(before);
}

static void what_cannot_be_run_is_refused(void **state)
{
	struct plan *plan = *state;
	struct dyno_error err = { 0 };

	plan->types[0].port = 65000;
	assert_int_equal(plan_scale(plan, "web=536", &err), 0);
	assert_int_equal(plan_check(plan, 0, &err), 0);
	assert_int_equal(plan_scale(plan, "web+1", &err), 0);
	assert_int_equal(plan_check(plan, 0, &err), -EINVAL);
	assert_non_null(strstr(err.text, "web.537 would have port 65536"));
	assert_int_equal(plan_scale(plan, "web=1:performance-l", &err), 0);
	assert_int_equal(plan_check(plan, 8ULL << 30, &err), -EINVAL);
	assert_non_null(strstr(err.text, "14.0 GiB"));
	assert_int_equal(plan_check(plan, 16ULL << 30, &err), 0);
}

static void frames_come_back_as_they_were(void **state)
{
	static const char *const words[] = { "line", "", "web.1" };
	struct wire_frame frame;
	char buf[256];
	size_t size = wire_pack(buf, sizeof(buf), words, 3, "tail", 4);

	(void)state;
	assert_true(size > 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(wire_unpack(buf, i, &frame), 0);
	assert_int_equal(wire_unpack(buf, sizeof(buf), &frame), (int)size);
	assert_int_equal(frame.count, 4);
	assert_string_equal(frame.words[1], "");
	assert_string_equal(frame.words[3], "tail");
	assert_null(frame.words[4]);
	assert_int_equal(wire_pack(buf, 12, words, 3, "tail", 4), 0);
}

static void what_is_no_frame_is_refused(void **state)
{
	static const char huge[] = "\xff\xff\xff\x7f", none[] = "\0\0\0\0", open[] = "\x02\0\0\0ab";
	char many[64] = "\x20\0\0\0";
	struct wire_frame frame;

	(void)state;
	assert_int_equal(wire_unpack(huge, 4, &frame), -EPROTO);
	assert_int_equal(wire_unpack(none, 4, &frame), -EPROTO);
	assert_int_equal(wire_unpack(open, 6, &frame), -EPROTO);
	assert_int_equal(wire_unpack(many, sizeof(many), &frame), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ports_are_foremans, setup, teardown),
		cmocka_unit_test_setup_teardown(words_change_quantities, setup, teardown),
		cmocka_unit_test_setup_teardown(mistakes_are_told_and_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_run_is_refused, setup, teardown),
		cmocka_unit_test(frames_come_back_as_they_were),
		cmocka_unit_test(what_is_no_frame_is_refused),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
