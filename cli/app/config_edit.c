/* SPDX-License-Identifier: Apache-2.0 */
/**
 * config_edit.c - `dyno config:edit`: all config vars of an app in an editor, as an env file
 *
 * The text lives in a directory of its own, 0700, in memory where there is such a place, so that what editors leave beside a file (swap
 * files, copies) is nobody else's either and goes with it. A text that cannot be stored is kept, and its place told. What
 * somebody else changed meanwhile is not overwritten.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/app.h"
#include "cli/app/config_set.h"
#include "cli/app/options.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "config/dotenv.h"
#include "config/quote.h"
#include "config/vars.h"
#include "isolation/tree.h"

/* Comments and quotes have room beside the values. */
#define TEXT_MAX (4 * CONFIG_VARS_MAX)
#define FILE_NAME "config.env"

/**
 * struct edit - one session at the editor
 * @directory: where the text is; "" when there is none
 * @path:      of the text
 * @bad:       mistakes in it
 */
struct edit {
	struct app app;
	struct config_release release;
	char directory[PATH_MAX - 16];
	char path[PATH_MAX];
	unsigned bad;
};

/** make_directory() - for the text: in memory, if this machine has such a place for us */
static int make_directory(struct edit *edit)
{
	const char *temporary = getenv("TMPDIR");
	const char *const places[] = { getenv("XDG_RUNTIME_DIR"), "/dev/shm",
		                       temporary && temporary[0] == '/' ? temporary : "/tmp" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (!places[i] || places[i][0] != '/' ||
		    text_format(edit->directory, sizeof(edit->directory), "%s/dyno-config-XXXXXX", places[i]) < 0 ||
		    !mkdtemp(edit->directory))
			continue;
		(void)text_format(edit->path, sizeof(edit->path), "%s/" FILE_NAME, edit->directory);
		return 0;
	}
	edit->directory[0] = '\0';
	message_line("dyno: cannot make a place for the text: %s (set TMPDIR to a directory of yours)",
	             error_describe(errno));
	return -EIO;
}

/** remove_directory() - the text, and whatever an editor left beside it */
static void remove_directory(struct edit *edit)
{
	_cleanup_close_ int fd = -1;

	if (!edit->directory[0])
		return;
	fd = open(edit->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || tree_remove(fd) < 0 || rmdir(edit->directory) < 0)
		message_line("dyno: cannot remove %s, which holds config vars: %s", edit->directory,
		             error_describe(errno));
	edit->directory[0] = '\0';
}

/** print_vars() - the config vars as text, with a word of explanation */
static void print_vars(FILE *out, const struct edit *edit)
{
	fprintf(out,
	        "# Config vars of %s, release v%u: one KEY=VALUE a line, as in env files.\n"
	        "# To unset one, remove its line. To change nothing, leave the text as it is.\n\n",
	        edit->app.name, edit->release.number);
	for (size_t i = 0; i < edit->release.vars.count; i++) {
		const char *pair = edit->release.vars.vars[i];
		size_t length = strcspn(pair, "=") + 1;

		fwrite(pair, 1, length, out);
		quote_dotenv(out, pair + length);
		fputc('\n', out);
	}
}

/** print_file() - the text of the file @path. Return: 0 or negative errno after a message */
static int print_file(FILE *out, const char *path)
{
	_cleanup_free_ char *text = malloc(TEXT_MAX);
	ssize_t size = text ? fd_read_text(AT_FDCWD, path, text, TEXT_MAX) : -ENOMEM;

	if (size < 0) {
		message_line("dyno: cannot read %s: %s", path, error_describe((int)size));
		return (int)size;
	}
	fwrite(text, 1, (size_t)size, out);
	return 0;
}

/** write_text() - what is to be edited: the config vars, or the file @from. Return: 0 or negative errno after a message */
static int write_text(const struct edit *edit, const char *from)
{
	int fd = open(edit->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	int code = 0;

	if (out && from)
		code = print_file(out, from);
	else if (out)
		print_vars(out, edit);
	if (code == 0 && (!out || fflush(out) != 0 || ferror(out))) {
		code = -errno;
		message_line("dyno: cannot write %s: %s", edit->path, error_describe(errno));
	}
	if (out)
		(void)fclose(out);
	return code;
}

/** edit_text() - run the editor, and wait for it. Return: 0, or -ECHILD after a message */
static int edit_text(const struct edit *edit)
{
	const char *visual = getenv("VISUAL"), *editor = getenv("EDITOR");
	const char *command = visual && visual[0] ? visual : editor && editor[0] ? editor : "vi";
	_cleanup_free_ char *script = NULL;
	int status = -1;
	pid_t pid;

	/* a command line, with options of its own: the shell is to read it, as git has it */
	if (asprintf(&script, "%s \"$@\"", command) < 0)
		return -ENOMEM;
	/* the keys that send these are the editor's */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGINT, SIG_DFL);
		(void)signal(SIGQUIT, SIG_DFL);
		(void)execl("/bin/sh", "sh", "-c", script, command, edit->path, (char *)NULL);
		_exit(EXIT_NOT_FOUND);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGQUIT, SIG_DFL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	message_line("dyno: the editor '%.80s' failed (VISUAL or EDITOR names another); nothing was changed", command);
	return -ECHILD;
}

