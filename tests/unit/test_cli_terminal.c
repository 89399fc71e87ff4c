/* SPDX-License-Identifier: Apache-2.0 */
/* test_cli_terminal.c - cli/terminal: the relay between pipes or a terminal and the master of a pseudo-terminal */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/terminal.h"

/** struct fixture - the app's terminal and the caller's side: @in to write to, @out to read from */
struct fixture {
	struct terminal terminal;
	int master, slave;
	int in[2], out[2];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct termios mode;

	assert_non_null(f);
	assert_int_equal(openpty(&f->master, &f->slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(f->slave, &mode), 0);
	mode.c_lflag &= ~(tcflag_t)ECHO;
	mode.c_oflag &= ~(tcflag_t)OPOST;
	assert_int_equal(tcsetattr(f->slave, TCSANOW, &mode), 0);
	assert_int_equal(pipe2(f->in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(f->out, O_CLOEXEC), 0);
	terminal_init(&f->terminal, f->master);
	f->terminal.in = f->in[0];
	f->terminal.out = f->out[1];
	f->terminal.in_tty = false;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->master);
	close(f->slave);
	close(f->in[0]);
	close(f->in[1]);
	close(f->out[0]);
	close(f->out[1]);
	free(f);
	return 0;
}

/** turn() - one turn of an event loop. Return: what the relay returned */
static int turn(struct fixture *f, int timeout_ms)
{
	struct pollfd fds[TERMINAL_POLLS];

	terminal_polls(&f->terminal, fds);
	if (poll(fds, TERMINAL_POLLS, timeout_ms) <= 0)
		return 1;
	return terminal_relay(&f->terminal, fds);
}

/** turns() - until nothing is ready any more. Return: 0 or the first error */
static int turns(struct fixture *f)
{
	int code;

	do
		code = turn(f, 50);
	while (code == 0);
	return code < 0 ? code : 0;
}

static void test_both_ways(void **state)
{
	struct fixture *f = *state;
	char buf[32] = "";

	assert_int_equal(write(f->in[1], "hello\n", 6), 6);
	assert_int_equal(turns(f), 0);
	assert_int_equal(read(f->slave, buf, sizeof(buf)), 6);
	assert_memory_equal(buf, "hello\n", 6);
	assert_int_equal(write(f->slave, "world", 5), 5);
	assert_int_equal(turns(f), 0);
	assert_int_equal(read(f->out[0], buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "world", 5);
}

static void test_end_of_a_pipe_is_typed(void **state)
{
	struct fixture *f = *state;
	char buf[32];

	/* a partial line: the first end-of-file pushes it, the second is the end */
	assert_int_equal(write(f->in[1], "tail", 4), 4);
	close(f->in[1]);
	f->in[1] = -1;
	assert_int_equal(turns(f), 0);
	assert_int_equal(read(f->slave, buf, sizeof(buf)), 4);
	assert_int_equal(read(f->slave, buf, sizeof(buf)), 0);
}

static void test_bounded_when_nobody_reads(void **state)
{
	struct fixture *f = *state;
	char block[4096];
	size_t written = 0, got = 0;
	ssize_t n;

	memset(block, 'x', sizeof(block));
	assert_int_equal(fcntl(f->slave, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	for (int i = 0; i < 400; i++) {
		n = write(f->slave, block, sizeof(block));
		if (n > 0)
			written += (size_t)n;
		(void)turn(f, 0);
	}
	/* pipe 64 KiB, our buffer 16 KiB, the terminal's own */
	assert_true(written > 0 && written < 400 * sizeof(block));
	assert_int_equal(fcntl(f->out[0], F_SETFL, O_NONBLOCK), 0);
	for (int idle = 0; idle < 3;) {
		n = read(f->out[0], block, sizeof(block));
		if (n > 0)
			got += (size_t)n;
		idle = turn(f, 20) != 0 && n <= 0 ? idle + 1 : 0;
	}
	assert_int_equal(got, written);
	assert_true(terminal_drained(&f->terminal));
}

static void test_end_of_the_app(void **state)
{
	struct fixture *f = *state;
	char buf[32];

	assert_int_equal(write(f->slave, "bye", 3), 3);
	close(f->slave);
	f->slave = -1;
	assert_false(terminal_drained(&f->terminal));
	assert_int_equal(turns(f), 0);
	assert_true(terminal_drained(&f->terminal));
	assert_true(f->terminal.master_end);
	assert_int_equal(read(f->out[0], buf, sizeof(buf)), 3);
}

static void test_reader_gone(void **state)
{
	struct fixture *f = *state;
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);

	close(f->out[0]);
	f->out[0] = -1;
	assert_int_equal(write(f->slave, "lost", 4), 4);
	assert_int_equal(turns(f), -EIO);
	assert_true(terminal_drained(&f->terminal));
	signal(SIGPIPE, old);
}

static void test_no_terminal_waits_for_nothing(void **state)
{
	struct terminal terminal;
	struct pollfd fds[TERMINAL_POLLS];

	(void)state;
	terminal_init(&terminal, -1);
	terminal_polls(&terminal, fds);
	for (int i = 0; i < TERMINAL_POLLS; i++)
		assert_int_equal(fds[i].fd, -1);
	assert_int_equal(terminal_relay(&terminal, fds), 0);
	assert_true(terminal_drained(&terminal));
	assert_int_equal(terminal_raw(&terminal, NULL), 0);
	terminal_done(&terminal);
}

/**
 * child_takes_raw_mode() - what a forked child does on terminal @slave
 * Return: its exit code: 0 when raw mode came, and went if it is to leave by itself
 */
static int child_takes_raw_mode(int slave, int master, int signo)
{
	struct terminal terminal;
	struct termios mode;

	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0 || dup2(slave, 0) < 0)
		return 1;
	terminal_init(&terminal, master);
	if (!terminal.in_tty || terminal_raw(&terminal, NULL) < 0)
		return 2;
	if (tcgetattr(slave, &mode) < 0 || (mode.c_lflag & ICANON))
		return 3;
	if (signo != 0)
		raise(signo);
	terminal_done(&terminal);
	return 0;
}

/** raw_mode_in_a_child() - run it on a terminal of its own. Return: wait status; the mode must be as before */
static int raw_mode_in_a_child(int signo)
{
	int caller_master, caller, app_master, app, status;
	struct termios before, after;
	pid_t pid;

	assert_int_equal(openpty(&caller_master, &caller, NULL, NULL, NULL), 0);
	assert_int_equal(openpty(&app_master, &app, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(caller, &before), 0);
	pid = fork();
	if (pid == 0)
		_exit(child_takes_raw_mode(caller, app_master, signo));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* the end of a session leader hangs its terminal up: look at the mode through the master */
	assert_int_equal(tcgetattr(caller_master, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(after.c_oflag, before.c_oflag);
	close(caller_master);
	close(caller);
	close(app_master);
	close(app);
	return status;
}

static void test_raw_mode_is_undone(void **state)
{
	int status = raw_mode_in_a_child(0);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_raw_mode_is_undone_by_a_fatal_signal(void **state)
{
	static const int signals[] = { SIGALRM, SIGXCPU, SIGPROF };

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int status = raw_mode_in_a_child(signals[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_of_a_pipe_is_typed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded_when_nobody_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end_of_the_app, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_gone, setup, teardown),
		cmocka_unit_test(test_no_terminal_waits_for_nothing),
		cmocka_unit_test(test_raw_mode_is_undone),
		cmocka_unit_test(test_raw_mode_is_undone_by_a_fatal_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
