/* SPDX-License-Identifier: Apache-2.0 */
/* rootless.h - pasta(1), which carries a dyno's port over a namespace border without any privilege */
#ifndef NETNS_ROOTLESS_H
#define NETNS_ROOTLESS_H

#include <stdint.h>
#include <sys/types.h>

#include "dyno.h"

/**
 * rootless_start() - run pasta for the namespaces of process @pid
 * Must: be called while @pid is alive and dumpable, and after its id maps were written. Returns when pasta is ready: 127.0.0.1:@port of the host then reaches
 * @port inside. pasta dies with the calling thread.
 * @port: not 0
 * @ret:  its pid, a child of the caller, to be given to rootless_stop()
 */
int rootless_start(pid_t pid, uint16_t port, pid_t *ret, struct dyno_error *err);

/** rootless_stop() - end and reap pasta; 0 is fine. Return: 0, to be assigned back */
pid_t rootless_stop(pid_t helper);

#endif /* NETNS_ROOTLESS_H */
