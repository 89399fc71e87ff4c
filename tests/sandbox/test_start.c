/* SPDX-License-Identifier: Apache-2.0 */
/* test_start.c - dyno start and the verbs that reach it: from a Procfile to dynos, and back (contract 4.2, 4.3, 4.5, 4.9, 4.10) */
#include <signal.h>

#include "tests/sandbox/app_support.h"

static void test_start_runs_what_the_procfile_says(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "web: ./probe env -- trap\nrelease: ./probe say first\nworker: ./probe env -- trap\n");
	app_place(f, ".env", "COLOUR=blue\nPORT=6000\n");
	APP_START(f, app, "-m", "web=1,worker=2");
	assert_that(app, launch_expect(app, "heroku[worker.2]: State changed from starting to up"));
	assert_that(app, launch_expect(app, "app[worker.2]: ready="));
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_that(app, launch_expect(app, "app[web.1]: ready="));
	/* contract 4.5; ports are foreman's */
	assert_says(app, "app[web.1]: DYNO=web.1");
	assert_says(app, "app[web.1]: PORT=6000");
	assert_says(app, "app[worker.2]: DYNO=worker.2");
	assert_says(app, "app[worker.2]: PORT=6201");
	assert_says(app, "app[worker.2]: COLOUR=blue");
	assert_says(app, "app[web.1]: HOME=/app");
	/* the release process came first */
	assert_says(app, "]: first");
	assert_that(app, strstr(app->out, "]: first") < strstr(app->out, "heroku[web.1]"));
	assert_says(app, "heroku[web.1]: Starting process with command `./probe env -- trap`");
	assert_silent_on(app, "heroku[release.1]");
	/* one of an app */
	assert_int_equal(APP(f, p, "start"), 125);
	assert_says(p, "is running already");
	assert_int_equal(launch_stop(f, app), 0);
	assert_says(app, "heroku[worker.1]: Stopping all processes with SIGTERM");
	assert_says(app, "app[worker.1]: signal=TERM");
	assert_says(app, "heroku[web.1]: Process exited with status 0");
	assert_says(app, "heroku[web.1]: State changed from up to down");
	assert_that(app, app->err_size == 0);
}

static void test_start_is_controlled_by_name(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "web: ./probe trap\nworker: ./probe env -- trap\n");
	APP_START(f, app, "-m", "web=1,worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_that(app, launch_expect(app, "app[web.1]: ready="));
	assert_int_equal(APP(f, p, "ps", "-a", app_name()), 0);
	assert_says(p, "=== web (Standard-1X): ./probe trap (1)\nweb.1: up 20");
	assert_int_equal(APP(f, p, "ps:scale", "worker+1", "web=0"), 0);
	assert_string_equal(p->out, "Scaling dynos... done, now running web@0:Standard-1X worker@2:Standard-1X\n");
	assert_that(app, launch_expect(app, "app[worker.2]: ready="));
	assert_that(app, launch_expect(app, "heroku[web.1]: Process exited"));
	assert_int_equal(APP(f, p, "ps:restart", "worker.2"), 0);
	assert_that(app, launch_expect(app, "heroku[worker.2]: Process exited with status 0"));
	assert_says(app, "heroku[worker.2]: Restarting");
	/* contract 4.10: a one-off dyno's output goes to the log, and nobody starts it again */
	assert_int_equal(APP(f, p, "run:detached", "./probe say $DYNO && exit 4"), 0);
	assert_that(app, launch_expect(app, "State changed from up to complete"));
	assert_says(app, "]: run.");
	assert_says(app, "Process exited with status 4");
	/* config vars restart the app; another shell reads the log */
	assert_int_equal(APP(f, p, "config:set", "COLOUR=green"), 0);
	assert_that(app, launch_expect(app, "app[worker.1]: COLOUR=green"));
	assert_that(app, launch_expect(app, "app[worker.2]: COLOUR=green"));
	assert_int_equal(APP(f, p, "logs", "-n", "1500", "--dyno", "worker.1", "--source", "app"), 0);
	assert_says(p, "app[worker.1]: COLOUR=green");
	assert_silent_on(p, "worker.2");
	assert_silent_on(p, "heroku[");
	assert_int_equal(APP(f, p, "ps:app", "--json"), 0);
	assert_string_equal(life_json(p->out, "print(' '.join(x['name'] for x in d['dynos']))"), "worker.1 worker.2");
	assert_int_equal(APP(f, p, "top", "-n", "1"), 0);
	assert_says(p, "worker.2");
	assert_int_equal(APP(f, p, "stop:app"), 0);
	assert_int_equal(launch_finish(f, app), 0);
	/* and the log is there when the app is not */
	assert_int_equal(APP(f, p, "logs", "-n", "1"), 0);
	assert_says(p, "Process exited with status 0");
	assert_int_equal(APP(f, p, "ps:restart"), 125);
	assert_says(p, "is not running");
}

