/* SPDX-License-Identifier: Apache-2.0 */
/**
 * table_rules.c - see table_rules.h
 *
 * Theory of operation
 *
 * What a dyno asks for is judged once, by the first packet of a connection ("services", from "prerouting" at -101): before
 * anybody else's address translation (Docker's and everybody's are at -100), so that a destination is judged as the dyno
 * wrote it and not as others' rules made it. (On Amazon ECS, for one, 169.254.170.2 is translated to a service on 127.0.0.1.)
 * Only what connection tracking knows gets that far ("dyno", at -150): answers to a connection pass, and what is neither an
 * answer nor the first packet of a connection is dropped. Only unicast addresses are the world: the machine's own are
 * "local", and what listens on it for broadcasts and multicasts is out of reach too.
 *
 * Source addresses: the route back to the source must lead to the link that the packet came by ("fib saddr . iif oif").
 * A dyno needs no privilege to send IPv6 from an address that it does not have (IPV6_FREEBIND), and an administrator may have
 * loosened rp_filter for IPv4. A packet's place in its own network is checked too: the /126 has a fourth address.
 *
 * Published ports are translated for packets that come in and for the machine's own (prerouting, output). Those that come
 * in for 127.0.0.0/8 must not be: with forwarding on, a neighbour on the wire could reach what was published
 * for this machine only. (IPv6 needs no such rule: the kernel drops what comes in for ::1 before any hook.) A dyno's own packets are
 * never led to a published port, hence never to another dyno.
 *
 * Services of the machine's loopback are reached at address_host() by translation of both ends: a server that listens on
 * 127.0.0.1 only, and trusts only that (PostgreSQL does), sees a connection from 127.0.0.1.
 *
 * Other packets of the machine meet one comparison in each hook. The kernel takes 1 us to find the type of a step by its name
 * (it goes through all types that it has), so that the number of steps is what installing costs: see table.c.
 */
#include "netns/table_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "netns/rule.h"
#include "netns/table.h"

#define TABLE_NOTE "made by dyno, removed with its last user"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* where the chains stand: conntrack is at -200, everybody's destination NAT at -100, filters at 0, source NAT at 100 */
#define BEFORE_NAT (-150)
#define OUR_DNAT (-101)
#define FILTER 0
#define OUR_SNAT 99

/* clang-format off */
static const struct rule_set sets[] = {
	/* address, port -> dyno, port; 0.0.0.0 and :: stand for every address of this machine */
	[TABLE_PUBLISH4] = { .name = "publish4",
		.key_type = RULE_TYPE_2(RULE_TYPE_ADDR4, RULE_TYPE_PORT), .key = 8,
		.data_type = RULE_TYPE_2(RULE_TYPE_ADDR4, RULE_TYPE_PORT), .data = 8 },
	[TABLE_PUBLISH6] = { .name = "publish6",
		.key_type = RULE_TYPE_2(RULE_TYPE_ADDR6, RULE_TYPE_PORT), .key = 20,
		.data_type = RULE_TYPE_2(RULE_TYPE_ADDR6, RULE_TYPE_PORT), .data = 20 },
	/* link, address, port: those that lead to the same port of 127.0.0.1 */
	[TABLE_SERVICES] = { .name = "services",
		.key_type = RULE_TYPE_3(RULE_TYPE_IFNAME, RULE_TYPE_ADDR4, RULE_TYPE_PORT), .key = 24 },
	/* address, protocol, port of questions -> loopback address, port; for every link that is not limited */
	[TABLE_RESOLVER] = { .name = "resolver",
		.key_type = RULE_TYPE_3(RULE_TYPE_ADDR4, RULE_TYPE_PROTOCOL, RULE_TYPE_PORT), .key = 12,
		.data_type = RULE_TYPE_2(RULE_TYPE_ADDR4, RULE_TYPE_PORT), .data = 8 },
	/* links that reach only what is listed for them in reach4 and reach6 */
	[TABLE_LIMITED] = { .name = "limited", .key_type = RULE_TYPE_IFNAME, .key = RULE_IFNAME_SIZE },
	[TABLE_REACH4] = { .name = "reach4", .key_type = RULE_TYPE_2(RULE_TYPE_IFNAME, RULE_TYPE_ADDR4), .key = 20,
		.flags = NFT_SET_INTERVAL, .fields = { RULE_IFNAME_SIZE, 4 } },
	[TABLE_REACH6] = { .name = "reach6", .key_type = RULE_TYPE_2(RULE_TYPE_IFNAME, RULE_TYPE_ADDR6), .key = 32,
		.flags = NFT_SET_INTERVAL, .fields = { RULE_IFNAME_SIZE, 16 } },
	/* the fixed ones */
	{ .name = "refused4", .key_type = RULE_TYPE_ADDR4, .key = 4, .flags = NFT_SET_INTERVAL },
	{ .name = "refused6", .key_type = RULE_TYPE_ADDR6, .key = 16, .flags = NFT_SET_INTERVAL },
	{ .name = "resolvers4", .key_type = RULE_TYPE_ADDR4, .key = 4 },
	{ .name = "version", .key_type = RULE_TYPE_MARK, .key = 4 },
};

