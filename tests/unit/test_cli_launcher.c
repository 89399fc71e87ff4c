/* SPDX-License-Identifier: Apache-2.0 */
/* test_cli_launcher.c - cli/launcher_options, cli/launcher_pool and cli/group: what a launcher is told, and its file */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/group.h"
#include "cli/launcher_options.h"
#include "cli/launcher_pool.h"
#include "config/sizes.h"

static char path[] = "/tmp/dyno-test-launcher.XXXXXX";

/** write_file() - the file of these tests now holds @text */
static void write_file(const char *text)
{
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

/** read_pool() - launcher_pool_read() of a copy of @text, which lives until the next one. Return: its result */
static int read_pool(const char *text, struct dyno_pool_config *ret, struct dyno_error *err)
{
	static char copy[256];

	snprintf(copy, sizeof(copy), "%s", text);
	memset(err, 0, sizeof(*err));
	return launcher_pool_read(copy, ret, err);
}

static void test_a_pool_is_read(void **state)
{
	struct dyno_pool_config pool;
	struct dyno_error err;

	(void)state;
	assert_int_equal(read_pool("4", &pool, &err), 0);
	assert_int_equal(pool.min, 4);
	assert_int_equal(pool.max, 4);
	assert_string_equal(pool.shape.stack, "host");
	assert_int_equal(pool.shape.net, DYNO_NET_PRIVATE);
	assert_false(pool.shape.watch || pool.shape.tty || pool.parts);
	assert_int_equal(read_pool("0-16,port,tty,parts,net=none,stack=/s,slug=/a,memory=64M,pids=9,cpus=0.5,nofile=99,"
	                           "scratch-size=2M,rate=50",
	                           &pool, &err),
	                 0);
	assert_int_equal(pool.min, 0);
	assert_int_equal(pool.max, 16);
	assert_true(pool.shape.watch && pool.shape.tty && pool.parts);
	assert_int_equal(pool.shape.net, DYNO_NET_NONE);
	assert_string_equal(pool.shape.stack, "/s");
	assert_string_equal(pool.slug, "/a");
	assert_int_equal(pool.limits.memory, 64 << 20);
	assert_int_equal(pool.limits.pids, 9);
	assert_int_equal(pool.limits.cpu_milli, 500);
	assert_int_equal(pool.limits.nofile, 99);
	assert_int_equal(pool.shape.scratch_size, 2 << 20);
	assert_int_equal(pool.per_second, 50);
	assert_int_equal(read_pool("1,size=standard-2x", &pool, &err), 0);
	assert_int_equal(pool.limits.memory, sizes_find("standard-2x")->limits.memory);
}

static void test_a_pool_that_cannot_be_is_refused(void **state)
{
	static const char *const wrong[] = { "",
		                             "-",
		                             "x",
		                             "4-",
		                             "-4",
		                             "5-4",
		                             "4-5-6",
		                             "70000",
		                             "4 ",
		                             "4,",
		                             "4,nets",
		                             "4,net",
		                             "4,net=host",
		                             "4,port=1",
		                             "4,size=huge",
		                             "4,slug=a",
		                             "4,stack=s",
		                             "4,pids=1",
		                             "4,memory=much",
		                             "4,rate=0",
		                             "99999999999999999999" };
	struct dyno_pool_config pool;
	struct dyno_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(read_pool(wrong[i], &pool, &err), -EINVAL);
		assert_true(err.text[0] != '\0');
	}
	assert_int_equal(read_pool("4,prot", &pool, &err), -EINVAL);
	assert_non_null(strstr(err.text, "did you mean port?"));
}

static void test_a_group_is_found_by_name_and_number(void **state)
{
	struct dyno_error err;
	gid_t gid = 1;

	(void)state;
	write_file("root:x:0:\nbroken\nbroken:x\n:x:3:\nweb:x:33:a,b\nlast:x:4294967294:");
	assert_int_equal(group_find(path, "root", &gid, &err), 0);
	assert_int_equal(gid, 0);
	assert_int_equal(group_find(path, "web", &gid, &err), 0);
	assert_int_equal(gid, 33);
	assert_int_equal(group_find(path, "last", &gid, &err), 0);
	assert_int_equal(gid, 4294967294U);
	assert_int_equal(group_find("/nowhere", "1234", &gid, &err), 0);
	assert_int_equal(gid, 1234);
	assert_int_equal(group_find(path, "broken", &gid, &err), -EINVAL);
	assert_int_equal(group_find(path, "we", &gid, &err), -EINVAL);
	assert_int_equal(group_find(path, "4294967295", &gid, &err), -EINVAL);
	assert_int_equal(group_find("/nowhere", "web", &gid, &err), -ENOENT);
	assert_int_equal(gid, 1234);
}

