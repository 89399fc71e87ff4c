/* SPDX-License-Identifier: Apache-2.0 */
/**
 * raw.h - system calls for a process that shares its memory with its parent (CLONE_VM)
 *
 * Such a process runs on the parent's thread-local storage, so it may not write errno, nor call anything in libc that might.
 */
#ifndef BASE_RAW_H
#define BASE_RAW_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>

/**
 * RAW_BESIDE - of a function that such a process runs while its parent goes on
 * AddressSanitizer keeps frames in memory that it finds by the thread-local storage, and knows of one that uses it at a time.
 */
#define RAW_BESIDE __attribute__((no_sanitize("address")))

#if defined(__x86_64__)
/** raw_syscall5() - a system call of five arguments that leaves errno alone. Return: as the kernel gives it, negative errno on failure */
static inline long raw_syscall5(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
	                 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
/** raw_syscall5() - a system call of five arguments that leaves errno alone. Return: as the kernel gives it, negative errno on failure */
static inline long raw_syscall5(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
#else
#error "raw_syscall5() is written for x86_64 and aarch64"
#endif

/** raw_syscall() - one of four arguments or less */
static inline long raw_syscall(long number, long a, long b, long c, long d)
{
	return raw_syscall5(number, a, b, c, d, 0);
}

/** raw_cpu() - the CPU that the caller runs on, -1 for unknown */
RAW_BESIDE static inline int raw_cpu(void)
{
	unsigned cpu = 0;

	return raw_syscall(SYS_getcpu, (long)&cpu, 0, 0, 0) == 0 ? (int)cpu : -1;
}

/**
 * raw_exit() - end without flushing, unwinding or handlers
 * Always inlined: before a call that does not return AddressSanitizer looks for the stack's bounds, and warns of a stack that is not the thread's.
 */
__attribute__((noreturn, always_inline)) static inline void raw_exit(void)
{
	for (;;)
		(void)raw_syscall(SYS_exit, 0, 0, 0, 0);
}

/**
 * raw_die_with() - die when @parent dies; it may be dead already
 * Should: be the first thing that a helper does: it holds copies of its parent's descriptors, among them locks that
 *         say who is alive.
 */
static inline void raw_die_with(pid_t parent)
{
	if (raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0) < 0 ||
	    raw_syscall(SYS_getppid, 0, 0, 0, 0) != parent)
		raw_exit();
}

#endif /* BASE_RAW_H */
