/* SPDX-License-Identifier: Apache-2.0 */
/* test_mounts.c - isolation/mounts: nothing is resolved outside of a root, and hidden mounts are found whatever their names */
#include "tests/unit/directory_fixture.h"

#include "isolation/mounts.h"

#define NO_MOUNTS 77 /* exit status of a child that may not mount */

/** mount_at() - an empty tmpfs at @name below @d. Return: 0 or -1 */
static int mount_at(const struct directory *d, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return -1;
	return mount("none", path, "tmpfs", 0, "size=64k");
}

/** below() - mounts_below() of @name below @d; its place in @ret */
static int below(const struct directory *d, const char *name, char ret[256])
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	ret[0] = '\0';
	return mounts_below(path, ret, 256);
}

static const char *const odd[] = { "plain",   "with space", "line\nbreak", "tab\there",     "back\\slash",
	                           "\\040",   "octal\\012", "#hash",       "quote\"'",      "\303\274ber",
	                           "deleted", "-dash",      "%s%n",        "comma,colon:x=" };

static int act_odd_names(const struct directory *d)
{
	char place[256], name[128];

	if (own_mounts() < 0)
		return NO_MOUNTS;
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		EXPECT(mkdirat(d->fd, odd[i], 0755) == 0);
		EXPECT(below(d, odd[i], place) == 0);
	}
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", odd[i], odd[i]);
		EXPECT(mount_at(d, name) == 0);
		EXPECT(below(d, odd[i], place) == 1);
		EXPECT(strncmp(place, d->path, strlen(d->path)) == 0);
		EXPECT(!strpbrk(place, " \t\n"));
		/* what is mounted at the path itself is seen */
		EXPECT(below(d, name, place) == 0);
	}
	return 0;
}

static int act_siblings(const struct directory *d)
{
	char place[256];

	if (own_mounts() < 0)
		return NO_MOUNTS;
	EXPECT(mkdirat(d->fd, "app", 0755) == 0);
	EXPECT(mount_at(d, "app2") == 0);
	EXPECT(mount_at(d, "app-x") == 0);
	EXPECT(mount_at(d, "app 3") == 0);
	EXPECT(mount_at(d, "ap") == 0);
	EXPECT(below(d, "app", place) == 0);
	EXPECT(mount_at(d, "app/deep") == 0);
	EXPECT(mount_at(d, "app/deep/er") == 0);
	EXPECT(below(d, "app", place) == 1);
	EXPECT(below(d, "app/deep", place) == 1);
	EXPECT(below(d, "app2", place) == 0);
	return 0;
}

static int act_other_spellings(const struct directory *d)
{
	char place[256];

	if (own_mounts() < 0)
		return NO_MOUNTS;
	EXPECT(mkdirat(d->fd, "app", 0755) == 0);
	EXPECT(mount_at(d, "app/data") == 0);
	EXPECT(symlinkat("app", d->fd, "link") == 0);
	EXPECT(below(d, "app", place) == 1);
	EXPECT(below(d, "app/", place) == 1);
	EXPECT(below(d, "app//", place) == 1);
	EXPECT(below(d, "./app/.", place) == 1);
	EXPECT(below(d, "app/data/..", place) == 1);
	EXPECT(below(d, "link", place) == 1);
	EXPECT(below(d, "missing", place) == -ENOENT);
	return 0;
}

/** reopened() - @d opened anew: a descriptor from before own_mounts() shows the mounts of before */
static struct directory reopened(const struct directory *d)
{
	struct directory again = *d;

	again.fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return again;
}

static int act_clone(const struct directory *inherited)
{
	struct directory own, *d = &own;
	struct stat st;
	int root, one, all;

	if (own_mounts() < 0)
		return NO_MOUNTS;
	own = reopened(inherited);
	EXPECT(mkdirat(d->fd, "from", 0755) == 0 && mkdirat(d->fd, "to", 0755) == 0);
	EXPECT(mount_at(d, "from") == 0 && mount_at(d, "from/below") == 0);
	EXPECT(fd_create_text(d->fd, "from/below/file", 0644, "") == 0);
	/* user_namespaces(7): mounts that came with a namespace are locked, these are our own */
	all = mounts_clone_all(d->fd, "from", MOUNT_ATTR_RDONLY, -1);
	EXPECT(all >= 0);
	EXPECT(fcntl(all, F_GETFD) == FD_CLOEXEC);
	EXPECT(fstatat(all, "below/file", &st, 0) == 0);
	EXPECT(mkdirat(all, "new", 0755) < 0 && errno == EROFS);
	EXPECT(mkdirat(all, "below/new", 0755) < 0 && errno == EROFS);
	one = mounts_clone(d->fd, "from", 0, -1);
	EXPECT(one >= 0);
	EXPECT(fstatat(one, "below/file", &st, 0) < 0 && errno == ENOENT);
	root = openat(d->fd, "to", O_PATH | O_DIRECTORY | O_CLOEXEC);
	EXPECT(mounts_attach(one, root, "", NULL) == 0);
	fd_close(root);
	EXPECT(fstatat(d->fd, "to/below", &st, 0) == 0);
	EXPECT(mounts_clone(d->fd, "missing", 0, -1) == -ENOENT);
	return 0;
}

