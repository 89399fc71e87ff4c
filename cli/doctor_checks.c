/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_checks.c - from facts to findings: one function a check, one table */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/doctor.h"

#define KERNEL(major, minor, patch) ((major)*1000000U + (minor)*1000U + (patch))

void doctor_say(struct finding *finding, enum doctor_state state, const char *fmt, ...)
{
	va_list args;

	finding->state = state;
	va_start(args, fmt);
	vsnprintf(finding->fact, sizeof(finding->fact), fmt, args);
	va_end(args);
}

void doctor_advise(struct finding *finding, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(finding->remedy, sizeof(finding->remedy), fmt, args);
	va_end(args);
}

/** say_probe() - the outcome of an attempt in its own words. Return: it worked */
static bool say_probe(struct finding *finding, const struct probe *probe, enum doctor_state state, const char *works)
{
	if (!probe->tried) {
		doctor_say(finding, state, "could not be tried, because something before it failed");
		return false;
	}
	if (probe->err.code == 0) {
		doctor_say(finding, DOCTOR_OK, "%s", works);
		return true;
	}
	doctor_say(finding, state, "%s", probe->err.text);
	doctor_advise(finding, "%s", probe->err.remedy);
	return false;
}

/** kernel_version() - the kernel's release as one number */
static unsigned kernel_version(const struct doctor *doctor)
{
	unsigned patch = doctor->kernel[2] < 1000 ? doctor->kernel[2] : 999;

	return KERNEL(doctor->kernel[0], doctor->kernel[1], patch);
}

/** check_kernel() - new enough for idmapped mounts and overlays in user namespaces */
static void check_kernel(const struct doctor *doctor, struct finding *finding)
{
	bool enough = kernel_version(doctor) >= KERNEL(5, 12, 0);

	doctor_say(finding, enough ? DOCTOR_OK : DOCTOR_FAIL, "Linux %s on %s", doctor->uname.release,
	           doctor->uname.machine);
	if (!enough)
		doctor_advise(finding,
		              "dynos need Linux 5.12 or later (mount_setattr, overlay in user namespaces since 5.11)");
}

/**
 * check_kernel_fixes() - kernels whose overlay lets set-user-id bits through (CVE-2023-0386)
 * Fixed in 6.2 and in 6.1.9 and 5.15.91 (fs/overlayfs: fail on invalid uid/gid mapping at copy up). Dynos are mounted
 * nosuid and may not make namespaces, so the hole is not open to apps, but it is to the users of the machine.
 */
static void check_kernel_fixes(const struct doctor *doctor, struct finding *finding)
{
	unsigned version = kernel_version(doctor);
	bool fixed = version >= KERNEL(6, 2, 0) || (version >= KERNEL(6, 1, 9) && version < KERNEL(6, 2, 0)) ||
	             (version >= KERNEL(5, 15, 91) && version < KERNEL(5, 16, 0));

	if (fixed) {
		doctor_say(finding, DOCTOR_OK, "overlay fixes of CVE-2021-3493 and CVE-2023-0386 are in this release");
		return;
	}
	/* Distributions carry fixes without raising the release: 6.1.0-44-amd64 is 6.1.170 */
	doctor_say(
		finding, doctor->kernel[2] == 0 ? DOCTOR_OK : DOCTOR_WARN,
		"by its number this release may lack the overlay fix of CVE-2023-0386, unless the distribution carries it");
	doctor_advise(finding, "see that the kernel is the distribution's newest; dynos themselves are mounted nosuid");
}

/** check_mode() - as whom we run */
static void check_mode(const struct doctor *doctor, struct finding *finding)
{
	if (doctor->rootless)
		doctor_say(finding, DOCTOR_OK,
		           "without CAP_SYS_ADMIN: a dyno has one id of its own user namespace, yours outside");
	else
		doctor_say(finding, DOCTOR_OK, "as root: each dyno has its own range of 65536 unprivileged ids");
}

