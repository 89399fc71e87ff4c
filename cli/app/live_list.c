/* SPDX-License-Identifier: Apache-2.0 */
/* live_list.c - `dyno ps --app`: the dynos of a running app, as Heroku lists them */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/app/live.h"
#include "cli/app/start_options.h"
#include "cli/message.h"
#include "cli/verb.h"

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

/** struct row - a frame, kept; @words point into @bytes */
struct row {
	struct row *next;
	struct wire_frame frame;
	char bytes[];
};

/** keep() - a copy of @frame at the end of @rows. Return: 0 or -ENOMEM */
static int keep(struct row **rows, const struct wire_frame *frame)
{
	const char *last = frame->words[frame->count - 1];
	size_t size = (size_t)(last - frame->words[0]) + frame->sizes[frame->count - 1] + 1;
	struct row *row = malloc(sizeof(*row) + size);

	if (!row)
		return -ENOMEM;
	memcpy(row->bytes, frame->words[0], size);
	row->next = NULL;
	row->frame = *frame;
	for (size_t i = 0; i < frame->count; i++)
		row->frame.words[i] = row->bytes + (frame->words[i] - frame->words[0]);
	while (*rows)
		rows = &(*rows)->next;
	*rows = row;
	return 0;
}

/** drop() - free all @rows */
static void drop(struct row *rows)
{
	while (rows) {
		struct row *next = rows->next;

		free(rows);
		rows = next;
	}
}

/** is() - @row is a frame of @count words called @name */
static bool is(const struct row *row, const char *name, size_t count)
{
	return row->frame.count == count && strcmp(row->frame.words[0], name) == 0;
}

/** number_of() - word @index as a number, 0 when it is none */
static uint64_t number_of(const struct row *row, size_t index)
{
	uint64_t number = 0;

	(void)units_number(row->frame.words[index], 0, UINT64_MAX, &number);
	return number;
}

