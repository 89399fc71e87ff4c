/* SPDX-License-Identifier: Apache-2.0 */
/**
 * console.h - the log of a formation on standard output
 *
 * On a terminal in foreman's columns and colours, one colour a dyno; else as Logplex shows lines, for whoever reads them next. A
 * reader that is slow loses lines and is told how many; the dynos never wait for it.
 */
#ifndef CLI_APP_CONSOLE_H
#define CLI_APP_CONSOLE_H

#include <stdbool.h>

#include "formation/log.h"
#include "formation/sink.h"

/**
 * struct console - @listener first, for its function gets it
 * @columns: foreman's layout; @width: of its first column
 */
struct console {
	struct log_listener listener;
	struct sink out;
	bool columns;
	int width;
};

/** console_open() - in front of standard output; @color: columns in any case. Return: 0 or negative errno */
int console_open(struct console *console, bool color, int width);
/** console_flush() - write what goes. Return: bytes that wait, or -EPIPE when nobody reads any more */
int console_flush(struct console *console, uint64_t wall_us);
/** console_close() - write what is left, as far as that needs no waiting for more than a second */
void console_close(struct console *console);

#endif /* CLI_APP_CONSOLE_H */