static int act_attach(const struct directory *inherited)
{
	const struct mount_option options[] = { { "size", "64k" }, { NULL, NULL } };
	struct directory own, *d = &own;
	struct dyno_error err = { 0 };
	struct stat before, after;
	int fd, tmpfs;

	if (own_mounts() < 0)
		return NO_MOUNTS;
	own = reopened(inherited);
	EXPECT(mkdirat(d->fd, "root", 0755) == 0 && mkdirat(d->fd, "outside", 0755) == 0);
	fd = directory_open(d, "root");
	EXPECT(symlinkat("../outside", fd, "dev") == 0 && mkdirat(fd, "proc", 0755) == 0);
	EXPECT(fstatat(d->fd, "outside", &before, 0) == 0);
	tmpfs = mounts_new("tmpfs", options, MOUNT_ATTR_NOSUID, &err);
	EXPECT(tmpfs >= 0);
	EXPECT(mounts_attach(tmpfs, fd, "dev", &err) == -EINVAL);
	EXPECT(err.code == -EINVAL && strstr(err.text, "/dev"));
	EXPECT(mounts_attach(tmpfs, fd, "missing", &err) == -ENOENT);
	EXPECT(fstatat(d->fd, "outside", &after, 0) == 0 && before.st_dev == after.st_dev);
	EXPECT(mounts_attach(tmpfs, fd, "proc", &err) == 0);
	EXPECT(fstatat(fd, "proc", &after, 0) == 0 && before.st_dev != after.st_dev);
	EXPECT(mounts_bind(AT_FDCWD, "/no/such", 0, -1, fd, "proc", &err) == -ENOENT);
	EXPECT(mounts_new("no-such-fs", NULL, 0, &err) == -ENODEV && strstr(err.text, "no-such-fs"));
	EXPECT(mounts_new("tmpfs", (const struct mount_option[]){ { "no-such", "1" }, { 0 } }, 0, &err) == -EINVAL);
	return 0;
}

/** check() - run @act in a child with mounts of its own */
static void check(void **state, int (*act)(const struct directory *d), const char *name)
{
	int code = in_child(act, *state);

	if (code == NO_MOUNTS) {
		print_message("%s: this user may make no user namespace to mount in\n", name);
		skip();
	}
	assert_int_equal(code, 0);
}

static void below_finds_odd_names(void **state)
{
	check(state, act_odd_names, __func__);
}

static void below_leaves_siblings_alone(void **state)
{
	check(state, act_siblings, __func__);
}

static void below_knows_a_directory_however_spelled(void **state)
{
	check(state, act_other_spellings, __func__);
}

static void clone_of_one_and_of_all(void **state)
{
	check(state, act_clone, __func__);
}

static void attach_follows_no_link(void **state)
{
	check(state, act_attach, __func__);
}

static void below_of_a_path_too_long(void **state)
{
	char path[8192], place[8];

	(void)state;
	memset(path, ' ', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(mounts_below(path, place, sizeof(place)), -ENAMETOOLONG);
}

static void resolve_stays_beneath(void **state)
{
	const struct directory *d = *state;
	int root = directory_open(d, "root"), fd;
	struct stat st;

	assert_int_equal(mkdirat(root, "a", 0755), 0);
	assert_int_equal(mkdirat(root, "a/b", 0755), 0);
	assert_int_equal(fd_create_text(root, "a/b/file", 0644, ""), 0);
	assert_int_equal(symlinkat("a", root, "inside"), 0);
	assert_int_equal(symlinkat("/etc", root, "absolute"), 0);
	assert_int_equal(symlinkat("../..", root, "up"), 0);
	assert_int_equal(symlinkat("/proc/self/root", root, "a/magic"), 0);

	fd = mounts_resolve(root, "a/b");
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	fd_close(fd);
	fd = mounts_resolve(root, "a/b/file");
	assert_true(fd >= 0);
	fd_close(fd);

	assert_int_equal(mounts_resolve(root, "inside"), -ELOOP);
	assert_int_equal(mounts_resolve(root, "inside/b"), -ELOOP);
	assert_int_equal(mounts_resolve(root, "absolute"), -ELOOP);
	assert_int_equal(mounts_resolve(root, "absolute/passwd"), -ELOOP);
	assert_int_equal(mounts_resolve(root, "up"), -ELOOP);
	assert_int_equal(mounts_resolve(root, "a/magic"), -ELOOP);
	assert_int_equal(mounts_resolve(root, ".."), -EXDEV);
	assert_int_equal(mounts_resolve(root, "a/../.."), -EXDEV);
	assert_int_equal(mounts_resolve(root, "a/b/../../../outside"), -EXDEV);
	assert_int_equal(mounts_resolve(root, "/etc"), -EXDEV);
	assert_int_equal(mounts_resolve(root, "missing"), -ENOENT);
	assert_int_equal(mounts_resolve(root, "a/b/file/x"), -ENOTDIR);
	fd_close(root);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(below_finds_odd_names),
		DIRECTORY_TEST(below_leaves_siblings_alone),
		DIRECTORY_TEST(below_knows_a_directory_however_spelled),
		DIRECTORY_TEST(clone_of_one_and_of_all),
		DIRECTORY_TEST(attach_follows_no_link),
		cmocka_unit_test(below_of_a_path_too_long),
		DIRECTORY_TEST(resolve_stays_beneath),
	};

	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
