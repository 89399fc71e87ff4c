/* SPDX-License-Identifier: Apache-2.0 */
/**
 * landlock.c - see landlock.h
 *
 * Theory of operation. The mounts already make everything but a few directories read-only. Landlock says the same a
 * second time, by another part of the kernel, so that a mistake in either is not an escape: writing, creating,
 * removing, linking and renaming are *handled* (denied wherever no rule allows them), reading and executing are not
 * touched. No rule allows making device nodes anywhere.
 *
 * Rules hang on the directories as they are now, in the new root, and hold for what is mounted below them (/dev/shm,
 * /dev/pts). Descriptors that are open already, standard streams among them, are not affected.
 *
 * The domain is inherited, so that init, app and every later exec are in one domain and may signal each other.
 */
#include "isolation/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

#define STEP "landlock"

/* Later than the headers of the distributions we build on */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#endif
#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif

/**
 * struct landlock_ruleset - struct landlock_ruleset_attr as of ABI 6, which older headers have shorter
 * A kernel that knows fewer fields takes the longer struct as long as what it does not know is zero.
 */
struct landlock_ruleset {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

enum landlock_version {
	LANDLOCK_ABI_REFER =
		2, /* before it every rename and link between directories is refused, allowed or not: apps need those */
	LANDLOCK_ABI_TRUNCATE = 3,
	LANDLOCK_ABI_IOCTL_DEV = 5,
	LANDLOCK_ABI_SCOPE = 6,
};

/* Opening what exists, as opposed to changing a directory */
#define ACCESS_CONTENT (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define ACCESS_NODES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define ACCESS_TREE                                                                                                    \
	(ACCESS_CONTENT | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                             \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |                    \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)

/** struct landlock_place - a directory in which a dyno may write, and how */
struct landlock_place {
	const char *path;
	uint64_t access;
};

#define LANDLOCK_PLACE_APP 0

static const struct landlock_place landlock_places[] = {
	[LANDLOCK_PLACE_APP] = { "/app", ACCESS_TREE },
	{ "/tmp", ACCESS_TREE },
	{ "/var/tmp", ACCESS_TREE },
	/* Terminals and /dev/shm; ioctl on devices is what makes a terminal one */
	{ "/dev", ACCESS_TREE | LANDLOCK_ACCESS_FS_IOCTL_DEV },
	/* A process's own knobs (comm, oom_score_adj); the rest is the business of the procfs mount */
	{ "/proc", ACCESS_CONTENT },
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/** landlock_known() - the access rights a kernel with @abi knows: naming another is EINVAL */
static uint64_t landlock_known(int abi)
{
	uint64_t known = ACCESS_TREE | ACCESS_NODES | LANDLOCK_ACCESS_FS_IOCTL_DEV;

	if (abi < LANDLOCK_ABI_TRUNCATE)
		known &= ~(uint64_t)LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi < LANDLOCK_ABI_IOCTL_DEV)
		known &= ~(uint64_t)LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return known;
}

/**
 * landlock_allow() - add one rule; a directory this dyno does not have needs none
 * @known: access rights the ruleset handles
 */
static int landlock_allow(int ruleset, const struct landlock_place *place, uint64_t known, struct dyno_error *err)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = place->access & known };
	_cleanup_close_ int fd = open(place->path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return error_set(err, -errno, STEP, "cannot open %s:", place->path);
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return error_set(err, -errno, STEP, "cannot allow writing below %s:", place->path);
	return 0;
}

/** landlock_open() - a ruleset with the rules of all places from the @first on. Return: descriptor, or negative errno */
static int landlock_open(int abi, size_t first, struct dyno_error *err)
{
	const uint64_t known = landlock_known(abi);
	struct landlock_ruleset attr = { .handled_access_fs = known };
	_cleanup_close_ int ruleset = -1;

	if (abi >= LANDLOCK_ABI_SCOPE)
		attr.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return error_set(err, -errno, STEP, "cannot make a ruleset for ABI %d:", abi);
	for (size_t i = first; i < sizeof(landlock_places) / sizeof(landlock_places[0]); i++) {
		int r = landlock_allow(ruleset, &landlock_places[i], known, err);

		if (r < 0)
			return r;
	}
	return TAKE_FD(ruleset);
}

/** landlock_enter() - be in the domain of @ruleset from now on */
static int landlock_enter(int ruleset, struct dyno_error *err)
{
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return error_set(err, -errno, STEP, "cannot enter the ruleset:");
	return 0;
}

int landlock_confine_child(int abi, struct dyno_error *err)
{
	_cleanup_close_ int ruleset = -1;

	if (abi < LANDLOCK_ABI_REFER)
		return 0;
	ruleset = landlock_open(abi, 0, err);
	return ruleset < 0 ? ruleset : landlock_enter(ruleset, err);
}

int landlock_open_child(int abi, int *ret, struct dyno_error *err)
{
	int ruleset = abi < LANDLOCK_ABI_REFER ? -1 : landlock_open(abi, LANDLOCK_PLACE_APP + 1, err);

	if (abi >= LANDLOCK_ABI_REFER && ruleset < 0)
		return ruleset;
	*ret = ruleset;
	return 0;
}

int landlock_enter_child(int ruleset, int abi, struct dyno_error *err)
{
	_cleanup_close_ int fd = ruleset;
	int r;

	if (fd < 0)
		return 0;
	r = landlock_allow(fd, &landlock_places[LANDLOCK_PLACE_APP], landlock_known(abi), err);
	return r < 0 ? r : landlock_enter(fd, err);
}
