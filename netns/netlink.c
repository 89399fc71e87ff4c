/* SPDX-License-Identifier: Apache-2.0 */
/* netlink.c - see netlink.h */
#include "netns/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include "base/error.h"

#define ANSWER_SIZE 4096

int netlink_errno(int nle)
{
	static const int codes[NLE_MAX + 1] = {
		[NLE_FAILURE] = EIO,
		[NLE_INTR] = EINTR,
		[NLE_BAD_SOCK] = EBADF,
		[NLE_AGAIN] = EAGAIN,
		[NLE_NOMEM] = ENOMEM,
		[NLE_EXIST] = EEXIST,
		[NLE_INVAL] = EINVAL,
		[NLE_RANGE] = ERANGE,
		[NLE_MSGSIZE] = EMSGSIZE,
		[NLE_OPNOTSUPP] = EOPNOTSUPP,
		[NLE_AF_NOSUPPORT] = EAFNOSUPPORT,
		[NLE_OBJ_NOTFOUND] = ENOENT,
		[NLE_NOATTR] = ENODATA,
		[NLE_MISSING_ATTR] = EINVAL,
		[NLE_AF_MISMATCH] = EINVAL,
		[NLE_SEQ_MISMATCH] = EBADMSG,
		[NLE_MSG_OVERFLOW] = EOVERFLOW,
		[NLE_MSG_TRUNC] = EMSGSIZE,
		[NLE_NOADDR] = EADDRNOTAVAIL,
		[NLE_SRCRT_NOSUPPORT] = EOPNOTSUPP,
		[NLE_MSG_TOOSHORT] = EBADMSG,
		[NLE_MSGTYPE_NOSUPPORT] = EOPNOTSUPP,
		[NLE_OBJ_MISMATCH] = EINVAL,
		[NLE_NOCACHE] = ENOENT,
		[NLE_BUSY] = EBUSY,
		[NLE_PROTO_MISMATCH] = EPROTOTYPE,
		[NLE_NOACCESS] = EACCES,
		[NLE_PERM] = EPERM,
		[NLE_PKTLOC_FILE] = EIO,
		[NLE_PARSE_ERR] = EBADMSG,
		[NLE_NODEV] = ENODEV,
		[NLE_IMMUTABLE] = EPERM,
		[NLE_DUMP_INTR] = EINTR,
		[NLE_ATTRSIZE] = EMSGSIZE,
	};
	unsigned index = nle < 0 ? 0U - (unsigned)nle : (unsigned)nle;

	if (index == NLE_SUCCESS)
		return 0;
	return index <= NLE_MAX && codes[index] ? -codes[index] : -EIO;
}

int netlink_open(int protocol, struct nl_sock **ret, struct dyno_error *err)
{
	_cleanup_netlink_ struct nl_sock *sock = nl_socket_alloc();
	const int on = 1;
	int r;

	if (!sock)
		return error_set(err, -ENOMEM, "netlink", "cannot allocate a netlink socket");
	errno = 0;
	r = netlink_errno(nl_connect(sock, protocol));
	/* libnl has no number for most failures of socket(2), EMFILE for one; errno still tells it */
	if (r == -EIO && errno > 0)
		r = -errno;
	if (r < 0)
		return error_set(err, r, "netlink", "cannot open a netlink socket:");
	/* the kernel's own words with each failure, and no echo of the request: both only make errors better */
	(void)setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	*ret = sock;
	sock = NULL;
	return 0;
}

struct nl_sock *netlink_close(struct nl_sock *sock)
{
	int saved = errno;

	if (sock)
		nl_socket_free(sock);
	errno = saved;
	return NULL;
}

void netlink_close_p(struct nl_sock **sock)
{
	*sock = netlink_close(*sock);
}

/**
 * keep() - remember the first failure of building
 * @nle: result of a libnl call
 */
static void keep(struct netlink_batch *batch, int nle)
{
	if (nle < 0 && batch->code == 0)
		batch->code = netlink_errno(nle);
}

/** last() - the request being built, NULL when building has failed */
static struct nl_msg *last(struct netlink_batch *batch)
{
	if (batch->code == 0 && batch->count == 0)
		batch->code = -EINVAL;
	return batch->code == 0 ? batch->messages[batch->count - 1] : NULL;
}

