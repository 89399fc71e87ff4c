/* SPDX-License-Identifier: Apache-2.0 */
/* syscalls_table.h - syscalls.def as an array, for the generator and for the test; include once, at the build only */
#ifndef ISOLATION_SYSCALLS_TABLE_H
#define ISOLATION_SYSCALLS_TABLE_H

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

/** enum syscalls_test - what a row asks of the arguments */
enum syscalls_test {
	SYSCALLS_ALWAYS,   /* nothing */
	SYSCALLS_IS,       /* arg == value */
	SYSCALLS_HAS_BITS, /* (arg & value) != 0 */
	SYSCALLS_BOTH,     /* arg == value and arg2 == value2 */
};

/**
 * struct syscalls_row - one row of syscalls.def
 * @number: for a name libseccomp may not know; else -1
 * @action: what the filter returns
 * @watch:  what the filter of a watched dyno returns is SECCOMP_RET_USER_NOTIF
 */
struct syscalls_row {
	const char *name;
	int number;
	enum syscalls_test test;
	unsigned arg;
	uint32_t value;
	unsigned arg2;
	uint32_t value2;
	uint32_t action;
	bool watch;
};

/** syscalls_action() - what the filter returns for @row if its test is passed; @watch: in a watched dyno */
static inline uint32_t syscalls_action(const struct syscalls_row *row, bool watch)
{
	return watch && row->watch ? SECCOMP_RET_USER_NOTIF : row->action;
}

/* CLONE_NEWTIME is missing on purpose: clone(2) has that bit within the exit signal, only unshare and clone3 read it */
#define NAMESPACE_BITS                                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#define SYSCALLS_FAIL(error) (SECCOMP_RET_ERRNO | (error))

#define PERMIT SECCOMP_RET_ALLOW
#define FAIL(error) SYSCALLS_FAIL(error)
#define IS(argument, wanted) SYSCALLS_IS, argument, wanted, 0, 0
#define HAS_BITS(argument, bits) SYSCALLS_HAS_BITS, argument, bits, 0, 0
#define BOTH(argument, wanted, argument2, wanted2) SYSCALLS_BOTH, argument, wanted, argument2, wanted2

#define ROW(name, number, test, action) { name, number, test, action, false },
#define ALWAYS SYSCALLS_ALWAYS, 0, 0, 0, 0
#define NEWER_ALLOW SECCOMP_RET_ALLOW
#define NEWER_DENY FAIL(EPERM)

#define ALLOW(name) ROW(#name, -1, ALWAYS, PERMIT)
#define DENY(name) ROW(#name, -1, ALWAYS, FAIL(EPERM))
#define REFUSE(name, error) ROW(#name, -1, ALWAYS, FAIL(error))
#define ABSENT(name) ROW(#name, -1, ALWAYS, FAIL(ENOSYS))
#define WHEN(name, test, action) { #name, -1, test, action, false },
#define WATCH(name) { #name, -1, ALWAYS, PERMIT, true },
#define NEWER(name, number, row) ROW(#name, number, ALWAYS, NEWER_##row)

static const struct syscalls_row syscalls_table[] = {
#include "isolation/syscalls.def"
};

#undef PERMIT
#undef FAIL
#undef IS
#undef HAS_BITS
#undef BOTH
#undef ROW
#undef ALWAYS
#undef NEWER_ALLOW
#undef NEWER_DENY
#undef ALLOW
#undef DENY
#undef REFUSE
#undef ABSENT
#undef WHEN
#undef WATCH
#undef NEWER

#endif /* ISOLATION_SYSCALLS_TABLE_H */
