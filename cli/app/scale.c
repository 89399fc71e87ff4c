/* SPDX-License-Identifier: Apache-2.0 */
/**
 * scale.c - `dyno ps:scale` and `ps:type`: how many dynos of which size, of an app that runs or of its next start
 *
 * A formation that runs keeps what it was asked for itself. For one that does not run, the Procfile of its last start says which
 * types there are, and the change is kept here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/app/live_rows.h"
#include "cli/app/operands.h"
#include "cli/app/recipe.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "formation/scale.h"

#define TOLD_SIZE 2048

/** print_scale() - "web=2:Standard-1X", as ps:scale takes it */
static void print_scale(size_t place, const char *type, const char *quantity, const char *size)
{
	printf("%s%s=%s:%s", place ? " " : "", type, quantity, size);
}

/** print_size() - a row of ps:type */
static void print_size(size_t place, const char *type, const char *quantity, const char *size)
{
	if (place == 0)
		printf("=== Dyno Types\n%-15s %-17s %s\n", "type", "size", "qty");
	printf("%-15s %-17s %s\n", type, size, quantity);
}

/** typedef print_fn - how one type is shown; @place: from 0 */
typedef void print_fn(size_t place, const char *type, const char *quantity, const char *size);

/** show_rows() - of a formation that runs */
static void show_rows(const struct row *rows, print_fn *print)
{
	size_t place = 0;

	for (const struct row *row = rows; row; row = row->next)
		if (row_is(row, "type", TYPE_WORDS))
			print(place++, row->frame.words[TYPE_NAME], row->frame.words[TYPE_QUANTITY],
			      row->frame.words[TYPE_SIZE]);
}

/** show_plan() - of one that does not */
static void show_plan(const struct plan *plan, print_fn *print)
{
	for (size_t i = 0; i < plan->count; i++) {
		char quantity[24];

		(void)snprintf(quantity, sizeof(quantity), "%u", plan->types[i].quantity);
		print(i, plan->types[i].name, quantity, plan_size_label(&plan->types[i]));
	}
}

/** read_plan() - of an app that does not run. Return: 0 or negative errno */
static int read_plan(const char *app, struct start_given *start, struct recipe_source *source, struct plan *ret,
                     struct dyno_error *err)
{
	int code;

	*start = (struct start_given){ .app = app, .net = -1 };
	code = recipe_source_again(start, source, err);
	return code < 0 ? code : recipe_plan(source, ret, err);
}

/** show() - ps:scale or ps:type without operands. Return: exit code */
static int show(const char *given, bool sizes)
{
	print_fn *print = sizes ? print_size : print_scale;
	struct recipe_source source = { .dirfd = -1 };
	struct start_given start;
	char app[APP_NAME_LENGTH_MAX + 1];
	struct dyno_error err = { 0 };
	struct plan plan = { 0 };
	struct row *rows = NULL;
	int code = rows_ask(given, app, &rows, &err);

	if (code == 0) {
		show_rows(rows, print);
	} else if (code == -ENOENT) {
		code = read_plan(given, &start, &source, &plan, &err);
		if (code == 0)
			show_plan(&plan, print);
	}
	if (code == 0 && !sizes)
		putchar('\n');
	rows_free(rows);
	plan_done(&plan);
	recipe_source_close(&source);
	if (code < 0)
		return message_error(NULL, &err);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}

/** change_next() - of the next start. @told: TOLD_SIZE bytes for what that will be. Return: 0 or negative errno */
static int change_next(const char *app, bool sizes, const char *const *words, size_t count, char *told,
                       struct dyno_error *err)
{
	struct recipe_source source = { .dirfd = -1 };
	struct start_given start;
	struct plan plan = { 0 };
	int code = read_plan(app, &start, &source, &plan, err);

	for (size_t i = 0; i < count && code == 0; i++)
		code = sizes ? plan_resize(&plan, words[i], err) : plan_scale(&plan, words[i], err);
	if (code == 0)
		code = recipe_check(&plan, err);
	if (code == 0 && !source.store)
		code = error_set(err, -ENOENT, "scale", "there is no store in which it could be kept");
	if (code == 0)
		code = scale_keep(source.store, source.app, &plan, err);
	plan_told(&plan, told, TOLD_SIZE);
	plan_done(&plan);
	recipe_source_close(&source);
	return code;
}

/** change() - ps:scale or ps:type with @count @words behind the request's name. Return: exit code */
static int change(const char *given, bool sizes, const char *const *words, size_t count)
{
	struct wire_frame frame = { 0 };
	struct dyno_error err = { 0 };
	char told[TOLD_SIZE];
	struct live live;
	int code = live_ask(&live, given, words, count + 1, &err);

	if (code == 0)
		code = live_finish(&live, &frame, &err);
	if (code == 0) {
		printf("Scaling dynos... done, now running %s\n", frame.count > 1 ? frame.words[1] : "");
	} else if (code == -ENOENT) {
		code = change_next(given, sizes, words + 1, count, told, &err);
		if (code == 0)
			printf("Scaling dynos... done, the next start runs %s\n", told);
	}
	live_close(&live);
	if (code < 0)
		return code == -EINVAL ? message_usage(&err) : message_error(NULL, &err);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}

/** scale() - both verbs; @sizes: ps:type. Return: exit code */
static int scale(int argc, char **argv, bool sizes)
{
	struct live_given given = { 0 };
	const char *words[WIRE_WORDS] = { sizes ? "type" : "scale" };
	int count = 0;
	int code = operands_parse(argv[0], argc, argv, &given, &count);

	if (code != VERB_CONTINUE)
		return code;
	if (count > WIRE_WORDS - 1) {
		message_line("dyno: %s takes %d operands at most; several fit into one, separated by commas", argv[0],
		             WIRE_WORDS - 1);
		return EXIT_USAGE;
	}
	for (int i = 1; i <= count; i++)
		words[i] = argv[i];
	return count == 0 ? show(given.app, sizes) : change(given.app, sizes, words, (size_t)count);
}

int ps_scale_main(int argc, char **argv, uint64_t requested_ns)
{
	(void)requested_ns;
	return scale(argc, argv, false);
}

int ps_type_main(int argc, char **argv, uint64_t requested_ns)
{
	(void)requested_ns;
	return scale(argc, argv, true);
}
