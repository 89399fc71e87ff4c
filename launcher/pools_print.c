/* SPDX-License-Identifier: Apache-2.0 */
/* pools_print.c - what is told of the launcher's pools; see pools.h */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "launcher/pools_state.h"

static const char *const nets[] = { "private", "none", "host" };

/** slug_of() - the slug of @one, as those may see it who may see @all */
static const char *slug_of(const struct one *one, bool all)
{
	return all || !one->config.slug ? one->config.slug : "*";
}

/** error_of() - what is wrong with it, likewise: the sentence may name the slug */
static const char *error_of(const struct one *one, const struct dyno_pool_stats *stats, bool all)
{
	return all || !one->config.slug ? stats->error.text : "*";
}

/** print_shape() - what tells a pool from others, in words without spaces */
static void print_shape(const struct one *one, bool all, FILE *out)
{
	const struct dyno_shape *shape = &one->config.shape;

	fprintf(out, "stack=%s net=%s", shape->stack, nets[shape->net]);
	fprintf(out, "%s%s%s", shape->watch ? " watch=1" : "", shape->tty ? " tty=1" : "",
	        shape->no_init ? " no_init=1" : "");
	if (shape->scratch_size)
		fprintf(out, " scratch_size=%" PRIu64, shape->scratch_size);
	if (one->config.limits.memory)
		fprintf(out, " memory=%" PRIu64, one->config.limits.memory);
	if (one->config.slug)
		fprintf(out, " slug=%s", slug_of(one, all));
	if (one->config.parts)
		fputs(" parts=1", out);
}

void pools_print(struct pools *pools, bool all, FILE *out)
{
	for (unsigned i = 0; i < LAUNCHER_POOLS_MAX; i++) {
		const struct one *one = &pools->pools[i];
		struct dyno_pool_stats stats;

		if (!one->pool)
			continue;
		dyno_pool_stats(one->pool, &stats);
		fprintf(out, "pool %u ", i);
		print_shape(one, all, out);
		fprintf(out,
		        " learned=%d min=%u max=%u wanted=%u ready=%u made=%" PRIu64 " taken=%" PRIu64
		        " missed=%" PRIu64 " failed=%" PRIu64 " spoiled=%" PRIu64,
		        one->learned, one->config.min, one->config.max, stats.wanted, stats.ready, stats.made,
		        stats.taken, stats.missed, stats.failed, stats.spoiled);
		/* Last, because it is a sentence. */
		if (stats.error.code < 0)
			fprintf(out, " error=%s: %s", stats.error.step, error_of(one, &stats, all));
		fputc('\n', out);
	}
}

/** json_pool() - one pool */
static void json_pool(const struct one *one, unsigned index, bool all, FILE *out)
{
	const struct dyno_shape *shape = &one->config.shape;
	struct dyno_pool_stats stats;

	dyno_pool_stats(one->pool, &stats);
	fprintf(out,
	        "{\"pool\":%u,\"net\":\"%s\",\"watch\":%s,\"tty\":%s,\"parts\":%s,\"learned\":%s,\"stack\":", index,
	        nets[shape->net], shape->watch ? "true" : "false", shape->tty ? "true" : "false",
	        one->config.parts ? "true" : "false", one->learned ? "true" : "false");
	text_json(out, shape->stack);
	fputs(",\"slug\":", out);
	if (one->config.slug)
		text_json(out, slug_of(one, all));
	else
		fputs("null", out);
	fprintf(out,
	        ",\"min\":%u,\"max\":%u,\"wanted\":%u,\"ready\":%u,\"made\":%" PRIu64 ",\"taken\":%" PRIu64
	        ",\"missed\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"spoiled\":%" PRIu64 ",\"error\":",
	        one->config.min, one->config.max, stats.wanted, stats.ready, stats.made, stats.taken, stats.missed,
	        stats.failed, stats.spoiled);
	text_json(out, stats.error.code < 0 ? error_of(one, &stats, all) : "");
	fputc('}', out);
}

void pools_print_json(struct pools *pools, bool all, FILE *out)
{
	const char *separator = "";

	fputs(",\"pools\":[", out);
	for (unsigned i = 0; i < LAUNCHER_POOLS_MAX; i++) {
		if (!pools->pools[i].pool)
			continue;
		fputs(separator, out);
		json_pool(&pools->pools[i], i, all, out);
		separator = ",";
	}
	fputs("]}\n", out);
}

/** enum metric - the numbers of a pool, in the order of metrics[] */
enum metric { READY, WANTED, MADE, TAKEN, MISSED, FAILED, SPOILED, METRICS };

static const struct {
	const char *name, *type, *help;
} metrics[METRICS] = {
	[READY] = { "dyno_pool_ready", "gauge", "Sandboxes that are parked." },
	[WANTED] = { "dyno_pool_wanted", "gauge", "Sandboxes that the pool tries to have." },
	[MADE] = { "dyno_pool_made_total", "counter", "Sandboxes that were made." },
	[TAKEN] = { "dyno_pool_taken_total", "counter", "Sandboxes that became dynos." },
	[MISSED] = { "dyno_pool_missed_total", "counter",
	             "Starts that found none, and were served by another pool, or cold." },
	[FAILED] = { "dyno_pool_failed_total", "counter", "Sandboxes that could not be made." },
	[SPOILED] = { "dyno_pool_spoiled_total", "counter", "Sandboxes that died while they were parked." },
};

void pools_print_prometheus(struct pools *pools, bool all, FILE *out)
{
	uint64_t values[LAUNCHER_POOLS_MAX][METRICS];
	struct dyno_pool_stats stats;

	(void)all;
	for (unsigned i = 0; i < LAUNCHER_POOLS_MAX; i++) {
		if (!pools->pools[i].pool)
			continue;
		dyno_pool_stats(pools->pools[i].pool, &stats);
		memcpy(values[i],
		       (const uint64_t[METRICS]){ stats.ready, stats.wanted, stats.made, stats.taken, stats.missed,
		                                  stats.failed, stats.spoiled },
		       sizeof(values[i]));
	}
	for (unsigned m = 0; m < METRICS; m++) {
		fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", metrics[m].name, metrics[m].help, metrics[m].name,
		        metrics[m].type);
		for (unsigned i = 0; i < LAUNCHER_POOLS_MAX; i++)
			if (pools->pools[i].pool)
				fprintf(out, "%s{pool=\"%u\"} %" PRIu64 "\n", metrics[m].name, i, values[i][m]);
	}
}
