/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cgroup.c - one dyno's groups in all trees (see cgroup.h)
 *
 * Theory of operation. Groups are named, not remembered: <root>/dyno-<id> in every tree, so that they can be removed
 * after a crash by whoever finds the dyno's claim free. They stand side by side, without a parent of their own: a parent
 * would be one more group in each tree to make for the first dyno and to remove with the last, 110 us of a launch.
 *
 * Nobody is ever moved by PID: a write to cgroup.procs waits for the threadgroup lock, 7 to 8 ms when it is cold.
 */
#include "isolation/cgroup.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "isolation/cgroup_file.h"
#include "isolation/cgroup_mounts.h"
#include "isolation/cgroup_v1.h"
#include "isolation/cgroup_v2.h"

#define MEMORY_MIN (4ULL << 20) /* less does not hold even the init, with the kernel's share of it */
#define PIDS_MIN 2ULL           /* the init and the app */

#define ID_MAX 63
#define PATH_SIZE (sizeof(CGROUP_PREFIX) + ID_MAX + 1)

#define REMOVE_TIMEOUT_MS 5000ULL
#define REMOVE_PAUSE_NS 1000000L

/**
 * group_path() - "dyno-<id>"
 * Return: 0, or -EINVAL when @id is not a plain name
 */
static int group_path(char ret_path[static PATH_SIZE], const char *id, struct dyno_error *err)
{
	size_t length = strlen(id);

	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)id[i]) && (i == 0 || !strchr("._-", id[i])))
			length = 0;
	if (length == 0 || length > ID_MAX)
		return error_set(err, -EINVAL, "make cgroup", "\"%.64s\" cannot name a cgroup", id);
	snprintf(ret_path, PATH_SIZE, CGROUP_PREFIX "%s", id);
	return 0;
}

/**
 * make_group() - make group @path in the tree at @root
 * @ret_fd: O_PATH descriptor of it
 * Return: 0, -EEXIST, or negative errno with nothing left behind
 */
static int make_group(int root, const char *path, int *ret_fd)
{
	int fd, r;

	if (mkdirat(root, path, 0755) < 0)
		return -errno;
	fd = openat(root, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? -errno : 0;
	if (r == 0)
		*ret_fd = fd;
	else
		(void)unlinkat(root, path, AT_REMOVEDIR);
	return r;
}

/**
 * make_v1() - the group in one v1 tree, and the file by which the child joins it
 * Return: 0 or negative errno
 */
static int make_v1(const struct cgroup_host *host, const char *path, size_t controller, struct cgroup *group)
{
	int *fd = &group->v1_fd[controller], *tasks = &group->tasks_fd[controller];
	int r;

	r = make_group(host->v1_fd[controller], path, fd);
	if (r < 0)
		return r;
	*tasks = openat(*fd, "tasks", O_WRONLY | O_CLOEXEC);
	return *tasks < 0 ? -errno : 0;
}

/** unmake_v1() - undo half-made v1 groups: only what the caller made is in @group */
static void unmake_v1(const struct cgroup_host *host, const char *path, struct cgroup *group)
{
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (group->v1_fd[i] < 0)
			continue;
		(void)unlinkat(host->v1_fd[i], path, AT_REMOVEDIR);
		group->tasks_fd[i] = fd_close(group->tasks_fd[i]);
		group->v1_fd[i] = fd_close(group->v1_fd[i]);
	}
}

/** refused() - say which tree it was. Return: @code */
static int refused(int code, const char *path, const char *tree, struct dyno_error *err)
{
	return error_set(err, code, "make cgroup", "cannot make group %s in the %s tree:", path, tree);
}

int cgroup_create_v2(const struct cgroup_host *host, const char *id, struct cgroup *ret, struct dyno_error *err)
{
	struct cgroup group = CGROUP_NULL;
	char path[PATH_SIZE];
	int r = group_path(path, id, err);

	if (r < 0)
		return r;
	if (host->v2_fd >= 0)
		r = make_group(host->v2_fd, path, &group.v2_fd);
	if (r < 0)
		return refused(r, path, "v2", err);
	*ret = group;
	return 0;
}