static void test_the_scale_is_kept_over_starts(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "web: ./probe trap\nworker: ./probe trap\n");
	assert_int_equal(APP(f, p, "ps:scale"), 0);
	assert_string_equal(p->out, "web=1:Standard-1X worker=1:Standard-1X\n");
	/* before it ever ran */
	assert_int_equal(APP(f, p, "ps:scale", "worker+1", "web=0"), 0);
	assert_string_equal(p->out,
	                    "Scaling dynos... done, the next start runs web@0:Standard-1X worker@2:Standard-1X\n");
	APP_START(f, app, NULL);
	assert_that(app, launch_expect(app, "app[worker.2]: ready="));
	assert_silent_on(app, "heroku[web.1]");
	/* while it runs */
	assert_int_equal(APP(f, p, "ps:type", "worker=none"), 2);
	assert_says(p, "there is no dyno size 'none'");
	assert_int_equal(APP(f, p, "ps:scale", "web=1:performance-2xl"), 2);
	assert_says(p, "a dyno of size Performance-2XL has 126.0 GiB of memory");
	assert_int_equal(APP(f, p, "ps:scale", "web=1:standard-2x"), 0);
	assert_that(app, launch_expect(app, "app[web.1]: ready="));
	assert_int_equal(APP(f, p, "ps:scale", "worker=1"), 0);
	assert_int_equal(APP(f, p, "ps:type"), 0);
	assert_says(p, "web             Standard-2X       1\n");
	assert_int_equal(launch_stop(f, app), 0);
	/* from elsewhere: the directory is that of the last start */
	launch_start(f, p,
	             &(struct launch){ .argv = ARGV("ps:scale", "-a", app_name()),
	                               .cwd = "/",
	                               .env = ARGV(support_format("DYNO_DATA_DIR=%s", support_path(f, "data"))) });
	assert_int_equal(launch_finish(f, p), 0);
	assert_string_equal(p->out, "web=1:Standard-2X worker=1:Standard-1X\n");
	/* -m wins, and is kept by nobody */
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_silent_on(app, "heroku[web.1]");
	assert_int_equal(launch_stop(f, app), 0);
	assert_int_equal(APP(f, p, "ps:scale"), 0);
	assert_string_equal(p->out, "web=1:Standard-2X worker=1:Standard-1X\n");
	assert_int_equal(APP(f, p, "ps:scale", "wbe=1"), 2);
	assert_says(p, "did you mean web?");
	assert_int_equal(APP(f, p, "ps:scale", "all=0"), 0);
	assert_int_equal(APP(f, p, "start", "--net", "none"), 2);
	assert_says(p, "ps:scale web=1");
}

static void test_run_and_stop_take_an_app(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "web: ./probe trap\nconsole: ./probe args\n");
	assert_int_equal(APP(f, p, "config:set", "COLOUR=green"), 0);
	assert_int_equal(APP(f, p, "run", "-a", app_name(), "--net", "none", "-x", "echo $COLOUR; exit 5"), 5);
	assert_string_equal(p->out, "green\n");
	/* DYNO_APP is set */
	assert_int_equal(APP(f, p, "run", "--net", "none", "--", "console", "one"), 0);
	assert_says(p, "one");
	assert_int_equal(APP(f, p, "run", "--net", "none", "--slug", ".", "--", "./probe", "args", "console"), 0);
	assert_says(p, "console");
	app_place(f, "Procfile", "web: ./probe trap\nconsole: ./probe args\nrelease: exit 6\n");
	assert_int_equal(APP(f, p, "run", "--net", "none", "release"), 6);
	app_place(f, "Procfile", "web: ./probe trap\nconsole: ./probe args\n");
	assert_int_equal(APP(f, p, "run", "-a", app_name(), "--no-such"), 2);
	assert_int_equal(APP(f, p, "stop", "-a", app_name()), 125);
	assert_says(p, "is not running");
	APP_START(f, app, "-m", "web=1");
	assert_that(app, launch_expect(app, "app[web.1]: ready="));
	/* from elsewhere: the directory is that of its start */
	launch_start(f, p,
	             &(struct launch){ .argv = ARGV("run", "-a", app_name(), "--net", "none", "--", "console", "two"),
	                               .env = ARGV(support_format("DYNO_DATA_DIR=%s", support_path(f, "data"))) });
	assert_int_equal(launch_finish(f, p), 0);
	assert_says(p, "two");
	assert_int_equal(APP(f, p, "exec", "-a", app_name(), "web.1", "--", "./probe", "args", "three"), 0);
	assert_says(p, "three");
	assert_int_equal(APP(f, p, "exec", "-a", app_name(), "web.2", "true"), 125);
	assert_int_equal(APP(f, p, "run", "-a", app_name(), "--detached", "-e", "SHAPE=round", "./probe say $SHAPE"),
	                 0);
	assert_that(app, launch_expect(app, "]: round"));
	assert_int_equal(APP(f, p, "stop", "-a", app_name()), 0);
	assert_int_equal(launch_finish(f, app), 0);
}

