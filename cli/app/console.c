/* SPDX-License-Identifier: Apache-2.0 */
/* console.c - see console.h */
#include "cli/app/console.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define HEAD_SIZE 256

/** color_of() - an escape sequence for the dyno called @name: the same for the same name, as foreman's colours */
static const char *color_of(const char *name)
{
	static const char *const colors[] = { "\033[36m", "\033[33m", "\033[32m", "\033[35m", "\033[31m", "\033[34m",
		                              "\033[96m", "\033[93m", "\033[92m", "\033[95m", "\033[91m", "\033[94m" };
	uint32_t sum = 5;

	for (; *name; name++)
		sum = sum * 31 + (unsigned char)*name;
	return colors[sum % (sizeof(colors) / sizeof(colors[0]))];
}

/** format_columns() - "21:52:29 web.1     | text", what the platform says in grey. Return: length */
static size_t format_columns(struct console *console, const struct logline *line, char *buf)
{
	time_t seconds = (time_t)(line->wall_us / 1000000);
	struct tm tm = { 0 };
	int length;

	(void)localtime_r(&seconds, &tm);
	if ((int)strlen(line->dyno) > console->width)
		console->width = (int)strlen(line->dyno);
	length = snprintf(buf, HEAD_SIZE, "%s%02d:%02d:%02d %-*.140s |\033[0m %s", color_of(line->dyno), tm.tm_hour,
	                  tm.tm_min, tm.tm_sec, console->width, line->dyno, line->platform ? "\033[90m" : "");
	memcpy(buf + length, line->text, line->length);
	length += (int)line->length;
	/* whatever colour the app has left on */
	length += snprintf(buf + length, HEAD_SIZE, "\033[0m\n");
	return (size_t)length;
}

/** hear() - a line */
static void hear(struct log_listener *listener, const struct logline *line)
{
	struct console *console = (struct console *)listener;
	char text[LOGLINE_SIZE + 2 * HEAD_SIZE];
	size_t length = console->columns ? format_columns(console, line, text) : logline_format(line, text);

	(void)sink_add(&console->out, text, length, line->wall_us);
}

int console_open(struct console *console, bool color, int width)
{
	*console = (struct console){ .listener.hear = hear, .out = SINK_NULL, .width = width };
	console->columns = color || isatty(STDOUT_FILENO);
	return sink_open_shared(&console->out, STDOUT_FILENO);
}

int console_flush(struct console *console, uint64_t wall_us)
{
	int left = sink_flush(&console->out);
	uint64_t since_us = 0;
	uint64_t dropped = left < 0 ? 0 : sink_report(&console->out, &since_us);
	char text[160], since[40];
	struct logline line = { .wall_us = wall_us, .platform = true, .dyno = "logplex", .text = text };
	int length;

	if (dropped == 0)
		return left;
	(void)logline_time(since_us, since, sizeof(since));
	length = text_format(text, sizeof(text),
	                     "Error L11 (Tail buffer overflow): %" PRIu64 " messages dropped since %s", dropped, since);
	line.length = length < 0 ? 0 : (size_t)length;
	hear(&console->listener, &line);
	return sink_flush(&console->out);
}

void console_close(struct console *console)
{
	struct pollfd out = { .fd = console->out.fd, .events = POLLOUT };

	while (console_flush(console, (uint64_t)time(NULL) * 1000000) > 0)
		if (poll(&out, 1, 1000) <= 0)
			break;
	sink_close(&console->out);
}
