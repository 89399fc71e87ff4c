/* SPDX-License-Identifier: Apache-2.0 */
/* test_cgroup.c - groups in this machine's own trees: what is probed, made, limited, counted and removed */
#include <sys/mman.h>

#include "isolation/cgroup_file.h"
#include "tests/unit/cgroup_fixture.h"

/* ---- pure ------------------------------------------------------------------------------------------------------- */

static void test_text_key_finds_whole_keys_at_line_starts(void **state)
{
	uint64_t value = 7;

	(void)state;
	assert_int_equal(cgroup_text_key("oom 1\noom_kill 23\nmax 4\n", "oom_kill", &value), 0);
	assert_int_equal(value, 23);
	assert_int_equal(cgroup_text_key("oom 1\noom_kill 23\n", "oom", &value), 0);
	assert_int_equal(value, 1);
	assert_int_equal(cgroup_text_key("a_max 3\n", "max", &value), -ENOENT);
	assert_int_equal(cgroup_text_key("max -3\n", "max", &value), -ENOENT);
	assert_int_equal(cgroup_text_key("", "max", &value), -ENOENT);
	assert_int_equal(value, 1);
}

static void test_text_has_finds_whole_words(void **state)
{
	(void)state;
	assert_true(cgroup_text_has("cpuset cpu io memory\n", "cpu"));
	assert_true(cgroup_text_has("rw,cpu,cpuacct", "cpuacct"));
	assert_true(cgroup_text_has("memory", "memory"));
	assert_false(cgroup_text_has("cpuset io\n", "cpu"));
	assert_false(cgroup_text_has("", "cpu"));
}

static void test_mountinfo_lines(void **state)
{
	char v2[] = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
	char joint[] = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";
	char blank[] = "36 31 0:33 / /mnt/my\\040groups\\134x rw - cgroup none rw,pids\n";
	char other[] = "37 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n";
	char plain[] = "31 23 0:28 / /memory rw,relatime - tmpfs memory rw,mode=755\n";
	char *broken[] = { (char[]){ "" }, (char[]){ " - " }, (char[]){ "1 2 - cgroup2 x rw" }, (char[]){ "a b c d" } };
	struct cgroup_mount mount;

	(void)state;
	assert_int_equal(cgroup_mount_parse(v2, &mount), 1);
	assert_true(mount.v2);
	assert_string_equal(mount.path, "/sys/fs/cgroup/unified");
	assert_int_equal(cgroup_mount_parse(joint, &mount), 1);
	assert_true(mount.v1[CGROUP_CPU] && !mount.v1[CGROUP_MEMORY] && !mount.v2);
	assert_int_equal(cgroup_mount_parse(blank, &mount), 1);
	assert_true(mount.v1[CGROUP_PIDS]);
	assert_string_equal(mount.path, "/mnt/my groups\\x");
	assert_int_equal(cgroup_mount_parse(other, &mount), 0);
	assert_int_equal(cgroup_mount_parse(plain, &mount), 0);
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		assert_int_equal(cgroup_mount_parse(broken[i], &mount), 0);
}

