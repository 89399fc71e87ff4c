/* SPDX-License-Identifier: Apache-2.0 */
/* test_rlimits.c - a forked child applies limits and looks; the parent asserts on its status */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "isolation/rlimits.h"

#define MIB (1024ull * 1024)

/** in_child() - run @act in a fork. Return: its exit code, 255 if it did not exit */
static int in_child(int (*act)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(act());
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

/** is() - limit @resource has these two values */
static bool is(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit now;

	return getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_cur == soft && now.rlim_max == hard;
}

/** lower() - set soft and hard beforehand, as a caller with tighter limits would have them */
static bool lower(int resource, rlim_t value)
{
	const struct rlimit limit = { value, value };

	return setrlimit((__rlimit_resource_t)resource, &limit) == 0;
}

static int act_defaults(void)
{
	const struct dyno_limits limits = { .memory = 64 * MIB, .pids = 7 };
	struct rlimit before, after, as;
	struct dyno_error err;
	rlim_t hard;

	if (getrlimit(RLIMIT_NOFILE, &before) < 0 || getrlimit(RLIMIT_AS, &as) < 0)
		return 100;
	hard = before.rlim_max < 524288 ? before.rlim_max : 524288;
	if (rlimits_fix_child(&err) < 0 || rlimits_apply_child(&limits, 0, false, &err) < 0)
		return 101;
	if (!is(RLIMIT_CORE, 0, 0))
		return 1;
	if (!is(RLIMIT_NOFILE, hard < 1024 ? hard : 1024, hard))
		return 2;
	if (getrlimit(RLIMIT_MEMLOCK, &after) < 0 || after.rlim_max > 64 * 1024)
		return 3;
	if (getrlimit(RLIMIT_SIGPENDING, &after) < 0 || after.rlim_max > 4096)
		return 4;
	if (!is(RLIMIT_RTPRIO, 0, 0) || !is(RLIMIT_NICE, 0, 0))
		return 5;
	/* With a cgroup, memory and processes are its business */
	return is(RLIMIT_AS, as.rlim_cur, as.rlim_max) ? 0 : 6;
}

static int act_explicit_files(void)
{
	const struct dyno_limits limits = { .nofile = 300 };
	struct dyno_error err;

	if (rlimits_fix_child(&err) < 0 || rlimits_apply_child(&limits, 0, false, &err) < 0)
		return 100;
	return is(RLIMIT_NOFILE, 300, 300) ? 0 : 1;
}

static int act_too_many_files(void)
{
	/* Above fs.nr_open, so that it is EPERM for root, too */
	const struct dyno_limits limits = { .nofile = 1ull << 40 };
	struct dyno_error err = { 0 };

	if (rlimits_apply_child(&limits, 0, false, &err) != -EPERM)
		return 1;
	return strstr(err.text, "1099511627776") && err.remedy[0] != '\0' ? 0 : 2;
}

static int act_never_raises(void)
{
	const struct dyno_limits limits = { 0 };
	struct dyno_error err;

	if (!lower(RLIMIT_NOFILE, 64) || !lower(RLIMIT_MEMLOCK, 4096) || !lower(RLIMIT_FSIZE, MIB))
		return 100;
	if (rlimits_fix_child(&err) < 0 || rlimits_apply_child(&limits, 512 * MIB, false, &err) < 0)
		return 101;
	return is(RLIMIT_NOFILE, 64, 64) && is(RLIMIT_MEMLOCK, 4096, 4096) && is(RLIMIT_FSIZE, MIB, MIB) ? 0 : 1;
}

static int act_stand_in(void)
{
	const struct dyno_limits limits = { .memory = 64 * MIB, .pids = 7 };
	struct dyno_error err;

	if (!lower(RLIMIT_DATA, 1024 * MIB) || !lower(RLIMIT_NPROC, 1000))
		return 100;
	if (rlimits_apply_child(&limits, MIB, true, &err) < 0)
		return 101;
	return is(RLIMIT_DATA, 64 * MIB, 64 * MIB) && is(RLIMIT_NPROC, 7, 7) && is(RLIMIT_FSIZE, MIB, MIB) ? 0 : 1;
}

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(in_child(act_defaults), 0);
}

static void test_explicit_files(void **state)
{
	(void)state;
	assert_int_equal(in_child(act_explicit_files), 0);
}

static void test_too_many_files_is_said(void **state)
{
	(void)state;
	assert_int_equal(in_child(act_too_many_files), 0);
}

static void test_never_raises(void **state)
{
	(void)state;
	assert_int_equal(in_child(act_never_raises), 0);
}

static void test_stands_in_for_the_cgroup(void **state)
{
	(void)state;
	assert_int_equal(in_child(act_stand_in), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_explicit_files),
		cmocka_unit_test(test_too_many_files_is_said),
		cmocka_unit_test(test_never_raises),
		cmocka_unit_test(test_stands_in_for_the_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