int cgroup_create_v1(const struct cgroup_host *host, const char *id, struct cgroup *group, struct dyno_error *err)
{
	char path[PATH_SIZE];
	int r = group_path(path, id, err);

	for (size_t i = 0; r == 0 && i < CGROUP_CONTROLLERS; i++) {
		if (host->v1_fd[i] < 0)
			continue;
		r = make_v1(host, path, i, group);
		if (r < 0)
			refused(r, path, cgroup_controller_name((enum cgroup_controller)i), err);
	}
	if (r < 0)
		unmake_v1(host, path, group);
	return r;
}

void cgroup_open(const struct cgroup_host *host, const char *id, struct cgroup *ret)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char path[PATH_SIZE];

	*ret = (struct cgroup)CGROUP_NULL;
	if (group_path(path, id, NULL) < 0)
		return;
	if (host->v2_fd >= 0)
		ret->v2_fd = openat(host->v2_fd, path, flags);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		if (host->v1_fd[i] >= 0)
			ret->v1_fd[i] = openat(host->v1_fd[i], path, flags);
}

bool cgroup_holds(const struct cgroup_host *host, enum cgroup_controller controller)
{
	return host->v1_fd[controller] >= 0 || (host->v2_fd >= 0 && host->v2_has[controller]);
}

int cgroup_clone_fd(const struct cgroup *group)
{
	return group->v2_fd;
}

int cgroup_join_child(const struct cgroup *group, struct dyno_error *err)
{
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (group->tasks_fd[i] < 0)
			continue;
		/* "0" is the writing thread: no other process is looked up, no lock taken for its threads */
		if (write(group->tasks_fd[i], "0", 1) != 1)
			return error_set(err, -errno, "join cgroup", "cannot join the %s group:",
			                 cgroup_controller_name((enum cgroup_controller)i));
	}
	return 0;
}

/**
 * limit_refused() - a limit was asked for that is absurd, or that nothing here can hold
 * Return: 0 when all are fine, or negative errno
 */
static int limit_refused(const struct cgroup_host *host, const struct cgroup *group, const struct dyno_limits *limits,
                         struct dyno_error *err)
{
	const bool asked[CGROUP_CONTROLLERS] = {
		[CGROUP_MEMORY] = limits->memory,
		[CGROUP_PIDS] = limits->pids,
		[CGROUP_CPU] = limits->cpu_milli || limits->cpu_shares,
	};

	if (limits->memory && limits->memory < MEMORY_MIN)
		return error_set(err, -ERANGE, "set limits", "a memory limit of %ju bytes is too small: 4 MiB at least",
		                 (uintmax_t)limits->memory);
	if (limits->pids && limits->pids < PIDS_MIN)
		return error_set(err, -ERANGE, "set limits",
		                 "a process limit of %ju is too small: 2 at least, init and app",
		                 (uintmax_t)limits->pids);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (!asked[i] || group->v1_fd[i] >= 0 || (group->v2_fd >= 0 && host->v2_has[i]))
			continue;
		return error_set(err, -EOPNOTSUPP, "set limits", "nothing here can limit %s: %s",
		                 cgroup_controller_name((enum cgroup_controller)i), host->why);
	}
	return 0;
}

int cgroup_limit(const struct cgroup_host *host, const struct cgroup *group, const struct dyno_limits *limits,
                 struct dyno_error *err)
{
	int r = limit_refused(host, group, limits, err);

	if (r == 0 && group->v2_fd >= 0)
		r = cgroup_v2_limit(group->v2_fd, host->v2_has, limits, err);
	return r < 0 ? r : cgroup_v1_limit(group->v1_fd, limits, err);
}

int cgroup_kill(const struct cgroup *group)
{
	return group->v2_fd >= 0 ? cgroup_v2_kill(group->v2_fd) : cgroup_v1_kill(group->v1_fd);
}

int cgroup_freeze(const struct cgroup *group, bool frozen)
{
	return group->v2_fd >= 0 ? cgroup_v2_freeze(group->v2_fd, frozen) : cgroup_v1_freeze(group->v1_fd, frozen);
}

