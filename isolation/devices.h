/* SPDX-License-Identifier: Apache-2.0 */
/**
 * devices.h - the dyno's /dev: null, zero, full, random, urandom, tty; pts and ptmx; shm; fd, stdin, stdout, stderr
 *
 * Always ours, never an image's: nodes are made (root) or bound (rootless, where mknod(2) is not allowed) on the skeleton
 * that becomes the read-only root, so a stack with a /dev symlink has no say (CVE-2026-41579).
 */
#ifndef ISOLATION_DEVICES_H
#define ISOLATION_DEVICES_H

#include <stdbool.h>

#include "dyno.h"

/** devices_skeleton() - fill directory "dev" below @skeleton; @bind: files to bind the host's nodes on instead of nodes */
int devices_skeleton(int skeleton, bool bind, struct dyno_error *err);

/** devices_attach_child() - devpts, and with @bind the host's nodes, on the new root @rootfd */
int devices_attach_child(int rootfd, bool bind, struct dyno_error *err);

/** devices_terminal_child() - open a new pseudo-terminal master of the dyno's own devpts (in the new root). Return: fd */
int devices_terminal_child(struct dyno_error *err);

#endif /* ISOLATION_DEVICES_H */
