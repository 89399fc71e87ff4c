/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config_set.c - `dyno config:set`, its old name `config:add`, and `config:unset`
 *
 * Values come from the command line as with the `heroku` command, or from a file or standard input, for those who want
 * them neither in the history of their shell nor in the list of processes. Only what was on the command line is shown again.
 */
#include "cli/app/config_set.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/operands.h"
#include "cli/app/options.h"
#include "cli/app/vars_print.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "config/dotenv.h"
#include "config/vars.h"

/* Comments and quotes have room beside the values. */
#define INPUT_MAX (4 * CONFIG_VARS_MAX)
/* Of the keys that a message names; each has at most CONFIG_KEY_MAX bytes. */
#define DOING_MAX 1024

void config_say_done(const struct app *app, const char *doing, unsigned number, int changed)
{
	message_line("%s and restarting %s... done, v%u%s", doing, app->name, number,
	             changed ? "" : " (nothing has changed)");
}

int config_store_change(const struct app *app, struct config_change change, const char *doing)
{
	char author[APP_AUTHOR_MAX];
	struct dyno_error err = { 0 };
	unsigned number = 0;
	int code;

	change.author = app_author(author);
	code = config_release_change(app->store, app->name, &change, &number, &err);
	if (code == -EINVAL || code == -E2BIG)
		return message_usage(&err);
	if (code < 0)
		return message_error(NULL, &err);
	config_say_done(app, doing, number, code);
	return EXIT_OK;
}

/** say_doing() - "Setting A, B" from pairs or keys; what does not fit is left out */
static void say_doing(char buf[static DOING_MAX], const char *verb, char *const *words)
{
	(void)text_format(buf, DOING_MAX, "%s", verb);
	for (size_t i = 0; words[i]; i++)
		if (text_append(buf, DOING_MAX - 8, "%s %.*s", i ? "," : "", (int)strcspn(words[i], "="), words[i]) <
		    0) {
			(void)text_append(buf, DOING_MAX, ", ...");
			break;
		}
}

/* ---- config:set ------------------------------------------------------------------------------------------------- */

/** add_pair() - a config var to be set, in the shape that dotenv_parse() calls */
static int add_pair(void *data, const char *pair, struct dyno_error *err)
{
	int code = config_pair_check(pair, err);

	return code < 0 ? code : environment_set(data, pair, err);
}

/** read_input() - the whole of @fd, which is called @name, terminated. Return: its length or negative errno */
static ssize_t read_input(int fd, const char *name, char buf[static INPUT_MAX], struct dyno_error *err)
{
	ssize_t size = fd < 0 ? -errno : fd_read_all(fd, buf, INPUT_MAX);

	if (size == -EFBIG)
		return error_set(err, -E2BIG, "config", "%.160s has more than %d bytes", name, INPUT_MAX - 1);
	if (size < 0)
		return error_set(err, (int)size, "config", "cannot read %.160s:", name);
	return size;
}

/** add_file() - what the env file @path says. Return: 0 or negative errno */
static int add_file(struct environment *vars, const char *path, struct dyno_error *err)
{
	bool input = strcmp(path, "-") == 0;
	const char *name = input ? "standard input" : path;
	_cleanup_close_ int fd = input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *text = malloc(INPUT_MAX);
	ssize_t size = text ? read_input(fd, name, text, err)
	                    : error_set(err, -ENOMEM, "config", "cannot read %.160s:", name);
	int code = size < 0 ? (int)size : dotenv_parse(text, (size_t)size, name, add_pair, vars, err);

	if (text)
		explicit_bzero(text, INPUT_MAX);
	return code;
}

/** interrupted() - a signal that only ends a read(2) */
static void interrupted(int number)
{
	(void)number;
}

/** read_unseen() - a line from the terminal, which shows nothing of it. Return: its length or negative errno */
static ssize_t read_unseen(const char *key, char buf[static INPUT_MAX])
{
	static const int ending[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = interrupted };
	struct termios shown, unseen;
	ssize_t size;

	if (tcgetattr(STDIN_FILENO, &shown) < 0)
		return -errno;
	/* nobody is to be left with a terminal that shows nothing */
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		(void)sigaction(ending[i], &action, NULL);
	unseen = shown;
	unseen.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen) < 0)
		return -errno;
	dprintf(STDERR_FILENO, "%s: ", key);
	size = read(STDIN_FILENO, buf, INPUT_MAX - 1);
	if (size < 0)
		size = -errno;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	dprintf(STDERR_FILENO, "\n");
	return size;
}

