/* SPDX-License-Identifier: Apache-2.0 */
/* launcher_pool.h - `dyno launcher --pool`: a pool as people write it, "4-16,port,net=private,memory=512M" */
#ifndef CLI_LAUNCHER_POOL_H
#define CLI_LAUNCHER_POOL_H

#include "dyno.h"

/** LAUNCHER_POOL_FORM - for messages and help */
#define LAUNCHER_POOL_FORM "MIN[-MAX][,KEY[=VALUE]]..."

/** launcher_pool_bounds() - "4" or "4-16". Return: 0 or -EINVAL */
int launcher_pool_bounds(const char *text, unsigned *ret_min, unsigned *ret_max, struct dyno_error *err);

/**
 * launcher_pool_read() - one pool
 * Keys: port, tty, parts, net=private|none, stack=DIR, slug=DIR, size=SIZE, memory=, pids=, cpus=, nofile=, scratch-size=, rate=N
 * @text: cut into pieces, to which @ret points
 */
int launcher_pool_read(char *text, struct dyno_pool_config *ret, struct dyno_error *err);

#endif /* CLI_LAUNCHER_POOL_H */