/** read_settings() - launcher_settings_read() of words. Return: its result */
#define read_settings(settings, err, ...) read_words(settings, err, (const char *[]){ "launcher", __VA_ARGS__, NULL })
static int read_words(struct launcher_settings *settings, struct dyno_error *err, const char **words)
{
	int count = 0;

	while (words[count])
		count++;
	memset(err, 0, sizeof(*err));
	return launcher_settings_read(count, (char *const *)(uintptr_t)words, settings, err);
}

static void test_without_options_there_are_two_pools(void **state)
{
	const struct launcher_config defaults = LAUNCHER_CONFIG_DEFAULTS;
	struct launcher_settings settings;
	struct dyno_error err;

	(void)state;
	assert_int_equal(read_settings(&settings, &err, "--quiet"), 0);
	assert_int_equal(settings.config.pool_count, 2);
	assert_false(settings.pools[0].shape.watch);
	assert_true(settings.pools[1].shape.watch);
	assert_null(settings.config.socket);
	assert_int_equal(settings.config.group, (gid_t)-1);
	assert_int_equal(settings.config.grace_ms, defaults.grace_ms);
	assert_int_equal(settings.config.dynos_max, defaults.dynos_max);
	launcher_settings_done(&settings);
	assert_int_equal(read_settings(&settings, &err, "--pool", "0", "--max-dynos=7"), 0);
	assert_int_equal(settings.config.pool_count, 0);
	assert_int_equal(settings.config.dynos_max, 7);
	launcher_settings_done(&settings);
}

static void test_a_file_of_options_comes_before_the_command_line(void **state)
{
	struct launcher_settings settings;
	struct dyno_error err;

	(void)state;
	write_file("# comment\n\n  grace=5s \r\n\tpool=1,port\nmax-dynos=3\nquiet\ngroup=12");
	assert_int_equal(read_settings(&settings, &err, "--config", path, "--max-dynos", "9", "--pool=2-3"), 0);
	assert_int_equal(settings.config.grace_ms, 5000);
	assert_int_equal(settings.config.dynos_max, 9);
	assert_int_equal(settings.config.group, 12);
	assert_true(settings.given.quiet);
	assert_int_equal(settings.config.pool_count, 2);
	assert_true(settings.pools[0].shape.watch);
	assert_int_equal(settings.pools[1].max, 3);
	launcher_settings_done(&settings);
	write_file("");
	assert_int_equal(read_settings(&settings, &err, "--config", path), 0);
	launcher_settings_done(&settings);
}

static void test_a_file_with_a_mistake_is_refused(void **state)
{
	static const char *const wrong[] = {
		"graze=5s", "max-dynos", "pool=x", "help", "--quiet", "config=/other", "group=no-such-group-here"
	};
	struct launcher_settings settings;
	struct dyno_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		write_file(wrong[i]);
		assert_int_equal(read_settings(&settings, &err, "--config", path), -EINVAL);
		assert_true(err.text[0] != '\0');
		launcher_settings_done(&settings);
	}
	assert_int_equal(read_settings(&settings, &err, "--config", "/nowhere/launcher"), -ENOENT);
	launcher_settings_done(&settings);
}

/** make_path() - the file of these tests */
static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

/** remove_path() - the file is gone again */
static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pool_is_read),
		cmocka_unit_test(test_a_pool_that_cannot_be_is_refused),
		cmocka_unit_test(test_a_group_is_found_by_name_and_number),
		cmocka_unit_test(test_without_options_there_are_two_pools),
		cmocka_unit_test(test_a_file_of_options_comes_before_the_command_line),
		cmocka_unit_test(test_a_file_with_a_mistake_is_refused),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
