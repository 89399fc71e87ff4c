/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nft.c - see nft.h
 *
 * How netfilter answers a transaction (nfnetlink_rcv_batch() in the kernel): each request that fails gets an answer, and
 * each that asked for one; the rest goes on, so that all failures are told, and then nothing is done. The last request
 * asks, so its answer ends the set. Refused as a whole (no permission, no nf_tables), there is one answer only, to the "begin".
 * A failure of the final commit is answered to the "begin" too. All answers are queued before sendmsg(2) returns.
 */
#include "netns/nft.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <linux/netfilter/nfnetlink.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <netlink/socket.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/raw.h"
#include "netns/netlink.h"

#define ENVELOPE_SIZE (NLMSG_HDRLEN + sizeof(struct nfgenmsg)) /* of a "begin" and of an "end" */
#define ANSWER_SIZE 16384 /* the kernel fills what the reader offers, up to 32 KiB */

static_assert(NLMSG_ALIGN(sizeof(struct nfgenmsg)) == sizeof(struct nfgenmsg), "attributes follow the header at once");

/** head_at() - the message that starts at @offset of the buffer */
static struct nlmsghdr *head_at(struct nft_batch *batch, size_t offset)
{
	return (struct nlmsghdr *)(void *)(batch->buffer + offset);
}

/** grow() - room for @size bytes at the end, zeroed up to the alignment. Return: NULL after a failure */
static void *grow(struct nft_batch *batch, size_t size)
{
	size_t aligned = NLMSG_ALIGN(size);
	char *at = batch->buffer + batch->used;

	/* an "end" must always fit */
	if (batch->code == 0 && batch->used + aligned + ENVELOPE_SIZE > sizeof(batch->buffer))
		batch->code = -EMSGSIZE;
	if (batch->code < 0)
		return NULL;
	batch->used += aligned;
	memset(at + size, 0, aligned - size);
	return at;
}

/** write_head() - write a message's two headers. @room: where */
static void write_head(void *room, unsigned type, unsigned flags, unsigned family, uint16_t resource)
{
	const struct nlmsghdr head = {
		.nlmsg_len = ENVELOPE_SIZE,
		.nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
	};
	const struct nfgenmsg general = { .nfgen_family = (uint8_t)family,
		                          .version = NFNETLINK_V0,
		                          .res_id = htons(resource) };

	memcpy(room, &head, sizeof(head));
	memcpy((char *)room + NLMSG_HDRLEN, &general, sizeof(general));
}

void nft_begin(struct nft_batch *batch)
{
	batch->code = 0;
	batch->count = 0;
	batch->last = 0;
	batch->used = ENVELOPE_SIZE; /* of the "begin", which nft_commit() writes */
}

/** seal() - write the last request's length */
static void seal(struct nft_batch *batch)
{
	if (batch->code == 0 && batch->count > 0)
		head_at(batch, batch->last)->nlmsg_len = (uint32_t)(batch->used - batch->last);
}

void nft_add(struct nft_batch *batch, const char *name, unsigned subsystem, unsigned type, unsigned flags,
             unsigned family)
{
	size_t start = batch->used;
	void *room;

	seal(batch);
	if (batch->code == 0 && batch->count == NFT_BATCH_MAX)
		batch->code = -E2BIG;
	room = grow(batch, ENVELOPE_SIZE);
	if (!room)
		return;
	write_head(room, subsystem << 8 | type, flags, family, 0);
	batch->last = start;
	batch->names[batch->count++] = name;
}

/** put() - begin an attribute whose payload is @size bytes. Return: where they go, or NULL */
static void *put(struct nft_batch *batch, unsigned type, size_t size)
{
	const struct nlattr head = { .nla_type = (uint16_t)type, .nla_len = (uint16_t)(NLA_HDRLEN + size) };
	char *room;

	if (batch->code == 0 && (batch->count == 0 || NLA_HDRLEN + size > UINT16_MAX))
		batch->code = -EINVAL;
	room = grow(batch, NLA_HDRLEN + size);
	if (!room)
		return NULL;
	memcpy(room, &head, sizeof(head));
	return room + NLA_HDRLEN;
}

void nft_put(struct nft_batch *batch, unsigned type, const void *data, size_t size)
{
	void *room = put(batch, type, size);

	if (room && size > 0)
		memcpy(room, data, size);
}

void nft_put_u32(struct nft_batch *batch, unsigned type, uint32_t value)
{
	value = htonl(value);
	nft_put(batch, type, &value, sizeof(value));
}

void nft_put_u64(struct nft_batch *batch, unsigned type, uint64_t value)
{
	value = htobe64(value);
	nft_put(batch, type, &value, sizeof(value));
}

void nft_put_text(struct nft_batch *batch, unsigned type, const char *text)
{
	nft_put(batch, type, text, strlen(text) + 1);
}

size_t nft_nest(struct nft_batch *batch, unsigned type)
{
	size_t start = batch->used;

	put(batch, type | NLA_F_NESTED, 0);
	return start;
}

