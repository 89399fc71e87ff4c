/* SPDX-License-Identifier: Apache-2.0 */
/**
 * run_app.c - `dyno run:app`: a one-off dyno with the code and config vars of an app, at the caller's terminal
 *
 * It becomes `dyno run`, which has the terminal, signals and exit codes. Config vars are handed over in a memory file: on a command
 * line every user of the machine could read them, and in the environment they would be taken for the command's own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/live.h"
#include "cli/app/recipe.h"
#include "cli/app/self.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "config/command.h"
#include "config/quote.h"
#include "config/setting.h"

#define WORDS_MAX 40
#define GRACE_NOT_GIVEN UINT64_MAX

/** write_vars() - @vars as an env file in memory. Return: descriptor that outlives execve(2), or negative errno */
static int write_vars(const struct environment *vars, struct dyno_error *err)
{
	int fd = memfd_create("config vars", 0), copy = fd < 0 ? -1 : dup(fd);
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");

	if (!out) {
		fd_close(copy);
		fd_close(fd);
		return error_set(err, -errno, "run", "cannot hand over the config vars:");
	}
	for (size_t i = 0; i < vars->count; i++) {
		const char *equals = strchr(vars->vars[i], '=');

		fprintf(out, "%.*s", (int)(equals - vars->vars[i]) + 1, vars->vars[i]);
		quote_dotenv(out, equals + 1);
		fputc('\n', out);
	}
	if (fclose(out) != 0) {
		fd_close(fd);
		return error_set(err, -ENOSPC, "run", "cannot hand over the config vars:");
	}
	return fd;
}

/** make_line() - the command line: a process type's command and more words, or words. Return: 0 or negative errno */
static int make_line(const struct plan *plan, int count, char **operands, char **ret, struct dyno_error *err)
{
	const struct plan_type *type = plan_find(plan, operands[0], strlen(operands[0]));
	const char *first = type ? type->command : operands[0];
	size_t size;
	char *line, *at;

	if (!type && plan->release && strcmp(operands[0], "release") == 0)
		first = plan->release;
	size = strlen(first) + 1;
	for (int i = 1; i < count; i++)
		size += strlen(operands[i]) + 1;
	line = malloc(size);
	if (!line)
		return error_set(err, -ENOMEM, "run", "no memory for the command");
	at = stpcpy(line, first);
	for (int i = 1; i < count; i++) {
		*at++ = ' ';
		at = stpcpy(at, operands[i]);
	}
	*ret = line;
	return 0;
}

/** struct place - words of a dyno of the formation */
struct place {
	char name[APP_NAME_LENGTH_MAX + 160];
	char port[8];
	char grace[24];
};

/** is_web() - it is to be reached from outside */
static bool is_web(const struct run_app_given *given)
{
	return given->port && given->as && text_starts(given->as, "web.");
}

/** set_port() - what no option of `dyno run` does for a dyno that nobody reaches: just the variable. Return: 0 or negative errno */
static int set_port(const struct run_app_given *given, struct environment *vars, struct dyno_error *err)
{
	char pair[16];

	if (!given->port || is_web(given))
		return 0;
	(void)text_format(pair, sizeof(pair), "PORT=%u", given->port);
	return environment_set(vars, pair, err);
}

/** add_place() - what makes a dyno of the formation of it, as formation/body.c does. Return: how many @words */
static size_t add_place(const struct run_app_given *given, const struct recipe_source *source, struct place *place,
                        const char **words)
{
	size_t used = 0;

	(void)text_format(place->name, sizeof(place->name), "%s.%.140s", source->app, given->as ? given->as : "");
	(void)text_format(place->port, sizeof(place->port), "%u", given->port);
	(void)text_format(place->grace, sizeof(place->grace), "%" PRIu64 "ms", given->grace_ms);
	if (given->as) {
		words[used++] = "--label";
		words[used++] = given->as;
		words[used++] = "--name";
		words[used++] = place->name;
	}
	if (is_web(given)) {
		words[used++] = "--port";
		words[used++] = place->port;
		words[used++] = "--publish";
		words[used++] = place->port;
	}
	if (given->grace_ms != GRACE_NOT_GIVEN) {
		words[used++] = "--grace";
		words[used++] = place->grace;
	}
	return used;
}

