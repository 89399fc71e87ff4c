/* SPDX-License-Identifier: Apache-2.0 */
/**
 * pools.h - the launcher's pools: those it was told to keep, and those that it learned to
 *
 * A shape that is asked for often enough, and has no pool, gets one; then a slug that is asked for often enough with that shape gets one
 * with the slug attached, whose sandboxes start twice as fast, and which is empty when nobody asked for long. The learned pool of that
 * kind that was unused longest makes room.
 */
#ifndef LAUNCHER_POOLS_H
#define LAUNCHER_POOLS_H

#include <stdio.h>

#include "dyno.h"
#include "launcher/launcher.h"

struct pools;

/** pools_open() - begin to keep the pools of @config */
int pools_open(struct dyno_host *host, const struct launcher_config *config, struct pools **ret,
               struct dyno_error *err);
/** pools_reload() - keep those of @config from now on; what they share with before keeps its sandboxes */
int pools_reload(struct pools *pools, const struct launcher_config *config, struct dyno_error *err);
/** pools_close() - NULL is fine. Return: NULL */
struct pools *pools_close(struct pools *pools);

/**
 * pools_start() - a dyno of @shape running @app: from its pool, else cold
 * @trusted: by who may name what the launcher's power reaches: only for these is a pool learned
 * @requested_ns: CLOCK_MONOTONIC stamp of the request
 */
int pools_start(struct pools *pools, const struct dyno_shape *shape, const struct dyno_app *app, bool trusted,
                uint64_t requested_ns, struct dyno **ret, struct dyno_error *err);

/** pools_resize() - other bounds for pool @index. Return: 0 or -ENOENT */
int pools_resize(struct pools *pools, unsigned index, unsigned min, unsigned max, struct dyno_error *err);
/**
 * pools_print() - one line a pool: its number, shape, bounds and what became of it
 * @all: to the launcher's own user and to root; to others an asterisk stands for slugs, which were learned from those
 */
void pools_print(struct pools *pools, bool all, FILE *out);
/** pools_print_json() - the same as the end of the object that stats_print_json() began */
void pools_print_json(struct pools *pools, bool all, FILE *out);
/** pools_print_prometheus() - the same as metrics */
void pools_print_prometheus(struct pools *pools, bool all, FILE *out);

#endif /* LAUNCHER_POOLS_H */
