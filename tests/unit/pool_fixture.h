/* SPDX-License-Identifier: Apache-2.0 */
/* pool_fixture.h - tests of pools: small words for a pool, an app and a dyno's life on a host of host_fixture.h */
#ifndef TESTS_UNIT_POOL_FIXTURE_H
#define TESTS_UNIT_POOL_FIXTURE_H

#include <poll.h>

#include "host_fixture.h"

#define MS 1000000ULL
#define POOL_TEST(test) cmocka_unit_test_setup_teardown(test, pool_set_up, tear_down)

/** make_slug() - a slug that holds one file */
static inline void make_slug(const struct fixture *f)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/file", f->slug);
	assert_int_equal(mkdir(f->slug, 0755), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
}

static inline int pool_set_up(void **state)
{
	struct fixture *f;

	if (set_up(state) < 0)
		return -1;
	f = *state;
	snprintf(f->slug, sizeof(f->slug), "%s/slug", f->dir);
	make_slug(f);
	return 0;
}

/** config_of() - a pool of @min to @max for the slug */
static inline struct dyno_pool_config config_of(const struct fixture *f, unsigned min, unsigned max)
{
	return (struct dyno_pool_config){
		.shape = { .stack = "host", .net = DYNO_NET_NONE },
		.slug = f->slug,
		.min = min,
		.max = max,
	};
}

/** open_pool() - or fail the test */
static inline struct dyno_pool *open_pool(const struct fixture *f, const struct dyno_pool_config *config)
{
	struct dyno_error err = { 0 };
	struct dyno_pool *pool;

	if (dyno_pool_open(f->host, config, &pool, &err) < 0)
		fail_msg("open: %s: %s", err.step, err.text);
	return pool;
}

/** fill() - wait until @ready are parked, or fail the test */
static inline void fill(struct dyno_pool *pool, unsigned ready)
{
	struct dyno_pool_stats stats;

	if (dyno_pool_wait(pool, ready, PATIENCE_MS) == 0)
		return;
	dyno_pool_stats(pool, &stats);
	fail_msg("%u of %u ready: %s: %s", stats.ready, ready, stats.error.step, stats.error.text);
}

/** stats_of() - the numbers as they are */
static inline struct dyno_pool_stats stats_of(struct dyno_pool *pool)
{
	struct dyno_pool_stats stats;

	dyno_pool_stats(pool, &stats);
	return stats;
}

/** app_of() - an app with @argv, the slug, and no input or output */
static inline struct dyno_app app_of(const struct fixture *f, const char *const *argv)
{
	return (struct dyno_app){ .slug = f->slug, .argv = argv, .fds = { f->null, f->null, STDERR_FILENO } };
}

/** start() - or fail the test */
static inline struct dyno *start(struct dyno_pool *pool, const struct dyno_app *app)
{
	struct dyno_error err = { 0 };
	struct dyno *dyno;

	if (dyno_pool_start(pool, app, 0, &dyno, &err) < 0)
		fail_msg("start: %s: %s", err.step, err.text);
	return dyno;
}

/** await_end() - wait for its end. Return: exit code */
static inline int await_end(struct dyno *dyno)
{
	struct pollfd fd = { .fd = dyno_fd(dyno), .events = POLLIN };
	struct dyno_event event = { .type = DYNO_EVENT_NONE };
	struct dyno_error err;

	while (event.type != DYNO_EVENT_EXITED) {
		assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
		assert_int_equal(dyno_next_event(dyno, &event, &err), 0);
		if (event.type == DYNO_EVENT_FAILED)
			fail_msg("failed: %s: %s", event.error.step, event.error.text);
	}
	return WIFEXITED(event.status) ? WEXITSTATUS(event.status) : 256 + WTERMSIG(event.status);
}

/** finish() - wait for its end, and destroy it. Return: exit code */
static inline int finish(struct dyno *dyno)
{
	int code = await_end(dyno);

	assert_null(dyno_destroy(dyno));
	return code;
}

/** birth() - run the app of @argv to its end, which must be good. Return: how it was born */
static inline enum dyno_birth birth(const struct fixture *f, struct dyno_pool *pool, const char *const *argv)
{
	const struct dyno_app app = app_of(f, argv);
	struct dyno *dyno = start(pool, &app);
	enum dyno_birth how = dyno_birth(dyno);

	assert_int_equal(finish(dyno), 0);
	return how;
}

#endif /* TESTS_UNIT_POOL_FIXTURE_H */
