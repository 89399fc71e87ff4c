/* SPDX-License-Identifier: Apache-2.0 */
/* pools.c - see pools.h. What is told of them: pools_print.c */
#include "launcher/pools_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "runtime/nursery.h"
#include "runtime/sandbox.h"

/* Better than any that fits() finds */
#define FIT_ANY 5
/* A shape that was asked for so often within LEARN_NS, and has no pool, gets one */
#define LEARN_REQUESTS 4
#define LEARN_NS 60000000000ULL
/* So many with a slug are parked at once: of one alone the next is made at the moment at which it starts, and in its way */
#define LEARN_FIRST 2

/** shape_copy() - @shape with texts of its own */
static int shape_copy(const struct dyno_shape *shape, struct shape *ret)
{
	size_t stack = strlen(shape->stack) + 1, dir = shape->scratch_dir ? strlen(shape->scratch_dir) + 1 : 0;
	char *text = malloc(stack + dir);

	if (!text)
		return -ENOMEM;
	*ret = (struct shape){ .shape = *shape, .text = text };
	memcpy(text, shape->stack, stack);
	ret->shape.stack = text;
	if (dir > 0)
		ret->shape.scratch_dir = memcpy(text + stack, shape->scratch_dir, dir);
	return 0;
}

/** shape_done() - free it */
static void shape_done(struct shape *shape)
{
	free(shape->text);
	*shape = (struct shape){ 0 };
}

/** candidate_done() - free it */
static void candidate_done(struct candidate *candidate)
{
	shape_done(&candidate->shape);
	free(candidate->slug);
	*candidate = (struct candidate){ 0 };
}

/** same_text() - both are not there, or read the same */
static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/** same_shape() - a sandbox of one serves for the other */
static bool same_shape(const struct dyno_shape *a, const struct dyno_shape *b)
{
	return a->net == b->net && a->tty == b->tty && a->no_init == b->no_init && a->watch == b->watch &&
	       a->scratch_size == b->scratch_size && same_text(a->stack, b->stack) &&
	       same_text(a->scratch_dir, b->scratch_dir);
}

