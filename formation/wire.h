/* SPDX-License-Identifier: Apache-2.0 */
/**
 * wire.h - what is said over an app's control socket: frames of words
 *
 * A frame is its length in four bytes (this machine's order; both ends are on it), then words, each with a terminator.
 * The first word says what it is. Requests, one a connection:
 *
 *     ps                          everything that there is
 *     scale WHAT...               web=2 worker+1 web=1:standard-2x
 *     type WHAT...                web=standard-2x
 *     restart [DYNO|TYPE]         all of it without
 *     stop DYNO                   one-off dynos end, others are restarted
 *     release                     read code and config again, restart all
 *     run LINE [SIZE [KEY=VALUE...]]   a one-off dyno, whose output goes to the log; LINE is a command line, or TYPE and words; SIZE may be ""
 *     logs LINES follow|once      the last LINES, all there are for ""
 *     quit [now]                  stop the formation
 *
 * Answers: any number of `type`, `dyno` and `line` frames (`now` where the log is followed from here on), then `done TEXT` or `failed TEXT REMEDY`.
 */
#ifndef FORMATION_WIRE_H
#define FORMATION_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_WORDS 16
#define WIRE_FRAME_MAX 16384

/**
 * struct wire_frame - words of one frame
 * @words: point into the bytes that were read; NULL from @count on
 */
struct wire_frame {
	const char *words[WIRE_WORDS + 1];
	size_t sizes[WIRE_WORDS];
	size_t count;
};

/**
 * wire_pack() - make a frame
 * @words, @count: as many terminated words; @tail, @tail_size: one more of that size, NULL for none
 * Return: its size, 0 when it does not fit into @size
 */
size_t wire_pack(char *buf, size_t size, const char *const *words, size_t count, const char *tail, size_t tail_size);

/**
 * wire_unpack() - read the frame at the start of @bytes
 * Return: size of the frame, 0 when it is not all there yet, -EPROTO for what is none
 */
int wire_unpack(const char *bytes, size_t size, struct wire_frame *ret);

#endif /* FORMATION_WIRE_H */
