/* SPDX-License-Identifier: Apache-2.0 */
/* terminal.c - see terminal.h */
#include "cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"

enum { WAIT_IN, WAIT_OUT, WAIT_MASTER };
_Static_assert(WAIT_MASTER + 1 == TERMINAL_POLLS, "one entry for each descriptor of the relay");

/**
 * saved - what a fatal signal needs to restore
 * The one mutable object of the command that is not on a stack: a signal handler has no other way to reach it.
 */
static struct {
	volatile sig_atomic_t armed;
	int fd;
	struct termios mode;
} saved;

/**
 * terminal_put() - set the mode of the caller's terminal, from the background too
 * SIGTTOU is blocked meanwhile: with it open, a background process that sets the mode is stopped instead
 * (drivers/tty/tty_jobctrl.c, __tty_check_change), and a shell that got its terminal back raw could not undo it.
 */
static int terminal_put(int fd, const struct termios *mode)
{
	sigset_t set, old;
	int code = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, &old);
	if (tcsetattr(fd, TCSANOW, mode) < 0)
		code = -errno;
	sigprocmask(SIG_SETMASK, &old, NULL);
	return code;
}

/** terminal_fatal() - restore the terminal, then die of @signo as if there had been no handler (SA_RESETHAND) */
static void terminal_fatal(int signo)
{
	if (saved.armed)
		(void)terminal_put(saved.fd, &saved.mode);
	(void)raise(signo);
}

/**
 * terminal_catch() - restore the terminal before a signal ends this process
 * Only signals whose default action is to end the process and which the event loop does not read itself. The app's signal
 * dispositions do not depend on this: raw mode, and so the handlers, come after the dyno was made.
 */
static void terminal_catch(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS,  SIGFPE,  SIGILL,    SIGABRT, SIGSYS,    SIGTRAP,
		                     SIGALRM, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGSTKFLT, SIGPWR };
	struct sigaction action = { .sa_handler = terminal_fatal, .sa_flags = (int)SA_RESETHAND };

	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &action, NULL);
}

void terminal_init(struct terminal *terminal, int master)
{
	terminal->master = master;
	terminal->in = STDIN_FILENO;
	terminal->out = STDOUT_FILENO;
	terminal->in_tty = master >= 0 && isatty(STDIN_FILENO);
	terminal->raw = false;
	terminal->in_end = false;
	terminal->master_end = false;
	terminal->eof_due = 0;
	terminal->last = '\n';
	terminal->to_app.start = terminal->to_app.end = 0;
	terminal->from_app.start = terminal->from_app.end = 0;
	if (master < 0)
		return;
	(void)fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	terminal_resize(terminal);
}

int terminal_raw(struct terminal *terminal, struct dyno_error *err)
{
	struct termios mode;
	int code;

	if (terminal->master < 0 || !terminal->in_tty || terminal->raw)
		return 0;
	if (tcgetattr(terminal->in, &saved.mode) < 0)
		return error_set(err, -errno, "terminal", "cannot read the mode of the terminal:");
	saved.fd = terminal->in;
	terminal_catch();
	saved.armed = 1;
	mode = saved.mode;
	cfmakeraw(&mode);
	code = terminal_put(terminal->in, &mode);
	if (code < 0) {
		saved.armed = 0;
		return error_set(err, code, "terminal", "cannot put the terminal into raw mode:");
	}
	terminal->raw = true;
	return 0;
}

void terminal_done(struct terminal *terminal)
{
	if (!terminal->raw)
		return;
	(void)terminal_put(saved.fd, &saved.mode);
	saved.armed = 0;
	terminal->raw = false;
}

void terminal_resize(const struct terminal *terminal)
{
	struct winsize size;

	if (terminal->master < 0)
		return;
	if (ioctl(terminal->in, TIOCGWINSZ, &size) < 0 && ioctl(terminal->out, TIOCGWINSZ, &size) < 0)
		return;
	(void)ioctl(terminal->master, TIOCSWINSZ, &size);
}

void terminal_suspend(struct terminal *terminal)
{
	const struct timespec now = { 0 };
	bool raw = terminal->raw;
	sigset_t stop, cont, old;

	terminal_done(terminal);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	sigemptyset(&cont);
	sigaddset(&cont, SIGCONT);
	(void)kill(getpid(), SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, &old); /* stopped here, until somebody continues us */
	sigprocmask(SIG_SETMASK, &old, NULL);
	(void)sigtimedwait(&cont, NULL, &now); /* that was for us; what follows is the caller's to do */
	if (raw)
		(void)terminal_raw(terminal, NULL);
	terminal_resize(terminal);
}

void terminal_resume(struct terminal *terminal)
{
	if (terminal->raw) {
		terminal_done(terminal);
		(void)terminal_raw(terminal, NULL);
	}
	terminal_resize(terminal);
}

/** buffer_room() - bytes that fit into @buffer */
static size_t buffer_room(const struct terminal_buffer *buffer)
{
	return sizeof(buffer->data) - buffer->end;
}

/** buffer_empty() - nothing is waiting in @buffer */
static bool buffer_empty(const struct terminal_buffer *buffer)
{
	return buffer->start == buffer->end;
}

/**
 * buffer_fill() - read once from @fd into the room of @buffer
 * Return: 1 when something came or may come later, 0 at the end, -EIO when @fd is gone
 */
