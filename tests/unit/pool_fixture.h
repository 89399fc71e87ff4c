/* SPDX-License-Identifier: Apache-2.0 */
/**
 * pool_fixture.h - tests of pools: a host, a slug, and small words for a pool, an app and a dyno's life
 *
 * After each test this process has the descriptors and children that it had before.
 */
#ifndef TESTS_UNIT_POOL_FIXTURE_H
#define TESTS_UNIT_POOL_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dyno.h"

#define PATIENCE_MS 20000
#define MS 1000000ULL
#define VECTOR(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SHELL(script) VECTOR("/bin/sh", "-c", script)
#define POOL_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/** struct fixture - a host, a slug, and what the process had before */
struct fixture {
	struct dyno_host *host;
	char dir[64];
	char slug[80];
	int null;
	unsigned descriptors;
};

/** count_descriptors() - of this process, by /proc/self/fd */
static inline unsigned count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

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

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dyno_error err;

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/dyno-pool-XXXXXX");
	f->descriptors = count_descriptors();
	f->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!mkdtemp(f->dir) || chmod(f->dir, 0755) < 0 || dyno_host_open(&f->host, &err) < 0) {
		free(f);
		return -1;
	}
	snprintf(f->slug, sizeof(f->slug), "%s/slug", f->dir);
	make_slug(f);
	*state = f;
	return 0;
}

/** tear_down() - fails when a test left something */
static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[96];
	int r = 0;

	dyno_host_close(f->host);
	close(f->null);
	if (count_descriptors() != f->descriptors) {
		print_error("%u descriptors before, %u after\n", f->descriptors, count_descriptors());
		r = -1;
	}
	if (waitpid(-1, NULL, WNOHANG | __WALL) != -1) {
		print_error("a child is left\n");
		r = -1;
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	if (system(command) != 0)
		r = -1;
	free(f);
	return r;
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
