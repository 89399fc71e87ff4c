/* SPDX-License-Identifier: Apache-2.0 */
/* visitor.c - see visitor.h */
#include "base/visitor.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define STACK 16384

int visitor_run(int (*main)(void *data), void *data, pid_t *ret_pid)
{
	static __thread char stack[STACK] __attribute__((aligned(16)));
	sigset_t all, before;
	pid_t pid;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = clone(main, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_SIGHAND, data);
	code = pid < 0 ? -errno : 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	*ret_pid = pid > 0 ? pid : 0;
	return code;
}

void visitor_reap(pid_t *pid)
{
	/* __WALL: a child whose exit signal is 0 is a "clone" child to wait(2). */
	while (*pid > 0 && waitpid(*pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	*pid = 0;
}
