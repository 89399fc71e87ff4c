/* SPDX-License-Identifier: Apache-2.0 */
/**
 * message.h - what the command says on standard error: one line each, written in one write(2)
 *
 * The libraries below never print; here is where a struct dyno_error becomes a line. No stdio: `dyno run` never touches it.
 */
#ifndef CLI_MESSAGE_H
#define CLI_MESSAGE_H

#include "dyno.h"

/** Exit codes of the command; documented in dyno(1) */
enum exit_code {
	EXIT_OK = 0,
	EXIT_NEGATIVE = 1,         /* doctor: dynos cannot run here; check: mistakes; detect: nothing known */
	EXIT_USAGE = 2,            /* bad option or operand */
	EXIT_DYNO_FAILED = 125,    /* dyno itself failed */
	EXIT_NOT_EXECUTABLE = 126, /* the command was found but cannot be executed */
	EXIT_NOT_FOUND = 127,      /* the command was not found */
	EXIT_SIGNALLED = 128,      /* plus the number of the signal that ended the app */
};

/** message_line() - one line on standard error; the newline is added */
void message_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * message_error() - `dyno: NAME: TEXT (REMEDY)`
 * @name: name of the dyno that is concerned, NULL for none
 * Return: the exit code that belongs to @err
 */
int message_error(const char *name, const struct dyno_error *err);

/** message_usage() - the same for a mistake in how the command was called. Return: EXIT_USAGE */
int message_usage(const struct dyno_error *err);

/** message_exit_code() - exit code that belongs to a failure of dyno: 126 and 127 tell about the command */
int message_exit_code(const struct dyno_error *err);

/** message_status() - exit code for a wait status as waitpid(2) gives it */
int message_status(int status);

#endif /* CLI_MESSAGE_H */