/** check_container() - a container around us explains many a failure below */
static void check_container(const struct doctor *doctor, struct finding *finding)
{
	if (!doctor->container[0] && !doctor->filtered) {
		doctor_say(finding, DOCTOR_OK, "no sign of a container around us");
		return;
	}
	doctor_say(finding, DOCTOR_OK, "inside %s%s: what fails below may be its doing",
	           doctor->container[0] ? doctor->container : "a container",
	           doctor->filtered ? ", under its seccomp filter" : "");
}

/** check_namespaces() - the kernel was built with all types */
static void check_namespaces(const struct doctor *doctor, struct finding *finding)
{
	doctor_say(finding, doctor->namespaces ? DOCTOR_OK : DOCTOR_FAIL,
	           doctor->namespaces ? "all seven types"
	                              : "this kernel lacks a type of namespaces (see /proc/self/ns)");
}

/** advise_clone_eperm() - which of the rules that forbid user namespaces it is, and the narrowest way around it */
static void advise_clone_eperm(const struct doctor *doctor, struct finding *finding)
{
	if (doctor->userns_clone == 0)
		doctor_advise(finding,
		              "kernel.unprivileged_userns_clone is 0: sysctl -w kernel.unprivileged_userns_clone=1");
	else if (doctor->filtered)
		doctor_advise(finding,
		              "a seccomp filter denies it (a container's?): run the container with a profile that "
		              "allows clone3, unshare, mount and the new mount API");
	else if (doctor->apparmor_userns > 0)
		doctor_advise(finding,
		              "AppArmor denies it: give this program alone a profile with the rule \"userns,\" (see "
		              "dyno(1)), rather than kernel.apparmor_restrict_unprivileged_userns=0 for all");
	else
		doctor_advise(
			finding,
			"a security policy or a chroot around us forbids it: look into the kernel's log for its name");
}

/**
 * check_clone() - the clone that makes a dyno, each cause of its failure told apart
 * EPERM: a rule against it; ENOSPC: a limit; at the id map EPERM is AppArmor's way of making the namespace useless.
 */
static void check_clone(const struct doctor *doctor, struct finding *finding)
{
	const struct probe *clone = &doctor->probes.clone;

	if (say_probe(finding, clone, DOCTOR_FAIL, "made and entered"))
		return;
	switch (clone->err.code) {
	case -EPERM:
	case -EACCES: advise_clone_eperm(doctor, finding); break;
	case -ENOSPC:
		if (doctor->userns_max >= 0)
			doctor_advise(
				finding,
				"user.max_user_namespaces is %ld: raise it, e.g. sysctl -w user.max_user_namespaces=15000",
				doctor->userns_max);
		else
			doctor_advise(finding, "a limit of user.max_*_namespaces is reached: raise it");
		break;
	case -EAGAIN:
		doctor_advise(finding, "a limit of processes is reached: ulimit -u, or pids.max of our control group");
		break;
	default: break;
	}
}

/** check_map() - the id map */
static void check_map(const struct doctor *doctor, struct finding *finding)
{
	const struct probe *map = &doctor->probes.map;

	if (say_probe(finding, map, DOCTOR_FAIL, doctor->rootless ? "your id is mapped" : "a range of ids is mapped") ||
	    !map->tried)
		return;
	if ((map->err.code == -EPERM || map->err.code == -EACCES) && doctor->apparmor_userns > 0)
		doctor_advise(finding,
		              "AppArmor (kernel.apparmor_restrict_unprivileged_userns=1) takes the power from new user "
		              "namespaces: give this program alone a profile with the rule \"userns,\" (see dyno(1))");
	else if (map->err.code == -EPERM && !doctor->rootless)
		doctor_advise(finding,
		              "root lacks CAP_SETUID or CAP_SETGID, or is in a user namespace without enough ids");
}

/** check_scratch() - the writable layer's tmpfs */
static void check_scratch(const struct doctor *doctor, struct finding *finding)
{
	(void)say_probe(finding, &doctor->probes.scratch, DOCTOR_FAIL, "a tmpfs can be mounted");
}

/**
 * check_overlay() - the overlay of slug and writable layer
 * Removing a directory of the slug leaves a mark in an extended attribute, which without root is one of the user's kind:
 * tmpfs keeps those since Linux 6.6.
 */
