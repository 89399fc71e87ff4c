/* SPDX-License-Identifier: Apache-2.0 */
/* syscalls.h - the seccomp filter: which system calls a dyno may make */
#ifndef ISOLATION_SYSCALLS_H
#define ISOLATION_SYSCALLS_H

#include "dyno.h"

struct sock_fprog;

/** syscalls_program() - the filter of this architecture, made at build time from isolation/syscalls.def; never NULL */
const struct sock_fprog *syscalls_program(void);

/**
 * syscalls_confine_child() - install the filter
 * Should: run after no_new_privs is set, as the last step but closing descriptors and parking.
 */
int syscalls_confine_child(struct dyno_error *err);

#endif /* ISOLATION_SYSCALLS_H */
