/* SPDX-License-Identifier: Apache-2.0 */
/* devices.c - see devices.h */
#include "isolation/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "isolation/mounts.h"

/* Documentation/admin-guide/devices.txt: numbers of the memory devices and of /dev/tty */
static const struct {
	const char *name;
	unsigned int major, minor;
} nodes[] = {
	{ "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

static const char *const links[][2] = {
	{ "pts/ptmx", "ptmx" },          { "/proc/self/fd", "fd" },       { "/proc/self/fd/0", "stdin" },
	{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int devices_skeleton(int skeleton, bool bind, struct dyno_error *err)
{
	_cleanup_close_ int dev = openat(skeleton, "dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	size_t i;

	if (dev < 0)
		return error_set(err, -errno, "devices", "cannot open the skeleton's dev:");
	for (i = 0; i < COUNT(nodes); i++) {
		mode_t kind = bind ? S_IFREG : S_IFCHR;

		if (mknodat(dev, nodes[i].name, kind | 0666, makedev(nodes[i].major, nodes[i].minor)) < 0 ||
		    fchmodat(dev, nodes[i].name, 0666, 0) < 0)
			return error_set(err, -errno, "devices", "cannot make /dev/%s:", nodes[i].name);
	}
	for (i = 0; i < COUNT(links); i++)
		if (symlinkat(links[i][0], dev, links[i][1]) < 0)
			return error_set(err, -errno, "devices", "cannot link /dev/%s:", links[i][1]);
	if (mkdirat(dev, "pts", 0755) < 0 || fchmodat(dev, "pts", 0755, 0) < 0 || mkdirat(dev, "shm", 01777) < 0 ||
	    fchmodat(dev, "shm", 01777, 0) < 0)
		return error_set(err, -errno, "devices", "cannot make /dev/pts and /dev/shm:");
	return 0;
}

/** bind_node() - bind one node of the host, after making sure that it is the device it should be (CVE-2025-31133) */
static int bind_node(size_t i, int rootfd, struct dyno_error *err)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	char path[24];

	snprintf(path, sizeof(path), "/dev/%s", nodes[i].name);
	fd = mounts_clone(AT_FDCWD, path, MOUNT_ATTR_NOSUID, -1);
	if (fd < 0)
		return error_set(err, fd, "devices", "cannot bind %s:", path);
	if (fstat(fd, &st) < 0)
		return error_set(err, -errno, "devices", "cannot stat %s:", path);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(nodes[i].major, nodes[i].minor))
		return error_set(err, -ENODEV, "devices", "%s of this machine is not that device", path);
	return mounts_attach(fd, rootfd, path + 1, err);
}

int devices_attach_child(int rootfd, bool bind, struct dyno_error *err)
{
	static const struct mount_option options[] = { { "mode", "0620" }, { "ptmxmode", "0666" }, { NULL, NULL } };
	_cleanup_close_ int pts = mounts_new("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);
	size_t i;
	int r;

	if (pts < 0)
		return pts;
	r = mounts_attach(pts, rootfd, "dev/pts", err);
	for (i = 0; r == 0 && bind && i < COUNT(nodes); i++)
		r = bind_node(i, rootfd, err);
	return r;
}

int devices_terminal_child(struct dyno_error *err)
{
	_cleanup_close_ int fd = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlocked = 0;

	if (fd < 0)
		return error_set(err, -errno, "terminal", "cannot open a pseudo-terminal:");
	if (ioctl(fd, TIOCSPTLCK, &unlocked) < 0)
		return error_set(err, -errno, "terminal", "cannot unlock the pseudo-terminal:");
	return TAKE_FD(fd);
}
