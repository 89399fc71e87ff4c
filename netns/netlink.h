/* SPDX-License-Identifier: Apache-2.0 */
/**
 * netlink.h - netlink sockets and batches of requests: the only file that knows libnl's error numbers
 *
 * A batch is several requests in one sendmsg(2) with one acknowledgement for all. The kernel handles the requests in
 * order inside that call and answers each one that fails, asked or not, and goes on with the next; only the last asks
 * for an answer. So one answer means that everything worked, and the first answer names the request that failed first.
 *
 * Building never fails at once: the first failure is kept and netlink_send() returns it, so that messages can be
 * written as plain lists of attributes.
 */
#ifndef NETNS_NETLINK_H
#define NETNS_NETLINK_H

#include <stddef.h>
#include <stdint.h>

#include <netlink/netlink.h>

#include "dyno.h"

#define NETLINK_BATCH_MAX 12     /* requests */
#define NETLINK_MESSAGE_SIZE 512 /* bytes of one request; the longest here has about 250 */
#define NETLINK_TEXT_SIZE 96

/**
 * struct netlink_batch - requests to send together
 * @count:    how many
 * @code:     first failure of building one, 0 without
 * @failed:   after netlink_send(): index of the first that failed
 * @messages: the requests
 * @names:    what each does, to complete "cannot ..."; borrowed
 */
struct netlink_batch {
	size_t count;
	int code;
	size_t failed;
	struct nl_msg *messages[NETLINK_BATCH_MAX];
	const char *names[NETLINK_BATCH_MAX];
};

/**
 * struct netlink_answer - one answer of the kernel
 * @seq:  which request
 * @type: NLMSG_ERROR or the type of the object that was asked for
 * @code: for NLMSG_ERROR 0 or negative errno, else 0
 * @text: the kernel's own words for the failure, or ""
 */
struct netlink_answer {
	uint32_t seq;
	uint16_t type;
	int code;
	char text[NETLINK_TEXT_SIZE];
};

#define _cleanup_netlink_ __attribute__((cleanup(netlink_close_p)))
#define _cleanup_batch_ __attribute__((cleanup(netlink_clear)))

/** netlink_errno() - the negative errno that stands for libnl's -NLE_* (or NLE_*) @nle; 0 for success */
int netlink_errno(int nle);

/**
 * netlink_open() - a socket of @protocol (NETLINK_ROUTE, ...) in the calling thread's network namespace
 * It stays in that namespace, wherever the thread goes.
 */
int netlink_open(int protocol, struct nl_sock **ret, struct dyno_error *err);
/** netlink_close() - NULL is fine. Return: NULL, to be assigned back */
struct nl_sock *netlink_close(struct nl_sock *sock);
void netlink_close_p(struct nl_sock **sock);

/** netlink_add() - begin a request of @type with fixed header @header; @name completes "cannot ..." */
void netlink_add(struct netlink_batch *batch, const char *name, int type, int flags, const void *header, size_t size);
/** netlink_put() - add attribute @type to the last request */
void netlink_put(struct netlink_batch *batch, int type, const void *data, size_t size);
void netlink_put_u32(struct netlink_batch *batch, int type, uint32_t value);
void netlink_put_text(struct netlink_batch *batch, int type, const char *text);
/** netlink_put_header() - add the fixed header of a message within a message to the last request */
void netlink_put_header(struct netlink_batch *batch, const void *header, size_t size);
/** netlink_nest() - open a nest in the last request. Return: to be given to netlink_nest_end(); NULL after a failure */
struct nlattr *netlink_nest(struct netlink_batch *batch, int type);
void netlink_nest_end(struct netlink_batch *batch, struct nlattr *nest);
/** netlink_clear() - free the requests; the batch is empty and can be filled again */
void netlink_clear(struct netlink_batch *batch);

/**
 * netlink_send() - send the batch and take its one acknowledgement
 * @step: goes into @err
 * Return: 0; or the negative errno of the first request that failed, with @batch->failed set. Later requests were
 * tried nevertheless.
 */
int netlink_send(struct nl_sock *sock, struct netlink_batch *batch, const char *step, struct dyno_error *err);

/**
 * netlink_get() - send a batch of one request that asks for one object
 * @buf: receives the object's message, aligned as a struct nlmsghdr
 * Return: its length, or negative errno
 */
int netlink_get(struct nl_sock *sock, struct netlink_batch *batch, void *buf, size_t size, const char *step,
                struct dyno_error *err);

/** netlink_parse() - read the first message of a datagram from the kernel. Return: 0, or -EBADMSG when it is malformed */
int netlink_parse(const void *buf, size_t size, struct netlink_answer *ret);

#endif /* NETNS_NETLINK_H */