static void test_sizes_may_be_ones_own(struct fixture *f)
{
	const char *config = support_path(f, "config");
	const char *const env[] = { support_format("DYNO_DATA_DIR=%s", support_path(f, "data")),
		                    support_format("XDG_CONFIG_HOME=%s", config), NULL };
	struct process *p = life_process(0);

	support_mkdir(f, config, 0755);
	support_mkdir(f, support_format("%s/dyno", config), 0755);
	support_write(support_format("%s/dyno/sizes", config), "tiny memory=64M pids=24\n", 0644);
	app_place(f, "Procfile", "web: ./probe trap\nworker: ./probe trap\n");
	app_place(f, "app.json", "{\"formation\": {\"web\": {\"size\": \"tiny\", \"quantity\": 2}}}");
	launch_start(f, p, &(struct launch){ .argv = ARGV("ps:scale"), .cwd = f->slug, .env = env });
	assert_int_equal(launch_finish(f, p), 0);
	assert_string_equal(p->out, "web=2:Tiny worker=1:Standard-1X\n");
	launch_start(f, p,
	             &(struct launch){ .argv = ARGV("run", "--size", "tiny", "--net", "none", "--dry-run", "true"),
	                               .cwd = f->slug,
	                               .env = env });
	assert_int_equal(launch_finish(f, p), 0);
	assert_says(p, "64.0 MiB");
	assert_says(p, "processes     24\n");
}

static void test_run_app_is_a_one_off_dyno_with_the_config_of_the_app(struct fixture *f)
{
	struct process *p = life_process(0);

	app_place(f, "Procfile", "web: ./probe trap\nconsole: ./probe args\n");
	app_place(f, ".env", "COLOUR=blue\n");
	assert_int_equal(APP(f, p, "config:set", "COLOUR=green", "SHAPE=it's \"round\""), 0);
	/* it need not be running; .env wins */
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "echo $COLOUR $SHAPE; exit 5"), 5);
	assert_string_equal(p->out, "blue it's \"round\"\n");
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "console", "one", "two"), 0);
	assert_says(p, "one");
	assert_says(p, "two");
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "./missing"), 127);
	assert_int_equal(APP(f, p, "run:app"), 2);
}

static void test_start_tries_again_what_crashed(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "web: ./probe trap\nbad: echo bye; exit 3\nstubborn: ./probe ignore-term\n");
	APP_START(f, app, "--backoff", "0,10m", "--timeout", "1s");
	/* at once, and then not: contract 4.3 */
	assert_that(app, launch_expect(app, "heroku[bad.1]: State changed from crashed to starting"));
	assert_that(app, launch_expect(app, "app[web.1]: ready="));
	assert_says(app, "heroku[bad.1]: Process exited with status 3");
	life_sleep_us(300000);
	assert_int_equal(APP(f, p, "ps:app"), 0);
	assert_says(p, "bad.1: crashed");
	assert_says(p, "next try in ");
	/* R12 for who does not go */
	assert_int_equal(launch_stop(f, app), 0);
	assert_says(app, "heroku[stubborn.1]: Error R12 (Exit timeout)");
	assert_says(app, "heroku[stubborn.1]: Stopping remaining processes with SIGKILL");
	assert_says(app, "heroku[stubborn.1]: Process exited with status 137");
}

static void test_start_stops_at_once_when_asked_twice(struct fixture *f)
{
	struct process *app = life_process(0);
	long long begun;

	app_place(f, "Procfile", "worker: ./probe ignore-term\n");
	APP_START(f, app, "-c");
	assert_that(app, launch_expect(app, "worker.1   |"));
	assert_that(app, launch_expect(app, "ready="));
	begun = life_ms();
	kill(app->pid, SIGINT);
	assert_that(app, launch_expect(app, "Stopping all processes with SIGTERM"));
	kill(app->pid, SIGINT);
	assert_int_equal(launch_finish(f, app), 0);
	assert_that(app, life_ms() - begun < 10000);
}

static void test_start_ends_when_the_release_process_fails(struct fixture *f)
{
	struct process *p = life_process(0);

	app_place(f, "Procfile", "web: ./probe trap\nrelease: exit 7\n");
	assert_int_equal(APP(f, p, "start", "--net", "none"), 1);
	assert_says(p, "Process exited with status 7");
	assert_says(p, "Release command failed");
	assert_silent_on(p, "heroku[web.1]");
}

