/* SPDX-License-Identifier: Apache-2.0 */
/* mounts.c - see mounts.h */
#include "isolation/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

/** configure() - give the filesystem context @fs its options and create the superblock */
static int configure(int fs, const struct mount_option *options, const struct mount_layer *layers)
{
	const struct mount_option *option;
	const struct mount_layer *layer;

	for (option = options; option && option->key; option++) {
		enum fsconfig_command command = option->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

		if (fsconfig(fs, command, option->key, option->value, 0) < 0)
			return -errno;
	}
	for (layer = layers; layer && layer->key; layer++)
		if (fsconfig(fs, FSCONFIG_SET_FD, layer->key, NULL, layer->fd) < 0)
			return -errno;
	return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

int mounts_new(const char *type, const struct mount_option *options, uint64_t attr, struct dyno_error *err)
{
	return mounts_new_layers(type, options, NULL, attr, err);
}

int mounts_new_layers(const char *type, const struct mount_option *options, const struct mount_layer *layers,
                      uint64_t attr, struct dyno_error *err)
{
	_cleanup_close_ int fs = fsopen(type, FSOPEN_CLOEXEC);
	int fd;
	int r;

	if (fs < 0)
		return error_set(err, -errno, "mount", "cannot open filesystem type %s:", type);
	r = configure(fs, options, layers);
	if (r < 0)
		return error_set(err, r, "mount", "cannot create a %s:", type);
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)attr);
	if (fd < 0)
		return error_set(err, -errno, "mount", "cannot mount a %s:", type);
	return fd;
}