/** run() - from what was given to `dyno run`. Return: negative errno; it does not return when all is well */
static int run(const struct run_app_given *given, const struct recipe_source *source, int vars_fd,
               char *const command[4], struct dyno_error *err)
{
	char vars[40], path[PATH_MAX], *allow_host = NULL;
	struct place place;
	const char *words[WORDS_MAX] = { "dyno", "run", "--slug", source->root, "--env-file", vars };
	size_t used = 6;
	int code = 0;

	(void)text_format(vars, sizeof(vars), "/proc/self/fd/%d", vars_fd);
	if (source->store)
		code = config_setting_get(source->store, source->app, "allow-host", &allow_host, err);
	if (code < 0)
		return code;
	if (given->size) {
		words[used++] = "--size";
		words[used++] = given->size;
	}
	if (given->net) {
		words[used++] = "--net";
		words[used++] = given->net;
	}
	if (allow_host && !given->net) {
		words[used++] = "--allow-host";
		words[used++] = allow_host;
	}
	if (given->no_tty)
		words[used++] = "--no-tty";
	used += add_place(given, source, &place, words + used);
	words[used++] = "--";
	for (int i = 0; command[i]; i++)
		words[used++] = command[i];
	code = self_dyno(path);
	if (code == 0) {
		(void)execv(path, (char **)(uintptr_t)words);
		code = -errno;
	}
	free(allow_host);
	error_set(err, code, "run", "cannot execute dyno:");
	error_remedy(err, "it is looked for where make install puts it, relative to dyno-app");
	return code;
}

/** is_variable() - KEY=VALUE, and no file's name */
static bool is_variable(const char *text)
{
	const char *equals = strchr(text, '=');

	return equals && environment_key_valid(text, (size_t)(equals - text));
}

/** take_files() - those of --env that are no variables. Return: 0 or negative errno */
static int take_files(const struct option_list *given, struct option_list *ret, struct dyno_error *err)
{
	ret->items = calloc(given->count + 1, sizeof(*ret->items));
	if (!ret->items)
		return error_set(err, -ENOMEM, "run", "no memory for names of files");
	for (size_t i = 0; i < given->count; i++)
		if (!is_variable(given->items[i]))
			ret->items[ret->count++] = given->items[i];
	return 0;
}

/** set_variables() - those of --env, on top of the config vars: "A=1;B=2", as heroku run takes them. Return: 0 or negative errno */
static int set_variables(const struct option_list *given, struct environment *vars, struct dyno_error *err)
{
	int code = 0;

	for (size_t i = 0; i < given->count && code == 0; i++) {
		_cleanup_free_ char *copy = is_variable(given->items[i]) ? strdup(given->items[i]) : NULL;
		char *pair, *rest = copy;

		while (code == 0 && (pair = strsep(&rest, ";")))
			if (*pair)
				code = environment_set(vars, pair, err);
	}
	return code;
}

/** prepare() - read the app, and become `dyno run` with it. Return: negative errno; not at all when all is well */
static int prepare(const struct run_app_given *given, int count, char **operands, struct dyno_error *err)
{
	struct start_given start = { .net = -1, .app = given->app, .root = given->root, .procfile = given->procfile };
	struct recipe_source source = { .dirfd = -1 };
	struct formation_recipe recipe = { 0 };
	_cleanup_close_ int vars_fd = -1;
	_cleanup_free_ char *line = NULL;
	char **command = NULL;
	int code = take_files(&given->env, &start.env_file, err);

	if (code == 0)
		code = given->root || given->procfile || access("Procfile", F_OK) == 0
		               ? recipe_source_open(&start, &source, err)
		               : recipe_source_again(&start, &source, err);
	if (code == 0)
		code = recipe_make(&source, &recipe, err);
	if (code == 0)
		code = set_variables(&given->env, &recipe.vars, err);
	if (code == 0)
		code = set_port(given, &recipe.vars, err);
	if (code == 0)
		code = make_line(&recipe.plan, count, operands, &line, err);
	if (code == 0 && command_shell(line, &command) < 0)
		code = error_set(err, -ENOMEM, "run", "no memory for the command");
	if (code == 0) {
		vars_fd = write_vars(&recipe.vars, err);
		code = vars_fd < 0 ? vars_fd : run(given, &source, vars_fd, command, err);
	}
	free(command);
	free(start.env_file.items);
	formation_recipe_done(&recipe);
	recipe_source_close(&source);
	return code;
}

int run_app_main(int argc, char **argv, uint64_t requested_ns)
{
	struct run_app_given given = { .grace_ms = GRACE_NOT_GIVEN };
	struct dyno_error err = { 0 };
	int first = argc;
	int code = verb_parse(argv[0], argc, argv, &given, &first);

	(void)requested_ns;
	if (code == VERB_CONTINUE && first == argc) {
		message_line("dyno: run:app takes a process type or a command");
		code = EXIT_USAGE;
	}
	if (code == VERB_CONTINUE && given.detached) {
		const struct run_detached_given detached = { .app = given.app, .size = given.size, .env = given.env };

		code = run_detached(&detached, argc - first, argv + first);
	} else if (code == VERB_CONTINUE) {
		(void)prepare(&given, argc - first, argv + first, &err);
		code = message_error(NULL, &err);
	}
	options_done(run_app_specs, &given);
	return code;
}
