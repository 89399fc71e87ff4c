/* SPDX-License-Identifier: Apache-2.0 */
/* test_formation_log.c - formation/logline, ring, logfile and sink: lines, bounds, and what is dropped (contract 4.9) */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "formation/drain.h"
#include "formation/drain_https.h"
#include "formation/frame.h"
#include "formation/logfile.h"
#include "formation/logline.h"
#include "formation/ring.h"
#include "formation/sink.h"

/** struct heard - lines out of a splitter, each as its length and first byte */
struct heard {
	char told[512];
	size_t bytes;
};

/** hear() - note a line */
static void hear(void *data, const char *text, size_t length)
{
	struct heard *heard = data;

	heard->bytes += length;
	(void)text_append(heard->told, sizeof(heard->told), "%zu%.1s ", length, length ? text : "");
}

static void contract_4_9_a_line_looks_as_logplex_shows_it(void **state)
{
	struct logline line = { .wall_us = 1383688349123456, .dyno = "web.1", .text = "hello", .length = 5 }, back;
	char buf[LOGLINE_SIZE];
	size_t length = logline_format(&line, buf);

	(void)state;
	assert_string_equal(logline_source(&line), "app");
	buf[length] = '\0';
	assert_string_equal(buf, "2013-11-05T21:52:29.123456+00:00 app[web.1]: hello\n");
	assert_int_equal(logline_parse(buf, length - 1, &back), 0);
	assert_true(back.wall_us == line.wall_us && !back.platform && back.length == 5);
	assert_string_equal(back.dyno, "web.1");
	assert_memory_equal(back.text, "hello", 5);
	line.platform = true;
	line.text = "a]: b";
	length = logline_format(&line, buf);
	buf[length] = '\0';
	assert_string_equal(buf, "2013-11-05T21:52:29.123456+00:00 heroku[web.1]: a]: b\n");
	assert_int_equal(logline_parse(buf, length - 1, &back), 0);
	assert_true(back.platform && back.length == 5);
}

static void what_is_no_line_is_not_read_as_one(void **state)
{
	static const char *const wrong[] = {
		"",
		"hello",
		"2013-11-05T21:52:29.123456+00:00 ",
		"2013-11-05T21:52:29.123456+00:00 app[web.1]",
		"2013-11-05T21:52:29.123456+00:00 other[web.1]: x",
		"2013-11-05T21:52:29+00:00 app[web.1]: x ..............",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct logline line;
		char *copy = strdup(wrong[i]);

		assert_int_equal(logline_parse(copy, strlen(copy), &line), -EINVAL);
		free(copy);
	}
}

static void lines_are_made_of_bytes(void **state)
{
	struct heard heard = { 0 };
	struct splitter splitter = { 0 };

	(void)state;
	splitter_feed(&splitter, "ab", 2, hear, &heard);
	splitter_feed(&splitter, "c\n\nd\n", 5, hear, &heard);
	splitter_feed(&splitter, "e", 1, hear, &heard);
	assert_string_equal(heard.told, "3a 0 1d ");
	splitter_finish(&splitter, hear, &heard);
	splitter_finish(&splitter, hear, &heard);
	assert_string_equal(heard.told, "3a 0 1d 1e ");
	assert_null(splitter.held);
}

static void contract_4_9_a_line_is_split_at_10000_bytes(void **state)
{
	static char bytes[25000];
	static const size_t sizes[] = { 1, 7, 4096, 9999, 10000, 10001, 25000 };

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	/* however it comes: in pieces of any size */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct heard heard = { 0 };
		struct splitter splitter = { 0 };

		for (size_t at = 0; at < sizeof(bytes); at += sizes[i])
			splitter_feed(&splitter, bytes + at,
			              sizeof(bytes) - at < sizes[i] ? sizeof(bytes) - at : sizes[i], hear, &heard);
		splitter_feed(&splitter, "\ny\n", 3, hear, &heard);
		assert_string_equal(heard.told, "10000x 10000x 5000x 1y ");
	}
	struct heard heard = { 0 };
	struct splitter splitter = { 0 };

	splitter_feed(&splitter, bytes, 10000, hear, &heard);
	splitter_feed(&splitter, "\n", 1, hear, &heard);
	assert_string_equal(heard.told, "10000x ");
}

