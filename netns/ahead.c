/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ahead.c - see ahead.h
 *
 * The helper runs on the caller's thread-local storage, so it may not write errno: it makes its four system calls by hand.
 * Its signals are all blocked, its exit signal is 0: the caller's SIGCHLD handling never hears of it. If the caller is
 * killed meanwhile the helper ends by itself, and the namespace with its last descriptor.
 */
#include "netns/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define HELPER_STACK 8192

#if defined(__x86_64__)
/** raw() - a system call that leaves errno alone */
static inline long raw(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
	                 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
/** raw() - a system call that leaves errno alone */
static inline long raw(long number, long a, long b, long c, long d)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}
#else
#define NO_HELPER
#endif

/** ahead_reset() - nothing begun, nothing there */
static void ahead_reset(struct ahead *ahead)
{
	ahead->helper = 0;
	atomic_init(&ahead->taken, false);
	ahead->fd = -1;
	ahead->code = 0;
}

#ifndef NO_HELPER

/** helper_main() - make the namespace and leave its descriptor in @data, a struct ahead */
__attribute__((noreturn)) static int helper_main(void *data)
{
	struct ahead *ahead = data;

	if (!atomic_exchange(&ahead->taken, true)) {
		long r = raw(SYS_unshare, CLONE_NEWNET, 0, 0, 0);

		if (r == 0)
			r = raw(SYS_openat, AT_FDCWD, (long)"/proc/self/ns/net", O_RDONLY | O_CLOEXEC, 0);
		if (r >= 0)
			ahead->fd = (int)r;
		else
			ahead->code = (int)r;
	}
	for (;;)
		(void)raw(SYS_exit, 0, 0, 0, 0);
}

/**
 * move_away() - have the helper @pid run on another CPU than ours
 * A kernel without fork balancing, as in a small virtual machine, would leave it queued behind its caller. (The same for
 * the dyno's child was tried and dropped: when the other CPU was busy, launches took twice as long.)
 */
static void move_away(pid_t pid)
{
	cpu_set_t cpus;
	int here = sched_getcpu();

	if (here < 0 || sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		return;
	CPU_CLR((size_t)here, &cpus);
	(void)sched_setaffinity(pid, sizeof(cpus), &cpus);
}

void ahead_begin(struct ahead *ahead)
{
	static __thread char stack[HELPER_STACK] __attribute__((aligned(16)));
	sigset_t all, before;
	int pid;

	ahead_reset(ahead);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = clone(helper_main, stack + sizeof(stack), CLONE_VM | CLONE_FILES | CLONE_FS, ahead);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return;
	ahead->helper = pid;
	move_away(pid);
}

#else

void ahead_begin(struct ahead *ahead)
{
	ahead_reset(ahead);
}

#endif

int ahead_finish(struct ahead *ahead)
{
	int fd;

	if (ahead->helper <= 0 || !atomic_exchange(&ahead->taken, true))
		return -ENOENT;
	ahead_reap(ahead);
	fd = ahead->fd;
	ahead->fd = -1;
	return fd >= 0 ? fd : ahead->code < 0 ? ahead->code : -ENOENT;
}

void ahead_reap(struct ahead *ahead)
{
	/* __WALL: a child whose exit signal is 0 is a "clone" child to wait(2). */
	while (ahead->helper > 0 && waitpid(ahead->helper, NULL, __WALL) < 0 && errno == EINTR)
		;
	ahead->helper = 0;
}
