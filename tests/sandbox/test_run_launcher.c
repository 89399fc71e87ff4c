/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_run_launcher.c - `dyno run` through a resident launcher is `dyno run`: each test is made both ways, and what the
 * user sees is the same
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/sandbox/run_launcher_support.h"

static struct pty pty;

static void test_exit_codes_and_messages_are_the_same(struct fixture *f)
{
	const char *ways[] = { "--no-launcher", launcher_through(f) };
	struct process *launcher = resident_begin(f), *p = life_process(0);

	for (size_t i = 0; i < 2; i++) {
		static const int codes[] = { 0, 1, 2, 77, 125, 255 };

		for (size_t j = 0; j < sizeof(codes) / sizeof(codes[0]); j++) {
			DYNO(f, p, RUN(f, ways[i], "--", "/app/probe", "exit", support_format("%d", codes[j])));
			assert_exit(p, codes[j]);
			assert_that(p, p->err_size == 0 && p->out_size == 0);
		}
		DYNO(f, p, RUN(f, ways[i], "--", "/app/probe", "kill", "11", "self"));
		assert_exit(p, 128 + SIGSEGV);
		assert_non_null(strstr(life_message(p), "ended by signal 11"));
		DYNO(f, p, RUN(f, ways[i], "--", "no-such-program"));
		assert_exit(p, 127);
		assert_says(p, "no-such-program: command not found in the dyno");
		DYNO(f, p, RUN(f, ways[i], "--", "/app/lib/code"));
		assert_exit(p, 126);
		assert_says(p, "cannot run /app/lib/code: Permission denied");
		DYNO(f, p, RUN(f, ways[i], "--workdir", "/nowhere", "--", "/app/probe"));
		assert_exit(p, 125);
		assert_says(p, "cannot enter /nowhere");
	}
	launcher_end(f, launcher);
}

/** without_numbers() - @text with the numbers of pipes and id ranges made alike: each dyno has its own */
static const char *without_numbers(char *text)
{
	for (char *at = text; (at = strstr(at, "pipe:[")); at++)
		for (char *digit = at + 6; *digit != ']'; digit++)
			*digit = '#';
	for (char *at = text; (at = strstr(at, "id_map=")); at++)
		for (char *digit = at + 7; *digit != '\n'; digit++)
			*digit = '#';
	return text;
}

static void test_the_environment_is_exactly_the_same(struct fixture *f)
{
	static const char *const callers[] = { "PASSED=by key", NULL };
	const char *ways[] = { "--no-launcher", launcher_through(f) };
	struct process *launcher = resident_begin(f);
	struct process *p[2] = { life_process(0), life_process(1) };

	for (int warm = 0; warm < 2; warm++) {
		if (warm)
			launcher_wait_ready(f);
		for (size_t i = 0; i < 2; i++) {
			launch_start(f, p[i],
			             &(struct launch){
					     .argv = ARGV(RUN(f, ways[i], "-e", "A=b", "-e", "PASSED", "-e",
			                                      "EMPTY=", "--port", "auto", "--boot-timeout", "0",
			                                      "--port", "5001", "--name", "same.1", "--", "/app/probe",
			                                      "env", "--", "args", "x", "", "y z", "--", "ids", "--",
			                                      "limits", "--", "fds", "--", "caps")),
					     .env = callers });
			launch_finish(f, p[i]);
			assert_exit(p[i], 0);
			assert_says(p[i], "PASSED=by key");
			assert_says(p[i], "DYNO=same.1");
			assert_silent_on(p[i], "INHERITED");
		}
		assert_string_equal(without_numbers(p[0]->out), without_numbers(p[1]->out));
		assert_string_equal(p[0]->err, p[1]->err);
	}
	launcher_end(f, launcher);
}

/** feed() - a pipe that holds @text and ends. Return: its reading end */
static int feed(const char *text)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fd_write_all(ends[1], text, strlen(text)), 0);
	close(ends[1]);
	return ends[0];
}

