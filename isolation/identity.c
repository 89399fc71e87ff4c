/* SPDX-License-Identifier: Apache-2.0 */
/* identity.c - see identity.h */
#include "isolation/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/raw.h"

#define HOLDER_STACK 4096

/** holder_main() - exist, in a new user namespace, until killed; @data: the launcher's pid */
RAW_BESIDE __attribute__((noreturn)) static int holder_main(void *data)
{
	raw_die_with(*(const pid_t *)data);
	for (;;)
		(void)raw_syscall(SYS_ppoll, 0, 0, 0, 0);
}

/**
 * userns_map() - write the maps of the holder's namespace and open it
 * @map: the same text serves as uid map and as gid map unless @gid_map is given
 */
static int userns_map(pid_t holder, const char *uid_map, const char *gid_map, int *ret_fd)
{
	_cleanup_close_ int proc = -1;
	char path[32];
	int fd;
	int r;

	snprintf(path, sizeof(path), "/proc/%d", holder);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -errno;
	r = fd_write_text(proc, "uid_map", uid_map);
	if (r < 0)
		return r;
	r = fd_write_text(proc, "gid_map", gid_map);
	if (r < 0)
		return r;
	fd = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/**
 * userns_open() - a user namespace with its maps written and no process in it
 * The holder shares the parent's memory (CLONE_VM: no page tables to copy) and is killed before it does anything; its
 * signals are those the parent blocks. Its exit signal is 0: the caller's SIGCHLD handling never hears of it.
 * Return: 0, or negative errno; @ret_holder is set as soon as there is a process to reap.
 */
static int userns_open(const char *uid_map, const char *gid_map, int *ret_fd, pid_t *ret_holder)
{
	static __thread char stacks[2][HOLDER_STACK] __attribute__((aligned(16)));
	static __thread pid_t launcher;
	static __thread unsigned turn;
	char *stack = stacks[turn++ % 2] + HOLDER_STACK; /* the holder before may still be dying on the other one */
	sigset_t all, before;
	pid_t holder;
	int code;
	int r;

	launcher = getpid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	holder = clone(holder_main, stack, CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_NEWUSER, &launcher);
	code = -errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (holder < 0)
		return code;
	r = userns_map(holder, uid_map, gid_map, ret_fd);
	(void)kill(holder, SIGKILL);
	*ret_holder = holder;
	return r;
}

/** reap_holder() - wait for a holder, which was killed long ago */
static void reap_holder(pid_t *holder)
{
	/* __WALL: a child whose exit signal is 0 is a "clone" child to wait(2). It was killed: this is prompt. */
	while (*holder > 0 && waitpid(*holder, NULL, __WALL) < 0 && errno == EINTR)
		;
	*holder = 0;
}

/** append_extent() - one line of a map: @count ids from @inside, at @outside; nothing for an empty one */
static void append_extent(char *buf, size_t size, uint32_t inside, uint32_t outside, uint32_t count)
{
	size_t used = strlen(buf);

	if (count > 0)
		snprintf(buf + used, size - used, "%u %u %u\n", inside, outside, count);
}

/**
 * slug_map() - map text that swaps owner @id with the dyno's user and leaves all others in place, powerless in the range
 * An @id beyond the range takes the place of the user's own number, which then is nobody's.
 */
static void slug_map(char *buf, size_t size, uint32_t id, uint32_t base)
{
	bool beyond = id >= IDENTITY_RANGE;
	uint32_t low = beyond || id > IDENTITY_USER ? IDENTITY_USER : id;
	uint32_t high = beyond ? IDENTITY_USER : id > IDENTITY_USER ? id : IDENTITY_USER;

	buf[0] = '\0';
	append_extent(buf, size, 0, base, low);
	append_extent(buf, size, beyond ? id : low, base + high, 1);
	if (low != high) {
		append_extent(buf, size, low + 1, base + low + 1, high - low - 1);
		append_extent(buf, size, high, base + low, 1);
	}
	append_extent(buf, size, high + 1, base + high + 1, IDENTITY_RANGE - high - 1);
}

/** explain() - tell the causes of a user namespace that cannot be made apart (user_namespaces(7)) */
static int explain(int code, struct dyno_error *err)
{
	error_set(err, code, "user namespace", "cannot create the user namespace:");
	if (code == -ENOSPC || code == -EUSERS)
		error_remedy(err, "raise /proc/sys/user/max_user_namespaces");
	return code;
}

int identity_open(unsigned slot, struct identity *ret, struct dyno_error *err)
{
	struct identity identity = IDENTITY_NULL;
	char map[64];
	int r;

	identity.base = IDENTITY_BASE + slot * IDENTITY_STRIDE;
	snprintf(map, sizeof(map), "0 %u %u\n", identity.base, IDENTITY_RANGE);
	r = userns_open(map, map, &identity.user_fd, &identity.holder[0]);
	if (r < 0) {
		identity_done(&identity);
		return explain(r, err);
	}
	*ret = identity;
	return 0;
}

int identity_open_slug(struct identity *identity, uid_t uid, gid_t gid, struct dyno_error *err)
{
	char uid_map[160], gid_map[160];
	int r = 0;

	if (uid == (uid_t)-1 || (identity->slug_fd >= 0 && identity->slug_uid == uid && identity->slug_gid == gid))
		return 0;
	identity->slug_fd = fd_close(identity->slug_fd);
	reap_holder(&identity->holder[1]);
	if (uid == IDENTITY_USER && gid == IDENTITY_USER) {
		/* The first user of most machines: nobody is to be swapped, one namespace does for both. */
		identity->slug_fd = fcntl(identity->user_fd, F_DUPFD_CLOEXEC, 3);
		r = identity->slug_fd < 0 ? -errno : 0;
	} else {
		slug_map(uid_map, sizeof(uid_map), uid, identity->base);
		slug_map(gid_map, sizeof(gid_map), gid, identity->base);
		r = userns_open(uid_map, gid_map, &identity->slug_fd, &identity->holder[1]);
	}
	if (r < 0)
		return explain(r, err);
	identity->slug_uid = uid;
	identity->slug_gid = gid;
	return 0;
}

uint32_t identity_translate(uint32_t base, uint32_t owner, uint32_t id)
{
	if (id == owner)
		return base + IDENTITY_USER;
	if (id == IDENTITY_USER)
		id = owner;
	return base + (id < IDENTITY_RANGE ? id : 65534u);
}

uid_t identity_user(const struct identity *identity)
{
	return identity->base + IDENTITY_USER;
}

void identity_settle(struct identity *identity)
{
	reap_holder(&identity->holder[0]);
	reap_holder(&identity->holder[1]);
}

void identity_done(struct identity *identity)
{
	identity_settle(identity);
	identity->user_fd = fd_close(identity->user_fd);
	identity->slug_fd = fd_close(identity->slug_fd);
}

int identity_map_child(uid_t uid, gid_t gid, struct dyno_error *err)
{
	char map[48];
	int r;

	snprintf(map, sizeof(map), "%u %u 1\n", IDENTITY_USER, uid);
	r = fd_write_text(AT_FDCWD, "/proc/self/uid_map", map);
	/* user_namespaces(7): an unprivileged gid_map needs setgroups denied first. */
	if (r == 0)
		r = fd_write_text(AT_FDCWD, "/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1\n", IDENTITY_USER, gid);
	if (r == 0)
		r = fd_write_text(AT_FDCWD, "/proc/self/gid_map", map);
	if (r < 0) {
		error_set(err, r, "identity", "cannot map ids in the new user namespace:");
		error_remedy(err, "an AppArmor or SELinux policy may restrict user namespaces: see dyno doctor");
	}
	return r;
}

int identity_enter_child(const struct identity *identity, struct dyno_error *err)
{
	if (identity->user_fd >= 0) {
		if (setns(identity->user_fd, CLONE_NEWUSER) < 0)
			return error_set(err, -errno, "identity", "cannot enter the user namespace:");
		/* Raw calls: glibc's wrappers would signal the threads of the launcher that the child only inherited in name. */
		if (syscall(SYS_setgroups, 0, NULL) < 0)
			return error_set(err, -errno, "identity", "cannot drop supplementary groups:");
	}
	if (syscall(SYS_setresgid, IDENTITY_USER, IDENTITY_USER, IDENTITY_USER) < 0 ||
	    syscall(SYS_setresuid, IDENTITY_USER, IDENTITY_USER, IDENTITY_USER) < 0)
		return error_set(err, -errno, "identity", "cannot become user %u:", IDENTITY_USER);
	return 0;
}

int identity_keyring_child(struct dyno_error *err)
{
	/* ENOSYS: a kernel without keyrings has none to leak. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		return error_set(err, -errno, "keyring", "cannot make a session keyring:");
	return 0;
}
