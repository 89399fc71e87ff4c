/* SPDX-License-Identifier: Apache-2.0 */
/**
 * conntrack.c - see conntrack.h
 *
 * A connection that a dyno opened has the dyno as the source of its packets; one that was opened to it has the dyno as the source of the
 * answers, whatever address the packets were sent to. So there are two questions for each family of addresses.
 *
 * Since Linux 6.8 the kernel removes what matches by itself; before, it lists what matches (since 5.8), and each is removed
 * by its own request. Either way it goes through the whole table of the machine once a question; when the namespace tracks
 * nothing, it looks at a counter and is done. XXMEASURE
 */
#include "netns/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define STEP "forget connections"
#define FILTER_IP_SRC                                                                                                  \
	1U /* of CTA_FILTER_..._FLAGS: in the kernel's nf_internals.h, but part of its interface all the same */
#define FOUND_MAX 120  /* removed at once; what is more is found by the next look */
#define FOUND_SIZE 128 /* the tuple of a connection: about 60 bytes for IPv6 */
#define LOOKS 64

/** enum side - whose source address is compared */
enum side {
	SIDE_ORIGINAL,
	SIDE_REPLY,
	SIDES,
};

/** struct found - what the kernel listed: the first tuple of each connection, by which it is removed */
struct found {
	size_t count;
	bool more;
	struct {
		size_t size;
		uint16_t zone;
		uint8_t tuple[FOUND_SIZE];
	} at[FOUND_MAX];
};

/** put_question() - request @type about connections of @family in which the source of @side is @address */
static void put_question(struct nft_batch *batch, unsigned type, unsigned family, const void *address, enum side side)
{
	const uint32_t flags = FILTER_IP_SRC; /* in this machine's byte order, unlike everything else */
	size_t tuple, ip, filter;

	nft_add(batch, "forget connections of the dyno", NFNL_SUBSYS_CTNETLINK, type, 0, family);
	tuple = nft_nest(batch, side == SIDE_ORIGINAL ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY);
	ip = nft_nest(batch, CTA_TUPLE_IP);
	if (family == NFPROTO_IPV4)
		nft_put(batch, CTA_IP_V4_SRC, address, sizeof(struct in_addr));
	else
		nft_put(batch, CTA_IP_V6_SRC, address, sizeof(struct in6_addr));
	nft_nest_end(batch, ip);
	nft_nest_end(batch, tuple);
	filter = nft_nest(batch, CTA_FILTER);
	nft_put(batch, side == SIDE_ORIGINAL ? CTA_FILTER_ORIG_FLAGS : CTA_FILTER_REPLY_FLAGS, &flags, sizeof(flags));
	nft_nest_end(batch, filter);
}

/** see_connection() - one message of a dump: keep its first tuple */
static void see_connection(unsigned type, unsigned family, struct nft_view body, void *data)
{
	struct found *found = data;
	struct nft_view tuple = nft_find(body, CTA_TUPLE_ORIG), zone = nft_find(body, CTA_ZONE);

	(void)family;
	if (type != IPCTNL_MSG_CT_NEW || !tuple.data || tuple.size > FOUND_SIZE)
		return;
	if (found->count == FOUND_MAX) {
		found->more = true;
		return;
	}
	found->at[found->count].size = tuple.size;
	found->at[found->count].zone = 0;
	if (zone.size == sizeof(uint16_t))
		memcpy(&found->at[found->count].zone, zone.data, sizeof(uint16_t));
	memcpy(found->at[found->count++].tuple, tuple.data, tuple.size);
}

/** remove_found() - remove each. One that has ended by itself meanwhile is no failure */
static int remove_found(struct nl_sock *sock, const struct found *found, unsigned family)
{
	struct nft_batch batch;
	int r;

	nft_begin(&batch);
	for (size_t i = 0; i < found->count; i++) {
		nft_add(&batch, STEP, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0, family);
		nft_put(&batch, CTA_TUPLE_ORIG | NLA_F_NESTED, found->at[i].tuple, found->at[i].size);
		if (found->at[i].zone)
			nft_put(&batch, CTA_ZONE, &found->at[i].zone, sizeof(found->at[i].zone));
	}
	r = nft_send(sock, &batch, STEP, NULL);
	return r == -ENOENT ? 0 : r;
}

/** forget_by_list() - for kernels before 6.8: list, remove, until nothing is listed */
static int forget_by_list(struct nl_sock *sock, unsigned family, const void *address, enum side side)
{
	struct found *found = malloc(sizeof(*found));
	struct nft_batch batch;
	int r = found ? 0 : -ENOMEM;

	for (int look = 0; look < LOOKS && r == 0; look++) {
		found->count = 0;
		found->more = false;
		nft_begin(&batch);
		put_question(&batch, IPCTNL_MSG_CT_GET, family, address, side);
		r = nft_dump(sock, &batch, see_connection, found);
		/* connections come and go; the ones asked for only go, as their dyno is dead */
		if ((r == 0 || r == -EINTR) && found->count > 0)
			r = remove_found(sock, found, family);
		if (r == 0 && !found->more)
			break;
	}
	free(found);
	return r;
}

int conntrack_forget(struct nl_sock *sock, const struct address_plan *plan, bool ipv6, struct dyno_error *err)
{
	const uint32_t dyno4 = htonl(plan->dyno);
	struct nft_batch batch;
	int r;

	nft_begin(&batch);
	for (enum side side = 0; side < SIDES; side++) {
		put_question(&batch, IPCTNL_MSG_CT_DELETE, NFPROTO_IPV4, &dyno4, side);
		if (ipv6)
			put_question(&batch, IPCTNL_MSG_CT_DELETE, NFPROTO_IPV6, plan->dyno6, side);
	}
	r = nft_send(sock, &batch, STEP, NULL);
	/* an older kernel takes the question for the name of one connection, which it is too short for */
	if (r == -EINVAL || r == -EOPNOTSUPP) {
		r = 0;
		for (enum side side = 0; side < SIDES && r == 0; side++) {
			r = forget_by_list(sock, NFPROTO_IPV4, &dyno4, side);
			if (r == 0 && ipv6)
				r = forget_by_list(sock, NFPROTO_IPV6, plan->dyno6, side);
		}
	}
	return r < 0 ? error_set(err, r, STEP, "cannot remove the dyno's tracked connections:") : 0;
}