void nft_nest_end(struct nft_batch *batch, size_t nest)
{
	size_t size = batch->used - nest;
	struct nlattr head;

	if (batch->code == 0 && size > UINT16_MAX)
		batch->code = -EMSGSIZE;
	if (batch->code < 0)
		return;
	memcpy(&head, batch->buffer + nest, sizeof(head));
	head.nla_len = (uint16_t)size;
	memcpy(batch->buffer + nest, &head, sizeof(head));
}

int nft_open(struct nl_sock **ret, struct dyno_error *err)
{
	int r = netlink_open(NETLINK_NETFILTER, ret, err);

	/* the protocol is a module of its own on some kernels */
	if (r == -EPROTONOSUPPORT || r == -EOPNOTSUPP) {
		r = error_set(err, -EOPNOTSUPP, "packet filter", "this kernel has no netfilter");
		error_remedy(err, "load the modules nfnetlink and nf_tables, or use --net none");
	}
	return r;
}

/** close_others() - close all descriptors but @low and @high, which may be the same. In a child process */
static void close_others(int low, int high)
{
	if (low > 0)
		(void)raw_syscall(SYS_close_range, 0, low - 1, 0, 0);
	if (high > low + 1)
		(void)raw_syscall(SYS_close_range, low + 1, high - 1, 0, 0);
	(void)raw_syscall(SYS_close_range, high + 1, UINT32_MAX, 0, 0);
}

/**
 * hold() - keep two descriptors, and nothing else, until what was removed is freed; in a child process
 * membarrier(2) waits for the same that the kernel waits for, but without the lock that everybody's requests need.
 */
__attribute__((noreturn)) static void hold(int one, int other)
{
	const struct timespec patience = { .tv_nsec = 100 * 1000 * 1000 };
	long r = 0;

	close_others(one < other ? one : other, one < other ? other : one);
	/* twice: the wait for a removal may not have begun yet */
	for (int i = 0; i < 2 && r == 0; i++)
		r = raw_syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0, 0);
	if (r < 0)
		(void)raw_syscall(SYS_nanosleep, (long)&patience, 0, 0, 0);
	raw_exit();
}

void nft_close(struct nl_sock *sock, struct nl_sock *other)
{
	sigset_t all, before;
	long pid;

	if (!sock)
		return;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	/* forks without exit signal and without libc's handlers; the second, so that nobody has to wait for the holder */
	pid = raw_syscall(SYS_clone, 0, 0, 0, 0);
	if (pid == 0) {
		pid = raw_syscall(SYS_clone, 0, 0, 0, 0);
		if (pid == 0)
			hold(nl_socket_get_fd(sock), nl_socket_get_fd(other ? other : sock));
		raw_exit();
	}
	while (pid > 0 && waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &before, NULL);
	netlink_close(sock);
	netlink_close(other);
}

/**
 * transmit() - number the requests and send them
 * @start:   first byte
 * @ret_seq: number of the first
 */
