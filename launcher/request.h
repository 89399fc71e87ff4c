/* SPDX-License-Identifier: Apache-2.0 */
/**
 * request.h - what a peer may ask of the launcher: the table of all fields, which reads requests and writes them
 */
#ifndef LAUNCHER_REQUEST_H
#define LAUNCHER_REQUEST_H

#include "launcher/protocol.h"

/** enum request_verb - see docs/launcher-protocol.md */
enum request_verb {
	REQUEST_HELLO,
	REQUEST_START,
	REQUEST_SIGNAL,
	REQUEST_STOP,
	REQUEST_KILL,
	REQUEST_LIST,
	REQUEST_SUBSCRIBE,
	REQUEST_STATS,
	REQUEST_POOL,
	REQUEST_COUNT,
};

#define REQUEST_NOT_GIVEN UINT64_MAX

/**
 * struct request - one request; texts are the packet's
 * @shape, @app, @requested_ns, @detach, @kill_on_hangup: of START; @app's slug and streams travel as descriptors
 * @dyno, @start: which dyno, by name or by the number of this peer's request that started it
 * @format:  enum dyno_launcher_format
 * @grace_ms, @pool, @min, @max: REQUEST_NOT_GIVEN when they were left out
 * @vectors: owned: where argv, env and publish of @app lie
 */
struct request {
	enum request_verb verb;
	struct dyno_shape shape;
	struct dyno_app app;
	uint64_t requested_ns;
	uint64_t grace_ms;
	bool detach;
	bool kill_on_hangup;
	const char *dyno;
	uint64_t start;
	uint64_t signal;
	bool all;
	unsigned format;
	uint64_t pool, min, max;
	const char **vectors;
};

/** request_verb_name() - "START" */
const char *request_verb_name(enum request_verb verb);

/** request_init() - a request of which nothing was given yet */
void request_init(struct request *ret, enum request_verb verb);

/**
 * request_read() - the request of a packet: every field known, of its type, given once unless it makes a list
 * What a shape or app may be is for the library to judge.
 * @ret: to be given to request_done(), on failure too
 * Return: 0; -EBADMSG, -EINVAL or -ERANGE with one sentence; -ENOMEM
 */
int request_read(const struct protocol_head *head, const struct protocol_fields *fields, struct request *ret,
                 struct dyno_error *err);

/** request_write() - the fields of @request that are not as request_init() left them */
void request_write(struct protocol_writer *writer, const struct request *request);

/** request_done() - free what @request owns */
void request_done(struct request *request);

#endif /* LAUNCHER_REQUEST_H */
