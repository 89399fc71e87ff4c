/* SPDX-License-Identifier: Apache-2.0 */
/* attempts.c - what a dyno must not be able to do. Each prints what the kernel said */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/** run_syscall() - any call; arguments that are no numbers are passed as strings */
static int run_syscall(int argc, char **argv)
{
	unsigned long args[6] = { 0 };

	for (int i = 2; i < argc && i < 8; i++) {
		char *end;

		args[i - 2] = strtoul(argv[i], &end, 0);
		if (*end || end == argv[i])
			args[i - 2] = (unsigned long)argv[i];
	}
	return probe_result("result",
	                    syscall(strtol(argv[1], NULL, 0), args[0], args[1], args[2], args[3], args[4], args[5]));
}

static int run_tiocsti(int argc, char **argv)
{
	static const struct {
		const char *key;
		unsigned long command;
	} all[] = {
		{ "TIOCSTI", TIOCSTI },
		{ "TIOCSTI+32", TIOCSTI | 1ul << 32 },
		{ "TIOCLINUX", TIOCLINUX },
		{ "TIOCLINUX+32", TIOCLINUX | 1ul << 32 },
	};
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	char key[] = { 'x', 0 };

	(void)argc;
	(void)argv;
	printf("tty=%s\n", fd >= 0 ? "/dev/tty" : "stdin");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		probe_result(all[i].key, syscall(SYS_ioctl, fd >= 0 ? fd : STDIN_FILENO, all[i].command, key));
	if (fd >= 0)
		close(fd);
	return 0;
}

static int run_keyctl(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	probe_result("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
	probe_result("add_key", syscall(SYS_add_key, "user", "probe", "x", 1, KEY_SPEC_SESSION_KEYRING));
	probe_result("request_key", syscall(SYS_request_key, "user", "probe", NULL, KEY_SPEC_SESSION_KEYRING));
	return 0;
}

static int run_mountattempt(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	probe_result("mount", mount("probe", "/tmp", "tmpfs", 0, NULL));
	probe_result("remount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
	probe_result("umount", umount2("/proc", MNT_DETACH));
	probe_result("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
	probe_result("chroot", chroot("/tmp"));
	probe_result("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	probe_result("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE));
	probe_result("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/app", 0));
	probe_result("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, NULL, 0));
	return 0;
}

/** reap() - a clone that must not have happened: report, and if it did, wait for it */
static void reap(const char *key, long pid)
{
	if (pid == 0)
		_exit(0);
	probe_result(key, pid);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
}

static int run_userns(int argc, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	static const struct {
		const char *key;
		int flag;
	} all[] = {
		{ "unshare.user", CLONE_NEWUSER }, { "unshare.mnt", CLONE_NEWNS },
		{ "unshare.net", CLONE_NEWNET },   { "unshare.pid", CLONE_NEWPID },
		{ "unshare.uts", CLONE_NEWUTS },   { "unshare.ipc", CLONE_NEWIPC },
		{ "unshare.time", 0x80 },          { "unshare.cgroup", CLONE_NEWCGROUP },
	};
	int fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);

	(void)argc;
	(void)argv;
	reap("clone.user", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
	reap("clone3.user", syscall(SYS_clone3, &args, sizeof(args)));
	probe_result("setns.user", setns(fd, CLONE_NEWUSER));
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		probe_result(all[i].key, unshare(all[i].flag));
	if (fd >= 0)
		close(fd);
	return 0;
}

/** run_become() - try to be somebody else, by every call there is */
static int run_become(int argc, char **argv)
{
	uid_t uid = argc > 1 ? (uid_t)probe_number(argv[1]) : 0;

	probe_result("setuid", setuid(uid));
	probe_result("setreuid", setreuid(uid, uid));
	probe_result("setresuid", setresuid(uid, uid, uid));
	probe_result("setgid", setgid(uid));
	probe_result("setgroups", syscall(SYS_setgroups, 1, &uid));
	printf("euid=%u\negid=%u\n", geteuid(), getegid());
	return 0;
}

/** run_setuid() - execute a set-user-id copy of this program, which prints who it is */
static int run_setuid(int argc, char **argv)
{
	char ids[] = "ids";
	char *own[] = { argv[1], ids, NULL };

	fflush(stdout);
	execv(argv[1], argc > 2 ? argv + 1 : own);
	return probe_result("result", -1);
}

/** run_exec() - become another program */
static int run_exec(int argc, char **argv)
{
	(void)argc;
	fflush(stdout);
	execvp(argv[1], argv + 1);
	return probe_result("result", -1);
}

const struct probe_command probe_attempts[] = {
	{ "syscall", run_syscall, 1, "NUMBER [ARGUMENT]... (numbers, or strings passed by address)" },
	{ "tiocsti", run_tiocsti, 0, "(push a key into the terminal, four ways)" },
	{ "keyctl", run_keyctl, 0, "(kernel keyrings)" },
	{ "mountattempt", run_mountattempt, 0, "(mounts and roots, old and new interface)" },
	{ "userns", run_userns, 0, "(namespaces, by every call)" },
	{ "become", run_become, 0, "[UID] (change user and groups)" },
	{ "setuid", run_setuid, 1, "PATH [ARGUMENT]... (execute it; without arguments: PATH ids)" },
	{ "exec", run_exec, 1, "PROGRAM [ARGUMENT]..." },
	{ NULL, NULL, 0, NULL },
};