static const struct rule_chain chains[] = {
	{ "refuse", NULL, 0, 0 },
	{ "services", NULL, 0, 0 },
	{ "published", NULL, 0, 0 },
	{ "dyno", "filter", NF_INET_PRE_ROUTING, BEFORE_NAT },
	{ "prerouting", "nat", NF_INET_PRE_ROUTING, OUR_DNAT },
	{ "output", "nat", NF_INET_LOCAL_OUT, OUR_DNAT },
	{ "loopback", "nat", NF_INET_LOCAL_IN, OUR_SNAT },
	{ "forward", "filter", NF_INET_FORWARD, FILTER },
	{ "postrouting", "nat", NF_INET_POST_ROUTING, OUR_SNAT },
};

#define FROM_DYNO RULE_IIFNAME, RULE_IS("dyno")
#define NOT_FROM_DYNO RULE_IIFNAME, RULE_IS_NOT("dyno")
#define TO_DYNO RULE_OIFNAME, RULE_IS("dyno")
#define NOT_TO_DYNO RULE_OIFNAME, RULE_IS_NOT("dyno")
#define NOT_LIMITED RULE_IIFNAME, RULE_NOT_IN_SET("limited")
#define NO_WAY_BACK RULE_FIB(NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF, NFT_FIB_RESULT_OIF), RULE_IS_U32(0)
#define DADDR_TYPE RULE_FIB(NFTA_FIB_F_DADDR, NFT_FIB_RESULT_ADDRTYPE)
#define TO_LOOPBACK RULE_IPV4, RULE_NETWORK(16, 1), RULE_IS("\x7f")
#define FROM_LOOPBACK RULE_IPV4, RULE_NETWORK(12, 1), RULE_IS("\x7f")
#define ADDRESS6_0 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ADDRESS6_1 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
#define ADDRESS6_2 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2"
#define ADDRESS6_3 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3"