/** add_input() - standard input as the value of @key, without a newline at its end. Return: 0 or negative errno */
static int add_input(struct environment *vars, const char *key, struct dyno_error *err)
{
	_cleanup_free_ char *value = NULL, *pair = NULL;
	ssize_t size = -ENOMEM;
	int code = config_key_check(key, strlen(key), err);

	if (code < 0)
		return code;
	value = malloc(INPUT_MAX);
	if (value && isatty(STDIN_FILENO))
		size = read_unseen(key, value);
	else if (value)
		size = fd_read_all(STDIN_FILENO, value, INPUT_MAX);
	if (size == -EFBIG)
		return error_set(err, -E2BIG, "config", "the value of %s has more than %d bytes", key, INPUT_MAX - 1);
	if (size < 0)
		return error_set(err, (int)size, "config", "cannot read the value of %s:", key);
	if (memchr(value, '\0', (size_t)size))
		return error_set(err, -EINVAL, "config", "the value of %s has a NUL byte in it", key);
	size -= size > 0 && value[size - 1] == '\n';
	value[size] = '\0';
	if (asprintf(&pair, "%s=%s", key, value) < 0)
		return error_set(err, -ENOMEM, "config", "cannot keep the value of %s:", key);
	code = add_pair(vars, pair, err);
	explicit_bzero(value, INPUT_MAX);
	return code;
}

/** gather() - all that is to be set. @shown: what was on the command line. Return: 0 or negative errno */
static int gather(const struct config_set_given *given, int count, char **operands, struct environment *vars,
                  struct environment *shown, struct dyno_error *err)
{
	int code = given->env_file ? add_file(vars, given->env_file, err) : 0;

	if (given->from_input && code == 0)
		return add_input(vars, operands[0], err);
	for (int i = 0; i < count && code == 0; i++) {
		code = add_pair(vars, operands[i], err);
		if (code == 0)
			code = environment_set(shown, operands[i], err);
		/* the list of processes need not show it while the store is waited for */
		if (code == 0)
			explicit_bzero(strchr(operands[i], '=') + 1, strlen(strchr(operands[i], '=') + 1));
	}
	return code;
}

/** check_operands() - there is something to set, in one way. Return: VERB_CONTINUE or EXIT_USAGE */
static int check_operands(const char *verb, const struct config_set_given *given, int count)
{
	if (given->from_input && (count != 1 || given->env_file))
		message_line("dyno: %s --stdin takes one KEY, and neither KEY=VALUE nor --env-file", verb);
	else if (count == 0 && !given->env_file)
		message_line(
			"dyno: %s takes KEY=VALUE, or several; --stdin and --env-file keep secrets off the command "
			"line",
			verb);
	else
		return VERB_CONTINUE;
	return EXIT_USAGE;
}

/** store() - set @vars, and show those that were on the command line */
static int store(const struct config_set_given *given, const struct environment *vars, const struct environment *shown)
{
	const struct config_change change = { .set = (const char *const *)vars->vars };
	struct app app = { .store = NULL };
	char doing[DOING_MAX];
	int code;

	if (vars->count == 0) {
		message_line("dyno: there is no config var in %s", given->env_file);
		return EXIT_USAGE;
	}
	code = app_open(given->app, true, &app);
	if (code != VERB_CONTINUE)
		return code;
	say_doing(doing, "Setting", vars->vars);
	code = config_store_change(&app, change, doing);
	if (code == EXIT_OK)
		vars_print_list(shown);
	app_close(&app);
	return code == EXIT_OK && fflush(stdout) != 0 ? EXIT_DYNO_FAILED : code;
}

/** set_main() - config:set under the name @verb */
static int set_main(const char *verb, int argc, char **argv)
{
	struct config_set_given given = { 0 };
	struct environment vars = { 0 }, shown = { 0 };
	struct dyno_error err = { 0 };
	int count = 0;
	int code = operands_parse(verb, argc, argv, &given, &count);

	if (code == VERB_CONTINUE)
		code = check_operands(verb, &given, count);
	if (code != VERB_CONTINUE)
		return code;
	if (gather(&given, count, argv + 1, &vars, &shown, &err) < 0)
		code = message_usage(&err);
	else
		code = store(&given, &vars, &shown);
	environment_done(&vars);
	environment_done(&shown);
	return code;
}

int config_set_main(int argc, char **argv, uint64_t requested_ns)
{
	(void)requested_ns;
	return set_main("config:set", argc, argv);
}

int config_add_main(int argc, char **argv, uint64_t requested_ns)
{
	(void)requested_ns;
	return set_main("config:add", argc, argv);
}

/* ---- config:unset ----------------------------------------------------------------------------------------------- */

int config_unset_main(int argc, char **argv, uint64_t requested_ns)
{
	struct config_unset_given given = { 0 };
	struct app app = { .store = NULL };
	struct dyno_error err = { 0 };
	char doing[DOING_MAX];
	int count = 0;
	int code = operands_parse("config:unset", argc, argv, &given, &count);

	(void)requested_ns;
	if (code == VERB_CONTINUE && count == 0) {
		message_line("dyno: config:unset takes the KEY of a config var, or several");
		return EXIT_USAGE;
	}
	for (int i = 1; i <= count && code == VERB_CONTINUE; i++)
		if (config_key_check(argv[i], strlen(argv[i]), &err) < 0)
			code = message_usage(&err);
	if (code == VERB_CONTINUE)
		code = app_open(given.app, true, &app);
	if (code != VERB_CONTINUE)
		return code;
	argv[count + 1] = NULL;
	say_doing(doing, "Unsetting", argv + 1);
	code = config_store_change(&app, (struct config_change){ .unset = (const char *const *)(argv + 1) }, doing);
	app_close(&app);
	return code;
}
