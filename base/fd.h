/* SPDX-License-Identifier: Apache-2.0 */
/**
 * fd.h - ownership of file descriptors and memory
 *
 * A descriptor variable starts at -1 and is closed when it leaves its scope (_cleanup_close_), unless TAKE_FD()
 * hands it over. The same for memory with _cleanup_free_ and TAKE_PTR(). Destructors preserve errno.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stddef.h>
#include <stdlib.h>
#include <sys/types.h>

#define _cleanup_close_ __attribute__((cleanup(fd_close_p)))
#define _cleanup_free_ __attribute__((cleanup(free_p)))

#define TAKE_FD(fd)                                                                                                    \
	({                                                                                                             \
		int *take_fd_ = &(fd);                                                                                 \
		int taken_ = *take_fd_;                                                                                \
		*take_fd_ = -1;                                                                                        \
		taken_;                                                                                                \
	})
#define TAKE_PTR(ptr)                                                                                                  \
	({                                                                                                             \
		__typeof__(ptr) *take_ptr_ = &(ptr);                                                                   \
		__typeof__(ptr) taken_ = *take_ptr_;                                                                   \
		*take_ptr_ = NULL;                                                                                     \
		taken_;                                                                                                \
	})

/** fd_close() - close @fd unless it is negative; keeps errno. Return: -1, to be assigned back */
int fd_close(int fd);
void fd_close_p(int *fd);
void free_p(void *ptr);

/** fd_read_all() - read what is left of @fd into @buf and terminate it. Return: bytes, -EFBIG unless it is shorter than @size, or negative errno */
ssize_t fd_read_all(int fd, char *buf, size_t size);
/**
 * fd_read_text() - read a small file whole into @buf and terminate it
 * Return: number of bytes without the terminator, -EFBIG if it does not fit, or negative errno
 */
ssize_t fd_read_text(int dirfd, const char *path, char *buf, size_t size);

/**
 * fd_write_text() - open an existing file for writing and write @text in one write(2), as kernel files want it
 * Once more if a signal comes first: memory.limit_in_bytes gives up then (mm/memcontrol-v1.c, mem_cgroup_resize_max()).
 */
int fd_write_text(int dirfd, const char *path, const char *text);

/** fd_create_text() - create a new file with @mode (not masked by umask) and content @text; it must not exist */
int fd_create_text(int dirfd, const char *path, mode_t mode, const char *text);

/** fd_write_all() - write @size bytes, however many write(2) calls it takes */
int fd_write_all(int fd, const void *data, size_t size);

#endif /* BASE_FD_H */