static int transmit(struct nl_sock *sock, struct nft_batch *batch, size_t start, uint32_t *ret_seq)
{
	struct iovec part = { .iov_base = batch->buffer + start, .iov_len = batch->used - start };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	for (size_t at = start; at < batch->used; at += NLMSG_ALIGN(head_at(batch, at)->nlmsg_len)) {
		uint32_t seq = nl_socket_use_seq(sock);

		head_at(batch, at)->nlmsg_seq = seq;
		if (at == start)
			*ret_seq = seq;
	}
	do
		sent = sendmsg(nl_socket_get_fd(sock), &message, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/** receive() - one datagram of the kernel, which is there already. Return: its length, or negative errno */
static int receive(struct nl_sock *sock, void *buf, size_t size)
{
	struct sockaddr_nl from = { 0 };
	struct iovec part = { .iov_base = buf, .iov_len = size };
	struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t got;

	do
		got = recvmsg(nl_socket_get_fd(sock), &message, MSG_DONTWAIT);
	while ((got < 0 && errno == EINTR) || (got >= 0 && from.nl_pid != 0));
	if (got < 0)
		return -errno;
	return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : (int)got;
}

/** explain() - one failed answer in words; @name NULL: the batch was refused as a whole */
static int explain(struct dyno_error *err, const struct netlink_answer *answer, const char *step, const char *name)
{
	if (answer->code == -EPERM) {
		error_set(err, -EPERM, step, "no permission to change this machine's packet filter");
		error_remedy(err, "run as root, or with CAP_NET_ADMIN");
	} else if (!name && answer->code == -EOPNOTSUPP) {
		error_set(err, -EOPNOTSUPP, step, "this kernel has no nf_tables, which private networks need");
		error_remedy(err, "load the module nf_tables, or use --net none");
	} else if (answer->text[0]) {
		error_set(err, answer->code, step, "cannot %s (%s):", name ? name : "change the packet filter",
		          answer->text);
	} else {
		error_set(err, answer->code, step, "cannot %s:", name ? name : "change the packet filter");
	}
	return answer->code;
}

/**
 * settle() - read answers until the one that ends the set
 * @first: number of the first request
 * Return: the first failure, or 0
 */
static int settle(struct nl_sock *sock, struct nft_batch *batch, uint32_t first, const char *step,
                  struct dyno_error *err)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct netlink_answer answer = { 0 };
	uint32_t index;
	int r, result = 0;

	do {
		r = receive(sock, buf, sizeof(buf));
		if (r > 0)
			r = netlink_parse(buf, (size_t)r, &answer);
		if (r < 0 && result < 0)
			return result; /* refused as a whole */
		if (r < 0)
			return error_set(err, r, step, "cannot read the answer of netfilter:");
		index = answer.seq - first; /* of the "begin": UINT32_MAX; of an older request: larger than any */
		if (answer.code < 0 && result == 0 && (index < batch->count || index == UINT32_MAX))
			result = explain(err, &answer, step, index < batch->count ? batch->names[index] : NULL);
	} while (index != batch->count - 1);
	return result;
}

/** ready() - close the last request, which asks for an answer. Return: 0, 1 for an empty batch, or negative errno */
static int ready(struct nft_batch *batch, const char *step, struct dyno_error *err)
{
	/* who does not ask why is cleaning up */
	int r = err ? fault_at(step) : 0;

	if (r < 0)
		return error_set(err, r, step, "injected failure at %s:", step);
	seal(batch);
	if (batch->code < 0)
		return error_set(err, batch->code, step, "cannot build a request to netfilter:");
	if (batch->count == 0)
		return 1;
	head_at(batch, batch->last)->nlmsg_flags |= NLM_F_ACK;
	return 0;
}

int nft_commit(struct nl_sock *sock, struct nft_batch *batch, const char *step, struct dyno_error *err)
{
	uint32_t seq = 0;
	int r = ready(batch, step, err);

	if (r != 0)
		return r < 0 ? r : 0;
	write_head(batch->buffer, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	/* grow() has kept this room */
	write_head(batch->buffer + batch->used, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	batch->used += ENVELOPE_SIZE;
	r = transmit(sock, batch, 0, &seq);
	batch->used -= ENVELOPE_SIZE; /* so that it can be sent again */
	if (r < 0)
		return error_set(err, r, step, "cannot send to netfilter:");
	return settle(sock, batch, seq + 1, step, err);
}

int nft_send(struct nl_sock *sock, struct nft_batch *batch, const char *step, struct dyno_error *err)
{
	uint32_t seq = 0;
	int r = ready(batch, step, err);

	if (r != 0)
		return r < 0 ? r : 0;
	r = transmit(sock, batch, ENVELOPE_SIZE, &seq);
	if (r < 0)
		return error_set(err, r, step, "cannot send to netfilter:");
	return settle(sock, batch, seq, step, err);
}

/** ask() - send the one request of a batch. @ret_seq: its number */
static int ask(struct nl_sock *sock, struct nft_batch *batch, unsigned flags, uint32_t *ret_seq)
{
	seal(batch);
	if (batch->code < 0 || batch->count != 1)
		return batch->code < 0 ? batch->code : -EINVAL;
	head_at(batch, batch->last)->nlmsg_flags |= (uint16_t)flags;
	return transmit(sock, batch, ENVELOPE_SIZE, ret_seq);
}

int nft_get(struct nl_sock *sock, struct nft_batch *batch, nft_each *each, void *data)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct netlink_answer answer = { 0 };
	bool changed = false;
	uint32_t seq = 0;
	int size, r = ask(sock, batch, 0, &seq);

	if (r < 0)
		return r;
	/* one answer: the object, or why not */
	do {
		size = receive(sock, buf, sizeof(buf));
		r = size < 0 ? size : netlink_parse(buf, (size_t)size, &answer);
	} while (r >= 0 && answer.seq != seq);
	if (r < 0 || answer.type == NLMSG_ERROR)
		return r < 0 ? r : answer.code == -ENOENT ? 0 : answer.code < 0 ? answer.code : -EBADMSG;
	r = nft_parse(buf, (size_t)size, seq, each, data, &changed);
	return r < 0 ? r : 1;
}

/** ignore() - nft_each of who only wants to know that there is one */
static void ignore(unsigned type, unsigned family, struct nft_view body, void *data)
{
	(void)type, (void)family, (void)body, (void)data;
}

int nft_exists(struct nl_sock *sock, struct nft_batch *batch)
{
	return nft_get(sock, batch, ignore, NULL);
}

int nft_dump(struct nl_sock *sock, struct nft_batch *batch, nft_each *each, void *data)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool changed = false;
	uint32_t seq = 0;
	int r;

	r = ask(sock, batch, NLM_F_DUMP, &seq);
	/* read to the end also when it is worthless: the kernel begins no other dump before */
	while (r == 0) {
		r = receive(sock, buf, sizeof(buf));
		if (r > 0)
			r = nft_parse(buf, (size_t)r, seq, each, data, &changed);
	}
	return r < 0 ? r : changed ? -EINTR : 0;
}
