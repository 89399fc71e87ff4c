/* SPDX-License-Identifier: Apache-2.0 */
/* ring.h - the last lines of an app's log (https://devcenter.heroku.com/articles/limits: 1,500) */
#ifndef FORMATION_RING_H
#define FORMATION_RING_H

#include <stddef.h>
#include <stdint.h>

#include "formation/logline.h"

#define RING_LINES 1500
/* 1,500 lines of everyday length are 200 KiB; long ones are forgotten earlier */
#define RING_BYTES (4U << 20)

struct ring_line;

/**
 * struct ring - lines, the oldest at @first
 * @bytes: of memory that they take
 */
struct ring {
	struct ring_line *lines[RING_LINES];
	size_t first;
	size_t count;
	size_t bytes;
};

/** ring_add() - keep a copy of @line; without memory it is not kept */
void ring_add(struct ring *ring, const struct logline *line);
/** ring_get() - line @index from the oldest, borrowed until the next ring_add(); @index is below ring->count */
void ring_get(const struct ring *ring, size_t index, struct logline *ret);
/** ring_done() - free all lines */
void ring_done(struct ring *ring);

#endif /* FORMATION_RING_H */
