/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_cgroup.c - real groups in this machine's own trees, below names that only this test uses
 *
 * Without the right to make groups only the pure tests run; with it, an ordinary user's view is tested too, in children
 * that give up root inside of a subtree delegated to them. Children report by exit status; only the parent asserts.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "isolation/cgroup.h"
#include "isolation/cgroup_file.h"
#include "isolation/cgroup_mounts.h"
#include "isolation/cgroup_v1.h"
#include "isolation/cgroup_v2.h"

#define ANYBODY 61234 /* a uid and gid that owns nothing */

/** struct fixture - the machine, and one group for the test at hand */
struct fixture {
	struct cgroup_host host;
	struct cgroup group;
	char id[32];
};

/* ---- fixture ---------------------------------------------------------------------------------------------------- */

/** setup() - probe the machine; skip_without() then decides. Return: 0, or -1 to fail the test */
static int setup(void **state)
{
	static struct fixture fixture;
	static int serial;

	fixture.group = (struct cgroup)CGROUP_NULL;
	snprintf(fixture.id, sizeof(fixture.id), "test-%d-%d", getpid(), serial++);
	*state = &fixture;
	return cgroup_host_open(&fixture.host, NULL);
}

/** teardown() - leave nothing, whatever the test did. Return: 0, or -1 to fail the test */
static int teardown(void **state)
{
	struct fixture *f = *state;
	int r = cgroup_remove(&f->host, f->id, NULL);

	cgroup_done(&f->group);
	cgroup_host_done(&f->host);
	return r < 0 ? -1 : 0;
}

/** need_groups() - skip where no group can be made */
static void need_groups(const struct fixture *f)
{
	if (f->host.layout != DYNO_CGROUP_NONE)
		return;
	print_message("needs a writable cgroup tree: %s\n", f->host.why);
	skip();
}

/** need_controller() - skip where nothing can hold that limit */
static void need_controller(const struct fixture *f, enum cgroup_controller controller)
{
	need_groups(f);
	if (f->host.v2_has[controller] || f->host.v1_fd[controller] >= 0)
		return;
	print_message("needs the %s controller: %s\n", cgroup_controller_name(controller), f->host.why);
	skip();
}

/** make() - the test's group */
static void make(struct fixture *f)
{
	struct dyno_error err = { 0 };

	if (cgroup_create(&f->host, f->id, &f->group, &err) < 0)
		fail_msg("cgroup_create: %s", err.text);
}

/** exists() - 1 when group @id is in the tree at @root, which may be -1 */
static int exists(int root, const char *id)
{
	char path[64];

	snprintf(path, sizeof(path), CGROUP_PARENT "/%s", id);
	return root >= 0 && faccessat(root, path, F_OK, 0) == 0;
}

/** count_groups() - in how many trees group @id is */
static int count_groups(const struct cgroup_host *host, const char *id)
{
	int count = exists(host->v2_fd, id);

	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		count += exists(host->v1_fd[i], id);
	return count;
}

/** spawn_at() - clone a child into v2 group @fd (-1: none). Return: as fork(2) */
static pid_t spawn_at(int fd)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/** spawn() - run @child in @group as the launcher does it, exit status from its return value. Return: PID */
static pid_t spawn(const struct cgroup *group, int (*child)(void *data), void *data)
{
	pid_t pid = spawn_at(cgroup_clone_fd(group));

	if (pid == 0)
		_exit(cgroup_join_child(group, NULL) < 0 ? 99 : child(data));
	assert_true(pid > 0);
	return pid;
}

