/* SPDX-License-Identifier: Apache-2.0 */
/**
 * launch.c - from the request to the first instruction, for each way in which the library makes a dyno
 *
 * Usage: launch [-n RUNS] [-w WARMUP] [-g GAP_US] [-j FILE] SLUG [WAY...]
 *
 * SLUG holds first and first-glibc (first.c): N has no C library, G is a static glibc program. Each way launches both, and so does bare
 * posix_spawn. All take turns, one launch each a round, in an order that chance deals for each round. The clock
 * runs from just before the call of the library (or posix_spawn) to the program's first act. What a pool refills is
 * waited for before the clock starts; taking down is not on it either.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "benchmarks/births.h"
#include "benchmarks/support.h"

#define DEPTH 2

static const struct birth births[] = {
	{ .key = "host", .label = "library, cold, no network namespace", .net = DYNO_NET_HOST },
	{ .key = "none", .label = "library, cold, network namespace, cgroup", .net = DYNO_NET_NONE },
	{ .key = "private", .label = "library, cold, private network", .net = DYNO_NET_PRIVATE },
	{ .key = "published", .label = "library, cold, published port", .net = DYNO_NET_PRIVATE, .publish = true },
	{ .key = "parts", .label = "pooled parts", .from = FROM_POOL, .net = DYNO_NET_PRIVATE, .parts = true },
	{ .key = "late", .label = "parked, any slug", .from = FROM_POOL, .net = DYNO_NET_PRIVATE, .late = true },
	{ .key = "known", .label = "parked, slug known", .from = FROM_POOL, .net = DYNO_NET_PRIVATE },
	{ .key = "late-one",
	  .label = "parked by hand, any slug",
	  .from = FROM_PARKED,
	  .net = DYNO_NET_PRIVATE,
	  .late = true },
	{ .key = "known-one", .label = "parked by hand, slug known", .from = FROM_PARKED, .net = DYNO_NET_PRIVATE },
};

enum { BIRTHS = sizeof(births) / sizeof(births[0]), WAYS = BIRTHS + 1, ROWS = 2 * WAYS };

/** struct bench - everything; ways[0] is posix_spawn, without a birth. Rows: N and G of each way */
struct bench {
	struct cradle cradle;
	struct settings settings;
	struct birth ways[WAYS];
	struct row rows[ROWS];
	char labels[ROWS][80];
	int count;
};

/** launch() - row @at once. Return: 0 or negative errno */
static int launch(struct bench *bench, int at, double *ret_first, double *ret_whole)
{
	const char *program = at % 2 ? "first-glibc" : "first";
	struct birth *way = &bench->ways[at / 2];
	char path[512];
	char *const argv[] = { path, NULL };

	(void)snprintf(path, sizeof(path), "%s/%s", at < 2 ? bench->cradle.slug : "/app", program);
	return at < 2 ? launch_command(argv, ret_first, ret_whole)
	              : birth_once(&bench->cradle, way, path, ret_first, ret_whole);
}

/** measure() - all rounds. Return: 0, or negative errno after saying which way failed */
static int measure(struct bench *bench)
{
	const struct settings *settings = &bench->settings;
	int count = 2 * bench->count, turns[ROWS];

	for (int round = -settings->warmup; round < settings->runs; round++) {
		deal_turns(turns, count);
		for (int turn = 0; turn < count; turn++) {
			int at = turns[turn];
			double first = 0, whole = 0;
			int r = 0;

			/* all of them: nobody refills while another's clock runs */
			for (int i = 1; i < bench->count && r == 0; i++)
				r = birth_ready(&bench->cradle, &bench->ways[i]);
			pause_us(settings->gap_us);
			if (r == 0)
				r = launch(bench, at, &first, &whole);
			if (r < 0) {
				(void)fprintf(stderr, "launch: %s: %s\n", bench->rows[at].label, strerror(-r));
				return r;
			}
			if (round >= 0) {
				bench->rows[at].first[round] = first;
				bench->rows[at].whole[round] = whole;
			}
		}
	}
	return 0;
}

/** choose() - the ways asked for by key; all without any. Return: 0, or negative errno */
static int choose(struct bench *bench, char **keys)
{
	static const struct birth spawn = { .key = "spawn", .label = "posix_spawn" };

	bench->ways[bench->count++] = spawn;
	for (int i = 0; i < BIRTHS; i++) {
		char **key = keys;

		while (*key && strcmp(*key, births[i].key) != 0)
			key++;
		if (!*keys || *key)
			bench->ways[bench->count++] = births[i];
	}
	for (int i = 0; i < 2 * bench->count; i++) {
		(void)snprintf(bench->labels[i], sizeof(bench->labels[i]), "%s, %s", bench->ways[i / 2].label,
		               i % 2 ? "G" : "N");
		if (row_new(&bench->rows[i], bench->labels[i], bench->settings.runs) < 0)
			return -ENOMEM;
	}
	return bench->count > 1 ? 0 : -EINVAL;
}

/** print() - one line a way, both programs in it */
static void print(struct bench *bench)
{
	int runs = bench->settings.runs;
	double bare_n = row_median(&bench->rows[0], runs), bare_g = row_median(&bench->rows[1], runs);

	printf("| way | N median us | min | p90 | p99 | x bare N | G median us | min | p90 | p99 | x bare G |\n");
	printf("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
	for (int i = 0; i < bench->count; i++) {
		double n = row_median(&bench->rows[2 * i], runs), g = row_median(&bench->rows[2 * i + 1], runs);
		const double *v = bench->rows[2 * i].first, *w = bench->rows[2 * i + 1].first;

		printf("| %s | %.0f | %.0f | %.0f | %.0f | %.2f | %.0f | %.0f | %.0f | %.0f | %.2f |\n",
		       bench->ways[i].label, n, v[0], quantile(v, runs, 0.9), quantile(v, runs, 0.99), n / bare_n, g,
		       w[0], quantile(w, runs, 0.9), quantile(w, runs, 0.99), g / bare_g);
	}
}

/** main() - parse, measure, print */
int main(int argc, char **argv)
{
	static struct bench bench = { .settings = { .runs = 300, .warmup = 5, .gap_us = 300 } };
	int at = settings_read(argc, argv, &bench.settings);
	int r;

	if (at < 0 || at >= argc || choose(&bench, argv + at + 1) < 0) {
		(void)fprintf(stderr, "usage: launch [-n RUNS] [-w WARMUP] [-g GAP_US] [-j FILE] SLUG [WAY...]\n");
		return 2;
	}
	bench.cradle.depth = DEPTH;
	r = cradle_open(&bench.cradle, argv[at]);
	if (r == 0)
		r = measure(&bench);
	for (int i = 1; i < bench.count; i++)
		birth_done(&bench.ways[i]);
	cradle_close(&bench.cradle);
	if (r < 0)
		return 1;
	print(&bench);
	r = rows_json(bench.settings.json, bench.rows, 2 * bench.count, bench.settings.runs);
	if (r < 0)
		(void)fprintf(stderr, "launch: cannot write %s: %s\n", bench.settings.json, strerror(-r));
	return r < 0;
}