static void check_overlay(const struct doctor *doctor, struct finding *finding)
{
	const struct probe *overlay = &doctor->probes.overlay;

	if (say_probe(finding, overlay, DOCTOR_FAIL, "mounts on a tmpfs")) {
		if (doctor->rootless && kernel_version(doctor) < KERNEL(6, 6, 0))
			doctor_say(
				finding, DOCTOR_WARN,
				"mounts on a tmpfs, but before Linux 6.6 an app cannot remove a directory of its slug (EIO)");
		return;
	}
	if (!overlay->tried)
		return;
	if (overlay->err.code == -ENODEV)
		doctor_advise(finding, "the kernel has no overlayfs: modprobe overlay");
	else if (doctor->rootless)
		doctor_advise(finding, "overlays without root need Linux 5.11 or later, and a policy that lets them");
}

/** check_proc() - a new /proc, which the kernel refuses when ours is partly hidden (fs/namespace.c, mount_too_revealing) */
static void check_proc(const struct doctor *doctor, struct finding *finding)
{
	const struct probe *proc = &doctor->probes.proc;

	if (say_probe(finding, proc, DOCTOR_FAIL, "can be mounted for a new PID namespace") || !proc->tried)
		return;
	if (proc->err.code == -EPERM)
		doctor_advise(finding,
		              "our own /proc is partly covered, as container engines do: run the container with an "
		              "unmasked /proc (docker --security-opt systempaths=unconfined, podman --security-opt "
		              "unmask=ALL)");
}

/** check_idmap() - idmapped mounts of the stack, as root */
static void check_idmap(const struct doctor *doctor, struct finding *finding)
{
	if (doctor->rootless) {
		doctor_say(finding, DOCTOR_OK, "not needed without root");
		return;
	}
	if (!say_probe(finding, &doctor->probes.idmap, DOCTOR_WARN, "the file system of /usr can") &&
	    doctor->probes.idmap.tried) {
		doctor_say(finding, DOCTOR_WARN,
		           "the file system of /usr cannot be mounted with mapped owners: root's files look "
		           "like nobody's inside");
		doctor_advise(
			finding,
			"ext4, xfs and btrfs can from 5.12 and 5.15 on, tmpfs from 6.3, overlay from 5.19 (layers)");
	}
}

/** check_seccomp() - the system call filter */
static void check_seccomp(const struct doctor *doctor, struct finding *finding)
{
	doctor_say(finding, doctor->seccomp ? DOCTOR_OK : DOCTOR_FAIL,
	           doctor->seccomp ? "filters that kill" : "this kernel cannot filter system calls");
	if (!doctor->seccomp)
		doctor_advise(finding, "a kernel with CONFIG_SECCOMP_FILTER is needed");
}

/** check_landlock() - the second wall */
static void check_landlock(const struct doctor *doctor, struct finding *finding)
{
	if (doctor->landlock_abi > 0) {
		doctor_say(finding, DOCTOR_OK, "ABI %d%s", doctor->landlock_abi,
		           doctor->landlock_abi < 6
		                   ? " (signals and abstract sockets are scoped from 6 on, by namespaces here)"
		                   : "");
		return;
	}
	doctor_say(finding, DOCTOR_WARN, "this kernel has none, or it is switched off: dynos run behind one wall less");
	doctor_advise(finding, "add landlock to the lsm= list of the kernel's command line (from Linux 5.13 on)");
}

/** check_cgroup() - which control groups we may use, and why not */
static void check_cgroup(const struct doctor *doctor, struct finding *finding)
{
	static const char *const layouts[] = {
		[DYNO_CGROUP_NONE] = "none that we may write: limits of memory and processes are not held",
		[DYNO_CGROUP_V1] = "v1 trees",
		[DYNO_CGROUP_HYBRID] = "hybrid: controllers on v1 trees, kill and freeze on the v2 tree",
		[DYNO_CGROUP_V2] = "v2, the unified tree",
	};

	doctor_say(finding, doctor->cgroups.layout == DYNO_CGROUP_NONE ? DOCTOR_WARN : DOCTOR_OK, "%s",
	           layouts[doctor->cgroups.layout]);
	if (doctor->cgroups.why[0])
		doctor_advise(finding, "%s", doctor->cgroups.why);
}

