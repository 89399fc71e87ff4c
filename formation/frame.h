/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - messages that are sent together: what one request of an HTTPS drain carries */
#ifndef FORMATION_FRAME_H
#define FORMATION_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formation/sink.h"

#define FRAME_MAX (256U << 10)
#define FRAME_ID_SIZE 40

/**
 * struct frame - @count messages of together @size bytes, none when that is 0; kept until the receiver has them
 * @id: the same however often it is sent
 * @wall_us: when it was taken
 */
struct frame {
	char *bytes;
	size_t size;
	unsigned count;
	char id[FRAME_ID_SIZE];
	uint64_t wall_us;
};

/** frame_make_id() - a random UUID */
void frame_make_id(char buf[static FRAME_ID_SIZE]);

/** frame_open() - an empty one. Return: 0 or -ENOMEM */
int frame_open(struct frame *frame);

/**
 * frame_take() - fill an empty one with the first messages of @queue, each with its length in front (drain_format()), as many whole ones as fit
 * Return: whether there is something to send, now or from before
 */
bool frame_take(struct frame *frame, struct sink *queue, uint64_t wall_us);

/** frame_sent() - the receiver has it */
void frame_sent(struct frame *frame);

/** frame_lost() - the receiver will never have it: its messages count as dropped by @queue */
void frame_lost(struct frame *frame, struct sink *queue);

/** frame_close() - free it */
void frame_close(struct frame *frame);

#endif /* FORMATION_FRAME_H */
