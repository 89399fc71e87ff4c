/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cgroup_v1.h - the legacy trees, one per controller
 *
 * Private to isolation/cgroup*.c. @fds are a dyno's groups by controller, -1 where there is none.
 */
#ifndef ISOLATION_CGROUP_V1_H
#define ISOLATION_CGROUP_V1_H

#include <stdbool.h>
#include <stdint.h>

#include "isolation/cgroup.h"

/** cgroup_v1_limit() - set those of @limits whose controllers have a group in @fds */
int cgroup_v1_limit(const int fds[CGROUP_CONTROLLERS], const struct dyno_limits *limits, struct dyno_error *err);
/** cgroup_v1_kill() - SIGKILL what the groups hold now, frozen meanwhile if there is a freezer */
int cgroup_v1_kill(const int fds[CGROUP_CONTROLLERS]);
/** cgroup_v1_freeze() - stop or continue all. Return: 0, -EOPNOTSUPP without a freezer, or negative errno */
int cgroup_v1_freeze(const int fds[CGROUP_CONTROLLERS], bool frozen);
/** cgroup_v1_usage() - fill what the groups have files for, leave the rest as it was */
void cgroup_v1_usage(const int fds[CGROUP_CONTROLLERS], struct cgroup_usage *usage);
/** cgroup_v1_wait_empty() - wait until no group lists a process. Return: 0, -ETIMEDOUT, or negative errno */
int cgroup_v1_wait_empty(const int fds[CGROUP_CONTROLLERS], uint64_t deadline);

#endif /* ISOLATION_CGROUP_V1_H */
