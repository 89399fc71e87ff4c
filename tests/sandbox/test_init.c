/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_init.c - PID 1 of a dyno: it reaps, forwards signals, stops in two steps, reports the app's own status, and gives
 * nothing away
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sandbox/lifecycle_support.h"

/* a quiet dyno of the fixture's slug without network */
#define RUN(f, ...) "run", "-q", "--net", "none", "--slug", (f)->slug, __VA_ARGS__

static void test_every_exit_code_passes_through(struct fixture *f)
{
	struct process *p = life_process(0);

	for (int code = 0; code < 256; code++) {
		DYNO(f, p, RUN(f, "--", "/app/probe", "exit", support_format("%d", code)));
		assert_exit(p, code);
		assert_that(p, p->err_size == 0);
	}
}

static void test_a_death_by_signal_is_128_and_its_number(struct fixture *f)
{
	static const int fatal[] = { SIGHUP,  SIGINT,    SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,  SIGFPE,
		                     SIGKILL, SIGUSR1,   SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT,
		                     SIGXCPU, SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,  34,      64 };
	struct process *p = life_process(0);

	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
		DYNO(f, p, RUN(f, "--", "/app/probe", "kill", support_format("%d", fatal[i]), "self"));
		assert_exit(p, 128 + fatal[i]);
		/* and one line says so */
		assert_non_null(strstr(life_message(p), support_format("signal %d", fatal[i])));
	}
}

static void test_a_storm_of_zombies_is_reaped(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, RUN(f, "--", "/app/probe", "zombies", "2000"));
	assert_exit(p, 0);
	assert_value(p, "zombies", "0");
	assert_value(p, "result", "OK");
}

static void test_a_double_fork_becomes_a_child_of_init(struct fixture *f)
{
	static const char script[] = "(sleep 100 & echo $! > /tmp/pid); "
				     "while read -r _ _ _ parent _ < /proc/$(cat /tmp/pid)/stat && [ $parent != 1 ]; "
				     "do :; done; echo parent=$parent";
	struct process *p = life_process(0);

	DYNO(f, p, RUN(f, "--", script));
	assert_exit(p, 0);
	assert_value(p, "parent", "1");
}

static void test_a_daemon_does_not_outlive_its_dyno(struct fixture *f)
{
	struct process *p = life_process(0);

	/* deaf to HUP and TERM, in a session of its own, holding our pipe: the end of output proves its death */
	DYNO(f, p, RUN(f, "--", "/app/probe", "doublefork", "--", "exit", "6"));
	assert_exit(p, 6);
	assert_value(p, "result", "OK");
}

static void test_signals_reach_the_app(struct fixture *f)
{
	static const struct {
		int signo;
		const char *says;
	} rows[] = {
		{ SIGINT, "signal=INT" },   { SIGHUP, "signal=HUP" },   { SIGQUIT, "signal=QUIT" },
		{ SIGUSR1, "signal=USR1" }, { SIGUSR2, "signal=USR2" }, { SIGWINCH, "signal=WINCH" },
		{ SIGCONT, "signal=CONT" },
	};
	static const char *const modes[] = { "--quiet", "--no-init" };
	struct process *p = life_process(0);

	for (size_t mode = 0; mode < 2; mode++) {
		START(f, p, RUN(f, modes[mode], "--", "/app/probe", "trap", "9"));
		assert_true(launch_expect(p, "ready="));
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			kill(p->pid, rows[i].signo);
			assert_true(launch_expect(p, rows[i].says));
		}
		assert_int_equal(launch_stop(f, p), 9);
		assert_says(p, "signal=TERM");
	}
}

/** own_group() - in the child: the kernel stops nobody whose process group is orphaned, as a test's may be (signal(7)) */
static void own_group(void)
{
	(void)setpgid(0, 0);
}

