/* SPDX-License-Identifier: Apache-2.0 */
/**
 * conntrack.c - see conntrack.h
 *
 * A connection that a dyno opened has the dyno as the source of its packets; one that was opened to it has the dyno as the
 * source of the answers, whatever address the packets were sent to. So the sources of both directions are looked at.
 *
 * Since Linux 6.8 the kernel removes by itself what has a given source (CTA_FILTER). That is right for IPv4. For IPv6 it
 * compares the wrong way round (6.18 still does) and would remove all connections of the machine but the dyno's, so the
 * kernel is never asked that: its IPv6 connections are listed, compared here, and removed one by one. So are all on kernels
 * before.
 *
 * Each way goes through the whole table of the machine, unless the namespace tracks nothing, which a counter tells. Measured
 * here with 262,144 buckets (the kernel's default from 4 GiB on): 3 us with nothing tracked; 200 us to remove; 10 ms to
 * list, mostly for locking each bucket, and 44 ms with 10,000 connections. So IPv6 connections are listed only when the
 * dyno's link has carried IPv6 packets at all.
 */
#include "netns/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"

#define STEP "forget connections"
#define FILTER_IP_SRC                                                                                                  \
	1U /* of CTA_FILTER_..._FLAGS: in the kernel's nf_internals.h, but part of its interface all the same */
#define FOUND_MAX 120  /* removed at once; what is more is found by the next look */
#define FOUND_SIZE 128 /* the tuple of a connection: about 60 bytes for IPv6 */
#define LOOKS 64
#define COUNTERS_SIZE 8192 /* of a link, as text: about 3,000 bytes */

/**
 * struct search - connections of one family with a given source, as they are listed
 * @address, @size: the source
 * @more:           there are more of them than FOUND_MAX
 * @found:          the first tuple of each, by which it is removed
 */
struct search {
	const void *address;
	size_t size;
	bool more;
	size_t count;
	struct {
		size_t size;
		uint16_t zone;
		uint8_t tuple[FOUND_SIZE];
	} found[FOUND_MAX];
};

/** put_question() - remove the IPv4 connections that have source @address in direction @tuple (CTA_TUPLE_...) */
static void put_question(struct nft_batch *batch, uint32_t address, unsigned tuple)
{
	const uint32_t flags = FILTER_IP_SRC; /* in this machine's byte order, unlike everything else */
	size_t outer, inner;

	nft_add(batch, STEP, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0, NFPROTO_IPV4);
	outer = nft_nest(batch, tuple);
	inner = nft_nest(batch, CTA_TUPLE_IP);
	nft_put(batch, CTA_IP_V4_SRC, &address, sizeof(address));
	nft_nest_end(batch, inner);
	nft_nest_end(batch, outer);
	outer = nft_nest(batch, CTA_FILTER);
	nft_put(batch, tuple == CTA_TUPLE_ORIG ? CTA_FILTER_ORIG_FLAGS : CTA_FILTER_REPLY_FLAGS, &flags, sizeof(flags));
	nft_nest_end(batch, outer);
}

/** is_source() - the tuple's source is the one that is looked for */
static bool is_source(const struct search *search, struct nft_view tuple, unsigned family)
{
	struct nft_view ip = nft_find(tuple, CTA_TUPLE_IP);
	struct nft_view source = nft_find(ip, family == NFPROTO_IPV4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC);

	return source.size == search->size && memcmp(source.data, search->address, search->size) == 0;
}

/** see_connection() - one message of a list: keep the first tuple of a connection of the dyno's */
static void see_connection(unsigned type, unsigned family, struct nft_view body, void *data)
{
	struct search *search = data;
	struct nft_view tuple = nft_find(body, CTA_TUPLE_ORIG), zone = nft_find(body, CTA_ZONE);

	if (type != IPCTNL_MSG_CT_NEW || !tuple.data || tuple.size > FOUND_SIZE)
		return;
	if (!is_source(search, tuple, family) && !is_source(search, nft_find(body, CTA_TUPLE_REPLY), family))
		return;
	search->more = search->count == FOUND_MAX;
	if (search->more)
		return;
	search->found[search->count].size = tuple.size;
	search->found[search->count].zone = 0;
	if (zone.size == sizeof(uint16_t))
		memcpy(&search->found[search->count].zone, zone.data, sizeof(uint16_t));
	memcpy(search->found[search->count++].tuple, tuple.data, tuple.size);
}

