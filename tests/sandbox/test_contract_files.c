/* SPDX-License-Identifier: Apache-2.0 */
/* test_contract_files.c - docs/contract.md 4.1 for whole apps: what a dyno writes is its own and ends with it */
#include "tests/sandbox/app_support.h"

/* tell what is there, write it, tell again, and wait */
#define WRITER "./probe exists /app/x /tmp/x -- write /app/x one -- write /tmp/x one -- exists /app/x /tmp/x"

static void contract_4_1_every_restart_discards_what_was_written(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);
	uint64_t before;
	unsigned lives = 1;

	app_place(f, "Procfile", "worker: " WRITER " -- trap\ncrash: " WRITER " -- exit 1\n");
	before = machine_digest(f->slug);
	APP_START(f, app, "--backoff", "0,10m");
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", lives++));
	assert_int_equal(APP(f, p, "ps:restart", "worker"), 0);
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", lives++));
	assert_int_equal(APP(f, p, "ps:stop", "worker.1"), 0);
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", lives++));
	assert_int_equal(APP(f, p, "config:set", "A=1"), 0);
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", lives));
	/* it crashed at once, was tried again, and once more for the release */
	assert_that(app, launch_expect_times(app, "heroku[crash.1]: Process exited with status 1", 3));
	assert_int_equal(launch_stop(f, app), 0);
	assert_int_equal(app_count(app, "app[worker.1]: exists./app/x=no"), lives);
	assert_int_equal(app_count(app, "app[worker.1]: exists./app/x=yes"), lives);
	assert_int_equal(app_count(app, "app[worker.1]: exists./tmp/x=no"), lives);
	assert_int_equal(app_count(app, "app[worker.1]: exists./tmp/x=yes"), lives);
	/* the last life of this one may have been cut short by the stop */
	assert_that(app, app_count(app, "app[crash.1]: exists./app/x=no") >= 3);
	assert_that(app, app_count(app, "app[crash.1]: exists./app/x=yes") <=
	                         app_count(app, "app[crash.1]: exists./app/x=no"));
	/* the app's directory is bit for bit what it was */
	assert_true(before == machine_digest(f->slug));
}

static void contract_4_1_two_dynos_do_not_see_each_others_files(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "worker: ./probe write /app/$DYNO x -- write /tmp/$DYNO x -- trap\n");
	APP_START(f, app, "-m", "worker=2");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_that(app, launch_expect(app, "app[worker.2]: ready="));
	DYNO(f, p, "exec", app_dyno("worker.1"), "--", "/app/probe", "exists", "/app/worker.1", "/tmp/worker.1",
	     "/app/worker.2", "/tmp/worker.2");
	assert_value(p, "exists./app/worker.1", "yes");
	assert_value(p, "exists./tmp/worker.1", "yes");
	assert_value(p, "exists./app/worker.2", "no");
	assert_value(p, "exists./tmp/worker.2", "no");
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_1_a_one_off_dyno_has_its_own_copy(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);
	static const char look[] = "./probe exists /app/x /app/y -- append /app/lib/code more -- write /app/y one";

	app_place(f, "Procfile", "worker: ./probe write /app/x one -- trap\n");
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	/* twice: the second does not see what the first has written either */
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(APP(f, p, "run:detached", look), 0);
		assert_that(app, launch_expect_times(app, "State changed from up to complete", i));
		assert_int_equal(app_count(app, "]: exists./app/x=no"), i);
		assert_int_equal(app_count(app, "]: exists./app/y=no"), i);
		assert_int_equal(app_count(app, "]: result=OK"), 1 + 2 * i);
	}
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "./probe exists /app/x /app/y"), 0);
	assert_value(p, "exists./app/x", "no");
	assert_value(p, "exists./app/y", "no");
	/* nor does the app */
	DYNO(f, p, "exec", app_dyno("worker.1"), "--", "/app/probe", "exists", "/app/y", "--", "read", "/app/lib/code");
	assert_value(p, "exists./app/y", "no");
	assert_says(p, "the code\nresult=OK");
	assert_int_equal(launch_stop(f, app), 0);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(contract_4_1_every_restart_discards_what_was_written, AS_BOTH),
	SANDBOX_TEST(contract_4_1_two_dynos_do_not_see_each_others_files, AS_BOTH),
	SANDBOX_TEST(contract_4_1_a_one_off_dyno_has_its_own_copy, AS_BOTH),
};

SANDBOX_MAIN("contract: files", tests)
