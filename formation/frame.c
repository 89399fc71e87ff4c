/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - see frame.h */
#include "formation/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

#define UUID_LENGTH 36
#define DIGITS "0123456789"

void frame_make_id(char buf[static FRAME_ID_SIZE])
{
	if (fd_read_text(AT_FDCWD, "/proc/sys/kernel/random/uuid", buf, FRAME_ID_SIZE) < UUID_LENGTH)
		buf[0] = '\0';
	buf[buf[0] ? UUID_LENGTH : 0] = '\0';
}

int frame_open(struct frame *frame)
{
	*frame = (struct frame){ .bytes = malloc(FRAME_MAX) };
	return frame->bytes ? 0 : -ENOMEM;
}

/** next_size() - of the message that begins at @offset of @queue, with its length in front; 0 when there is none */
static size_t next_size(const struct sink *queue, size_t offset)
{
	char head[12] = "";
	size_t digits;

	(void)sink_peek(queue, offset, head, sizeof(head) - 1);
	digits = strspn(head, DIGITS);
	return digits == 0 ? 0 : digits + 1 + strtoul(head, NULL, 10);
}

bool frame_take(struct frame *frame, struct sink *queue, uint64_t wall_us)
{
	size_t next;

	if (frame->size > 0)
		return true;
	while ((next = next_size(queue, frame->size)) > 0 && frame->size + next <= FRAME_MAX) {
		frame->size += next;
		frame->count++;
	}
	if (frame->size == 0)
		return false;
	(void)sink_peek(queue, 0, frame->bytes, frame->size);
	sink_drop(queue, frame->size);
	frame->wall_us = wall_us;
	frame_make_id(frame->id);
	return true;
}

void frame_sent(struct frame *frame)
{
	frame->size = 0;
	frame->count = 0;
}

void frame_lost(struct frame *frame, struct sink *queue)
{
	if (queue->dropped == 0)
		queue->since_us = frame->wall_us;
	queue->dropped += frame->count;
	frame_sent(frame);
}

void frame_close(struct frame *frame)
{
	free(frame->bytes);
	*frame = (struct frame){ 0 };
}