static void test_streams_are_the_callers_own(struct fixture *f)
{
	const char *ways[] = { "--no-launcher", launcher_through(f) };
	struct process *launcher = resident_begin(f), *p = life_process(0);

	for (size_t i = 0; i < 2; i++) {
		int in = feed("typed\n");

		launch_start(f, p,
		             &(struct launch){ .argv = ARGV(RUN(f, ways[i], "--", "/app/probe", "cat", "--", "say",
		                                                "out", "err")),
		                               .in = in });
		close(in);
		launch_finish(f, p);
		assert_exit(p, 0);
		assert_string_equal(p->out, "typed\nout\n");
		assert_string_equal(p->err, "err\n");
		/* more than a pipe holds, whole, from an app that ends at once */
		DYNO(f, p, RUN(f, ways[i], "--", "/app/probe", "head", "/dev/zero", "100000"));
		assert_exit(p, 0);
		assert_that(p, p->out_size > 0);
		/* and what it wrote elsewhere is told */
		DYNO(f, p, "run", ways[i], "--net", "none", "--slug", f->slug, "--", "/app/probe", "write", "/app/new",
		     "text", "--", "unlink", "/app/link");
		assert_exit(p, 0);
		assert_says(p, "discarded 1 file, 4 B (largest /app/new), 1 deletion\n");
		DYNO(f, p, RUN(f, ways[i], "--", "/app/probe", "write", "/app/new", "text"));
		assert_that(p, p->err_size == 0);
	}
	assert_false(support_exists(support_format("%s/new", f->slug)));
	launcher_end(f, launcher);
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
	struct process *launcher = resident_begin(f), *p = life_process(0);

	START(f, p, RUN(f, launcher_through(f), "--", "/app/probe", "trap", "9"));
	assert_true(launch_expect(p, "ready="));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		kill(p->pid, rows[i].signo);
		assert_true(launch_expect(p, rows[i].says));
	}
	assert_int_equal(launch_stop(f, p), 9);
	assert_says(p, "signal=TERM");
	assert_that(p, p->err_size == 0);
	launcher_end(f, launcher);
}

/** own_group() - in the child: the kernel stops nobody whose process group is orphaned, as a test's may be (signal(7)) */
static void own_group(void)
{
	(void)setpgid(0, 0);
}

static void test_a_stop_by_the_keyboard_is_shared_and_so_is_its_end(struct fixture *f)
{
	struct process *launcher = resident_begin(f), *p = life_process(0);
	int status = 0;

	launch_start(f, p,
	             &(struct launch){ .argv = ARGV(RUN(f, launcher_through(f), "--", "/app/probe", "trap", "3")),
	                               .before = own_group });
	assert_true(launch_expect(p, "ready="));
	kill(p->pid, SIGTSTP);
	assert_true(launch_expect(p, "signal=TSTP"));
	assert_int_equal(waitpid(p->pid, &status, WUNTRACED), p->pid);
	assert_true(WIFSTOPPED(status));
	kill(p->pid, SIGCONT);
	assert_true(launch_expect(p, "signal=CONT"));
	assert_int_equal(launch_stop(f, p), 3);
	launcher_end(f, launcher);
}

