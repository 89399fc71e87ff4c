/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.c - see scratch.h */
#include "isolation/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "isolation/identity.h"
#include "isolation/mounts.h"
#include "isolation/tree.h"

#define SCRATCH_MIN_INODES 4096
#define WRITABLE_ATTR (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/** struct place - a directory of the layout; @owned: belongs to the dyno's user */
struct place {
	const char *name;
	mode_t mode;
	bool owned;
};

static const struct place places[] = {
	{ "root", 0755, false },  { "upper", 0755, true },   { "work", 0700, false },
	{ "tmp", 01777, true },   { "vartmp", 01777, true }, { "shm", 01777, true },
	{ "lower", 0755, false }, { "stack", 0755, false },  { "masked.d", 0, false },
};

/**
 * files_of() - how many files a layer of @size bytes may hold: as many as there are pages, or a small tree
 * Empty files take no page, but a kilobyte of kernel memory each, or an inode of somebody's disk.
 */
static uint64_t files_of(uint64_t size)
{
	return size / 4096 > SCRATCH_MIN_INODES ? size / 4096 : SCRATCH_MIN_INODES;
}

int scratch_open(uint64_t size, struct dyno_error *err)
{
	char bytes[24], inodes[24];
	const struct mount_option options[] = {
		{ "size", bytes },
		{ "nr_inodes", inodes },
		{ "mode", "0755" },
		{ NULL, NULL },
	};

	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)size);
	snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)files_of(size));
	return mounts_new("tmpfs", options, WRITABLE_ATTR, err);
}

int scratch_layout_child(int scratch, const char *hosts, uid_t owner, struct dyno_error *err)
{
	size_t i;
	int r;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct place *place = &places[i];

		if (mkdirat(scratch, place->name, place->mode) < 0)
			return error_set(err, -errno, "scratch", "cannot make scratch directory %s:", place->name);
		if (place->owned && owner != (uid_t)-1 &&
		    fchownat(scratch, place->name, owner, owner, AT_SYMLINK_NOFOLLOW) < 0)
			return error_set(err, -errno, "scratch", "cannot own scratch directory %s:", place->name);
	}
	if (mknodat(scratch, "masked", S_IFREG, 0) < 0)
		return error_set(err, -errno, "scratch", "cannot make the mask file:");
	r = fd_create_text(scratch, "hosts", 0644, hosts);
	return r < 0 ? error_set(err, r, "scratch", "cannot write the hosts file:") : 0;
}

