/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nft.h - requests to netfilter (nf_tables, conntrack): one flat buffer, one sendmsg, one set of answers
 *
 * A transaction is many requests between a "begin" and an "end": the kernel does all of them or none. netlink.h has one
 * buffer for each request, which is right for ten of them; a table has sixty, so here they stand one behind the other.
 * As there, building never fails at once: the first failure is kept and sending returns it.
 */
#ifndef NETNS_NFT_H
#define NETNS_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>
#include <netlink/netlink.h>

#include "dyno.h"

#define NFT_BATCH_SIZE 32768 /* bytes; netns/table_rules.c needs 16,000 */
#define NFT_BATCH_MAX 160    /* requests */

/**
 * struct nft_batch - requests to send together; nft_begin() comes first
 * On the stack, and not cleared: a small batch touches a page or two of it.
 * @code:   first failure of building, 0 without
 * @used:   bytes, with the room for the "begin"
 * @last:   where the last request starts
 * @count:  requests
 * @names:  what each does, to complete "cannot ..."; borrowed
 */
struct nft_batch {
	int code;
	size_t used;
	size_t last;
	uint32_t count;
	const char *names[NFT_BATCH_MAX];
	char buffer[NFT_BATCH_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/** struct nft_view - bytes of a message or an attribute; borrowed; @data NULL for none */
struct nft_view {
	const void *data;
	size_t size;
};

/** nft_begin() - an empty batch */
void nft_begin(struct nft_batch *batch);
/**
 * nft_add() - begin a request
 * @name:      completes "cannot ..."
 * @subsystem: NFNL_SUBSYS_...
 * @type:      NFT_MSG_..., IPCTNL_MSG_...
 * @flags:     NLM_F_... besides NLM_F_REQUEST
 * @family:    NFPROTO_...
 */
void nft_add(struct nft_batch *batch, const char *name, unsigned subsystem, unsigned type, unsigned flags,
             unsigned family);
/** nft_put() - add attribute @type to the last request; numbers go in network order, as netfilter wants them */
void nft_put(struct nft_batch *batch, unsigned type, const void *data, size_t size);
void nft_put_u32(struct nft_batch *batch, unsigned type, uint32_t value);
void nft_put_u64(struct nft_batch *batch, unsigned type, uint64_t value);
void nft_put_text(struct nft_batch *batch, unsigned type, const char *text);
/** nft_nest() - open a nest in the last request. Return: to be given to nft_nest_end() */
size_t nft_nest(struct nft_batch *batch, unsigned type);
void nft_nest_end(struct nft_batch *batch, size_t nest);

/** nft_open() - a socket to netfilter, with one sentence for a kernel that has none */
int nft_open(struct nl_sock **ret, struct dyno_error *err);

/**
 * nft_close() - close one or two sockets without waiting. NULL is fine
 * The kernel makes who closes a netfilter socket wait until what was removed lately is freed (an RCU grace period, 7 to
 * 35 ms), and everybody else who has a request meanwhile. So a child process keeps them for so long. It holds
 * nothing else, nobody hears of its end, and it ends by itself.
 */
void nft_close(struct nl_sock *sock, struct nl_sock *other);

/**
 * nft_commit() - do the batch as one transaction of nf_tables
 * @step: goes into @err; also the name of the injected fault, which there is when @err is not NULL
 * Return: 0; or the negative errno of the first request that failed, and nothing was done
 */
int nft_commit(struct nl_sock *sock, struct nft_batch *batch, const char *step, struct dyno_error *err);

/**
 * nft_send() - do the requests of the batch one after the other, each on its own
 * Return: 0; or the negative errno of the first that failed; later ones were tried nevertheless
 */
int nft_send(struct nl_sock *sock, struct nft_batch *batch, const char *step, struct dyno_error *err);

/** nft_each - one message of an answer; @family: NFPROTO_...; @body: its attributes */
typedef void nft_each(unsigned type, unsigned family, struct nft_view body, void *data);

/** nft_get() - ask for one object by a batch of one request. Return: 1 and it was handed to @each, 0 without it, or negative errno */
int nft_get(struct nl_sock *sock, struct nft_batch *batch, nft_each *each, void *data);
/** nft_exists() - ask whether one object is there. Return: 1, 0, or negative errno */
int nft_exists(struct nl_sock *sock, struct nft_batch *batch);

/**
 * nft_dump() - ask for many objects by a batch of one request (which nft_dump() flags as such)
 * Return: 0; -EINTR when the objects changed meanwhile, so that some may be missing or double; or negative errno
 */
int nft_dump(struct nl_sock *sock, struct nft_batch *batch, nft_each *each, void *data);

/**
 * nft_parse() - hand each message of one datagram of the kernel to @each; what nft_dump() does with what it receives
 * @seq:     of the request; messages with another number are skipped
 * @changed: set when the kernel says that the objects changed meanwhile
 * Return: 1 at the end of the dump, 0 when more comes, or negative errno; -EBADMSG when it is malformed
 */
int nft_parse(const void *buf, size_t size, uint32_t seq, nft_each *each, void *data, bool *changed);

/** nft_find() - the attribute @type among the attributes @attrs; malformed ones end the search */
struct nft_view nft_find(struct nft_view attrs, unsigned type);
/** nft_next() - step through @attrs, which shrinks. Return: the next attribute, or none at the end */
struct nft_view nft_next(struct nft_view *attrs, unsigned *ret_type);
/** nft_u32() - the number in network order in @view, or @otherwise when it has another size */
uint32_t nft_u32(struct nft_view view, uint32_t otherwise);
uint64_t nft_u64(struct nft_view view, uint64_t otherwise);
/** nft_text_is() - @view is the text @text, with or without its NUL */
bool nft_text_is(struct nft_view view, const char *text);

#endif /* NETNS_NFT_H */
