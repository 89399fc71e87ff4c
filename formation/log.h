/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - the log of one formation: every line goes to the ring, to the file, and to whoever listens */
#ifndef FORMATION_LOG_H
#define FORMATION_LOG_H

#include "formation/logfile.h"
#include "formation/logline.h"
#include "formation/ring.h"

/**
 * struct log_listener - somebody who hears every line, such as the console, a client, a drain
 * @hear: must neither block nor add lines
 */
struct log_listener {
	struct log_listener *next;
	void (*hear)(struct log_listener *listener, const struct logline *line);
};

/** struct formation_log - @file may be none; one that is all zero but the file is empty */
struct formation_log {
	struct ring ring;
	struct logfile file;
	struct log_listener *listeners;
};

/** log_add() - a line */
void log_add(struct formation_log *log, const struct logline *line);
/** log_say() - a line of the platform about @dyno */
void log_say(struct formation_log *log, uint64_t wall_us, const char *dyno, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/** log_listen() - @listener hears every line from now on */
void log_listen(struct formation_log *log, struct log_listener *listener);
/** log_unlisten() - and no more; fine if it never did */
void log_unlisten(struct formation_log *log, struct log_listener *listener);
/** log_done() - free what it owns; listeners own themselves */
void log_done(struct formation_log *log);

#endif /* FORMATION_LOG_H */
