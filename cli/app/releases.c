/* SPDX-License-Identifier: Apache-2.0 */
/* releases.c - `dyno releases`, `dyno releases:info` and `dyno rollback`: what changed in an app, when, by whom, and back */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/app.h"
#include "cli/app/operands.h"
#include "cli/app/options.h"
#include "cli/app/vars_print.h"
#include "cli/message.h"
#include "cli/verb.h"

/* As heroku. */
#define NUM_DEFAULT 15
/* A change is never shortened to less on a terminal. */
#define CHANGE_MIN 20

enum { COLUMN_REL, COLUMN_CHANGE, COLUMN_BY, COLUMN_WHEN, COLUMN_COUNT };

/** struct row - of the table, owned */
struct row {
	char *cells[COLUMN_COUNT];
};

/** struct table - being filled */
struct table {
	struct row *rows;
	size_t count;
	int64_t now_us;
	unsigned current;
	bool json;
};

/** print_release_json() - an object, with the names of Heroku's API and without its closing brace */
static void print_release_json(const struct config_release *release, bool current)
{
	char when[WHEN_MAX];

	printf("{\"version\": %u, \"description\": ", release->number);
	text_json(stdout, release->description);
	fputs(", \"user\": {\"name\": ", stdout);
	text_json(stdout, release->author);
	printf("}, \"created_at\": \"%s\", \"current\": %s", when_format_iso(release->created_us, when),
	       current ? "true" : "false");
}

