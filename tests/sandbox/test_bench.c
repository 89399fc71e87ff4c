/* SPDX-License-Identifier: Apache-2.0 */
/* test_bench.c - dyno bench: what it reports is sound, and it leaves nothing, however it ends */
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/sandbox/lifecycle_support.h"

#define ROUNDS 5

/** parse() - a report, to be released */
static json_t *parse(const char *path)
{
	json_error_t why;
	json_t *report = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

	if (!report)
		FAIL("%s:%d: %s\n", path, why.line, why.text);
	return report;
}

/** number() - a member of @object */
static double number(const json_t *object, const char *key)
{
	const json_t *member = json_object_get(object, key);

	if (!json_is_number(member))
		FAIL("%s is no number\n", key);
	return json_number_value(member);
}

/** expect_contender() - number @at is called @name, and its numbers agree with each other */
static void expect_contender(const json_t *report, size_t at, const char *name)
{
	const json_t *contender = json_array_get(json_object_get(report, "contenders"), at);
	const json_t *samples = json_object_get(contender, "samples_us"), *ratio = json_object_get(contender, "ratio");
	double median = number(contender, "median_us");

	assert_string_equal(json_string_value(json_object_get(contender, "name")), name);
	assert_int_equal(json_array_size(samples), ROUNDS);
	assert_true(number(contender, "min_us") > 0 && number(contender, "min_us") <= median);
	assert_true(median <= number(contender, "p90_us") &&
	            number(contender, "p90_us") <= number(contender, "p99_us"));
	assert_true(number(contender, "p99_us") <= number(contender, "max_us") && median < 40e6);
	assert_true(number(ratio, "low") <= number(ratio, "value") && number(ratio, "value") <= number(ratio, "high"));
	if (at == 0)
		assert_true(number(ratio, "value") > 0.999 && number(ratio, "value") < 1.001);
	if (json_is_true(json_object_get(contender, "dyno")))
		assert_non_null(json_object_get(json_object_get(contender, "phases_us"), "exec"));
}

/** expect_lines() - of @path there are @count, each with @commas */
static void expect_lines(const char *path, size_t count, size_t commas)
{
	size_t lines = 0, found = 0;

	for (const char *at = support_read(path); at && *at; at++) {
		found += *at == ',';
		if (*at != '\n')
			continue;
		assert_int_equal(found, commas);
		found = 0;
		lines++;
	}
	assert_int_equal(lines, count);
}

/** expect_page() - the page at @path is whole, every tag closed in order, and names nothing outside of it */
static void expect_page(const char *path)
{
	char open[32][16];
	size_t depth = 0;
	_cleanup_free_ char *page = strdup(support_read(path));

	assert_non_null(page);
	assert_true(strncmp(page, "<!DOCTYPE html>\n", 16) == 0);
	assert_null(strstr(page, "://"));
	assert_null(strstr(page, " src="));
	assert_null(strstr(page, "<script"));
	for (const char *at = strchr(page + 1, '<'); at; at = strchr(at + 1, '<')) {
		size_t length = strcspn(at, ">"), word = strcspn(at + 1, " />");

		assert_true(at[length] == '>');
		if (at[1] == '/') {
			assert_true(depth-- > 0);
			assert_int_equal(length - 2, strlen(open[depth]));
			assert_memory_equal(at + 2, open[depth], length - 2);
		} else if (at[length - 1] != '/') {
			assert_true(depth < 32 && word < sizeof(open[0]));
			(void)snprintf(open[depth++], sizeof(open[0]), "%.*s", (int)word, at + 1);
		}
	}
	assert_int_equal(depth, 0);
}

static void test_reports_are_sound(struct fixture *f)
{
	const char *json = support_path(f, "report.json"), *csv = support_path(f, "report.csv");
	const char *html = support_path(f, "report.html");
	struct process *p = life_process(0);
	json_t *report;

	DYNO(f, p, "bench", "-n", "5", "--warmup", "1", "--cold", "--warm", "--vs", "bare", "--net", "none", "--slug",
	     f->slug, "--json", json, "--csv", csv, "--html", html, "--", "/app/probe", "exit", "0");
	assert_exit(p, 0);
	assert_that(p, p->err_size == 0);
	assert_says(p, "dyno, warm");
	assert_says(p, "5 rounds are few");
	assert_null(strchr(p->out, '\x1b'));
	report = parse(json);
	assert_int_equal(json_array_size(json_object_get(report, "contenders")), 3);
	expect_contender(report, 0, "cold");
	expect_contender(report, 1, "warm");
	expect_contender(report, 2, "bare");
	json_decref(report);
	expect_lines(csv, 1 + 3 * ROUNDS, 15);
	expect_page(html);
}

