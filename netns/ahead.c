/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ahead.c - see ahead.h
 *
 * The helper runs on the caller's thread-local storage (base/raw.h). Its signals are all blocked, its exit signal is 0: the caller's SIGCHLD handling never hears of it. If the caller is
 * killed meanwhile the helper is too, and the namespace ends with its last descriptor.
 */
#include "netns/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/futex.h"
#include "base/raw.h"

#define HELPER_STACK 8192

/* struct ahead's state; the kernel writes GONE (CLONE_CHILD_CLEARTID) */
enum { GONE = 0, WORKING, FETCHABLE };

/** ahead_reset() - nothing begun, nothing there */
static void ahead_reset(struct ahead *ahead)
{
	ahead->helper = 0;
	atomic_init(&ahead->taken, false);
	ahead->cpu = -1;
	ahead->fd = -1;
	ahead->code = 0;
	atomic_init(&ahead->state, WORKING);
	ahead->caller = getpid();
}

/** loopback_up() - link_loopback_up() without errno. Return: 0 or negative errno */
RAW_BESIDE static long loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	long fd = raw_syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, 0);
	long r = fd < 0 ? fd : raw_syscall(SYS_ioctl, fd, SIOCSIFFLAGS, (long)&request, 0);

	if (fd >= 0)
		(void)raw_syscall(SYS_close, fd, 0, 0, 0);
	return r;
}

/** helper_main() - make the namespace and leave its descriptor in @data, a struct ahead */
RAW_BESIDE __attribute__((noreturn)) static int helper_main(void *data)
{
	struct ahead *ahead = data;
	long r;

	raw_die_with(ahead->caller);
	if (atomic_exchange(&ahead->taken, true))
		raw_exit();
	ahead->cpu = raw_cpu();
	r = raw_syscall(SYS_unshare, CLONE_NEWNET, 0, 0, 0);
	if (r == 0)
		r = raw_syscall(SYS_openat, AT_FDCWD, (long)"/proc/self/ns/net", O_RDONLY | O_CLOEXEC, 0);
	ahead->fd = r < 0 ? -1 : (int)r;
	ahead->code = r < 0 ? (int)r : 0;
	futex_tell(&ahead->state, FETCHABLE);
	if (r >= 0)
		ahead->code = (int)loopback_up();
	raw_exit();
}

void ahead_begin(struct ahead *ahead)
{
	static __thread char stack[HELPER_STACK] __attribute__((aligned(16)));
	sigset_t all, before;
	int pid;

	ahead_reset(ahead);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone(helper_main, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_CHILD_CLEARTID, ahead,
	            NULL, NULL, &ahead->state);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return;
	ahead->helper = pid;
	cpu_move_away(pid);
}

/** fetchable() - until the helper has left a descriptor or a code, or is gone without a word */
static void fetchable(struct ahead *ahead)
{
	while (atomic_load(&ahead->state) == WORKING)
		futex_sleep(&ahead->state, WORKING);
}

int ahead_fetch(struct ahead *ahead)
{
	int fd;

	if (ahead->helper <= 0 || !atomic_exchange(&ahead->taken, true))
		return -ENOENT;
	fetchable(ahead);
	fd = ahead->fd;
	ahead->fd = -1;
	return fd >= 0 ? fd : ahead->code < 0 ? ahead->code : -ENOENT;
}

int ahead_end(struct ahead *ahead)
{
	int code;

	/* __WALL: a child whose exit signal is 0 is a "clone" child to wait(2). */
	while (ahead->helper > 0 && waitpid(ahead->helper, NULL, __WALL) < 0 && errno == EINTR)
		;
	ahead->helper = 0;
	code = ahead->code;
	ahead->code = 0;
	return code;
}