static void contract_4_9_the_last_1500_lines_are_kept(void **state)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	static char text[LOGLINE_MAX];
	struct logline line;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%u", i);
		ring_add(ring,
		         &(struct logline){ .wall_us = i, .dyno = "web.1", .text = number, .length = strlen(number) });
	}
	assert_int_equal(ring->count, 1500);
	ring_get(ring, 0, &line);
	assert_true(line.wall_us == 3500 && line.length == 4 && memcmp(line.text, "3500", 4) == 0);
	assert_string_equal(line.dyno, "web.1");
	ring_get(ring, 1499, &line);
	assert_true(line.wall_us == 4999);
	/* long lines are bounded by their bytes */
	for (unsigned i = 0; i < 2000; i++)
		ring_add(ring, &(struct logline){ .dyno = "web.1", .text = text, .length = sizeof(text) });
	assert_true(ring->count < 500 && ring->bytes <= RING_BYTES);
	ring_done(ring);
	assert_int_equal(ring->bytes, 0);
	free(ring);
}

static void contract_4_9_a_drain_gets_rfc_5424_after_its_length(void **state)
{
	struct logline line = { .wall_us = 1383688349123456, .dyno = "web.1", .text = "hello", .length = 5 };
	char buf[LOGLINE_SIZE + 128];
	size_t size = drain_format(&line, "d.1", buf);

	(void)state;
	buf[size] = '\0';
	assert_string_equal(buf, "63 <190>1 2013-11-05T21:52:29.123456+00:00 d.1 app web.1 - - hello");
	line.platform = true;
	size = drain_format(&line, "d.1", buf);
	buf[size] = '\0';
	assert_string_equal(buf, "66 <158>1 2013-11-05T21:52:29.123456+00:00 d.1 heroku web.1 - - hello");
	line.platform = false;
	line.dyno = "api";
	size = drain_format(&line, "d.1", buf);
	buf[size] = '\0';
	assert_string_equal(buf, "61 <134>1 2013-11-05T21:52:29.123456+00:00 d.1 app api - - hello");
	assert_int_equal(DRAINS_MAX, 5);
}

static void contract_4_9_a_slow_reader_loses_lines_and_hears_how_many(void **state)
{
	struct sink sink = SINK_NULL;
	static char drain[65536];
	char line[1000];
	uint64_t dropped = 0, since = 0;
	size_t added = 0, got = 0;
	int ends[2];
	ssize_t n;

	(void)state;
	memset(line, 'x', sizeof(line));
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(sink_open(&sink, ends[1], SINK_SIZE), 0);
	for (unsigned i = 0; i < 10000; i++) {
		if (sink_add(&sink, line, sizeof(line), 1000 + i))
			added++;
		assert_true(sink_flush(&sink) >= 0);
	}
	/* a pipe and the queue, no more */
	assert_true(added * sizeof(line) <= SINK_SIZE + 65536);
	assert_int_equal(sink_report(&sink, &since), 0);
	do {
		while ((n = read(ends[0], drain, sizeof(drain))) > 0)
			got += (size_t)n;
	} while (sink_flush(&sink) > 0);
	while ((n = read(ends[0], drain, sizeof(drain))) > 0)
		got += (size_t)n;
	assert_int_equal(got, added * sizeof(line));
	dropped = sink_report(&sink, &since);
	assert_int_equal(added + dropped, 10000);
	assert_true(since == 1000 + added);
	assert_int_equal(sink_report(&sink, &since), 0);
	assert_true(sink_add(&sink, line, sizeof(line), 0));
	close(ends[0]);
	assert_int_equal(sink_flush(&sink), -EPIPE);
	sink_close(&sink);
	assert_false(sink_add(&sink, line, sizeof(line), 0));
}

static void what_is_told_of_a_drain_holds_no_secret(void **state)
{
	static const struct {
		const char *url, *shown;
	} rows[] = {
		{ "https://logs.example.com/path?key=s3cret", "https://logs.example.com" },
		{ "https://user:s3cret@logs.example.com:8443/path", "https://logs.example.com:8443" },
		{ "https://user:s3c@ret@host#s3cret", "https://host" },
		{ "https://host?s3cret@x", "https://host" },
		{ "https://[::1]:1/", "https://[::1]:1" },
	};
	static const char *const none[] = { "",         "syslog://",  "syslog://host", "syslog://:1",
		                            "http://a", "https:///p", "a:s3cret" };
	struct dyno_error err = { 0 };
	char buf[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_string_equal(drain_shown(rows[i].url, buf, sizeof(buf)), rows[i].shown);
		assert_int_equal(drain_check(rows[i].url, &err), 0);
	}
	assert_int_equal(drain_check("syslog://[::1]:514", &err), 0);
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		assert_int_equal(drain_check(none[i], &err), -EINVAL);
		assert_null(strstr(err.text, "s3cret"));
	}
}