/** add_row() - in the shape that config_release_list() calls; the first is the current one */
static int add_row(void *data, const struct config_release *release)
{
	struct table *table = data;
	struct row row = { .cells = { NULL } };
	char when[WHEN_MAX];
	struct row *grown;

	if (table->count == 0)
		table->current = release->number;
	if (table->json) {
		fputs(table->count++ ? ",\n " : "", stdout);
		print_release_json(release, release->number == table->current);
		putchar('}');
		return 0;
	}
	grown = realloc(table->rows, (table->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	table->rows = grown;
	row.cells[COLUMN_CHANGE] = strdup(release->description);
	row.cells[COLUMN_BY] = strdup(release->author);
	row.cells[COLUMN_WHEN] = strdup(when_format(release->created_us, table->now_us, when));
	if (asprintf(&row.cells[COLUMN_REL], "v%u", release->number) < 0)
		row.cells[COLUMN_REL] = NULL;
	table->rows[table->count++] = row;
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		if (!row.cells[i])
			return -ENOMEM;
	return 0;
}

/** table_done() - free what it owns */
static void table_done(struct table *table)
{
	for (size_t i = 0; table->rows && i < table->count; i++)
		for (size_t j = 0; j < COLUMN_COUNT; j++)
			free(table->rows[i].cells[j]);
	free(table->rows);
}

/** fit_change() - shorten the changes so that a row fits the terminal, if standard output is one */
static void fit_change(struct table *table, size_t widths[COLUMN_COUNT])
{
	struct winsize size = { 0 };
	size_t others = widths[COLUMN_REL] + widths[COLUMN_BY] + widths[COLUMN_WHEN] + 6;
	size_t room = CHANGE_MIN;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return;
	if (size.ws_col > others + CHANGE_MIN)
		room = size.ws_col - others;
	if (widths[COLUMN_CHANGE] <= room)
		return;
	widths[COLUMN_CHANGE] = room;
	for (size_t i = 0; i < table->count; i++)
		if (strlen(table->rows[i].cells[COLUMN_CHANGE]) > room)
			memcpy(table->rows[i].cells[COLUMN_CHANGE] + room - 3, "...", 4);
}

/** print_table() - with the columns of heroku */
static void print_table(struct table *table)
{
	static const char *const heads[COLUMN_COUNT] = { "Rel", "Change", "By", "When" };
	size_t widths[COLUMN_COUNT];

	for (size_t j = 0; j < COLUMN_COUNT; j++) {
		widths[j] = strlen(heads[j]);
		for (size_t i = 0; i < table->count; i++)
			if (strlen(table->rows[i].cells[j]) > widths[j])
				widths[j] = strlen(table->rows[i].cells[j]);
	}
	fit_change(table, widths);
	for (size_t j = 0; j < COLUMN_COUNT; j++)
		printf("%-*s%s", j + 1 < COLUMN_COUNT ? (int)widths[j] : 0, heads[j],
		       j + 1 < COLUMN_COUNT ? "  " : "\n");
	for (size_t j = 0; j < COLUMN_COUNT; j++) {
		for (size_t k = 0; k < widths[j]; k++)
			putchar('-');
		fputs(j + 1 < COLUMN_COUNT ? "  " : "\n", stdout);
	}
	for (size_t i = 0; i < table->count; i++)
		for (size_t j = 0; j < COLUMN_COUNT; j++) {
			vars_print_plain(table->rows[i].cells[j]);
			printf("%*s", j + 1 < COLUMN_COUNT ? (int)(widths[j] + 2 - strlen(table->rows[i].cells[j])) : 0,
			       "");
			fputs(j + 1 < COLUMN_COUNT ? "" : "\n", stdout);
		}
}

/** print_releases() - of an app that was opened. Return: exit code */
static int print_releases(const struct app *app, const struct releases_given *given)
{
	struct table table = { .now_us = when_now(), .json = given->json };
	struct dyno_error err = { 0 };
	int code = 0;

	if (given->json)
		putchar('[');
	if (app->store)
		code = config_release_list(app->store, app->name, (unsigned)given->num, add_row, &table, &err);
	if (code < 0 && !err.text[0])
		(void)error_set(&err, code, "releases", "cannot list releases:");
	if (code < 0)
		(void)message_error(NULL, &err);
	if (given->json) {
		puts("]");
	} else if (code == 0 && table.count == 0) {
		printf("%s has no releases.\n", app->name);
	} else if (code == 0) {
		printf("=== %s Releases - Current: v%u\n\n", app->name, table.current);
		print_table(&table);
	}
	table_done(&table);
	return code < 0 || fflush(stdout) != 0 ? EXIT_DYNO_FAILED : EXIT_OK;
}

int releases_main(int argc, char **argv, uint64_t requested_ns)
{
	struct releases_given given = { .num = NUM_DEFAULT };
	struct app app = { .store = NULL };
	int code = verb_parse_alone("releases", argc, argv, &given);

	(void)requested_ns;
	if (code == VERB_CONTINUE)
		code = app_open(given.app, false, &app);
	if (code == VERB_CONTINUE)
		code = print_releases(&app, &given);
	app_close(&app);
	return code;
}

/** one_release() - the operand of a verb that takes one release at most. Return: VERB_CONTINUE or EXIT_USAGE */
static int one_release(const char *verb, int count, char **operands, unsigned *ret)
{
	if (count > 1) {
		message_line("dyno: %s takes one release, but '%.40s' was given too", verb, operands[1]);
		return EXIT_USAGE;
	}
	*ret = count > 0 ? app_release_number(operands[0]) : 0;
	return count > 0 && *ret == 0 ? EXIT_USAGE : VERB_CONTINUE;
}

/** print_info() - one release. Return: exit code */
static int print_info(const struct app *app, const struct releases_info_given *given,
                      const struct config_release *release, bool current)
{
	char when[WHEN_MAX];

	if (given->json) {
		print_release_json(release, current);
		fputs(", \"config_vars\": ", stdout);
		vars_print_json(&release->vars);
		puts("}");
	} else if (release->number == 0) {
		printf("%s has no releases.\n", app->name);
	} else {
		printf("=== Release v%u\n\nBy:     ", release->number);
		vars_print_plain(release->author);
		fputs("\nChange: ", stdout);
		vars_print_plain(release->description);
		printf("\nWhen:   %s\n\n=== v%u Config Vars\n\n", when_format_iso(release->created_us, when),
		       release->number);
		if (given->shell)
			vars_print_shell(&release->vars);
		else
			vars_print_list(&release->vars);
	}
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}

int releases_info_main(int argc, char **argv, uint64_t requested_ns)
{
	struct releases_info_given given = { 0 };
	struct app app = { .store = NULL };
	struct config_release release = { 0 }, current = { 0 };
	unsigned number = 0;
	int count = 0;
	int code = operands_parse("releases:info", argc, argv, &given, &count);

	(void)requested_ns;
	if (code == VERB_CONTINUE)
		code = one_release("releases:info", count, argv + 1, &number);
	if (code == VERB_CONTINUE)
		code = app_open(given.app, false, &app);
	if (code == VERB_CONTINUE && (app_release(&app, 0, &current) < 0 || app_release(&app, number, &release) < 0))
		code = EXIT_NEGATIVE;
	if (code == VERB_CONTINUE)
		code = print_info(&app, &given, &release, release.number == current.number);
	config_release_done(&release);
	config_release_done(&current);
	app_close(&app);
	return code;
}

/** roll_back() - of an app that was opened. Return: exit code */
static int roll_back(const struct app *app, unsigned number)
{
	char author[APP_AUTHOR_MAX];
	struct dyno_error err = { 0 };
	unsigned from = 0, now = 0;
	int code = config_release_rollback(app->store, app->name, number, app_author(author), &from, &now, &err);

	if (code < 0) {
		(void)message_error(NULL, &err);
		return code == -ENOENT ? EXIT_NEGATIVE : EXIT_DYNO_FAILED;
	}
	if (code == 0) {
		message_line("dyno: v%u is the current release of %s: there is nothing to roll back", now, app->name);
		return EXIT_NEGATIVE;
	}
	message_line("Rolling back %s to v%u... done, v%u", app->name, from, now);
	message_line("To undo, run: dyno rollback --app %s v%u", app->name, now - 1);
	return EXIT_OK;
}

int rollback_main(int argc, char **argv, uint64_t requested_ns)
{
	struct rollback_given given = { 0 };
	struct app app = { .store = NULL };
	unsigned number = 0;
	int count = 0;
	int code = operands_parse("rollback", argc, argv, &given, &count);

	(void)requested_ns;
	if (code == VERB_CONTINUE)
		code = one_release("rollback", count, argv + 1, &number);
	if (code == VERB_CONTINUE)
		code = app_open(given.app, true, &app);
	if (code == VERB_CONTINUE)
		code = roll_back(&app, number);
	app_close(&app);
	return code;
}
