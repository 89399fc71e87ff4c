/* SPDX-License-Identifier: Apache-2.0 */
/**
 * attach.h - what a parked sandbox is given from outside, when its app is known: /app and a host name
 *
 * All else was made before. The sandbox has run nothing but our own code by then, so nothing in it can be hostile yet: this
 * is the one moment at which somebody enters a dyno's namespaces, and he brings no more than a detached mount.
 */
#ifndef ISOLATION_ATTACH_H
#define ISOLATION_ATTACH_H

#include <sys/types.h>

#include "dyno.h"

/**
 * attach_late() - give the parked sandbox of @pidfd its /app and host name (as root)
 * @app:      detached mount for /app (scratch_app()), -1 when it is there already
 * @hostname: NULL to keep the one it has
 * @ret_visitor: who did it, for visitor_reap(); set on failure too
 */
int attach_late(int pidfd, int app, const char *hostname, pid_t *ret_visitor, struct dyno_error *err);

#endif /* ISOLATION_ATTACH_H */
