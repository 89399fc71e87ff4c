/* SPDX-License-Identifier: Apache-2.0 */
/* link.h - reaching a running formation from another process: the client half of the control socket */
#ifndef FORMATION_LINK_H
#define FORMATION_LINK_H

#include "formation/wire.h"

#include "dyno.h"

/** link_open() - connect to the formation of @app. Return: socket; -ENOENT when it does not run; or negative errno */
int link_open(struct dyno_host *host, const char *app, struct dyno_error *err);

/** link_ask() - send a request of @count words */
int link_ask(int fd, const char *const *words, size_t count, struct dyno_error *err);

/**
 * struct link_reader - frames as they come; @buffer holds [@start, @end)
 */
struct link_reader {
	int fd;
	size_t start;
	size_t end;
	char buffer[4 * WIRE_FRAME_MAX];
};

/** link_next() - wait for the next frame. Return: 1, 0 when the formation hung up, or negative errno */
int link_next(struct link_reader *reader, struct wire_frame *ret, struct dyno_error *err);

#endif /* FORMATION_LINK_H */
