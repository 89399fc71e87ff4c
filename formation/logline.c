/* SPDX-License-Identifier: Apache-2.0 */
/* logline.c - see logline.h */
#include "formation/logline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define US_PER_S 1000000ULL

const char *logline_source(const struct logline *line)
{
	return line->platform ? "heroku" : "app";
}

size_t logline_time(uint64_t wall_us, char *buf, size_t size)
{
	time_t seconds = (time_t)(wall_us / US_PER_S);
	struct tm tm = { 0 };
	int length;

	(void)gmtime_r(&seconds, &tm);
	length = text_format(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%06u+00:00", tm.tm_year + 1900, tm.tm_mon + 1,
	                     tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(wall_us % US_PER_S));
	return length < 0 ? 0 : (size_t)length;
}

size_t logline_format(const struct logline *line, char *buf)
{
	size_t length = line->length < LOGLINE_MAX ? line->length : LOGLINE_MAX;
	size_t used = logline_time(line->wall_us, buf, LOGLINE_HEAD);

	used += (size_t)snprintf(buf + used, LOGLINE_HEAD - used, " %s[%.128s]: ", logline_source(line), line->dyno);
	memcpy(buf + used, line->text, length);
	used += length;
	buf[used++] = '\n';
	return used;
}

/** read_time() - @text of 32 bytes as microseconds since 1970. Return: 0 or -EINVAL */
static int read_time(const char *text, uint64_t *ret)
{
	struct tm tm = { 0 };
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	uint64_t us = 0;

	if (!rest || *rest != '.')
		return -EINVAL;
	for (int i = 1; i <= 6; i++) {
		if (rest[i] < '0' || rest[i] > '9')
			return -EINVAL;
		us = us * 10 + (uint64_t)(rest[i] - '0');
	}
	if (strncmp(rest + 7, "+00:00 ", 7) != 0)
		return -EINVAL;
	*ret = (uint64_t)timegm(&tm) * US_PER_S + us;
	return 0;
}

int logline_parse(char *text, size_t size, struct logline *ret)
{
	enum { TIME = 33 };
	struct logline line = { 0 };
	char *open = memchr(text, '[', size), *close;

	if (size <= TIME || !open || open < text + TIME || read_time(text, &line.wall_us) < 0)
		return -EINVAL;
	line.platform = open - text == TIME + 6 && memcmp(text + TIME, "heroku", 6) == 0;
	if (!line.platform && (open - text != TIME + 3 || memcmp(text + TIME, "app", 3) != 0))
		return -EINVAL;
	close = memmem(open, size - (size_t)(open - text), "]: ", 3);
	if (!close)
		return -EINVAL;
	*close = '\0';
	line.dyno = open + 1;
	line.text = close + 3;
	line.length = size - (size_t)(line.text - text);
	*ret = line;
	return 0;
}

/** hold() - keep @size bytes of a line that has not ended; false without memory. Should: fit into LOGLINE_MAX */
static bool hold(struct splitter *splitter, const char *bytes, size_t size)
{
	if (!splitter->held)
		splitter->held = malloc(LOGLINE_MAX);
	if (!splitter->held)
		return false;
	memcpy(splitter->held + splitter->length, bytes, size);
	splitter->length += size;
	return true;
}

/** let_go() - what is held becomes a line */
static void let_go(struct splitter *splitter, splitter_line *each, void *data)
{
	each(data, splitter->held, splitter->length);
	splitter->length = 0;
	free(splitter->held);
	splitter->held = NULL;
}

/** piece() - @size bytes of one line, which ends with them if @ends */
static void piece(struct splitter *splitter, const char *bytes, size_t size, bool ends, splitter_line *each, void *data)
{
	bool split = false;

	while (splitter->length + size > LOGLINE_MAX) {
		size_t part = LOGLINE_MAX - splitter->length;

		split = true;
		if (splitter->length == 0) {
			each(data, bytes, part);
		} else {
			(void)hold(splitter, bytes, part);
			let_go(splitter, each, data);
		}
		bytes += part;
		size -= part;
	}
	if (!ends) {
		if (size > 0 && !hold(splitter, bytes, size))
			each(data, bytes, size);
	} else if (splitter->length == 0) {
		/* the newline alone after LOGLINE_MAX bytes ends the line, it is none */
		if (size > 0 || !split)
			each(data, bytes, size);
	} else {
		(void)hold(splitter, bytes, size);
		let_go(splitter, each, data);
	}
}

void splitter_feed(struct splitter *splitter, const char *bytes, size_t size, splitter_line *each, void *data)
{
	const char *end = bytes + size;

	while (bytes < end) {
		const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
		const char *stop = newline ? newline : end;

		piece(splitter, bytes, (size_t)(stop - bytes), newline != NULL, each, data);
		bytes = newline ? newline + 1 : end;
	}
}

void splitter_finish(struct splitter *splitter, splitter_line *each, void *data)
{
	if (splitter->length > 0)
		let_go(splitter, each, data);
	free(splitter->held);
	*splitter = (struct splitter){ 0 };
}