/** say_controller() - whether one controller can be used */
static void say_controller(const struct doctor *doctor, struct finding *finding, enum cgroup_controller controller,
                           const char *without)
{
	const struct cgroup_host *host = &doctor->cgroups;

	if (host->v1_fd[controller] >= 0 || (host->v2_fd >= 0 && host->v2_has[controller])) {
		doctor_say(finding, DOCTOR_OK, "on the %s tree", host->v1_fd[controller] >= 0 ? "v1" : "v2");
		return;
	}
	doctor_say(finding, DOCTOR_WARN, "not available: %s", without);
	if (host->layout == DYNO_CGROUP_NONE)
		doctor_advise(finding, "see control groups");
	else if (host->why[0])
		doctor_advise(finding, "%s", host->why);
}

/** check_memory() - the memory controller */
static void check_memory(const struct doctor *doctor, struct finding *finding)
{
	say_controller(doctor, finding, CGROUP_MEMORY, "--memory cannot be held");
}

/** check_pids() - the pids controller */
static void check_pids(const struct doctor *doctor, struct finding *finding)
{
	say_controller(doctor, finding, CGROUP_PIDS, "--pids is held by a resource limit only");
}

/** check_cpu() - the cpu controller */
static void check_cpu(const struct doctor *doctor, struct finding *finding)
{
	say_controller(doctor, finding, CGROUP_CPU, "--cpus cannot be held");
}

/** check_pasta() - the private network without root */
static void check_pasta(const struct doctor *doctor, struct finding *finding)
{
	if (!doctor->rootless) {
		doctor_say(finding, DOCTOR_OK, "not needed as root");
	} else if (!doctor->pasta) {
		doctor_say(finding, DOCTOR_WARN, "not found: without root, --net private needs it");
		doctor_advise(finding, "install the package passt, or use --net none");
	} else if (!doctor->tun) {
		doctor_say(finding, DOCTOR_WARN, "found, but /dev/net/tun cannot be used, which it needs");
		doctor_advise(
			finding,
			"chmod 0666 /dev/net/tun, as is usual (modprobe tun where it is missing), or use --net none");
	} else {
		doctor_say(finding, DOCTOR_OK, "found, and /dev/net/tun can be used");
	}
}

/** check_state() - the state directory and what else a host opens */
static void check_state(const struct doctor *doctor, struct finding *finding)
{
	(void)say_probe(finding, &doctor->host, DOCTOR_FAIL, doctor->state_dir);
}

/** check_sandbox() - the whole way up to an app */
static void check_sandbox(const struct doctor *doctor, struct finding *finding)
{
	(void)say_probe(finding, &doctor->sandbox, DOCTOR_FAIL, "one was made and taken down");
}

/** check_network() - the same with a private network */
static void check_network(const struct doctor *doctor, struct finding *finding)
{
	if (!say_probe(finding, &doctor->network, DOCTOR_WARN, "a sandbox with one was made and taken down") &&
	    !finding->remedy[0])
		doctor_advise(finding, "--net none and --net host do without");
}

const struct check doctor_checks[] = {
	{ "kernel", check_kernel },
	{ "kernel fixes", check_kernel_fixes },
	{ "mode", check_mode },
	{ "container", check_container },
	{ "namespaces", check_namespaces },
	{ "clone", check_clone },
	{ "id map", check_map },
	{ "scratch", check_scratch },
	{ "overlay", check_overlay },
	{ "proc", check_proc },
	{ "idmapped mounts", check_idmap },
	{ "seccomp", check_seccomp },
	{ "landlock", check_landlock },
	{ "control groups", check_cgroup },
	{ "memory limit", check_memory },
	{ "process limit", check_pids },
	{ "CPU limit", check_cpu },
	{ "pasta", check_pasta },
	{ "state directory", check_state },
	{ "sandbox", check_sandbox },
	{ "private network", check_network },
	{ "forwarding", doctor_check_forwarding },
	{ "other filters", doctor_check_walls },
	{ "address range", doctor_check_range },
	{ "tracking", doctor_check_tracking },
	{ 0 },
};
