/* SPDX-License-Identifier: Apache-2.0 */
/* config_program.h - the dyno command, executed with a store and an environment of the test's own */
#ifndef TESTS_UNIT_CONFIG_PROGRAM_H
#define TESTS_UNIT_CONFIG_PROGRAM_H

#include <limits.h>
#include <spawn.h>
#include <sys/mman.h>

#include "base/text.h"
#include "tests/unit/directory_fixture.h"

#define SAID_MAX 16384
#define WORDS_MAX 12

/** struct outcome - of one run */
struct outcome {
	int code;
	char out[SAID_MAX];
	char err[SAID_MAX];
};

/**
 * struct world - where the program runs
 * @editor:  of config:edit, NULL for none
 * @app:     DYNO_APP, NULL for none
 * @place:   current directory, NULL for the test's
 * @input:   standard input
 */
struct world {
	const struct directory *d;
	const char *editor;
	const char *app;
	const char *place;
	const char *input;
};

/** program() - the path of @name below what was built */
static inline const char *program(const char *name, char buf[static PATH_MAX])
{
	const char *build = getenv("DYNO_BUILD");
	char path[PATH_MAX];

	/* absolute, for it is executed from elsewhere */
	assert_true(text_format(path, sizeof(path), "%s/%s", build ? build : "build", name) > 0);
	assert_non_null(realpath(path, buf));
	return buf;
}

/** read_back() - what was written to @fd, which is closed */
static inline void read_back(int fd, char buf[static SAID_MAX])
{
	ssize_t size = pread(fd, buf, SAID_MAX - 1, 0);

	assert_true(size >= 0);
	buf[size] = '\0';
	fd_close(fd);
}

/** add_variable() - "NAME=@format with @value" at @env[*count] */
static inline void add_variable(char env[8][PATH_MAX], char *vars[9], size_t *count, const char *name,
                                const char *value)
{
	assert_true(*count < 8);
	assert_true(text_format(env[*count], PATH_MAX, "%s=%s", name, value) > 0);
	vars[*count] = env[*count];
	vars[++*count] = NULL;
}

/** spawn() - @argv in @world with these streams. Return: pid */
static inline pid_t spawn(const struct world *world, char *const *argv, int in, int out, int err)
{
	char env[8][PATH_MAX], path[PATH_MAX], *vars[9] = { NULL };
	posix_spawn_file_actions_t actions;
	size_t count = 0;
	pid_t pid = -1;

	add_variable(env, vars, &count, "DYNO_DATA_DIR", world->d->path);
	(void)text_append(env[0], PATH_MAX, "/data");
	add_variable(env, vars, &count, "XDG_RUNTIME_DIR", world->d->path);
	add_variable(env, vars, &count, "PATH", "/usr/bin:/bin");
	add_variable(env, vars, &count, "DYNO", program("dyno", path));
	add_variable(env, vars, &count, "TZ", "UTC");
	if (world->editor)
		add_variable(env, vars, &count, "EDITOR", world->editor);
	if (world->app)
		add_variable(env, vars, &count, "DYNO_APP", world->app);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO), 0);
	assert_int_equal(posix_spawn_file_actions_addchdir_np(&actions, world->place ? world->place : world->d->path),
	                 0);
	assert_int_equal(posix_spawn(&pid, path, &actions, NULL, argv, vars), 0);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

/** run_words() - dyno with these words */
static inline struct outcome run_words(const struct world *world, const char *const *words)
{
	struct outcome outcome = { .code = -1 };
	int in = memfd_create("in", MFD_CLOEXEC), out = memfd_create("out", MFD_CLOEXEC),
	    err = memfd_create("err", MFD_CLOEXEC), status = 0;
	char *argv[WORDS_MAX + 2] = { NULL };
	static char name[] = "dyno";
	pid_t pid;

	argv[0] = name;
	for (size_t i = 0; words[i]; i++) {
		assert_true(i < WORDS_MAX);
		argv[i + 1] = strdup(words[i]);
	}
	assert_true(in >= 0 && out >= 0 && err >= 0);
	if (world->input)
		assert_int_equal(fd_write_all(in, world->input, strlen(world->input)), 0);
	assert_int_equal(lseek(in, 0, SEEK_SET), 0);
	pid = spawn(world, argv, in, out, err);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	outcome.code = WEXITSTATUS(status);
	read_back(out, outcome.out);
	read_back(err, outcome.err);
	fd_close(in);
	for (size_t i = 1; argv[i]; i++)
		free(argv[i]);
	return outcome;
}

#define RUN(world, ...) run_words((world), (const char *const[]){ __VA_ARGS__, NULL })

/** expect() - @outcome is exactly this */
static inline void expect(const struct outcome *outcome, int code, const char *out, const char *err)
{
	assert_string_equal(outcome->err, err);
	assert_string_equal(outcome->out, out);
	assert_int_equal(outcome->code, code);
}

/** expect_line() - @outcome is a refusal in one line with @says in it */
static inline void expect_line(const struct outcome *outcome, int code, const char *says)
{
	assert_string_equal(outcome->out, "");
	if (!strstr(outcome->err, says))
		fail_msg("'%s' does not say '%s'", outcome->err, says);
	assert_true(text_starts(outcome->err, "dyno: "));
	assert_ptr_equal(strchr(outcome->err, '\n'), outcome->err + strlen(outcome->err) - 1);
	assert_int_equal(outcome->code, code);
}

#endif /* TESTS_UNIT_CONFIG_PROGRAM_H */
