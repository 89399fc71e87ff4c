/* SPDX-License-Identifier: Apache-2.0 */
/* test_template.c - isolation/template: what the mounts of a dyno begin with, and what is left of it when they are covered */
#include "tests/unit/directory_fixture.h"

#include <dirent.h>

#include "isolation/mounts.h"
#include "isolation/template.h"

/** in_copy() - in a child: be in a copy of the template whose skeletons are @d. Return: 0, or 1 with the reason printed */
static int in_copy(const struct directory *d)
{
	struct dyno_error err = { 0 };
	int fd = template_open(d->path, &err);

	if (fd < 0)
		dprintf(STDERR_FILENO, "%s: %s\n", err.step, err.text);
	EXPECT(fd >= 0);
	EXPECT(template_enter_child(fd, &err) == 0);
	return 0;
}

/** stranger() - an entry of "/" that no template has and none of @known is; static buffer, NULL for none */
static const char *stranger(const char *const *known)
{
	static char name[256];
	const struct dirent *entry;
	DIR *dir = opendir("/");

	while (dir && (entry = readdir(dir))) {
		size_t i = 0;

		while (known[i] && strcmp(known[i], entry->d_name) != 0)
			i++;
		if (known[i])
			continue;
		snprintf(name, sizeof(name), "%s", entry->d_name);
		closedir(dir);
		return name;
	}
	if (!dir)
		return "nothing to read";
	closedir(dir);
	return NULL;
}

static int act_holds(const struct directory *d)
{
	static const char *const known[] = { ".",      "..",     "usr", "bin",  "sbin", "lib", "lib32", "lib64",
		                             "libx32", "libo32", "sys", "proc", "tmp",  "run", "var",   NULL };
	char path[512];

	EXPECT(fd_create_text(d->fd, "skeleton", 0644, "here\n") == 0);
	EXPECT(in_copy(d) == 0);
	EXPECT(stranger(known) == NULL);
	EXPECT(access("/usr/bin", F_OK) == 0 && access("/etc", F_OK) < 0 && access("/root", F_OK) < 0);
	EXPECT(access("/proc/self", F_OK) < 0 && errno == ENOENT);
	/* the skeletons are at their place, and of what lies beside them nothing is */
	snprintf(path, sizeof(path), "%s/skeleton", d->path);
	EXPECT(access(path, R_OK) == 0);
	snprintf(path, sizeof(path), "%s/../.", d->path);
	EXPECT(chdir(path) == 0 && access("etc", F_OK) < 0);
	/* nothing of it can be written */
	snprintf(path, sizeof(path), "%s/new", d->path);
	EXPECT(mkdir(path, 0755) < 0 && errno == EROFS);
	EXPECT(mkdir("/new", 0755) < 0 && errno == EROFS);
	EXPECT(mkdir("/usr/new", 0755) < 0 && errno == EROFS);
	return 0;
}

static int act_copies_are_apart(const struct directory *d)
{
	struct dyno_error err = { 0 };
	int fd = template_open(d->path, &err), status;
	pid_t pid;

	EXPECT(fd >= 0);
	pid = fork();
	if (pid == 0)
		_exit(template_enter_child(fd, &err) == 0 && mount("none", "/proc", "tmpfs", 0, "size=64k") == 0 &&
		                      mkdir("/proc/mine", 0755) == 0
		              ? 0
		              : 1);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(template_enter_child(fd, &err) == 0);
	EXPECT(access("/proc/mine", F_OK) < 0 && mkdir("/proc/mine", 0755) < 0 && errno == EROFS);
	return 0;
}

static int act_cover(const struct directory *d)
{
	static const char *const known[] = { ".", "..", "mine", NULL };
	struct dyno_error err = { 0 };
	char cwd[64];
	int root;

	EXPECT(in_copy(d) == 0);
	root = mounts_new("tmpfs", NULL, 0, &err);
	EXPECT(root >= 0 && mkdirat(root, "mine", 0755) == 0);
	EXPECT(move_mount(root, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) == 0);
	EXPECT(template_cover_child(root, &err) == 0);
	EXPECT(getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/") == 0);
	EXPECT(stranger(known) == NULL);
	EXPECT(access("/usr", F_OK) < 0 && access("/../usr", F_OK) < 0 && access("../../usr", F_OK) < 0);
	EXPECT(chdir("/mine") == 0 && chdir("../..") == 0 && access("usr", F_OK) < 0);
	return 0;
}

static int act_host_is_left_alone(const struct directory *d)
{
	struct dyno_error err = { 0 };
	int table = mounts_table(), fd, pid, status;

	EXPECT(table >= 0);
	(void)mounts_table_changed(table);
	pid = fork();
	if (pid == 0) {
		fd = template_open(d->path, &err);
		_exit(fd >= 0 && template_enter_child(fd, &err) == 0 ? 0 : 1);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(!mounts_table_changed(table));
	/* nor does a place that is not there leave anything, but the reason */
	EXPECT(template_open("/no/such/place", &err) == -ENOENT && strstr(err.text, "/no/such/place"));
	EXPECT(!mounts_table_changed(table));
	return 0;
}

/** check() - run @act in a child that may make mounts of this machine its own: as root only */
static void check(void **state, int (*act)(const struct directory *d), const char *name)
{
	if (geteuid() != 0) {
		print_message("%s: needs root\n", name);
		skip();
	}
	assert_int_equal(in_child(act, *state), 0);
}

static void holds_the_stack_and_nothing_else(void **state)
{
	check(state, act_holds, __func__);
}

static void copies_know_nothing_of_each_other(void **state)
{
	check(state, act_copies_are_apart, __func__);
}

static void covered_it_is_out_of_reach(void **state)
{
	check(state, act_cover, __func__);
}

static void the_machine_is_left_alone(void **state)
{
	check(state, act_host_is_left_alone, __func__);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(holds_the_stack_and_nothing_else),
		DIRECTORY_TEST(copies_know_nothing_of_each_other),
		DIRECTORY_TEST(covered_it_is_out_of_reach),
		DIRECTORY_TEST(the_machine_is_left_alone),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
