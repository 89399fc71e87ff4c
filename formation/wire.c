/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - see wire.h */
#include "formation/wire.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/** append() - one word with its terminator at @used of @buf. Return: false when it does not fit */
static bool append(char *buf, size_t size, size_t *used, const char *word, size_t length)
{
	if (length + 1 > size - *used)
		return false;
	memcpy(buf + *used, word, length);
	buf[*used + length] = '\0';
	*used += length + 1;
	return true;
}

size_t wire_pack(char *buf, size_t size, const char *const *words, size_t count, const char *tail, size_t tail_size)
{
	size_t used = sizeof(uint32_t);
	uint32_t length;

	if (size > WIRE_FRAME_MAX)
		size = WIRE_FRAME_MAX;
	if (size < used || count + (tail != NULL) > WIRE_WORDS)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (!append(buf, size, &used, words[i], strlen(words[i])))
			return 0;
	if (tail && !append(buf, size, &used, tail, tail_size))
		return 0;
	length = (uint32_t)(used - sizeof(length));
	memcpy(buf, &length, sizeof(length));
	return used;
}

int wire_unpack(const char *bytes, size_t size, struct wire_frame *ret)
{
	struct wire_frame frame = { 0 };
	const char *at, *end;
	uint32_t length;

	if (size < sizeof(length))
		return 0;
	memcpy(&length, bytes, sizeof(length));
	if (length == 0 || length > WIRE_FRAME_MAX - sizeof(length))
		return -EPROTO;
	if (size - sizeof(length) < length)
		return 0;
	at = bytes + sizeof(length);
	end = at + length;
	if (end[-1] != '\0')
		return -EPROTO;
	while (at < end) {
		if (frame.count == WIRE_WORDS)
			return -EPROTO;
		frame.words[frame.count] = at;
		frame.sizes[frame.count++] = strlen(at);
		at += strlen(at) + 1;
	}
	*ret = frame;
	return (int)(sizeof(length) + length);
}
