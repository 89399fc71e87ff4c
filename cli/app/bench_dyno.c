/* SPDX-License-Identifier: Apache-2.0 */
/**
 * bench_dyno.c - `dyno bench`: dynos as contenders: cold, from a pool that knows no slug, from one that knows it
 *
 * The library is used in this process, as a scheduler would. Before each turn the pool is full again, so that a refill never
 * runs beside somebody else's launch; that of the turn itself begins with its first launch, as it would in service.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/app/bench.h"

#define STEADY_MS 30000U
#define LOOK_MS 200U
/* so many failures, and nothing made: more waiting will not help */
#define FAILURES_MAX 3U

/**
 * struct births - how the dynos of one contender come to be
 * @pool:  NULL for cold ones
 * @parts: it keeps no processes, because no slug can be attached late here
 */
struct births {
	struct dyno_host *host;
	struct dyno_pool *pool;
	bool parts;
};

/** open_pool() - full enough for all launches of a turn; with the slug when it is to be there already */
static int open_pool(struct bench_contender *contender, struct births *births, struct dyno_error *err)
{
	const struct bench_plan *plan = contender->plan;
	const struct dyno_pool_config config = {
		.shape = plan->request.shape,
		.slug = strcmp(contender->name, "warm") == 0 ? plan->request.app.slug : NULL,
		.limits = plan->request.app.limits,
		.parts = births->parts,
		.min = plan->concurrency,
		.max = plan->concurrency,
	};

	return dyno_pool_open(births->host, &config, &births->pool, err);
}

/** describe() - what people read */
static void describe(struct bench_contender *contender, const struct births *births)
{
	static const char *const nets[] = { [DYNO_NET_PRIVATE] = "private network",
		                            [DYNO_NET_NONE] = "loopback only",
		                            [DYNO_NET_HOST] = "this machine's network" };
	const char *there = "nothing is there before the request";

	if (births->parts)
		there = "ids, cgroups and network are there before the request, no process: no slug can be attached late here";
	else if (strcmp(contender->name, "pool") == 0)
		there = "a parked sandbox for any slug is there before the request";
	else if (strcmp(contender->name, "warm") == 0)
		there = "a parked sandbox with the slug is there before the request";
	(void)text_format(contender->label, sizeof(contender->label), "dyno, %s", contender->name);
	(void)text_format(contender->what, sizeof(contender->what), "%s; by the library, all walls and limits, %s",
	                  there, nets[contender->plan->request.shape.net]);
}

/** dyno_kind_open() - see struct bench_kind */
static int dyno_kind_open(struct bench_contender *contender, struct dyno_host *host, struct dyno_error *err)
{
	struct births *births = calloc(1, sizeof(*births));
	int code = 0;

	if (!births)
		return error_set(err, -ENOMEM, "bench", "no memory for a contender");
	describe(contender, births);
	births->host = host;
	contender->state = births;
	if (strcmp(contender->name, "cold") != 0)
		code = open_pool(contender, births, err);
	return code;
}

/** settle_for_parts() - a pool for any slug that found out that it cannot serve any keeps parts instead */
static int settle_for_parts(struct bench_contender *contender, struct births *births, struct dyno_error *err)
{
	struct dyno_pool_stats stats;

	dyno_pool_stats(births->pool, &stats);
	if (births->parts || stats.error.code != -ENOTSUP)
		return 0;
	births->pool = dyno_pool_close(births->pool);
	births->parts = true;
	describe(contender, births);
	return open_pool(contender, births, err);
}

/** dyno_kind_steady() - see struct bench_kind */
static int dyno_kind_steady(struct bench_contender *contender, struct dyno_error *err)
{
	struct births *births = contender->state;
	struct dyno_pool_stats stats = { 0 };
	int code = births->pool ? settle_for_parts(contender, births, err) : 0;

	if (code < 0)
		return code;
	if (!births->pool)
		return 0;
	for (unsigned waited = 0; waited < STEADY_MS; waited += LOOK_MS) {
		if (dyno_pool_wait(births->pool, contender->plan->concurrency, LOOK_MS) == 0)
			return 0;
		dyno_pool_stats(births->pool, &stats);
		if (stats.made == 0 && stats.failed >= FAILURES_MAX)
			break;
	}
	if (stats.error.code < 0)
		return error_set(err, stats.error.code, "pool", "no sandbox can be parked: %.250s", stats.error.text);
	return error_set(err, -ETIME, "pool", "the pool was not full within %u s", STEADY_MS / 1000);
}

/** launch_cold() - both calls of the library */
static int launch_cold(struct bench_launch *launch, struct dyno_host *host, const struct dyno_app *app,
                       struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = NULL;
	int code = dyno_prepare(host, &launch->contender->plan->request.shape, app, launch->requested_ns, &sandbox,
	                        err);

	return code < 0 ? code : dyno_start(sandbox, app, &launch->dyno, err);
}

/** aim() - where the app is to be reached from here, if it is */
static void aim(struct bench_launch *launch)
{
	const struct bench_plan *plan = launch->contender->plan;
	struct in_addr address;

	if (plan->until == BENCH_UNTIL_EXEC || plan->blind)
		return;
	if (plan->request.shape.net == DYNO_NET_HOST)
		launch->place = htonl(INADDR_LOOPBACK);
	else if (inet_pton(AF_INET, dyno_address(launch->dyno), &address) == 1)
		launch->place = address.s_addr;
}

/** dyno_kind_launch() - see struct bench_kind */
static int dyno_kind_launch(struct bench_launch *launch, struct dyno_error *err)
{
	const struct bench_contender *contender = launch->contender;
	const struct bench_plan *plan = contender->plan;
	struct births *births = contender->state;
	const char *words[BENCH_WORDS_MAX + 1];
	struct dyno_app app = plan->request.app;
	int code;

	if (plan->until == BENCH_UNTIL_EXEC) {
		size_t count = 0;

		/* no file of this machine's is in a dyno: it comes as a descriptor, which exec finds by /proc */
		words[count++] = "/proc/self/fd/0";
		for (; contender->verify && count < BENCH_WORDS_MAX && app.argv[count - 1]; count++)
			words[count] = app.argv[count - 1];
		words[count] = NULL;
		app.argv = words;
	}
	if (plan->request.shape.net == DYNO_NET_HOST && plan->ports[launch->index] != 0)
		app.port = plan->ports[launch->index];
	launch->port = app.port;
	app.fds[0] = plan->until == BENCH_UNTIL_EXEC ? plan->stamp_fd : plan->null_fd;
	app.fds[1] = launch->out_fd;
	app.fds[2] = launch->said_fd;
	if (births->pool)
		code = dyno_pool_start(births->pool, &app, launch->requested_ns, &launch->dyno, err);
	else
		code = launch_cold(launch, births->host, &app, err);
	if (code == 0)
		aim(launch);
	return code;
}

/** dyno_kind_finish() - see struct bench_kind */
static void dyno_kind_finish(struct bench_launch *launch)
{
	launch->dyno = dyno_destroy(launch->dyno);
}

/** dyno_kind_close() - see struct bench_kind */
static void dyno_kind_close(struct bench_contender *contender)
{
	struct births *births = contender->state;

	if (births)
		births->pool = dyno_pool_close(births->pool);
	free(births);
	contender->state = NULL;
}

const struct bench_kind bench_dyno_kind = {
	.open = dyno_kind_open,
	.steady = dyno_kind_steady,
	.launch = dyno_kind_launch,
	.finish = dyno_kind_finish,
	.close = dyno_kind_close,
};