int scratch_copy_slug(const char *slug, uid_t owner, struct dyno_error *err)
{
	static const struct mount_option options[] = { { "mode", "0755" }, { NULL, NULL } };
	_cleanup_close_ int from = open(slug, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;
	struct identity_owners owners;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return error_set(err, -errno, "slug", "cannot open %s:", slug);
	owners = (struct identity_owners){ .base = owner - IDENTITY_USER, .uid = st.st_uid, .gid = st.st_gid };
	fd = mounts_new("tmpfs", options, WRITABLE_ATTR, err);
	if (fd < 0)
		return fd;
	r = tree_copy(from, fd, &owners);
	/* fsmount(2) gives an O_PATH descriptor, which fchown(2) refuses */
	if (r == 0 && fchownat(fd, "", owner, owner, AT_EMPTY_PATH) < 0)
		r = -errno;
	if (r < 0)
		return error_set(err, r, "slug", "cannot copy %s, whose filesystem has no idmapped mounts:", slug);
	return TAKE_FD(fd);
}

int scratch_slug(const char *slug, int idmap_fd, struct dyno_error *err)
{
	int fd = mounts_clone(AT_FDCWD, slug, WRITABLE_ATTR | MOUNT_ATTR_RDONLY, idmap_fd);

	if (fd == -EINVAL && idmap_fd >= 0)
		return -EOPNOTSUPP;
	if (fd < 0)
		error_set(err, fd, "slug", "cannot use slug %s:", slug);
	/* open_tree(2), mount_namespaces(7): mounts that came with a user namespace are locked together. */
	if (fd == -EINVAL)
		error_remedy(err, "another filesystem is mounted below it: copy the slug elsewhere, or run as root");
	return fd;
}

int scratch_stage_child(int scratch, struct dyno_error *err)
{
	if (move_mount(scratch, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, -errno, "scratch", "cannot stage scratch on the old /proc:");
	if (fchdir(scratch) < 0)
		return error_set(err, -errno, "scratch", "cannot enter scratch:");
	return 0;
}

/**
 * overlay_app() - overlay of the slug and the "upper" directory, detached. Return: descriptor
 * Before Linux 6.15 a layer must be a mount of the current namespace (clone_private_mount()): hence the staging.
 */
static int overlay_app(int scratch, int slug, bool rootless, struct dyno_error *err)
{
	const struct mount_option options[] = {
		{ "lowerdir", "lower" },
		{ "upperdir", "upper" },
		{ "workdir", "work" },
		{ "index", "off" },
		{ rootless ? "userxattr" : NULL, NULL },
		{ NULL, NULL },
	};
	int r = mounts_attach(slug, scratch, "lower", err);

	return r < 0 ? r : mounts_new("overlay", options, WRITABLE_ATTR, err);
}

int scratch_attach_app_child(int scratch, int rootfd, int slug, bool rootless, struct dyno_error *err)
{
	_cleanup_close_ int app = slug >= 0 ? overlay_app(scratch, slug, rootless, err)
	                                    : mounts_clone(scratch, "upper", WRITABLE_ATTR, -1);

	if (app < 0)
		return slug >= 0 ? app : error_set(err, app, "scratch", "cannot clone the upper directory:");
	return mounts_attach(app, rootfd, "app", err);
}

int scratch_attach_child(int scratch, int rootfd, int idmap_fd, struct dyno_error *err)
{
	static const char *const binds[][2] = { { "tmp", "tmp" }, { "vartmp", "var/tmp" }, { "shm", "dev/shm" } };
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < sizeof(binds) / sizeof(binds[0]); i++)
		r = mounts_bind(scratch, binds[i][0], WRITABLE_ATTR, -1, rootfd, binds[i][1], err);
	if (r == 0)
		r = mounts_bind(scratch, "hosts", WRITABLE_ATTR | MOUNT_ATTR_RDONLY, idmap_fd, rootfd, "etc/hosts",
		                err);
	return r;
}

int scratch_app(int scratch, int slug, struct dyno_error *err)
{
	static const struct mount_option options[] = { { "index", "off" }, { NULL, NULL } };
	_cleanup_close_ int upper = openat(scratch, "upper", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int work = openat(scratch, "work", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct mount_layer layers[] = {
		{ "lowerdir+", slug },
		{ "upperdir", upper },
		{ "workdir", work },
		{ NULL, -1 },
	};
	int fd;

	if (upper < 0 || work < 0)
		return error_set(err, -errno, "scratch", "cannot open the layers of /app:");
	if (slug >= 0)
		return mounts_new_layers("overlay", options, layers, WRITABLE_ATTR, err);
	fd = mounts_clone(upper, "", WRITABLE_ATTR, -1);
	return fd < 0 ? error_set(err, fd, "scratch", "cannot clone the upper directory:") : fd;
}

int scratch_rename(int scratch, const char *hosts, struct dyno_error *err)
{
	_cleanup_close_ int fd = openat(scratch, "hosts", O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, hosts, strlen(hosts));

	return r < 0 ? error_set(err, r, "scratch", "cannot write the hosts file:") : 0;
}

int scratch_full(int scratch)
{
	struct statfs fs;

	if (fstatfs(scratch, &fs) < 0)
		return -errno;
	return fs.f_bfree * 100 < fs.f_blocks || (fs.f_files > 0 && fs.f_ffree == 0);
}

/** project_of() - quota project id of a slot's disk scratch: out of the way of small hand-made ids */
static uint32_t project_of(unsigned slot)
{
	return 0x64790000u + slot;
}

/**
 * quota_enforced() - whether the filesystem of @fd holds its project limits
 * ext4 with the feature but mounted without prjquota, and xfs mounted with pqnoenforce, count and take limits, and hold none.
 * Return: 0, -EOPNOTSUPP when it does not, or negative errno
 */
static int quota_enforced(int fd)
{
	struct fs_quota_statv state = { .qs_version = FS_QSTATV_VERSION1 };

	if (syscall(SYS_quotactl_fd, fd, QCMD(Q_XGETQSTATV, PRJQUOTA), 0, &state) < 0)
		return -errno;
	return state.qs_flags & FS_QUOTA_PDQ_ENFD ? 0 : -EOPNOTSUPP;
}

/** set_quota() - make @fd, and all that is created below it, project @project, limited to @size bytes; 0: no limit */
static int set_quota(int fd, uint32_t project, uint64_t size)
{
	struct fsxattr attr;
	struct if_dqblk quota = {
		.dqb_bhardlimit = size / QIF_DQBLKSIZE,
		.dqb_ihardlimit = size > 0 ? files_of(size) : 0,
		.dqb_valid = QIF_LIMITS,
	};

	if (ioctl(fd, FS_IOC_FSGETXATTR, &attr) < 0)
		return -errno;
	attr.fsx_projid = project;
	attr.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	if (ioctl(fd, FS_IOC_FSSETXATTR, &attr) < 0)
		return -errno;
	return syscall(SYS_quotactl_fd, fd, QCMD((unsigned)Q_SETQUOTA, PRJQUOTA), project, &quota) < 0 ? -errno : 0;
}

/** disk_name() - name of a slot's directory */
static void disk_name(unsigned slot, char *buf, size_t size)
{
	snprintf(buf, size, "dyno-%u", slot);
}

/** open_limited() - make and limit directory @name below @dir. Return: a detached mount of it, or negative errno */
static int open_limited(int dir, const char *name, unsigned slot, uint64_t size)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (mkdirat(dir, name, 0755) < 0)
		return -errno;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = quota_enforced(fd);
	if (r == 0)
		r = set_quota(fd, project_of(slot), size);
	return r < 0 ? r : mounts_clone(fd, "", WRITABLE_ATTR, -1);
}

int scratch_open_disk(const char *dir, unsigned slot, uint64_t size, struct dyno_error *err)
{
	_cleanup_close_ int parent = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[24];
	int fd;

	if (parent < 0)
		return error_set(err, -errno, "scratch", "cannot open scratch directory %s:", dir);
	disk_name(slot, name, sizeof(name));
	fd = open_limited(parent, name, slot, size);
	if (fd < 0) {
		(void)scratch_remove_disk(dir, slot);
		error_set(err, fd, "scratch", "cannot limit the size of a scratch directory in %s:", dir);
		error_remedy(err, "its filesystem needs project quotas (xfs or ext4, mounted with prjquota), and root");
	}
	return fd;
}

int scratch_remove_disk(const char *dir, unsigned slot)
{
	_cleanup_close_ int parent = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;
	char name[24];
	int r;

	disk_name(slot, name, sizeof(name));
	fd = parent < 0 ? -1 : openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = tree_remove(fd);
	if (r < 0)
		return r;
	/* 0 takes the limit back: the project id may be another slot's tomorrow. */
	(void)set_quota(fd, project_of(slot), 0);
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}