static void test_a_stop_by_the_keyboard_is_shared_and_so_is_its_end(struct fixture *f)
{
	struct process *p = life_process(0);
	int status = 0;

	launch_start(f, p,
	             &(struct launch){ .argv = ARGV(RUN(f, "--", "/app/probe", "trap", "3")), .before = own_group });
	assert_true(launch_expect(p, "ready="));
	kill(p->pid, SIGTSTP);
	assert_true(launch_expect(p, "signal=TSTP"));
	assert_int_equal(waitpid(p->pid, &status, WUNTRACED), p->pid);
	assert_true(WIFSTOPPED(status));
	kill(p->pid, SIGCONT);
	assert_true(launch_expect(p, "signal=CONT"));
	assert_int_equal(launch_stop(f, p), 3);
}

static void test_a_signal_before_the_app_is_up_ends_the_boot(struct fixture *f)
{
	struct process *p = life_process(0);
	unsigned ended = 0;

	for (unsigned us = 0; us < 4000; us += 100) {
		START(f, p, RUN(f, "--", "/app/probe", "sleep"));
		life_sleep_us(us);
		kill(p->pid, SIGTERM);
		launch_finish(f, p);
		assert_exit(p, 128 + SIGTERM);
		ended++;
	}
	assert_int_equal(ended, 40);
}

static void test_a_stop_is_term_and_the_status_is_the_apps_own(struct fixture *f)
{
	struct process *p = life_process(0);

	/* it ends by itself when it is told to: 0 is its status, and so ours */
	START(f, p, RUN(f, "--", "/app/probe", "trap", "0"));
	assert_true(launch_expect(p, "ready="));
	assert_int_equal(launch_stop(f, p), 0);
	assert_that(p, p->err_size == 0);
	/* it does not care: the signal ended it */
	START(f, p, RUN(f, "--", "/app/probe", "say", "up", "--", "sleep"));
	assert_true(launch_expect(p, "up"));
	assert_int_equal(launch_stop(f, p), 128 + SIGTERM);
	assert_that(p, p->err_size == 0);
}

static void test_a_stop_reaches_all_processes(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *first;

	START(f, p, RUN(f, "--", "trap 'wait; wait; exit 5' TERM; ./probe trap & ./probe trap & wait; wait"));
	assert_true(launch_expect(p, "ready="));
	first = strstr(p->out, "ready=");
	while (first && !strstr(first + 6, "ready="))
		assert_true(launch_expect(p, "\nready=") || strstr(first + 6, "ready="));
	assert_int_equal(launch_stop(f, p), 5);
	first = strstr(p->out, "signal=TERM");
	assert_that(p, first && strstr(first + 1, "signal=TERM"));
}

static void test_an_app_that_ignores_term_is_killed_after_its_grace(struct fixture *f)
{
	static const char *const modes[] = { "--quiet", "--no-init" };
	struct process *p = life_process(0);

	for (size_t mode = 0; mode < 2; mode++) {
		long long start;

		START(f, p, RUN(f, modes[mode], "--grace", "1s", "--", "/app/probe", "ignore-term"));
		assert_true(launch_expect(p, "ready="));
		start = life_ms();
		assert_int_equal(launch_stop(f, p), 128 + SIGKILL);
		assert_that(p, life_ms() - start >= 990);
		assert_non_null(strstr(life_message(p), "did not stop within its time of grace"));
	}
}

static void test_a_second_term_does_not_wait(struct fixture *f)
{
	struct process *p = life_process(0);

	/* longer than launch_finish() waits */
	START(f, p, RUN(f, "--grace", "10m", "--", "/app/probe", "ignore-term"));
	assert_true(launch_expect(p, "ready="));
	kill(p->pid, SIGTERM);
	life_sleep_us(50000);
	kill(p->pid, SIGTERM);
	assert_int_equal(launch_finish(f, p), 128 + SIGKILL);
}

