/* SPDX-License-Identifier: Apache-2.0 */
/* sink.c - see sink.h */
#include "formation/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

/* A reader that was slow is told of it only when it has caught up that much, else it would be told of each message. */
#define CAUGHT_UP(sink) ((sink)->capacity / 2)

int sink_open(struct sink *sink, int fd, size_t capacity)
{
	*sink = (struct sink){ .fd = fd, .data = malloc(capacity), .capacity = capacity };
	if (sink->data)
		return 0;
	sink_close(sink);
	return -ENOMEM;
}

int sink_open_shared(struct sink *sink, int fd)
{
	char path[40];
	struct stat st;
	bool careful = false;
	int own = -1, code;

	(void)text_format(path, sizeof(path), "/proc/self/fd/%d", fd);
	/* A new open file of the same pipe or terminal. A regular file never blocks, and opened anew would lose its offset. */
	if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0) {
		own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		careful = true;
	}
	if (own < 0)
		return -errno;
	code = sink_open(sink, own, SINK_SIZE);
	sink->careful = careful;
	return code;
}

/** put() - @size bytes at the end of the queue, where there is room */
static void put(struct sink *sink, const char *bytes, size_t size)
{
	size_t end = (sink->start + sink->used) % sink->capacity;
	size_t first = sink->capacity - end < size ? sink->capacity - end : size;

	memcpy(sink->data + end, bytes, first);
	memcpy(sink->data, bytes + first, size - first);
	sink->used += size;
}

bool sink_add(struct sink *sink, const void *bytes, size_t size, uint64_t wall_us)
{
	if (!sink->data)
		return false;
	/* Once something was dropped, all is until the reader was told: the gap is one gap. */
	if (sink->dropped > 0 || size > sink->capacity - sink->used) {
		if (sink->dropped++ == 0)
			sink->since_us = wall_us;
		return false;
	}
	put(sink, bytes, size);
	return true;
}

uint64_t sink_report(struct sink *sink, uint64_t *ret_since_us)
{
	uint64_t dropped = sink->dropped;

	if (dropped == 0 || sink->used > CAUGHT_UP(sink))
		return 0;
	*ret_since_us = sink->since_us;
	sink->dropped = 0;
	return dropped;
}

/** write_some() - one write(2) of what waits. Return: bytes, 0 when the reader is not ready, or negative errno */
static ssize_t write_some(struct sink *sink)
{
	size_t first = sink->capacity - sink->start < sink->used ? sink->capacity - sink->start : sink->used;
	struct iovec parts[2] = { { sink->data + sink->start, first }, { sink->data, sink->used - first } };
	struct pollfd ready = { .fd = sink->fd, .events = POLLOUT };
	ssize_t n;

	if (sink->careful) {
		if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
			return ready.revents & (POLLERR | POLLHUP) ? -EPIPE : 0;
		parts[0].iov_len = first < PIPE_BUF ? first : PIPE_BUF;
		parts[1].iov_len = 0;
	}
	n = writev(sink->fd, parts, parts[1].iov_len ? 2 : 1);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n;
}

size_t sink_peek(const struct sink *sink, size_t offset, void *buf, size_t size)
{
	size_t left = offset < sink->used ? sink->used - offset : 0;
	size_t start = (sink->start + offset) % sink->capacity, first;

	size = size < left ? size : left;
	first = sink->capacity - start < size ? sink->capacity - start : size;
	memcpy(buf, sink->data + start, first);
	memcpy((char *)buf + first, sink->data, size - first);
	return size;
}

void sink_drop(struct sink *sink, size_t size)
{
	sink->start = (sink->start + size) % sink->capacity;
	sink->used -= size;
	if (sink->used == 0)
		sink->start = 0; /* the same pages again, not all of the ring in turn */
}

int sink_flush(struct sink *sink)
{
	while (sink->fd >= 0 && sink->used > 0) {
		ssize_t n = write_some(sink);

		if (n < 0)
			return -EPIPE;
		if (n == 0)
			break;
		sink_drop(sink, (size_t)n);
	}
	return sink->fd < 0 ? -EPIPE : (int)sink->used;
}

void sink_close(struct sink *sink)
{
	free(sink->data);
	fd_close(sink->fd);
	*sink = (struct sink)SINK_NULL;
}
