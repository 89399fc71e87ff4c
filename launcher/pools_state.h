/* SPDX-License-Identifier: Apache-2.0 */
/* pools_state.h - what the launcher knows of its pools, for their files */
#ifndef LAUNCHER_POOLS_STATE_H
#define LAUNCHER_POOLS_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "launcher/pools.h"

#define CANDIDATES 32

/**
 * struct shape - a shape of our own, to compare others with
 * @text: what its stack points to
 */
struct shape {
	struct dyno_shape shape;
	char *text;
};

/**
 * struct one - a pool; free when @pool is NULL
 * @config:  as it was told, with texts of its own
 * @used_ns: when it was last asked
 */
struct one {
	struct dyno_pool *pool;
	struct dyno_pool_config config;
	struct shape shape;
	char *slug;
	bool learned;
	uint64_t used_ns;
};

/**
 * struct candidate - what may get a pool
 * @slug:  its slug, NULL for the shape with any: a shape without a pool, or a slug of one that has
 * @count: how often it was asked for since @since_ns; 0: free
 */
struct candidate {
	struct shape shape;
	char *slug;
	unsigned count;
	uint64_t since_ns;
};

/** struct pools - all of them. @only_parts: of learned ones, where no slug can be attached late */
struct pools {
	struct dyno_host *host;
	unsigned learned_max, learned_size;
	bool only_parts;
	struct one pools[LAUNCHER_POOLS_MAX];
	struct candidate candidates[CANDIDATES];
};

#endif /* LAUNCHER_POOLS_STATE_H */
