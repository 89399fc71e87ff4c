/* SPDX-License-Identifier: Apache-2.0 */
/* test_contract_one_off.c - docs/contract.md 4.10: one-off dynos, attached and detached */
#include "tests/sandbox/app_support.h"

#include <ctype.h>
#include <signal.h>

/** one_off() - name of the one-off dyno that run:detached told of in @p, "run.4711" */
static const char *one_off(const struct process *p)
{
	const char *name = strstr(p->out, "run.");

	if (!name)
		FAIL("no one-off dyno was told of: %s\n", p->out);
	for (int i = 4; i < 8; i++)
		assert_that(p, isdigit((unsigned char)name[i]) != 0);
	assert_that(p, name[8] == '\n');
	return support_format("%.8s", name);
}

static void contract_4_10_a_type_is_its_command_with_arguments(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "worker: ./probe trap\nconsole: ./probe args one\n");
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "console", "two", "three"), 0);
	assert_string_equal(p->out, "arg.1=one\narg.2=two\narg.3=three\n");
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_int_equal(APP(f, p, "run:detached", "console", "two"), 0);
	assert_that(app, launch_expect(app, support_format("app[%s]: arg.2=two\n", one_off(p))));
	assert_says(app, support_format("app[%s]: arg.1=one\n", one_off(p)));
	assert_says(app,
	            support_format("heroku[%s]: Starting process with command `./probe args one two`", one_off(p)));
	/* what only begins like a type is none */
	assert_int_equal(APP(f, p, "run:detached", "consoles", "two"), 0);
	assert_that(app, launch_expect(app, support_format("heroku[%s]: Process exited with status 127", one_off(p))));
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_10_two_dashes_end_the_options(struct fixture *f)
{
	struct process *p = life_process(1);

	app_place(f, "Procfile", "console: ./probe args\n");
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "--", "console", "-x", "--no-tty", "-s"), 0);
	assert_string_equal(p->out, "arg.1=-x\narg.2=--no-tty\narg.3=-s\n");
	/* nor is what follows the command an option */
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "console", "-e", "A=1"), 0);
	assert_string_equal(p->out, "arg.1=-e\narg.2=A=1\n");
}

static void contract_4_10_e_sets_variables_of_that_dyno(struct fixture *f)
{
	struct process *p = life_process(1);

	app_place(f, "Procfile", "console: ./probe env\n");
	app_place(f, ".env", "B=file\nC=file\n");
	app_place(f, "more.env", "B=more\nD=more\n");
	assert_int_equal(APP(f, p, "config:set", "A=config", "B=config"), 0);
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "-e", "A=1;E=2 3", "-e", "F=", "console"), 0);
	assert_value(p, "A", "1");
	assert_value(p, "B", "file");
	assert_value(p, "C", "file");
	assert_value(p, "E", "2 3");
	assert_value(p, "F", "");
	/* of that one only */
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "console"), 0);
	assert_value(p, "A", "config");
	assert_no_value(p, "E");
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "-e", "more.env", "-e", "E=2", "console"), 0);
	assert_value(p, "B", "more");
	assert_no_value(p, "C");
	assert_value(p, "D", "more");
	assert_value(p, "E", "2");
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "-e", "A=1;=secret", "console"), 125);
	assert_silent_on(p, "secret");
}

static void contract_4_10_e_and_s_of_a_detached_one(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "worker: ./probe trap\n");
	assert_int_equal(APP(f, p, "config:set", "A=config", "B=config"), 0);
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_int_equal(APP(f, p, "run:detached", "-e", "A=1;E=2 3", "-e", "F=", "-s", "standard-2x", "echo",
	                     "$A,$B,$E,$F.; exec ./probe trap"),
	                 0);
	assert_that(app, launch_expect(app, support_format("app[%s]: 1,config,2 3,.\n", one_off(p))));
	assert_int_equal(APP(f, p, "ps:app", "--json"), 0);
	assert_string_equal(
		life_json(p->out, "print([x['memory_quota'] >> 20 for x in d['dynos'] if x['memory_quota']])"),
		"[512, 1024]");
	/* the next one has none of it */
	assert_int_equal(APP(f, p, "run:detached", "echo $A,$B,$E,$F."), 0);
	assert_that(app, launch_expect(app, support_format("app[%s]: config,config,,.\n", one_off(p))));
	assert_int_not_equal(APP(f, p, "run:detached", "-s", "enormous", "./probe say no"), 0);
	assert_says(p, "there is no dyno size 'enormous'");
	assert_int_not_equal(APP(f, p, "run:detached", "-e", "=secret", "./probe say no"), 0);
	assert_silent_on(p, "secret");
	assert_int_equal(launch_stop(f, app), 0);
	assert_silent_on(app, "]: no\n");
}

static void contract_4_10_x_passes_the_exit_code(struct fixture *f)
{
	struct process *p = life_process(1);

	assert_int_equal(APP(f, p, "run:app", "--net", "none", "-x", "exit 42"), 42);
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "-x", "kill -9 $$"), 137);
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "exit 43"), 43);
}

