/* SPDX-License-Identifier: Apache-2.0 */
/**
 * main.c - the dyno command: stamp, guard, dispatch
 *
 * Reading order: main(), then the verb of interest in the file of its name (run.c first).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/message.h"
#include "cli/verb.h"

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

/**
 * main() - the dyno command
 * Return: the verb's exit code; see enum exit_code
 */
int main(int argc, char **argv)
{
	uint64_t requested_ns = clock_ns();
	const struct verb *verb;

	if (reserve_streams() < 0 || refuse_borrowed_power() < 0)
		return EXIT_DYNO_FAILED;
	/* An ignored SIGCHLD is inherited, and would have the kernel reap our children before we can ask how they ended. */
	(void)signal(SIGCHLD, SIG_DFL);
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		verb = verb_find("help");
	else if (strcmp(argv[1], "--version") == 0)
		verb = verb_find("version");
	else
		verb = verb_find(argv[1]);
	if (!verb)
		return verb_unknown(argv[1]);
	if (argc < 2)
		return verb->main(argc, argv, requested_ns);
	return verb->main(argc - 1, argv + 1, requested_ns);
}