/** clone_tree() - see mounts_clone(); @recursive: 0 or AT_RECURSIVE */
static int clone_tree(int dirfd, const char *path, uint64_t attr, int idmap_fd, unsigned int recursive)
{
	/* Of a mount that is shared with others it would be, too, and what is attached to it would be attached to them. */
	struct mount_attr set = { .attr_set = attr, .propagation = MS_PRIVATE };
	_cleanup_close_ int fd = open_tree(dirfd, path,
	                                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | recursive);

	if (fd < 0)
		return -errno;
	if (idmap_fd >= 0) {
		set.attr_set |= MOUNT_ATTR_IDMAP;
		set.userns_fd = (uint64_t)idmap_fd;
	}
	if (mount_setattr(fd, "", AT_EMPTY_PATH | recursive, &set, sizeof(set)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int mounts_clone(int dirfd, const char *path, uint64_t attr, int idmap_fd)
{
	return clone_tree(dirfd, path, attr, idmap_fd, 0);
}

int mounts_clone_all(int dirfd, const char *path, uint64_t attr, int idmap_fd)
{
	return clone_tree(dirfd, path, attr, idmap_fd, AT_RECURSIVE);
}

int mounts_allow_devices(int fd)
{
	struct mount_attr clear = { .attr_clr = MOUNT_ATTR_NODEV };

	return mount_setattr(fd, "", AT_EMPTY_PATH, &clear, sizeof(clear)) < 0 ? -errno : 0;
}

int mounts_resolve(int rootfd, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, rootfd, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int mounts_attach(int fd, int rootfd, const char *path, struct dyno_error *err)
{
	_cleanup_close_ int at = -1;
	int target = rootfd;

	/* One component is not followed by move_mount(2) itself, if it is a symlink: two calls less */
	if (strchr(path, '/')) {
		at = mounts_resolve(rootfd, path);
		if (at < 0)
			return error_set(err, at, "mount", "cannot resolve mount point /%s:", path);
		target = at;
	}
	if (move_mount(fd, "", target, at >= 0 ? "" : path, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return error_set(err, -errno, "mount", "cannot attach /%s:", path);
	return 0;
}

int mounts_bind(int from_dirfd, const char *from, uint64_t attr, int idmap_fd, int rootfd, const char *path,
                struct dyno_error *err)
{
	_cleanup_close_ int fd = mounts_clone_all(from_dirfd, from, attr, idmap_fd);

	if (fd == -EINVAL && idmap_fd >= 0)
		fd = mounts_clone_all(from_dirfd, from, attr, -1);
	if (fd < 0)
		return error_set(err, fd, "mount", "cannot bind %s:", from);
	return mounts_attach(fd, rootfd, path, err);
}

/** escape() - @path as mountinfo writes it: space, tab, newline and backslash as octal (proc(5)) */
static int escape(const char *path, char *ret, size_t size)
{
	size_t used = 0;

	for (; *path; path++) {
		if (used + 5 > size)
			return -ENAMETOOLONG;
		if (strchr(" \t\n\\", *path))
			used += (size_t)snprintf(ret + used, size - used, "\\%03o", (unsigned)*path);
		else
			ret[used++] = *path;
	}
	ret[used] = '\0';
	return (int)used;
}

/** resolve() - @path as the kernel names it: absolute, without symlinks, "..", or slashes too many */
static int resolve(const char *path, char *ret, size_t size)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	char link[32];
	ssize_t length;

	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, ret, size);
	if (length < 0)
		return -errno;
	if ((size_t)length >= size)
		return -ENAMETOOLONG;
	ret[length] = '\0';
	return 0;
}

/** read_table() - mountinfo whole: a read(2) of it holds the kernel's lock of all mounts. Return: 0 or negative errno */
static int read_table(char **ret)
{
	ssize_t length = -EFBIG;

	for (size_t size = 8192; length == -EFBIG; size *= 4) {
		_cleanup_free_ char *table = malloc(size);

		if (!table)
			return -ENOMEM;
		length = fd_read_text(AT_FDCWD, "/proc/self/mountinfo", table, size);
		if (length >= 0)
			*ret = TAKE_PTR(table);
	}
	return length < 0 ? (int)length : 0;
}

/** after() - what follows the next @c in @text, NULL when there is none */
static const char *after(const char *text, char c)
{
	const char *found = text ? strchr(text, c) : NULL;

	return found ? found + 1 : NULL;
}

int mounts_below(const char *path, char *ret_place, size_t size)
{
	_cleanup_free_ char *table = NULL;
	char real[PATH_MAX], prefix[PATH_MAX];
	int length, r;

	real[0] = '\0';
	length = resolve(path, real, sizeof(real));
	if (length == 0)
		length = escape(real, prefix, sizeof(prefix));
	r = length < 0 ? length : read_table(&table);
	if (r < 0)
		return r;
	for (const char *line = table; line && *line; line = after(line, '\n')) {
		/* proc(5): the mount point is the fifth field */
		const char *place = after(after(after(after(line, ' '), ' '), ' '), ' ');

		if (!place || strncmp(place, prefix, (size_t)length) != 0 || place[length] != '/')
			continue;
		snprintf(ret_place, size, "%.*s", (int)strcspn(place, " "), place);
		return 1;
	}
	return 0;
}

int mounts_table(void)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool mounts_table_changed(int table)
{
	/* proc(5): mountinfo is "exceptional" once after each change */
	struct pollfd changed = { .fd = table, .events = POLLPRI };

	return table < 0 || poll(&changed, 1, 0) != 0;
}

int mounts_private_child(struct dyno_error *err)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_set(err, -errno, "namespaces", "cannot make mounts private:");
	return 0;
}

int mounts_pivot_child(int rootfd, struct dyno_error *err)
{
	if (fchdir(rootfd) < 0)
		return error_set(err, -errno, "pivot", "cannot enter the new root:");
	/* pivot_root(2), NOTES: with "." twice the old root is stacked on the new one, and needs no directory of its own. */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return error_set(err, -errno, "pivot", "cannot pivot to the new root:");
	/*
	 * umount2(2) takes the topmost mount at ".", which is the old root as long as nothing was mounted over that. Each
	 * call waits for an RCU grace period: 20 us on a quiet machine, a millisecond on a busy one. So there is one.
	 */
	if (umount2(".", MNT_DETACH) < 0)
		return error_set(err, -errno, "pivot", "cannot detach the old root:");
	if (chdir("/") < 0)
		return error_set(err, -errno, "pivot", "cannot enter /:");
	return 0;
}
