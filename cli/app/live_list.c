/* SPDX-License-Identifier: Apache-2.0 */
/* live_list.c - `dyno ps --app`: the dynos of a running app, as Heroku lists them */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "cli/app/live_rows.h"
#include "cli/app/start_options.h"
#include "cli/message.h"
#include "cli/verb.h"

/** print_dyno() - "web.1: up 2013/11/05 21:52:29 (~ 20m ago)" */
static void print_dyno(const struct row *row, time_t now)
{
	time_t since = (time_t)(row_number(row, DYNO_SINCE) / 1000000);
	char age[24], retry[24], date[32] = "";
	struct tm tm = { 0 };

	row_age(now > since ? (uint64_t)(now - since) : 0, age, sizeof(age));
	if (localtime_r(&since, &tm))
		(void)strftime(date, sizeof(date), "%Y/%m/%d %H:%M:%S", &tm);
	printf("%s: %s %s (~ %s ago)", row->frame.words[DYNO_NAME], row->frame.words[DYNO_STATE], date, age);
	if (row->frame.words[DYNO_RETRY][0]) {
		row_age((row_number(row, DYNO_RETRY) + 999) / 1000, retry, sizeof(retry));
		printf(", next try in %s", retry);
	}
	if (row->frame.words[DYNO_WHERE][0])
		printf(" http://%s", row->frame.words[DYNO_WHERE]);
	if (!row->frame.words[DYNO_TYPE][0]) {
		fputs(": ", stdout);
		row_print(row->frame.words[DYNO_COMMAND]);
	}
	putchar('\n');
}

/** print_group() - the dynos of type @type ("" for one-off dynos) below @head. Return: how many there were */
static unsigned print_group(const struct row *rows, const char *type, time_t now, bool dry)
{
	unsigned count = 0;

	for (const struct row *row = rows; row; row = row->next) {
		if (!row_is(row, "dyno", DYNO_WORDS) || strcmp(row->frame.words[DYNO_TYPE], type) != 0)
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
		if (!row_is(row, "type", TYPE_WORDS) || strcmp(row->frame.words[TYPE_QUANTITY], "0") == 0)
			continue;
		printf("%s=== %s (%s): ", gap, row->frame.words[TYPE_NAME], row->frame.words[TYPE_SIZE]);
		row_print(row->frame.words[TYPE_COMMAND]);
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
		printf(",\"%s\":%" PRIu64, name, row_number(row, index));
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
		if (!row_is(row, "type", TYPE_WORDS))
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
		if (!row_is(row, "dyno", DYNO_WORDS))
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
	char app[APP_NAME_LENGTH_MAX + 1];
	struct dyno_error err = { 0 };
	struct row *rows = NULL;
	int code = verb_parse_alone(argv[0], argc, argv, &given);

	(void)requested_ns;
	if (code != VERB_CONTINUE)
		return code;
	if (rows_ask(given.app, app, &rows, &err) < 0)
		return message_error(NULL, &err);
	if (given.json)
		print_json(app, rows);
	else
		print_text(rows);
	rows_free(rows);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}
