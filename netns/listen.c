/* SPDX-License-Identifier: Apache-2.0 */
/**
 * listen.c - see listen.h
 *
 * Theory of operation. A thread of the dyno stands at its listen(2). We take hold of its process, make sure that it still waits
 * (a number could have been given to another by then), and take a second reference of the socket. listen(2) uses
 * nothing of the calling process for an internet socket: limits, ports and owner are the socket's own. So we call it, note the
 * time, and hand over the result. For AF_UNIX it would be wrong: there listen(2) notes its caller, for SO_PEERCRED of
 * those who connect (net/unix/af_unix.c, unix_listen).
 *
 * What the app does meanwhile, with other threads, cannot deceive: the socket that we looked at is the one that listens,
 * whatever its number means by now. It cannot hold us up either: only a socket without connection is touched, because what can
 * keep a socket's lock, or a close(2) (SO_LINGER), waiting is data on a connection.
 */
#include "netns/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/** union notification - room for what the kernels to come may add; the kernel refuses one that is not all zero */
union notification {
	struct seccomp_notif notif;
	char room[512];
};

/** union answer - as above */
union answer {
	struct seccomp_notif_resp resp;
	char room[512];
};

int listen_answer(int notify, const struct listen_call *call)
{
	union answer answer = { .room = { 0 } };

	answer.resp.id = call->id;
	answer.resp.error = call->error;
	answer.resp.flags = call->made ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	/* Gone meanwhile is fine: nobody waits then. */
	return ioctl(notify, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0 && errno != ENOENT ? -errno : 0;
}

/** group_of() - process to which thread @tid belongs. Return: its number, or negative errno */
static pid_t group_of(pid_t tid)
{
	char path[32], status[1024];
	const char *at;
	ssize_t r;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	r = fd_read_text(AT_FDCWD, path, status, sizeof(status));
	/* Tgid is among the first lines: the rest, which does not fit, is of no interest. */
	if (r < 0 && r != -EFBIG)
		return (pid_t)r;
	at = strstr(status, "\nTgid:");
	return at ? (pid_t)strtol(at + strlen("\nTgid:"), NULL, 10) : -ESRCH;
}

/** hold() - a descriptor of the process of thread @tid; before Linux 6.9 there are only those of first threads */
static int hold(pid_t tid)
{
	int fd = pidfd_open(tid, PIDFD_THREAD);
	pid_t group;

	if (fd >= 0 || errno != EINVAL)
		return fd < 0 ? -errno : fd;
	group = group_of(tid);
	if (group < 0)
		return group;
	fd = pidfd_open(group, 0);
	return fd < 0 ? -errno : fd;
}

/**
 * borrow() - a second reference of the socket of @call
 * Return: descriptor; -ENOENT when it waits no more; -EPERM (and others) when we may not look
 */
static int borrow(int notify, const struct listen_call *call)
{
	_cleanup_close_ int process = hold(call->thread);
	uint64_t id = call->id;
	int fd;

	if (process < 0)
		return process == -ESRCH ? -ENOENT : process;
	/* Still waiting now means that it was this thread's number when we opened it. */
	if (ioctl(notify, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0)
		return -ENOENT;
	fd = pidfd_getfd(process, call->fd, 0);
	return fd < 0 ? -errno : fd;
}

/** option() - an option of @fd that is a number, -1 when it has none */
static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, name, &value, &size) < 0 ? -1 : value;
}

/** is_ours_to_call() - a TCP socket that is not connected; asks nothing that takes the socket's lock */
static bool is_ours_to_call(int fd)
{
	struct pollfd state = { .fd = fd, .events = POLLRDHUP };
	int family = option(fd, SOL_SOCKET, SO_DOMAIN), protocol = option(fd, SOL_SOCKET, SO_PROTOCOL);

	if ((family != AF_INET && family != AF_INET6) || option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP))
		return false;
	if (option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1)
		return true;
	/* A new one is hung up (net/ipv4/tcp.c, tcp_poll); one that was connected once and shut down is RDHUP as well. */
	return poll(&state, 1, 0) == 1 && state.revents == POLLHUP;
}

/** read_address() - where @fd listens. Return: 0 or negative errno */
static int read_address(int fd, struct listen_seen *ret)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage room;
	} name = { .room = { 0 } };
	socklen_t size = sizeof(name);

	if (getsockname(fd, &name.any, &size) < 0)
		return -errno;
	ret->at.family = name.any.sa_family;
	if (name.any.sa_family == AF_INET) {
		ret->at.port = ntohs(name.in.sin_port);
		memcpy(ret->at.address, &name.in.sin_addr, sizeof(name.in.sin_addr));
	} else if (name.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&name.in6.sin6_addr)) {
		/* ::ffff:a.b.c.d is an IPv4 listener, whatever the socket is. */
		ret->at.family = AF_INET;
		ret->at.port = ntohs(name.in6.sin6_port);
		memcpy(ret->at.address, name.in6.sin6_addr.s6_addr + 12, 4);
	} else if (name.any.sa_family == AF_INET6) {
		ret->at.port = ntohs(name.in6.sin6_port);
		memcpy(ret->at.address, &name.in6.sin6_addr, sizeof(name.in6.sin6_addr));
		ret->dual = option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
	} else {
		return -EAFNOSUPPORT;
	}
	return 0;
}

/** blind() - @error means that we may not look, not that there was nothing to see */
static bool blind(int error)
{
	/* EBADF: not open, which the kernel will say as well. ENOENT, ESRCH: the caller is gone. */
	return error != -EBADF && error != -ENOENT && error != -ESRCH;
}

bool listen_make(int notify, struct listen_call *call, struct listen_seen *ret)
{
	_cleanup_close_ int fd = borrow(notify, call);
	struct listen_seen seen = { .at.family = AF_UNSPEC, .ns = clock_ns() };

	if (fd < 0 && blind(fd)) {
		*ret = seen;
		return true;
	}
	if (fd < 0 || !is_ours_to_call(fd))
		return false;
	call->made = true;
	if (listen(fd, call->backlog) < 0)
		call->error = -errno;
	seen.ns = clock_ns();
	if (call->error < 0 || read_address(fd, &seen) < 0)
		return false;
	*ret = seen;
	return true;
}

int listen_receive(int notify, struct listen_call *ret)
{
	struct pollfd ready = { .fd = notify, .events = POLLIN };
	union notification request = { .room = { 0 } };

	/*
	 * Receiving would wait. It does not after POLLIN: the kernel counts what was asked and never takes back, even when
	 * the caller is gone by then (kernel/seccomp.c, seccomp_notify_recv), which is ENOENT.
	 */
	if (poll(&ready, 1, 0) <= 0)
		return 0;
	if (!(ready.revents & POLLIN))
		return -EPIPE;
	if (ioctl(notify, SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : -errno;
	*ret = (struct listen_call){
		.id = request.notif.id,
		.thread = (pid_t)request.notif.pid,
		.fd = (int)request.notif.data.args[0],
		.backlog = (int)request.notif.data.args[1],
	};
	return 1;
}

int listen_check(void)
{
	struct seccomp_notif_sizes sizes;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return -errno;
	return sizes.seccomp_notif > sizeof(union notification) || sizes.seccomp_notif_resp > sizeof(union answer)
	               ? -EOVERFLOW
	               : 0;
}
