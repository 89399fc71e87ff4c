/* SPDX-License-Identifier: Apache-2.0 */
/**
 * template.h - a mount namespace that holds what the roots of dynos are made from, and nothing else
 *
 * A dyno whose mounts begin as a copy of this machine's copies all of them, has to pivot away from them (pivot_root(2) looks at every task
 * of the machine: 40 us beside ten dynos, 600 beside a thousand), and to detach them (each umount2(2) waits for an RCU grace period). One
 * that begins as a copy of the template has five mounts, none of them anything that it may not see, and covers them with its root. A launcher of
 * many dynos makes the template once: it is a descriptor, no process lives in it. A launcher of one, and an ordinary user, pivot.
 *
 * What lies below the root of such a dyno, where nobody gets to without a capability, is an empty read-only directory with this
 * machine's /usr, its list of CPUs, the skeletons of roots, all read-only, and the dyno's own writable layer.
 */
#ifndef ISOLATION_TEMPLATE_H
#define ISOLATION_TEMPLATE_H

#include "dyno.h"

/**
 * template_open() - make the template of this machine's stack (parent, off the launch path: 0.2 ms)
 * @stacks: path of the directory with the skeletons
 * Return: descriptor of the namespace, or negative errno
 */
int template_open(const char *stacks, struct dyno_error *err);

/**
 * template_enter_child() - leave the launcher's mount namespace for a copy of template @fd
 * Should: have taken hold of the slug, which is not in the template. Mustn't: mount anything before: it would be this machine's.
 */
int template_enter_child(int fd, struct dyno_error *err);

/**
 * template_cover_child() - make the mount whose root is @rootfd the root, on top of the template's
 * Should: run when everything is attached.
 */
int template_cover_child(int rootfd, struct dyno_error *err);

#endif /* ISOLATION_TEMPLATE_H */
