/* SPDX-License-Identifier: Apache-2.0 */
/**
 * support.h - what all sandbox tests share: a slug with the probe in it, launching the command, two modes, a leak check
 *
 * A test is a row of a table: its name, its function and the modes in which it runs. As root each runs twice, launching
 * as root ("name/root") and as an ordinary user without any privilege ("name/user"); as an ordinary user only the second
 * is there. Each test gets a fixture of its own; after it the machine must be as it was before, or the test fails.
 *
 * Children never use a cmocka assertion. What happens inside a dyno is asked of the probe, which prints key=value lines:
 * an attempt that is refused prints the name of the errno, so that a launcher which breaks is never taken for a refusal.
 *
 * With DYNO_BIRTH=warm or pooled in the environment each test has a resident launcher, which holds parked sandboxes or
 * their parts ready, and every `dyno run` that it can serve is served by it (births.c).
 */
#ifndef TESTS_SANDBOX_SUPPORT_H
#define TESTS_SANDBOX_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "tests/sandbox/machine.h"

#define SUPPORT_RUNNING 8
#define SUPPORT_OUT_SIZE 131072

/** struct fixture - where one test works, and as whom it launches */
struct fixture {
	const struct sandbox_test *test;
	char name[96];   /* as cmocka prints it */
	bool rootless;   /* dynos are launched by an ordinary user */
	uid_t uid;       /* who launches */
	char dir[96];    /* a directory of the test's own, removed after it */
	char slug[128];  /* dir/slug, holds the probe */
	char run[128];   /* the user's XDG_RUNTIME_DIR */
	char state[160]; /* the state directory of the dynos launched here */
	char sock[128];  /* where the test's launcher listens, "" without */
	struct machine before;
	pid_t running[SUPPORT_RUNNING];
};

enum sandbox_mode {
	AS_ROOT = 1,
	AS_USER = 2,
	AS_BOTH = 3,
	BY_ROOT = 4, /* root has to prepare something: left out when the suite runs as an ordinary user */
	BY_RUN = 8,  /* what is tested is the command as a launcher: left out when there is another one */
};

/** struct sandbox_test - one test; @modes: bits of enum sandbox_mode */
struct sandbox_test {
	const char *name;
	void (*run)(struct fixture *f);
	unsigned modes;
};

#define SANDBOX_TEST(function, modes)                                                                                  \
	{                                                                                                              \
#function, function, modes                                                                             \
	}

/** struct process - a command that was started, and what it has printed; @code: exit code, 128+n for a signal */
struct process {
	pid_t pid;
	int out_fd, err_fd;
	int code;
	size_t out_size, err_size;
	char out[SUPPORT_OUT_SIZE];
	char err[SUPPORT_OUT_SIZE];
};

/**
 * struct launch - how to start a command
 * @argv:  the program's arguments, without argv[0]
 * @program: the dyno command when NULL
 * @env:   more variables of the caller's environment, NULL-terminated, may be NULL
 * @cwd:   the fixture's directory when NULL
 * @in:    standard input, /dev/null when 0
 * @before: called in the child before exec, as the launching user; may not assert
 */
struct launch {
	const char *const *argv;
	const char *program;
	const char *const *env;
	const char *cwd;
	int in;
	void (*before)(void);
};

/** sandbox_run_tests() - run @count tests in all their modes. Return: what main() returns */
int sandbox_run_tests(const char *group, const struct sandbox_test *tests, size_t count);

#define SANDBOX_MAIN(group, tests)                                                                                     \
	int main(void)                                                                                                 \
	{                                                                                                              \
		return sandbox_run_tests(group, tests, sizeof(tests) / sizeof((tests)[0]));                            \
	}

/** support_skip() - say on standard output which feature is missing, and leave the test */
void support_skip(const struct fixture *f, const char *reason) __attribute__((noreturn));

/** FAIL() - end the test with a message */
#define FAIL(...) (print_error(__VA_ARGS__), _fail(__FILE__, __LINE__), abort())

/** support_now_ms() - monotonic */
long long support_now_ms(void);

