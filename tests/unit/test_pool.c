/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_pool.c - pools: that a parked sandbox serves once, lives, and is what was asked for; and that nothing is left
 *
 * Real sandboxes, as root and as an ordinary user.
 */
#include "pool_fixture.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "runtime/host.h"
#include "runtime/nursery.h"
#include "runtime/sandbox.h"

/** oldest() - PID of the sandbox that will be taken next */
static pid_t oldest(struct dyno_pool *pool)
{
	pid_t pid;

	pthread_mutex_lock(&pool->nursery->lock);
	pid = TAILQ_EMPTY(&pool->ready) ? 0 : TAILQ_FIRST(&pool->ready)->sandbox->pid;
	pthread_mutex_unlock(&pool->nursery->lock);
	return pid;
}

/** wait_until() - poll @done for a condition that has no descriptor */
static void wait_until(struct dyno_pool *pool, bool (*done)(const struct dyno_pool_stats *stats))
{
	uint64_t end = clock_ns() + PATIENCE_MS * MS;

	for (;;) {
		struct dyno_pool_stats stats = stats_of(pool);

		if (done(&stats))
			return;
		if (clock_ns() > end)
			fail_msg("ready %u wanted %u made %ju failed %ju spoiled %ju: %s", stats.ready, stats.wanted,
			         (uintmax_t)stats.made, (uintmax_t)stats.failed, (uintmax_t)stats.spoiled,
			         stats.error.text);
		nanosleep(&(struct timespec){ .tv_nsec = MS }, NULL);
	}
}

/** field() - what /proc/@pid/status says of @key, into @buf; fails the test without it */
static const char *field(pid_t pid, const char *key, char *buf, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(buf, (int)size, file) && strncmp(buf, key, strlen(key)) != 0)
		;
	assert_int_equal(fclose(file), 0);
	assert_int_equal(strncmp(buf, key, strlen(key)), 0);
	buf[strcspn(buf, "\n")] = '\0';
	return buf + strlen(key) + strspn(buf + strlen(key), ":\t ");
}

/** count_in() - lines of /proc/@pid/@name, or entries if it is a directory */
static unsigned count_in(pid_t pid, const char *name)
{
	char command[128], line[32] = "";
	FILE *out;

	snprintf(command, sizeof(command), "p=/proc/%d/%s; if [ -d $p ]; then ls $p; else cat $p; fi | wc -l", pid,
	         name);
	out = popen(command, "re");
	assert_non_null(out);
	assert_non_null(fgets(line, sizeof(line), out));
	assert_int_equal(pclose(out), 0);
	return (unsigned)strtoul(line, NULL, 10);
}

/* All that takes power away has happened when a sandbox is parked: what it waits for is only an app */
static void parked_is_powerless(void **state)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 1, 1);
	struct dyno_pool *pool;
	char line[512];
	pid_t pid;

	for (int any = 0; any < 2; any++) {
		config.slug = any ? NULL : f->slug;
		pool = open_pool(f, &config);
		fill(pool, 1);
		pid = oldest(pool);
		for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
			assert_string_equal(field(pid, sets[i], line, sizeof(line)), "0000000000000000");
		assert_string_equal(field(pid, "NoNewPrivs", line, sizeof(line)), "1");
		assert_string_equal(field(pid, "Seccomp:", line, sizeof(line)), "2");
		assert_string_equal(field(pid, "Seccomp_filters", line, sizeof(line)), "1");
		/* PID 1 of its own namespace */
		assert_string_equal(strrchr(field(pid, "NSpid", line, sizeof(line)), '\t'), "\t1");
		if (geteuid() == 0) {
			assert_string_equal(field(pid, "Groups", line, sizeof(line)), "");
			assert_true(strtoul(field(pid, "Uid", line, sizeof(line)), NULL, 10) > 65536);
			/* /dev/null three times, and of its own: channel, signals, who waits for the app, rules to come */
			assert_in_range(count_in(pid, "fd"), 5, 7);
			assert_in_range(count_in(pid, "mountinfo"), 5, 24);
		}
		dyno_pool_close(pool);
	}
}

