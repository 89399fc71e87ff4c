/* SPDX-License-Identifier: Apache-2.0 */
/* top.c - `dyno top`: what the dynos of a running app use, again and again */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/app/live_rows.h"
#include "cli/app/start_options.h"
#include "cli/message.h"
#include "cli/verb.h"

#define CLEAR "\033[H\033[J"

/** struct look - what was told, and when; a dyno's CPU time since the last look is its load */
struct look {
	struct row *rows;
	uint64_t ns;
};

/** load_of() - percent of one CPU that @now's dyno had since @before; -1 when it was not there, or is another one */
static double load_of(const struct look *before, const struct row *now, uint64_t now_ns)
{
	for (const struct row *row = before->rows; row; row = row->next) {
		uint64_t then = row_is(row, "dyno", DYNO_WORDS) ? row_number(row, DYNO_CPU) : 0;

		if (!row_is(row, "dyno", DYNO_WORDS) ||
		    strcmp(row->frame.words[DYNO_PID], now->frame.words[DYNO_PID]) != 0)
			continue;
		if (row_number(now, DYNO_CPU) < then || now_ns <= before->ns)
			return -1;
		return (double)(row_number(now, DYNO_CPU) - then) * 1000 * 100 / (double)(now_ns - before->ns);
	}
	return -1;
}

/** print_dyno() - a line of the table */
static void print_dyno(const struct look *before, const struct row *row, uint64_t now_ns)
{
	uint64_t since = row_number(row, DYNO_SINCE) / 1000000, now = (uint64_t)time(NULL);
	uint64_t memory = row_number(row, DYNO_MEMORY), quota = row_number(row, DYNO_QUOTA);
	double load = load_of(before, row, now_ns);
	char age[24], size[16] = "-", cpu[16] = "-", percent[16] = "-";

	row_age(now > since ? now - since : 0, age, sizeof(age));
	if (quota > 0) {
		units_format_size(memory, size, sizeof(size));
		(void)text_format(percent, sizeof(percent), "%.1f%%", 100.0 * (double)memory / (double)quota);
	}
	if (load >= 0)
		(void)text_format(cpu, sizeof(cpu), "%.1f%%", load);
	printf("%-20s  %-8s  %5s  %7s  %10s  %7s  %5s  ", row->frame.words[DYNO_NAME], row->frame.words[DYNO_STATE],
	       age, cpu, size, percent, quota > 0 ? row->frame.words[DYNO_PROCESSES] : "-");
	row_print(row->frame.words[DYNO_COMMAND]);
	putchar('\n');
}

/** look_again() - ask, print, and keep what was told for the next time. Return: 0, or an exit code after a message */
static int look_again(const struct top_given *given, struct look *last)
{
	struct look now = { .ns = clock_ns() };
	struct dyno_error err = { 0 };
	char app[APP_NAME_LENGTH_MAX + 1];

	if (rows_ask(given->app, app, &now.rows, &err) < 0)
		return message_error(NULL, &err);
	if (isatty(STDOUT_FILENO))
		fputs(CLEAR, stdout);
	printf("%-20s  %-8s  %5s  %7s  %10s  %7s  %5s  %s\n", "DYNO", "STATE", "SINCE", "CPU", "MEMORY", "QUOTA",
	       "PROCS", "COMMAND");
	for (const struct row *row = now.rows; row; row = row->next)
		if (row_is(row, "dyno", DYNO_WORDS))
			print_dyno(last, row, now.ns);
	rows_free(last->rows);
	*last = now;
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}

int top_main(int argc, char **argv, uint64_t requested_ns)
{
	struct top_given given = { .delay_ms = 2000 };
	struct look last = { 0 };
	int code = verb_parse_alone(argv[0], argc, argv, &given);

	(void)requested_ns;
	if (code != VERB_CONTINUE)
		return code;
	code = look_again(&given, &last);
	for (uint64_t i = 1; code == 0 && (given.times == 0 || i < given.times); i++) {
		(void)poll(NULL, 0, (int)given.delay_ms);
		code = look_again(&given, &last);
	}
	rows_free(last.rows);
	return code;
}
