/* SPDX-License-Identifier: Apache-2.0 */
/* app_support.h - for tests of whole apps: the fixture's slug is the app's directory, and each test has a store of its own */
#ifndef TESTS_SANDBOX_APP_SUPPORT_H
#define TESTS_SANDBOX_APP_SUPPORT_H

#include "tests/sandbox/lifecycle_support.h"

/** app_name() - the app's: another run of the tests on the same machine has another */
const char *app_name(void);
/** app_dyno() - what the app's dyno @label ("web.1") is called among the dynos of the machine */
const char *app_dyno(const char *label);
/** app_place() - a file of the app, seen by whoever launches */
void app_place(const struct fixture *f, const char *name, const char *text);
/** app_begin() - start a verb in the app's directory */
void app_begin(struct fixture *f, struct process *p, const char *const *argv);
/** app_verb() - run a verb to its end. Return: exit code */
int app_verb(struct fixture *f, struct process *p, const char *const *argv);
/** app_count() - how often @text stands in what @p printed */
unsigned app_count(const struct process *p, const char *text);

#define APP(f, p, ...) app_verb(f, p, ARGV(__VA_ARGS__))
/* dyno start, without a network: no dyno is waited for until it listens */
#define APP_START(f, p, ...) app_begin(f, p, ARGV("start", "--net", "none", __VA_ARGS__))
/* @first was printed, and only then @second */
#define assert_before(p, first, second) app_assert_before(p, first, second, __FILE__, __LINE__)
void app_assert_before(const struct process *p, const char *first, const char *second, const char *file, int line);

#endif /* TESTS_SANDBOX_APP_SUPPORT_H */
