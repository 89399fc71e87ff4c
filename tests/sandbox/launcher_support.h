/* SPDX-License-Identifier: Apache-2.0 */
/**
 * launcher_support.h - what the tests of the resident launcher share: each runs one of its own as the launching user, and
 * talks to it from here
 */
#ifndef TESTS_SANDBOX_LAUNCHER_SUPPORT_H
#define TESTS_SANDBOX_LAUNCHER_SUPPORT_H

#include "dyno-launcher.h"
#include "tests/sandbox/lifecycle_support.h"

#define LAUNCHER_WAIT_MS 20000

/* a packet as a literal, with the NUL bytes that end its fields; the compiler adds the last one */
#define PACKET(text) text, sizeof(text)

/** launcher_path() - where the test's launcher listens */
const char *launcher_path(const struct fixture *f);
/** launcher_begin() - start a launcher with @options and a small pool; @before: see struct launch */
struct process *launcher_begin(struct fixture *f, const char *const *options, void (*before)(void));
/** launcher_finish() - stop the launcher, which must end well */
void launcher_finish(struct fixture *f, struct process *p);

/** launcher_reach() - a connection */
struct dyno_launcher *launcher_reach(const struct fixture *f);
/** launcher_next() - the next thing that is told */
void launcher_next(struct dyno_launcher *launcher, struct dyno_launcher_event *ret);
/** launcher_expect() - the next thing that is told is @type, of request @id */
void launcher_expect(struct dyno_launcher *launcher, enum dyno_launcher_event_type type, uint64_t id,
                     struct dyno_launcher_event *ret);
/** launcher_ask() - start the probe with @argv as @name, without a network. Return: number of the request */
uint64_t launcher_ask(struct fixture *f, struct dyno_launcher *launcher, const char *name, const char *const *argv,
                      const struct dyno_launcher_options *options);
/** launcher_up() - the same, until it is up */
uint64_t launcher_up(struct fixture *f, struct dyno_launcher *launcher, const char *name, const char *const *argv);
/** launcher_listed() - how many dynos there are */
unsigned launcher_listed(struct dyno_launcher *launcher);
/** launcher_settle() - wait until @count dynos are left */
void launcher_settle(struct dyno_launcher *launcher, unsigned count);

#endif /* TESTS_SANDBOX_LAUNCHER_SUPPORT_H */