/** hear() - print a mistake in the text */
static void hear(void *data, const struct dyno_error *mistake)
{
	struct edit *edit = data;

	edit->bad++;
	(void)message_error(NULL, mistake);
}

/** struct reading - the text being read into @vars; @edit hears of mistakes */
struct reading {
	struct edit *edit;
	struct environment vars;
};

/** add_pair() - one config var of the text, in the shape that dotenv_parse() calls: all mistakes are told */
static int add_pair(void *data, const char *pair, struct dyno_error *err)
{
	struct reading *reading = data;
	struct dyno_error mistake = { 0 };
	int code = config_pair_check(pair, &mistake);

	if (code < 0) {
		hear(reading->edit, &mistake);
		return 0;
	}
	return environment_set(&reading->vars, pair, err);
}

/** read_text() - the config vars in the text. Return: 0, or negative errno after messages */
static int read_text(struct edit *edit, struct reading *reading)
{
	struct dyno_error err = { 0 };
	struct mistakes m = { .name = edit->path, .hear = hear, .data = edit };
	_cleanup_free_ char *text = malloc(TEXT_MAX);
	ssize_t size = text ? fd_read_text(AT_FDCWD, edit->path, text, TEXT_MAX) : -ENOMEM;
	size_t count = 0;
	int code;

	if (size < 0) {
		message_line("dyno: cannot read %s: %s", edit->path, error_describe((int)size));
		return (int)size;
	}
	/* first for all malformed lines, then for what the lines say */
	code = dotenv_check(text, (size_t)size, &m, &count);
	if (code == 0)
		code = dotenv_parse(text, (size_t)size, edit->path, add_pair, reading, &err);
	explicit_bzero(text, TEXT_MAX);
	if (code < 0 && err.text[0])
		(void)message_error(NULL, &err);
	return code == 0 && edit->bad > 0 ? -EINVAL : code;
}

/** lost_keys() - the keys of the release that @vars has no more, NULL-terminated; to be freed with environment_done() */
static int lost_keys(const struct edit *edit, const struct environment *vars, struct environment *ret)
{
	int code = 0;

	for (size_t i = 0; i < edit->release.vars.count && code == 0; i++) {
		const char *pair = edit->release.vars.vars[i];
		_cleanup_free_ char *key = strndup(pair, strcspn(pair, "="));

		if (!key)
			return -ENOMEM;
		if (!config_vars_get(vars, key))
			code = environment_set(ret, pair, NULL);
	}
	for (size_t i = 0; i < ret->count; i++)
		ret->vars[i][strcspn(ret->vars[i], "=")] = '\0';
	return code;
}

/** store() - what was read. Return: EXIT_OK, or the exit code to end with after a message */
static int store(const struct edit *edit, const struct environment *vars)
{
	struct environment lost = { 0 };
	struct config_change change = { .set = (const char *const *)vars->vars, .based = &edit->release.number };
	int code = EXIT_DYNO_FAILED;

	if (lost_keys(edit, vars, &lost) == 0) {
		change.unset = (const char *const *)lost.vars;
		code = config_store_change(&edit->app, change, "Setting config vars");
	} else {
		message_line("dyno: cannot keep config vars: %s", error_describe(ENOMEM));
	}
	environment_done(&lost);
	return code;
}

/** edit_and_store() - from the text to the store. Return: exit code; edit->directory is left alone when the text is to be kept */
static int edit_and_store(struct edit *edit, const char *from)
{
	struct reading reading = { .edit = edit };
	int code = make_directory(edit);

	if (code == 0)
		code = write_text(edit, from);
	if (code == 0)
		code = edit_text(edit);
	if (code < 0) {
		remove_directory(edit);
		return EXIT_DYNO_FAILED;
	}
	code = read_text(edit, &reading) < 0 ? EXIT_NEGATIVE : store(edit, &reading.vars);
	environment_done(&reading.vars);
	if (code != EXIT_OK)
		message_line("dyno: nothing was changed; the text is kept: dyno config:edit --app %s --from %s",
		             edit->app.name, edit->path);
	else
		remove_directory(edit);
	if (code == EXIT_OK && from)
		message_line("dyno: %s is left to you; remove it, for it holds config vars", from);
	return code;
}

int config_edit_main(int argc, char **argv, uint64_t requested_ns)
{
	struct config_edit_given given = { 0 };
	struct edit edit = { .bad = 0 };
	int code = verb_parse_alone("config:edit", argc, argv, &given);

	(void)requested_ns;
	if (code == VERB_CONTINUE)
		code = app_open(given.app, true, &edit.app);
	if (code == VERB_CONTINUE && app_release(&edit.app, 0, &edit.release) < 0)
		code = EXIT_DYNO_FAILED;
	if (code == VERB_CONTINUE)
		code = edit_and_store(&edit, given.from);
	config_release_done(&edit.release);
	app_close(&edit.app);
	return code;
}
