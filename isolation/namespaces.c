/* SPDX-License-Identifier: Apache-2.0 */
/* namespaces.c - see namespaces.h */
#include "isolation/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

uint64_t namespaces_flags(bool rootless, enum dyno_net net, bool template, bool kept)
{
	uint64_t flags = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | (template ? 0 : CLONE_NEWNS);

	if (kept)
		return CLONE_NEWPID;
	if (rootless)
		flags |= CLONE_NEWUSER | (net == DYNO_NET_HOST ? 0 : CLONE_NEWNET);
	return flags;
}

/** explain() - tell the causes of a failed clone apart (clone(2), user_namespaces(7)) */
static int explain(int code, uint64_t flags, struct dyno_error *err)
{
	error_set(err, code, "clone", "cannot create namespaces:");
	if (code == -EPERM && (flags & CLONE_NEWUSER))
		error_remedy(err, "user namespaces are not allowed to this user: see dyno doctor");
	else if (code == -EPERM)
		error_remedy(err, "CAP_SYS_ADMIN is missing: run as a full root, or as an ordinary user");
	else if (code == -ENOSPC || code == -EUSERS)
		error_remedy(err, "a limit in /proc/sys/user/max_*_namespaces is reached: raise it");
	else if (code == -EINVAL)
		error_remedy(err, "this kernel lacks a namespace type or CLONE_INTO_CGROUP: see dyno doctor");
	else if (code == -ENOSYS)
		error_remedy(err, "clone3 is needed: Linux 5.12 or newer, and no container's filter in front of it");
	else if (code == -EAGAIN)
		error_remedy(err, "the process limit of this user or cgroup is reached");
	return code;
}

pid_t namespaces_clone(uint64_t flags, int cgroup_fd, int *ret_pidfd, struct dyno_error *err)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid;

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return explain(-errno, flags, err);
	if (pid > 0)
		*ret_pidfd = pidfd;
	return (pid_t)pid;
}

int namespaces_begin_child(struct dyno_error *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_set(err, -errno, "begin", "cannot set the parent-death signal:");
	/* A real-time launcher's policy is not a dyno's to have, and v1 cpu groups refuse it (EINVAL). */
	if (sched_setscheduler(0, SCHED_OTHER, &(const struct sched_param){ 0 }) < 0)
		return error_set(err, -errno, "begin", "cannot set the scheduling policy:");
	(void)setsid();
	(void)umask(0);
	return 0;
}

int namespaces_cgroup_child(struct dyno_error *err)
{
	if (unshare(CLONE_NEWCGROUP) < 0)
		return error_set(err, -errno, "cgroup", "cannot create a cgroup namespace:");
	return 0;
}

/** kept - see NAMESPACES_KEPT */
static const struct {
	const char *name;
	int flag;
} kept[NAMESPACES_KEPT] = { { "mnt", CLONE_NEWNS }, { "ipc", CLONE_NEWIPC }, { "uts", CLONE_NEWUTS } };

int namespaces_self_child(struct dyno_error *err)
{
	int fd = open("/proc/self/ns", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? error_set(err, -errno, "namespaces", "cannot open /proc/self/ns:") : fd;
}

int namespaces_leave_child(struct dyno_error *err)
{
	if (unshare(CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return explain(-errno, 0, err);
	return 0;
}

int namespaces_keep_child(int self, int ret[NAMESPACES_KEPT], struct dyno_error *err)
{
	for (int i = 0; i < NAMESPACES_KEPT; i++) {
		ret[i] = openat(self, kept[i].name, O_RDONLY | O_CLOEXEC);
		if (ret[i] < 0)
			return error_set(err, -errno, "namespaces", "cannot keep the %s namespace:", kept[i].name);
	}
	return 0;
}

int namespaces_enter_child(const int fds[NAMESPACES_KEPT], struct dyno_error *err)
{
	for (int i = 0; i < NAMESPACES_KEPT; i++)
		if (setns(fds[i], kept[i].flag) < 0)
			return error_set(err, -errno, "namespaces", "cannot enter the %s namespace:", kept[i].name);
	return 0;
}

void namespaces_hostname(const char *name, char ret_host[64])
{
	size_t i;

	for (i = 0; i < 63 && name[i] != '\0'; i++)
		ret_host[i] = name[i] == '.' || name[i] == '_' ? '-' : name[i];
	ret_host[i] = '\0';
}

int namespaces_hostname_child(const char *host, struct dyno_error *err)
{
	if (sethostname(host, strlen(host)) < 0)
		return error_set(err, -errno, "hostname", "cannot set the host name:");
	return 0;
}