static void contract_4_10_s_is_the_size(struct fixture *f)
{
	struct process *p = life_process(1);

	if (!life_has_cgroups(f))
		support_skip(f, "no cgroups that may be written: limits hold for each process only");
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "-s", "standard-2x", "./probe forkbomb 100000"), 0);
	assert_in_range(process_number(p, "forked"), 490, 512);
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "./probe forkbomb 100000"), 0);
	assert_in_range(process_number(p, "forked"), 240, 256);
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "-s", "enormous", "./probe say no"), 2);
	assert_says(p, "enormous");
}

static void contract_4_10_attached_has_a_terminal_unless_no_tty(struct fixture *f)
{
	static struct pty pty;
	struct process *p = life_process(1);

	pty_open(f, &pty);
	pty_start(f, p, &pty, ARGV("run:app", "-d", f->slug, "--net", "none", "./probe tty"));
	assert_int_equal(pty_finish(f, p, &pty), 0);
	assert_true(pty_expect(&pty, "isatty.0=1", 1));
	/* COLUMNS and LINES are the terminal's own, which follows the caller's window */
	assert_true(pty_expect(&pty, "rows=24", 1));
	assert_true(pty_expect(&pty, "columns=80", 1));
	pty_close(&pty);
	pty_open(f, &pty);
	pty_start(f, p, &pty, ARGV("run:app", "-d", f->slug, "--net", "none", "--no-tty", "./probe tty"));
	assert_int_equal(pty_finish(f, p, &pty), 0);
	assert_true(pty_expect(&pty, "isatty.0=0", 1));
	pty_close(&pty);
}

static void contract_4_10_disconnect_hangs_up(struct fixture *f)
{
	static struct pty pty;
	struct process *p = life_process(1);

	pty_open(f, &pty);
	pty_start(f, p, &pty, ARGV("run:app", "-d", f->slug, "--net", "none", "./probe say up -- sleep"));
	assert_true(pty_expect(&pty, "up", 1));
	for (int i = 0; i < 5000 && !pty_is_raw(&pty); i++)
		life_sleep_us(1000);
	pty_close(&pty);
	assert_int_equal(launch_finish(f, p), 128 + SIGHUP);
}

static void contract_4_10_detached_goes_to_the_log_and_is_never_restarted(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);
	const char *name;

	app_place(f, "Procfile", "worker: ./probe trap\n");
	APP_START(f, app, "-m", "worker=1", "--backoff", "0");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_int_equal(APP(f, p, "run:detached", "echo $DYNO sees $HOME; exit 4"), 0);
	name = one_off(p);
	assert_that(app, launch_expect(app, support_format("heroku[%s]: State changed from up to complete", name)));
	assert_before(app,
	              support_format("heroku[%s]: Starting process with command `echo $DYNO sees $HOME; exit 4`", name),
	              support_format("heroku[%s]: State changed from starting to up", name));
	assert_says(app, support_format("app[%s]: %s sees /app\n", name, name));
	assert_says(app, support_format("heroku[%s]: Process exited with status 4\n", name));
	/* nor by a release or a restart of all: those of the app come after it would have come */
	assert_int_equal(APP(f, p, "run:detached", "./probe trap"), 0);
	assert_that(app, launch_expect(app, support_format("app[%s]: ready=", one_off(p))));
	name = one_off(p);
	assert_int_equal(APP(f, p, "config:set", "A=1"), 0);
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", 2));
	assert_int_equal(APP(f, p, "ps:restart"), 0);
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", 3));
	assert_int_equal(app_count(app, support_format("app[%s]:", name)), 1);
	assert_int_equal(app_count(app, " sees /app\n"), 1);
	assert_int_equal(APP(f, p, "ps:app", "--json"), 0);
	assert_says(p, name);
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_10_attached_output_is_not_in_the_log(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "worker: ./probe trap\n");
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "./probe say only-here"), 0);
	assert_string_equal(p->out, "only-here\n");
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "./probe env"), 0);
	assert_that(p, strncmp(process_value(p, "DYNO"), "run.", 4) == 0);
	assert_int_equal(launch_stop(f, app), 0);
	assert_silent_on(app, "only-here");
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(contract_4_10_a_type_is_its_command_with_arguments, AS_BOTH),
	SANDBOX_TEST(contract_4_10_two_dashes_end_the_options, AS_BOTH),
	SANDBOX_TEST(contract_4_10_e_sets_variables_of_that_dyno, AS_BOTH),
	SANDBOX_TEST(contract_4_10_e_and_s_of_a_detached_one, AS_BOTH),
	SANDBOX_TEST(contract_4_10_x_passes_the_exit_code, AS_BOTH),
	SANDBOX_TEST(contract_4_10_s_is_the_size, AS_ROOT),
	SANDBOX_TEST(contract_4_10_attached_has_a_terminal_unless_no_tty, AS_BOTH),
	SANDBOX_TEST(contract_4_10_disconnect_hangs_up, AS_BOTH),
	SANDBOX_TEST(contract_4_10_detached_goes_to_the_log_and_is_never_restarted, AS_BOTH),
	SANDBOX_TEST(contract_4_10_attached_output_is_not_in_the_log, AS_BOTH),
};

SANDBOX_MAIN("contract: one-off dynos", tests)
