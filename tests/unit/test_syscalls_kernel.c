/* SPDX-License-Identifier: Apache-2.0 */
/* test_syscalls_kernel.c - the seccomp program judged by the kernel: a forked child installs it and tries */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "isolation/syscalls.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** struct attempt - a call in the child, and the errno it must give; the arguments are such that nothing happens */
struct attempt {
	const char *what;
	long number;
	unsigned long a, b, c;
	int wanted;
};

#define TIOCSTI_64 (0x100000000ul | TIOCSTI)

static const struct attempt attempts[] = {
	{ "read happens", SYS_read, -1ul, 0, 0, EBADF },
	{ "mount is denied", SYS_mount, 0, 0, 0, EPERM },
	{ "fsopen is denied", SYS_fsopen, 0, 0, 0, EPERM },
	{ "unshare is denied", SYS_unshare, CLONE_NEWUSER, 0, 0, EPERM },
	{ "setns is denied", SYS_setns, -1ul, 0, 0, EPERM },
	{ "bpf is denied", SYS_bpf, 0, 0, 0, EPERM },
	{ "io_uring is denied", SYS_io_uring_setup, 0, 0, 0, EPERM },
	{ "keyrings are denied", SYS_keyctl, 0, 0, 0, EPERM },
	{ "a number nobody has", 999, 0, 0, 0, ENOSYS },
	{ "the number of a skipped call", -1, 0, 0, 0, ENOSYS },
	{ "clone3 is absent", SYS_clone3, 0, 0, 0, ENOSYS },
	{ "a new user namespace", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, EPERM },
	{ "a new mount namespace", SYS_clone, CLONE_NEWNS | SIGCHLD, 0, 0, EPERM },
	{ "ioctl happens", SYS_ioctl, -1ul, TCGETS, 0, EBADF },
	{ "TIOCSTI", SYS_ioctl, -1ul, TIOCSTI, 0, EPERM },
	{ "TIOCSTI with bit 32", SYS_ioctl, -1ul, TIOCSTI_64, 0, EPERM },
	{ "TIOCLINUX", SYS_ioctl, -1ul, TIOCLINUX, 0, EPERM },
	{ "TIOCLINUX with bit 32", SYS_ioctl, -1ul, 0x100000000ul | TIOCLINUX, 0, EPERM },
	{ "packet socket", SYS_socket, AF_PACKET, SOCK_RAW, 0, EAFNOSUPPORT },
	{ "vsock", SYS_socket, AF_VSOCK, SOCK_STREAM, 0, EAFNOSUPPORT },
	{ "kernel crypto", SYS_socket, AF_ALG, SOCK_SEQPACKET, 0, EAFNOSUPPORT },
	{ "netfilter netlink", SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, EAFNOSUPPORT },
	{ "no address randomisation", SYS_personality, ADDR_NO_RANDOMIZE, 0, 0, EPERM },
	{ "asking for the personality", SYS_personality, 0xffffffff, 0, 0, 0 },
	{ "local socket", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0 },
	{ "route netlink", SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, 0 },
	{ "memfd happens", SYS_memfd_create, 0, 0, 0, EFAULT },
	{ "execveat happens", SYS_execveat, -1ul, 0, 0, EFAULT },
	{ "more seccomp is possible", SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 0, EFAULT },
};

/** in_child() - confine a fork and run @act there; @watch: as a watched dyno. Return: wait status */
static int in_child(int (*act)(void), bool watch)
{
	struct dyno_error err;
	int status = -1, notify = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscalls_confine_child(watch ? &notify : NULL, &err) < 0)
			_exit(200);
		_exit(act());
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int act_attempts(void)
{
	for (size_t i = 0; i < COUNT(attempts); i++) {
		const struct attempt *at = &attempts[i];
		long r = syscall(at->number, at->a, at->b, at->c, 0, 0, 0);
		int got = r < 0 ? errno : 0;

		if (got != at->wanted) {
			dprintf(STDERR_FILENO, "%s: errno %d, wanted %d\n", at->what, got, at->wanted);
			return (int)i + 1;
		}
	}
	return 0;
}

static void test_kernel_answers(void **state)
{
	(void)state;
	for (int watch = 0; watch < 2; watch++) {
		int status = in_child(act_attempts, watch);

		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

static void *thread_main(void *data)
{
	return data;
}

static int act_threads_and_processes(void)
{
	char *argv[] = { (char[]){ "true" }, NULL };
	int status = -1, token = 0;
	pthread_t thread;
	void *back = NULL;
	pid_t pid;

	if (pthread_create(&thread, NULL, thread_main, &token) != 0 || pthread_join(thread, &back) != 0 ||
	    back != &token)
		return 1;
	if (posix_spawnp(&pid, "true", NULL, NULL, argv, environ) != 0)
		return 2;
	if (waitpid(pid, &status, 0) != pid || status != 0)
		return 3;
	pid = vfork();
	if (pid == 0)
		_exit(4);
	return waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 4 ? 0 : 4;
}

static void test_threads_and_processes_work(void **state)
{
	int status = in_child(act_threads_and_processes, true);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#ifdef __x86_64__
static int act_int80(void)
{
	long r;

	/* socketcall(SYS_LISTEN, NULL) of the 32-bit ABI */
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(102L), "b"(4L), "c"(0L) : "memory", "cc");
	return r > 0 ? 1 : 2;
}

static int act_x32(void)
{
	return syscall(0x40000000 | SYS_getpid) > 0 ? 1 : 2;
}

static void test_foreign_abi_kills(void **state)
{
	(void)state;
	for (int watch = 0; watch < 2; watch++) {
		int status = in_child(act_x32, watch);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
		/* So there is no listen(2) by socketcall(2) that a watch would miss. */
		status = in_child(act_int80, watch);
		assert_true(WIFSIGNALED(status));
		/* A kernel without the 32-bit ABI ends it before the filter does */
		assert_true(WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV);
	}
}
#endif

static void test_needs_no_new_privs(void **state)
{
	struct dyno_error err = { 0 };
	int status = -1;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
			_exit(100);
		_exit(syscalls_confine_child(NULL, &err) == -EACCES && err.code == -EACCES ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int act_watch_again(void)
{
	struct dyno_error err;
	int notify = -1;

	/* Not watched, but confined: below another listener there can be none of ours. */
	if (syscalls_confine_child(&notify, &err) < 0 || notify >= 0)
		return 1;
	return syscall(SYS_mount, 0, 0, 0, 0, 0) < 0 && errno == EPERM ? 0 : 2;
}

static void test_below_another_listener(void **state)
{
	int status = in_child(act_watch_again, true);

	(void)state;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_answers),         cmocka_unit_test(test_threads_and_processes_work),
#ifdef __x86_64__
		cmocka_unit_test(test_foreign_abi_kills),
#endif
		cmocka_unit_test(test_below_another_listener), cmocka_unit_test(test_needs_no_new_privs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