static void fills_and_serves(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 3, 3);
	struct dyno_pool *pool = open_pool(f, &config);
	struct dyno_pool_stats stats;

	fill(pool, 3);
	assert_int_equal(birth(f, pool, SHELL("test -e /app/file && test $DYNO != parked")), DYNO_BIRTH_WARM);
	fill(pool, 3);
	stats = stats_of(pool);
	assert_int_equal(stats.ready, 3);
	assert_int_equal(stats.wanted, 3);
	assert_int_equal(stats.made, 4);
	assert_int_equal(stats.taken, 1);
	assert_int_equal(stats.missed + stats.failed + stats.spoiled, 0);
	assert_int_equal(stats.error.code, 0);
	assert_null(dyno_pool_close(pool));
	assert_null(dyno_pool_close(NULL));
}

static void boot_begins_with_the_request(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 1, 1);
	struct dyno_pool *pool = open_pool(f, &config);
	const struct dyno_app app = app_of(f, VECTOR("/bin/true"));
	const uint64_t *ns;
	struct dyno *dyno;
	uint64_t before;

	fill(pool, 1);
	before = clock_ns();
	dyno = start(pool, &app);
	ns = dyno_boot(dyno)->ns;
	assert_true(ns[DYNO_PHASE_REQUESTED] >= before);
	assert_true(ns[DYNO_PHASE_CLAIMED] < before);
	assert_int_equal(finish(dyno), 0);
	dyno_pool_close(pool);
}

/* What one tenant leaves in every place that it may write, the next must not find, in memory shared by name neither */
static void each_serves_once(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 4, 4);
	struct dyno_pool *pool = open_pool(f, &config);
	struct dyno_pool_stats stats;
	unsigned warm = 0;

	fill(pool, 4);
	for (int i = 0; i < 100; i++)
		warm += birth(f, pool,
		              SHELL("for at in /app /tmp /var/tmp /dev/shm; do test ! -e $at/mark && : > $at/mark || exit 1;"
		                    " done; rm /app/file")) == DYNO_BIRTH_WARM;
	stats = stats_of(pool);
	assert_int_equal(stats.taken, warm);
	assert_int_equal(stats.taken + stats.missed, 100);
	assert_true(warm >= 20);
	dyno_pool_close(pool);
}

static void empty_is_cold(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 0, 0);
	struct dyno_pool *pool = open_pool(f, &config);

	assert_int_equal(dyno_pool_wait(pool, 1, 10), -ETIME);
	assert_int_equal(birth(f, pool, VECTOR("/bin/true")), DYNO_BIRTH_COLD);
	assert_int_equal(stats_of(pool).missed, 1);
	assert_int_equal(stats_of(pool).made, 0);
	dyno_pool_close(pool);
}

static void other_slug_is_cold(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 1, 1);
	struct dyno_pool *pool = open_pool(f, &config);
	struct dyno_app app = app_of(f, SHELL("test ! -e /app/file"));
	const char *const slugs[] = { f->dir, NULL };
	struct dyno *dyno;

	fill(pool, 1);
	for (int i = 0; i < 2; i++) {
		app.slug = slugs[i];
		dyno = start(pool, &app);
		assert_int_equal(dyno_birth(dyno), DYNO_BIRTH_COLD);
		assert_int_equal(finish(dyno), 0);
	}
	assert_int_equal(stats_of(pool).missed, 2);
	assert_int_equal(stats_of(pool).ready, 1);
	dyno_pool_close(pool);
}

/** takes_late() - the next sandbox of the filled @pool can be given a slug: depends on privilege and kernel */
static bool takes_late(struct dyno_pool *pool)
{
	bool late;

	pthread_mutex_lock(&pool->nursery->lock);
	late = TAILQ_FIRST(&pool->ready)->sandbox->no_app;
	pthread_mutex_unlock(&pool->nursery->lock);
	return late;
}

static void who_asks_for_no_ceiling_gets_none(void **state)
{
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 1, 1);
	struct dyno_app app = app_of(f, SHELL(":"));
	struct dyno_pool *pool;
	struct dyno *dyno;

	config.limits.cpu_shares = 512;
	app.slug = config.slug;
	pool = open_pool(f, &config);
	fill(pool, 1);
	for (uint64_t shares = 0; shares <= 1024; shares += 1024) {
		app.limits.cpu_shares = shares;
		dyno = start(pool, &app);
		assert_int_equal(dyno_birth(dyno), shares ? DYNO_BIRTH_WARM : DYNO_BIRTH_COLD);
		assert_int_equal(finish(dyno), 0);
	}
	dyno_pool_close(pool);
}

