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
#define FILTER_LENGTH (sizeof(syscalls_filter) / sizeof(syscalls_filter[0]))

_Static_assert(FILTER_LENGTH <= BPF_MAXINSNS, "the kernel takes no longer program");

/* The kernel's struct has no const; it does not write there */
static const struct sock_fprog syscalls_made = {
	.len = FILTER_LENGTH,
	.filter = (struct sock_filter *)(uintptr_t)syscalls_filter,
};

const struct sock_fprog *syscalls_program(void)
{
	return &syscalls_made;
}

int syscalls_confine_child(struct dyno_error *err)
{
	int code;

	/* A child of this process inherits the filter, and nothing can take it off: there is no call for that */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, syscalls_program()) == 0)
		return 0;
	code = -errno;
	error_set(err, code, STEP, "cannot install the system call filter:");
	if (code == -ENOSYS || code == -EINVAL)
		error_remedy(err, "this kernel lacks CONFIG_SECCOMP_FILTER");
	return code;
}