static int buffer_fill(struct terminal_buffer *buffer, int fd)
{
	ssize_t got = read(fd, buffer->data + buffer->end, buffer_room(buffer));

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 1 : -EIO;
	buffer->end += (size_t)got;
	return got > 0;
}

/** buffer_drain() - write once from @buffer to @fd, at most PIPE_BUF bytes. Return: 0, or -EIO when @fd is gone */
static int buffer_drain(struct terminal_buffer *buffer, int fd)
{
	size_t size = buffer->end - buffer->start;
	ssize_t put = write(fd, buffer->data + buffer->start, size < PIPE_BUF ? size : PIPE_BUF);

	if (put < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -EIO;
	buffer->start += (size_t)put;
	if (buffer_empty(buffer))
		buffer->start = buffer->end = 0;
	return 0;
}

void terminal_polls(const struct terminal *terminal, struct pollfd fds[TERMINAL_POLLS])
{
	short master = 0;

	memset(fds, 0, sizeof(*fds) * TERMINAL_POLLS);
	fds[WAIT_IN].fd = fds[WAIT_OUT].fd = fds[WAIT_MASTER].fd = -1;
	if (terminal->master < 0)
		return;
	if (!terminal->in_end && buffer_room(&terminal->to_app) > 0) {
		fds[WAIT_IN].fd = terminal->in;
		fds[WAIT_IN].events = POLLIN;
	}
	if (!buffer_empty(&terminal->from_app)) {
		fds[WAIT_OUT].fd = terminal->out;
		fds[WAIT_OUT].events = POLLOUT;
	}
	if (terminal->master_end)
		return;
	if (buffer_room(&terminal->from_app) > 0)
		master |= POLLIN;
	if (!buffer_empty(&terminal->to_app) || terminal->eof_due > 0)
		master |= POLLOUT;
	/* With no event asked for, poll(2) would still report a hang-up, over and over. */
	fds[WAIT_MASTER].fd = master ? terminal->master : -1;
	fds[WAIT_MASTER].events = master;
}

/**
 * terminal_read_caller() - take what the caller typed; at the end of a file or pipe, plan to type end-of-file to the app
 * One end-of-file character ends input only at the start of a line; after a partial line the first one pushes the line.
 */
static int terminal_read_caller(struct terminal *terminal)
{
	int more = buffer_fill(&terminal->to_app, terminal->in);

	if (more > 0) {
		if (terminal->to_app.end > 0)
			terminal->last = terminal->to_app.data[terminal->to_app.end - 1];
		return 0;
	}
	terminal->in_end = true;
	if (terminal->in_tty)
		return -EIO;
	terminal->eof_due = terminal->last == '\n' ? 1 : 2;
	return 0;
}

/** terminal_type_eof() - type the end-of-file character of the app's terminal, if it reads lines */
static void terminal_type_eof(struct terminal *terminal)
{
	struct termios mode;
	char eof;

	if (tcgetattr(terminal->master, &mode) < 0 || !(mode.c_lflag & ICANON)) {
		terminal->eof_due = 0;
		return;
	}
	eof = (char)mode.c_cc[VEOF];
	if (write(terminal->master, &eof, 1) == 1 || errno != EAGAIN)
		terminal->eof_due--;
}

/**
 * terminal_serve_master() - exchange bytes with the app's terminal
 * EIO from the master means that no process holds the other side any more (drivers/tty/n_tty.c, n_tty_read).
 */
static void terminal_serve_master(struct terminal *terminal, short events)
{
	if (events & POLLOUT) {
		if (!buffer_empty(&terminal->to_app))
			(void)buffer_drain(&terminal->to_app, terminal->master);
		else if (terminal->eof_due > 0)
			terminal_type_eof(terminal);
	}
	if (!(events & (POLLIN | POLLHUP | POLLERR)) || buffer_room(&terminal->from_app) == 0)
		return;
	if (buffer_fill(&terminal->from_app, terminal->master) <= 0)
		terminal->master_end = true;
}

int terminal_relay(struct terminal *terminal, const struct pollfd fds[TERMINAL_POLLS])
{
	int code = 0;

	if (fds[WAIT_MASTER].fd >= 0 && fds[WAIT_MASTER].revents)
		terminal_serve_master(terminal, fds[WAIT_MASTER].revents);
	if (fds[WAIT_IN].fd >= 0 && fds[WAIT_IN].revents)
		code = terminal_read_caller(terminal);
	if (fds[WAIT_OUT].fd >= 0 && fds[WAIT_OUT].revents && buffer_drain(&terminal->from_app, terminal->out) < 0) {
		/* Nobody reads any more: take the app's output and let it go, so that the app can still end in order. */
		terminal->from_app.start = terminal->from_app.end = 0;
		code = -EIO;
	}
	return code;
}

bool terminal_drained(const struct terminal *terminal)
{
	struct pollfd master = { .fd = terminal->master, .events = POLLIN };

	if (terminal->master < 0)
		return true;
	if (!buffer_empty(&terminal->from_app))
		return false;
	/* poll(2) on a terminal first moves what is on its way between the two sides (n_tty_poll). */
	return terminal->master_end || poll(&master, 1, 0) <= 0 || !(master.revents & POLLIN);
}
