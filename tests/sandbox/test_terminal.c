/* SPDX-License-Identifier: Apache-2.0 */
/* test_terminal.c - a dyno on a terminal: its own pseudo-terminal, size, keys, job control, and the caller's mode restored */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/sandbox/lifecycle_support.h"

/* a quiet dyno of the fixture's slug without network; with a terminal, because it is started on one */
#define RUN(f, ...) ARGV("run", "-q", "--net", "none", "--slug", (f)->slug, __VA_ARGS__)

static struct pty pty;

/** same_mode() - the caller's terminal is as @before */
static bool same_mode(const struct termios *before)
{
	struct termios now;

	assert_int_equal(tcgetattr(pty.slave, &now), 0);
	return now.c_iflag == before->c_iflag && now.c_oflag == before->c_oflag && now.c_cflag == before->c_cflag &&
	       now.c_lflag == before->c_lflag && memcmp(now.c_cc, before->c_cc, sizeof(now.c_cc)) == 0;
}

/** wait_for_raw() - the command has taken the terminal over */
static void wait_for_raw(void)
{
	for (int i = 0; i < 5000 && !pty_is_raw(&pty); i++)
		life_sleep_us(1000);
	assert_true(pty_is_raw(&pty));
}

static void test_an_app_on_a_terminal_has_one_of_its_own(struct fixture *f)
{
	struct process *p = life_process(0);

	pty_open(f, &pty);
	pty_start(f, p, &pty, RUN(f, "--", "/app/probe", "tty", "--", "env", "--", "exit", "3"));
	assert_int_equal(pty_finish(f, p, &pty), 3);
	assert_true(pty_expect(&pty, "isatty.0=1", 1));
	assert_true(pty_expect(&pty, "isatty.1=1", 1));
	assert_true(pty_expect(&pty, "isatty.2=1", 1));
	/* not the caller's, whatever its number is */
	assert_true(pty_expect(&pty, "ttyname.0=/dev/pts/0", 1));
	assert_true(pty_expect(&pty, "rows=24", 1));
	assert_true(pty_expect(&pty, "columns=80", 1));
	assert_true(pty_expect(&pty, "TERM=vt100", 1));
	pty_close(&pty);
}

