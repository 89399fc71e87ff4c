/* SPDX-License-Identifier: Apache-2.0 */
/**
 * signals.h - signals as events: blocked, and read from a descriptor
 *
 * What a signal does to `dyno run` and `dyno exec` is decided in their event loops, never in a handler. The mask is inherited by
 * whatever this process forks; the dyno's child clears it before the app runs, so that the app starts with no signal blocked.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include "dyno.h"

/**
 * struct signals - the signals of one verb
 * @fd:      pollable, -1 before signals_open()
 * @ignored: those that our caller had us ignore: nohup(1) hang-ups, a shell script's background job ^C and ^\
 */
struct signals {
	int fd;
	sigset_t ignored;
};

#define SIGNALS_NULL                                                                                                   \
	{                                                                                                              \
		.fd = -1                                                                                               \
	}

/** signals_open() - block INT, TERM, HUP, QUIT, USR1, USR2, WINCH, CONT, TSTP and PIPE; all but PIPE become readable */
int signals_open(struct signals *ret, struct dyno_error *err);

/**
 * signals_next() - take one signal
 * A hang-up is dropped when our caller had us ignore it; ^C and ^\ too, but only those that the terminal made: an
 * explicit kill(1) means it.
 * @ret_key: it was typed at the terminal (^C, ^\, ^Z), and so is meant for a whole job
 * Return: its number, 0 when there is none
 */
int signals_next(const struct signals *signals, bool *ret_key);

/** signals_close() - close the descriptor; the signals stay blocked */
void signals_close(struct signals *signals);

#endif /* CLI_SIGNALS_H */
