/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c - see guard.h */
#include "cli/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "cli/message.h"

/**
 * reserve_streams() - open /dev/null where standard input, output or error was closed
 * Otherwise the first descriptors that we open would become the app's standard streams. open(2) takes the lowest free number.
 */
static int reserve_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		if (open("/dev/null", O_RDWR) != fd)
			return -EBADF;
	}
	return 0;
}

/**
 * refuse_borrowed_power() - never run with powers that the caller does not have
 * A set-user-id helper that mounts was how bubblewrap was broken (CVE-2016-8659, CVE-2020-5291, CVE-2026-41163). The
 * kernel sets AT_SECURE for set-user-id, set-group-id and file capabilities (security/commoncap.c, cap_bprm_creds_from_file).
 */
static int refuse_borrowed_power(void)
{
	if (!getauxval(AT_SECURE) && geteuid() == getuid() && getegid() == getgid())
		return 0;
	message_line("dyno: refuses to run set-user-id, set-group-id or with file capabilities "
	             "(remove them: chmod ug-s, setcap -r; dynos need no such power)");
	return -EPERM;
}

int guard_start(void)
{
	int code = reserve_streams();

	if (code == 0)
		code = refuse_borrowed_power();
	/* An ignored SIGCHLD is inherited, and would have the kernel reap our children before we can ask how they ended. */
	(void)signal(SIGCHLD, SIG_DFL);
	return code;
}