/** status_of() - wait for @pid. Return: exit status, or 256 + signal */
static int status_of(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/** read_file() - content of @name of a group, without the newline */
static const char *read_file(int fd, const char *name)
{
	static char text[256];
	ssize_t length = fd_read_text(fd, name, text, sizeof(text));

	text[length > 0 ? length - 1 : 0] = '\0';
	return text;
}

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
		assert_int_equal(cgroup_create(&f->host, ids[i], &f->group, &err), -EINVAL);
		assert_int_equal(cgroup_remove(&f->host, ids[i], &err), -EINVAL);
	}
	assert_int_equal(cgroup_create(&f->host, endless, &f->group, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
}

static void test_limits_below_what_works_are_refused(void **state)
{
	const struct dyno_limits memory = { .memory = (512 << 10) - 1 }, pids = { .pids = 1 }, fine = { 0 };
	struct fixture *f = *state;
	struct dyno_error err = { 0 };

	assert_int_equal(cgroup_limit(&f->host, &f->group, &memory, &err), -ERANGE);
	assert_non_null(strstr(err.text, "512 KiB at least"));
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
	assert_int_equal(cgroup_create(&f->host, f->id, &second, &err), -EEXIST);
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

		snprintf(path, sizeof(path), CGROUP_PARENT "/%s", f->id);
		if (f->host.v1_fd[i] >= 0)
			assert_int_equal(unlinkat(f->host.v1_fd[i], path, AT_REMOVEDIR), 0);
		if (f->host.v2_fd >= 0)
			(void)unlinkat(f->host.v2_fd, path, AT_REMOVEDIR);
	}
	assert_int_equal(count_groups(&f->host, f->id), 1);
	assert_int_equal(cgroup_create(&f->host, f->id, &group, &err), -EEXIST);
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

		if (cgroup_create(host, id, &group, NULL) < 0)
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

static void test_the_parent_may_vanish_at_any_time(void **state)
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

/* ---- processes -------------------------------------------------------------------------------------------------- */

/** check_placed() - 0 when /proc/self/cgroup names the group as often as @data, a pointer to int, says */
static int check_placed(void *data)
{
	char text[4096];
	int count = 0;

	if (fd_read_text(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) < 0)
		return 1;
	for (const char *at = text; (at = strstr(at, "/" CGROUP_PARENT "/test-")); at++)
		count++;
	return count == *(int *)data ? 0 : 2;
}

static void test_child_is_in_every_group(void **state)
{
	struct fixture *f = *state;
	int trees;

	need_groups(f);
	make(f);
	trees = count_groups(&f->host, f->id);
	assert_int_equal(status_of(spawn(&f->group, check_placed, &trees)), 0);
}

/** sleep_forever() - does not return */
static int sleep_forever(void *data)
{
	(void)data;
	while (pause() < 0)
		continue;
	return 0;
}

/** breed() - twenty children, then sleep. Return: 3 when one could not be made */
static int breed(void *data)
{
	int *ready = data;

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 3;
		if (pid == 0)
			sleep_forever(NULL);
	}
	return write(*ready, "x", 1) == 1 ? sleep_forever(NULL) : 4;
}

/** start_family() - a process and its twenty children in the group, all there on return. Return: PID of the first */
static pid_t start_family(struct fixture *f)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = spawn(&f->group, breed, &ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

/** any_dir() - a directory of the group with a cgroup.procs in it */
static int any_dir(const struct cgroup *group)
{
	int fd = group->v2_fd;

	for (int i = 0; fd < 0 && i < CGROUP_CONTROLLERS; i++)
		fd = group->v1_fd[i];
	return fd;
}

static void test_kill_reaches_everything(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	need_groups(f);
	make(f);
	pid = start_family(f);
	assert_int_equal(cgroup_kill(&f->group), 0);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
	assert_int_equal(cgroup_procs_wait(any_dir(&f->group), clock_ns() + 2000 * CGROUP_NS_PER_MS), 0);
}

static void test_kill_by_list_reaches_everything(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	need_groups(f);
	make(f);
	pid = start_family(f);
	assert_int_equal(cgroup_procs_kill(any_dir(&f->group)), 21);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
	if (f->group.v2_fd >= 0)
		assert_int_equal(cgroup_v2_wait_empty(f->group.v2_fd, clock_ns() + 2000 * CGROUP_NS_PER_MS), 0);
	assert_int_equal(cgroup_v1_wait_empty(f->group.v1_fd, clock_ns() + 2000 * CGROUP_NS_PER_MS), 0);
}

static void test_v1_kill_reaches_everything(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	need_groups(f);
	if (f->host.v1_fd[CGROUP_PIDS] < 0) {
		print_message("needs a v1 tree of pids\n");
		skip();
	}
	make(f);
	pid = start_family(f);
	assert_int_equal(cgroup_v1_kill(f->group.v1_fd), 0);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
	assert_int_equal(cgroup_v1_wait_empty(f->group.v1_fd, clock_ns() + 2000 * CGROUP_NS_PER_MS), 0);
}

static void test_waiting_ends_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	need_groups(f);
	make(f);
	pid = start_family(f);
	assert_int_equal(cgroup_procs_wait(any_dir(&f->group), clock_ns() + 20 * CGROUP_NS_PER_MS), -ETIMEDOUT);
	if (f->group.v2_fd >= 0)
		assert_int_equal(cgroup_v2_wait_empty(f->group.v2_fd, clock_ns() + 20 * CGROUP_NS_PER_MS), -ETIMEDOUT);
	assert_int_equal(cgroup_kill(&f->group), 0);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
}

