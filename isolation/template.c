/* SPDX-License-Identifier: Apache-2.0 */
/**
 * template.c - see template.h
 *
 * Theory of operation. A namespace is made by somebody who moves into it, and no thread of the launcher's may: so a visitor does
 * (base/visitor.h), the builder.
 * It copies this machine's mounts, gathers the few that are wanted on a small tmpfs, makes that the root, and is gone; the
 * descriptor keeps the namespace. Everything stands at the path that it has on this machine, so that the child's steps need not know
 * which of the two ways they go.
 */
#include "isolation/template.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/visitor.h"
#include "isolation/mounts.h"
#include "isolation/skeleton.h"

#define STEP "template"
#define STAGE "/proc" /* where scratch_stage_child() stages, too */
#define ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/** struct order - what the builder is told, and what it tells: @fd, or @code and @err */
struct order {
	const char *stacks;
	int fd;
	int code;
	struct dyno_error err;
};

/** make_place() - directory @path, absolute, with all above it, below @rootfd */
static int make_place(int rootfd, const char *path, struct dyno_error *err)
{
	char part[256];

	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		const char *next = strchr(slash + 1, '/');
		size_t length = next ? (size_t)(next - path) : strlen(path);

		if (length >= sizeof(part))
			return error_set(err, -ENAMETOOLONG, STEP, "%s is too long", path);
		memcpy(part, path, length);
		part[length] = '\0';
		if (mkdirat(rootfd, part + 1, 0755) < 0 && errno != EEXIST)
			return error_set(err, -errno, STEP, "cannot make %s:", part);
	}
	return 0;
}

/** gather() - this machine's directory @path, as it is there, at the same place below @rootfd */
static int gather(int rootfd, const char *path, struct dyno_error *err)
{
	int r = make_place(rootfd, path, err);

	return r < 0 ? r : mounts_bind(AT_FDCWD, path, ATTR, -1, rootfd, path + 1, err);
}

/** gather_stack() - /usr, and the directories beside it where they are not merged into it */
static int gather_stack(int rootfd, struct dyno_error *err)
{
	int r = gather(rootfd, "/usr", err);

	for (size_t i = 0; r == 0 && skeleton_merged[i]; i++) {
		char path[16];
		struct stat st;

		(void)text_format(path, sizeof(path), "/%s", skeleton_merged[i]);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			r = gather(rootfd, path, err);
	}
	return r;
}

/** gather_cpus() - what procfs.c shows of /sys; a machine may have none */
static int gather_cpus(int rootfd, struct dyno_error *err)
{
	const char *path = "/sys/devices/system/cpu";

	return access(path, F_OK) < 0 ? 0 : gather(rootfd, path, err);
}

/** build() - the builder's road, in its own copy of this machine's mounts */
static int build(const char *stacks, struct dyno_error *err)
{
	static const struct mount_option options[] = { { "size", "64k" }, { "mode", "0755" }, { NULL, NULL } };
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	_cleanup_close_ int rootfd = -1;
	int r = mounts_private_child(err);

	if (r == 0)
		rootfd = mounts_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
	if (r < 0 || rootfd < 0)
		return r < 0 ? r : rootfd;
	/* Onto a place of our own: before Linux 6.15 nothing could be attached to it otherwise. */
	if (move_mount(rootfd, "", AT_FDCWD, STAGE, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, -errno, STEP, "cannot stage the template on " STAGE ":");
	r = gather_stack(rootfd, err);
	if (r == 0)
		r = gather_cpus(rootfd, err);
	if (r == 0)
		r = gather(rootfd, stacks, err);
	if (r == 0)
		r = make_place(rootfd, STAGE, err);
	if (r == 0 && mount_setattr(rootfd, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) < 0)
		r = error_set(err, -errno, STEP, "cannot make the template read-only:");
	return r < 0 ? r : mounts_pivot_child(rootfd, err);
}

/** builder_main() - the builder; shares the launcher's memory, which waits for its end */
static int builder_main(void *data)
{
	struct order *order = data;

	if (unshare(CLONE_NEWNS) < 0) {
		order->code = error_set(&order->err, -errno, STEP, "cannot make a mount namespace:");
		return 0;
	}
	/* Now: where this ends there is no /proc. */
	order->fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	order->code = order->fd < 0 ? error_set(&order->err, -errno, STEP, "cannot open the mount namespace:")
	                            : build(order->stacks, &order->err);
	return 0;
}

int template_open(const char *stacks, struct dyno_error *err)
{
	struct order order = { .stacks = stacks, .fd = -1, .code = -ECHILD };
	pid_t builder;
	int code = visitor_run(builder_main, &order, &builder);

	if (code < 0)
		order.code = error_set(&order.err, code, STEP, "cannot start the builder:");
	visitor_reap(&builder);
	if (order.code == 0)
		return order.fd;
	fd_close(order.fd);
	if (err)
		*err = order.err;
	return order.code;
}

int template_enter_child(int fd, struct dyno_error *err)
{
	if (setns(fd, CLONE_NEWNS) < 0)
		return error_set(err, -errno, "namespaces", "cannot enter the template of the mounts:");
	if (unshare(CLONE_NEWNS) < 0)
		return error_set(err, -errno, "namespaces", "cannot copy the template of the mounts:");
	return 0;
}

int template_cover_child(int rootfd, struct dyno_error *err)
{
	if (move_mount(rootfd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_set(err, -errno, "pivot", "cannot cover the template with the new root:");
	if (fchdir(rootfd) < 0 || chroot(".") < 0)
		return error_set(err, -errno, "pivot", "cannot enter the new root:");
	return 0;
}
