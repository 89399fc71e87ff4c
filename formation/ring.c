/* SPDX-License-Identifier: Apache-2.0 */
/* ring.c - see ring.h */
#include "formation/ring.h"

#include <stdlib.h>
#include <string.h>

/** struct ring_line - one line; name, terminator and text follow */
struct ring_line {
	uint64_t wall_us;
	size_t size;
	uint32_t length;
	uint16_t name;
	bool platform;
	char bytes[];
};

/** forget() - the oldest line */
static void forget(struct ring *ring)
{
	struct ring_line *line = ring->lines[ring->first];

	ring->bytes -= line->size;
	free(line);
	ring->lines[ring->first] = NULL;
	ring->first = (ring->first + 1) % RING_LINES;
	ring->count--;
}

void ring_add(struct ring *ring, const struct logline *line)
{
	size_t name = strlen(line->dyno);
	size_t size = sizeof(struct ring_line) + name + 1 + line->length;
	struct ring_line *kept;

	if (line->length > LOGLINE_MAX || name > UINT16_MAX)
		return;
	while (ring->count == RING_LINES || (ring->count > 0 && ring->bytes + size > RING_BYTES))
		forget(ring);
	kept = malloc(size);
	if (!kept)
		return;
	*kept = (struct ring_line){ .wall_us = line->wall_us,
		                    .size = size,
		                    .length = (uint32_t)line->length,
		                    .name = (uint16_t)name,
		                    .platform = line->platform };
	memcpy(kept->bytes, line->dyno, name + 1);
	memcpy(kept->bytes + name + 1, line->text, line->length);
	ring->lines[(ring->first + ring->count++) % RING_LINES] = kept;
	ring->bytes += size;
}

void ring_get(const struct ring *ring, size_t index, struct logline *ret)
{
	const struct ring_line *line = ring->lines[(ring->first + index) % RING_LINES];

	*ret = (struct logline){ .wall_us = line->wall_us,
		                 .platform = line->platform,
		                 .dyno = line->bytes,
		                 .text = line->bytes + line->name + 1,
		                 .length = line->length };
}

void ring_done(struct ring *ring)
{
	while (ring->count > 0)
		forget(ring);
}