static void contract_4_2_a_web_dyno_is_up_when_it_listens_or_killed_by_r10(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "web: ./probe listen\n");
	app_begin(f, app, ARGV("start", "--port", "20480"));
	assert_that(app, launch_expect(app, "heroku[web.1]: State changed from starting to up"));
	assert_int_equal(launch_program(f, p, support_probe(), ARGV("fetch", "127.0.0.1", "20480")), 0);
	assert_int_equal(APP(f, p, "ps:restart"), 0);
	assert_that(app, launch_expect(app, "heroku[web.1]: Process exited"));
	assert_that(app, launch_expect(app, "State changed from up to starting"));
	assert_int_equal(launch_stop(f, app), 0);
	/* R10, contract 4.2 */
	app_place(f, "Procfile", "web: ./probe sleep 60\n");
	app_begin(f, app, ARGV("start", "--port", "20480", "--boot-timeout", "500ms", "--backoff", "10m"));
	assert_that(app, launch_expect(app, "State changed from starting to crashed"));
	assert_says(app,
	            "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 0.5 seconds of launch");
	assert_says(app, "Process exited with status 137");
	assert_int_equal(launch_stop(f, app), 0);
}

static void test_start_that_is_killed_leaves_nothing(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "worker: ./probe trap\n");
	for (int round = 0; round < 3; round++) {
		APP_START(f, app, "-m", "worker=3");
		assert_that(app, launch_expect(app, "app[worker.3]: ready="));
		kill(app->pid, SIGKILL);
		assert_int_equal(launch_finish(f, app), 128 + SIGKILL);
	}
	assert_int_equal(life_reap(), 0);
	DYNO(f, p, "gc");
	assert_exit(p, 0);
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_int_equal(launch_stop(f, app), 0);
}

static void test_start_says_what_is_wrong(struct fixture *f)
{
	static const struct {
		const char *procfile;
		const char *option[3];
		const char *says;
	} rows[] = {
		{ "# nothing\n", { 0 }, "no process types are defined" },
		{ "web: a\nweb: b\n", { 0 }, "Procfile:2" },
		{ "web: a\n", { "-m", "wbe=1" }, "no process type 'wbe' (did you mean web?)" },
		{ "web: a\n", { "-m", "web=-1" }, "does not say how many" },
		{ "web: a\n", { "-m", "web=5000" }, "0 to 1000" },
		{ "web: a\n", { "-m", "web=0" }, "nothing to run" },
		{ "web: a\n", { "worker" }, "no process type 'worker'" },
		{ "web: a\nb: c\n", { "-p", "65500" }, "b.1 would have port 65600" },
		{ "web: a\n", { "-e", "missing.env" }, "missing.env" },
		{ "web: a\n", { "-s", "performance-2xl" }, "a dyno of size Performance-2XL has 126.0 GiB of memory" },
		{ "web: a\n", { "-d", "/nonexistent" }, "/nonexistent" },
		{ "web: a\n", { "-f", "/nonexistent/Procfile" }, "/nonexistent" },
		{ "web: a\n", { "-a", "No_Name" }, "No_Name" },
		{ "web: a\n", { "--backoff", "soon" }, "'soon' is no wait" },
	};
	struct process *p = life_process(0);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *argv[8] = { "start", "--net", "none" };

		memcpy(argv + 3, rows[i].option, sizeof(rows[i].option));
		app_place(f, "Procfile", rows[i].procfile);
		app_verb(f, p, argv);
		assert_refusal(p, 2, rows[i].says);
	}
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_start_runs_what_the_procfile_says, AS_BOTH),
	SANDBOX_TEST(test_start_is_controlled_by_name, AS_BOTH),
	SANDBOX_TEST(test_the_scale_is_kept_over_starts, AS_BOTH),
	SANDBOX_TEST(test_run_and_stop_take_an_app, AS_BOTH),
	SANDBOX_TEST(test_sizes_may_be_ones_own, AS_BOTH),
	SANDBOX_TEST(test_run_app_is_a_one_off_dyno_with_the_config_of_the_app, AS_BOTH),
	SANDBOX_TEST(test_start_tries_again_what_crashed, AS_BOTH),
	SANDBOX_TEST(test_start_stops_at_once_when_asked_twice, AS_BOTH),
	SANDBOX_TEST(test_start_ends_when_the_release_process_fails, AS_BOTH),
	SANDBOX_TEST(contract_4_2_a_web_dyno_is_up_when_it_listens_or_killed_by_r10, AS_BOTH),
	SANDBOX_TEST(test_start_that_is_killed_leaves_nothing, AS_BOTH),
	SANDBOX_TEST(test_start_says_what_is_wrong, AS_BOTH),
};

SANDBOX_MAIN("start", tests)
