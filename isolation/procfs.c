/* SPDX-License-Identifier: Apache-2.0 */
/**
 * procfs.c - see procfs.h
 *
 * Masks follow the OCI runtimes' default lists (maskedPaths, readonlyPaths). As root most of it is belt and braces: no file that
 * matters is writable to, or owned by, a dyno's unprivileged host id. The masks are our own empty file and directory without permissions,
 * not the image's /dev/null (CVE-2025-31133), and every path is resolved beneath the proc mount's own root
 * (CVE-2025-52881).
 */
#include "isolation/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "isolation/mounts.h"

#define PROC_ATTR (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

enum cover { HIDE_FILE, HIDE_DIR, READ_ONLY };

static const struct {
	const char *path;
	enum cover cover;
} covers[] = {
	{ "acpi", HIDE_DIR },         { "asound", HIDE_DIR },         { "scsi", HIDE_DIR },
	{ "kcore", HIDE_FILE },       { "keys", HIDE_FILE },          { "interrupts", HIDE_FILE },
	{ "timer_list", HIDE_FILE },  { "timer_stats", HIDE_FILE },   { "latency_stats", HIDE_FILE },
	{ "sched_debug", HIDE_FILE }, { "sysrq-trigger", HIDE_FILE }, { "bus", READ_ONLY },
	{ "fs", READ_ONLY },          { "irq", READ_ONLY },           { "sys", READ_ONLY },
};

/** protect() - bind one path of the proc mount @proc over itself, read-only; one that this kernel does not have needs nothing */
static int protect(int proc, const char *path, struct dyno_error *err)
{
	_cleanup_close_ int fd = mounts_clone(proc, path, PROC_ATTR | MOUNT_ATTR_RDONLY, -1);

	if (fd == -ENOENT)
		return 0;
	return fd < 0 ? error_set(err, fd, "proc", "cannot protect /proc/%s:", path)
	              : mounts_attach(fd, proc, path, err);
}

/**
 * hide() - mount an empty file or directory over one path of @proc; one that this kernel does not have needs nothing
 * Looked for before there is a mask: to drop a detached mount takes an RCU grace period.
 */
static int hide(int proc, const char *path, int scratch, const char *empty, struct dyno_error *err)
{
	_cleanup_close_ int mask = -1;

	if (faccessat(proc, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	/* It takes its attributes from scratch's mount: setting none of its own saves a call, and it is empty anyway. */
	mask = mounts_clone(scratch, empty, 0, -1);
	return mask < 0 ? error_set(err, mask, "proc", "cannot hide /proc/%s:", path)
	                : mounts_attach(mask, proc, path, err);
}

/** cover_path() - one path of the proc mount @proc */
static int cover_path(size_t i, int proc, int scratch, struct dyno_error *err)
{
	if (covers[i].cover == READ_ONLY)
		return protect(proc, covers[i].path, err);
	return hide(proc, covers[i].path, scratch, covers[i].cover == HIDE_DIR ? "masked.d" : "masked", err);
}

/* /sys/devices/system/cpu, which runtimes read to size their thread pools; nothing else of /sys */
int procfs_attach_sys_child(int rootfd, struct dyno_error *err)
{
	const char *path = "/sys/devices/system/cpu";
	_cleanup_close_ int fd = mounts_clone(AT_FDCWD, path, PROC_ATTR | MOUNT_ATTR_RDONLY, -1);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return error_set(err, fd, "sys", "cannot bind %s:", path);
	return mounts_attach(fd, rootfd, path + 1, err);
}

int procfs_attach_child(int rootfd, int scratch, bool rootless, struct dyno_error *err)
{
	_cleanup_close_ int proc = mounts_new("proc", NULL, PROC_ATTR, err);
	struct statfs fs;
	size_t i;
	int r;

	if (proc < 0) {
		if (proc == -EPERM && rootless)
			error_remedy(err, "/proc itself is partly hidden here (a container?): the kernel then refuses");
		return proc;
	}
	if (fstatfs(proc, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return error_set(err, -EUCLEAN, "proc", "the new /proc is not a proc filesystem");
	r = mounts_attach(proc, rootfd, "proc", err);
	for (i = 0; r == 0 && i < sizeof(covers) / sizeof(covers[0]); i++)
		r = cover_path(i, proc, scratch, err);
	return r;
}