static void test_remove_after_a_crash_needs_only_the_name(void **state)
{
	struct fixture *f = *state;
	struct cgroup_host fresh;
	pid_t pid;

	need_groups(f);
	make(f);
	pid = start_family(f);
	cgroup_done(&f->group);
	assert_int_equal(cgroup_host_open(&fresh, NULL), 0);
	assert_int_equal(cgroup_remove(&fresh, f->id, NULL), 0);
	assert_int_equal(count_groups(&fresh, f->id), 0);
	cgroup_host_done(&fresh);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
}

static void test_remove_kills_what_is_frozen(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int r;

	need_groups(f);
	make(f);
	pid = start_family(f);
	r = cgroup_freeze(&f->group, true);
	if (r == -EOPNOTSUPP) {
		print_message("needs a freezer\n");
		assert_int_equal(cgroup_kill(&f->group), 0);
		(void)status_of(pid);
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(cgroup_remove(&f->host, f->id, NULL), 0);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
}

/** count_up() - add to the counter at @data for ever */
static int count_up(void *data)
{
	volatile uint64_t *counter = data;

	while (usleep(200) == 0)
		(*counter)++;
	return 3;
}

/** moves() - true when the counter changes within @ms */
static bool moves(const volatile uint64_t *counter, unsigned ms)
{
	uint64_t from = *counter, deadline = clock_ns() + ms * CGROUP_NS_PER_MS;

	while (*counter == from && clock_ns() < deadline)
		usleep(500);
	return *counter != from;
}

static void test_freeze_stops_and_continues(void **state)
{
	struct fixture *f = *state;
	volatile uint64_t *counter;
	bool stopped = false;
	pid_t pid;

	need_groups(f);
	if (f->host.v2_fd < 0 && f->host.v1_fd[CGROUP_FREEZER] < 0)
		skip();
	make(f);
	counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(counter, MAP_FAILED);
	pid = spawn(&f->group, count_up, (void *)(uintptr_t)counter);
	assert_true(moves(counter, 2000));
	assert_int_equal(cgroup_freeze(&f->group, true), 0);
	for (int i = 0; i < 100 && !stopped; i++) /* freezing takes effect soon after */
		stopped = !moves(counter, 20);
	assert_true(stopped);
	assert_int_equal(cgroup_freeze(&f->group, false), 0);
	assert_true(moves(counter, 2000));
	assert_int_equal(cgroup_kill(&f->group), 0);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
	munmap((void *)(uintptr_t)counter, 4096);
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

/* ---- ordinary users ---------------------------------------------------------------------------------------------- */

/** struct delegation - a v2 group @top, given to ANYBODY or not, and in it an empty group that is: "session" */
struct delegation {
	int mount, top, session;
	char path[64];
};

/** give_away() - what systemd's Delegate= does. Return: 0 or -1 */
static int give_away(int fd)
{
	static const char *const files[] = { "cgroup.procs", "cgroup.subtree_control", "cgroup.threads" };

	for (int i = 0; i < 3; i++)
		if (fchownat(fd, files[i], ANYBODY, ANYBODY, 0) < 0)
			return -1;
	return fchownat(fd, "", ANYBODY, ANYBODY, AT_EMPTY_PATH);
}

/** delegate() - make one below the v2 mount point, or skip */
static void delegate(const struct fixture *f, bool give_top, struct delegation *ret)
{
	struct cgroup_mounts mounts;

	if (geteuid() != 0 || f->host.v2_fd < 0) {
		print_message("needs root and a v2 tree\n");
		skip();
	}
	assert_int_equal(cgroup_mounts_open(&mounts), 0);
	ret->mount = TAKE_FD(mounts.v2_fd);
	cgroup_mounts_done(&mounts);
	snprintf(ret->path, sizeof(ret->path), "dyno-%s", f->id);
	assert_int_equal(mkdirat(ret->mount, ret->path, 0755), 0);
	ret->top = openat(ret->mount, ret->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (f->host.v2_has[CGROUP_PIDS])
		assert_int_equal(cgroup_v2_pass_on(ret->top, f->host.v2_has), 0);
	assert_int_equal(mkdirat(ret->top, "session", 0755), 0);
	ret->session = openat(ret->top, "session", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(give_away(ret->session), 0);
	if (give_top)
		assert_int_equal(give_away(ret->top), 0);
}

/** undelegate() - remove it; a child's failure may have left groups in it. Return: whether nothing was left */
static bool undelegate(struct delegation *d)
{
	bool clean = unlinkat(d->top, "session", AT_REMOVEDIR) == 0 && unlinkat(d->mount, d->path, AT_REMOVEDIR) == 0;

	d->session = fd_close(d->session);
	d->top = fd_close(d->top);
	d->mount = fd_close(d->mount);
	return clean;
}

/** as_user() - run @child as ANYBODY in the delegation's session. Return: its status */
static int as_user(const struct delegation *d, int (*child)(const struct fixture *f), const struct fixture *f)
{
	pid_t pid = spawn_at(d->session);

	if (pid == 0) {
		if (syscall(SYS_setgroups, 0, NULL) < 0 || setresgid(ANYBODY, ANYBODY, ANYBODY) < 0 ||
		    setresuid(ANYBODY, ANYBODY, ANYBODY) < 0)
			_exit(98);
		_exit(child(f));
	}
	assert_true(pid > 0);
	return status_of(pid);
}

/** user_makes_groups() - the whole way as an ordinary user. Return: 0, or the step that failed */
static int user_makes_groups(const struct fixture *f)
{
	const struct dyno_limits limits = { .pids = 10 };
	struct cgroup group = CGROUP_NULL;
	struct cgroup_host host;
	int status;
	pid_t pid;

	if (cgroup_host_open(&host, NULL) < 0 || host.layout != DYNO_CGROUP_V2 || host.v2_fd < 0)
		return 1;
	if (host.v2_has[CGROUP_PIDS] != f->host.v2_has[CGROUP_PIDS] || !host.v2_has[CGROUP_FREEZER])
		return 2;
	if (cgroup_create(&host, f->id, &group, NULL) < 0)
		return 3;
	if (host.v2_has[CGROUP_PIDS] && cgroup_limit(&host, &group, &limits, NULL) < 0)
		return 4;
	pid = spawn_at(cgroup_clone_fd(&group));
	if (pid == 0)
		_exit(cgroup_join_child(&group, NULL) < 0 ? 1 : sleep_forever(NULL));
	if (pid < 0 || cgroup_kill(&group) < 0)
		return 5;
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		return 6;
	if (cgroup_remove(&host, f->id, NULL) < 0 || exists(host.v2_fd, f->id))
		return 7;
	cgroup_done(&group);
	cgroup_host_done(&host);
	return 0;
}

/** user_is_told() - no groups, and the cause with its remedy. Return: 0, or the step that failed */
static int user_is_told(const char *cause)
{
	struct cgroup_host host;

	if (cgroup_host_open(&host, NULL) < 0)
		return 1;
	if (host.layout != DYNO_CGROUP_NONE || host.v2_fd >= 0)
		return 2;
	return strstr(host.why, cause) && strstr(host.why, "systemd-run --user --scope -p Delegate=yes") ? 0 : 3;
}

/** told_not_delegated() - see user_is_told() */
static int told_not_delegated(const struct fixture *f)
{
	(void)f;
	return user_is_told("is not delegated to user 61234");
}

/** told_internal_process() - see user_is_told() */
static int told_internal_process(const struct fixture *f)
{
	(void)f;
	return user_is_told("holds this process itself");
}

static void test_user_in_a_delegated_scope_makes_siblings(void **state)
{
	struct fixture *f = *state;
	struct delegation d;
	int status;

	delegate(f, true, &d);
	status = as_user(&d, user_makes_groups, f);
	assert_true(undelegate(&d));
	assert_int_equal(status, 0);
}

static void test_user_alone_in_his_delegated_group_is_told_why(void **state)
{
	struct fixture *f = *state;
	struct delegation d;
	int status;

	delegate(f, false, &d);
	status = as_user(&d, told_internal_process, f);
	assert_true(undelegate(&d));
	assert_int_equal(status, 0);
}

static void test_user_without_delegation_is_told_why(void **state)
{
	struct fixture *f = *state;
	struct delegation d;
	int status;

	delegate(f, false, &d);
	assert_int_equal(fchownat(d.session, "", 0, 0, AT_EMPTY_PATH), 0);
	status = as_user(&d, told_not_delegated, f);
	assert_true(undelegate(&d));
	assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(test_the_parent_may_vanish_at_any_time),
		TEST(test_child_is_in_every_group),
		TEST(test_kill_reaches_everything),
		TEST(test_kill_by_list_reaches_everything),
		TEST(test_v1_kill_reaches_everything),
		TEST(test_waiting_ends_at_the_deadline),
		TEST(test_remove_after_a_crash_needs_only_the_name),
		TEST(test_remove_kills_what_is_frozen),
		TEST(test_freeze_stops_and_continues),
		TEST(test_limits_are_what_was_asked),
		TEST(test_memory_limit_kills_and_is_counted),
		TEST(test_pids_limit_refuses_and_is_counted),
		TEST(test_user_in_a_delegated_scope_makes_siblings),
		TEST(test_user_alone_in_his_delegated_group_is_told_why),
		TEST(test_user_without_delegation_is_told_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
