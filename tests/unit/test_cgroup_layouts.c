/* SPDX-License-Identifier: Apache-2.0 */
/* test_cgroup_layouts.c - what other machines give: delegated subtrees, v1 alone, unusual mounts, none */
#include <sys/mount.h>
#include <sys/stat.h>

#include "isolation/cgroup_v2.h"
#include "tests/unit/cgroup_fixture.h"

#define ANYBODY 61234 /* a uid and gid that owns nothing */

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
	if (create_groups(&host, f->id, &group, NULL) < 0)
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

/**
 * user_is_told() - no groups, and the cause with its remedy
 * Beside v1 trees the cause is always that those, which have the controllers, are closed to users.
 * Return: 0, or the step that failed
 */
static int user_is_told(const struct fixture *f, const char *cause)
{
	struct cgroup_host host;

	if (cgroup_host_open(&host, NULL) < 0)
		return 1;
	if (host.layout != DYNO_CGROUP_NONE || host.v2_fd >= 0)
		return 2;
	if (f->host.layout == DYNO_CGROUP_HYBRID)
		return strstr(host.why, "v1 cgroup trees cannot be written by user 61234") ? 0 : 3;
	return strstr(host.why, cause) && strstr(host.why, "systemd-run --user --scope -p Delegate=yes") ? 0 : 3;
}

/** told_not_delegated() - see user_is_told() */
static int told_not_delegated(const struct fixture *f)
{
	return user_is_told(f, "is not delegated to user 61234");
}

/** told_internal_process() - see user_is_told() */
static int told_internal_process(const struct fixture *f)
{
	return user_is_told(f, "holds this process itself");
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

/* ---- other layouts, in a mount namespace of their own ----------------------------------------------------------- */

/** in_own_mounts() - run @child where mounts can be changed. Return: its status; skips without the right to */
static int in_own_mounts(int (*child)(const struct fixture *f), const struct fixture *f)
{
	pid_t pid;

	if (geteuid() != 0 || f->host.layout == DYNO_CGROUP_NONE) {
		print_message("needs root and a cgroup tree\n");
		skip();
	}
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(98);
		_exit(child(f));
	}
	assert_true(pid > 0);
	return status_of(pid);
}

/** hide_trees() - an empty tmpfs over /sys/fs/cgroup. Return: 0 or -1 */
static int hide_trees(void)
{
	return mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, NULL);
}

/** unmount_trees() - no cgroup mount left in this namespace. Return: 0 or -1 */
static int unmount_trees(void)
{
	char line[4096];
	FILE *file = fopen("/proc/self/mountinfo", "re");
	struct cgroup_mount mount;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		if (cgroup_mount_parse(line, &mount) == 1)
			(void)umount2(mount.path, MNT_DETACH);
	(void)fclose(file);
	return hide_trees();
}

/** user_of_v1() - the whole way with legacy trees alone. Return: 0, or the step that failed */
static int user_of_v1(const struct fixture *f)
{
	const struct dyno_limits limits = { .memory = 32 << 20, .pids = 10 };
	struct cgroup group = CGROUP_NULL;
	struct cgroup_usage usage;
	struct cgroup_host host;
	int status;
	pid_t pid;

	if (umount2("/sys/fs/cgroup/unified", MNT_DETACH) < 0 || cgroup_host_open(&host, NULL) < 0)
		return 1;
	if (host.layout != DYNO_CGROUP_V1 || host.v2_fd >= 0 || host.v1_fd[CGROUP_FREEZER] < 0)
		return 2;
	if (create_groups(&host, f->id, &group, NULL) < 0 || cgroup_clone_fd(&group) >= 0)
		return 3;
	if (cgroup_limit(&host, &group, &limits, NULL) < 0)
		return 4;
	pid = fork();
	if (pid == 0)
		_exit(cgroup_join_child(&group, NULL) < 0 ? 1 : sleep_forever(NULL));
	do
		(void)cgroup_usage(&group, &usage);
	while (usage.pids == 0);
	if (cgroup_freeze(&group, true) < 0 || cgroup_kill(&group) < 0)
		return 5;
	if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		return 6;
	cgroup_done(&group);
	if (cgroup_remove(&host, f->id, NULL) < 0 || count_groups(&host, f->id) > 0)
		return 7;
	cgroup_host_done(&host);
	return 0;
}

static void test_v1_alone(void **state)
{
	struct fixture *f = *state;

	need_groups(f);
	if (f->host.layout != DYNO_CGROUP_HYBRID) {
		print_message("needs v1 trees\n");
		skip();
	}
	assert_int_equal(in_own_mounts(user_of_v1, f), 0);
}

/** find_elsewhere() - a v2 tree in an unusual place. Return: 0, or the step that failed */
static int find_elsewhere(const struct fixture *f)
{
	struct cgroup group = CGROUP_NULL;
	struct cgroup_host host;

	if (unmount_trees() < 0 || mkdir("/sys/fs/cgroup/my groups", 0755) < 0)
		return 1;
	if (mount("none", "/sys/fs/cgroup/my groups", "cgroup2", 0, NULL) < 0)
		return 2;
	if (cgroup_host_open(&host, NULL) < 0 || host.layout != DYNO_CGROUP_V2)
		return 3;
	if (create_groups(&host, f->id, &group, NULL) < 0 || !exists(host.v2_fd, f->id))
		return 4;
	cgroup_done(&group);
	if (cgroup_remove(&host, f->id, NULL) < 0)
		return 5;
	cgroup_host_done(&host);
	return 0;
}

static void test_unusual_mount_point_is_found(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in_own_mounts(find_elsewhere, f), 0);
}

/** find_read_only() - only a read-only v2 tree. Return: 0, or the step that failed */
static int find_read_only(const struct fixture *f)
{
	struct cgroup_host host;

	(void)f;
	if (unmount_trees() < 0 || mount("none", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0)
		return 1;
	if (mount(NULL, "/sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return 2;
	if (cgroup_host_open(&host, NULL) < 0 || host.layout != DYNO_CGROUP_NONE)
		return 3;
	return strstr(host.why, "read-only") ? 0 : 4;
}

static void test_read_only_tree_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in_own_mounts(find_read_only, f), 0);
}

/** find_nothing() - no tree at all. Return: 0, or the step that failed */
static int find_nothing(const struct fixture *f)
{
	struct cgroup group = CGROUP_NULL;
	struct cgroup_host host;

	if (unmount_trees() < 0 || cgroup_host_open(&host, NULL) < 0 || host.layout != DYNO_CGROUP_NONE)
		return 1;
	if (!strstr(host.why, "no cgroup file system is mounted"))
		return 2;
	/* all of it works, and does nothing */
	if (create_groups(&host, f->id, &group, NULL) < 0 || cgroup_join_child(&group, NULL) < 0)
		return 3;
	return cgroup_remove(&host, f->id, NULL) < 0 ? 4 : 0;
}

static void test_no_tree_is_told(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(in_own_mounts(find_nothing, f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_user_in_a_delegated_scope_makes_siblings),
		TEST(test_user_alone_in_his_delegated_group_is_told_why),
		TEST(test_user_without_delegation_is_told_why),
		TEST(test_v1_alone),
		TEST(test_unusual_mount_point_is_found),
		TEST(test_read_only_tree_is_told),
		TEST(test_no_tree_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
