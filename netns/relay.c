/* SPDX-License-Identifier: Apache-2.0 */
/**
 * relay.c - see relay.h: birth and end of the relay's process; what it does is in relay_carry.c
 *
 * It is a copy of the launcher, which may have threads, made by clone(2) without the C library's knowing: it may not allocate. First of
 * all it closes every descriptor but its own, since among them are the locks that say who is alive, then enters the dyno's
 * namespaces if it is told to, and drops all capabilities.
 */
#include "netns/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/raw.h"
#include "netns/relay_carry.h"

#define STEP "relay"

/**
 * struct birth - what the child needs; descriptors, in the order in which they are numbered from 0 in the child
 * @fds:    the listeners, then status, user and net where there are any
 * @status: place of the pipe's end to report to
 * @user, @net: place of the namespaces, -1 without
 */
struct birth {
	pid_t parent;
	int fds[RELAY_LISTENERS_MAX + 3];
	int count;
	int listeners;
	int status;
	int user;
	int net;
	const struct sockaddr_in *to;
};

/**
 * keep_fds() - close every descriptor but those of @birth, which become 0, 1, 2, ...
 * In two steps, above all others first, so that none overwrites one that is still wanted.
 */
static int keep_fds(const struct birth *birth)
{
	int high = birth->count, i;

	for (i = 0; i < birth->count; i++)
		if (birth->fds[i] >= high)
			high = birth->fds[i] + 1;
	for (i = 0; i < birth->count; i++)
		if (dup2(birth->fds[i], high + i) < 0)
			return -errno;
	for (i = 0; i < birth->count; i++)
		if (dup2(high + i, i) < 0)
			return -errno;
	return close_range((unsigned)birth->count, ~0U, 0) < 0 ? -errno : 0;
}

/** drop_privilege() - no capability, now or ever, and nothing for a debugger of the same user to read */
static int drop_privilege(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/** enter() - the namespaces to connect from */
static int enter(const struct birth *birth)
{
	if (birth->user >= 0 && setns(birth->user, CLONE_NEWUSER) < 0)
		return -errno;
	if (birth->net >= 0 && setns(birth->net, CLONE_NEWNET) < 0)
		return -errno;
	return 0;
}

/** raise_files() - as many open files as we may have: each connection has two, and four more while bytes are under way */
static void raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/** relay_child() - the relay's life */
__attribute__((noreturn)) static void relay_child(const struct birth *birth)
{
	int listeners[RELAY_LISTENERS_MAX];
	int code, i;

	raw_die_with(birth->parent);
	raise_files();
	code = keep_fds(birth);
	if (code < 0)
		raw_exit();
	(void)setsid(); /* no key of the launcher's terminal is for us */
	(void)prctl(PR_SET_NAME, "dyno-relay", 0, 0, 0);
	code = enter(birth);
	if (code == 0)
		code = drop_privilege();
	raw_die_with(birth->parent); /* forgotten when credentials changed: commit_creds() */
	if (write(birth->status, &code, sizeof(code)) != (ssize_t)sizeof(code) || code < 0)
		raw_exit();
	/* What is left open beside the listeners is a namespace or two, and the pipe's end, on which the launcher waits. */
	(void)close_range((unsigned)birth->listeners, ~0U, 0);
	for (i = 0; i < birth->listeners; i++)
		listeners[i] = i;
	relay_carry(listeners, (size_t)birth->listeners, birth->to);
	raw_exit();
}

/** add() - one more descriptor for the child. Return: its number there, -1 for none */
static int add(struct birth *birth, int fd)
{
	if (fd < 0)
		return -1;
	birth->fds[birth->count] = fd;
	return birth->count++;
}

/** spawn() - the child, with all signals blocked for good. Return: its pid or negative errno */
static pid_t spawn(const struct birth *birth)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0); /* no exit signal: the caller's SIGCHLD is not ours */
	if (pid == 0)
		relay_child(birth);
	if (pid < 0)
		pid = -errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/** await() - the child's report. Return: 0 or negative errno */
static int await(int fd)
{
	ssize_t length;
	int code = 0;

	do {
		length = read(fd, &code, sizeof(code));
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	return length == (ssize_t)sizeof(code) ? code : -ECHILD;
}

pid_t relay_start(const int *listeners, size_t count, int user, int net, const struct sockaddr_in *to,
                  struct dyno_error *err)
{
	struct birth birth = { .parent = getpid(), .to = to };
	_cleanup_close_ int status = -1, end = -1;
	int pair[2], code = fault_at(STEP);
	size_t i;
	pid_t pid;

	if (code < 0)
		return error_set(err, code, STEP, "injected failure at relay:");
	if (count == 0 || count > RELAY_LISTENERS_MAX)
		return error_set(err, -EINVAL, STEP, "cannot relay from %zu sockets", count);
	if (pipe2(pair, O_CLOEXEC) < 0)
		return error_set(err, -errno, STEP, "cannot make a pipe:");
	status = pair[0];
	end = pair[1];
	for (i = 0; i < count; i++)
		(void)add(&birth, listeners[i]);
	birth.listeners = (int)count;
	birth.status = add(&birth, end);
	birth.user = add(&birth, user);
	birth.net = add(&birth, net);
	pid = spawn(&birth);
	if (pid < 0)
		return error_set(err, pid, STEP, "cannot start the relay:");
	(void)fd_close(TAKE_FD(end)); /* so that a child that dies without a word is heard */
	code = await(status);
	if (code < 0) {
		(void)relay_stop(pid);
		return error_set(err, code, STEP, "cannot set up the relay:");
	}
	return pid;
}

pid_t relay_stop(pid_t relay)
{
	if (relay <= 0)
		return 0;
	(void)kill(relay, SIGKILL);
	while (waitpid(relay, NULL, __WALL) < 0 && errno == EINTR)
		;
	return 0;
}
