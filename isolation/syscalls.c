/* SPDX-License-Identifier: Apache-2.0 */
/**
 * syscalls.c - see syscalls.h
 *
 * The program is made at build time (gen_syscalls.c) from the table of reasons (syscalls.def): at launch there is
 * nothing to resolve, build or allocate, only to hand over. The kernel copies it, so it may lie in read-only memory.
 */
#include "isolation/syscalls.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "syscalls_filter.h"

#define STEP "syscalls"
#define LENGTH(program) (sizeof(program) / sizeof((program)[0]))

_Static_assert(LENGTH(syscalls_filter) <= BPF_MAXINSNS && LENGTH(syscalls_filter_watch) <= BPF_MAXINSNS,
               "the kernel takes no longer program");

/* The kernel's struct has no const; it does not write there */
static const struct sock_fprog programs[] = {
	{ .len = LENGTH(syscalls_filter), .filter = (struct sock_filter *)(uintptr_t)syscalls_filter },
	{ .len = LENGTH(syscalls_filter_watch), .filter = (struct sock_filter *)(uintptr_t)syscalls_filter_watch },
};

const struct sock_fprog *syscalls_program(bool watch)
{
	return &programs[watch];
}

/** install() - hand the filter over. Return: 0, the notify descriptor (close-on-exec) when @watch, or negative errno */
static int install(bool watch, unsigned long flags)
{
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, syscalls_program(watch));

	return r < 0 ? -errno : (int)r;
}

/**
 * install_watched() - the same with a listener
 * WAIT_KILLABLE_RECV (Linux 5.19): once the launcher has a call in its hands only death ends the wait. Without it a signal
 * handler that was not installed with SA_RESTART would make listen(2) fail with EINTR, which it never does.
 */
static int install_watched(void)
{
	int r = install(true, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

	return r == -EINVAL ? install(true, SECCOMP_FILTER_FLAG_NEW_LISTENER) : r;
}

int syscalls_confine_child(int *ret_notify, struct dyno_error *err)
{
	int r;

	/* A child of this process inherits the filter, and nothing can take it off: there is no call for that */
	r = ret_notify ? install_watched() : install(false, 0);
	if (r >= 0 && ret_notify)
		*ret_notify = r;
	/* One listener is all that a process can have over it, and whoever runs us has one already, as LXD does. */
	if (r == -EBUSY && ret_notify)
		r = install(false, 0);
	if (r >= 0)
		return 0;
	error_set(err, r, STEP, "cannot install the system call filter:");
	if (r == -ENOSYS || r == -EINVAL)
		error_remedy(err, "this kernel lacks CONFIG_SECCOMP_FILTER");
	return r;
}
