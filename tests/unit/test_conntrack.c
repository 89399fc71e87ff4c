/* SPDX-License-Identifier: Apache-2.0 */
/* test_conntrack.c - the connections of a dyno are forgotten, by either way that kernels offer, and no others */
#include "netns_fixture.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "netns/conntrack.h"

#define SLOT 3
#define NEIGHBOUR 4
#define MANY 300 /* more than one round of the older way */

static const struct address_range default_range = ADDRESS_RANGE_DEFAULT;

/** count_message() - nft_each */
static void count_message(unsigned type, unsigned family, struct nft_view body, void *data)
{
	(void)type, (void)family, (void)body;
	++*(int *)data;
}

/** tracked() - number of connections that the kernel tracks here */
static int tracked(struct nl_sock *sock, unsigned family)
{
	struct nft_batch batch;
	int count = 0;

	nft_begin(&batch);
	nft_add(&batch, "test", NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, 0, family);
	CHECK(nft_dump(sock, &batch, count_message, &count) == 0);
	return count;
}

/** put_tuple() - one direction of a UDP connection */
static void put_tuple(struct nft_batch *batch, unsigned type, unsigned family, const void *from, const void *to,
                      uint16_t from_port, uint16_t to_port)
{
	size_t tuple = nft_nest(batch, type), nest = nft_nest(batch, CTA_TUPLE_IP);
	bool is4 = family == NFPROTO_IPV4;
	const uint8_t protocol = IPPROTO_UDP;

	from_port = htons(from_port);
	to_port = htons(to_port);
	nft_put(batch, is4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, from, is4 ? 4 : 16);
	nft_put(batch, is4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, to, is4 ? 4 : 16);
	nft_nest_end(batch, nest);
	nest = nft_nest(batch, CTA_TUPLE_PROTO);
	nft_put(batch, CTA_PROTO_NUM, &protocol, 1);
	nft_put(batch, CTA_PROTO_SRC_PORT, &from_port, 2);
	nft_put(batch, CTA_PROTO_DST_PORT, &to_port, 2);
	nft_nest_end(batch, nest);
	nft_nest_end(batch, tuple);
}

/**
 * track() - have the kernel track a connection
 * @target: where it was sent to; @server: who answers; they differ when addresses were translated
 */
static void track(struct nl_sock *sock, unsigned family, const void *client, const void *target, const void *server,
                  uint16_t port)
{
	struct dyno_error err = { 0 };
	struct nft_batch batch;
	int r;

	nft_begin(&batch);
	nft_add(&batch, "test", NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW, NLM_F_CREATE, family);
	put_tuple(&batch, CTA_TUPLE_ORIG, family, client, target, port, 53);
	put_tuple(&batch, CTA_TUPLE_REPLY, family, server, client, 53, port);
	nft_put_u32(&batch, CTA_TIMEOUT, 600);
	nft_put_u32(&batch, CTA_STATUS, IPS_CONFIRMED);
	r = nft_send(sock, &batch, "test", &err);
	if (r == -EOPNOTSUPP || r == -EINVAL)
		_exit(FIXTURE_SKIPPED);
	if (r < 0)
		fprintf(stderr, "%s (%d)\n", err.text, r);
	CHECK(r == 0);
}

/** fill() - connections from and to the two slots, and of nobody's, in both families: 3 of each slot and one more */
static void fill(struct nl_sock *sock)
{
	const uint8_t outside4[4] = { 198, 51, 100, 1 }, host4[4] = { 203, 0, 113, 1 };
	const uint8_t outside6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, host6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 2 };

	for (unsigned slot = SLOT; slot <= NEIGHBOUR; slot++) {
		struct address_plan plan;
		uint32_t dyno4;
		uint16_t port = (uint16_t)(slot * 100);

		CHECK(address_plan(&default_range, slot, &plan) == 0);
		dyno4 = htonl(plan.dyno);
		track(sock, NFPROTO_IPV4, &dyno4, outside4, outside4, port);
		track(sock, NFPROTO_IPV4, outside4, &dyno4, &dyno4, port);
		track(sock, NFPROTO_IPV4, outside4, host4, &dyno4, (uint16_t)(port + 1));
		track(sock, NFPROTO_IPV6, plan.dyno6, outside6, outside6, port);
		track(sock, NFPROTO_IPV6, outside6, plan.dyno6, plan.dyno6, port);
		track(sock, NFPROTO_IPV6, outside6, host6, plan.dyno6, (uint16_t)(port + 1));
	}
	track(sock, NFPROTO_IPV4, outside4, host4, host4, 9);
	track(sock, NFPROTO_IPV6, outside6, host6, host6, 9);
}

/** forget() - by the older way or not */
static int forget(struct nl_sock *sock, const struct address_plan *plan, bool older)
{
	struct dyno_error err = { 0 };

	return older ? conntrack_forget_by_list(sock, plan, true, &err)
	             : conntrack_forget(sock, plan, "dyno3", true, &err);
}

/** forget_child() - @data: not NULL for the older way */
static void forget_child(void *data)
{
	struct dyno_error err = { 0 };
	struct address_plan plan;
	struct nl_sock *sock = NULL;

	own_host();
	CHECK(nft_open(&sock, &err) == 0);
	CHECK(address_plan(&default_range, SLOT, &plan) == 0);
	/* nothing is tracked */
	CHECK(forget(sock, &plan, data != NULL) == 0);
	fill(sock);
	for (uint16_t i = 0; i < MANY; i++) {
		const uint8_t outside[4] = { 198, 51, 100, 7 };
		const uint32_t dyno = htonl(plan.dyno);

		track(sock, NFPROTO_IPV4, &dyno, outside, outside, (uint16_t)(1000 + i));
	}
	CHECK(tracked(sock, NFPROTO_IPV4) == 7 + MANY && tracked(sock, NFPROTO_IPV6) == 7);
	CHECK(forget(sock, &plan, data != NULL) == 0);
	if (tracked(sock, NFPROTO_IPV4) != 4 || tracked(sock, NFPROTO_IPV6) != 4)
		fprintf(stderr, "left: %d and %d\n", tracked(sock, NFPROTO_IPV4), tracked(sock, NFPROTO_IPV6));
	CHECK(tracked(sock, NFPROTO_IPV4) == 4 && tracked(sock, NFPROTO_IPV6) == 4);
	netlink_close(sock);
}

static void old_forget_child(void *data)
{
	(void)data;
	forget_child(stderr);
}

static void test_connections_are_forgotten(void **state)
{
	(void)state;
	expect(forget_child);
}

static void test_connections_are_forgotten_one_by_one(void **state)
{
	(void)state;
	expect(old_forget_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections_are_forgotten),
		cmocka_unit_test(test_connections_are_forgotten_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
