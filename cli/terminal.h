/* SPDX-License-Identifier: Apache-2.0 */
/**
 * terminal.h - the caller's terminal joined to a dyno's pseudo-terminal
 *
 * Theory of operation. The app gets a terminal of its own (a pair made inside the dyno), never the caller's: what the
 * app does to its terminal (modes, TIOCSTI, TIOCLINUX) stays there. Here the master side is relayed to the caller's
 * standard input and output. The caller's terminal is put into raw mode, so that every key, ^C and ^Z included, travels to the
 * app's own line discipline, which makes signals of them inside.
 *
 * Raw mode is undone on every way out: on return (terminal_done), before the command stops itself (terminal_suspend), and by
 * a handler on signals that end the process and are not read by signalfd. Only SIGKILL leaves it raw; nothing can be done then.
 *
 * The relay has one bounded buffer each way and reads only when there is room: a slow reader slows the app down, it never
 * makes the launcher grow. The caller's descriptors are shared with other processes and so are never made non-blocking;
 * the relay writes only what poll(2) announced, PIPE_BUF bytes at a time.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#include "dyno.h"

#define TERMINAL_BUFFER 16384
#define TERMINAL_POLLS 3

/** struct terminal_buffer - bytes on their way: [@start, @end) of @data */
struct terminal_buffer {
	size_t start;
	size_t end;
	char data[TERMINAL_BUFFER];
};

/**
 * struct terminal - one relay
 * @master: master side of the app's terminal, borrowed; -1 when there is no terminal
 * @in, @out: the caller's standard input and output
 * @in_tty: @in is a terminal, so raw mode applies and its end is a hang-up
 * @raw:    the caller's terminal is in raw mode
 * @in_end: nothing more comes from @in
 * @master_end: the app's side is closed: nothing more comes from @master
 * @eof_due: number of end-of-file characters still to be typed to the app, because @in was not a terminal and ended
 * @last:   last byte that went to the app
 */
struct terminal {
	int master;
	int in;
	int out;
	bool in_tty;
	bool raw;
	bool in_end;
	bool master_end;
	unsigned eof_due;
	char last;
	struct terminal_buffer to_app;
	struct terminal_buffer from_app;
};

/**
 * terminal_init() - get ready to relay @master; gives the app's terminal the size of the caller's
 * @master: made non-blocking; -1 for "no terminal": then all of the functions below do nothing
 */
void terminal_init(struct terminal *terminal, int master);

/** terminal_raw() - put the caller's terminal into raw mode, if there is one */
int terminal_raw(struct terminal *terminal, struct dyno_error *err);

/** terminal_done() - restore the caller's terminal; safe to call at any time and more than once */
void terminal_done(struct terminal *terminal);

/** terminal_resize() - give the app's terminal the size of the caller's (SIGWINCH) */
void terminal_resize(const struct terminal *terminal);

/**
 * terminal_suspend() - restore the terminal, stop this process as ^Z would, and take raw mode again when continued
 * The caller blocks SIGTSTP and SIGCONT. Without a terminal it only stops. An orphaned process group does not stop: the kernel
 * discards SIGTSTP there, because nobody could continue it (POSIX, 2.4.3).
 */
void terminal_suspend(struct terminal *terminal);

/** terminal_resume() - take raw mode and size again after this process was stopped by somebody else and continued */
void terminal_resume(struct terminal *terminal);

/** terminal_polls() - fill @fds with what the relay waits for; entries that wait for nothing have fd -1 */
void terminal_polls(const struct terminal *terminal, struct pollfd fds[TERMINAL_POLLS]);

/**
 * terminal_relay() - move what is ready
 * @fds: as poll(2) left them
 * Return: 0, or -EIO when the caller's side is gone (a closed terminal, a reader that went away)
 */
int terminal_relay(struct terminal *terminal, const struct pollfd fds[TERMINAL_POLLS]);

/** terminal_drained() - nothing that the app has written is left to be passed on */
bool terminal_drained(const struct terminal *terminal);

#endif /* CLI_TERMINAL_H */
