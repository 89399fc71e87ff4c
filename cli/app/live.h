/* SPDX-License-Identifier: Apache-2.0 */
/* live.h - asking a running formation, for the verbs that do */
#ifndef CLI_APP_LIVE_H
#define CLI_APP_LIVE_H

#include "cli/app/start_options.h"
#include "config/app_name.h"
#include "formation/link.h"

/**
 * struct live - one question
 * @app: its name
 * @reader: where the answer comes
 */
struct live {
	char app[APP_NAME_LENGTH_MAX + 1];
	struct link_reader reader;
};

/**
 * live_ask() - send @count words to the formation of the app
 * @given: of --app, NULL without
 * Return: 0; -ENOENT when it is not running; or another negative errno
 */
int live_ask(struct live *live, const char *given, const char *const *words, size_t count, struct dyno_error *err);

/**
 * live_next() - the next frame of the answer that is neither `done` nor `failed`
 * @ret: at the end the `done` frame. Return: 1, 0 at the end, or negative errno
 */
int live_next(struct live *live, struct wire_frame *ret, struct dyno_error *err);

/** live_finish() - wait for the end of the answer. @ret: the `done` frame. Return: 0 or negative errno */
int live_finish(struct live *live, struct wire_frame *ret, struct dyno_error *err);

/** run_detached() - `dyno run:detached` of @count @operands, with options read. Return: exit code */
int run_detached(const struct run_detached_given *given, int count, char *const *operands);

/** live_close() - hang up */
void live_close(struct live *live);

#endif /* CLI_APP_LIVE_H */
