/* SPDX-License-Identifier: Apache-2.0 */
/**
 * capabilities.c - see capabilities.h
 *
 * Theory of operation. A process can win power back in four ways, and each step closes one; the order follows from
 * which step still needs a capability itself.
 *
 *   1. securebits, locked: user id 0 means nothing at execve(2) or setresuid(2), no ambient capability can be raised,
 *      and nobody can unlock it. Needs CAP_SETPCAP in the current user namespace, so it comes first.
 *   2. bounding set, emptied: no file capability can give anything at execve(2). Needs CAP_SETPCAP (EPERM without).
 *   3. ambient set, cleared: it would survive execve(2). Needs nothing.
 *   4. permitted, effective, inheritable: zero. From here on nothing that needs a capability works.
 *   5. no_new_privs: set-user-id bits and file capabilities are inert, and seccomp and Landlock may be entered
 *      unprivileged.
 *   6. look: what the kernel says now, against what must be. A surprise is fatal.
 *
 * Entering a user namespace refills every set and resets securebits (kernel: set_cred_user_ns()), which is why all of
 * this runs behind it and why capabilities_keep_child() does too.
 */
#include "isolation/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

#define STEP "capabilities"

/* KEEP_CAPS is locked in its off position: nothing keeps capabilities over a change of user id */
#define SECUREBITS_POWERLESS                                                                                           \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |               \
	 SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

/* The kernel keeps 64 bits; a loop that went further would never meet its EINVAL */
#define CAPABILITY_NUMBERS 64

/**
 * capabilities_lock() - set and lock securebits
 * Should: run while CAP_SETPCAP is effective.
 */
static int capabilities_lock(struct dyno_error *err)
{
	if (prctl(PR_SET_SECUREBITS, SECUREBITS_POWERLESS, 0, 0, 0) < 0)
		return error_set(err, -errno, STEP, "cannot lock securebits:");
	return 0;
}

/**
 * capabilities_empty_bounding() - drop every capability this kernel knows from the bounding set
 * The kernel answers EINVAL for the first number that is not a capability. A dropped capability drops again without
 * complaint, so nothing is read first; each call that returns 0 has taken its bit (41 of them are 49 us: copying
 * credentials, not entering the kernel, is the cost, and there is no call that drops several).
 */
static int capabilities_empty_bounding(struct dyno_error *err)
{
	for (unsigned long cap = 0; cap < CAPABILITY_NUMBERS; cap++) {
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL && cap > 0)
			return 0;
		return error_set(err, -errno, STEP, "cannot drop capability %lu from the bounding set:", cap);
	}
	return 0;
}

/** capabilities_empty_sets() - ambient, then permitted, effective and inheritable */
static int capabilities_empty_sets(struct dyno_error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return error_set(err, -errno, STEP, "cannot clear the ambient set:");
	if (syscall(SYS_capset, &header, none) < 0)
		return error_set(err, -errno, STEP, "cannot empty the capability sets:");
	return 0;
}

/**
 * capabilities_verify() - ask the kernel whether we are powerless now
 * An ambient capability must be permitted and inheritable (kernel: cap_ambient_invariant_ok()), so three empty sets
 * prove the fourth.
 */
static int capabilities_verify(struct dyno_error *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct now[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, now) < 0)
		return error_set(err, -errno, STEP, "cannot read the capability sets back:");
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		if (now[i].effective | now[i].permitted | now[i].inheritable)
			return error_set(err, -EPERM, STEP,
			                 "the kernel still reports capabilities after dropping them");
	}
	if (prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) != SECUREBITS_POWERLESS)
		return error_set(err, -EPERM, STEP, "the kernel reports other securebits than were set");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return error_set(err, -EPERM, STEP, "the kernel reports no_new_privs as not set");
	return 0;
}

int capabilities_keep_child(struct dyno_error *err)
{
	/*
	 * Without it, setresuid(2) from 0 to another id clears permitted and effective (capabilities(7)), and nobody
	 * could lock securebits any more. PR_SET_KEEPCAPS would keep only permitted; this keeps effective as well.
	 */
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0)
		return error_set(err, -errno, STEP, "cannot keep capabilities over the change of user:");
	return 0;
}

int capabilities_drop_child(struct dyno_error *err)
{
	int r;

	r = capabilities_lock(err);
	if (r < 0)
		return r;
	r = capabilities_empty_bounding(err);
	if (r < 0)
		return r;
	r = capabilities_empty_sets(err);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_set(err, -errno, STEP, "cannot set no_new_privs:");
	return capabilities_verify(err);
}
