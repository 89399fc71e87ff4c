/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_contract_life.c - docs/contract.md 4.2 and 4.3 for whole apps: start, stop, restart, crash and cycle
 *
 * Minutes and hours are made seconds by the options of `dyno start`; that their defaults are the contract's numbers is
 * tested with a clock of its own, in test_states and test_formation_clock.
 */
#include "tests/sandbox/app_support.h"

#include <signal.h>
#include <sys/stat.h>

static void contract_4_2_config_vars_then_profile_d_then_profile(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "worker: ./probe env -- trap\n");
	support_mkdir(f, support_format("%s/.profile.d", f->slug), 0755);
	app_place(f, ".profile.d/10.sh", "export B=profile.d C=profile.d ORDER=\"$ORDER 10:$A:$HOME\"\n");
	app_place(f, ".profile.d/20.sh", "export ORDER=\"$ORDER 20:$B\"\n");
	app_place(f, ".profile", "export C=profile ORDER=\"$ORDER profile:$C\"\n");
	assert_int_equal(APP(f, p, "config:set", "A=config", "B=config", "C=config"), 0);
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_says(app, "app[worker.1]: A=config\n");
	assert_says(app, "app[worker.1]: B=profile.d\n");
	assert_says(app, "app[worker.1]: C=profile\n");
	assert_says(app, "app[worker.1]: ORDER= 10:config:/app 20:profile.d profile:profile.d\n");
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_2_a_one_off_dyno_has_no_port(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "web: ./probe env -- trap\nworker: ./probe env -- trap\n");
	APP_START(f, app, "-m", "web=1,worker=1");
	assert_that(app, launch_expect(app, "app[web.1]: ready="));
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_int_equal(APP(f, p, "run:detached", "./probe env"), 0);
	assert_that(app, launch_expect(app, "State changed from up to complete"));
	assert_says(app, "app[web.1]: PORT=5000\n");
	/* other than Heroku, so that Procfiles that were written for foreman go on working: docs/contract.md */
	assert_says(app, "app[worker.1]: PORT=5100\n");
	assert_int_equal(app_count(app, "]: PORT="), 2);
	assert_int_equal(app_count(app, "]: DYNO=run."), 1);
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_2_what_is_logged_of_a_start(struct fixture *f)
{
	struct process *app = life_process(0);

	app_place(f, "Procfile", "worker: ./probe trap\n");
	APP_START(f, app, "-m", "worker=1");
	/* who needs not listen is up as soon as it runs */
	assert_that(app, launch_expect(app, "heroku[worker.1]: State changed from starting to up"));
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_before(app, "heroku[worker.1]: Starting process with command `./probe trap`\n",
	              "heroku[worker.1]: State changed from starting to up\n");
	assert_int_equal(launch_stop(f, app), 0);
	assert_before(app, "heroku[worker.1]: State changed from up to down\n",
	              "heroku[worker.1]: Process exited with status 0\n");
}

static void contract_4_3_stop_is_term_to_all_processes(struct fixture *f)
{
	static const char two[] = "worker: trap 'wait; wait; exit 5' TERM; ./probe trap & ./probe trap & wait; wait\n"
				  "plain: ./probe say up -- sleep\n";
	struct process *app = life_process(0);

	app_place(f, "Procfile", two);
	APP_START(f, app, "-m", "worker=1,plain=1");
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", 2));
	assert_that(app, launch_expect(app, "app[plain.1]: up"));
	assert_int_equal(launch_stop(f, app), 0);
	assert_before(app, "heroku[worker.1]: Stopping all processes with SIGTERM\n", "app[worker.1]: signal=TERM\n");
	assert_int_equal(app_count(app, "app[worker.1]: signal=TERM\n"), 2);
	assert_says(app, "heroku[worker.1]: Process exited with status 5\n");
	assert_says(app, "heroku[plain.1]: Process exited with status 143\n");
	assert_silent_on(app, "R12");
}

static void contract_4_3_who_ignores_term_is_killed_after_its_time(struct fixture *f)
{
	struct process *app = life_process(0);
	long long begun;

	app_place(f, "Procfile", "worker: ./probe ignore-term\n");
	APP_START(f, app, "-m", "worker=1", "--timeout", "1s");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	begun = life_ms();
	assert_int_equal(launch_stop(f, app), 0);
	assert_that(app, life_ms() - begun >= 990);
	assert_before(
		app, "heroku[worker.1]: Stopping all processes with SIGTERM\n",
		"heroku[worker.1]: Error R12 (Exit timeout) -> At least one process failed to exit within 1 seconds of "
		"SIGTERM\n");
	assert_before(app, "heroku[worker.1]: Error R12 (Exit timeout)",
	              "heroku[worker.1]: Stopping remaining processes with SIGKILL\n");
	assert_before(app, "heroku[worker.1]: Stopping remaining processes with SIGKILL\n",
	              "heroku[worker.1]: Process exited with status 137\n");
}

