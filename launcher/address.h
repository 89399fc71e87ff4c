/* SPDX-License-Identifier: Apache-2.0 */
/* address.h - the address of a unix socket, however long its path is */
#ifndef LAUNCHER_ADDRESS_H
#define LAUNCHER_ADDRESS_H

#include <sys/un.h>

/**
 * address_of() - @path, or what leads there: sun_path holds 108 bytes (unix(7), BUGS)
 * @ret_fd: descriptor of its directory, to be closed when the address was used; -1 when it was not needed
 * Return: 0 or negative errno
 */
int address_of(const char *path, struct sockaddr_un *ret, int *ret_fd);

#endif /* LAUNCHER_ADDRESS_H */