static void a_queue_is_looked_into(void **state)
{
	struct sink sink = SINK_NULL;
	char buf[16] = "";

	(void)state;
	assert_int_equal(sink_open(&sink, -1, 8), 0);
	assert_true(sink_add(&sink, "abcdef", 6, 0));
	sink_drop(&sink, 4);
	assert_true(sink_add(&sink, "ghijk", 5, 0));
	assert_int_equal(sink_peek(&sink, 0, buf, sizeof(buf)), 7);
	assert_memory_equal(buf, "efghijk", 7);
	assert_int_equal(sink_peek(&sink, 3, buf, 2), 2);
	assert_memory_equal(buf, "hi", 2);
	assert_int_equal(sink_peek(&sink, 7, buf, 2), 0);
	sink_close(&sink);
}

static void a_frame_is_whole_messages_and_bounded(void **state)
{
	static char message[1 << 16];
	struct sink queue = SINK_NULL;
	struct frame frame = { 0 };
	char id[FRAME_ID_SIZE];

	(void)state;
	memset(message, 'x', sizeof(message));
	message[snprintf(message, sizeof(message), "65530 ")] = 'x'; /* and all the rest of it */
	assert_int_equal(sink_open(&queue, -1, 1 << 20), 0);
	assert_int_equal(frame_open(&frame), 0);
	assert_false(frame_take(&frame, &queue, 1));
	for (int i = 0; i < 6; i++)
		assert_true(sink_add(&queue, message, sizeof(message), 1));
	assert_true(sink_add(&queue, "2 ab1 c", 7, 1));
	assert_true(frame_take(&frame, &queue, 7));
	assert_int_equal(frame.count, 4);
	assert_int_equal(frame.size, FRAME_MAX);
	/* it stays as it is until it was sent */
	memcpy(id, frame.id, sizeof(id));
	assert_true(frame_take(&frame, &queue, 8));
	assert_string_equal(frame.id, id);
	frame_lost(&frame, &queue);
	assert_int_equal(queue.dropped, 4);
	assert_int_equal(queue.since_us, 7);
	assert_true(frame_take(&frame, &queue, 9));
	assert_int_equal(frame.count, 4);
	assert_memory_equal(frame.bytes + 2 * sizeof(message), "2 ab1 c", 7);
	assert_string_not_equal(frame.id, id);
	frame_sent(&frame);
	assert_false(frame_take(&frame, &queue, 9));
	frame_close(&frame);
	sink_close(&queue);
}

static void the_file_is_bounded(void **state)
{
	char dir[] = "/tmp/test-logfile.XXXXXX", line[1001];
	struct logfile file = LOGFILE_NULL;
	struct dyno_error err = { 0 };
	off_t size, old;
	int dirfd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	memset(line, 'x', sizeof(line));
	line[1000] = '\n';
	assert_int_equal(logfile_open(dirfd, "app", &file, &err), 0);
	for (unsigned i = 0; i < 40000; i++)
		logfile_add(&file, line, sizeof(line));
	logfile_close(&file);
	size = faccessat(dirfd, "app.log", F_OK, 0) == 0 ? lseek(openat(dirfd, "app.log", O_RDONLY), 0, SEEK_END) : -1;
	old = lseek(openat(dirfd, "app.log.1", O_RDONLY), 0, SEEK_END);
	assert_true(size >= 0 && old > 0);
	assert_true((uint64_t)(size + old) <= LOGFILE_MAX + 2 * LOGFILE_BUFFER);
	/* the next one goes on where it ended */
	assert_int_equal(logfile_open(dirfd, "app", &file, &err), 0);
	assert_true(file.size == (uint64_t)size);
	logfile_close(&file);
	assert_int_equal(unlinkat(dirfd, "app.log", 0), 0);
	assert_int_equal(unlinkat(dirfd, "app.log.1", 0), 0);
	close(dirfd);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contract_4_9_a_line_looks_as_logplex_shows_it),
		cmocka_unit_test(what_is_no_line_is_not_read_as_one),
		cmocka_unit_test(lines_are_made_of_bytes),
		cmocka_unit_test(contract_4_9_a_line_is_split_at_10000_bytes),
		cmocka_unit_test(contract_4_9_the_last_1500_lines_are_kept),
		cmocka_unit_test(contract_4_9_a_drain_gets_rfc_5424_after_its_length),
		cmocka_unit_test(contract_4_9_a_slow_reader_loses_lines_and_hears_how_many),
		cmocka_unit_test(what_is_told_of_a_drain_holds_no_secret),
		cmocka_unit_test(a_queue_is_looked_into),
		cmocka_unit_test(a_frame_is_whole_messages_and_bounded),
		cmocka_unit_test(the_file_is_bounded),
	};

	(void)signal(SIGPIPE, SIG_IGN); /* as everybody who writes to readers */
	return cmocka_run_group_tests_name("formation log", tests, NULL, NULL);
}
