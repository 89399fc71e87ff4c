/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cgroup_fixture.h - the machine and a group of a name of its own, for all tests of control groups
 *
 * Without the right to make groups the tests skip. Children report by exit status; only the parent asserts.
 */
#ifndef TESTS_CGROUP_FIXTURE_H
#define TESTS_CGROUP_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "isolation/cgroup.h"
#include "isolation/cgroup_mounts.h"

/** struct fixture - the machine, and one group for the test at hand */
struct fixture {
	struct cgroup_host host;
	struct cgroup group;
	char id[32];
};

/** setup() - probe the machine; skip_without() then decides. Return: 0, or -1 to fail the test */
static inline int setup(void **state)
{
	static struct fixture fixture;
	static int serial;

	fixture.group = (struct cgroup)CGROUP_NULL;
	snprintf(fixture.id, sizeof(fixture.id), "test-%d-%d", getpid(), serial++);
	*state = &fixture;
	return cgroup_host_open(&fixture.host, NULL);
}

/** teardown() - leave nothing, whatever the test did. Return: 0, or -1 to fail the test */
static inline int teardown(void **state)
{
	struct fixture *f = *state;
	int r = cgroup_remove(&f->host, f->id, NULL);

	cgroup_done(&f->group);
	cgroup_host_done(&f->host);
	return r < 0 ? -1 : 0;
}

/** need_groups() - skip where no group can be made */
static inline void need_groups(const struct fixture *f)
{
	if (f->host.layout != DYNO_CGROUP_NONE)
		return;
	print_message("needs a writable cgroup tree: %s\n", f->host.why);
	skip();
}

/** need_controller() - skip where nothing can hold that limit */
static inline void need_controller(const struct fixture *f, enum cgroup_controller controller)
{
	need_groups(f);
	if (f->host.v2_has[controller] || f->host.v1_fd[controller] >= 0)
		return;
	print_message("needs the %s controller: %s\n", cgroup_controller_name(controller), f->host.why);
	skip();
}

/** create_groups() - all groups of @id, as the launcher makes them. Return: as cgroup_create_v2(); on failure nothing is left */
static inline int create_groups(const struct cgroup_host *host, const char *id, struct cgroup *ret,
                                struct dyno_error *err)
{
	struct cgroup group;
	int r = cgroup_create_v2(host, id, &group, err);

	if (r < 0)
		return r;
	r = cgroup_create_v1(host, id, &group, err);
	if (r == 0)
		*ret = group;
	else if (group.v2_fd >= 0)
		(void)cgroup_remove(&(const struct cgroup_host){ .v2_fd = host->v2_fd, .v1_fd = { -1, -1, -1, -1 } },
		                    id, NULL);
	if (r < 0)
		cgroup_done(&group);
	return r;
}

/** make() - the test's group */
static inline void make(struct fixture *f)
{
	struct dyno_error err = { 0 };

	if (create_groups(&f->host, f->id, &f->group, &err) < 0)
		fail_msg("cgroup_create: %s", err.text);
}

/** exists() - 1 when group @id is in the tree at @root, which may be -1 */
static inline int exists(int root, const char *id)
{
	char path[64];

	snprintf(path, sizeof(path), CGROUP_PREFIX "%s", id);
	return root >= 0 && faccessat(root, path, F_OK, 0) == 0;
}

/** count_groups() - in how many trees group @id is */
static inline int count_groups(const struct cgroup_host *host, const char *id)
{
	int count = exists(host->v2_fd, id);

	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		count += exists(host->v1_fd[i], id);
	return count;
}

/** spawn_at() - clone a child into v2 group @fd (-1: none). Return: as fork(2) */
static inline pid_t spawn_at(int fd)
{
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/** spawn() - run @child in @group as the launcher does it, exit status from its return value. Return: PID */
static inline pid_t spawn(const struct cgroup *group, int (*child)(void *data), void *data)
{
	pid_t pid = spawn_at(cgroup_clone_fd(group));

	if (pid == 0)
		_exit(cgroup_join_child(group, NULL) < 0 ? 99 : child(data));
	assert_true(pid > 0);
	return pid;
}

/** status_of() - wait for @pid. Return: exit status, or 256 + signal */
static inline int status_of(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/** read_file() - content of @name of a group, without the newline */
static inline const char *read_file(int fd, const char *name)
{
	static char text[256];
	ssize_t length = fd_read_text(fd, name, text, sizeof(text));

	text[length > 0 ? length - 1 : 0] = '\0';
	return text;
}

/** sleep_forever() - does not return */
static inline int sleep_forever(void *data)
{
	(void)data;
	while (pause() < 0)
		continue;
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif /* TESTS_CGROUP_FIXTURE_H */
