/* SPDX-License-Identifier: Apache-2.0 */
/**
 * stack.h - the read-only operating-system tree under a dyno, and the skeleton of its root
 *
 * The skeleton (mount points, symlinks, generated /etc, /dev) is a directory in the state directory, made once per
 * machine and kind of dyno, and made anew when what it was made from changes: writing its 60 entries into every dyno
 * cost 180 us of each launch. A dyno sees a read-only clone of it as its root.
 *  - stack "host": this machine's /usr and its merged links, plus a minimal /etc; nothing of /home, /root, /var, /srv,
 *    /opt, /mnt.
 *  - stack DIR: an overlay of skeleton over DIR, without upper layer. Every mount point is a real directory of the skeleton
 *    there, which hides whatever DIR has of that name: an image's symlink at /dev, /proc or /etc decides nothing.
 */
#ifndef ISOLATION_STACK_H
#define ISOLATION_STACK_H

#include <stdbool.h>

#include "dyno.h"

/**
 * struct stack_kind - what a skeleton depends on
 * @stack: "host" or a directory
 * @rootless: files to bind the host's device nodes on, instead of nodes
 * @resolv_conf: text of /etc/resolv.conf
 */
struct stack_kind {
	const char *stack;
	bool rootless;
	const char *resolv_conf;
};

/** stack_is_host() - @stack is this machine's own tree */
bool stack_is_host(const char *stack);

/**
 * stack_skeleton() - find or make the skeleton of @kind in directory @dirfd (parent half)
 * Safe against others doing the same at the same time: it is made aside and renamed into place whole. Old ones stay,
 * because running dynos may stand on them.
 * @ret_name: its name in @dirfd, at most 32 bytes
 */
int stack_skeleton(int dirfd, const struct stack_kind *kind, char ret_name[32], struct dyno_error *err);

/**
 * stack_attach_child() - attach the new root, skeleton and stack, in the staged scratch
 * @scratch:  staged (scratch_stage_child())
 * @skeleton: a detached clone of the skeleton (stack_clone_child())
 * @idmap_fd: the dyno's user namespace for idmapped mounts, -1 rootless
 * Return: descriptor of the new root (attached, on which the rest is attached), or negative errno
 */
int stack_attach_child(int scratch, int skeleton, const char *stack, int idmap_fd, struct dyno_error *err);

/** stack_clone_child() - a detached read-only clone of the skeleton at absolute @path, owners translated where possible */
int stack_clone_child(const char *path, int idmap_fd, struct dyno_error *err);

#endif /* ISOLATION_STACK_H */
