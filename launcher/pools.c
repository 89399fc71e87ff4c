/* SPDX-License-Identifier: Apache-2.0 */
/* pools.c - see pools.h */
#include "launcher/pools.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

/** struct pools - all of them */
struct pools {
	struct dyno_host *host;
};

int pools_open(struct dyno_host *host, const struct launcher_config *config, struct pools **ret, struct dyno_error *err)
{
	struct pools *pools = calloc(1, sizeof(*pools));

	(void)config;
	if (!pools)
		return error_set(err, -ENOMEM, "pool", "out of memory");
	pools->host = host;
	*ret = pools;
	return 0;
}

int pools_reload(struct pools *pools, const struct launcher_config *config, struct dyno_error *err)
{
	(void)pools;
	(void)config;
	(void)err;
	return 0;
}

struct pools *pools_close(struct pools *pools)
{
	free(pools);
	return NULL;
}

int pools_start(struct pools *pools, const struct dyno_shape *shape, const struct dyno_app *app, bool trusted,
                uint64_t requested_ns, struct dyno **ret, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = NULL;
	int r = dyno_prepare(pools->host, shape, app, requested_ns, &sandbox, err);

	(void)trusted;
	return r < 0 ? r : dyno_start(sandbox, app, ret, err);
}

int pools_resize(struct pools *pools, unsigned index, unsigned min, unsigned max, struct dyno_error *err)
{
	(void)pools;
	(void)min;
	(void)max;
	return error_set(err, -ENOENT, "pool", "there is no pool %u", index);
}

void pools_print(struct pools *pools, FILE *out)
{
	(void)pools;
	(void)out;
}

void pools_print_prometheus(struct pools *pools, FILE *out)
{
	(void)pools;
	(void)out;
}
