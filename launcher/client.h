/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - the client half of the launcher's socket, for the command and the tests (the public face: include/dyno-launcher.h) */
#ifndef LAUNCHER_CLIENT_H
#define LAUNCHER_CLIENT_H

#include <stddef.h>

#include "dyno-launcher.h"

/**
 * launcher_socket_path() - where this user's launcher listens if it was not told otherwise: in the state directory
 * @buf: PATH_MAX bytes are always enough
 */
int launcher_socket_path(char *buf, size_t size);

#endif /* LAUNCHER_CLIENT_H */
