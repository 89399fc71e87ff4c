/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_mounts.c - see cgroup_mounts.h */
#include "isolation/cgroup_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "isolation/cgroup_file.h"

/** Where distributions mount the v1 trees; cpu is often mounted together with cpuacct, in either order. */
static const struct {
	enum cgroup_controller controller;
	const char *path;
} places[] = {
	{ CGROUP_MEMORY, "/sys/fs/cgroup/memory" },   { CGROUP_PIDS, "/sys/fs/cgroup/pids" },
	{ CGROUP_CPU, "/sys/fs/cgroup/cpu" },         { CGROUP_CPU, "/sys/fs/cgroup/cpu,cpuacct" },
	{ CGROUP_CPU, "/sys/fs/cgroup/cpuacct,cpu" }, { CGROUP_FREEZER, "/sys/fs/cgroup/freezer" },
};

const char *cgroup_controller_name(enum cgroup_controller controller)
{
	static const char *const names[CGROUP_CONTROLLERS] = {
		[CGROUP_MEMORY] = "memory",
		[CGROUP_PIDS] = "pids",
		[CGROUP_CPU] = "cpu",
		[CGROUP_FREEZER] = "freezer",
	};

	return names[controller];
}

/**
 * open_tree_at() - open @path if a file system with magic number @magic is there
 * Return: O_PATH descriptor, or -1
 */
static int open_tree_at(const char *path, unsigned long magic)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0 || (unsigned long)fs.f_type != magic)
		return -1;
	return TAKE_FD(fd);
}

/** open_standard_places() - fill @mounts from the usual places. Return: whether what is there can be all there is */
static bool open_standard_places(struct cgroup_mounts *mounts)
{
	mounts->v2_fd = open_tree_at("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC);
	if (mounts->v2_fd >= 0)
		return true;
	mounts->v2_fd = open_tree_at("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int *fd = &mounts->v1_fd[places[i].controller];

		if (*fd < 0 && (places[i].controller != CGROUP_FREEZER || mounts->v2_fd < 0))
			*fd = open_tree_at(places[i].path, CGROUP_SUPER_MAGIC);
	}
	return mounts->v1_fd[CGROUP_MEMORY] >= 0 || mounts->v1_fd[CGROUP_PIDS] >= 0;
}

/** unescape() - undo mountinfo's \ooo for blanks, tabs, newlines and backslashes, in place */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		unsigned code;

		if (*from == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
			*to++ = (char)code;
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

int cgroup_mount_parse(char *line, struct cgroup_mount *ret)
{
	char *save = NULL, *word, *path = NULL;
	char *tail = strstr(line, " - ");
	const char *type, *options;

	memset(ret, 0, sizeof(*ret));
	if (!tail)
		return 0;
	*tail = '\0';
	type = strtok_r(tail + 3, " \n", &save);
	(void)strtok_r(NULL, " \n", &save); /* source */
	options = strtok_r(NULL, " \n", &save);
	if (!type || !options)
		return 0;
	save = NULL;
	word = strtok_r(line, " ", &save);
	for (int i = 0; word && i < 4; i++) /* id, parent, device, root, mount point */
		path = word = strtok_r(NULL, " ", &save);
	if (!path)
		return 0;
	unescape(path);
	ret->path = path;
	ret->v2 = strcmp(type, "cgroup2") == 0;
	if (strcmp(type, "cgroup") != 0)
		return ret->v2;
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		ret->v1[i] = cgroup_text_has(options, cgroup_controller_name((enum cgroup_controller)i));
		if (ret->v1[i])
			return 1; /* of a tree with several of ours the first: a group is made once per tree */
	}
	return 0;
}

/** open_mountinfo() - fill the gaps of @mounts from /proc/self/mountinfo. Return: 0 or negative errno */
static int open_mountinfo(struct cgroup_mounts *mounts)
{
	_cleanup_free_ char *line = NULL;
	struct cgroup_mount mount;
	size_t size = 0;
	FILE *file;

	file = fopen("/proc/self/mountinfo", "re");
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	while (getline(&line, &size, file) > 0) {
		if (cgroup_mount_parse(line, &mount) == 0)
			continue;
		if (mount.v2 && mounts->v2_fd < 0)
			mounts->v2_fd = open_tree_at(mount.path, CGROUP2_SUPER_MAGIC);
		for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
			if (mount.v1[i] && mounts->v1_fd[i] < 0)
				mounts->v1_fd[i] = open_tree_at(mount.path, CGROUP_SUPER_MAGIC);
	}
	(void)fclose(file);
	if (mounts->v2_fd >= 0)
		mounts->v1_fd[CGROUP_FREEZER] = fd_close(mounts->v1_fd[CGROUP_FREEZER]);
	return 0;
}

int cgroup_mounts_open(struct cgroup_mounts *ret)
{
	struct cgroup_mounts mounts = { .v2_fd = -1, .v1_fd = { -1, -1, -1, -1 } };
	int r = 0;

	if (!open_standard_places(&mounts))
		r = open_mountinfo(&mounts);
	if (r < 0)
		cgroup_mounts_done(&mounts);
	else
		*ret = mounts;
	return r;
}

void cgroup_mounts_done(struct cgroup_mounts *mounts)
{
	mounts->v2_fd = fd_close(mounts->v2_fd);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		mounts->v1_fd[i] = fd_close(mounts->v1_fd[i]);
}
