/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_gather.c - the facts that `dyno doctor` judges */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "isolation/landlock.h"
#include "runtime/host.h"
#include "runtime/sandbox.h"

/** read_long() - number in a small file. Return: it, or -1 when there is none */
static long read_long(const char *path)
{
	char text[32];
	char *end;
	long number;

	if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return -1;
	number = strtol(text, &end, 10);
	return end == text ? -1 : number;
}

/** read_kernel() - the three numbers of a release such as "6.1.0-44-amd64" */
static void read_kernel(const char *release, unsigned kernel[3])
{
	if (sscanf(release, "%u.%u.%u", &kernel[0], &kernel[1], &kernel[2]) < 2)
		kernel[0] = kernel[1] = kernel[2] = 0;
}

/** on_path() - program @name is on PATH */
static bool on_path(const char *name)
{
	const char *path = getenv("PATH");
	char candidate[512];

	if (!path)
		path = "/usr/local/bin:/usr/bin:/bin";
	while (*path) {
		size_t length = strcspn(path, ":");

		if (length > 0 && text_format(candidate, sizeof(candidate), "%.*s/%s", (int)length, path, name) > 0 &&
		    access(candidate, X_OK) == 0)
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

/** has_namespaces() - the kernel has all seven types of namespaces that a dyno uses */
static bool has_namespaces(void)
{
	static const char *const paths[] = { "/proc/self/ns/cgroup", "/proc/self/ns/ipc", "/proc/self/ns/mnt",
		                             "/proc/self/ns/net",    "/proc/self/ns/pid", "/proc/self/ns/user",
		                             "/proc/self/ns/uts" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], F_OK) < 0)
			return false;
	return true;
}

/** has_seccomp() - the kernel can kill a process for a system call (seccomp(2), SECCOMP_GET_ACTION_AVAIL) */
static bool has_seccomp(void)
{
	unsigned action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/** find_container() - what looks like a container around us, from the marks that engines leave */
static void find_container(char *buf, size_t size)
{
	static const char *const marks[][2] = {
		{ "/.dockerenv", "Docker" },
		{ "/run/.containerenv", "Podman" },
		{ "/run/systemd/container", "a container of systemd's kind" },
		{ "/dev/lxd", "LXD" },
	};

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]) && !buf[0]; i++)
		if (access(marks[i][0], F_OK) == 0)
			(void)text_copy(buf, size, marks[i][1]);
	if (!buf[0] && getenv("KUBERNETES_SERVICE_HOST"))
		(void)text_copy(buf, size, "Kubernetes");
}

/** try_prepare() - make a parked sandbox on network @net and take it down again: all of the runtime but an app */
static void try_prepare(struct dyno_host *host, enum dyno_net net, struct probe *ret)
{
	const struct dyno_shape shape = { .stack = "host", .net = net };
	const struct policy policy = { .egress = POLICY_EGRESS_ALLOW };
	struct dyno_sandbox *sandbox = NULL;

	ret->tried = true;
	if (dyno_prepare(host, &shape, NULL, 0, &sandbox, &ret->err) < 0)
		return;
	/* as root the packet filter stands by now; without, that and pasta come with the app's policy */
	if (host->rootless && net == DYNO_NET_PRIVATE)
		(void)network_admit(host->network, net, &policy, &sandbox->network, &ret->err);
	dyno_sandbox_destroy(sandbox);
}

/** try_host() - open the host as every verb does, then try sandboxes on it */
static void try_host(struct doctor *doctor)
{
	struct dyno_host *host = NULL;

	doctor->host.tried = true;
	if (dyno_host_open(&host, &doctor->host.err) < 0)
		return;
	doctor->rootless = host->rootless;
	(void)text_copy(doctor->state_dir, sizeof(doctor->state_dir), host->state_dir);
	try_prepare(host, DYNO_NET_NONE, &doctor->sandbox);
	try_prepare(host, DYNO_NET_PRIVATE, &doctor->network);
	host = dyno_host_close(host);
}

void doctor_gather(struct doctor *ret)
{
	memset(ret, 0, sizeof(*ret));
	(void)uname(&ret->uname);
	read_kernel(ret->uname.release, ret->kernel);
	ret->rootless = geteuid() != 0;
	ret->filtered = prctl(PR_GET_SECCOMP) > 0;
	ret->apparmor_userns = read_long("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
	ret->userns_clone = read_long("/proc/sys/kernel/unprivileged_userns_clone");
	ret->userns_max = read_long("/proc/sys/user/max_user_namespaces");
	ret->seccomp = has_seccomp();
	ret->namespaces = has_namespaces();
	ret->landlock_abi = landlock_abi();
	find_container(ret->container, sizeof(ret->container));
	ret->pasta = on_path("pasta");
	ret->tun = access("/dev/net/tun", R_OK | W_OK) == 0;
	if (cgroup_host_open(&ret->cgroups, NULL) < 0)
		ret->cgroups = (struct cgroup_host){ .v2_fd = -1, .v1_fd = { -1, -1, -1, -1 } };
	try_host(ret);
	doctor_probe(ret->rootless, &ret->probes);
	doctor_network_gather(ret->rootless, &ret->net);
}

void doctor_gather_done(struct doctor *doctor)
{
	cgroup_host_done(&doctor->cgroups);
}
