/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - see file.h */
#include "config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/** open_beneath() - openat2(2) that stays in @dirfd. Return: descriptor or negative errno */
static int open_beneath(int dirfd, const char *path, int flags)
{
	struct open_how how = { .flags = (__u64)flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/** regular() - 0 when @fd is a regular file of at most @max bytes, else negative errno */
static int regular(int fd, size_t max)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return st.st_size < 0 || (size_t)st.st_size > max ? -EFBIG : 0;
}

int file_open_directory(int dirfd, const char *path)
{
	return open_beneath(dirfd, path, O_RDONLY | O_DIRECTORY);
}

bool file_is_there(int dirfd, const char *path)
{
	_cleanup_close_ int fd = open_beneath(dirfd, path, O_PATH);

	return fd >= 0 && regular(fd, SIZE_MAX) == 0;
}

int file_read(int dirfd, const char *path, size_t max, char **ret_text, size_t *ret_size)
{
	/* looked at before it is opened for reading: see file.h. It can be replaced in between, hence O_NONBLOCK and a second look. */
	_cleanup_close_ int looked = open_beneath(dirfd, path, O_PATH), fd = -1;
	_cleanup_free_ char *text = NULL;
	ssize_t size;
	int code = looked < 0 ? looked : regular(looked, max);

	if (code == 0)
		code = fd = open_beneath(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (code >= 0)
		code = regular(fd, max);
	if (code < 0)
		return code;
	text = malloc(max + 1);
	/* -EFBIG: it has grown since it was looked at */
	size = text ? fd_read_all(fd, text, max + 1) : -ENOMEM;
	if (size < 0)
		return (int)size;
	*ret_text = TAKE_PTR(text);
	*ret_size = (size_t)size;
	return 0;
}
