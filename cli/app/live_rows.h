/* SPDX-License-Identifier: Apache-2.0 */
/* live_rows.h - what a running formation tells of itself, kept frame by frame */
#ifndef CLI_APP_LIVE_ROWS_H
#define CLI_APP_LIVE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/app/live.h"

/* words of a `type` frame, and of a `dyno` frame, in the order in which they are sent (formation/requests.c) */
enum type_word { TYPE_FRAME, TYPE_NAME, TYPE_QUANTITY, TYPE_SIZE, TYPE_COMMAND, TYPE_WORDS };
enum dyno_word {
	DYNO_FRAME,
	DYNO_NAME,
	DYNO_TYPE,
	DYNO_STATE,
	DYNO_SINCE,
	DYNO_RETRY,
	DYNO_ID,
	DYNO_PID,
	DYNO_WHERE,
	DYNO_MEMORY,
	DYNO_QUOTA,
	DYNO_CPU,
	DYNO_PROCESSES,
	DYNO_COMMAND,
	DYNO_WORDS
};

/** struct row - a frame, kept; the words of @frame point into @bytes */
struct row {
	struct row *next;
	struct wire_frame frame;
	char bytes[];
};

/**
 * rows_ask() - everything that the formation of the app tells
 * @given: of --app. @ret: to be given to rows_free(). Return: 0 or negative errno
 */
int rows_ask(const char *given, char ret_app[static APP_NAME_LENGTH_MAX + 1], struct row **ret, struct dyno_error *err);

/** rows_free() - free all @rows */
void rows_free(struct row *rows);

/** row_is() - @row is a frame of @count words called @name */
bool row_is(const struct row *row, const char *name, size_t count);

/** row_number() - word @index as a number, 0 when it is none */
uint64_t row_number(const struct row *row, size_t index);

/** row_print() - print @text, which a Procfile holds, without what would steer the caller's terminal */
void row_print(const char *text);

/** row_age() - @seconds as "42s", "20m", "3h", "2d" */
void row_age(uint64_t seconds, char *buf, size_t size);

#endif /* CLI_APP_LIVE_ROWS_H */
