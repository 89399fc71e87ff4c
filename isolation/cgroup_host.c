/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cgroup_host.c - what this machine's cgroups give (see cgroup.h)
 *
 * Theory of operation. This runs at every `dyno run`, so it opens and asks, and makes nothing where the caller may
 * write the root of the tree: 20 us for a hybrid layout's four trees. An ordinary user may at most write a subtree that
 * was delegated to him, and cannot make limited groups in the very group he sits in (cgroup_v2.c, "no internal
 * processes"); leaving it is not ours to do behind the caller's back. What works is a sibling: a group under our own
 * group's parent, if that is delegated too, as it is for every scope and service of a systemd user manager.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "isolation/cgroup.h"
#include "isolation/cgroup_file.h"
#include "isolation/cgroup_mounts.h"
#include "isolation/cgroup_v2.h"

#define SYSTEMD_RUN "run `systemd-run --user --scope -p Delegate=yes dyno ...`"

/**
 * why() - say once why something is missing; the first cause stands
 */
static void __attribute__((format(printf, 2, 3))) why(struct cgroup_host *host, const char *fmt, ...)
{
	va_list args;

	if (host->why[0])
		return;
	va_start(args, fmt);
	vsnprintf(host->why, sizeof(host->why), fmt, args);
	va_end(args);
}

/**
 * may_make_groups() - directory @fd is a group in which we may make groups and put processes into them
 * CLONE_INTO_CGROUP asks for write permission on cgroup.procs of the common ancestor (kernel/cgroup/cgroup.c,
 * cgroup_attach_permissions()); the directory itself needs it for mkdir.
 * Return: 0 or negative errno
 */
static int may_make_groups(int fd)
{
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return -errno;
	return faccessat(fd, "cgroup.procs", W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

/**
 * own_group() - path of our own v2 group below the mount root, "" for the root itself
 * Return: 0, -ENOENT when it lies outside of our cgroup namespace or is gone, or negative errno
 */
static int own_group(char *ret_path, size_t size)
{
	char text[4096], *start, *end;
	ssize_t length = fd_read_text(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));

	if (length < 0)
		return (int)length;
	start = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	if (!start)
		return -ENOENT;
	start = strchr(start, '/') + 1;
	end = strchr(start, '\n');
	if (end)
		*end = '\0';
	if (strncmp(start, "..", 2) == 0)
		return -ENOENT;
	return text_copy(ret_path, size, start);
}

/**
 * open_delegated() - find the subtree of v2 tree @mount that was delegated to us
 * Return: O_PATH descriptor, or -1 with @host->why set
 */
static int open_delegated(struct cgroup_host *host, int mount)
{
	_cleanup_close_ int own = -1, parent = -1;
	char path[PATH_MAX];
	int r;

	r = own_group(path, sizeof(path));
	if (r == 0 && path[0])
		own = openat(mount, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (own < 0) {
		why(host,
		    "user %u may not write the root of the cgroup tree and has no group of his own in it; have root "
		    "delegate one, with systemd: " SYSTEMD_RUN,
		    geteuid());
		return -1;
	}
	parent = openat(own, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0 && may_make_groups(parent) == 0)
		return TAKE_FD(parent);
	if (may_make_groups(own) == 0)
		why(host,
		    "the delegated group /%.60s holds this process itself, and a group with processes can have no "
		    "limited groups below it; " SYSTEMD_RUN,
		    path);
	else
		why(host, "the group /%.80s is not delegated to user %u; " SYSTEMD_RUN, path, geteuid());
	return -1;
}

/**
 * adopt_v2() - take the v2 tree, or the part of it that is ours
 */
static void adopt_v2(struct cgroup_host *host, struct cgroup_mounts *mounts)
{
	int r;

	if (mounts->v2_fd < 0)
		return;
	r = may_make_groups(mounts->v2_fd);
	if (r == -EROFS) {
		why(host, "the cgroup tree is mounted read-only; mount it writable (in a container: give it a cgroup "
		          "namespace of its own and a writable /sys/fs/cgroup)");
		return;
	}
	host->v2_fd = r == 0 ? TAKE_FD(mounts->v2_fd) : open_delegated(host, mounts->v2_fd);
	if (host->v2_fd < 0)
		return;
	host->v2_has[CGROUP_FREEZER] = true; /* part of every group since Linux 5.2 */
	/* A controller is in one tree only: with all of ours on v1, v2 need not be asked. */
	if (host->v1_fd[CGROUP_MEMORY] < 0 || host->v1_fd[CGROUP_PIDS] < 0 || host->v1_fd[CGROUP_CPU] < 0)
		(void)cgroup_v2_enable(host->v2_fd, host->v2_has);
}

/**
 * adopt_v1() - take the v1 trees; what is wrong with them is the cause to name, since the limits are there
 * v1 is never delegated: a subtree's owner could lift the limits that its own files set.
 */
static void adopt_v1(struct cgroup_host *host, struct cgroup_mounts *mounts)
{
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (mounts->v1_fd[i] < 0)
			continue;
		if (faccessat(mounts->v1_fd[i], ".", W_OK | X_OK, AT_EACCESS) == 0)
			host->v1_fd[i] = TAKE_FD(mounts->v1_fd[i]);
		else if (errno == EROFS)
			why(host, "the v1 cgroup trees are mounted read-only; mount them writable");
		else
			why(host,
			    "the v1 cgroup trees cannot be written by user %u; run as root, or boot with "
			    "systemd.unified_cgroup_hierarchy=1",
			    geteuid());
	}
}

/**
 * settle_layout() - name what came together, and what is missing
 */
static void settle_layout(struct cgroup_host *host)
{
	bool v1 = false;
	char missing[64] = "";

	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		size_t used = strlen(missing);

		v1 |= host->v1_fd[i] >= 0;
		if (i != CGROUP_FREEZER && host->v1_fd[i] < 0 && !host->v2_has[i])
			snprintf(missing + used, sizeof(missing) - used, "%s%s", used ? ", " : "",
			         cgroup_controller_name((enum cgroup_controller)i));
	}
	if (host->v2_fd >= 0)
		host->layout = v1 ? DYNO_CGROUP_HYBRID : DYNO_CGROUP_V2;
	else
		host->layout = v1 ? DYNO_CGROUP_V1 : DYNO_CGROUP_NONE;
	if (host->layout == DYNO_CGROUP_NONE)
		why(host, "no cgroup file system is mounted; `mount -t cgroup2 none /sys/fs/cgroup`");
	else if (missing[0])
		why(host,
		    "no cgroup controller for: %s; it must be in the kernel, not disabled on its command line "
		    "(cgroup_disable=), and in cgroup.subtree_control of the group above",
		    missing);
	else
		host->why[0] = '\0';
}

int cgroup_host_open(struct cgroup_host *ret, struct dyno_error *err)
{
	struct cgroup_host host = { .v2_fd = -1, .v1_fd = { -1, -1, -1, -1 } };
	struct cgroup_mounts mounts;
	int r;

	r = cgroup_mounts_open(&mounts);
	if (r < 0)
		return error_set(err, r, "probe cgroups", "cannot read /proc/self/mountinfo:");
	adopt_v1(&host, &mounts);
	adopt_v2(&host, &mounts);
	settle_layout(&host);
	cgroup_mounts_done(&mounts);
	*ret = host;
	return 0;
}

void cgroup_host_done(struct cgroup_host *host)
{
	host->v2_fd = fd_close(host->v2_fd);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		host->v1_fd[i] = fd_close(host->v1_fd[i]);
	host->layout = DYNO_CGROUP_NONE;
}
