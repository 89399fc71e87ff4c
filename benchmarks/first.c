/* SPDX-License-Identifier: Apache-2.0 */
/**
 * first.c - a program whose first act is to say what time it is
 *
 * It writes CLOCK_MONOTONIC in nanoseconds, as decimal text and a newline, to standard output and ends. Built twice:
 * with -DFIRST_NOLIBC it has no C library at all, so that "request to first instruction" holds the launcher and the
 * kernel's execve and nothing else; without, it is a static glibc program, whose start-up belongs to the payload and
 * flatters every launcher's ratio alike.
 */
#ifdef FIRST_NOLIBC

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "first.c knows x86-64 and arm64"
#endif

struct time {
	long seconds;
	long nanoseconds;
};

void _start(void);

/** call() - a system call of up to three arguments */
static long call(long number, long first, long second, long third)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"(number), "D"(first), "S"(second), "d"(third)
	                 : "rcx", "r11", "memory");
	return result;
#else
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = first;
	register long x1 __asm__("x1") = second;
	register long x2 __asm__("x2") = third;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
	return x0;
#endif
}

#ifdef __x86_64__
enum { WRITE = 1, CLOCK_GETTIME = 228, EXIT_GROUP = 231 };
#else
enum { WRITE = 64, CLOCK_GETTIME = 113, EXIT_GROUP = 94 };
#endif

/** _start() - where the kernel enters; the clock is read before anything else happens */
void _start(void)
{
	struct time now;
	char text[24];
	int at = sizeof(text);
	long rest;

	call(CLOCK_GETTIME, 1 /* CLOCK_MONOTONIC */, (long)&now, 0);
	rest = now.seconds * 1000000000L + now.nanoseconds;
	text[--at] = '\n';
	do {
		text[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	call(WRITE, 1, (long)(text + at), (long)sizeof(text) - at);
	call(EXIT_GROUP, 0, 0, 0);
	__builtin_unreachable();
}

#else /* a C library */

#include <stdio.h>
#include <time.h>
#include <unistd.h>

/** main() - the same, after the C library's start-up */
int main(void)
{
	struct timespec now;
	char text[32];
	int length;

	clock_gettime(CLOCK_MONOTONIC, &now);
	length = snprintf(text, sizeof(text), "%lld\n", (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
	return write(STDOUT_FILENO, text, (size_t)length) == length ? 0 : 1;
}

#endif