static void any_slug(void **state)
{
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 2, 2);
	struct dyno_app app = app_of(f, SHELL("test -e /app/file && : > /app/mark && test $DYNO = pool.1"));
	enum dyno_birth expected;
	struct dyno_pool *pool;
	struct dyno *dyno;

	config.slug = NULL;
	pool = open_pool(f, &config);
	fill(pool, 2);
	expected = takes_late(pool) ? DYNO_BIRTH_WARM : DYNO_BIRTH_COLD;
	app.name = "pool.1";
	for (int i = 0; i < 2; i++) {
		dyno = start(pool, &app);
		assert_string_equal(dyno_name(dyno), "pool.1");
		assert_int_equal(dyno_birth(dyno), expected);
		assert_int_equal(finish(dyno), 0);
		fill(pool, 2);
	}
	assert_int_equal(stats_of(pool).error.code, expected == DYNO_BIRTH_WARM ? 0 : -ENOTSUP);
	/* none at all can be had by everybody */
	app = app_of(f, SHELL("test ! -e /app/file && : > /app/mark"));
	app.slug = NULL;
	dyno = start(pool, &app);
	assert_int_equal(dyno_birth(dyno), DYNO_BIRTH_WARM);
	assert_int_equal(finish(dyno), 0);
	dyno_pool_close(pool);
}

/* Where it would be a copy that is parked, nobody should do so without being asked */
static void a_slug_that_is_copied_does_not_live(void **state)
{
	struct fixture *f = *state;

	assert_true(sandbox_slug_lives(f->host, f->slug));
	/* /proc has no idmapped mounts, and an ordinary user needs none */
	assert_int_equal(sandbox_slug_lives(f->host, "/proc"), geteuid() != 0);
	assert_int_equal(sandbox_slug_lives(f->host, "/nonexistent"), geteuid() != 0);
}

static void replaced_slug_is_cold(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 2, 2);
	struct dyno_pool *pool = open_pool(f, &config);
	char old[80];

	fill(pool, 2);
	snprintf(old, sizeof(old), "%s/old", f->dir);
	assert_int_equal(rename(f->slug, old), 0);
	assert_int_equal(mkdir(f->slug, 0755), 0);
	assert_int_equal(birth(f, pool, SHELL("test ! -e /app/file")), DYNO_BIRTH_COLD);
	assert_int_equal(stats_of(pool).spoiled, 2);
	fill(pool, 2);
	assert_int_equal(birth(f, pool, SHELL("test ! -e /app/file")), DYNO_BIRTH_WARM);
	dyno_pool_close(pool);
}

/** replaced() - the dead one was noticed and replaced */
static bool replaced(const struct dyno_pool_stats *stats)
{
	return stats->spoiled == 1 && stats->ready == 3;
}

static void dead_is_replaced(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 3, 3);
	struct dyno_pool *pool = open_pool(f, &config);
	pid_t pid;

	fill(pool, 3);
	pid = oldest(pool);
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_until(pool, replaced);
	assert_int_equal(stats_of(pool).made, 4);
	assert_true(strstr(stats_of(pool).error.text, "died") != NULL);
	assert_true(oldest(pool) != pid);
	dyno_pool_close(pool);
}

static void dead_is_not_given_away(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 2, 2);
	struct dyno_pool *pool = open_pool(f, &config);
	siginfo_t info;
	pid_t pid;

	for (int i = 0; i < 5; i++) {
		fill(pool, 2);
		pid = oldest(pool);
		assert_int_equal(kill(pid, SIGKILL), 0);
		(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
		(void)birth(f, pool, VECTOR("/bin/true"));
	}
	assert_int_equal(stats_of(pool).spoiled, 5);
	assert_int_equal(stats_of(pool).taken + stats_of(pool).missed, 5);
	dyno_pool_close(pool);
}

/** failing() - several attempts have failed */
static bool failing(const struct dyno_pool_stats *stats)
{
	return stats->failed >= 3;
}