static void test_bad_ids_are_refused(void **state)
{
	static const char *const ids[] = { "", ".", "..", "a/b", "../x", "-", "a b", "a\n", ".hidden" };
	char endless[100];
	struct fixture *f = *state;
	struct dyno_error err;

	memset(endless, 'x', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_int_equal(create_groups(&f->host, ids[i], &f->group, &err), -EINVAL);
		assert_int_equal(cgroup_remove(&f->host, ids[i], &err), -EINVAL);
	}
	assert_int_equal(create_groups(&f->host, endless, &f->group, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
}

static void test_limits_below_what_works_are_refused(void **state)
{
	const struct dyno_limits memory = { .memory = (4 << 20) - 1 }, pids = { .pids = 1 }, fine = { 0 };
	struct fixture *f = *state;
	struct dyno_error err = { 0 };

	assert_int_equal(cgroup_limit(&f->host, &f->group, &memory, &err), -ERANGE);
	assert_non_null(strstr(err.text, "4 MiB at least"));
	assert_int_equal(cgroup_limit(&f->host, &f->group, &pids, &err), -ERANGE);
	assert_non_null(strstr(err.text, "2 at least"));
	assert_int_equal(cgroup_limit(&f->host, &f->group, &fine, &err), 0);
}

static void test_limit_that_nothing_holds_is_refused_with_the_cause(void **state)
{
	const struct cgroup_host none = { .v2_fd = -1, .v1_fd = { -1, -1, -1, -1 }, .why = "because of the test" };
	const struct dyno_limits limits[] = {
		{ .memory = 64 << 20 }, { .pids = 64 }, { .cpu_milli = 1 }, { .cpu_shares = 2 }
	};
	const struct cgroup group = CGROUP_NULL;
	struct dyno_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		assert_int_equal(cgroup_limit(&none, &group, &limits[i], &err), -EOPNOTSUPP);
		assert_non_null(strstr(err.text, none.why));
	}
}

/* ---- the machine ------------------------------------------------------------------------------------------------ */

static void test_host_tells_what_it_has_or_why_not(void **state)
{
	struct fixture *f = *state;
	bool all = true;

	for (int i = 0; i < CGROUP_FREEZER; i++)
		all &= f->host.v2_has[i] || f->host.v1_fd[i] >= 0;
	assert_true(all == (f->host.why[0] == '\0'));
	assert_true((f->host.layout == DYNO_CGROUP_V2 || f->host.layout == DYNO_CGROUP_HYBRID) == (f->host.v2_fd >= 0));
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		assert_false(f->host.v2_has[i] && f->host.v1_fd[i] >= 0);
	if (f->host.v2_fd >= 0)
		assert_int_equal(fcntl(f->host.v2_fd, F_GETFD), FD_CLOEXEC);
}

static void test_create_and_remove_leave_nothing(void **state)
{
	struct fixture *f = *state;
	struct cgroup second = CGROUP_NULL;
	struct dyno_error err;
	int trees;

	need_groups(f);
	make(f);
	trees = count_groups(&f->host, f->id);
	assert_true(trees >= 1);
	assert_int_equal(create_groups(&f->host, f->id, &second, &err), -EEXIST);
	assert_int_equal(second.v2_fd, -1);
	assert_int_equal(count_groups(&f->host, f->id), trees);
	assert_int_equal(cgroup_remove(&f->host, f->id, &err), 0);
	assert_int_equal(count_groups(&f->host, f->id), 0);
	assert_int_equal(cgroup_remove(&f->host, f->id, &err), 0);
}

static void test_create_undoes_what_it_made_when_a_later_tree_fails(void **state)
{
	struct fixture *f = *state;
	struct dyno_error err;
	struct cgroup group = CGROUP_NULL;
	int last = CGROUP_FREEZER;

	need_groups(f);
	while (last >= 0 && f->host.v1_fd[last] < 0)
		last--;
	if (last < 0) {
		print_message("needs a v1 tree: only one tree is mounted here\n");
		skip();
	}
	make(f);
	for (int i = 0; i < last; i++) {
		char path[64];

		snprintf(path, sizeof(path), CGROUP_PREFIX "%s", f->id);
		if (f->host.v1_fd[i] >= 0)
			assert_int_equal(unlinkat(f->host.v1_fd[i], path, AT_REMOVEDIR), 0);
		if (f->host.v2_fd >= 0)
			(void)unlinkat(f->host.v2_fd, path, AT_REMOVEDIR);
	}
	assert_int_equal(count_groups(&f->host, f->id), 1);
	assert_int_equal(create_groups(&f->host, f->id, &group, &err), -EEXIST);
	assert_non_null(strstr(err.text, cgroup_controller_name((enum cgroup_controller)last)));
	assert_int_equal(count_groups(&f->host, f->id), 1);
	assert_true(exists(f->host.v1_fd[last], f->id));
}

/** churn() - make and remove a group many times. Return: 0, or the number of the call that failed */
static int churn(const struct cgroup_host *host, const char *id)
{
	for (int i = 0; i < 150; i++) {
		struct cgroup group = CGROUP_NULL;
		const struct dyno_limits limits = { .pids = 8 };

		if (create_groups(host, id, &group, NULL) < 0)
			return 1;
		if ((host->v2_has[CGROUP_PIDS] || host->v1_fd[CGROUP_PIDS] >= 0) &&
		    cgroup_limit(host, &group, &limits, NULL) < 0)
			return 2;
		cgroup_done(&group);
		if (cgroup_remove(host, id, NULL) < 0)
			return 3;
	}
	return 0;
}

static void test_launchers_do_not_disturb_each_other(void **state)
{
	struct fixture *f = *state;
	pid_t pids[3];

	need_groups(f);
	for (int i = 0; i < 3; i++) {
		char id[64];

		snprintf(id, sizeof(id), "%s-%d", f->id, i);
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(churn(&f->host, id));
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(status_of(pids[i]), 0);
}

/* ---- limits ----------------------------------------------------------------------------------------------------- */

/** check_limit_file() - the file that holds a limit, by whichever driver, says @want */
static void check_limit_file(const struct fixture *f, enum cgroup_controller controller, const char *v1_name,
                             const char *v1_want, const char *v2_name, const char *v2_want)
{
	bool v2 = f->host.v2_has[controller];
	int fd = v2 ? f->group.v2_fd : f->group.v1_fd[controller];

	assert_string_equal(read_file(fd, v2 ? v2_name : v1_name), v2 ? v2_want : v1_want);
}

static void test_limits_are_what_was_asked(void **state)
{
	struct dyno_limits limits = { .memory = 32 << 20, .pids = 77, .cpu_milli = 250, .cpu_shares = 2048 };
	struct fixture *f = *state;
	struct dyno_error err = { 0 };

	need_controller(f, CGROUP_MEMORY);
	need_controller(f, CGROUP_PIDS);
	need_controller(f, CGROUP_CPU);
	make(f);
	if (cgroup_limit(&f->host, &f->group, &limits, &err) < 0)
		fail_msg("cgroup_limit: %s", err.text);
	check_limit_file(f, CGROUP_MEMORY, "memory.limit_in_bytes", "33554432", "memory.max", "33554432");
	check_limit_file(f, CGROUP_PIDS, "pids.max", "77", "pids.max", "77");
	check_limit_file(f, CGROUP_CPU, "cpu.cfs_quota_us", "25000", "cpu.max", "25000 100000");
	check_limit_file(f, CGROUP_CPU, "cpu.shares", "2048", "cpu.weight", "200");
	/* once more, up and down: each can be changed, and a small ceiling takes the long period */
	limits = (struct dyno_limits){ .memory = 64 << 20, .cpu_milli = 3, .cpu_shares = 1 };
	assert_int_equal(cgroup_limit(&f->host, &f->group, &limits, &err), 0);
	check_limit_file(f, CGROUP_MEMORY, "memory.limit_in_bytes", "67108864", "memory.max", "67108864");
	check_limit_file(f, CGROUP_PIDS, "pids.max", "77", "pids.max", "77");
	check_limit_file(f, CGROUP_CPU, "cpu.cfs_quota_us", "3000", "cpu.max", "3000 1000000");
	check_limit_file(f, CGROUP_CPU, "cpu.shares", "2", "cpu.weight", "1");
	limits = (struct dyno_limits){ .memory = 16 << 20, .cpu_milli = 2000 };
	assert_int_equal(cgroup_limit(&f->host, &f->group, &limits, &err), 0);
	check_limit_file(f, CGROUP_MEMORY, "memory.limit_in_bytes", "16777216", "memory.max", "16777216");
	check_limit_file(f, CGROUP_CPU, "cpu.cfs_period_us", "100000", "cpu.max", "200000 100000");
}

/** touch_memory() - use 64 MiB. Return: 0 when it got them */
static int touch_memory(void *data)
{
	size_t size = 64 << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)data;
	if (memory == MAP_FAILED)
		return 3;
	memset(memory, 1, size);
	return 0;
}

static void test_memory_limit_kills_and_is_counted(void **state)
{
	const struct dyno_limits limits = { .memory = 16 << 20 };
	struct fixture *f = *state;
	struct cgroup_usage usage;

	need_controller(f, CGROUP_MEMORY);
	make(f);
	assert_int_equal(status_of(spawn(&f->group, touch_memory, NULL)), 0); /* it is the limit that stops it */
	assert_int_equal(cgroup_limit(&f->host, &f->group, &limits, NULL), 0);
	assert_int_equal(status_of(spawn(&f->group, touch_memory, NULL)), 256 + SIGKILL);
	assert_int_equal(cgroup_usage(&f->group, &usage), 0);
	assert_true(usage.memory_hits >= 1);
	assert_true(usage.memory_peak >= limits.memory / 2);
}

/** fork_until_refused() - Return: 0 when fork(2) failed with EAGAIN at last */
static int fork_until_refused(void *data)
{
	(void)data;
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return errno == EAGAIN ? 0 : 3;
		if (pid == 0)
			sleep_forever(NULL);
	}
	return 4;
}

