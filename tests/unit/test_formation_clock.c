/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_formation_clock.c - formation/body and measure with a clock and a control group of the test's own
 *
 * What Heroku's contract (docs/contract.md 4.2 to 4.4) says in numbers, at the defaults: 60 s, 30 s, 20 s, 100 and 200 %. No dyno runs.
 */
#include <signal.h>
#include <sys/wait.h>

#include "base/text.h"
#include "formation/body.h"
#include "formation/inside.h"
#include "formation/measure.h"
#include "runtime/running.h"
#include "tests/unit/directory_fixture.h"

#define S 1000000000ULL
#define KIB 1024ULL
#define MIB (1024 * KIB)

/**
 * struct stage - a formation in which nothing runs, but one place ("web.1") and its body
 * @heard: everything that was logged, a line each, without times
 */
struct stage {
	struct log_listener listener;
	struct formation *formation;
	struct formation_setup setup;
	struct formation_log log;
	struct dyno_sandbox sandbox;
	struct dyno dyno;
	struct place place;
	struct body body;
	char heard[4096];
};

/** hear() - note a line */
static void hear(struct log_listener *listener, const struct logline *line)
{
	struct stage *stage = (struct stage *)listener;

	(void)text_append(stage->heard, sizeof(stage->heard), "%s[%s]: %.*s\n", logline_source(line), line->dyno,
	                  (int)line->length, line->text);
}

/** stage_begin() - at second 1000, with all numbers as they are by default; @directory plays the control group of v2 */
static struct stage *stage_begin(const struct directory *directory)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	assert_non_null(stage);
	stage->formation = calloc(1, sizeof(*stage->formation));
	assert_non_null(stage->formation);
	stage->setup = (struct formation_setup){ .app = "shop", .rules = RULES_DEFAULT };
	stage->log.file = (struct logfile)LOGFILE_NULL;
	stage->listener.hear = hear;
	log_listen(&stage->log, &stage->listener);
	stage->formation->setup = &stage->setup;
	stage->formation->log = &stage->log;
	stage->formation->now.ns = 1000 * S;
	stage->sandbox.group = (struct cgroup)CGROUP_NULL;
	stage->sandbox.group.v2_fd = directory->fd;
	(void)text_copy(stage->sandbox.name, sizeof(stage->sandbox.name), "shop.web.1");
	stage->dyno.sandbox = &stage->sandbox;
	stage->dyno.state = DYNO_ENDED; /* no signal is sent */
	states_begin(&stage->place.life, false, true, stage->formation->now.ns);
	stage->place.life.state = STATE_UP;
	stage->body = (struct body){ .formation = stage->formation,
		                     .place = &stage->place,
		                     .dyno = &stage->dyno,
		                     .up = true,
		                     .quota = 512 * MIB,
		                     .output = -1 };
	(void)text_copy(stage->body.label, sizeof(stage->body.label), "web.1");
	(void)text_copy(stage->place.label, sizeof(stage->place.label), "web.1");
	stage->place.body = &stage->body;
	stage->formation->bodies = &stage->body;
	stage->formation->places = &stage->place;
	return stage;
}

/** stage_end() - free it */
static void stage_end(struct stage *stage)
{
	log_done(&stage->log);
	free(stage->formation);
	free(stage);
}

/** said() - what was logged since it was asked last */
static const char *said(struct stage *stage)
{
	static char text[sizeof(stage->heard)];

	(void)text_copy(text, sizeof(text), stage->heard);
	stage->heard[0] = '\0';
	return text;
}

