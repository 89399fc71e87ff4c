/* SPDX-License-Identifier: Apache-2.0 */
/**
 * doctor.h - what `dyno doctor` looks at
 *
 * First the facts are gathered once (struct doctor), among them a real attempt at each thing that kernels and
 * administrators like to forbid (doctor_probe.c). Then each check of one table turns facts into a finding
 * (doctor_checks.c). So a check can be tested with made-up facts.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <stdbool.h>
#include <sys/utsname.h>

#include "cli/doctor_network.h"
#include "dyno.h"
#include "isolation/cgroup.h"

enum doctor_state { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

/**
 * struct finding - what one check says
 * @fact:   one sentence without a final stop
 * @remedy: the narrowest thing to do about it, or empty
 */
struct finding {
	enum doctor_state state;
	char fact[400];
	char remedy[400];
};

/** struct probe - one attempt: @tried, and how it failed: @err.code is 0 when it worked */
struct probe {
	bool tried;
	struct dyno_error err;
};

/**
 * struct probes - the attempts, each made the way a dyno is made
 * @clone:   clone3 with the namespaces of a dyno; rootless the user namespace is one of them
 * @map:     rootless: writing the id map; as root: making a mapped user namespace beside
 * @scratch: a tmpfs in the new mount namespace
 * @overlay: an overlay on it
 * @proc:    a /proc of the new PID namespace
 * @idmap:   as root: an idmapped copy of /usr
 */
struct probes {
	struct probe clone, map, scratch, overlay, proc, idmap;
};

/**
 * struct doctor - the facts
 * @kernel:   release as numbers
 * @rootless: without CAP_SYS_ADMIN
 * @filtered: a seccomp filter is already upon us, as in a container
 * @apparmor_userns, @userns_clone, @userns_max: the sysctls that govern user namespaces, -1 where there is none
 * @seccomp:  the kernel can kill a process for a system call
 * @namespaces: all seven types are there
 * @container: what looks like a container around us, or empty
 * @pasta:    it is on PATH; @tun: /dev/net/tun can be used
 * @net:     doctor_network.h
 * @host, @sandbox, @network: opening the host, preparing a parked sandbox without network, and with a private one
 */
struct doctor {
	struct utsname uname;
	unsigned kernel[3];
	bool rootless;
	bool filtered;
	long apparmor_userns;
	long userns_clone;
	long userns_max;
	bool seccomp;
	bool namespaces;
	int landlock_abi;
	struct cgroup_host cgroups;
	char container[64];
	char state_dir[128];
	bool pasta;
	bool tun;
	struct probes probes;
	struct probe host, sandbox, network;
	struct doctor_network net;
};

/** struct check - one row: @look turns facts into a finding, which comes zeroed */
struct check {
	const char *name;
	void (*look)(const struct doctor *doctor, struct finding *finding);
};

/** doctor_checks - all checks in the order in which they are shown; the last has no name */
extern const struct check doctor_checks[];

/** doctor_say() - state the fact */
void doctor_say(struct finding *finding, enum doctor_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** doctor_advise() - state the remedy */
void doctor_advise(struct finding *finding, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** doctor_gather() - find out the facts; what cannot be found out counts as missing */
void doctor_gather(struct doctor *ret);

/** doctor_gather_done() - close what doctor_gather() opened */
void doctor_gather_done(struct doctor *doctor);

/** doctor_probe() - make the attempts in a child of ours; nothing is left of them */
void doctor_probe(bool rootless, struct probes *ret);

#endif /* CLI_DOCTOR_H */