int cgroup_usage(const struct cgroup *group, struct cgroup_usage *ret)
{
	struct cgroup_usage usage = { 0 };

	if (group->v2_fd >= 0)
		cgroup_v2_usage(group->v2_fd, &usage);
	cgroup_v1_usage(group->v1_fd, &usage);
	*ret = usage;
	return 0;
}

uint64_t cgroup_own_memory(const struct cgroup *group)
{
	int v1 = group->v1_fd[CGROUP_MEMORY], fd = v1 >= 0 ? v1 : group->v2_fd;
	char text[8192]; /* the file grows with each kernel */
	uint64_t memory = 0, swap = 0;

	if (fd < 0 || fd_read_text(fd, "memory.stat", text, sizeof(text)) <= 0)
		return 0;
	(void)cgroup_text_key(text, v1 >= 0 ? "total_rss" : "anon", &memory);
	if (v1 >= 0)
		(void)cgroup_text_key(text, "total_swap", &swap);
	else
		swap = cgroup_file_number(fd, "memory.swap.current");
	return memory + swap;
}

void cgroup_joined(struct cgroup *group)
{
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		group->tasks_fd[i] = fd_close(group->tasks_fd[i]);
}

void cgroup_done(struct cgroup *group)
{
	cgroup_joined(group);
	group->v2_fd = fd_close(group->v2_fd);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		group->v1_fd[i] = fd_close(group->v1_fd[i]);
}

/**
 * remove_group() - remove group @path of the tree at @root, which may be -1
 * Return: 0, also when it is not there; -EBUSY while it holds a process; or negative errno
 */
static int remove_group(int root, const char *path)
{
	if (root < 0 || unlinkat(root, path, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENODEV)
		return 0;
	return -errno;
}

/**
 * remove_groups() - remove group @path in all trees
 * Return: 0, or negative errno of the last tree that refused
 */
static int remove_groups(const struct cgroup_host *host, const char *path)
{
	int r = remove_group(host->v2_fd, path);

	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		int one = remove_group(host->v1_fd[i], path);

		r = one < 0 ? one : r;
	}
	return r;
}

/**
 * empty_groups() - kill all in the groups @path and wait for their end
 * Return: 0, -ETIMEDOUT, or negative errno
 */
static int empty_groups(const struct cgroup_host *host, const char *path, uint64_t deadline)
{
	struct cgroup group = CGROUP_NULL;
	int r = 0;

	if (host->v2_fd >= 0)
		group.v2_fd = openat(host->v2_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		if (host->v1_fd[i] >= 0)
			group.v1_fd[i] = openat(host->v1_fd[i], path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (group.v2_fd >= 0) {
		(void)cgroup_v2_kill(group.v2_fd);
		r = cgroup_v2_wait_empty(group.v2_fd, deadline);
	}
	/* Also with a v2 tree: a launcher may have died between the clone and the join, or the other way round. */
	if (r == 0) {
		(void)cgroup_v1_kill(group.v1_fd);
		r = cgroup_v1_wait_empty(group.v1_fd, deadline);
	}
	cgroup_done(&group);
	return r;
}

int cgroup_remove(const struct cgroup_host *host, const char *id, struct dyno_error *err)
{
	const struct timespec pause = { .tv_nsec = REMOVE_PAUSE_NS };
	char path[PATH_SIZE];
	uint64_t deadline;
	int r;

	r = group_path(path, id, err);
	if (r < 0)
		return r;
	deadline = clock_ns() + REMOVE_TIMEOUT_MS * CGROUP_NS_PER_MS;
	r = remove_groups(host, path); /* empty as a rule: the dyno has ended */
	while (r == -EBUSY && clock_ns() < deadline) {
		r = empty_groups(host, path, deadline);
		if (r < 0)
			break;
		r = remove_groups(host, path);
		if (r == -EBUSY) /* "empty" runs ahead of rmdir's own idea of it by a moment */
			(void)nanosleep(&pause, NULL);
	}
	if (r == -ETIMEDOUT || r == -EBUSY)
		return error_set(err, -EBUSY, "remove cgroup", "group %s is still in use after being killed for 5 s",
		                 path);
	return r < 0 ? error_set(err, r, "remove cgroup", "cannot remove group %s:", path) : 0;
}