static void test_a_stop_takes_its_grace_and_no_longer(struct fixture *f)
{
	struct process *launcher = resident_begin(f), *p = life_process(0), *stop = life_process(1);
	long long start;

	START(f, p, RUN(f, launcher_through(f), "--grace", "300ms", "--", "/app/probe", "ignore-term"));
	assert_true(launch_expect(p, "ready="));
	start = life_ms();
	assert_int_equal(launch_stop(f, p), 128 + SIGKILL);
	assert_that(p, life_ms() - start >= 290);
	assert_non_null(strstr(life_message(p), "did not stop within its time of grace"));
	/* a second signal does not wait; this grace is longer than launch_finish() would */
	START(f, p, RUN(f, launcher_through(f), "--grace", "10m", "--", "/app/probe", "ignore-term"));
	assert_true(launch_expect(p, "ready="));
	kill(p->pid, SIGTERM);
	life_sleep_us(50000);
	assert_int_equal(launch_stop(f, p), 128 + SIGKILL);
	/* others stop it by the launcher; its grace is that of dyno run */
	START(f, p,
	      RUN(f, launcher_through(f), "--grace", "300ms", "--name", "web.1", "--", "/app/probe", "ignore-term"));
	assert_true(launch_expect(p, "ready="));
	DYNO(f, stop, "stop", "web.1");
	assert_exit(stop, 0);
	assert_int_equal(launch_finish(f, p), 128 + SIGKILL);
	assert_non_null(strstr(life_message(p), "did not stop within its time of grace"));
	START(f, p, RUN(f, launcher_through(f), "--name", "web.1", "--", "/app/probe", "say", "up", "--", "sleep"));
	assert_true(launch_expect(p, "up"));
	DYNO(f, stop, "exec", "web.1", "--", "/app/probe", "say", "beside");
	assert_says(stop, "beside");
	DYNO(f, stop, "stop", "web.1");
	assert_exit(stop, 0);
	assert_int_equal(launch_finish(f, p), 128 + SIGTERM);
	assert_that(p, p->err_size == 0);
	launcher_end(f, launcher);
}

static void test_a_signal_before_the_app_is_up_ends_the_boot(struct fixture *f)
{
	struct process *launcher = resident_begin(f), *p = life_process(0);

	for (unsigned us = 0; us < 3000; us += 200) {
		START(f, p, RUN(f, launcher_through(f), "--", "/app/probe", "sleep"));
		life_sleep_us(us);
		kill(p->pid, SIGTERM);
		launch_finish(f, p);
		assert_exit(p, 128 + SIGTERM);
	}
	launcher_end(f, launcher);
}

static void test_a_terminal_is_joined(struct fixture *f)
{
	const struct winsize size = { .ws_row = 33, .ws_col = 77 };
	struct process *launcher = resident_begin(f), *p = life_process(0);

	pty_open(f, &pty);
	pty_start(f, p, &pty,
	          ARGV(RUN(f, launcher_through(f), "--", "/app/probe", "tty", "--", "env", "--", "exit", "3")));
	assert_int_equal(pty_finish(f, p, &pty), 3);
	assert_true(pty_expect(&pty, "isatty.0=1", 1));
	assert_true(pty_expect(&pty, "ttyname.0=/dev/pts/0", 1));
	assert_true(pty_expect(&pty, "rows=24", 1));
	assert_true(pty_expect(&pty, "TERM=vt100", 1));
	assert_false(pty_is_raw(&pty));
	pty_start(f, p, &pty,
	          ARGV(RUN(f, launcher_through(f), "--",
	                   "trap 'stty size' WINCH; echo go; while :; do sleep 0.02; done")));
	assert_true(pty_expect(&pty, "go", 1));
	assert_int_equal(ioctl(pty.master, TIOCSWINSZ, &size), 0);
	assert_true(pty_expect(&pty, "33 77", 1));
	kill(p->pid, SIGTERM);
	assert_int_equal(pty_finish(f, p, &pty), 128 + SIGTERM);
	pty_start(f, p, &pty, ARGV(RUN(f, launcher_through(f), "--", "/app/probe", "say", "up", "--", "sleep")));
	assert_true(pty_expect(&pty, "up", 1));
	for (int i = 0; i < 5000 && !pty_is_raw(&pty); i++)
		life_sleep_us(1000);
	pty_type(&pty, "\003");
	assert_int_equal(pty_finish(f, p, &pty), 128 + SIGINT);
	assert_false(pty_is_raw(&pty));
	pty_close(&pty);
	launcher_end(f, launcher);
}