static void test_without_a_terminal_there_is_none(struct fixture *f)
{
	struct process *p = life_process(0);

	pty_open(f, &pty);
	pty_start(f, p, &pty, RUN(f, "--no-tty", "--", "/app/probe", "tty", "--", "exit", "4"));
	assert_int_equal(pty_finish(f, p, &pty), 4);
	/* nor can it read what is typed there next, not even where it writes to: shells open theirs for both */
	assert_true(pty_expect(&pty, "isatty.0=0", 1));
	pty_type(&pty, "secret\n");
	pty_start(f, p, &pty,
	          RUN(f, "--no-tty", "--", "for i in 0 1 2; do read -r x <&$i && echo \"got=$x\"; done; echo over"));
	assert_int_equal(pty_finish(f, p, &pty), 0);
	assert_true(pty_expect(&pty, "over", 1));
	assert_null(strstr(pty.text, "got="));
	pty_close(&pty);
	DYNO(f, p, "run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "tty");
	assert_value(p, "isatty.0", "0");
	assert_value(p, "isatty.1", "0");
	DYNO(f, p, "run", "-q", "-t", "--net", "none", "--slug", f->slug, "--", "/app/probe", "tty");
	assert_says(p, "isatty.0=1");
	assert_says(p, "isatty.1=1");
}

static void contract_4_10_the_size_follows_the_callers_window(struct fixture *f)
{
	const struct winsize size = { .ws_row = 33, .ws_col = 77 };
	struct process *p = life_process(0);

	pty_open(f, &pty);
	pty_start(f, p, &pty, RUN(f, "--", "trap 'stty size' WINCH; echo go; while :; do sleep 0.02; done"));
	assert_true(pty_expect(&pty, "go", 1));
	assert_int_equal(ioctl(pty.master, TIOCSWINSZ, &size), 0);
	assert_true(pty_expect(&pty, "33 77", 1));
	kill(p->pid, SIGTERM);
	assert_int_equal(pty_finish(f, p, &pty), 128 + SIGTERM);
	pty_close(&pty);
}

static void contract_4_10_keys_reach_the_app_one_by_one(struct fixture *f)
{
	struct process *p = life_process(0);

	pty_open(f, &pty);
	pty_start(f, p, &pty, RUN(f, "--", "/app/probe", "trap", "5"));
	assert_true(pty_expect(&pty, "ready=", 1));
	wait_for_raw();
	pty_type(&pty, "\003");
	assert_true(pty_expect(&pty, "signal=INT", 1));
	pty_type(&pty, "\034");
	assert_true(pty_expect(&pty, "signal=QUIT", 1));
	kill(p->pid, SIGTERM);
	assert_int_equal(pty_finish(f, p, &pty), 5);
	pty_start(f, p, &pty, RUN(f, "--", "/app/probe", "say", "up", "--", "sleep"));
	assert_true(pty_expect(&pty, "up", 1));
	wait_for_raw();
	pty_type(&pty, "\003");
	assert_int_equal(pty_finish(f, p, &pty), 128 + SIGINT);
	/* lines, and the end of input */
	pty_start(f, p, &pty, RUN(f, "--", "/app/probe", "say", "cat", "--", "cat", "--", "exit", "6"));
	assert_true(pty_expect(&pty, "cat", 1));
	pty_type(&pty, "hello\r");
	assert_true(pty_expect(&pty, "hello\r\n", 2)); /* the echo, and what the app says */
	pty_type(&pty, "\004");
	assert_int_equal(pty_finish(f, p, &pty), 6);
	pty_close(&pty);
}

static void test_a_shell_has_job_control(struct fixture *f)
{
	struct process *p = life_process(0);

	pty_open(f, &pty);
	pty_start(f, p, &pty, RUN(f, "-t", "-e", "PS1=ready> ", "--", "bash", "--norc", "--noprofile", "-i"));
	assert_true(pty_expect(&pty, "ready> ", 1));
	assert_null(strstr(pty.text, "job control"));
	pty_type(&pty, "sleep 1000\r");
	life_sleep_us(200000);
	pty_type(&pty, "\032");
	assert_true(pty_expect(&pty, "Stopped", 1));
	assert_true(pty_expect(&pty, "ready> ", 2));
	pty_type(&pty, "bg\r");
	assert_true(pty_expect(&pty, "ready> ", 3));
	pty_type(&pty, "jobs\r");
	assert_true(pty_expect(&pty, "Running", 1));
	pty_type(&pty, "fg\r");
	life_sleep_us(200000);
	pty_type(&pty, "\003");
	assert_true(pty_expect(&pty, "^C", 1));
	pty_type(&pty, "exit 9\r");
	assert_int_equal(pty_finish(f, p, &pty), 9);
	pty_close(&pty);
}

/** end_in_some_way() - run on the terminal, see it raw, end it by @how, and see its mode restored. Return: exit code */
static int end_in_some_way(struct fixture *f, void (*how)(struct fixture *f, struct process *p))
{
	struct process *p = life_process(0);
	struct termios before;
	int code;

	pty_open(f, &pty);
	assert_int_equal(tcgetattr(pty.slave, &before), 0);
	pty_start(f, p, &pty, RUN(f, "--name", "tty.1", "--grace", "1s", "--", "./probe trap 7; exit $?"));
	assert_true(pty_expect(&pty, "ready=", 1));
	wait_for_raw();
	how(f, p);
	code = pty_finish(f, p, &pty);
	assert_true(same_mode(&before));
	pty_close(&pty);
	return code;
}

static void by_key(struct fixture *f, struct process *p)
{
	(void)f;
	pty_type(&pty, "\003");
	assert_true(pty_expect(&pty, "signal=INT", 1));
	kill(p->pid, SIGTERM);
}

static void by_term(struct fixture *f, struct process *p)
{
	(void)f;
	kill(p->pid, SIGTERM);
}

static void by_abort(struct fixture *f, struct process *p)
{
	(void)f;
	kill(p->pid, SIGABRT);
}

static void by_stop_now(struct fixture *f, struct process *p)
{
	struct process *stop = life_process(1);

	(void)p;
	DYNO(f, stop, "stop", "--now", "tty.1");
	assert_exit(stop, 0);
}

static void by_death_of_init(struct fixture *f, struct process *p)
{
	(void)p;
	kill(life_pid(f, "tty.1"), SIGKILL);
}

static void test_the_terminal_is_restored_on_every_way_out(struct fixture *f)
{
	assert_in_set((unsigned)end_in_some_way(f, by_key), ((const unsigned long[]){ 7, 128 + SIGTERM }), 2);
	/* TERM reaches all: the shell in between dies of it, or ends with what its child said */
	assert_in_set((unsigned)end_in_some_way(f, by_term), ((const unsigned long[]){ 7, 128 + SIGTERM }), 2);
	assert_int_equal(end_in_some_way(f, by_stop_now), 128 + SIGKILL);
	if (geteuid() == f->uid)
		assert_int_equal(end_in_some_way(f, by_death_of_init), 128 + SIGKILL);
	/* a fatal signal to the launcher itself */
	assert_int_equal(end_in_some_way(f, by_abort), 128 + SIGABRT);
	assert_int_equal(life_reap(), 0);
	DYNO(f, life_process(0), "gc");
	assert_exit(life_process(0), 0);
}

static void test_no_output_is_lost_at_the_end(struct fixture *f)
{
	struct process *p = life_process(0);

	for (int i = 0; i < 3; i++) {
		pty_open(f, &pty);
		pty_start(f, p, &pty, RUN(f, "--", "seq 1 20000; echo the-end"));
		assert_int_equal(pty_finish(f, p, &pty), 0);
		assert_true(pty_expect(&pty, "the-end\r\n", 1));
		assert_true(pty_expect(&pty, "\r\n", 20001));
		pty_close(&pty);
	}
}

static void test_input_from_a_pipe_is_typed_and_ends(struct fixture *f)
{
	struct process *p = life_process(0);
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fd_write_all(ends[1], "hello\nlast", 10), 0);
	close(ends[1]);
	launch_start(
		f, p,
		&(struct launch){ .argv = RUN(f, "-t", "--", "/app/probe", "cat", "--", "exit", "8"), .in = ends[0] });
	close(ends[0]);
	launch_finish(f, p);
	assert_exit(p, 8);
	assert_says(p, "hello");
	assert_says(p, "last");
}

