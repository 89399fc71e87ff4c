/* SPDX-License-Identifier: Apache-2.0 */
/* spec.h - shape and app, checked: nothing is touched before every field is known to be good */
#ifndef RUNTIME_SPEC_H
#define RUNTIME_SPEC_H

#include <stdbool.h>

#include "dyno.h"

#define SPEC_NAME_MAX 63 /* a host name's label, hostname(7) */

/** spec_name_valid() - letters, digits, '-', '_' and '.', not first or last '.', at most SPEC_NAME_MAX */
bool spec_name_valid(const char *name);

/** spec_check_shape() - 0, or negative errno with one sentence for the first field that is wrong */
int spec_check_shape(const struct dyno_shape *shape, struct dyno_error *err);

/**
 * spec_check_app() - the same for the app, in a sandbox of @shape
 * Looks at the slug on disk (it must be a directory, and not "/"); the command is looked up by execve(2), inside.
 */
int spec_check_app(const struct dyno_shape *shape, const struct dyno_app *app, struct dyno_error *err);

/** spec_check_exec() - the part of it that concerns one more process: argv, environment, working directory */
int spec_check_exec(const struct dyno_app *app, struct dyno_error *err);

/**
 * spec_check_streams() - no standard stream may be a directory
 * openat(2) relative to a directory of this machine's, and "..", lead out of the dyno whatever its root is
 * (CVE-2024-21626). A descriptor that is not open is not ours to judge.
 */
int spec_check_streams(const int fds[3], struct dyno_error *err);

/**
 * spec_environment() - the complete environment of @app: HOME, PATH, DYNO, PORT, and its own variables
 * The app's own may replace HOME and PATH; DYNO and PORT are the platform's.
 * @ret: NULL-terminated vector with its strings in one allocation, to be freed with free(3)
 */
int spec_environment(const struct dyno_app *app, const char *name, char ***ret);

/** spec_merge_environment() - @base with the variables of @extra added or replaced; @ret as above */
int spec_merge_environment(char *const *base, const char *const *extra, char ***ret);

#endif /* RUNTIME_SPEC_H */