/** remove_found() - remove each. One that has ended by itself meanwhile is no failure */
static int remove_found(struct nl_sock *sock, const struct search *search, unsigned family)
{
	struct nft_batch batch;
	int r;

	nft_begin(&batch);
	for (size_t i = 0; i < search->count; i++) {
		nft_add(&batch, STEP, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0, family);
		nft_put(&batch, CTA_TUPLE_ORIG | NLA_F_NESTED, search->found[i].tuple, search->found[i].size);
		if (search->found[i].zone)
			nft_put(&batch, CTA_ZONE, &search->found[i].zone, sizeof(search->found[i].zone));
	}
	r = nft_send(sock, &batch, STEP, NULL);
	return r == -ENOENT ? 0 : r;
}

/** forget_listed() - list, remove, until nothing of it is listed */
static int forget_listed(struct nl_sock *sock, unsigned family, const void *address, size_t size)
{
	struct search *search = malloc(sizeof(*search));
	struct nft_batch batch;
	int r = search ? 0 : -ENOMEM;

	for (int look = 0; look < LOOKS && r == 0; look++) {
		search->address = address;
		search->size = size;
		search->count = 0;
		search->more = false;
		nft_begin(&batch);
		nft_add(&batch, STEP, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, 0, family);
		r = nft_dump(sock, &batch, see_connection, search);
		/* disturbed, the list may lack some: look again. Connections of a dead dyno only go */
		search->more |= r == -EINTR;
		if ((r == 0 || r == -EINTR))
			r = remove_found(sock, search, family);
		if (!search->more)
			break;
	}
	free(search);
	return r;
}

/** see_count() - the answer with the namespace's number of connections */
static void see_count(unsigned type, unsigned family, struct nft_view body, void *data)
{
	(void)type, (void)family;
	*(uint32_t *)data = nft_u32(nft_find(body, CTA_STATS_GLOBAL_ENTRIES), 1);
}

/** is_empty() - the namespace tracks nothing. When in doubt: no */
static bool is_empty(struct nl_sock *sock)
{
	struct nft_batch batch;
	uint32_t count = 1;

	nft_begin(&batch);
	nft_add(&batch, STEP, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS, 0, NFPROTO_UNSPEC);
	return nft_get(sock, &batch, see_count, &count) == 1 && count == 0;
}

/** is_quiet() - the line @name of the counters @text is 0 */
static bool is_quiet(const char *text, const char *name)
{
	const char *line = strstr(text, name);
	size_t blank = line ? strspn(line + strlen(name), " \t") : 0;

	return blank > 0 && strncmp(line + strlen(name) + blank, "0\n", 2) == 0;
}

/** is_quiet6() - the link @link has carried no IPv6 packet. When in doubt, or without a link: no */
static bool is_quiet6(const char *link)
{
	char path[64], text[COUNTERS_SIZE];

	if (!link || text_format(path, sizeof(path), "/proc/thread-self/net/dev_snmp6/%s", link) < 0 ||
	    fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	return is_quiet(text, "Ip6InReceives") && is_quiet(text, "Ip6OutRequests") &&
	       is_quiet(text, "Ip6OutForwDatagrams");
}

int conntrack_forget_by_list(struct nl_sock *sock, const struct address_plan *plan, bool ipv6, struct dyno_error *err)
{
	const uint32_t dyno4 = htonl(plan->dyno);
	int r = forget_listed(sock, NFPROTO_IPV4, &dyno4, sizeof(dyno4));

	if (r == 0 && ipv6)
		r = forget_listed(sock, NFPROTO_IPV6, plan->dyno6, sizeof(plan->dyno6));
	return r < 0 ? error_set(err, r, STEP, "cannot remove the dyno's tracked connections:") : 0;
}

int conntrack_forget(struct nl_sock *sock, const struct address_plan *plan, const char *link, bool ipv6,
                     struct dyno_error *err)
{
	struct nft_batch batch;
	int r;

	if (is_empty(sock))
		return 0;
	ipv6 = ipv6 && !is_quiet6(link);
	nft_begin(&batch);
	put_question(&batch, htonl(plan->dyno), CTA_TUPLE_ORIG);
	put_question(&batch, htonl(plan->dyno), CTA_TUPLE_REPLY);
	r = nft_send(sock, &batch, STEP, NULL);
	/* an older kernel takes the question for the name of one connection, which it is too short for */
	if (r == -EINVAL || r == -EOPNOTSUPP)
		return conntrack_forget_by_list(sock, plan, ipv6, err);
	if (r == 0 && ipv6)
		r = forget_listed(sock, NFPROTO_IPV6, plan->dyno6, sizeof(plan->dyno6));
	return r < 0 ? error_set(err, r, STEP, "cannot remove the dyno's tracked connections:") : 0;
}
