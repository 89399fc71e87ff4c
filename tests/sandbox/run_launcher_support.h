/* SPDX-License-Identifier: Apache-2.0 */
/* run_launcher_support.h - a launcher of the test's own for tests of `dyno run` and `dyno launcher` */
#ifndef TESTS_SANDBOX_RUN_LAUNCHER_SUPPORT_H
#define TESTS_SANDBOX_RUN_LAUNCHER_SUPPORT_H

#include "tests/sandbox/lifecycle_support.h"

#define LAUNCHER_PROCESS 3 /* the launcher's life_process(); launcher_wait_ready() uses the one before */

/* a quiet dyno of the fixture's slug without network, launched in the way @way */
#define RUN(f, way, ...) "run", "-q", (way), "--net", "none", "--slug", (f)->slug, __VA_ARGS__

/** launcher_socket_of() - where the launcher of the test listens */
const char *launcher_socket_of(const struct fixture *f);
/** launcher_through() - the option by which a dyno is launched by it */
const char *launcher_through(const struct fixture *f);

/** resident_begin_with() - start a launcher with one more option; it has a pool, so that some dynos are born warm and some cold */
struct process *resident_begin_with(struct fixture *f, const char *option, const char *value);
/** resident_begin() - the same at launcher_socket_of() */
struct process *resident_begin(struct fixture *f);
/** launcher_end() - stop it; it leaves nothing */
void launcher_end(struct fixture *f, struct process *p);
/** launcher_wait_ready() - wait until a sandbox is parked */
void launcher_wait_ready(struct fixture *f);
/** launcher_ps() - `dyno ps --json` in @p as soon as it tells of the boot of @name, which may be heard before it is listed */
void launcher_ps(struct fixture *f, struct process *p, const char *name);

#endif /* TESTS_SANDBOX_RUN_LAUNCHER_SUPPORT_H */
