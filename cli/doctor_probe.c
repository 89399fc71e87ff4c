/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor_probe.c - try what a dyno needs, with the isolation room's own steps
 *
 * A sysctl says what is allowed by one rule of several; only the attempt says what this kernel, policy and container allow
 * together. The child lives in namespaces of its own, and all that it mounts goes with it. It reports through shared
 * memory; an attempt whose record still says "not tried" when the child is gone ended the child.
 */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "isolation/identity.h"
#include "isolation/mounts.h"
#include "isolation/namespaces.h"

#define PROBE_SIZE "1048576" /* bytes of the tmpfs */

/** probe_begin() - mark @probe as tried. Return: where the step puts its error */
static struct dyno_error *probe_begin(struct probe *probe)
{
	probe->tried = true;
	return &probe->err;
}

/** probe_end() - note the outcome @code of the step, whether or not it filled the record. Return: it worked */
static bool probe_end(struct probe *probe, int code)
{
	if (code >= 0)
		return true;
	if (probe->err.code == 0)
		error_set(&probe->err, code, "probe", "failed:");
	return false;
}

/**
 * probe_scratch() - a tmpfs with three directories, attached on some directory that every machine has
 * Before Linux 6.15 layers of an overlay must be attached (fs/namespace.c, clone_private_mount).
 * Return: its descriptor or negative errno
 */
static int probe_scratch(struct dyno_error *err)
{
	static const struct mount_option options[] = { { "size", PROBE_SIZE }, { NULL, NULL } };
	static const char *const places[] = { "tmp", "usr", "etc" };
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int scratch = mounts_new("tmpfs", options, 0, err);
	int code = -ENOENT;

	if (root < 0)
		return -errno;
	if (scratch < 0)
		return scratch;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && code < 0; i++)
		code = mounts_attach(scratch, root, places[i], err);
	if (code < 0)
		return code;
	if (mkdirat(scratch, "lower", 0755) < 0 || mkdirat(scratch, "upper", 0755) < 0 ||
	    mkdirat(scratch, "work", 0755) < 0)
		return error_set(err, -errno, "scratch", "cannot make a directory in a tmpfs:");
	return TAKE_FD(scratch);
}

/** probe_overlay() - an overlay of the directories of @scratch. Return: 0 or negative errno */
static int probe_overlay(int scratch, bool rootless, struct dyno_error *err)
{
	static const char *const names[] = { "lower", "upper", "work" };
	char paths[3][64];
	const struct mount_option options[] = {
		{ "lowerdir", paths[0] },
		{ "upperdir", paths[1] },
		{ "workdir", paths[2] },
		{ "index", "off" },
		{ rootless ? "userxattr" : NULL, NULL },
		{ NULL, NULL },
	};
	_cleanup_close_ int overlay = -1;

	for (int i = 0; i < 3; i++)
		snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d/%s", scratch, names[i]);
	overlay = mounts_new("overlay", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
	return overlay < 0 ? overlay : 0;
}

/** probe_proc() - a new /proc. Return: 0 or negative errno */
static int probe_proc(struct dyno_error *err)
{
	_cleanup_close_ int proc = mounts_new("proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	                                      err);

	return proc < 0 ? proc : 0;
}

/** probe_child() - the child's half: the steps of a dyno, as far as they go. Does not return */
static __attribute__((noreturn)) void probe_child(struct probes *probes, bool rootless, uid_t uid, gid_t gid)
{
	_cleanup_close_ int scratch = -1;

	if (rootless && !probe_end(&probes->map, identity_map_child(uid, gid, probe_begin(&probes->map))))
		_exit(0);
	if (mounts_private_child(probe_begin(&probes->scratch)) < 0)
		_exit(0);
	(void)probe_end(&probes->proc, probe_proc(probe_begin(&probes->proc)));
	scratch = probe_scratch(&probes->scratch.err);
	if (probe_end(&probes->scratch, scratch)) {
		/* an attempt on an earlier place may have left its record */
		memset(&probes->scratch.err, 0, sizeof(probes->scratch.err));
		(void)probe_end(&probes->overlay, probe_overlay(scratch, rootless, probe_begin(&probes->overlay)));
	}
	_exit(0);
}

/** probe_root() - what only root's dynos need: a mapped user namespace, and an idmapped mount by it */
static void probe_root(struct probes *probes)
{
	struct identity identity = IDENTITY_NULL;
	_cleanup_close_ int mount = -1;

	if (probe_end(&probes->map, identity_open(0, &identity, probe_begin(&probes->map)))) {
		(void)probe_begin(&probes->idmap);
		mount = mounts_clone(AT_FDCWD, "/usr", 0, identity.user_fd);
		(void)probe_end(&probes->idmap, mount);
		identity_done(&identity);
	}
}

void doctor_probe(bool rootless, struct probes *ret)
{
	struct probes *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	_cleanup_close_ int pidfd = -1;
	siginfo_t info;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid;

	memset(ret, 0, sizeof(*ret));
	if (shared == MAP_FAILED)
		return;
	pid = namespaces_clone(namespaces_flags(rootless, DYNO_NET_NONE, false, false), -1, &pidfd,
	                       probe_begin(&shared->clone));
	if (pid == 0)
		probe_child(shared, rootless, uid, gid);
	if (probe_end(&shared->clone, (int)pid))
		while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
			;
	*ret = *shared;
	(void)munmap(shared, sizeof(*shared));
	if (!rootless)
		probe_root(ret);
}
