/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cgroup_v2.h - the unified tree
 *
 * Private to isolation/cgroup*.c. @fd is a group's directory, which may be O_PATH.
 */
#ifndef ISOLATION_CGROUP_V2_H
#define ISOLATION_CGROUP_V2_H

#include <stdbool.h>
#include <stdint.h>

#include "isolation/cgroup.h"

/**
 * cgroup_v2_enable() - let the children of @fd have memory, pids and cpu limits, as far as its own parent allows
 * @ret_has: which of them they have now; the freezer always, it is part of every group (Linux 5.2)
 * Return: 0, or negative errno when the group's files cannot be read
 */
int cgroup_v2_enable(int fd, bool ret_has[CGROUP_CONTROLLERS]);

/** cgroup_v2_pass_on() - enable the @wanted controllers for the children of @fd, in one write. Return: 0 or -errno */
int cgroup_v2_pass_on(int fd, const bool wanted[CGROUP_CONTROLLERS]);

/** cgroup_v2_limit() - set those of @limits whose controllers are in @has */
int cgroup_v2_limit(int fd, const bool has[CGROUP_CONTROLLERS], const struct dyno_limits *limits,
                    struct dyno_error *err);
int cgroup_v2_kill(int fd);
int cgroup_v2_freeze(int fd, bool frozen);
/** cgroup_v2_usage() - fill what the group has files for, leave the rest as it was */
void cgroup_v2_usage(int fd, struct cgroup_usage *usage);
/**
 * cgroup_v2_wait_empty() - wait for the kernel to say that no process is left
 * The kernel tells changes at most every 10 ms (cgroup_file_notify()), so this can take that much longer than the end.
 * Return: 0, -ETIMEDOUT, or negative errno
 */
int cgroup_v2_wait_empty(int fd, uint64_t deadline);

#endif /* ISOLATION_CGROUP_V2_H */
