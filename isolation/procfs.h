/* SPDX-License-Identifier: Apache-2.0 */
/* procfs.h - the dyno's /proc: of its own PID namespace, with what concerns the machine hidden or read-only */
#ifndef ISOLATION_PROCFS_H
#define ISOLATION_PROCFS_H

#include "dyno.h"

/**
 * procfs_attach_child() - a new proc instance on @rootfd's /proc, masked
 * @scratch: holds the mask file and directory
 * @rootless: the kernel then insists that the host's own /proc is fully visible (mount_too_revealing())
 * Should: run in the new PID namespace, after the skeleton is made.
 */
int procfs_attach_child(int rootfd, int scratch, bool rootless, struct dyno_error *err);

/** procfs_attach_sys_child() - the few files of /sys that runtimes ask for, on @rootfd's /sys */
int procfs_attach_sys_child(int rootfd, struct dyno_error *err);

#endif /* ISOLATION_PROCFS_H */
