/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - the client half of the launcher's socket, for the command and the tests (the public face: include/dyno-launcher.h) */
#ifndef LAUNCHER_CLIENT_H
#define LAUNCHER_CLIENT_H

#include <sys/un.h>

#include "dyno-launcher.h"

/**
 * launcher_socket_path() - where this user's launcher listens if it was not told otherwise
 * The state directory of runtime/host.h, found without opening a host: `dyno run` asks before it does anything else.
 * @buf: of sizeof(((struct sockaddr_un *)0)->sun_path) bytes
 */
int launcher_socket_path(char *buf, size_t size, struct dyno_error *err);

/** launcher_shape_served() - a launcher of this user can start dynos of @shape: 0, or -ENOTSUP with the reason in @err */
int launcher_shape_served(const struct dyno_shape *shape, const struct dyno_app *app, struct dyno_error *err);

#endif /* LAUNCHER_CLIENT_H */
