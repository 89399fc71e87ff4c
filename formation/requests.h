/* SPDX-License-Identifier: Apache-2.0 */
/* requests.h - what clients of the control socket may ask, and what becomes of it */
#ifndef FORMATION_REQUESTS_H
#define FORMATION_REQUESTS_H

#include "formation/inside.h"
#include "formation/sink.h"

/**
 * struct client - one connection
 * @out:     frames for it
 * @follows: it hears every line from now on, until it hangs up
 * @ends:    all was said: close it when that is sent
 * @waits:   it stays until the formation is gone
 */
struct client {
	struct client *next;
	struct formation *formation;
	struct watcher ready;
	struct log_listener listener;
	struct sink out;
	bool follows;
	bool ends;
	bool waits;
	bool armed;
	size_t used;
	char in[WIRE_FRAME_MAX];
};

/** request_serve() - act on @frame and answer */
void request_serve(struct client *client, const struct wire_frame *frame);

/** request_line() - the frame of a line of the log */
void request_line(struct client *client, const struct logline *line);

/** request_overflow() - tell a client that was slow how many lines it missed (L11). Return: whether there is more to send */
bool request_overflow(struct client *client);

#endif /* FORMATION_REQUESTS_H */