void netlink_add(struct netlink_batch *batch, const char *name, int type, int flags, const void *header, size_t size)
{
	struct nl_msg *message;

	if (batch->code == 0 && batch->count == NETLINK_BATCH_MAX)
		batch->code = -E2BIG;
	if (batch->code < 0)
		return;
	message = nlmsg_alloc_size(NETLINK_MESSAGE_SIZE);
	if (!message || !nlmsg_put(message, 0, 0, type, 0, NLM_F_REQUEST | flags)) {
		nlmsg_free(message);
		batch->code = -ENOMEM;
		return;
	}
	batch->names[batch->count] = name;
	batch->messages[batch->count++] = message;
	netlink_put_header(batch, header, size);
}

void netlink_put(struct netlink_batch *batch, int type, const void *data, size_t size)
{
	struct nl_msg *message = last(batch);

	if (message)
		keep(batch, nla_put(message, type, (int)size, data));
}

void netlink_put_u32(struct netlink_batch *batch, int type, uint32_t value)
{
	netlink_put(batch, type, &value, sizeof(value));
}

void netlink_put_text(struct netlink_batch *batch, int type, const char *text)
{
	netlink_put(batch, type, text, strlen(text) + 1);
}

void netlink_put_header(struct netlink_batch *batch, const void *header, size_t size)
{
	struct nl_msg *message = last(batch);

	if (!message)
		return;
	/* nlmsg_append() takes a pointer to non-const data, which it only copies from */
	keep(batch, nlmsg_append(message, (void *)(uintptr_t)header, size, NLMSG_ALIGNTO));
}

struct nlattr *netlink_nest(struct netlink_batch *batch, int type)
{
	struct nl_msg *message = last(batch);
	struct nlattr *nest = message ? nla_nest_start(message, type) : NULL;

	if (message && !nest)
		batch->code = -EMSGSIZE;
	return nest;
}

void netlink_nest_end(struct netlink_batch *batch, struct nlattr *nest)
{
	struct nl_msg *message = last(batch);

	if (message && nest)
		keep(batch, nla_nest_end(message, nest));
}

void netlink_clear(struct netlink_batch *batch)
{
	int saved = errno;

	for (size_t i = 0; i < batch->count; i++)
		nlmsg_free(batch->messages[i]);
	memset(batch, 0, sizeof(*batch));
	errno = saved;
}

/**
 * answer_text() - copy the kernel's explanation out of an extended acknowledgement
 * @attrs: attributes after the error record
 * @size:  their length
 * @text:  NETLINK_TEXT_SIZE bytes, "" already
 */
static void answer_text(const char *attrs, size_t size, char *text)
{
	struct nlattr head;

	while (size >= sizeof(head)) {
		size_t length, step;

		memcpy(&head, attrs, sizeof(head));
		if (head.nla_len < sizeof(head) || head.nla_len > size)
			return;
		length = head.nla_len - sizeof(head);
		if ((head.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG && length > 0) {
			if (length >= NETLINK_TEXT_SIZE)
				length = NETLINK_TEXT_SIZE - 1;
			memcpy(text, attrs + sizeof(head), length);
			text[length] = '\0';
			return;
		}
		step = NLA_ALIGN(head.nla_len);
		if (step >= size)
			return;
		attrs += step;
		size -= step;
	}
}

int netlink_parse(const void *buf, size_t size, struct netlink_answer *ret)
{
	struct netlink_answer answer = { 0 };
	struct nlmsghdr head;
	struct nlmsgerr error;
	size_t used = NLMSG_HDRLEN + sizeof(error);

	if (size < sizeof(head))
		return -EBADMSG;
	memcpy(&head, buf, sizeof(head));
	if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > size)
		return -EBADMSG;
	answer.seq = head.nlmsg_seq;
	answer.type = head.nlmsg_type;
	if (head.nlmsg_type == NLMSG_ERROR) {
		if (head.nlmsg_len < used)
			return -EBADMSG;
		memcpy(&error, (const char *)buf + NLMSG_HDRLEN, sizeof(error));
		if (error.error > 0 || error.error < -4095)
			return -EBADMSG;
		answer.code = error.error;
		/* without NLM_F_CAPPED the whole request stands between the record and the attributes */
		if (!(head.nlmsg_flags & NLM_F_CAPPED) && error.msg.nlmsg_len > sizeof(error.msg))
			used += NLMSG_ALIGN((size_t)error.msg.nlmsg_len) - sizeof(error.msg);
		if ((head.nlmsg_flags & NLM_F_ACK_TLVS) && used < head.nlmsg_len)
			answer_text((const char *)buf + used, head.nlmsg_len - used, answer.text);
	}
	*ret = answer;
	return 0;
}

