/* SPDX-License-Identifier: Apache-2.0 */
/* logfile.c - see logfile.h */
#include "formation/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"

/** open_file() - NAME.log, to its end. Return: 0 or negative errno */
static int open_file(struct logfile *file)
{
	char path[80];
	struct stat st;

	(void)text_format(path, sizeof(path), "%s.log", file->name);
	file->fd = openat(file->dirfd, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->fd < 0)
		return -errno;
	if (fstat(file->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		file->fd = fd_close(file->fd);
		return -EINVAL;
	}
	file->size = (uint64_t)st.st_size;
	return 0;
}

int logfile_open(int dirfd, const char *name, struct logfile *ret, struct dyno_error *err)
{
	struct logfile file = { .dirfd = dirfd, .fd = -1 };
	int code = text_copy(file.name, sizeof(file.name), name);

	if (code == 0)
		code = open_file(&file);
	if (code == 0) {
		file.buffer = malloc(LOGFILE_BUFFER);
		code = file.buffer ? 0 : -ENOMEM;
	}
	if (code < 0) {
		fd_close(file.fd);
		return error_set(err, code, "log", "cannot open the log file %s.log:", name);
	}
	*ret = file;
	return 0;
}

/** turn() - the file is full enough: it becomes the older one */
static void turn(struct logfile *file)
{
	char path[80], old[80];

	(void)text_format(path, sizeof(path), "%s.log", file->name);
	(void)text_format(old, sizeof(old), "%s.log.1", file->name);
	if (renameat(file->dirfd, path, file->dirfd, old) < 0 && ftruncate(file->fd, 0) == 0)
		file->size = 0; /* better no old lines than no bound */
	else
		file->fd = fd_close(file->fd);
	if (file->fd < 0)
		(void)open_file(file);
}

void logfile_flush(struct logfile *file)
{
	if (file->used == 0)
		return;
	if (file->fd < 0 || fd_write_all(file->fd, file->buffer, file->used) < 0)
		file->lost += file->waiting;
	file->used = 0;
	file->waiting = 0;
	if (file->size >= LOGFILE_MAX / 2)
		turn(file);
}

void logfile_add(struct logfile *file, const char *line, size_t length)
{
	if (!file->buffer || length > LOGFILE_BUFFER)
		return;
	if (file->used + length > LOGFILE_BUFFER)
		logfile_flush(file);
	memcpy(file->buffer + file->used, line, length);
	file->used += length;
	file->size += length;
	file->waiting++;
}

void logfile_close(struct logfile *file)
{
	logfile_flush(file);
	free(file->buffer);
	fd_close(file->fd);
	*file = (struct logfile)LOGFILE_NULL;
}
