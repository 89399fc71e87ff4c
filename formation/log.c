/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - see log.h */
#include "formation/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void log_add(struct formation_log *log, const struct logline *line)
{
	ring_add(&log->ring, line);
	if (log->file.buffer) {
		char text[LOGLINE_SIZE];

		logfile_add(&log->file, text, logline_format(line, text));
	}
	for (struct log_listener *listener = log->listeners; listener; listener = listener->next)
		listener->hear(listener, line);
}

void log_say(struct formation_log *log, uint64_t wall_us, const char *dyno, const char *fmt, ...)
{
	char text[LOGLINE_MAX];
	struct logline line = { .wall_us = wall_us, .platform = true, .dyno = dyno, .text = text };
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (length < 0)
		return;
	line.length = (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
	/* one line is one line, whatever stands in a command */
	for (size_t i = 0; i < line.length; i++)
		if (text[i] == '\n')
			text[i] = ' ';
	log_add(log, &line);
}

void log_listen(struct formation_log *log, struct log_listener *listener)
{
	listener->next = log->listeners;
	log->listeners = listener;
}

void log_unlisten(struct formation_log *log, struct log_listener *listener)
{
	for (struct log_listener **at = &log->listeners; *at; at = &(*at)->next) {
		if (*at != listener)
			continue;
		*at = listener->next;
		return;
	}
}

void log_done(struct formation_log *log)
{
	ring_done(&log->ring);
	logfile_close(&log->file);
	log->listeners = NULL;
}
