/* SPDX-License-Identifier: Apache-2.0 */
/* logs.c - `dyno logs`: the last lines of an app's log, of the running formation or else of its file */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/app/live.h"
#include "cli/app/start_options.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "config/store.h"
#include "formation/logfile.h"
#include "formation/ring.h"

#define LINES_DEFAULT 100

/** wanted() - @line passes the filters: --dyno web means web.1, web.2, ... */
static bool wanted(const struct logs_given *given, const struct logline *line)
{
	size_t length = given->dyno ? strlen(given->dyno) : 0;

	if (given->source && strcmp(given->source, logline_source(line)) != 0)
		return false;
	return !given->dyno || strcmp(given->dyno, line->dyno) == 0 ||
	       (strncmp(given->dyno, line->dyno, length) == 0 && line->dyno[length] == '.');
}

/** print_line() - as Logplex shows it, or as an object */
static void print_line(const struct logs_given *given, const struct logline *line)
{
	char buf[LOGLINE_SIZE];

	if (!given->json) {
		size_t length = logline_format(line, buf);

		(void)fwrite(buf, 1, length, stdout);
		return;
	}
	(void)logline_time(line->wall_us, buf, sizeof(buf));
	printf("{\"time\":\"%s\",\"source\":\"%s\",\"dyno\":", buf, logline_source(line));
	text_json(stdout, line->dyno);
	fputs(",\"text\":", stdout);
	(void)snprintf(buf, sizeof(buf), "%.*s", (int)line->length, line->text);
	text_json(stdout, buf);
	puts("}");
}

/** struct lines - the last that were wanted, a ring that is printed when all were seen */
struct lines {
	const struct logs_given *given;
	struct ring ring;
};

/** print_last() - the last lines of @lines */
static void print_last(const struct lines *lines)
{
	size_t count = lines->ring.count;
	size_t first = count > lines->given->lines ? count - lines->given->lines : 0;

	for (size_t i = first; i < count; i++) {
		struct logline line;

		ring_get(&lines->ring, i, &line);
		print_line(lines->given, &line);
	}
}

/** read_file() - the lines of NAME in directory @dirfd, if it is there */
static void read_file(int dirfd, const char *name, struct lines *lines)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char *text = NULL;
	size_t size = 0;
	ssize_t length;

	while (file && (length = getline(&text, &size, file)) > 0) {
		struct logline line;

		if (text[length - 1] == '\n')
			length--;
		if (logline_parse(text, (size_t)length, &line) == 0 && wanted(lines->given, &line))
			ring_add(&lines->ring, &line);
	}
	free(text);
	if (file)
		fclose(file);
	else
		fd_close(fd);
}

/** from_file() - an app that is not running: what is left of its log. Return: exit code */
static int from_file(const char *app, struct lines *lines, const struct dyno_error *why)
{
	char path[4096], name[64];
	struct dyno_error err = { 0 };
	_cleanup_close_ int dirfd = -1;

	if (config_store_directory(path, sizeof(path), &err) < 0)
		return message_error(NULL, &err);
	if (text_append(path, sizeof(path), "/logs") >= 0)
		dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)text_format(name, sizeof(name), "%s.log.1", app);
	if (dirfd >= 0)
		read_file(dirfd, name, lines);
	(void)text_format(name, sizeof(name), "%s.log", app);
	if (dirfd < 0 || faccessat(dirfd, name, R_OK, 0) < 0)
		return message_error(NULL, why); /* it never ran */
	read_file(dirfd, name, lines);
	print_last(lines);
	return EXIT_OK;
}

/** line_of() - the line of a `line` frame. Return: false when it is none */
static bool line_of(const struct wire_frame *frame, struct logline *ret)
{
	if (frame->count != 5 || strcmp(frame->words[0], "line") != 0)
		return false;
	*ret = (struct logline){ .platform = strcmp(frame->words[2], "heroku") == 0,
		                 .dyno = frame->words[3],
		                 .text = frame->words[4],
		                 .length = frame->sizes[4] };
	return units_number(frame->words[1], 0, UINT64_MAX, &ret->wall_us) == 0 && ret->length <= LOGLINE_MAX;
}

/** from_formation() - what the running app has, and with --tail what comes. Return: 0 at the end, or negative errno */
static int from_formation(struct live *live, struct lines *lines, struct dyno_error *err)
{
	bool backlog = true;
	struct wire_frame frame;
	struct logline line;
	int code;

	while ((code = live_next(live, &frame, err)) > 0) {
		if (strcmp(frame.words[0], "now") == 0) {
			backlog = false;
			print_last(lines);
			if (fflush(stdout) != 0)
				return 0;
		}
		if (!line_of(&frame, &line) || !wanted(lines->given, &line))
			continue;
		if (backlog)
			ring_add(&lines->ring, &line);
		else
			print_line(lines->given, &line);
		if (!backlog && fflush(stdout) != 0)
			return 0;
	}
	if (backlog)
		print_last(lines);
	return code;
}

int logs_main(int argc, char **argv, uint64_t requested_ns)
{
	struct logs_given given = { .lines = LINES_DEFAULT };
	struct lines *lines = calloc(1, sizeof(*lines));
	struct dyno_error err = { 0 };
	struct live live;
	int code = verb_parse_alone(argv[0], argc, argv, &given);

	(void)requested_ns;
	if (code != VERB_CONTINUE || !lines) {
		free(lines);
		return lines ? code : EXIT_DYNO_FAILED;
	}
	if (given.source && strcmp(given.source, "app") != 0 && strcmp(given.source, "heroku") != 0) {
		free(lines);
		message_line("dyno: --source is app or heroku, not '%.40s'", given.source);
		return EXIT_USAGE;
	}
	lines->given = &given;
	code = live_ask(&live, given.app, (const char *const[]){ "logs", "", given.tail ? "follow" : "once" }, 3, &err);
	if (code == 0)
		code = from_formation(&live, lines, &err);
	if (code == -ENOENT)
		code = from_file(live.app, lines, &err);
	else if (code < 0)
		code = message_error(NULL, &err);
	live_close(&live);
	ring_done(&lines->ring);
	free(lines);
	return fflush(stdout) == 0 ? code : EXIT_DYNO_FAILED;
}
