/* SPDX-License-Identifier: Apache-2.0 */
/**
 * attach.c - see attach.h
 *
 * Theory of operation. A mount is attached by somebody in the mount namespace (move_mount(2)), and no thread of the
 * launcher's may go there: its root and working directory would go with it. So a visitor does (base/visitor.h): it enters,
 * attaches, sets the name, and is gone.
 */
#include "isolation/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/error.h"
#include "base/visitor.h"

#define STEP "attach"

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
	struct visit visit = { pidfd, app, hostname, -ECHILD, "cannot enter the sandbox:" };
	int code = visitor_run(visitor_main, &visit, ret_visitor);

	if (code < 0)
		visit.code = code;
	return visit.code < 0 ? error_set(err, visit.code, STEP, "%s", visit.what) : 0;
}