static void backs_off_and_recovers(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 1, 1);
	struct dyno_pool *pool = open_pool(f, &config);
	struct dyno_app app = app_of(f, VECTOR("/bin/true"));
	struct dyno_error err = { 0 };
	struct dyno *dyno;
	char old[80];
	uint64_t since;

	fill(pool, 1);
	snprintf(old, sizeof(old), "%s/old", f->dir);
	assert_int_equal(rename(f->slug, old), 0);
	since = clock_ns();
	assert_int_equal(kill(oldest(pool), SIGKILL), 0);
	wait_until(pool, failing);
	/* 20 ms for the dead one, then 40 and 80 */
	assert_true(clock_ns() - since >= 140 * MS);
	assert_true(stats_of(pool).failed < 6);
	assert_string_equal(stats_of(pool).error.step, "slug");
	/* whoever asks is told the same, and nothing is counted */
	assert_int_equal(dyno_pool_start(pool, &app, 0, &dyno, &err), -ENOENT);
	assert_true(strstr(err.text, f->slug) != NULL);
	assert_int_equal(stats_of(pool).missed, 0);
	assert_int_equal(rename(old, f->slug), 0);
	fill(pool, 1);
	assert_int_equal(birth(f, pool, VECTOR("/bin/true")), DYNO_BIRTH_WARM);
	dyno_pool_close(pool);
}

static void nonsense_takes_none(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 1, 1);
	struct dyno_pool *pool = open_pool(f, &config);
	struct dyno_app app = app_of(f, VECTOR("/bin/true"));
	struct dyno_error err = { 0 };
	struct dyno *dyno;

	fill(pool, 1);
	app.workdir = "relative";
	assert_int_equal(dyno_pool_start(pool, &app, 0, &dyno, &err), -EINVAL);
	assert_int_equal(stats_of(pool).ready, 1);
	assert_int_equal(stats_of(pool).taken, 0);
	dyno_pool_close(pool);
}

static void bad_configs_are_refused(void **state)
{
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 2, 1);
	struct dyno_error err = { 0 };
	struct dyno_pool *pool;

	assert_int_equal(dyno_pool_open(f->host, &config, &pool, &err), -EINVAL);
	assert_true(strstr(err.text, "at least 2") != NULL);
	config = config_of(f, 1, 1);
	config.slug = "/no/such/slug";
	assert_int_equal(dyno_pool_open(f->host, &config, &pool, &err), -ENOENT);
	config = config_of(f, 1, 1);
	config.shape.stack = "/no/such/stack";
	assert_int_equal(dyno_pool_open(f->host, &config, &pool, &err), -ENOENT);
	assert_null(f->host->nursery);
}

/** shrunk() - what was above the bound is gone */
static bool shrunk(const struct dyno_pool_stats *stats)
{
	return stats->ready == 1;
}

static void resize(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 1, 1);
	struct dyno_pool *pool = open_pool(f, &config);

	fill(pool, 1);
	dyno_pool_resize(pool, 4, 6);
	fill(pool, 4);
	assert_int_equal(stats_of(pool).wanted, 4);
	dyno_pool_resize(pool, 0, 1);
	wait_until(pool, shrunk);
	assert_int_equal(birth(f, pool, VECTOR("/bin/true")), DYNO_BIRTH_WARM);
	dyno_pool_close(pool);
}

/** grown() - a burst made the pool larger */
static bool grown(const struct dyno_pool_stats *stats)
{
	return stats->wanted >= 4 && stats->ready == stats->wanted;
}

static void grows_with_a_burst(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 2, 16);
	struct dyno_pool *pool = open_pool(f, &config);
	const struct dyno_app app = app_of(f, VECTOR("/bin/true"));
	struct dyno *dynos[8];

	fill(pool, 2);
	for (size_t i = 0; i < 8; i++)
		dynos[i] = start(pool, &app);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(finish(dynos[i]), 0);
	wait_until(pool, grown);
	assert_int_equal(stats_of(pool).taken + stats_of(pool).missed, 8);
	dyno_pool_close(pool);
}

static void refill_is_bounded(void **state)
{
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 4, 4);
	uint64_t since = clock_ns();
	struct dyno_pool *pool;

	config.per_second = 20;
	pool = open_pool(f, &config);
	fill(pool, 4);
	assert_true(clock_ns() - since >= 150 * MS);
	dyno_pool_close(pool);
}

