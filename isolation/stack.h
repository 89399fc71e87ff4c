/* SPDX-License-Identifier: Apache-2.0 */
/**
 * stack.h - the read-only operating-system tree under a dyno, and the skeleton of its root
 *
 * The skeleton (mount points, symlinks, generated /etc, /dev) is written into scratch/root while nothing is mounted on
 * it, then a read-only clone of it becomes the new root.
 *  - stack "host": this machine's /usr and its merged links, plus a minimal /etc; nothing of /home, /root, /var, /srv,
 *    /opt, /mnt.
 *  - stack DIR: an overlay of skeleton over DIR, without upper layer. Every mount point is a real directory of the skeleton
 *    there, which hides whatever DIR has of that name: an image's symlink at /dev, /proc or /etc decides nothing.
 */
#ifndef ISOLATION_STACK_H
#define ISOLATION_STACK_H

#include <stdbool.h>

#include "dyno.h"

/** struct stack_texts - generated files of /etc that differ between dynos; borrowed */
struct stack_texts {
	const char *hostname;
	const char *hosts;
	const char *resolv_conf;
};

/** stack_is_host() - @stack is this machine's own tree */
bool stack_is_host(const char *stack);

/**
 * stack_skeleton_child() - write the skeleton into scratch/root
 * Should: be followed by devices_skeleton_child() on the same directory (fd returned).
 * Return: descriptor of scratch/root, or negative errno
 */
int stack_skeleton_child(int scratch, const char *stack, const struct stack_texts *texts, struct dyno_error *err);

/**
 * stack_attach_child() - attach scratch, and on it the new root: skeleton and stack
 * @skeleton: descriptor of scratch/root
 * @idmap_fd: the dyno's user namespace for idmapped mounts, -1 rootless
 * Return: descriptor of the new root (attached, on which the rest is attached), or negative errno
 */
int stack_attach_child(int scratch, int skeleton, const char *stack, int idmap_fd, struct dyno_error *err);

#endif /* ISOLATION_STACK_H */
