/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock.h - a second wall behind the mounts: where a dyno may write, and no reaching out by abstract socket or
 * signal
 */
#ifndef ISOLATION_LANDLOCK_H
#define ISOLATION_LANDLOCK_H

#include "dyno.h"

/** landlock_abi() - Landlock ABI version of this kernel, 0 when it has none or it is switched off */
int landlock_abi(void);

/**
 * landlock_confine_child() - restrict writing to /app, /tmp, /var/tmp, /dev, /proc; scope abstract sockets and signals
 * @abi: as landlock_abi() gave it; 0 does nothing, nor does 1, under which no rename between directories can be allowed
 * Should: run in the new root with no_new_privs set, before the seccomp filter (which denies landlock_create_ruleset).
 */
int landlock_confine_child(int abi, struct dyno_error *err);

/**
 * landlock_open_child() - the same in two parts, for a /app that comes later: here all is said but what may be written there
 * @ret: descriptor for landlock_enter_child(), -1 when there is nothing to do
 */
int landlock_open_child(int abi, int *ret, struct dyno_error *err);

/** landlock_enter_child() - the second part, when /app is there; takes @ruleset, -1 for nothing to do */
int landlock_enter_child(int ruleset, int abi, struct dyno_error *err);

#endif /* ISOLATION_LANDLOCK_H */