/** support_path() - dir/NAME; the string lives as long as the test */
const char *support_path(const struct fixture *f, const char *name);
/** support_format() - a new string that lives as long as the test */
const char *support_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** support_slug() - make a slug at @path: the probe and a few files, owned by the launching user */
void support_slug(const struct fixture *f, const char *path);
/** support_write() - make or replace a file */
void support_write(const char *path, const char *text, mode_t mode);
/** support_read() - a host file's text in a static buffer, or NULL when there is none */
const char *support_read(const char *path);
/** support_exists() - whether @path names anything, without following a last symlink */
bool support_exists(const char *path);
/** support_copy() - copy a file */
void support_copy(const char *from, const char *to, mode_t mode);
/** support_mkdir() - make a directory that the launching user owns */
void support_mkdir(const struct fixture *f, const char *path, mode_t mode);
/** support_dyno() - path of the dyno command; support_probe(): of the probe, outside of any slug */
const char *support_dyno(void);
const char *support_probe(void);
/** support_remove() - a tree, whatever its modes are */
void support_remove(const char *path);

/** launch_start() - start a command; it is ended after the test at the latest */
void launch_start(struct fixture *f, struct process *p, const struct launch *launch);
/** launch_expect() - read until standard output or error holds @text. Return: false when it ended, or after 20 s */
bool launch_expect(struct process *p, const char *text);
/** launch_expect_times() - the same, until one of them holds it so often */
bool launch_expect_times(struct process *p, const char *text, unsigned times);
/** launch_finish() - read what is left and wait; a command that takes over 40 s is killed. Return: exit code */
int launch_finish(struct fixture *f, struct process *p);
/** launch_stop() - TERM, then as launch_finish() */
int launch_stop(struct fixture *f, struct process *p);
/** launch_run() - start and finish `dyno @argv`. Return: exit code */
int launch_run(struct fixture *f, struct process *p, const char *const *argv);
/** launch_program() - start and finish another program, as the launching user. Return: exit code */
int launch_program(struct fixture *f, struct process *p, const char *program, const char *const *argv);

/** births_asked() - "warm", "pooled", or NULL: the command launches its dynos itself */
const char *births_asked(void);
/** births_begin() - start the test's launcher if one is asked for, and wait until its pool is full */
void births_begin(struct fixture *f);
/** births_end() - stop it; fails the test when dynos could have come from the pool, and none did */
void births_end(struct fixture *f);
/** births_options() - what to tell `dyno @argv` of the launcher, behind the verb; NULL for nothing */
const char *const *births_options(const struct fixture *f, const char *const *argv);

/** process_value() - value of the line KEY=VALUE of standard output, NULL without one */
const char *process_value(const struct process *p, const char *key);
/** process_number() - the same as a number; fails the test without one */
unsigned long process_number(const struct process *p, const char *key);

#define ARGV(...) ((const char *const[]){ __VA_ARGS__, NULL })
/* dyno with these arguments */
#define DYNO(f, p, ...) launch_run(f, p, ARGV(__VA_ARGS__))
/* a quiet dyno of the fixture's slug without network, running these commands of the probe */
#define PROBE(f, p, ...)                                                                                               \
	launch_run(f, p, ARGV("run", "-q", "--net", "none", "--slug", (f)->slug, "--", "/app/probe", __VA_ARGS__))
/* the same in the background */
#define START(f, p, ...) launch_start(f, p, &(struct launch){ .argv = ARGV(__VA_ARGS__) })

/* Assertions that show what the command said when they fail */
#define assert_exit(p, expected) support_assert_exit(p, expected, __FILE__, __LINE__)
#define assert_value(p, key, expected) support_assert_value(p, key, expected, __FILE__, __LINE__)
#define assert_no_value(p, key) support_assert_no_value(p, key, __FILE__, __LINE__)
#define assert_refused(p, key) support_assert_refused(p, key, __FILE__, __LINE__)
#define assert_says(p, text) support_assert_says(p, text, true, __FILE__, __LINE__)
#define assert_silent_on(p, text) support_assert_says(p, text, false, __FILE__, __LINE__)
#define assert_that(p, condition) support_assert_that(p, condition, #condition, __FILE__, __LINE__)

void support_assert_exit(const struct process *p, int expected, const char *file, int line);
void support_assert_value(const struct process *p, const char *key, const char *expected, const char *file, int line);
void support_assert_no_value(const struct process *p, const char *key, const char *file, int line);
/** support_assert_refused() - the attempt was made, and came back with an errno */
void support_assert_refused(const struct process *p, const char *key, const char *file, int line);
/** support_assert_says() - @text is (or is not) in standard output or standard error */
void support_assert_says(const struct process *p, const char *text, bool wanted, const char *file, int line);
void support_assert_that(const struct process *p, bool condition, const char *text, const char *file, int line);

#endif /* TESTS_SANDBOX_SUPPORT_H */