static void test_pids_limit_refuses_and_is_counted(void **state)
{
	const struct dyno_limits limits = { .pids = 10 };
	struct fixture *f = *state;
	struct cgroup_usage usage;

	need_controller(f, CGROUP_PIDS);
	make(f);
	assert_int_equal(cgroup_limit(&f->host, &f->group, &limits, NULL), 0);
	assert_int_equal(status_of(spawn(&f->group, fork_until_refused, NULL)), 0);
	assert_int_equal(cgroup_usage(&f->group, &usage), 0);
	assert_int_equal(usage.pids, 9);
	assert_true(usage.pids_hits >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_text_key_finds_whole_keys_at_line_starts),
		TEST(test_text_has_finds_whole_words),
		TEST(test_mountinfo_lines),
		TEST(test_bad_ids_are_refused),
		TEST(test_limits_below_what_works_are_refused),
		TEST(test_limit_that_nothing_holds_is_refused_with_the_cause),
		TEST(test_host_tells_what_it_has_or_why_not),
		TEST(test_create_and_remove_leave_nothing),
		TEST(test_create_undoes_what_it_made_when_a_later_tree_fails),
		TEST(test_launchers_do_not_disturb_each_other),
		TEST(test_limits_are_what_was_asked),
		TEST(test_memory_limit_kills_and_is_counted),
		TEST(test_pids_limit_refuses_and_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
