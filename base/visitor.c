/* SPDX-License-Identifier: Apache-2.0 */
/* visitor.c - see visitor.h */
#include "base/visitor.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/futex.h"
#include "base/raw.h"

#define STACK 16384
#define LOOK_NS 200000

/**
 * struct visits - of a thread: one visitor at a time
 * @stack:  the visitor's
 * @here:   1 until the kernel has taken its memory from it (CLONE_CHILD_CLEARTID, which wakes who waits for that)
 * @main, @data: what it is to do
 * @caller: who began it; @its_cpu, @our_cpu: where the two run, -1 for unknown
 */
static __thread struct visits {
	char stack[STACK] __attribute__((aligned(16)));
	_Atomic unsigned here;
	int (*main)(void *data);
	void *data;
	pid_t caller;
	_Atomic int its_cpu, our_cpu;
} visits;

/** now_ns() - as clock_ns(), without libc */
RAW_BESIDE static uint64_t now_ns(void)
{
	struct timespec now = { 0 };

	(void)raw_syscall(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/**
 * change_from() - wait until @word is not @value. Return: what it is
 * @look: by looking for a while first; where the other has to run on this CPU that would only keep it from that
 */
RAW_BESIDE static unsigned change_from(_Atomic unsigned *word, unsigned value, bool look)
{
	const uint64_t until = look ? now_ns() + LOOK_NS : 0;
	unsigned now = atomic_load(word);

	while (now == value) {
		if (!look || now_ns() >= until)
			futex_sleep(word, value);
		now = atomic_load(word);
	}
	return now;
}

/** enter() - the visitor, born */
RAW_BESIDE static int enter(void *data)
{
	(void)data;
	raw_die_with(visits.caller);
	atomic_store(&visits.its_cpu, raw_cpu());
	return visits.main(visits.data);
}

/** begin() - visitor_run() or visitor_begin(), by @flag */
static int begin(int flag, int (*main)(void *data), void *data, pid_t *ret_pid)
{
	const int flags = CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_CHILD_CLEARTID | flag;
	sigset_t all, before;
	pid_t pid;
	int code;

	visitor_wait();
	visits.main = main;
	visits.data = data;
	visits.caller = getpid();
	atomic_store(&visits.its_cpu, -1);
	atomic_store(&visits.our_cpu, raw_cpu());
	atomic_store(&visits.here, 1);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = clone(enter, visits.stack + STACK, flags, NULL, NULL, NULL, &visits.here);
	code = pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		atomic_store(&visits.here, 0);
	*ret_pid = pid > 0 ? pid : 0;
	return code;
}

int visitor_run(int (*main)(void *data), void *data, pid_t *ret_pid)
{
	return begin(CLONE_VFORK, main, data, ret_pid);
}

int visitor_begin(int (*main)(void *data), void *data, pid_t *ret_pid)
{
	return begin(0, main, data, ret_pid);
}

void visitor_wait(void)
{
	int its_cpu = atomic_load(&visits.its_cpu);

	if (atomic_load(&visits.here) != 0)
		(void)change_from(&visits.here, 1, its_cpu >= 0 && its_cpu != raw_cpu());
}

RAW_BESIDE unsigned visitor_await(_Atomic unsigned *word)
{
	int our_cpu = atomic_load(&visits.our_cpu);

	return change_from(word, 0, our_cpu >= 0 && our_cpu != raw_cpu());
}

void visitor_reap(pid_t *pid)
{
	/* __WALL: a child whose exit signal is 0 is a "clone" child to wait(2). */
	while (*pid > 0 && waitpid(*pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	*pid = 0;
}
