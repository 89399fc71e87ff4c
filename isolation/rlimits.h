/* SPDX-License-Identifier: Apache-2.0 */
/* rlimits.h - per-process limits (setrlimit(2)): files, core dumps, file size, and the fallback where no cgroup is */
#ifndef ISOLATION_RLIMITS_H
#define ISOLATION_RLIMITS_H

#include <stdbool.h>

#include "dyno.h"

/** rlimits_fix_child() - what no app has a say in: no core dumps, little locked memory, message queues, pending signals */
int rlimits_fix_child(struct dyno_error *err);

/**
 * rlimits_apply_child() - apply in the process that becomes the app; async-signal-safe, no allocation
 * @limits:      nofile from here (0: 1024 soft, 524288 or the caller's hard limit hard: ask for no more than we have)
 * @file_size:   RLIMIT_FSIZE in bytes (the scratch size: no file of a dyno, its log on the caller's disk included, may
 *               grow beyond it), 0 for none
 * @no_cgroup:   true where no cgroup holds memory and pids: RLIMIT_DATA and RLIMIT_NPROC stand in
 * Should: run in a process that rlimits_fix_child() was called in, or its parent.
 * A hard limit cannot be raised without CAP_SYS_RESOURCE: the smaller of asked and available is taken, except for an
 * explicit @limits->nofile above the hard limit, which is -EPERM and said.
 */
int rlimits_apply_child(const struct dyno_limits *limits, uint64_t file_size, bool no_cgroup, struct dyno_error *err);

#endif /* ISOLATION_RLIMITS_H */