/* The dyno is a child of a thread; it must not be told of that thread's end before its own */
static void dynos_outlive_their_pool(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 1, 1);
	struct dyno_pool *pool = open_pool(f, &config);
	struct dyno_app app = app_of(f, SHELL("read line; test $line = on"));
	struct dyno *dyno;
	int in[2];

	fill(pool, 1);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	app.fds[0] = in[0];
	dyno = start(pool, &app);
	close(in[0]);
	dyno_pool_close(pool);
	/* another one, of another shape, in the same nursery */
	pool = open_pool(
		f, &(struct dyno_pool_config){
			   .shape = { .stack = "host", .net = DYNO_NET_HOST }, .slug = f->slug, .min = 1, .max = 1 });
	fill(pool, 1);
	dyno_pool_close(pool);
	assert_int_equal(write(in[1], "on\n", 3), 3);
	assert_int_equal(finish(dyno), 0);
	close(in[1]);
}

static void closes_at_any_moment(void **state)
{
	struct fixture *f = *state;
	const struct dyno_pool_config config = config_of(f, 6, 6);
	struct dyno_pool *pool;

	/* before the first, in the middle, and with the host instead of by itself */
	pool = open_pool(f, &config);
	dyno_pool_close(pool);
	pool = open_pool(f, &config);
	fill(pool, 2);
	dyno_pool_close(pool);
	pool = open_pool(f, &config);
	fill(pool, 2);
}

static void several_pools(void **state)
{
	static const char *const tests[] = { "test ! -t 1", "test -t 1", "grep -q lo: /proc/net/dev",
		                             "grep -q lo: /proc/net/dev" };
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 2, 2);
	struct dyno_pool *pools[4];

	for (size_t i = 0; i < 4; i++) {
		config.shape.tty = i == 1;
		config.shape.net = i >= 2 && geteuid() == 0 ? DYNO_NET_PRIVATE : DYNO_NET_NONE;
		config.parts = i == 3;
		pools[i] = open_pool(f, &config);
	}
	for (size_t i = 0; i < 4; i++)
		fill(pools[i], 2);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(birth(f, pools[i], SHELL(tests[i])), i < 3 ? DYNO_BIRTH_WARM : DYNO_BIRTH_POOLED);
	for (size_t i = 0; i < 4; i++)
		dyno_pool_close(pools[i]);
}

/* The first look of the app at its terminal, whoever made that and when */
static void terminals_have_their_size(void **state)
{
	struct fixture *f = *state;
	struct dyno_pool_config config = config_of(f, 0, 0);
	struct dyno_app app = app_of(f, SHELL("test \"$(stty size)\" = '33 77'"));

	config.shape.tty = true;
	app.rows = 33;
	app.columns = 77;
	for (unsigned ready = 0; ready < 2; ready++) {
		struct dyno_pool *pool;
		struct dyno *dyno;

		config.min = config.max = ready;
		pool = open_pool(f, &config);
		fill(pool, ready);
		dyno = start(pool, &app);
		assert_int_equal(dyno_birth(dyno), ready ? DYNO_BIRTH_WARM : DYNO_BIRTH_COLD);
		assert_int_equal(finish(dyno), 0);
		dyno_pool_close(pool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		POOL_TEST(parked_is_powerless),
		POOL_TEST(fills_and_serves),
		POOL_TEST(boot_begins_with_the_request),
		POOL_TEST(each_serves_once),
		POOL_TEST(empty_is_cold),
		POOL_TEST(other_slug_is_cold),
		POOL_TEST(who_asks_for_no_ceiling_gets_none),
		POOL_TEST(any_slug),
		POOL_TEST(a_slug_that_is_copied_does_not_live),
		POOL_TEST(replaced_slug_is_cold),
		POOL_TEST(dead_is_replaced),
		POOL_TEST(dead_is_not_given_away),
		POOL_TEST(backs_off_and_recovers),
		POOL_TEST(nonsense_takes_none),
		POOL_TEST(bad_configs_are_refused),
		POOL_TEST(resize),
		POOL_TEST(grows_with_a_burst),
		POOL_TEST(refill_is_bounded),
		POOL_TEST(dynos_outlive_their_pool),
		POOL_TEST(closes_at_any_moment),
		POOL_TEST(several_pools),
		POOL_TEST(terminals_have_their_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
