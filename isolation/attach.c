/* SPDX-License-Identifier: Apache-2.0 */
/**
 * attach.c - see attach.h
 *
 * Theory of operation. A mount is attached by somebody in the mount namespace (move_mount(2)), and no thread of the
 * launcher's may go there: its root and working directory would go with it. So a visitor does (base/visitor.h): it enters,
 * waits for the mount, which is being made meanwhile, attaches it, sets the name, and is gone. To be born and to enter is half of
 * its 100 us: they are beside the making of the mount.
 */
#include "isolation/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/raw.h"
#include "base/visitor.h"

#define STEP "attach"

enum { GO_ON = 1, LEAVE = 2 };

/** visit() - all of it. Return: 0 or negative errno; @attach->what tells what was tried last */
RAW_BESIDE static long visit(struct attach *attach)
{
	const int spaces = CLONE_NEWNS | (attach->hostname[0] != '\0' ? CLONE_NEWUTS : 0);
	long r = raw_syscall(SYS_setns, attach->pidfd, spaces, 0, 0);

	if (r < 0)
		return r;
	if (visitor_await(&attach->word) != GO_ON)
		return -ECANCELED;
	if (attach->app >= 0) {
		attach->what = "cannot attach /app:";
		r = raw_syscall5(SYS_move_mount, attach->app, (long)"", AT_FDCWD, (long)"/app",
		                 MOVE_MOUNT_F_EMPTY_PATH);
	}
	if (r == 0 && attach->hostname[0] != '\0') {
		attach->what = "cannot set the host name:";
		r = raw_syscall(SYS_sethostname, (long)attach->hostname, (long)strlen(attach->hostname), 0, 0);
	}
	return r;
}

/** visitor_main() - the visitor; shares the launcher's memory */
RAW_BESIDE static int visitor_main(void *data)
{
	struct attach *attach = data;

	attach->code = (int)visit(attach);
	return 0;
}

int attach_begin(struct attach *attach, int pidfd, pid_t *ret_visitor, struct dyno_error *err)
{
	int code;

	attach->pidfd = pidfd;
	attach->app = -1;
	atomic_init(&attach->word, 0);
	attach->what = "cannot enter the sandbox:";
	/* of one that dies on its way */
	attach->code = -ECHILD;
	code = visitor_begin(visitor_main, attach, ret_visitor);
	attach->begun = code == 0;
	return code < 0 ? error_set(err, code, STEP, "%s", attach->what) : 0;
}

void attach_give(struct attach *attach, int app)
{
	attach->app = app;
	futex_tell(&attach->word, GO_ON);
}

int attach_end(struct attach *attach, struct dyno_error *err)
{
	if (!attach->begun)
		return 0;
	if (atomic_load(&attach->word) == 0)
		futex_tell(&attach->word, LEAVE);
	visitor_wait();
	attach->begun = false;
	return attach->code < 0 ? error_set(err, attach->code, STEP, "%s", attach->what) : 0;
}