static void contract_4_10_a_caller_that_hangs_up_ends_the_dyno(struct fixture *f)
{
	struct process *p = life_process(0);

	pty_open(f, &pty);
	pty_start(f, p, &pty, RUN(f, "--grace", "20s", "--", "/app/probe", "say", "up", "--", "sleep"));
	assert_true(pty_expect(&pty, "up", 1));
	wait_for_raw();
	pty_close(&pty);
	/* HUP, which the app does not catch */
	assert_int_equal(launch_finish(f, p), 128 + SIGHUP);
}

static void contract_4_10_exec_enters_a_running_dyno(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);
	struct termios before;

	START(f, web, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "trap");
	assert_true(launch_expect(web, "ready="));
	pty_open(f, &pty);
	assert_int_equal(tcgetattr(pty.slave, &before), 0);
	pty_start(f, p, &pty, ARGV("exec", "web.1", "--", "/app/probe", "tty", "--", "trap", "5"));
	assert_true(pty_expect(&pty, "ready=", 1));
	assert_true(pty_expect(&pty, "isatty.0=1", 1));
	wait_for_raw();
	pty_type(&pty, "\003");
	assert_true(pty_expect(&pty, "signal=INT", 1));
	kill(p->pid, SIGTERM);
	assert_int_equal(pty_finish(f, p, &pty), 5);
	assert_true(same_mode(&before));
	/* the size comes with a WINCH, a moment after the start */
	pty_start(f, p, &pty,
	          ARGV("exec", "web.1", "until [ \"$(stty size)\" = '24 80' ]; do sleep 0.02; done; echo sized"));
	assert_true(pty_expect(&pty, "sized", 1));
	assert_int_equal(pty_finish(f, p, &pty), 0);
	pty_close(&pty);
	assert_int_equal(launch_stop(f, web), 0);
	assert_silent_on(web, "signal=INT");
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_an_app_on_a_terminal_has_one_of_its_own, AS_BOTH),
	SANDBOX_TEST(test_without_a_terminal_there_is_none, AS_BOTH),
	SANDBOX_TEST(contract_4_10_the_size_follows_the_callers_window, AS_BOTH),
	SANDBOX_TEST(contract_4_10_keys_reach_the_app_one_by_one, AS_BOTH),
	SANDBOX_TEST(test_a_shell_has_job_control, AS_BOTH),
	SANDBOX_TEST(test_the_terminal_is_restored_on_every_way_out, AS_BOTH),
	SANDBOX_TEST(test_no_output_is_lost_at_the_end, AS_BOTH),
	SANDBOX_TEST(test_input_from_a_pipe_is_typed_and_ends, AS_BOTH),
	SANDBOX_TEST(contract_4_10_a_caller_that_hangs_up_ends_the_dyno, AS_BOTH),
	SANDBOX_TEST(contract_4_10_exec_enters_a_running_dyno, AS_BOTH),
};

SANDBOX_MAIN("terminal", tests)
