/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_file.c - see cgroup_file.h */
#include "isolation/cgroup_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

/* An unnamed process (of a foreign PID namespace) gives nothing to wait on: look again this often. */
#define BLIND_WAIT_NS CGROUP_NS_PER_MS

int cgroup_clock_left(uint64_t deadline)
{
	uint64_t now = clock_ns();

	if (now >= deadline)
		return 0;
	deadline = (deadline - now + CGROUP_NS_PER_MS - 1) / CGROUP_NS_PER_MS;
	return deadline > INT_MAX ? INT_MAX : (int)deadline;
}

int cgroup_text_key(const char *text, const char *key, uint64_t *ret)
{
	size_t length = strlen(key);
	const char *line;

	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) != 0 || line[length] != ' ')
			continue;
		if (!isdigit((unsigned char)line[length + 1]))
			return -ENOENT;
		*ret = strtoull(line + length + 1, NULL, 10);
		return 0;
	}
	return -ENOENT;
}

bool cgroup_text_has(const char *text, const char *word)
{
	size_t length = strlen(word);

	while (*text) {
		size_t span;

		text += strspn(text, " \n,");
		span = strcspn(text, " \n,");
		if (span == length && strncmp(text, word, length) == 0)
			return true;
		text += span;
	}
	return false;
}

uint64_t cgroup_file_number(int dirfd, const char *name)
{
	char text[64];

	if (fd_read_text(dirfd, name, text, sizeof(text)) <= 0 || !isdigit((unsigned char)text[0]))
		return 0;
	return strtoull(text, NULL, 10);
}

uint64_t cgroup_file_key(int dirfd, const char *name, const char *key)
{
	char text[1024];
	uint64_t value = 0;

	if (fd_read_text(dirfd, name, text, sizeof(text)) > 0)
		(void)cgroup_text_key(text, key, &value);
	return value;
}

/**
 * struct pid_reader - numbers of a cgroup.procs file, one per line, however long it is
 * A fork bomb's list is far larger than any buffer of ours: it is read in pieces, and their edge may cut a number.
 */
struct pid_reader {
	int fd;
	size_t at, have;
	char buf[4096];
};

/**
 * pid_reader_byte() - next byte of the list
 * Return: the byte, -1 at the end (an error ends the list too: ENODEV when the group is being removed)
 */
static int pid_reader_byte(struct pid_reader *reader)
{
	if (reader->at == reader->have) {
		ssize_t got = read(reader->fd, reader->buf, sizeof(reader->buf));

		if (got <= 0)
			return -1;
		reader->at = 0;
		reader->have = (size_t)got;
	}
	return (unsigned char)reader->buf[reader->at++];
}

/**
 * pid_reader_next() - next process of the list
 * @ret: its PID, 0 for one of a foreign PID namespace
 * Return: true, or false at the end
 */
static bool pid_reader_next(struct pid_reader *reader, pid_t *ret)
{
	bool digits = false;
	pid_t pid = 0;
	int byte;

	while ((byte = pid_reader_byte(reader)) >= 0) {
		if (isdigit(byte)) {
			pid = pid * 10 + (byte - '0');
			digits = true;
		} else if (digits) {
			break;
		}
	}
	*ret = pid;
	return digits;
}

/**
 * pid_reader_open() - start reading the processes of group @dirfd
 * Return: 0 or negative errno
 */
static int pid_reader_open(struct pid_reader *ret, int dirfd)
{
	ret->at = 0;
	ret->have = 0;
	ret->fd = openat(dirfd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	return ret->fd < 0 ? -errno : 0;
}

int cgroup_procs_kill(int dirfd)
{
	struct pid_reader reader;
	int count = 0, r;
	pid_t pid;

	r = pid_reader_open(&reader, dirfd);
	if (r < 0)
		return r;
	while (pid_reader_next(&reader, &pid)) {
		/* kill(0) would hit our own process group */
		if (pid > 0)
			(void)kill(pid, SIGKILL);
		count++;
	}
	fd_close(reader.fd);
	return count;
}

/**
 * wait_process() - wait for the end of process @pid (0: unknown) or for the deadline
 * Until Linux 6.18 a dying process leaves its group before its pidfd becomes readable (kernel/exit.c, do_exit()); later
 * ones may list it a moment longer, and the caller looks again.
 */
static void wait_process(pid_t pid, uint64_t deadline)
{
	const struct timespec pause = { .tv_nsec = BLIND_WAIT_NS };
	_cleanup_close_ int fd = -1;

	if (pid > 0) {
		struct pollfd end = { .events = POLLIN };

		fd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (fd < 0 && errno == ESRCH)
			return;
		end.fd = fd;
		if (fd >= 0 && poll(&end, 1, cgroup_clock_left(deadline)) == 1 && !(end.revents & POLLNVAL))
			return;
	}
	(void)nanosleep(&pause, NULL);
}

int cgroup_procs_wait(int dirfd, uint64_t deadline)
{
	for (;;) {
		struct pid_reader reader;
		pid_t pid;
		int r;

		r = pid_reader_open(&reader, dirfd);
		if (r < 0)
			return r == -ENOENT || r == -ENODEV ? 0 : r;
		if (!pid_reader_next(&reader, &pid))
			pid = -1;
		fd_close(reader.fd);
		if (pid < 0)
			return 0;
		if (cgroup_clock_left(deadline) == 0)
			return -ETIMEDOUT;
		wait_process(pid, deadline);
	}
}