static void contract_4_3_the_replacement_starts_when_term_is_sent(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "worker: ./probe ignore-term\n");
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_that(app, launch_expect(app, "heroku[worker.1]: State changed from starting to up"));
	assert_int_equal(APP(f, p, "ps:restart", "worker.1"), 0);
	/* the old one has half a minute, and the new one does not wait for it */
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", 2));
	assert_silent_on(app, "Process exited");
	assert_before(app, "heroku[worker.1]: Restarting\n", "heroku[worker.1]: State changed from up to starting\n");
	assert_int_equal(APP(f, p, "stop:app", "--now"), 0);
	assert_int_equal(launch_finish(f, app), 0);
	assert_int_equal(app_count(app, "Process exited with status 137"), 2);
}

static void contract_4_3_any_end_is_a_crash_and_is_tried_again_at_once(struct fixture *f)
{
	static const struct {
		const char *dyno;
		int status;
	} rows[] = { { "good.1", 0 }, { "bad.1", 3 }, { "killed.1", 137 }, { "missing.1", 127 } };
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "good: exit 0\nbad: exit 3\nkilled: kill -9 $$\nmissing: ./no-such-program\n");
	APP_START(f, app, "--backoff", "0,10m");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *exited = support_format("heroku[%s]: Process exited with status %d\n", rows[i].dyno,
		                                    rows[i].status);

		assert_that(app, launch_expect_times(app, exited, 2));
		assert_says(app, support_format("heroku[%s]: State changed from up to crashed\n", rows[i].dyno));
		assert_says(app, support_format("heroku[%s]: State changed from crashed to starting\n", rows[i].dyno));
	}
	/* the second wait is longer, and told */
	assert_int_equal(APP(f, p, "ps:app"), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_says(p, support_format("%s: crashed", rows[i].dyno));
	assert_says(p, "next try in ");
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_3_a_release_ends_the_wait_of_a_crashed_dyno(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "worker: echo try $A; exit 3\n");
	APP_START(f, app, "--backoff", "10h");
	assert_that(app, launch_expect(app, "heroku[worker.1]: State changed from up to crashed"));
	assert_int_equal(APP(f, p, "config:set", "A=again"), 0);
	assert_that(app, launch_expect(app, "app[worker.1]: try again"));
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_3_who_has_run_its_time_is_cycled(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);
	const char *line;

	app_place(f, "Procfile", "worker: ./probe trap\n");
	APP_START(f, app, "-m", "worker=1", "--cycle", "1s");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	/* a one-off dyno ends for good */
	assert_int_equal(APP(f, p, "run:detached", "./probe trap"), 0);
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", 2));
	assert_before(app, "heroku[worker.1]: Cycling\n", "heroku[worker.1]: Stopping all processes with SIGTERM\n");
	assert_says(app, "heroku[worker.1]: State changed from up to starting\n");
	assert_that(app, launch_expect(app, "State changed from up to complete"));
	line = strstr(app->out, " heroku[run.");
	assert_that(app, line != NULL);
	assert_that(app, strstr(app->out, support_format("%.*s: Cycling\n", 17, line)) != NULL);
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_3_ps_stop_restarts_what_is_scaled_and_ends_a_one_off(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);
	const char *name;

	app_place(f, "Procfile", "worker: ./probe trap\n");
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_int_equal(APP(f, p, "ps:stop", "worker.1"), 0);
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", 2));
	assert_int_equal(APP(f, p, "run:detached", "./probe say hello -- trap"), 0);
	name = strstr(p->out, "run.");
	assert_that(p, name != NULL);
	name = support_format("%.8s", name);
	assert_that(app, launch_expect(app, support_format("app[%s]: ready=", name)));
	assert_that(app, launch_expect(app, support_format("heroku[%s]: State changed from starting to up", name)));
	assert_int_equal(APP(f, p, "ps:stop", name), 0);
	assert_that(app, launch_expect(app, support_format("heroku[%s]: State changed from up to complete", name)));
	assert_that(app, launch_expect(app, support_format("heroku[%s]: Process exited with status 0", name)));
	assert_int_equal(launch_stop(f, app), 0);
	assert_int_equal(app_count(app, "]: hello\n"), 1);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(contract_4_2_config_vars_then_profile_d_then_profile, AS_BOTH),
	SANDBOX_TEST(contract_4_2_a_one_off_dyno_has_no_port, AS_BOTH),
	SANDBOX_TEST(contract_4_2_what_is_logged_of_a_start, AS_BOTH),
	SANDBOX_TEST(contract_4_3_stop_is_term_to_all_processes, AS_BOTH),
	SANDBOX_TEST(contract_4_3_who_ignores_term_is_killed_after_its_time, AS_BOTH),
	SANDBOX_TEST(contract_4_3_the_replacement_starts_when_term_is_sent, AS_BOTH),
	SANDBOX_TEST(contract_4_3_any_end_is_a_crash_and_is_tried_again_at_once, AS_BOTH),
	SANDBOX_TEST(contract_4_3_a_release_ends_the_wait_of_a_crashed_dyno, AS_BOTH),
	SANDBOX_TEST(contract_4_3_who_has_run_its_time_is_cycled, AS_BOTH),
	SANDBOX_TEST(contract_4_3_ps_stop_restarts_what_is_scaled_and_ends_a_one_off, AS_BOTH),
};

SANDBOX_MAIN("contract: life", tests)