/**
 * transmit() - number the requests and send them all at once
 * @ret_seq: number of the first; the others follow
 */
static int transmit(struct nl_sock *sock, struct netlink_batch *batch, uint32_t *ret_seq)
{
	struct iovec parts[NETLINK_BATCH_MAX];
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = batch->count };
	ssize_t sent;

	for (size_t i = 0; i < batch->count; i++) {
		struct nlmsghdr *head = nlmsg_hdr(batch->messages[i]);

		head->nlmsg_seq = nl_socket_use_seq(sock);
		if (i == 0)
			*ret_seq = head->nlmsg_seq;
		parts[i].iov_base = head;
		parts[i].iov_len = NLMSG_ALIGN(head->nlmsg_len);
	}
	do
		sent = sendmsg(nl_socket_get_fd(sock), &message, 0);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/**
 * receive() - take one answer
 * The kernel has queued every answer before sendmsg(2) returned, so nothing waits here, and a lost answer is an error
 * (EAGAIN) instead of a hang.
 * Return: length of the datagram, or negative errno
 */
static int receive(struct nl_sock *sock, void *buf, size_t size, struct netlink_answer *ret)
{
	struct sockaddr_nl from = { 0 };
	struct iovec part = { .iov_base = buf, .iov_len = size };
	struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t got;
	int r;

	do
		got = recvmsg(nl_socket_get_fd(sock), &message, MSG_DONTWAIT);
	while ((got < 0 && errno == EINTR) || (got >= 0 && from.nl_pid != 0));
	if (got < 0)
		return -errno;
	if (message.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	r = netlink_parse(buf, (size_t)got, ret);
	return r < 0 ? r : (int)got;
}

/** explain() - error_set() for one failed request, with the kernel's words if it gave any */
static int explain(struct dyno_error *err, int code, const char *step, const char *name, const char *text)
{
	if (text[0])
		return error_set(err, code, step, "cannot %s (%s):", name, text);
	return error_set(err, code, step, "cannot %s:", name);
}

int netlink_send(struct nl_sock *sock, struct netlink_batch *batch, const char *step, struct dyno_error *err)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct netlink_answer answer = { 0 };
	uint32_t first = 0, index;
	int r = batch->code, result = 0;

	if (r < 0)
		return error_set(err, r, step, "cannot build a netlink request:");
	if (batch->count == 0)
		return 0;
	nlmsg_hdr(batch->messages[batch->count - 1])->nlmsg_flags |= NLM_F_ACK;
	r = transmit(sock, batch, &first);
	if (r < 0)
		return error_set(err, r, step, "cannot send a netlink request:");
	do {
		r = receive(sock, buf, sizeof(buf), &answer);
		if (r < 0)
			return error_set(err, r, step, "cannot read the answer to a netlink request:");
		index = answer.seq - first;
		if (index >= batch->count || answer.code == 0 || result < 0)
			continue;
		batch->failed = index;
		result = explain(err, answer.code, step, batch->names[index], answer.text);
	} while (index != batch->count - 1);
	return result;
}

int netlink_get(struct nl_sock *sock, struct netlink_batch *batch, void *buf, size_t size, const char *step,
                struct dyno_error *err)
{
	struct netlink_answer answer = { 0 };
	uint32_t seq = 0;
	int r = batch->code;

	if (r == 0 && batch->count != 1)
		r = -EINVAL;
	if (r < 0)
		return error_set(err, r, step, "cannot build a netlink request:");
	r = transmit(sock, batch, &seq);
	if (r < 0)
		return error_set(err, r, step, "cannot send a netlink request:");
	do
		r = receive(sock, buf, size, &answer);
	while (r >= 0 && answer.seq != seq);
	if (r < 0)
		return error_set(err, r, step, "cannot read the answer to a netlink request:");
	if (answer.type == NLMSG_ERROR)
		return explain(err, answer.code ? answer.code : -ENOENT, step, batch->names[0], answer.text);
	return r;
}
