/* SPDX-License-Identifier: Apache-2.0 */
/**
 * attach.c - see attach.h
 *
 * Theory of operation. A mount is attached by somebody in the mount namespace (move_mount(2)), and no thread of the
 * launcher's may go there: its root and working directory would go with it. So a visitor does, born by clone(2)
 * with the launcher's memory and while the launcher stands still (CLONE_VM | CLONE_VFORK), which makes no page table: it enters,
 * attaches, sets the name, and is gone.
 */
#include "isolation/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#define STEP "attach"
#define VISITOR_STACK 8192

/** struct visit - what the visitor is told, and what it tells: @code, and what it did last */
struct visit {
	int pidfd;
	int app;
	const char *hostname;
	int code;
	const char *what;
};

/** visitor_main() - the visitor; shares the launcher's memory, which waits for its end */
static int visitor_main(void *data)
{
	struct visit *visit = data;
	int r;

	visit->what = "cannot enter the sandbox:";
	r = setns(visit->pidfd, CLONE_NEWNS | (visit->hostname ? CLONE_NEWUTS : 0));
	if (r == 0 && visit->app >= 0) {
		visit->what = "cannot attach /app:";
		r = move_mount(visit->app, "", AT_FDCWD, "/app", MOVE_MOUNT_F_EMPTY_PATH);
	}
	if (r == 0 && visit->hostname) {
		visit->what = "cannot set the host name:";
		r = sethostname(visit->hostname, strlen(visit->hostname));
	}
	visit->code = r < 0 ? -errno : 0;
	return 0;
}

int attach_late(int pidfd, int app, const char *hostname, pid_t *ret_visitor, struct dyno_error *err)
{
	static __thread char stack[VISITOR_STACK] __attribute__((aligned(16)));
	struct visit visit = { pidfd, app, hostname, -ECHILD, "cannot enter the sandbox:" };
	sigset_t all, before;
	pid_t visitor;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/*
	 * Shared, what need not be copied: a table of a thousand descriptors is 20 us. Exit signal 0: the caller's SIGCHLD handling
	 * never hears of it.
	 */
	visitor = clone(visitor_main, stack + VISITOR_STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_SIGHAND,
	                &visit);
	if (visitor < 0)
		visit.code = -errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	*ret_visitor = visitor > 0 ? visitor : 0;
	return visit.code < 0 ? error_set(err, visit.code, STEP, "%s", visit.what) : 0;
}

void attach_reap(pid_t *visitor)
{
	while (*visitor > 0 && waitpid(*visitor, NULL, __WALL) < 0 && errno == EINTR)
		;
	*visitor = 0;
}
