/* SPDX-License-Identifier: Apache-2.0 */
/* stack.c - see stack.h */
#include "isolation/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "isolation/identity.h"
#include "isolation/mounts.h"

#define STACK_ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
/* The root holds /dev's nodes: no NODEV here; every other mount has it. */
#define ROOT_ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID)

static const struct {
	const char *path;
	mode_t mode;
} directories[] = {
	{ "app", 0755 }, { "dev", 0755 },  { "etc", 0755 },         { "proc", 0555 },
	{ "run", 0755 }, { "sys", 0555 },  { "sys/devices", 0555 }, { "sys/devices/system", 0555 },
	{ "tmp", 0755 }, { "var", 0755 },  { "var/tmp", 0755 },     { "sys/devices/system/cpu", 0555 },
};

/* Directories that are symlinks into /usr on a merged system, and real ones elsewhere */
static const char *const merged[] = { "bin", "sbin", "lib", "lib32", "lib64", "libx32" };

/* What an app needs of the host's /etc, bound read-only: no secrets live here that a dyno's unprivileged id could read */
static const char *const etc_dirs[] = { "etc/ssl", "etc/alternatives" };
static const char *const etc_files[] = { "etc/ld.so.cache", "etc/localtime" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool stack_is_host(const char *stack)
{
	return strcmp(stack, "host") == 0;
}

/** make_directories() - the mount points */
static int make_directories(int skeleton, struct dyno_error *err)
{
	size_t i;

	for (i = 0; i < COUNT(directories); i++)
		if (mkdirat(skeleton, directories[i].path, directories[i].mode) < 0)
			return error_set(err, -errno, "skeleton", "cannot make /%s:", directories[i].path);
	return 0;
}

/** make_etc() - the generated files; the image of a DIR stack keeps its own passwd and group */
static int make_etc(int skeleton, bool host, const struct stack_texts *texts, struct dyno_error *err)
{
	static const char passwd[] = "root:x:0:0:root:/:/usr/sbin/nologin\n"
				     "dyno:x:1000:1000:dyno:/app:/bin/bash\n"
				     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
	static const char group[] = "root:x:0:\ntty:x:5:\ndyno:x:1000:\nnogroup:x:65534:\n";
	const struct {
		const char *path, *text;
		bool host_only;
	} files[] = {
		{ "etc/hostname", texts->hostname, false },
		{ "etc/hosts", texts->hosts, false },
		{ "etc/resolv.conf", texts->resolv_conf, false },
		{ "etc/passwd", passwd, true },
		{ "etc/group", group, true },
		{ "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n", true },
	};
	size_t i;
	int r;

	_Static_assert(IDENTITY_USER == 1000, "the passwd text names the dyno's user id");
	for (i = 0; i < COUNT(files); i++) {
		if (files[i].host_only && !host)
			continue;
		r = fd_create_text(skeleton, files[i].path, 0644, files[i].text);
		if (r < 0)
			return error_set(err, r, "skeleton", "cannot write /%s:", files[i].path);
	}
	return 0;
}

/** host_link() - repeat the host's /@name in the skeleton: a symlink as it is, a directory as a mount point */
static int host_link(int skeleton, const char *name, struct dyno_error *err)
{
	char target[64], path[16];
	ssize_t length;
	int r;

	snprintf(path, sizeof(path), "/%s", name);
	length = readlink(path, target, sizeof(target) - 1);
	if (length > 0) {
		target[length] = '\0';
		r = symlinkat(target, skeleton, name);
	} else if (errno == EINVAL) {
		r = mkdirat(skeleton, name, 0755);
	} else {
		return errno == ENOENT ? 0 : error_set(err, -errno, "skeleton", "cannot read %s:", path);
	}
	return r < 0 ? error_set(err, -errno, "skeleton", "cannot make %s:", path) : 0;
}

/** host_etc() - places for what is bound from the host's /etc, where the host has it */
static int host_etc(int skeleton, struct dyno_error *err)
{
	char path[32];
	size_t i;

	for (i = 0; i < COUNT(etc_dirs); i++) {
		snprintf(path, sizeof(path), "/%s", etc_dirs[i]);
		if (access(path, F_OK) == 0 && mkdirat(skeleton, etc_dirs[i], 0755) < 0)
			return error_set(err, -errno, "skeleton", "cannot make %s:", path);
	}
	for (i = 0; i < COUNT(etc_files); i++) {
		snprintf(path, sizeof(path), "/%s", etc_files[i]);
		if (access(path, F_OK) == 0 && mknodat(skeleton, etc_files[i], S_IFREG | 0644, 0) < 0)
			return error_set(err, -errno, "skeleton", "cannot make %s:", path);
	}
	return 0;
}

int stack_skeleton_child(int scratch, const char *stack, const struct stack_texts *texts, struct dyno_error *err)
{
	_cleanup_close_ int skeleton = openat(scratch, "root", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool host = stack_is_host(stack);
	size_t i;
	int r;

	if (skeleton < 0)
		return error_set(err, -errno, "skeleton", "cannot open the skeleton:");
	r = make_directories(skeleton, err);
	if (r == 0)
		r = make_etc(skeleton, host, texts, err);
	if (r == 0 && host)
		r = host_etc(skeleton, err);
	if (r == 0 && host && mkdirat(skeleton, "usr", 0755) < 0)
		r = error_set(err, -errno, "skeleton", "cannot make /usr:");
	for (i = 0; r == 0 && host && i < COUNT(merged); i++)
		r = host_link(skeleton, merged[i], err);
	return r < 0 ? r : TAKE_FD(skeleton);
}

/** bind_if_there() - bind the host's /@path onto the new root where the skeleton has a place (not a symlink) for it */
static int bind_if_there(int rootfd, const char *path, int idmap_fd, struct dyno_error *err)
{
	_cleanup_close_ int place = mounts_resolve(rootfd, path);
	char from[32];

	if (place == -ENOENT || place == -ELOOP)
		return 0;
	if (place < 0)
		return error_set(err, place, "stack", "cannot resolve /%s:", path);
	snprintf(from, sizeof(from), "/%s", path);
	return mounts_bind(AT_FDCWD, from, STACK_ATTR, idmap_fd, place, "", err);
}

/** attach_host() - this machine's /usr, and what is bound of its /etc */
static int attach_host(int rootfd, int idmap_fd, struct dyno_error *err)
{
	size_t i;
	int r = bind_if_there(rootfd, "usr", idmap_fd, err);

	for (i = 0; r == 0 && i < COUNT(merged); i++)
		r = bind_if_there(rootfd, merged[i], idmap_fd, err);
	for (i = 0; r == 0 && i < COUNT(etc_dirs); i++)
		r = bind_if_there(rootfd, etc_dirs[i], idmap_fd, err);
	for (i = 0; r == 0 && i < COUNT(etc_files); i++)
		r = bind_if_there(rootfd, etc_files[i], idmap_fd, err);
	return r;
}

/** overlay_root() - the skeleton over the tree at @stack, read-only, detached. Return: descriptor */
static int overlay_root(int scratch, const char *stack, int idmap_fd, struct dyno_error *err)
{
	_cleanup_close_ int skeleton = -1;
	_cleanup_close_ int lower = -1;
	char layers[64];
	const struct mount_option options[] = {
		{ "lowerdir", layers }, { idmap_fd < 0 ? "userxattr" : NULL, NULL }, { NULL, NULL },
	};
	int r = mounts_bind(AT_FDCWD, stack, STACK_ATTR, idmap_fd, scratch, "stack", err);

	if (r < 0)
		return r;
	lower = mounts_resolve(scratch, "stack");
	skeleton = mounts_resolve(scratch, "root");
	if (lower < 0 || skeleton < 0)
		return error_set(err, -ENOENT, "stack", "cannot stage the stack");
	snprintf(layers, sizeof(layers), "/proc/self/fd/%d:/proc/self/fd/%d", skeleton, lower);
	return mounts_new("overlay", options, ROOT_ATTR, err);
}

/** clone_skeleton() - the skeleton itself as root, owners translated where tmpfs can (Linux 6.3). Return: descriptor */
static int clone_skeleton(int skeleton, int idmap_fd, struct dyno_error *err)
{
	int fd = mounts_clone(skeleton, "", ROOT_ATTR, idmap_fd);

	if (fd == -EINVAL && idmap_fd >= 0)
		fd = mounts_clone(skeleton, "", ROOT_ATTR, -1);
	return fd < 0 ? error_set(err, fd, "stack", "cannot clone the skeleton:") : fd;
}

int stack_attach_child(int scratch, int skeleton, const char *stack, int idmap_fd, struct dyno_error *err)
{
	bool host = stack_is_host(stack);
	_cleanup_close_ int rootfd = -1;
	int r;

	/* On top of "/", where no directory is needed; paths from the old root still resolve below it. */
	if (move_mount(scratch, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, -errno, "stack", "cannot attach scratch:");
	rootfd = host ? clone_skeleton(skeleton, idmap_fd, err) : overlay_root(scratch, stack, idmap_fd, err);
	if (rootfd < 0)
		return rootfd;
	r = mounts_attach(rootfd, scratch, "root", err);
	if (r == 0 && host)
		r = attach_host(rootfd, idmap_fd, err);
	return r < 0 ? r : TAKE_FD(rootfd);
}
