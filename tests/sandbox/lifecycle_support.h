/* SPDX-License-Identifier: Apache-2.0 */
/**
 * lifecycle_support.h - what the tests of a dyno's life share beyond support.h: waiting, refusals of one line, leak checks
 * in the middle of a test, the command with failure injection, and a terminal to launch from
 */
#ifndef TESTS_SANDBOX_LIFECYCLE_SUPPORT_H
#define TESTS_SANDBOX_LIFECYCLE_SUPPORT_H

#include "tests/sandbox/support.h"

/** life_ms() - CLOCK_MONOTONIC in milliseconds */
long long life_ms(void);
/** life_sleep_us() - do nothing for so long */
void life_sleep_us(unsigned us);

/** life_message() - the only line that @p said on standard error; fails the test when there is none, or more than one */
const char *life_message(const struct process *p);

/* exit code CODE, nothing on standard output, one line on standard error, which holds TEXT */
#define assert_refusal(p, expected, text) life_assert_refusal(p, expected, text, __FILE__, __LINE__)
void life_assert_refusal(const struct process *p, int code, const char *text, const char *file, int line);

/** life_reap() - wait for what was left to us, for up to 5 s. Return: how many processes still live */
int life_reap(void);
/** life_assert_clean() - the machine is as it was before the test; what is being torn down gets a moment. @when: for the message */
void life_assert_clean(const struct fixture *f, const char *when);

/** life_copy_program() - a copy of @name of the build (such as "tests/dyno-faults") that the launching user may execute */
const char *life_copy_program(const struct fixture *f, const char *name);

/** life_net() - "private" where it works for the launching user, else "none" */
const char *life_net(struct fixture *f);
/** life_has_cgroups() - the launching user's dynos have cgroups, so that limits of the whole dyno hold */
bool life_has_cgroups(struct fixture *f);
/** life_pid() - process id of the first process of the running dyno @name, as ps tells it */
pid_t life_pid(struct fixture *f, const char *name);
/** life_json() - run @script (python3) with @text on its standard input, as `d`, parsed. Return: what it printed */
const char *life_json(const char *text, const char *script);

/* Long-lived: too large for a stack */
struct process *life_process(unsigned index);

/** struct pty - a terminal that a command is launched from; @slave: held open, so that its mode can be read at any time */
struct pty {
	int master;
	int slave;
	size_t size;
	char text[1 << 19];
};

/** pty_open() - a terminal of 24 rows and 80 columns, owned by the launching user */
void pty_open(const struct fixture *f, struct pty *pty);
/** pty_start() - start `dyno @argv` as leader of a session on @pty */
void pty_start(struct fixture *f, struct process *p, struct pty *pty, const char *const *argv);
/** pty_expect() - read until the terminal has shown @text @times. Return: false at the end, or after 20 s */
bool pty_expect(struct pty *pty, const char *text, unsigned times);
/** pty_type() - press keys */
void pty_type(struct pty *pty, const char *keys);
/** pty_finish() - read what is left, wait for the command and hang up. Return: exit code */
int pty_finish(struct fixture *f, struct process *p, struct pty *pty);
void pty_close(struct pty *pty);
/** pty_is_raw() - the terminal passes keys on as they are */
bool pty_is_raw(const struct pty *pty);

#endif /* TESTS_SANDBOX_LIFECYCLE_SUPPORT_H */