static void test_init_gives_nothing_away(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p,
	     RUN(f, "-e", "SECRET=hidden-value", "--", "/app/probe", "ids", "--", "readlink", "/proc/1/exe", "--",
	         "exit", "0"));
	assert_exit(p, 0);
	assert_value(p, "ppid", "1");
	assert_refused(p, "result");
	DYNO(f, p, RUN(f, "--", "/app/probe", "readdir", "/proc/1/fd"));
	assert_refused(p, "result");
	DYNO(f, p, RUN(f, "--", "/app/probe", "read", "/proc/1/environ"));
	assert_refused(p, "result");
	DYNO(f, p, RUN(f, "--", "/app/probe", "read", "/proc/1/maps"));
	assert_refused(p, "result");
	DYNO(f, p, RUN(f, "--", "/app/probe", "readlink", "/proc/1/root"));
	assert_refused(p, "result");
	/* the command line of the launcher, which names host paths and holds -e KEY=VALUE, is not there either */
	DYNO(f, p, RUN(f, "-e", "SECRET=hidden-value", "--", "/app/probe", "read", "/proc/1/cmdline"));
	for (size_t i = 0; i < p->out_size; i++)
		if (p->out[i] == '\0')
			p->out[i] = ' ';
	assert_says(p, "dyno-init");
	assert_says(p, "result=OK");
	assert_silent_on(p, "hidden-value");
	assert_silent_on(p, f->slug);
}

static void test_init_survives_what_the_app_sends_it(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p,
	     RUN(f, "--",
	         "for s in TERM KILL INT HUP STOP SEGV CHLD USR1; do ./probe kill $s 1; done; echo alive; exit 4"));
	assert_exit(p, 4);
	assert_says(p, "alive");
}

static void test_without_init_the_command_is_process_one(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, RUN(f, "--no-init", "--", "/app/probe", "ids", "--", "pids", "--", "exit", "7"));
	assert_exit(p, 7);
	assert_value(p, "pid", "1");
	assert_value(p, "ppid", "0");
	assert_value(p, "pid.1", "probe");
	assert_no_value(p, "pid.2");
}

static void test_output_of_an_app_that_ends_at_once_is_whole(struct fixture *f)
{
	struct process *p = life_process(0);

	for (int i = 0; i < 20; i++) {
		DYNO(f, p, RUN(f, "--", "/app/probe", "say", "out", "err"));
		assert_exit(p, 0);
		assert_string_equal(p->out, "out\n");
		assert_string_equal(p->err, "err\n");
	}
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_every_exit_code_passes_through, AS_BOTH),
	SANDBOX_TEST(test_a_death_by_signal_is_128_and_its_number, AS_BOTH),
	SANDBOX_TEST(test_a_storm_of_zombies_is_reaped, AS_BOTH),
	SANDBOX_TEST(test_a_double_fork_becomes_a_child_of_init, AS_BOTH),
	SANDBOX_TEST(test_a_daemon_does_not_outlive_its_dyno, AS_BOTH),
	SANDBOX_TEST(test_signals_reach_the_app, AS_BOTH),
	SANDBOX_TEST(test_a_stop_by_the_keyboard_is_shared_and_so_is_its_end, AS_BOTH),
	SANDBOX_TEST(test_a_signal_before_the_app_is_up_ends_the_boot, AS_BOTH),
	SANDBOX_TEST(test_a_stop_is_term_and_the_status_is_the_apps_own, AS_BOTH),
	SANDBOX_TEST(test_a_stop_reaches_all_processes, AS_BOTH),
	SANDBOX_TEST(test_an_app_that_ignores_term_is_killed_after_its_grace, AS_BOTH),
	SANDBOX_TEST(test_a_second_term_does_not_wait, AS_BOTH),
	SANDBOX_TEST(test_init_gives_nothing_away, AS_BOTH),
	SANDBOX_TEST(test_init_survives_what_the_app_sends_it, AS_BOTH),
	SANDBOX_TEST(test_without_init_the_command_is_process_one, AS_BOTH),
	SANDBOX_TEST(test_output_of_an_app_that_ends_at_once_is_whole, AS_BOTH),
};

SANDBOX_MAIN("init", tests)
