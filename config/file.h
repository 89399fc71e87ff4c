/* SPDX-License-Identifier: Apache-2.0 */
/**
 * file.h - the files that an app's directory may hold: small, regular, and in that directory
 *
 * A directory may come from somebody whom we do not trust. So no path leads out of it, through a symlink or otherwise
 * (openat2(2), RESOLVE_BENEATH) - where a link out of the slug leads nowhere in a dyno either - and nothing that is no
 * regular file is opened for reading, for opening a FIFO or a device can block or act.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

/** file_open_directory() - the directory @path below @dirfd, to read it. Return: descriptor or negative errno */
int file_open_directory(int dirfd, const char *path);

/** file_is_there() - @path below @dirfd is a regular file */
bool file_is_there(int dirfd, const char *path);

/**
 * file_read() - the whole of a regular file
 * @max: of its size in bytes
 * @ret_text: to be freed with free(3); a terminator follows that @ret_size does not count
 * Return: 0, -EFBIG, -EXDEV when the path leads out of @dirfd, -EISDIR or -EINVAL when it is no regular file, or another
 * negative errno
 */
int file_read(int dirfd, const char *path, size_t max, char **ret_text, size_t *ret_size);

#endif /* CONFIG_FILE_H */
