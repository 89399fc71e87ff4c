/* SPDX-License-Identifier: Apache-2.0 */
/**
 * pool.c - the owner's side of a pool: open, take, resize, close; see dyno.h. The other side is nursery.c
 *
 * To take one is to unlink it from a list under a lock, and to look whether it lives: a microsecond. It then belongs to
 * the owner's host, as if that had made it: a sandbox is descriptors and values, and what hosts keep open they keep for themselves.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "runtime/host.h"
#include "runtime/nursery.h"
#include "runtime/running.h"
#include "runtime/sandbox.h"
#include "runtime/spec.h"

#define STEP "pool"

/** keep_text() - copy @text, which may be NULL, to *@at, and go behind it */
static const char *keep_text(char **at, const char *text)
{
	char *copy = *at;

	if (!text)
		return NULL;
	*at = stpcpy(copy, text) + 1;
	return copy;
}

/** copy_config() - own copies of the strings of @config */
static int copy_config(struct dyno_pool *pool, const struct dyno_pool_config *config)
{
	const char *stack = config->shape.stack, *dir = config->shape.scratch_dir, *slug = config->slug;
	char *at = malloc(strlen(stack) + 1 + (dir ? strlen(dir) + 1 : 0) + (slug ? strlen(slug) + 1 : 0));

	if (!at)
		return -ENOMEM;
	pool->strings = at;
	pool->config = *config;
	pool->config.shape.stack = keep_text(&at, stack);
	pool->config.shape.scratch_dir = keep_text(&at, dir);
	/* Parts take any. */
	pool->config.slug = config->parts ? NULL : keep_text(&at, slug);
	return 0;
}

/** check() - what would fail each time is refused at once */
static int check(const struct dyno_pool_config *config, struct dyno_error *err)
{
	const struct dyno_app app = { .slug = config->slug, .argv = (const char *const[]){ "parked", NULL } };
	int r = spec_check_shape(&config->shape, err);

	if (r == 0 && config->min > config->max)
		r = error_set(err, -EINVAL, STEP, "a pool of at least %u and at most %u", config->min, config->max);
	return r < 0 ? r : spec_check_app(&config->shape, &app, err);
}

int dyno_pool_open(struct dyno_host *host, const struct dyno_pool_config *config, struct dyno_pool **ret,
                   struct dyno_error *err)
{
	struct dyno_pool *pool;
	int r = check(config, err);

	if (r == 0 && !host->nursery)
		r = nursery_begin(&host->nursery, err);
	if (r < 0)
		return r;
	pool = calloc(1, sizeof(*pool));
	if (!pool || copy_config(pool, config) < 0) {
		free(pool);
		return error_set(err, -ENOMEM, STEP, "out of memory");
	}
	pool->nursery = host->nursery;
	pool->host = host;
	pool->owner_uid = host->slug.uid;
	pool->owner_gid = host->slug.gid;
	TAILQ_INIT(&pool->ready);
	demand_begin(&pool->demand, config->min, config->max, config->per_second, clock_ns());
	pthread_mutex_lock(&pool->nursery->lock);
	TAILQ_INSERT_TAIL(&pool->nursery->pools, pool, entry);
	pthread_mutex_unlock(&pool->nursery->lock);
	nursery_wake(pool->nursery, 0);
	*ret = pool;
	return 0;
}

struct dyno_pool *dyno_pool_close(struct dyno_pool *pool)
{
	struct nursery *nursery;

	if (!pool)
		return NULL;
	nursery = pool->nursery;
	pthread_mutex_lock(&nursery->lock);
	pool->closed = true;
	pthread_mutex_unlock(&nursery->lock);
	nursery_wake(nursery, 0);
	return NULL;
}

void dyno_pool_resize(struct dyno_pool *pool, unsigned min, unsigned max)
{
	pthread_mutex_lock(&pool->nursery->lock);
	demand_bound(&pool->demand, min, max, clock_ns());
	pthread_mutex_unlock(&pool->nursery->lock);
	nursery_wake(pool->nursery, 0);
}

/** struct wish - what is asked of a sandbox. @slug: what must have been attached to it */
struct wish {
	bool late;
	struct seen_slug slug;
};

/**
 * suits() - @parked lives, and is what is wished for
 * A slug that was replaced since it was attached is not: the path is the same, the directory is another. Nor is one that was given away:
 * its files were to look like the dyno's own.
 */
static bool suits(const struct parked *parked, const struct wish *wish)
{
	const struct seen_slug *is = &parked->slug, *be = &wish->slug;

	return nursery_alive(parked) && is->dev == be->dev && is->ino == be->ino && is->uid == be->uid &&
	       is->gid == be->gid;
}

/** no_late() - the next one has a process, and cannot be given a slug any more: none of this pool can. With the lock */
static bool no_late(const struct dyno_pool *pool)
{
	const struct parked *next = TAILQ_FIRST(&pool->ready);

	return next && next->sandbox->pid > 0 && !next->sandbox->no_app;
}

/** oldest() - take the oldest one that suits; those before it are spoiled. With the lock */
static struct parked *oldest(struct dyno_pool *pool, const struct wish *wish)
{
	struct parked *parked;

