/* SPDX-License-Identifier: Apache-2.0 */
/* stack.c - see stack.h: the child half; skeleton.c is the parent half */
#include "isolation/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "isolation/mounts.h"
#include "isolation/skeleton.h"

#define STACK_ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
/* The root holds /dev's nodes: no NODEV here; every other mount has it. */
#define ROOT_ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID)

bool stack_is_host(const char *stack)
{
	return strcmp(stack, "host") == 0;
}

int stack_clone_child(const char *path, int idmap_fd, struct dyno_error *err)
{
	_cleanup_close_ int fd = mounts_clone(AT_FDCWD, path, ROOT_ATTR, idmap_fd);

	/* Idmapped tmpfs needs Linux 6.3: without, the root's entries show as nobody's. */
	if (fd == -EINVAL && idmap_fd >= 0)
		fd = mounts_clone(AT_FDCWD, path, ROOT_ATTR, -1);
	if (fd < 0)
		return error_set(err, fd, "stack", "cannot clone the skeleton %s:", path);
	/* Rootless the nodes are bound from /dev, and a NODEV that came with the namespace is locked. */
	if (idmap_fd >= 0) {
		int r = mounts_allow_devices(fd);

		if (r < 0)
			return error_set(err, r, "stack", "cannot allow device nodes on the root:");
	}
	return TAKE_FD(fd);
}

/** bind_host() - the host's /@path, as it is there, onto the new root, where the skeleton has a directory for it */
static int bind_host(int rootfd, const char *path, int idmap_fd, struct dyno_error *err)
{
	_cleanup_close_ int place = mounts_resolve(rootfd, path);
	char from[16];

	if (place == -ENOENT || place == -ELOOP)
		return 0; /* not on this machine, or a link into /usr */
	if (place < 0)
		return error_set(err, place, "stack", "cannot resolve /%s:", path);
	snprintf(from, sizeof(from), "/%s", path);
	return mounts_bind(AT_FDCWD, from, STACK_ATTR, idmap_fd, place, "", err);
}

/** attach_host() - this machine's /usr, and the directories beside it where they are not merged into it */
static int attach_host(int rootfd, int idmap_fd, struct dyno_error *err)
{
	int r = bind_host(rootfd, "usr", idmap_fd, err);
	size_t i;

	for (i = 0; r == 0 && skeleton_merged[i]; i++)
		r = bind_host(rootfd, skeleton_merged[i], idmap_fd, err);
	return r;
}

/** overlay_root() - the skeleton (staged at "root") over the tree at @stack, read-only, detached. Return: descriptor */
static int overlay_root(int scratch, const char *stack, int idmap_fd, struct dyno_error *err)
{
	const struct mount_option options[] = {
		{ "lowerdir", "root:stack" },
		{ idmap_fd < 0 ? "userxattr" : NULL, NULL },
		{ NULL, NULL },
	};
	int r = mounts_bind(AT_FDCWD, stack, STACK_ATTR, idmap_fd, scratch, "stack", err);

	return r < 0 ? r : mounts_new("overlay", options, ROOT_ATTR, err);
}

int stack_attach_child(int scratch, int skeleton, const char *stack, int idmap_fd, struct dyno_error *err)
{
	_cleanup_close_ int rootfd = -1;
	int r = mounts_attach(skeleton, scratch, "root", err);

	if (r < 0)
		return r;
	if (stack_is_host(stack)) {
		rootfd = fcntl(skeleton, F_DUPFD_CLOEXEC, 3);
		r = attach_host(rootfd, idmap_fd, err);
		return r < 0 ? r : TAKE_FD(rootfd);
	}
	rootfd = overlay_root(scratch, stack, idmap_fd, err);
	if (rootfd < 0)
		return rootfd;
	r = mounts_attach(rootfd, skeleton, "", err);
	return r < 0 ? r : TAKE_FD(rootfd);
}
