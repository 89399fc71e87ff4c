/* SPDX-License-Identifier: Apache-2.0 */
/**
 * logfile.h - the log of an app on disk, bounded in size
 *
 * Two files: NAME.log, and NAME.log.1, which it becomes when it is half of the bound. A disk that is full loses lines; they are
 * counted, and nobody waits.
 */
#ifndef FORMATION_LOGFILE_H
#define FORMATION_LOGFILE_H

#include <stddef.h>
#include <stdint.h>

#include "dyno.h"

#define LOGFILE_MAX (16ULL << 20)
#define LOGFILE_BUFFER 65536

/**
 * struct logfile - @fd is -1 when there is none
 * @dirfd: borrowed
 * @size:  of the file, with what is in @buffer
 * @lost:  lines that could not be written
 */
struct logfile {
	int dirfd;
	int fd;
	char name[64];
	uint64_t size;
	uint64_t lost;
	unsigned waiting;
	size_t used;
	char *buffer;
};

#define LOGFILE_NULL                                                                                                   \
	{                                                                                                              \
		.dirfd = -1, .fd = -1                                                                                  \
	}

/** logfile_open() - go on with NAME.log in directory @dirfd, mode 0600 */
int logfile_open(int dirfd, const char *name, struct logfile *ret, struct dyno_error *err);
/** logfile_add() - one line with its newline */
void logfile_add(struct logfile *file, const char *line, size_t length);
/** logfile_flush() - write what waits */
void logfile_flush(struct logfile *file);
/** logfile_close() - flush and close */
void logfile_close(struct logfile *file);

#endif /* FORMATION_LOGFILE_H */
