/* SPDX-License-Identifier: Apache-2.0 */
/**
 * sink.h - a reader of the log that may be slow: a bounded queue in front of it, and a count of what did not fit
 *
 * Nobody waits for a reader, and no memory grows for one. A message that does not fit is dropped whole; when
 * there is room again, the reader is told how many were (Heroku's L10 to L12).
 */
#ifndef FORMATION_SINK_H
#define FORMATION_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* memory is taken as far as a reader lags behind */
#define SINK_SIZE (8U << 20)

/**
 * struct sink - one reader
 * @fd:         non-blocking, or a regular file; owned; -1: none now
 * @careful:    it could not be made non-blocking: write what poll(2) promises, PIPE_BUF bytes at a time
 * @dropped:    messages since the reader was last told; @since_us: wall time of the first
 * @data:       ring of @capacity bytes, [@start, @start + @used)
 */
struct sink {
	int fd;
	bool careful;
	uint64_t dropped;
	uint64_t since_us;
	char *data;
	size_t capacity;
	size_t start;
	size_t used;
};

#define SINK_NULL                                                                                                      \
	{                                                                                                              \
		.fd = -1                                                                                               \
	}

/** sink_open() - a queue of @capacity bytes in front of @fd, which is owned from here on, also on failure. Return: 0 or -ENOMEM */
int sink_open(struct sink *sink, int fd, size_t capacity);

/**
 * sink_open_shared() - a queue in front of a descriptor that other processes have too, such as standard output
 * Their view of it must not become non-blocking: where /proc allows, it is opened anew for that.
 */
int sink_open_shared(struct sink *sink, int fd);

/** sink_add() - queue @size bytes, all or nothing. Return: whether they fitted; if not, one message is counted as dropped */
bool sink_add(struct sink *sink, const void *bytes, size_t size, uint64_t wall_us);

/** sink_report() - the reader can be told of dropped messages now: how many, 0 for none; the count begins anew */
uint64_t sink_report(struct sink *sink, uint64_t *ret_since_us);

/** sink_flush() - write what goes. Return: bytes still waiting, or -EPIPE when the reader is gone */
int sink_flush(struct sink *sink);

/** sink_peek() - copy @size bytes of the queue from @offset on, or as many as there are. Return: how many */
size_t sink_peek(const struct sink *sink, size_t offset, void *buf, size_t size);

/** sink_drop() - remove the first @size bytes, which there must be */
void sink_drop(struct sink *sink, size_t size);

/** sink_close() - close, without waiting for the rest */
void sink_close(struct sink *sink);

#endif /* FORMATION_SINK_H */