static const struct rule_step rules[] = {
	RULE("dyno", NULL), NOT_FROM_DYNO, RULE_ACCEPT,
	RULE("dyno", "a source that is not the dyno's"), NO_WAY_BACK, RULE_DROP,
	RULE("dyno", NULL), RULE_CT_ANSWER, RULE_ACCEPT,
	RULE("dyno", NULL), RULE_CT_NOT_NEW, RULE_DROP,
	RULE6("dyno", "a source that is nobody's"), RULE_IPV6, RULE_SADDR6, RULE_MASK(ADDRESS6_3), RULE_IS_NOT(ADDRESS6_2), RULE_DROP,

	RULE("prerouting", NULL), FROM_DYNO, RULE_GOTO("services"),
	RULE("prerouting", "loopback is published to this machine only"), TO_LOOPBACK, RULE_ACCEPT,
	RULE("prerouting", NULL), RULE_TCP, RULE_GOTO("published"),
	RULE("output", NULL), RULE_TCP, RULE_GOTO("published"),

	RULE("services", "--allow-host"), RULE_IPV4, RULE_TCP, RULE_IIFNAME, RULE_DADDR4, RULE_DPORT, RULE_IN_SET("services"),
		RULE_CONSTANT("\x7f\0\0\1"), RULE_DNAT4,
	RULE("services", "a resolver on loopback"), NOT_LIMITED, RULE_IPV4, RULE_DADDR4, RULE_L4PROTO, RULE_DPORT, RULE_MAP("resolver"),
		RULE_DNAT4_PORT,
	RULE("services", "a cloud's resolver"), NOT_LIMITED, RULE_IPV4, RULE_DADDR4, RULE_IN_SET("resolvers4"), RULE_DPORT, RULE_IS("\0\x35"),
		RULE_ACCEPT,
	RULE("services", "metadata, other dynos"), RULE_IPV4, RULE_DADDR4, RULE_IN_SET("refused4"), RULE_GOTO("refuse"),
	RULE6("services", "metadata, other dynos"), RULE_IPV6, RULE_DADDR6, RULE_IN_SET("refused6"), RULE_GOTO("refuse"),
	RULE("services", "addresses of this machine"), DADDR_TYPE, RULE_IS_NOT_U32(RTN_UNICAST), RULE_GOTO("refuse"),
	RULE("services", NULL), NOT_LIMITED, RULE_ACCEPT,
	RULE("services", "--egress CIDR"), RULE_IPV4, RULE_IIFNAME, RULE_DADDR4, RULE_IN_SET("reach4"), RULE_ACCEPT,
	RULE6("services", "--egress CIDR"), RULE_IPV6, RULE_IIFNAME, RULE_DADDR6, RULE_IN_SET("reach6"), RULE_ACCEPT,
	RULE("services", "--egress deny"), RULE_GOTO("refuse"),

	RULE("refuse", NULL), RULE_TCP, RULE_REJECT_TCP,
	RULE("refuse", NULL), RULE_REJECT,

	RULE("published", NULL), RULE_IPV4, RULE_DADDR4, RULE_DPORT, RULE_MAP("publish4"), RULE_DNAT4_PORT,
	RULE6("published", NULL), RULE_IPV6, RULE_DADDR6, RULE_DPORT, RULE_MAP("publish6"), RULE_DNAT6_PORT,
	RULE("published", "every address"), DADDR_TYPE, RULE_IS_U32(RTN_LOCAL), RULE_IPV4,
		RULE_DADDR4, RULE_MASK("\0\0\0\0"), RULE_DPORT, RULE_MAP("publish4"), RULE_DNAT4_PORT,
	RULE6("published", "every address"), DADDR_TYPE, RULE_IS_U32(RTN_LOCAL), RULE_IPV6,
		RULE_DADDR6, RULE_MASK(ADDRESS6_0), RULE_DPORT, RULE_MAP("publish6"), RULE_DNAT6_PORT,

	RULE("loopback", "services see 127.0.0.1"), FROM_DYNO, TO_LOOPBACK, RULE_CONSTANT("\x7f\0\0\1"), RULE_SNAT4,

	RULE("forward", "neither an answer nor published"), TO_DYNO, RULE_CT_NO_ANSWER, RULE_CT_NO_DNAT, RULE_DROP,

	RULE("postrouting", "loopback to a dyno"), TO_DYNO, FROM_LOOPBACK, RULE_MASQUERADE,
	RULE6("postrouting", "loopback to a dyno"), TO_DYNO, RULE_IPV6, RULE_SADDR6, RULE_IS(ADDRESS6_1), RULE_MASQUERADE,
	RULE("postrouting", "a dyno to the world"), FROM_DYNO, NOT_TO_DYNO, RULE_MASQUERADE,
};

/* Where clouds answer questions about the machine and its credentials; an interval and the first address behind it */
#define INTERVAL(first, behind) \
	{ .key = { first, sizeof(first) - 1 } }, \
	{ .key = { behind, sizeof(behind) - 1 }, .flags = NFT_SET_ELEM_INTERVAL_END }
static const struct rule_element refused4[] = {
	INTERVAL("\x64\x64\x64\xc8", "\x64\x64\x64\xc9"), /* 100.100.100.200: Alibaba */
	INTERVAL("\xa8\x3f\x81\x10", "\xa8\x3f\x81\x11"), /* 168.63.129.16: Azure */
	INTERVAL("\xa9\xfe\x00\x00", "\xa9\xff\x00\x00"), /* 169.254.0.0/16: everybody */
	INTERVAL("\xc0\x00\x00\xc0", "\xc0\x00\x00\xc1"), /* 192.0.0.192: Oracle */
};
static const struct rule_element refused6[] = {
	INTERVAL("\xfd\x00\x0e\xc2\0\0\0\0\0\0\0\0\0\0\x02\x54", "\xfd\x00\x0e\xc2\0\0\0\0\0\0\0\0\0\0\x02\x55"), /* fd00:ec2::254: Amazon */
	INTERVAL("\xfd\x20\x00\xce\0\0\0\0\0\0\0\0\0\0\x02\x54", "\xfd\x20\x00\xce\0\0\0\0\0\0\0\0\0\0\x02\x55"), /* fd20:ce::254: Google */
	INTERVAL("\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "\xfe\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), /* fe80::/10 */
};
/* Of these, those at which a cloud also answers for names: on port 53, and nothing else */
static const struct rule_element resolvers4[] = {
	{ .key = { "\xa9\xfe\xa9\xfe", 4 } }, /* 169.254.169.254: Google */
	{ .key = { "\xa9\xfe\xa9\xfd", 4 } }, /* 169.254.169.253: Amazon */
	{ .key = { "\xa8\x3f\x81\x10", 4 } }, /* 168.63.129.16: Azure */
};
/* clang-format on */