static void test_until_it_listens_and_answers(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, "bench", "--until", "listen", "-n", "2", "--warmup", "0", "--vs", "bare", "--concurrency", "2",
	     "--net", "none", "--slug", f->slug, "--csv", "-", "--", "/app/probe", "listen");
	assert_exit(p, 0);
	assert_says(p, "cold,1,1,");
	assert_says(p, "bare,1,1,");
	DYNO(f, p, "bench", "--until", "http:/", "-n", "2", "--warmup", "0", "--vs", "bare", "--net", "host", "--slug",
	     f->slug, "--csv", "-", "--", "/app/probe", "listen");
	assert_exit(p, 0);
	assert_says(p, "cold,1,0,");
	assert_says(p, "bare,1,0,");
}

static void test_who_cannot_take_part_is_named(struct fixture *f)
{
	struct process *p = life_process(0);

	launch_start(f, p,
	             &(struct launch){ .argv = ARGV("bench", "-n", "2", "--vs", "bwrap,nspawn", "--net", "none",
	                                            "--slug", f->slug, "--", "/app/probe", "exit", "0"),
	                               .env = ARGV("PATH=/nonexistent") });
	launch_finish(f, p);
	assert_exit(p, 0);
	assert_says(p, "dyno: bench: bubblewrap is left out: not installed\n");
	assert_says(p, "dyno: bench: systemd-nspawn is left out: not installed\n");
	/* a dyno that cannot be measured is a failure */
	DYNO(f, p, "bench", "-n", "2", "--net", "none", "--slug", f->slug, "--", "./missing");
	assert_refusal(p, 125, "dyno, cold is left out: the command cannot be executed: No such file or directory");
	DYNO(f, p, "bench", "-n", "2", "--until", "listen", "--timeout", "200ms", "--net", "none", "--slug", f->slug,
	     "--", "/app/probe", "sleep");
	assert_refusal(p, 125, "was not there within 200.00 ms");
}

static void test_bad_input_is_one_clear_line(struct fixture *f)
{
	static const struct {
		const char *option, *value, *says;
	} rows[] = {
		{ "--until", "soon", "'soon' is neither exec, listen nor http:PATH" },
		{ "--until", "http:x", "the path begins with '/'" },
		{ "--until", "http:/a b", "a blank" },
		{ "--vs", "brap", "did you mean bwrap?" },
		{ "--vs", "bare,", "there is no ''" },
		{ "--runs", "1", "from 2" },
		{ "--concurrency", "0", "from 1" },
		{ "--port", "70000", "not within 1 and 65535" },
		{ "--json", "/nonexistent/x", "cannot write /nonexistent/x: No such file or directory" },
	};
	struct process *p = life_process(0);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		DYNO(f, p, "bench", rows[i].option, rows[i].value, "--slug", f->slug, "--", "/app/probe");
		assert_refusal(p, 2, rows[i].says);
	}
	DYNO(f, p, "bench", "--until", "http:/", "--net", "none", "--slug", f->slug, "--", "/app/probe");
	assert_refusal(p, 2, "nothing reaches a dyno without a network");
	DYNO(f, p, "bench", "--json", "-", "--csv", "-", "--slug", f->slug, "--", "/app/probe");
	assert_refusal(p, 2, "only one report can go to standard output");
	DYNO(f, p, "bench", "--slug", f->slug);
	assert_refusal(p, 2, "no command was given");
}

static void test_interrupted_it_reports_what_there_is(struct fixture *f)
{
	struct process *p = life_process(0);
	json_t *report;

	START(f, p, "bench", "-n", "100000", "--warmup", "0", "--warm", "--vs", "bare", "--net", "none", "--slug",
	      f->slug, "--json", support_path(f, "report.json"), "--", "/app/probe", "exit", "0");
	usleep(700000);
	kill(p->pid, SIGINT);
	launch_finish(f, p);
	assert_exit(p, 128 + SIGINT);
	/* under a sanitizer no round may be over by then, and there is nothing to report */
	if (p->out_size == 0)
		return;
	assert_says(p, "interrupted after");
	report = parse(support_path(f, "report.json"));
	assert_true(json_is_true(json_object_get(report, "interrupted")));
	json_decref(report);
}

static void test_killed_it_leaves_what_gc_removes(struct fixture *f)
{
	struct process *p = life_process(0);

	START(f, p, "bench", "--until", "listen", "-n", "100000", "--pool", "--cold", "--concurrency", "2", "--vs",
	      "bare", "--net", "none", "--slug", f->slug, "--", "/app/probe", "listen");
	usleep(600000);
	kill(p->pid, SIGKILL);
	launch_finish(f, p);
	assert_exit(p, 128 + SIGKILL);
	DYNO(f, p, "gc");
	assert_exit(p, 0);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_reports_are_sound, AS_BOTH),
	SANDBOX_TEST(test_until_it_listens_and_answers, AS_BOTH),
	SANDBOX_TEST(test_who_cannot_take_part_is_named, AS_BOTH),
	SANDBOX_TEST(test_bad_input_is_one_clear_line, AS_BOTH),
	SANDBOX_TEST(test_interrupted_it_reports_what_there_is, AS_BOTH),
	SANDBOX_TEST(test_killed_it_leaves_what_gc_removes, AS_BOTH),
};

SANDBOX_MAIN("bench", tests)
