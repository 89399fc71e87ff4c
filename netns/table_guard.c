/* SPDX-License-Identifier: Apache-2.0 */
/**
 * table_guard.c - notice what others do to the packet filter while dynos run (table.h)
 *
 * Docker that starts later closes the way of dynos (foreign.h), and somebody may flush the ruleset. The kernel tells of both
 * (NFNLGRP_NFTABLES); but each listener makes each change dearer, our own elements at each launch too: 0.2 us, and with 1,000 launchers
 * 230 us. So one user of the table listens for all of them: who has the lock of the second byte of its lock file. A filter drops what is told of
 * elements and rules that are added before it wakes anybody: 2 us a launch remain.
 *
 * The others wait for its end, by a pipe with a name in the state directory: it alone has it open for writing, so that its end, by SIGKILL
 * too, hangs up the pipe, and who gets the lock then is the next one. The kernel closes a dead process's descriptors from the lowest
 * on: the pipe's is above the lock's, so that nobody comes too early. Who comes too early all the same is woken by the next one that leaves,
 * as long as nobody writes.
 */
#include "netns/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <netlink/socket.h>

#include "base/fd.h"
#include "netns/foreign.h"
#include "netns/netlink.h"
#include "netns/table_state.h"

#define LEAD_BYTE 1 /* of the lock file; users have byte 0 */
#define MESSAGE(type) htons((NFNL_SUBSYS_NFTABLES << 8) | (type))

/** filter_events() - have @fd hear only of what may concern us. Return: 0 or negative errno */
static int filter_events(int fd)
{
	/* the first message of several tells what they are about; loaded as if it were in network order */
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MESSAGE(NFT_MSG_NEWSETELEM), 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MESSAGE(NFT_MSG_DELSETELEM), 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MESSAGE(NFT_MSG_NEWRULE), 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MESSAGE(NFT_MSG_NEWGEN), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { sizeof(steps) / sizeof(steps[0]), steps };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ? -errno : 0;
}

/** listen_to_others() - a socket that is readable when others have changed the packet filter. Return: 0 or negative errno */
static int listen_to_others(struct table *table)
{
	int r = table->events ? 0 : nft_open(&table->events, NULL), fd;

	if (r < 0)
		return r;
	fd = nl_socket_get_fd(table->events);
	r = filter_events(fd);
	if (r == 0)
		r = netlink_errno(nl_socket_add_membership(table->events, NFNLGRP_NFTABLES));
	return r;
}

/** hold_pipe() - have the pipe open for writing: the others see that somebody listens. Return: 0 or negative errno */
static int hold_pipe(struct table *table)
{
	_cleanup_close_ int fd = openat(table->dir, table->pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	table->pipe_out = fcntl(fd, F_DUPFD_CLOEXEC, table->lock + 1);
	return table->pipe_out < 0 ? -errno : 0;
}

/** poll_for() - the guard is readable when @fd is, or changes. Return: 0 or negative errno */
static int poll_for(const struct table *table, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	return epoll_ctl(table->guard, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/** lead() - be the one that listens, if nobody is */
static void lead(struct table *table)
{
	int r = table_lock(table->lock, F_OFD_SETLK, F_WRLCK, LEAD_BYTE);

	if (r < 0)
		return;
	r = listen_to_others(table);
	if (r == 0)
		r = hold_pipe(table);
	if (r == 0)
		r = poll_for(table, nl_socket_get_fd(table->events));
	if (r < 0) {
		table_unguard(table);
		return;
	}
	/* what happened before we listened */
	(void)foreign_open(table->sock, NULL);
}

int table_guard(struct table *table)
{
	int r = 0;

	if (table->guard >= 0)
		return 0;
	if (mkfifoat(table->dir, table->pipe, 0600) < 0 && errno != EEXIST)
		return -errno;
	table->guard = epoll_create1(EPOLL_CLOEXEC);
	table->pipe_in = openat(table->dir, table->pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (table->guard < 0 || table->pipe_in < 0)
		r = -errno;
	if (r == 0)
		r = poll_for(table, table->pipe_in);
	if (r == 0)
		lead(table);
	else
		table_unguard(table);
	return r;
}

int table_guard_fd(const struct table *table)
{
	return table->guard;
}

void table_attend(struct table *table)
{
	struct epoll_event event;
	char byte;

	if (table->guard < 0 || epoll_wait(table->guard, &event, 1, 0) <= 0)
		return;
	if (table->pipe_out < 0) {
		lead(table);
		return;
	}
	/* What was told does not matter, only that something was; too much of it is an error once (ENOBUFS). */
	while (recv(nl_socket_get_fd(table->events), &byte, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0 || errno == ENOBUFS)
		;
	(void)table_ensure(table, NULL);
	(void)foreign_open(table->sock, NULL);
}

void table_unguard(struct table *table)
{
	/* The lock first: who sees the pipe hang up takes it. The socket goes with the other one (nft_close()). */
	if (table->lock >= 0)
		(void)table_lock(table->lock, F_OFD_SETLK, F_UNLCK, LEAD_BYTE);
	table->pipe_out = fd_close(table->pipe_out);
	table->pipe_in = fd_close(table->pipe_in);
	table->guard = fd_close(table->guard);
}
