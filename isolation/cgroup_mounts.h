/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cgroup_mounts.h - where this machine mounts its control groups
 *
 * Private to isolation/cgroup*.c.
 */
#ifndef ISOLATION_CGROUP_MOUNTS_H
#define ISOLATION_CGROUP_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "isolation/cgroup.h"

/** struct cgroup_mounts - O_PATH descriptors of the trees' mount points, -1 where there is none */
struct cgroup_mounts {
	int v2_fd;
	int v1_fd[CGROUP_CONTROLLERS];
};

/**
 * cgroup_mounts_open() - find the trees: in the places of file-hierarchy(7) by statfs(2), else in mountinfo
 * v1 trees are not looked for where the unified tree is the only one; the v1 freezer only where there is no v2 tree.
 * Return: 0, also when nothing is mounted; or negative errno
 */
int cgroup_mounts_open(struct cgroup_mounts *ret);
void cgroup_mounts_done(struct cgroup_mounts *mounts);

/** cgroup_controller_name() - "memory", "pids", "cpu", "freezer" */
const char *cgroup_controller_name(enum cgroup_controller controller);

/** struct cgroup_mount - what one line of mountinfo says; @path points into the line, octal escapes undone */
struct cgroup_mount {
	char *path;
	bool v2;
	bool v1[CGROUP_CONTROLLERS];
};

/**
 * cgroup_mount_parse() - read one line of /proc/PID/mountinfo (proc(5)); @line is cut into pieces
 * Return: 1 for a cgroup mount of interest, else 0
 */
int cgroup_mount_parse(char *line, struct cgroup_mount *ret);

#endif /* ISOLATION_CGROUP_MOUNTS_H */
