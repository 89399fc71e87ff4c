/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - see address.h */
#include "launcher/address.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/text.h"

int address_of(const char *path, struct sockaddr_un *ret, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	const char *name = strrchr(path, '/');
	char directory[PATH_MAX];
	int r;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*ret_fd = -1;
	if (text_copy(ret->sun_path, sizeof(ret->sun_path), path) == 0)
		return 0;
	if (!name || text_format(directory, sizeof(directory), "%.*s/", (int)(name - path), path) < 0)
		return -ENAMETOOLONG;
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = text_format(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d%s", fd, name);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