/** write_file() - a file of the control group */
static void write_file(const struct directory *directory, const char *name, const char *text)
{
	_cleanup_close_ int fd = openat(directory->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

/** use_memory() - the group has @own bytes of its own, @cache of caches and files, @swap on disk */
static void use_memory(const struct directory *directory, uint64_t own, uint64_t cache, uint64_t swap)
{
	char text[256];

	(void)text_format(text, sizeof(text), "anon %llu\nfile %llu\nkernel 4096\nshmem %llu\n",
	                  (unsigned long long)own, (unsigned long long)cache, (unsigned long long)cache);
	write_file(directory, "memory.stat", text);
	(void)text_format(text, sizeof(text), "%llu\n", (unsigned long long)swap);
	write_file(directory, "memory.swap.current", text);
}

static void contract_4_2_r10_names_60_seconds(void **state)
{
	struct stage *stage = stage_begin(*state);

	stage->place.life.state = STATE_STARTING;
	stage->place.body = NULL;
	formation_happens(stage->formation, &stage->place, HAPPENING_LATE);
	assert_string_equal(said(stage),
	                    "heroku[web.1]: Error R10 (Boot timeout) -> Web process failed to bind to $PORT within "
	                    "60 seconds of launch\n");
	stage_end(stage);
}

static void contract_4_3_kill_comes_30_seconds_after_term(void **state)
{
	struct stage *stage = stage_begin(*state);

	assert_true(body_due(&stage->body) == ALARM_NEVER);
	body_retire(&stage->body);
	assert_string_equal(said(stage), "heroku[web.1]: Stopping all processes with SIGTERM\n");
	assert_true(body_due(&stage->body) == 1030 * S);
	stage->formation->now.ns = 1030 * S - 1;
	body_expire(&stage->body);
	assert_string_equal(said(stage), "");
	assert_int_equal(stage->body.end, BODY_ASKED);
	stage->formation->now.ns = 1030 * S;
	body_expire(&stage->body);
	assert_string_equal(
		said(stage),
		"heroku[web.1]: Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds "
		"of SIGTERM\nheroku[web.1]: Stopping remaining processes with SIGKILL\n");
	assert_int_equal(stage->body.end, BODY_KILLED);
	/* told once */
	body_expire(&stage->body);
	assert_string_equal(said(stage), "");
	stage_end(stage);
}

static void contract_4_3_status_is_143_by_term_and_137_by_kill(void **state)
{
	static const struct {
		int status;
		const char *said;
	} rows[] = {
		{ W_EXITCODE(0, SIGTERM), "heroku[web.1]: Process exited with status 143\n" },
		{ W_EXITCODE(0, SIGKILL), "heroku[web.1]: Process exited with status 137\n" },
		{ W_EXITCODE(0, 0), "heroku[web.1]: Process exited with status 0\n" },
		{ W_EXITCODE(3, 0), "heroku[web.1]: Process exited with status 3\n" },
	};
	struct stage *stage = stage_begin(*state);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stage->body.place = NULL;
		formation_body_gone(stage->formation, &stage->body, rows[i].status);
		assert_string_equal(said(stage), rows[i].said);
	}
	stage_end(stage);
}

static void contract_4_4_r14_is_above_the_quota_of_rss_and_swap(void **state)
{
	struct directory *directory = *state;
	struct stage *stage = stage_begin(directory);

	/* at the quota, and with any amount of cache */
	use_memory(directory, 500 * MIB, 4096 * MIB, 12 * MIB);
	measure_all(stage->formation);
	assert_string_equal(said(stage), "");
	use_memory(directory, 517 * MIB, 0, 12 * MIB);
	measure_all(stage->formation);
	assert_string_equal(said(stage), "heroku[web.1]: Process running mem=529M(103.3%)\n"
	                                 "heroku[web.1]: Error R14 (Memory quota exceeded)\n");
	/* it goes on, and is told again */
	assert_int_equal(stage->body.end, BODY_RUNS);
	measure_all(stage->formation);
	assert_string_equal(said(stage), "heroku[web.1]: Process running mem=529M(103.3%)\n"
	                                 "heroku[web.1]: Error R14 (Memory quota exceeded)\n");
	use_memory(directory, 1024 * MIB - 4 * KIB, 0, 0);
	measure_all(stage->formation);
	assert_non_null(strstr(said(stage), "Error R14"));
	assert_int_equal(stage->body.end, BODY_RUNS);
	stage_end(stage);
}

static void contract_4_4_r14_counts_the_same_in_old_control_groups(void **state)
{
	struct directory *directory = *state;
	struct stage *stage = stage_begin(directory);

	stage->sandbox.group.v2_fd = -1;
	stage->sandbox.group.v1_fd[CGROUP_MEMORY] = directory->fd;
	write_file(directory, "memory.stat",
	           "cache 99\nrss 1\ntotal_cache 4294967296\ntotal_rss 542113792\ntotal_swap 12582912\n");
	measure_all(stage->formation);
	assert_string_equal(said(stage), "heroku[web.1]: Process running mem=529M(103.3%)\n"
	                                 "heroku[web.1]: Error R14 (Memory quota exceeded)\n");
	stage_end(stage);
}

static void contract_4_4_r15_kills_at_twice_the_quota(void **state)
{
	struct directory *directory = *state;
	struct stage *stage = stage_begin(directory);

	use_memory(directory, 1024 * MIB, 0, 0);
	measure_all(stage->formation);
	assert_string_equal(said(stage), "heroku[web.1]: Process running mem=1024M(200.0%)\n"
	                                 "heroku[web.1]: Error R15 (Memory quota vastly exceeded)\n"
	                                 "heroku[web.1]: Stopping process with SIGKILL\n");
	assert_int_equal(stage->body.end, BODY_KILLED);
	stage_end(stage);
}

static void contract_4_4_metrics_are_told_every_20_seconds(void **state)
{
	struct directory *directory = *state;
	struct stage *stage = stage_begin(directory);

	assert_true(MEASURE_NS == 20 * S);
	stage->setup.metrics = true;
	stage->formation->sampled_ns = 980 * S;
	use_memory(directory, 100 * MIB, 5 * MIB, 28 * MIB);
	write_file(directory, "pids.current", "7\n");
	write_file(directory, "cpu.stat", "usage_usec 5000000\n");
	measure_all(stage->formation);
	assert_string_equal(said(stage), "heroku[web.1]: source=web.1 dyno=shop.web.1 sample#memory_total=128.00MB "
	                                 "sample#memory_quota=512.00MB sample#processes=7 sample#cpu=25.0%\n");
	stage_end(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(contract_4_2_r10_names_60_seconds),
		DIRECTORY_TEST(contract_4_3_kill_comes_30_seconds_after_term),
		DIRECTORY_TEST(contract_4_3_status_is_143_by_term_and_137_by_kill),
		DIRECTORY_TEST(contract_4_4_r14_is_above_the_quota_of_rss_and_swap),
		DIRECTORY_TEST(contract_4_4_r14_counts_the_same_in_old_control_groups),
		DIRECTORY_TEST(contract_4_4_r15_kills_at_twice_the_quota),
		DIRECTORY_TEST(contract_4_4_metrics_are_told_every_20_seconds),
	};

	return cmocka_run_group_tests_name("formation clock", tests, NULL, NULL);
}
