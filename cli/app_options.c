/* SPDX-License-Identifier: Apache-2.0 */
/* app_options.c - see app_options.h */
#include "cli/app_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "config/command.h"
#include "runtime/spec.h"

/** app_pass_var() - set config var @key to the caller's value */
static int app_pass_var(struct environment *env, const char *key, struct dyno_error *err)
{
	_cleanup_free_ char *pair = NULL;
	const char *value = getenv(key);
	size_t length = strlen(key), size;

	if (!environment_key_valid(key, length))
		return error_set(err, -EINVAL, "environment",
		                 "--env takes KEY=VALUE or KEY: a letter or '_', then letters, digits and '_'");
	if (!value) {
		error_set(err, -EINVAL, "environment", "--env %s: your environment has no such variable", key);
		error_remedy(err, "give it a value: --env %s=VALUE", key);
		return -EINVAL;
	}
	size = strlen(value) + 1;
	pair = malloc(length + 1 + size);
	if (!pair)
		return error_set(err, -ENOMEM, "environment", "no memory for the environment");
	memcpy(pair, key, length);
	pair[length] = '=';
	memcpy(pair + length + 1, value, size);
	return environment_set(env, pair, err);
}

/** app_environment() - files first, then --env, so that the command line wins; last TERM, for a terminal */
static int app_environment(const struct app_given *given, bool tty, struct environment *env, struct dyno_error *err)
{
	bool term = false;
	int code = 0;

	for (size_t i = 0; i < given->env_file.count && code == 0; i++)
		code = environment_load(env, given->env_file.items[i], err);
	for (size_t i = 0; i < given->env.count && code == 0; i++) {
		const char *item = given->env.items[i];

		code = strchr(item, '=') ? environment_set(env, item, err) : app_pass_var(env, item, err);
	}
	if (code < 0 || !tty || !getenv("TERM"))
		return code;
	for (size_t i = 0; i < env->count; i++)
		term = term || strncmp(env->vars[i], "TERM=", 5) == 0;
	return term ? 0 : app_pass_var(env, "TERM", err);
}

/** app_terminal() - what stands for standard stream @fd, which is a terminal: nothing to read, or the same for writing alone */
static int app_terminal(int fd)
{
	char path[32];

	if (fd == STDIN_FILENO)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
}

/**
 * app_streams() - the command's standard streams; @app->fds is ignored with a terminal
 * A terminal of the caller's is not handed over for reading unless asked for: whoever can read it can read what is
 * typed there next. Shells open theirs for both, and output is no exception.
 */
static int app_streams(const struct app_given *given, struct app_inputs *inputs, struct dyno_app *app,
                       struct dyno_error *err)
{
	static const char *const names[] = { "input", "output", "error" };

	for (int fd = 0; fd < 3; fd++) {
		app->fds[fd] = fd;
		if (given->interactive || !isatty(fd))
			continue;
		inputs->streams[fd] = app_terminal(fd);
		if (inputs->streams[fd] < 0) {
			int code = error_set(
				err, -errno, "streams",
				"cannot keep the command from reading the terminal by standard %s:", names[fd]);

			error_remedy(err, "send it through a pipe (| cat), or hand the terminal over with -i");
			return code;
		}
		app->fds[fd] = inputs->streams[fd];
	}
	return spec_check_streams(app->fds, err);
}

/** app_command() - argv: as given, or a shell line */
static int app_command(char *const *command, struct app_inputs *inputs, struct dyno_app *app, struct dyno_error *err)
{
	const char *const *argv = (const char *const *)command;

	if (!command[0])
		return error_set(err, -EINVAL, "command", "no command was given");
	if (!command[0][0])
		return error_set(err, -EINVAL, "command", "the command is empty");
	app->argv = argv;
	if (!command_is_shell(argv))
		return 0;
	if (command_shell(command[0], &inputs->shell) < 0)
		return error_set(err, -ENOMEM, "command", "no memory for the command");
	app->argv = (const char *const *)inputs->shell;
	return 0;
}

int app_options_resolve(const struct app_given *given, char *const *command, struct app_inputs *inputs,
                        struct dyno_app *app, bool *ret_tty, struct dyno_error *err)
{
	static const char *const nothing[] = { NULL };
	bool tty;
	int code;

	if (given->tty && given->no_tty)
		return error_set(err, -EINVAL, "terminal", "--tty and --no-tty exclude each other");
	if (given->workdir && given->workdir[0] != '/')
		return error_set(err, -EINVAL, "workdir", "--workdir %s is not an absolute path inside the dyno",
		                 given->workdir);
	tty = given->tty || (!given->no_tty && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
	code = app_command(command, inputs, app, err);
	if (code == 0)
		code = app_environment(given, tty, &inputs->env, err);
	if (code == 0 && !tty)
		code = app_streams(given, inputs, app, err);
	if (code < 0)
		return code;
	app->workdir = given->workdir;
	app->env = inputs->env.vars ? (const char *const *)inputs->env.vars : nothing;
	*ret_tty = tty;
	return 0;
}

void app_inputs_done(struct app_inputs *inputs)
{
	environment_done(&inputs->env);
	free(inputs->shell);
	inputs->shell = NULL;
	for (size_t i = 0; i < 3; i++)
		inputs->streams[i] = fd_close(inputs->streams[i]);
}