/** same_limits() - nothing has to be written for the one that was for the other */
static bool same_limits(const struct dyno_limits *a, const struct dyno_limits *b)
{
	return a->memory == b->memory && a->pids == b->pids && a->cpu_milli == b->cpu_milli &&
	       a->cpu_shares == b->cpu_shares && a->nofile == b->nofile;
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

/** close_one() - keep it no more */
static void close_one(struct one *one)
{
	one->pool = dyno_pool_close(one->pool);
	shape_done(&one->shape);
	free(one->slug);
	*one = (struct one){ 0 };
}

/** open_one() - keep a pool by @config in @one, which is free */
static int open_one(struct pools *pools, const struct dyno_pool_config *config, bool learned, struct one *one,
                    struct dyno_error *err)
{
	int r = shape_copy(&config->shape, &one->shape);

	if (r == 0 && config->slug && !(one->slug = strdup(config->slug)))
		r = -ENOMEM;
	if (r < 0) {
		shape_done(&one->shape);
		return error_set(err, r, "pool", "out of memory");
	}
	one->config = *config;
	one->config.shape = one->shape.shape;
	one->config.slug = one->slug;
	one->learned = learned;
	one->used_ns = clock_ns();
	r = dyno_pool_open(pools->host, &one->config, &one->pool, err);
	if (r < 0)
		close_one(one);
	return r;
}

/** free_one() - a free place, or NULL */
static struct one *free_one(struct pools *pools)
{
	for (unsigned i = 0; i < LAUNCHER_POOLS_MAX; i++)
		if (!pools->pools[i].pool)
			return &pools->pools[i];
	return NULL;
}

/** same_config() - @one is kept as @config says, but for its bounds */
static bool same_config(const struct one *one, const struct dyno_pool_config *config)
{
	return one->pool && !one->learned && same_shape(&one->config.shape, &config->shape) &&
	       same_limits(&one->config.limits, &config->limits) && same_text(one->config.slug, config->slug) &&
	       one->config.parts == config->parts && one->config.per_second == config->per_second;
}

/** keep() - see to it that there is a pool by @config. @kept: bit for each that is wanted */
static int keep(struct pools *pools, const struct dyno_pool_config *config, uint32_t *kept, struct dyno_error *err)
{
	struct one *one;
	int r;

	for (unsigned i = 0; i < LAUNCHER_POOLS_MAX; i++) {
		one = &pools->pools[i];
		if (!same_config(one, config) || *kept >> i & 1)
			continue;
		*kept |= 1u << i;
		one->config.min = config->min;
		one->config.max = config->max;
		dyno_pool_resize(one->pool, config->min, config->max);
		return 0;
	}
	one = free_one(pools);
	if (!one)
		return error_set(err, -E2BIG, "pool", "%d pools are all that a launcher keeps", LAUNCHER_POOLS_MAX);
	r = open_one(pools, config, false, one, err);
	if (r == 0)
		*kept |= 1u << (one - pools->pools);
	return r;
}

int pools_reload(struct pools *pools, const struct launcher_config *config, struct dyno_error *err)
{
	uint32_t kept = 0;
	int r = 0;

	_Static_assert(LAUNCHER_POOLS_MAX <= 32, "a bit for each");
	pools->learned_max = config->learned_max;
	pools->learned_size = config->learned_size;
	for (unsigned i = 0; r == 0 && i < config->pool_count; i++)
		r = keep(pools, &config->pools[i], &kept, err);
	/* As it was before is better than half of both. */
	for (unsigned i = 0; r == 0 && i < LAUNCHER_POOLS_MAX; i++)
		if (pools->pools[i].pool && !pools->pools[i].learned && !(kept >> i & 1))
			close_one(&pools->pools[i]);
	return r;
}

int pools_open(struct dyno_host *host, const struct launcher_config *config, struct pools **ret, struct dyno_error *err)
{
	struct pools *pools = calloc(1, sizeof(*pools));
	int r;

	if (!pools)
		return error_set(err, -ENOMEM, "pool", "out of memory");
	pools->host = host;
	r = pools_reload(pools, config, err);
	if (r < 0)
		pools_close(pools);
	else
		*ret = pools;
	return r;
}

struct pools *pools_close(struct pools *pools)
{
	if (!pools)
		return NULL;
	for (unsigned i = 0; i < LAUNCHER_POOLS_MAX; i++)
		close_one(&pools->pools[i]);
	for (unsigned i = 0; i < CANDIDATES; i++)
		candidate_done(&pools->candidates[i]);
	free(pools);
	return NULL;
}

/* ---- learning ---------------------------------------------------------------------------------------------------- */

/** learn() - keep a pool of @shape, with @slug attached if not NULL, from now on; of the learned ones of that kind the one unused longest makes room */
static void learn(struct pools *pools, const struct dyno_shape *shape, const char *slug)
{
	const struct dyno_pool_config config = {
		.shape = *shape,
		.slug = slug,
		.min = slug && pools->learned_size >= LEARN_FIRST ? LEARN_FIRST : 1,
		.max = pools->learned_size,
		.parts = pools->only_parts && !slug,
	};
	struct one *oldest = NULL, *one;
	unsigned learned = 0;

	for (unsigned i = 0; i < LAUNCHER_POOLS_MAX; i++) {
		one = &pools->pools[i];
		if (!one->pool || !one->learned || !one->slug != !slug)
			continue;
		learned++;
		if (!oldest || one->used_ns < oldest->used_ns)
			oldest = one;
	}
	one = free_one(pools);
	if ((learned >= pools->learned_max || !one) && oldest) {
		close_one(oldest);
		one = oldest;
	}
	/* It was no more than a wish: who asks for this is served all the same, if slower. */
	if (!one || open_one(pools, &config, true, one, NULL) < 0 || !slug)
		return;
	/* What is attached keeps what was deleted: not for longer than it is asked for. */
	one->config.min = 0;
	dyno_pool_resize(one->pool, 0, config.max);
}

/** is_candidate() - @candidate is @shape with @slug */
static bool is_candidate(const struct candidate *candidate, const struct dyno_shape *shape, const char *slug)
{
	return candidate->count > 0 && same_shape(&candidate->shape.shape, shape) && same_text(candidate->slug, slug);
}

/** find_candidate() - @shape with @slug, or the place of the one that began longest ago */
static struct candidate *find_candidate(struct pools *pools, const struct dyno_shape *shape, const char *slug)
{
	struct candidate *candidate = &pools->candidates[0];

	for (unsigned i = 0; i < CANDIDATES; i++) {
		struct candidate *other = &pools->candidates[i];

		if (is_candidate(other, shape, slug))
			return other;
		if (other->since_ns < candidate->since_ns)
			candidate = other;
	}
	return candidate;
}

/** notice() - @shape was asked for, and has no pool, or none with @slug attached */
static void notice(struct pools *pools, const struct dyno_shape *shape, const char *slug)
{
	struct candidate *candidate = find_candidate(pools, shape, slug);
	uint64_t now = clock_ns();

	if (pools->learned_max == 0 || pools->learned_size == 0)
		return;
	if (!is_candidate(candidate, shape, slug) || now - candidate->since_ns > LEARN_NS) {
		candidate_done(candidate);
		if (shape_copy(shape, &candidate->shape) < 0 || (slug && !(candidate->slug = strdup(slug)))) {
			candidate_done(candidate);
			return;
		}
		candidate->since_ns = now;
	}
	if (++candidate->count < LEARN_REQUESTS)
		return;
	if (!slug || sandbox_slug_lives(pools->host, slug))
		learn(pools, shape, slug);
	candidate_done(candidate);
}

/** has_pool() - there is one of @shape with @slug attached */
static bool has_pool(const struct pools *pools, const struct dyno_shape *shape, const char *slug)
{
	for (unsigned i = 0; i < LAUNCHER_POOLS_MAX; i++) {
		const struct one *one = &pools->pools[i];

		if (one->pool && one->slug && strcmp(one->slug, slug) == 0 && same_shape(&one->config.shape, shape))
			return true;
	}
	return false;
}

/** notice_slug() - the slug of a start of @shape, which may be quicker the next time */
static void notice_slug(struct pools *pools, const struct dyno_shape *shape, const char *slug)
{
	/* By descriptor it is another each time. */
	if (slug && strncmp(slug, "/proc/", 6) != 0 && !has_pool(pools, shape, slug))
		notice(pools, shape, slug);
}

/* ---- starts ------------------------------------------------------------------------------------------------------ */

/** fits() - how well a sandbox of @one suits: 0 not at all */
static unsigned fits(const struct one *one, const struct dyno_shape *shape, const struct dyno_app *app)
{
	if (!one->pool || !same_shape(&one->config.shape, shape))
		return 0;
	if (one->config.slug && !same_text(one->config.slug, app->slug))
		return 0;
	return 1 + (one->config.slug ? 2 : 0) + same_limits(&one->config.limits, &app->limits);
}

/**
 * check_learned() - a start from the learned pool @one was cold: if because no slug can be attached late here, keep parts only
 * From then on for all that are learned.
 */
static void check_learned(struct pools *pools, struct one *one)
{
	struct dyno_pool_config config = one->config;
	struct dyno_pool_stats stats;
	struct shape shape;

	if (!one->learned || one->slug || one->config.parts)
		return;
	dyno_pool_stats(one->pool, &stats);
	if (stats.error.code != -ENOTSUP || shape_copy(&one->config.shape, &shape) < 0)
		return;
	pools->only_parts = true;
	close_one(one);
	config.parts = true;
	config.shape = shape.shape;
	(void)open_one(pools, &config, true, one, NULL);
	shape_done(&shape);
}

/** best_fit() - the pool that suits best of those that suit worse than @below; NULL for none. @ret_fit: how well */
static struct one *best_fit(struct pools *pools, const struct dyno_shape *shape, const struct dyno_app *app,
                            unsigned below, unsigned *ret_fit)
{
	struct one *best = NULL;

	*ret_fit = 0;
	for (unsigned i = 0; i < LAUNCHER_POOLS_MAX; i++) {
		unsigned fit = fits(&pools->pools[i], shape, app);

		if (fit > *ret_fit && fit < below) {
			*ret_fit = fit;
			best = &pools->pools[i];
		}
	}
	return best;
}

/** start_from() - a dyno from the pools that suit, the best first; cold, if none of them has a sandbox ready. @ret_from: who served it */
static int start_from(struct pools *pools, const struct dyno_shape *shape, const struct dyno_app *app,
                      uint64_t requested_ns, struct one **ret_from, struct dyno **ret, struct dyno_error *err)
{
	unsigned fit, other;
	struct one *one = best_fit(pools, shape, app, FIT_ANY, &fit), *next;

	for (; one; one = next, fit = other) {
		int r;

		next = best_fit(pools, shape, app, fit, &other);
		one->used_ns = clock_ns();
		*ret_from = one;
		r = next ? pool_start_ready(one->pool, app, requested_ns, ret, err)
		         : dyno_pool_start(one->pool, app, requested_ns, ret, err);
		if (!next || r != -EAGAIN)
			return r;
	}
	return -ENOENT;
}

int pools_start(struct pools *pools, const struct dyno_shape *shape, const struct dyno_app *app, bool trusted,
                uint64_t requested_ns, struct dyno **ret, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = NULL;
	struct one *from = NULL;
	int r = start_from(pools, shape, app, requested_ns, &from, ret, err);

	if (from) {
		if (r == 0 && dyno_birth(*ret) == DYNO_BIRTH_COLD)
			check_learned(pools, from);
		if (r == 0 && trusted)
			notice_slug(pools, shape, app->slug);
		return r;
	}
	r = dyno_prepare(pools->host, shape, app, requested_ns, &sandbox, err);
	if (r == 0)
		r = dyno_start(sandbox, app, ret, err);
	/* Only what could be made, and leads to nothing that a stranger named. */
	if (r == 0 && trusted && !shape->scratch_dir)
		notice(pools, shape, NULL);
	return r;
}

int pools_resize(struct pools *pools, unsigned index, unsigned min, unsigned max, struct dyno_error *err)
{
	struct one *one = index < LAUNCHER_POOLS_MAX ? &pools->pools[index] : NULL;

	if (!one || !one->pool)
		return error_set(err, -ENOENT, "pool", "there is no pool %u", index);
	one->config.min = min;
	one->config.max = max;
	dyno_pool_resize(one->pool, min, max);
	return 0;
}