const char *table_rules_set(enum table_set set)
{
	return sets[set].name;
}

uint32_t table_rules_mark(const struct address_range *range)
{
	uint32_t mark = 2166136261U; /* FNV-1a */
	const uint32_t words[] = { TABLE_VERSION, range->network, range->bits };
	uint8_t bytes[sizeof(words) + ADDRESS_PREFIX6_SIZE];

	memcpy(bytes, words, sizeof(words));
	memcpy(bytes + sizeof(words), range->prefix6, ADDRESS_PREFIX6_SIZE);
	for (size_t i = 0; i < sizeof(bytes); i++)
		mark = (mark ^ bytes[i]) * 16777619U;
	return mark;
}

/** put_range() - refuse a dyno the addresses of all dynos; those without a dyno would go out to the world */
static void put_range(struct nft_batch *batch, const struct address_range *range, bool ipv6)
{
	const uint32_t bounds4[] = { htonl(range->network), htonl(range->network + (1U << (32 - range->bits))) };
	uint8_t bounds6[2][16] = { 0 };
	struct rule_element elements[2] = { { .flags = 0 }, { .flags = NFT_SET_ELEM_INTERVAL_END } };

	for (size_t i = 0; i < 2; i++)
		elements[i].key = (struct nft_view){ &bounds4[i], sizeof(bounds4[i]) };
	rule_put_elements(batch, NFT_MSG_NEWSETELEM, TABLE_NAME, "refused4", elements, 2);
	if (!ipv6)
		return;
	for (size_t i = 0; i < 2; i++) {
		memcpy(bounds6[i], range->prefix6, ADDRESS_PREFIX6_SIZE);
		elements[i].key = (struct nft_view){ bounds6[i], sizeof(bounds6[i]) };
	}
	/* the first address behind it: one more, with carry */
	for (size_t i = ADDRESS_PREFIX6_SIZE; i-- > 0 && ++bounds6[1][i] == 0;)
		;
	rule_put_elements(batch, NFT_MSG_NEWSETELEM, TABLE_NAME, "refused6", elements, 2);
}

void table_rules_put(struct nft_batch *batch, const struct address_range *range, bool fresh, bool ipv6)
{
	const uint32_t mark = table_rules_mark(range);
	const struct rule_element version = { .key = { &mark, sizeof(mark) } };

	/* removing fails without a table, adding does not mind one */
	rule_put_table(batch, NFT_MSG_NEWTABLE, TABLE_NAME, TABLE_NOTE);
	if (fresh) {
		rule_put_table(batch, NFT_MSG_DELTABLE, TABLE_NAME, NULL);
		rule_put_table(batch, NFT_MSG_NEWTABLE, TABLE_NAME, TABLE_NOTE);
	} else {
		rule_put_flush(batch, TABLE_NAME);
	}
	rule_put_sets(batch, TABLE_NAME, sets, COUNT(sets));
	rule_put_chains(batch, TABLE_NAME, chains, COUNT(chains));
	for (size_t i = TABLE_SETS; !fresh && i < COUNT(sets); i++)
		rule_put_elements(batch, NFT_MSG_DELSETELEM, TABLE_NAME, sets[i].name, NULL, 0);
	rule_put_elements(batch, NFT_MSG_NEWSETELEM, TABLE_NAME, "version", &version, 1);
	rule_put_elements(batch, NFT_MSG_NEWSETELEM, TABLE_NAME, "refused4", refused4, COUNT(refused4));
	rule_put_elements(batch, NFT_MSG_NEWSETELEM, TABLE_NAME, "resolvers4", resolvers4, COUNT(resolvers4));
	if (ipv6)
		rule_put_elements(batch, NFT_MSG_NEWSETELEM, TABLE_NAME, "refused6", refused6, COUNT(refused6));
	put_range(batch, range, ipv6);
	rule_put_rules(batch, NFPROTO_INET, TABLE_NAME, rules, COUNT(rules), ipv6);
}