	if (wish->late && no_late(pool)) {
		error_set(&pool->stats.error, -ENOTSUP, STEP, "a parked sandbox cannot be given a slug here");
		error_remedy(&pool->stats.error, "that needs root and Linux 6.15; give the pool its slug, or parts");
		return NULL;
	}
	while ((parked = TAILQ_FIRST(&pool->ready))) {
		TAILQ_REMOVE(&pool->ready, parked, entry);
		pool->stats.ready--;
		nursery_release(pool->nursery, parked);
		if (suits(parked, wish))
			return parked;
		pool->stats.spoiled++;
		TAILQ_INSERT_TAIL(&pool->nursery->doomed, parked, entry);
	}
	return NULL;
}

/** read_wish() - what @app asks for. Return: this pool may have it */
static bool read_wish(const struct dyno_pool *pool, const struct dyno_app *app, struct wish *ret)
{
	const struct dyno_limits *set = &pool->config.limits;
	const char *slug = pool->config.slug;
	struct stat st = { 0 };

	/* A limit that is set can be made another, but not be taken away (cgroup_limit()). */
	if ((set->cpu_milli && !app->limits.cpu_milli) || (set->cpu_shares && !app->limits.cpu_shares))
		return false;
	if (slug && (!app->slug || strcmp(slug, app->slug) != 0 || stat(slug, &st) < 0))
		return false;
	*ret = (struct wish){
		.late = !slug && app->slug,
		.slug = { st.st_dev, st.st_ino, st.st_uid, st.st_gid },
	};
	return true;
}

/** take() - a sandbox for @app out of the pool; NULL when there is none for it: that is a miss */
static struct dyno_sandbox *take(struct dyno_pool *pool, const struct dyno_app *app)
{
	struct dyno_sandbox *sandbox = NULL;
	struct parked *parked = NULL;
	struct wish wish;
	bool may = read_wish(pool, app, &wish);

	pthread_mutex_lock(&pool->nursery->lock);
	if (may)
		parked = oldest(pool, &wish);
	/* Of what does not suit, more would not help. */
	if (parked || (may && pool->stats.ready == 0))
		demand_request(&pool->demand, pool->stats.ready, parked != NULL, clock_ns());
	if (parked)
		pool->stats.taken++;
	else
		pool->stats.missed++;
	pool->due_ns = demand_next(&pool->demand, pool->stats.ready);
	pool->owner_uid = pool->host->slug.uid;
	pool->owner_gid = pool->host->slug.gid;
	pthread_mutex_unlock(&pool->nursery->lock);
	if (parked)
		sandbox = parked->sandbox;
	free(parked);
	return sandbox;
}

/** start() - dyno_pool_start(). @cold: when there is none for it make one now, else -EAGAIN */
static int start(struct dyno_pool *pool, const struct dyno_app *app, uint64_t requested_ns, bool cold,
                 struct dyno **ret, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox;
	int r;

	if (requested_ns == 0)
		requested_ns = clock_ns();
	/* First, because a sandbox that failed to start is used up: who asks for nonsense shall not empty the pool. */
	r = spec_check_app(&pool->config.shape, app, err);
	/* What was attached long ago would not show what has been mounted in it since. */
	if (r == 0 && pool->config.slug && app->slug)
		r = sandbox_check_slug(pool->host, app->slug, err);
	if (r < 0)
		return r;
	sandbox = take(pool, app);
	if (sandbox) {
		sandbox->host = pool->host;
		dyno_sandbox_requested(sandbox, requested_ns);
	} else {
		r = cold ? dyno_prepare(pool->host, &pool->config.shape, app, requested_ns, &sandbox, err) : -EAGAIN;
	}
	if (r == 0)
		r = dyno_start_checked(sandbox, app, ret, err);
	nursery_wake(pool->nursery, pool->due_ns);
	return r;
}

int dyno_pool_start(struct dyno_pool *pool, const struct dyno_app *app, uint64_t requested_ns, struct dyno **ret,
                    struct dyno_error *err)
{
	return start(pool, app, requested_ns, true, ret, err);
}

int pool_start_ready(struct dyno_pool *pool, const struct dyno_app *app, uint64_t requested_ns, struct dyno **ret,
                     struct dyno_error *err)
{
	return start(pool, app, requested_ns, false, ret, err);
}

int dyno_pool_wait(struct dyno_pool *pool, unsigned ready, unsigned timeout_ms)
{
	struct nursery *nursery = pool->nursery;
	struct timespec end;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_ms / 1000;
	end.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&nursery->lock);
	while (pool->stats.ready < ready && r == 0)
		r = pthread_cond_timedwait(&nursery->changed, &nursery->lock, &end);
	r = pool->stats.ready < ready ? -ETIME : 0;
	pthread_mutex_unlock(&nursery->lock);
	return r;
}

void dyno_pool_stats(struct dyno_pool *pool, struct dyno_pool_stats *ret)
{
	pthread_mutex_lock(&pool->nursery->lock);
	*ret = pool->stats;
	ret->wanted = pool->demand.wanted;
	pthread_mutex_unlock(&pool->nursery->lock);
}
