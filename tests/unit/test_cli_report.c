/* SPDX-License-Identifier: Apache-2.0 */
/* test_cli_report.c - cli/report and cli/message: timelines, the discarded line, exit codes */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "cli/message.h"
#include "cli/report.h"

#define START 5000000000ULL

/** boot - a timeline in which the dyno waited 50 us for its network end */
static const struct dyno_timeline boot = { .ns = {
						   [DYNO_PHASE_REQUESTED] = START,
						   [DYNO_PHASE_CLAIMED] = START + 100000,
						   [DYNO_PHASE_CLONED] = START + 250000,
						   [DYNO_PHASE_SCRATCH] = START + 300000,
						   [DYNO_PHASE_FILESYSTEM] = START + 700000,
						   [DYNO_PHASE_NETWORK] = START + 750000,
						   [DYNO_PHASE_IDENTITY] = START + 760000,
						   [DYNO_PHASE_CONFINED] = START + 800000,
						   [DYNO_PHASE_EXEC] = START + 1200000,
					   } };

static char *print(enum report_format format, const char *name, const struct dyno_timeline *timeline)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	report_timeline_print(out, format, name, timeline);
	fclose(out);
	return text;
}

static void test_text(void **state)
{
	char *text = print(REPORT_TEXT, "web.1", &boot);

	(void)state;
	assert_non_null(strstr(text, "boot of web.1\n"));
	assert_non_null(strstr(text, "filesystem"));
	assert_non_null(strstr(text, "1.20 ms"));
	free(text);
}

static void test_json_times_follow_the_tracks(void **state)
{
	char *text = print(REPORT_JSON, "we\"b", &boot);

	(void)state;
	assert_non_null(strstr(text, "\"dyno\":\"we\\\"b\""));
	/* each began when the one before it on its track ended */
	assert_non_null(
		strstr(text, "\"phase\":\"filesystem\",\"track\":\"dyno\",\"at_ns\":700000,\"took_ns\":400000"));
	assert_non_null(strstr(text, "\"phase\":\"network\",\"track\":\"dyno\",\"at_ns\":750000,\"took_ns\":50000"));
	assert_non_null(strstr(text, "\"phase\":\"scratch\",\"track\":\"dyno\",\"at_ns\":300000,\"took_ns\":50000"));
	free(text);
}

static void test_chrome(void **state)
{
	char *text = print(REPORT_CHROME, "web.1", &boot);

	(void)state;
	assert_non_null(strstr(text, "\"traceEvents\":["));
	assert_non_null(strstr(text, "\"name\":\"exec\",\"ts\":800.000,\"dur\":400.000"));
	free(text);
}

static void test_a_phase_that_did_not_happen_is_left_out(void **state)
{
	struct dyno_timeline timeline = boot;
	char *text;

	(void)state;
	timeline.ns[DYNO_PHASE_NETWORK] = 0;
	timeline.ns[DYNO_PHASE_EXEC] = 0;
	for (int format = REPORT_TEXT; format <= REPORT_CHROME; format++) {
		text = print((enum report_format)format, "web.1", &timeline);
		assert_null(strstr(text, "network"));
		assert_null(strstr(text, "exec"));
		assert_non_null(strstr(text, "confined"));
		free(text);
	}
}

static void test_what_was_ready_before_the_request_took_none_of_it(void **state)
{
	struct dyno_timeline timeline = boot;
	char *text;

	(void)state;
	timeline.ns[DYNO_PHASE_REQUESTED] = START + 900000;
	timeline.ns[DYNO_PHASE_ATTACHED] = START + 1000000;
	text = print(REPORT_TEXT, "web.1", &timeline);
	assert_non_null(strstr(text, "claimed     at      ready   took       0 ns"));
	assert_non_null(strstr(text, "cloned      at      ready   took     150 us"));
	assert_non_null(strstr(text, "confined    at      ready   took      40 us"));
	assert_non_null(strstr(text, "attached    at     100 us   took     100 us"));
	assert_non_null(strstr(text, "exec        at     300 us   took     200 us"));
	free(text);
	text = print(REPORT_JSON, "web.1", &timeline);
	assert_non_null(strstr(text, "\"phase\":\"confined\",\"track\":\"dyno\",\"at_ns\":-100000,\"took_ns\":40000"));
	assert_non_null(strstr(text, "\"phase\":\"attached\",\"track\":\"dyno\",\"at_ns\":100000,\"took_ns\":100000"));
	free(text);
	/* no time of a trace is negative */
	text = print(REPORT_CHROME, "web.1", &timeline);
	assert_null(strstr(text, "\":-"));
	assert_non_null(strstr(text, "\"name\":\"requested\",\"ts\":800.000"));
	free(text);
}

static void assert_line(const struct dyno_discarded *discarded, const char *kept, const char *expected)
{
	char line[512];

	assert_int_equal(report_discarded_line(discarded, kept, line, sizeof(line)), strlen(expected));
	assert_string_equal(line, expected);
}

static void test_discarded_line(void **state)
{
	struct dyno_discarded discarded = { .files = 3, .bytes = 1258291, .largest = "/app/uploads/a.png" };
	char line[8];

	(void)state;
	assert_line(&discarded, NULL, "discarded 3 files, 1.2 MiB (largest /app/uploads/a.png)");
	assert_line(&discarded, "/k", "kept 3 files, 1.2 MiB (largest /app/uploads/a.png) in /k");
	discarded.deleted = 2;
	assert_line(&discarded, NULL, "discarded 3 files, 1.2 MiB (largest /app/uploads/a.png), 2 deletions");
	discarded = (struct dyno_discarded){ .files = 1, .bytes = 5 };
	assert_line(&discarded, NULL, "discarded 1 file, 5 B");
	discarded = (struct dyno_discarded){ .deleted = 1 };
	assert_line(&discarded, NULL, "discarded 1 deletion");
	discarded = (struct dyno_discarded){ 0 };
	assert_int_equal(report_discarded_line(&discarded, NULL, line, sizeof(line)), 0);
}

static void test_exit_codes(void **state)
{
	struct dyno_error err;

	(void)state;
	error_set(&err, -ENOENT, "exec", "x: command not found");
	assert_int_equal(message_exit_code(&err), 127);
	error_set(&err, -EACCES, "exec", "cannot run x");
	assert_int_equal(message_exit_code(&err), 126);
	error_set(&err, -ENOEXEC, "exec", "cannot run x");
	assert_int_equal(message_exit_code(&err), 126);
	error_set(&err, -E2BIG, "exec", "too many arguments");
	assert_int_equal(message_exit_code(&err), 125);
	error_set(&err, -ENOENT, "stack", "no such stack");
	assert_int_equal(message_exit_code(&err), 125);
	assert_int_equal(message_status(0), 0);
	assert_int_equal(message_status(7 << 8), 7);
	assert_int_equal(message_status(SIGKILL), 137);
	assert_int_equal(message_status(SIGSEGV | 0x80), 139);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json_times_follow_the_tracks),
		cmocka_unit_test(test_chrome),
		cmocka_unit_test(test_a_phase_that_did_not_happen_is_left_out),
		cmocka_unit_test(test_what_was_ready_before_the_request_took_none_of_it),
		cmocka_unit_test(test_discarded_line),
		cmocka_unit_test(test_exit_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
