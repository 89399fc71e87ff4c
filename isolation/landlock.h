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
 * Should: run in the new root with no_new_privs set, before the seccomp filter (which denies landlock_*).
 */
int landlock_confine_child(int abi, struct dyno_error *err);

#endif /* ISOLATION_LANDLOCK_H */
