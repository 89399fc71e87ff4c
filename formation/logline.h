/* SPDX-License-Identifier: Apache-2.0 */
/**
 * logline.h - lines of a log: out of what a dyno writes, and as Logplex shows them
 *
 *     2013-11-05T21:52:29.123456+00:00 app[web.1]: text
 *
 * `app` is what a dyno wrote, `heroku` what is said about it. A line of more than LOGLINE_MAX bytes becomes several
 * (https://devcenter.heroku.com/articles/limits).
 */
#ifndef FORMATION_LOGLINE_H
#define FORMATION_LOGLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGLINE_MAX 10000
/* time, source and name; the name of a process type has 128 bytes at most */
#define LOGLINE_HEAD 192
#define LOGLINE_SIZE (LOGLINE_HEAD + LOGLINE_MAX + 2)

/**
 * struct logline - one entry
 * @wall_us:  microseconds since 1970
 * @platform: said about the dyno, not by it
 * @dyno:     "web.1"
 * @text:     @length bytes without a newline; may hold anything else
 */
struct logline {
	uint64_t wall_us;
	bool platform;
	const char *dyno;
	const char *text;
	size_t length;
};

/** logline_source() - "app" or "heroku" */
const char *logline_source(const struct logline *line);

/** logline_time() - "2013-11-05T21:52:29.123456+00:00" into @buf of at least 33 bytes. Return: its length */
size_t logline_time(uint64_t wall_us, char *buf, size_t size);

/**
 * logline_format() - as Logplex shows it, with a newline
 * @buf: LOGLINE_SIZE bytes. Return: length; there is no terminator
 */
size_t logline_format(const struct logline *line, char *buf);

/**
 * logline_parse() - read back what logline_format() made
 * @text, @size: one line without its newline, changed: names get a terminator
 * Return: 0, or -EINVAL
 */
int logline_parse(char *text, size_t size, struct logline *ret);

/**
 * struct splitter - makes lines of the bytes of a stream
 * @held:   a line that has not ended, NULL for none; only then is memory taken
 */
struct splitter {
	char *held;
	size_t length;
};

typedef void splitter_line(void *data, const char *text, size_t length);

/**
 * splitter_feed() - more bytes have come; calls @each for every line that is whole
 * Without memory for it, an unfinished line comes in two pieces.
 */
void splitter_feed(struct splitter *splitter, const char *bytes, size_t size, splitter_line *each, void *data);

/** splitter_finish() - nothing more comes: what is held is a line. Frees what it owns */
void splitter_finish(struct splitter *splitter, splitter_line *each, void *data);

#endif /* FORMATION_LOGLINE_H */
