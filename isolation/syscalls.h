/* SPDX-License-Identifier: Apache-2.0 */
/* syscalls.h - the seccomp filter: which system calls a dyno may make */
#ifndef ISOLATION_SYSCALLS_H
#define ISOLATION_SYSCALLS_H

#include <stdbool.h>

#include "dyno.h"

struct sock_fprog;

/**
 * syscalls_program() - the filter of this architecture, made at build time from isolation/syscalls.def; never NULL
 * @watch: the one that asks the launcher at listen(2)
 */
const struct sock_fprog *syscalls_program(bool watch);

/**
 * syscalls_confine_child() - install the filter
 * Should: run after no_new_privs is set, as the last step but closing descriptors and parking.
 * @ret_notify: NULL, or where the descriptor of seccomp_unotify(2) goes: then each listen(2) of this process and its
 *              children waits until somebody answers there. Who confined itself mustn't keep it: it could answer itself.
 *              Untouched where the launcher itself runs under a filter with a listener
 */
int syscalls_confine_child(int *ret_notify, struct dyno_error *err);

#endif /* ISOLATION_SYSCALLS_H */
