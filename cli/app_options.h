/* SPDX-License-Identifier: Apache-2.0 */
/**
 * app_options.h - what `run` and `exec` have in common: the command, its environment and its standard streams
 */
#ifndef CLI_APP_OPTIONS_H
#define CLI_APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/options.h"
#include "config/environment.h"

/** struct app_given - these options as given; a field of the verb's own struct */
struct app_given {
	struct option_list env;
	struct option_list env_file;
	const char *workdir;
	bool tty;
	bool no_tty;
	bool interactive;
};

/** APP_OPTION() - offset of field @member of the struct app_given called `app` within the verb's struct @type */
#define APP_OPTION(type, member) (offsetof(type, app) + offsetof(struct app_given, member))

/** APP_OPTION_SPECS() - their rows in the option table of the verb whose struct is @verb_type */
#define APP_OPTION_SPECS(verb_type)                                                                                    \
	{ .name = "env",                                                                                               \
	  .letter = 'e',                                                                                               \
	  .type = OPTION_LIST,                                                                                         \
	  .metavar = "KEY[=VALUE]",                                                                                    \
	  .offset = APP_OPTION(verb_type, env),                                                                        \
	  .min = 1,                                                                                                    \
	  .help = "set a config var; KEY alone takes the caller's value" },                                            \
		{ .name = "env-file",                                                                                  \
		  .type = OPTION_LIST,                                                                                 \
		  .metavar = "FILE",                                                                                   \
		  .offset = APP_OPTION(verb_type, env_file),                                                           \
		  .min = 1,                                                                                            \
		  .help = "read config vars from FILE, one KEY=VALUE a line; --env wins over it" },                    \
		{ .name = "workdir",                                                                                   \
		  .letter = 'w',                                                                                       \
		  .type = OPTION_STRING,                                                                               \
		  .metavar = "PATH",                                                                                   \
		  .offset = APP_OPTION(verb_type, workdir),                                                            \
		  .min = 1,                                                                                            \
		  .help = "absolute path inside the dyno in which the command starts (default /app)" },                \
		{ .name = "tty",                                                                                       \
		  .letter = 't',                                                                                       \
		  .type = OPTION_FLAG,                                                                                 \
		  .offset = APP_OPTION(verb_type, tty),                                                                \
		  .help = "give the command a terminal (default when standard input and output are one)" },            \
		{ .name = "no-tty",                                                                                    \
		  .letter = 'T',                                                                                       \
		  .type = OPTION_FLAG,                                                                                 \
		  .offset = APP_OPTION(verb_type, no_tty),                                                             \
		  .help = "give the command no terminal" },                                                            \
	{                                                                                                              \
		.name = "interactive", .letter = 'i', .type = OPTION_FLAG,                                             \
		.offset = APP_OPTION(verb_type, interactive),                                                          \
		.help = "without a terminal of its own, let the command read the caller's (else it reads nothing)"     \
	}

/**
 * struct app_inputs - what a struct dyno_app points to, owned
 * @shell:   argv of a shell line, NULL when the command is run as given
 * @streams: what stands for standard streams that are a terminal, -1 where that is not needed
 */
struct app_inputs {
	struct environment env;
	char **shell;
	int streams[3];
};

#define APP_INPUTS_NULL                                                                                                \
	{                                                                                                              \
		.streams = { -1, -1, -1 }                                                                              \
	}

/**
 * app_options_resolve() - check what was given and make argv, env, workdir and fds of @app of it
 * @command: operands of the verb, NULL-terminated
 * @inputs:  to be given to app_inputs_done(), on failure too
 * @ret_tty: the command gets a terminal
 * Return: 0; -EINVAL or another negative errno when what was given cannot be used
 */
int app_options_resolve(const struct app_given *given, char *const *command, struct app_inputs *inputs,
                        struct dyno_app *app, bool *ret_tty, struct dyno_error *err);

/** app_inputs_done() - free what @inputs owns */
void app_inputs_done(struct app_inputs *inputs);

#endif /* CLI_APP_OPTIONS_H */
