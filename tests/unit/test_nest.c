/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_nest.c - ready parts of sandboxes, without a process: their slug does not matter, and as root their root is one of them
 *
 * That such dynos are isolated as all others are is for the tests of isolation to say (tests/sandbox/births.c).
 */
#include "pool_fixture.h"

#include <errno.h>
#include <sys/resource.h>

#include "isolation/mounts.h"
#include "runtime/host.h"
#include "runtime/nursery.h"
#include "runtime/sandbox.h"

/** parts_of() - a pool of two sandboxes' parts, full */
static struct dyno_pool *parts_of(const struct fixture *f, struct dyno_pool_config *config)
{
	struct dyno_pool *pool;

	config->parts = true;
	pool = open_pool(f, config);
	fill(pool, 2);
	return pool;
}

/** first_of() - the sandbox that will be taken next; @pool keeps it */
static const struct dyno_sandbox *first_of(struct dyno_pool *pool)
{
	const struct dyno_sandbox *sandbox;

	pthread_mutex_lock(&pool->nursery->lock);
	assert_false(TAILQ_EMPTY(&pool->ready));
	sandbox = TAILQ_FIRST(&pool->ready)->sandbox;
	pthread_mutex_unlock(&pool->nursery->lock);
	return sandbox;
}

/** run() - an app from @pool to its end, which must be good; in @ret its boot */
static void run(struct dyno_pool *pool, const struct dyno_app *app, struct dyno_timeline *ret)
{
	struct dyno *dyno = start(pool, app);

	assert_int_equal(dyno_birth(dyno), DYNO_BIRTH_POOLED);
	assert_int_equal(await_end(dyno), 0);
	*ret = *dyno_boot(dyno);
	assert_null(dyno_destroy(dyno));
}

static void any_slug(void **state)
{
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 2, 2);
	struct dyno_pool *pool = parts_of(f, &config);
	struct dyno_app app = app_of(f, SHELL("test -e /app/file && : > /app/mark"));
	struct dyno_timeline boot;

	assert_int_equal(first_of(pool)->pid, 0);
	for (int i = 0; i < 3; i++) {
		run(pool, &app, &boot);
		fill(pool, 2);
	}
	/* none at all is one, too */
	app = app_of(f, SHELL("test ! -e /app/file && : > /app/mark"));
	app.slug = NULL;
	run(pool, &app, &boot);
	dyno_pool_close(pool);
}

static void the_root_is_there_before(void **state)
{
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 2, 2);
	const struct dyno_app app = app_of(f, SHELL(":"));
	struct dyno_timeline boot;
	struct dyno_pool *pool;

	if (geteuid() != 0)
		skip();
	pool = parts_of(f, &config);
	assert_true(nest_ready(&first_of(pool)->nest));
	assert_true(first_of(pool)->scratch >= 0);
	run(pool, &app, &boot);
	/* nobody had to make the writable layer while somebody waited */
	assert_int_equal(boot.ns[DYNO_PHASE_SCRATCH], 0);
	assert_true(boot.ns[DYNO_PHASE_FILESYSTEM] > boot.ns[DYNO_PHASE_REQUESTED]);
	dyno_pool_close(pool);
}

/* Of the root that was made for nobody in particular */
static void the_name_comes_late(void **state)
{
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 2, 2);
	struct dyno_pool *pool = parts_of(f, &config);
	struct dyno_app app = app_of(f, SHELL("test \"$(cat /proc/sys/kernel/hostname)\" = nest-1 && "
	                                      "grep -qx '127.0.1.1 nest-1' /etc/hosts"));
	struct dyno_timeline boot;

	app.name = "nest.1";
	run(pool, &app, &boot);
	fill(pool, 2);
	/* and of one without a name the slot's */
	app = app_of(f, SHELL("grep -qx \"127.0.1.1 $(cat /proc/sys/kernel/hostname)\" /etc/hosts && "
	                      "! grep -q nest-1 /etc/hosts && test ! -e /app/mark"));
	run(pool, &app, &boot);
	dyno_pool_close(pool);
}

/* It is their own mount namespace that they are in: this machine's shows nothing of them, while they wait nor later */
static void nothing_shows_outside(void **state)
{
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 2, 2);
	const struct dyno_app app = app_of(f, SHELL(":"));
	int table = mounts_table();
	struct dyno_timeline boot;
	struct dyno_pool *pool;

	assert_true(table >= 0);
	(void)mounts_table_changed(table);
	pool = parts_of(f, &config);
	run(pool, &app, &boot);
	dyno_pool_close(pool);
	assert_false(mounts_table_changed(table));
	close(table);
}

/* What is wrong with the root shows when it is made, and not when somebody waits for it */
static void a_root_that_cannot_be_made_is_told(void **state)
{
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 1, 1);
	static const struct dyno_limits defaults;
	struct dyno_sandbox *sandbox = NULL;
	struct dyno_error err = { 0 };

	if (geteuid() != 0)
		skip();
	config.shape.stack = "/nonexistent/stack";
	assert_int_equal(sandbox_prepare_parts(f->host, &config.shape, &defaults, &sandbox, &err), -ENOENT);
	assert_non_null(strstr(err.text, config.shape.stack));
	assert_null(sandbox);
}

/* Whichever descriptor is one too many: the launcher has as many as before */
static void no_room_for_descriptors(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 1, 1);
	static const struct dyno_limits defaults;
	unsigned before, failed = 0;
	struct rlimit limit;
	int r = -1;

	/* what the host keeps from its first one */
	for (int i = 0; i < 3; i++) {
		struct dyno_sandbox *sandbox;

		assert_int_equal(sandbox_prepare_parts(f->host, &config.shape, &defaults, &sandbox, NULL), 0);
		dyno_sandbox_destroy(sandbox);
	}
	before = count_descriptors();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	for (rlim_t room = before; r < 0; room++, failed++) {
		const struct rlimit tight = { .rlim_cur = room, .rlim_max = limit.rlim_max };
		struct dyno_sandbox *sandbox = NULL;
		struct dyno_error err = { 0 };

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
		r = sandbox_prepare_parts(f->host, &config.shape, &defaults, &sandbox, &err);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
		if (r < 0 && r != -EMFILE)
			fail_msg("with %ju: %s: %s", (uintmax_t)room, err.step, err.text);
		dyno_sandbox_destroy(sandbox);
		assert_int_equal(count_descriptors(), before);
	}
	/* claim, and as root groups, ids, nest and a network */
	assert_true(failed > (geteuid() == 0 ? 5 : 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(any_slug),
		POOL_TEST(the_root_is_there_before),
		POOL_TEST(the_name_comes_late),
		POOL_TEST(nothing_shows_outside),
		POOL_TEST(a_root_that_cannot_be_made_is_told),
		POOL_TEST(no_room_for_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
