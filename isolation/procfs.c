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

/** cover_path() - hide or protect one path of the proc mount @proc; a path that this kernel does not have needs nothing */
static int cover_path(size_t i, int proc, int scratch, struct dyno_error *err)
{
	_cleanup_close_ int target = mounts_resolve(proc, covers[i].path);
	_cleanup_close_ int mask = -1;

	if (target == -ENOENT)
		return 0;
	if (target < 0)
		return error_set(err, target, "proc", "cannot resolve /proc/%s:", covers[i].path);
	/* A mask takes its attributes from scratch's mount: setting none of its own saves a call, and it is empty anyway. */
	if (covers[i].cover == READ_ONLY)
		mask = mounts_clone(target, "", PROC_ATTR | MOUNT_ATTR_RDONLY, -1);
	else
		mask = mounts_clone(scratch, covers[i].cover == HIDE_DIR ? "masked.d" : "masked", 0, -1);
	if (mask < 0)
		return error_set(err, mask, "proc", "cannot cover /proc/%s:", covers[i].path);
	return mounts_attach(mask, target, "", err);
}

/** attach_sys() - /sys/devices/system/cpu, which runtimes read to size their thread pools; nothing else of /sys */
static int attach_sys(int rootfd, struct dyno_error *err)
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
	return r < 0 ? r : attach_sys(rootfd, err);
}
