/* SPDX-License-Identifier: Apache-2.0 */
/**
 * namespaces.h - one clone3(2) for a dyno's namespaces
 *
 * As root: mount, pid, ipc and uts here (cgroup follows when the child has joined its groups, so that they are the
 * namespace's roots: namespaces_cgroup_child()); the network namespace is made by netns/ in the parent meanwhile, and the user namespace is entered
 * last, by isolation/identity. All but the user namespace then belong to the initial user namespace: a dyno has no power
 * over them even if it regained every capability in its own.
 * Rootless: the user namespace comes first, because nothing else is allowed without it, and all of them at once.
 */
#ifndef ISOLATION_NAMESPACES_H
#define ISOLATION_NAMESPACES_H

#include <stdbool.h>
#include <stdint.h>

#include "dyno.h"

/** NAMESPACES_KEPT - those that need no process to live: mount, ipc, uts */
#define NAMESPACES_KEPT 3

/**
 * namespaces_flags() - CLONE_NEW* flags for the clone
 * @rootless: no privilege: user and network namespace are part of the clone
 * @template: the mount namespace is to be a copy of the template, made by the child (template.h)
 * @kept: those of NAMESPACES_KEPT are there already, to be entered by the child
 */
uint64_t namespaces_flags(bool rootless, enum dyno_net net, bool template, bool kept);

/**
 * namespaces_clone() - clone the child
 * @cgroup_fd: v2 group to be born in, -1 for none
 * @ret_pidfd: the child's pidfd
 * Return: pid in the parent, 0 in the child, or negative errno with the causes of EPERM, ENOSPC and EINVAL told apart
 */
pid_t namespaces_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd, struct dyno_error *err);

/**
 * namespaces_begin_child() - first step of the child: die with the launcher, ordinary scheduling, own session, no umask
 * Mustn't: run anything before it that could outlive a launcher that died meanwhile.
 */
int namespaces_begin_child(struct dyno_error *err);

/** namespaces_cgroup_child() - own cgroup namespace, after the v1 groups were joined, so that they are its roots */
int namespaces_cgroup_child(struct dyno_error *err);

/** namespaces_self_child() - the caller's entry in /proc, for namespaces_keep_child(). Return: descriptor, or negative errno */
int namespaces_self_child(struct dyno_error *err);

/** namespaces_leave_child() - move into new ones of these kinds; the mount namespace comes from the template (template_enter_child()) */
int namespaces_leave_child(struct dyno_error *err);

/**
 * namespaces_keep_child() - descriptors of those that the caller is in, which keep them
 * @self: of namespaces_self_child(), opened while there was a /proc
 * @ret: on failure to be closed all the same
 */
int namespaces_keep_child(int self, int ret[NAMESPACES_KEPT], struct dyno_error *err);

/** namespaces_enter_child() - move into kept ones; the root is then the root of the mount namespace */
int namespaces_enter_child(const int fds[NAMESPACES_KEPT], struct dyno_error *err);

/** namespaces_hostname() - the host name of the dyno @name: with dots and underscores as dashes, for it is one label */
void namespaces_hostname(const char *name, char ret_host[64]);

/** namespaces_hostname_child() - set it */
int namespaces_hostname_child(const char *host, struct dyno_error *err);

#endif /* ISOLATION_NAMESPACES_H */