/** print_plain() - print @text, which a Procfile holds, without what would steer the caller's terminal */
static void print_plain(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

/** format_age() - "42s", "20m", "3h", "2d" */
static void format_age(uint64_t seconds, char *buf, size_t size)
{
	if (seconds < 60)
		(void)text_format(buf, size, "%" PRIu64 "s", seconds);
	else if (seconds < 3600)
		(void)text_format(buf, size, "%" PRIu64 "m", seconds / 60);
	else if (seconds < 24 * 3600)
		(void)text_format(buf, size, "%" PRIu64 "h", seconds / 3600);
	else
		(void)text_format(buf, size, "%" PRIu64 "d", seconds / (24 * 3600));
}

/** print_dyno() - "web.1: up 2013/11/05 21:52:29 (~ 20m ago)" */
static void print_dyno(const struct row *row, time_t now)
{
	time_t since = (time_t)(number_of(row, DYNO_SINCE) / 1000000);
	char age[24], retry[24], date[32] = "";
	struct tm tm = { 0 };

	format_age(now > since ? (uint64_t)(now - since) : 0, age, sizeof(age));
	if (localtime_r(&since, &tm))
		(void)strftime(date, sizeof(date), "%Y/%m/%d %H:%M:%S", &tm);
	printf("%s: %s %s (~ %s ago)", row->frame.words[DYNO_NAME], row->frame.words[DYNO_STATE], date, age);
	if (row->frame.words[DYNO_RETRY][0]) {
		format_age((number_of(row, DYNO_RETRY) + 999) / 1000, retry, sizeof(retry));
		printf(", next try in %s", retry);
	}
	if (row->frame.words[DYNO_WHERE][0])
		printf(" http://%s", row->frame.words[DYNO_WHERE]);
	if (!row->frame.words[DYNO_TYPE][0]) {
		fputs(": ", stdout);
		print_plain(row->frame.words[DYNO_COMMAND]);
	}
	putchar('\n');
}

/** print_group() - the dynos of type @type ("" for one-off dynos) below @head. Return: how many there were */
static unsigned print_group(const struct row *rows, const char *type, time_t now, bool dry)
{
	unsigned count = 0;

	for (const struct row *row = rows; row; row = row->next) {
		if (!is(row, "dyno", DYNO_WORDS) || strcmp(row->frame.words[DYNO_TYPE], type) != 0)
			continue;
		count++;
		if (!dry)
			print_dyno(row, now);
	}
	return count;
}

/** print_text() - as `heroku ps` */
static void print_text(const struct row *rows)
{
	time_t now = time(NULL);
	const char *gap = "";

	for (const struct row *row = rows; row; row = row->next) {
		if (!is(row, "type", TYPE_WORDS) || strcmp(row->frame.words[TYPE_QUANTITY], "0") == 0)
			continue;
		printf("%s=== %s (%s): ", gap, row->frame.words[TYPE_NAME], row->frame.words[TYPE_SIZE]);
		print_plain(row->frame.words[TYPE_COMMAND]);
		printf(" (%s)\n", row->frame.words[TYPE_QUANTITY]);
		(void)print_group(rows, row->frame.words[TYPE_NAME], now, false);
		gap = "\n";
	}
	if (print_group(rows, "", now, true) == 0)
		return;
	printf("%s=== run: one-off dynos (%u)\n", gap, print_group(rows, "", now, true));
	(void)print_group(rows, "", now, false);
}

/** json_text() - ,"name":"text" */
static void json_text(const struct row *row, const char *before, const char *name, size_t index)
{
	printf("%s\"%s\":", before, name);
	text_json(stdout, row->frame.words[index]);
}

/** json_number() - ,"name":number, or null when it is not known */
static void json_number(const struct row *row, const char *name, size_t index)
{
	if (row->frame.words[index][0])
		printf(",\"%s\":%" PRIu64, name, number_of(row, index));
	else
		printf(",\"%s\":null", name);
}

/** json_dyno() - one dyno */
static void json_dyno(const struct row *row)
{
	json_text(row, "{", "name", DYNO_NAME);
	json_text(row, ",", "type", DYNO_TYPE);
	json_text(row, ",", "state", DYNO_STATE);
	json_number(row, "since_us", DYNO_SINCE);
	json_number(row, "next_try_ms", DYNO_RETRY);
	json_text(row, ",", "dyno", DYNO_ID);
	json_number(row, "pid", DYNO_PID);
	json_text(row, ",", "published", DYNO_WHERE);
	json_number(row, "memory", DYNO_MEMORY);
	json_number(row, "memory_quota", DYNO_QUOTA);
	json_number(row, "cpu_usec", DYNO_CPU);
	json_number(row, "processes", DYNO_PROCESSES);
	json_text(row, ",", "command", DYNO_COMMAND);
	putchar('}');
}

/** print_json() - for programs */
static void print_json(const char *app, const struct row *rows)
{
	const char *gap = "";

	fputs("{\"app\":", stdout);
	text_json(stdout, app);
	fputs(",\"formation\":[", stdout);
	for (const struct row *row = rows; row; row = row->next) {
		if (!is(row, "type", TYPE_WORDS))
			continue;
		fputs(gap, stdout);
		json_text(row, "{", "type", TYPE_NAME);
		json_number(row, "quantity", TYPE_QUANTITY);
		json_text(row, ",", "size", TYPE_SIZE);
		json_text(row, ",", "command", TYPE_COMMAND);
		putchar('}');
		gap = ",";
	}
	fputs("],\"dynos\":[", stdout);
	gap = "";
	for (const struct row *row = rows; row; row = row->next) {
		if (!is(row, "dyno", DYNO_WORDS))
			continue;
		fputs(gap, stdout);
		json_dyno(row);
		gap = ",\n ";
	}
	puts("]}");
}

int ps_app_main(int argc, char **argv, uint64_t requested_ns)
{
	struct live_list_given given = { 0 };
	struct live live;
	struct wire_frame frame;
	struct dyno_error err = { 0 };
	struct row *rows = NULL;
	int code = verb_parse_alone(argv[0], argc, argv, &given);

	(void)requested_ns;
	if (code != VERB_CONTINUE)
		return code;
	code = live_ask(&live, given.app, (const char *const[]){ "ps" }, 1, &err);
	while (code == 0 && (code = live_next(&live, &frame, &err)) > 0)
		code = keep(&rows, &frame);
	live_close(&live);
	if (code < 0)
		code = message_error(NULL, &err);
	else if (given.json)
		print_json(live.app, rows);
	else
		print_text(rows);
	drop(rows);
	return fflush(stdout) == 0 ? code : EXIT_DYNO_FAILED;
}