static void test_the_boot_is_told(struct fixture *f)
{
	struct process *launcher = resident_begin(f), *p = life_process(0), *ps = life_process(1);

	launcher_wait_ready(f);
	DYNO(f, p, RUN(f, launcher_through(f), "--timeline=json", "--", "/app/probe", "exit", "0"));
	assert_exit(p, 0);
	assert_string_equal(life_json(p->err, "p = {x['phase']: x['at_ns'] for x in d['phases']}\n"
	                                      "print(p['confined'] < 0, 0 < p['exec'] < 10**10)"),
	                    "True True");
	launcher_wait_ready(f);
	START(f, p, RUN(f, launcher_through(f), "--name", "warm.1", "--", "/app/probe", "trap"));
	assert_true(launch_expect(p, "ready="));
	launcher_ps(f, ps, "warm.1");
	assert_string_equal(life_json(ps->out,
	                              "e = [x for x in d if x['name'] == 'warm.1'][0]\n"
	                              "print(e['birth'], e['launcher'], e['phases_ns']['exec'] == e['boot_ns'], "
	                              "e['phases_ns']['confined'] < 0, e['slug'])"),
	                    support_format("warm %d True True %s", (int)launcher->pid, f->slug));
	launch_stop(f, p);
	DYNO(f, ps, "launcher", "stats", "--json", "--socket", launcher_socket_of(f));
	assert_string_equal(life_json(ps->out, "print(d['births']['warm']['up'] >= 2)"), "True");
	DYNO(f, ps, "launcher", "stats", "--prometheus", "--socket", launcher_socket_of(f));
	assert_says(ps, "# TYPE ");
	DYNO(f, ps, "launcher", "--socket", launcher_socket_of(f), "pool", "0", "0-0");
	assert_exit(ps, 0);
	assert_says(ps, " max=0");
	launcher_end(f, launcher);
}

static void test_a_launcher_that_dies_is_told_in_one_line(struct fixture *f)
{
	struct process *launcher = resident_begin(f), *p = life_process(0);

	START(f, p, RUN(f, launcher_through(f), "--", "/app/probe", "doublefork", "--", "trap"));
	assert_true(launch_expect(p, "ready="));
	kill(launcher->pid, SIGKILL);
	launch_finish(f, launcher);
	assert_int_equal(launch_finish(f, p), 125);
	assert_non_null(strstr(life_message(p), "the launcher went away, and its dynos with it"));
	assert_int_equal(life_reap(), 0);
	/* nor does one that is not there help, when it was asked for by name */
	DYNO(f, p, RUN(f, launcher_through(f), "--", "/app/probe"));
	assert_refusal(p, 125, "cannot reach the launcher");
	DYNO(f, p, "gc");
	assert_exit(p, 0);
	(void)unlink(launcher_socket_of(f));
}

static void test_a_dyno_ends_with_the_command_that_ran_it(struct fixture *f)
{
	struct process *launcher = resident_begin(f), *p = life_process(0);

	for (int i = 0; i < 5; i++) {
		START(f, p,
		      RUN(f, launcher_through(f), "--grace", "10m", "--", "/app/probe", "doublefork", "--",
		          "ignore-term"));
		assert_true(launch_expect(p, "ready="));
		kill(p->pid, SIGKILL);
		launch_finish(f, p); /* the end of its output: nobody holds it any more */
		assert_exit(p, 128 + SIGKILL);
	}
	launcher_end(f, launcher);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_exit_codes_and_messages_are_the_same, AS_BOTH),
	SANDBOX_TEST(test_the_environment_is_exactly_the_same, AS_BOTH),
	SANDBOX_TEST(test_streams_are_the_callers_own, AS_BOTH),
	SANDBOX_TEST(test_signals_reach_the_app, AS_BOTH),
	SANDBOX_TEST(test_a_stop_by_the_keyboard_is_shared_and_so_is_its_end, AS_BOTH),
	SANDBOX_TEST(test_a_stop_takes_its_grace_and_no_longer, AS_BOTH),
	SANDBOX_TEST(test_a_signal_before_the_app_is_up_ends_the_boot, AS_BOTH),
	SANDBOX_TEST(test_a_terminal_is_joined, AS_BOTH),
	SANDBOX_TEST(test_the_boot_is_told, AS_BOTH),
	SANDBOX_TEST(test_a_launcher_that_dies_is_told_in_one_line, AS_BOTH),
	SANDBOX_TEST(test_a_dyno_ends_with_the_command_that_ran_it, AS_BOTH),
};

SANDBOX_MAIN("run through a launcher", tests)
