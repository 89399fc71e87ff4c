/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rule.h - tables, chains, sets, rules and elements of nf_tables, written as lists
 *
 * A rule is a list of small steps, from left to right: load something, load more, compare or look up, decide. What is loaded
 * stands side by side until a comparison, a lookup or a translation uses it up, so that
 *
 *	RULE("output"), RULE_TCP, RULE_DADDR4, RULE_DPORT, RULE_MAP("publish4"), RULE_DNAT4_PORT,
 *
 * is nft's "dnat ip to ip daddr . tcp dport map @publish4". A step that does not hold ends its rule.
 */
#ifndef NETNS_RULE_H
#define NETNS_RULE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netns/nft.h"

#define RULE_IFNAME_SIZE 16

/* numbers that nft(8) gives to types: the kernel only keeps them, so that nft can print elements */
#define RULE_TYPE_ADDR4 7
#define RULE_TYPE_ADDR6 8
#define RULE_TYPE_PROTOCOL 12
#define RULE_TYPE_PORT 13
#define RULE_TYPE_MARK 19
#define RULE_TYPE_IFNAME 41
#define RULE_TYPE_2(a, b) ((a) << 6 | (b))
#define RULE_TYPE_3(a, b, c) (RULE_TYPE_2(a, b) << 6 | (c))
#define RULE_TYPE_4(a, b, c, d) (RULE_TYPE_3(a, b, c) << 6 | (d))

/** enum rule_kind - what a step does */
enum rule_kind {
	RULE_KIND_BEGIN,
	RULE_KIND_META,
	RULE_KIND_NETWORK,
	RULE_KIND_TRANSPORT,
	RULE_KIND_CT,
	RULE_KIND_FIB,
	RULE_KIND_CONSTANT,
	RULE_KIND_MASK,
	RULE_KIND_COMPARE,
	RULE_KIND_LOOKUP,
	RULE_KIND_NAT,
	RULE_KIND_MASQUERADE,
	RULE_KIND_REJECT,
	RULE_KIND_COUNTER,
	RULE_KIND_VERDICT,
};

/**
 * struct rule_step - one step of a rule, made by the macros below
 * @key:  what to load, how to compare, what to decide
 * @sub:  a second such number
 * @size: bytes to load, or of @data
 * @data: bytes to compare with; or the name of a chain or set
 * @note: comment on the rule, for who lists it
 */
struct rule_step {
	enum rule_kind kind;
	uint32_t key;
	uint32_t sub;
	uint32_t size;
	const void *data;
	const char *note;
};

/* a rule of chain CHAIN begins; RULE6: only where the kernel speaks IPv6 */
#define RULE(chain, text)                                                                                              \
	{                                                                                                              \
		.kind = RULE_KIND_BEGIN, .data = (chain), .note = (text)                                               \
	}
#define RULE6(chain, text)                                                                                             \
	{                                                                                                              \
		.kind = RULE_KIND_BEGIN, .data = (chain), .note = (text), .key = 1                                     \
	}

#define RULE_META(what, bytes)                                                                                         \
	{                                                                                                              \
		.kind = RULE_KIND_META, .key = (what), .size = (bytes)                                                 \
	}
#define RULE_NETWORK(offset, bytes)                                                                                    \
	{                                                                                                              \
		.kind = RULE_KIND_NETWORK, .key = (offset), .size = (bytes)                                            \
	}
#define RULE_TRANSPORT(offset, bytes)                                                                                  \
	{                                                                                                              \
		.kind = RULE_KIND_TRANSPORT, .key = (offset), .size = (bytes)                                          \
	}
#define RULE_CT(what)                                                                                                  \
	{                                                                                                              \
		.kind = RULE_KIND_CT, .key = (what), .size = 4                                                         \
	}
#define RULE_FIB(flags, result)                                                                                        \
	{                                                                                                              \
		.kind = RULE_KIND_FIB, .key = (result), .sub = (flags), .size = 4                                      \
	}
#define RULE_CONSTANT(bytes)                                                                                           \
	{                                                                                                              \
		.kind = RULE_KIND_CONSTANT, .data = (bytes), .size = sizeof(bytes) - 1                                 \
	}
#define RULE_MASK(bytes)                                                                                               \
	{                                                                                                              \
		.kind = RULE_KIND_MASK, .data = (bytes), .size = sizeof(bytes) - 1                                     \
	}
#define RULE_MASK_U32(value)                                                                                           \
	{                                                                                                              \
		.kind = RULE_KIND_MASK, .data = &(const uint32_t){ value }, .size = 4                                  \
	}

/* bytes are string literals; the numbers of RULE_IS_U32 are in this machine's order, as meta and ct load them */
#define RULE_IS(bytes)                                                                                                 \
	{                                                                                                              \
		.kind = RULE_KIND_COMPARE, .key = NFT_CMP_EQ, .data = (bytes), .size = sizeof(bytes) - 1               \
	}
#define RULE_IS_NOT(bytes)                                                                                             \
	{                                                                                                              \
		.kind = RULE_KIND_COMPARE, .key = NFT_CMP_NEQ, .data = (bytes), .size = sizeof(bytes) - 1              \
	}
#define RULE_IS_U32(value)                                                                                             \
	{                                                                                                              \
		.kind = RULE_KIND_COMPARE, .key = NFT_CMP_EQ, .data = &(const uint32_t){ value }, .size = 4            \
	}
#define RULE_IS_NOT_U32(value)                                                                                         \
	{                                                                                                              \
		.kind = RULE_KIND_COMPARE, .key = NFT_CMP_NEQ, .data = &(const uint32_t){ value }, .size = 4           \
	}

#define RULE_IN_SET(set)                                                                                               \
	{                                                                                                              \
		.kind = RULE_KIND_LOOKUP, .data = (set)                                                                \
	}
#define RULE_NOT_IN_SET(set)                                                                                           \
	{                                                                                                              \
		.kind = RULE_KIND_LOOKUP, .data = (set), .key = NFT_LOOKUP_F_INV                                       \
	}
#define RULE_MAP(map)                                                                                                  \
	{                                                                                                              \
		.kind = RULE_KIND_LOOKUP, .data = (map), .sub = 1                                                      \
	}

#define RULE_NAT(type, family, port)                                                                                   \
	{                                                                                                              \
		.kind = RULE_KIND_NAT, .key = (type), .sub = (family), .size = (port)                                  \
	}
#define RULE_DNAT4_PORT RULE_NAT(NFT_NAT_DNAT, NFPROTO_IPV4, 1)
#define RULE_DNAT6_PORT RULE_NAT(NFT_NAT_DNAT, NFPROTO_IPV6, 1)
#define RULE_DNAT4 RULE_NAT(NFT_NAT_DNAT, NFPROTO_IPV4, 0)
#define RULE_SNAT4 RULE_NAT(NFT_NAT_SNAT, NFPROTO_IPV4, 0)
#define RULE_MASQUERADE                                                                                                \
	{                                                                                                              \
		.kind = RULE_KIND_MASQUERADE                                                                           \
	}

#define RULE_COUNTER                                                                                                   \
	{                                                                                                              \
		.kind = RULE_KIND_COUNTER                                                                              \
	}
#define RULE_ACCEPT                                                                                                    \
	{                                                                                                              \
		.kind = RULE_KIND_VERDICT, .key = NF_ACCEPT                                                            \
	}
#define RULE_DROP                                                                                                      \
	{                                                                                                              \
		.kind = RULE_KIND_VERDICT, .key = NF_DROP                                                              \
	}
#define RULE_GOTO(chain)                                                                                               \
	{                                                                                                              \
		.kind = RULE_KIND_VERDICT, .key = (uint32_t)NFT_GOTO, .data = (chain)                                  \
	}
#define RULE_JUMP(chain)                                                                                               \
	{                                                                                                              \
		.kind = RULE_KIND_VERDICT, .key = (uint32_t)NFT_JUMP, .data = (chain)                                  \
	}
#define RULE_REJECT_TCP                                                                                                \
	{                                                                                                              \
		.kind = RULE_KIND_REJECT, .key = NFT_REJECT_TCP_RST                                                    \
	}
#define RULE_REJECT                                                                                                    \
	{                                                                                                              \
		.kind = RULE_KIND_REJECT, .key = NFT_REJECT_ICMPX_UNREACH, .sub = NFT_REJECT_ICMPX_ADMIN_PROHIBITED    \
	}

/* the words that rules are made of */
#define RULE_IIFNAME RULE_META(NFT_META_IIFNAME, RULE_IFNAME_SIZE)
#define RULE_OIFNAME RULE_META(NFT_META_OIFNAME, RULE_IFNAME_SIZE)
#define RULE_L4PROTO RULE_META(NFT_META_L4PROTO, 1)
#define RULE_IPV4 RULE_META(NFT_META_NFPROTO, 1), RULE_IS("\x02")
#define RULE_IPV6 RULE_META(NFT_META_NFPROTO, 1), RULE_IS("\x0a")
#define RULE_TCP RULE_L4PROTO, RULE_IS("\x06")
#define RULE_SADDR4 RULE_NETWORK(12, 4)
#define RULE_DADDR4 RULE_NETWORK(16, 4)
#define RULE_SADDR6 RULE_NETWORK(8, 16)
#define RULE_DADDR6 RULE_NETWORK(24, 16)
#define RULE_DPORT RULE_TRANSPORT(2, 2)
/* ESTABLISHED, RELATED and NEW are bits 1, 2 and 3 of "ct state"; DST_NAT is bit 5 of "ct status" */
#define RULE_CT_ANSWER RULE_CT(NFT_CT_STATE), RULE_MASK_U32(6), RULE_IS_NOT_U32(0)
#define RULE_CT_NO_ANSWER RULE_CT(NFT_CT_STATE), RULE_MASK_U32(6), RULE_IS_U32(0)
#define RULE_CT_NOT_NEW RULE_CT(NFT_CT_STATE), RULE_MASK_U32(8), RULE_IS_U32(0)
#define RULE_CT_NO_DNAT RULE_CT(NFT_CT_STATUS), RULE_MASK_U32(32), RULE_IS_U32(0)

/**
 * struct rule_chain - one chain; without @type it is only jumped to
 * @hook:     NF_INET_...
 * @priority: order among everybody's chains of the hook
 */
struct rule_chain {
	const char *name;
	const char *type;
	uint32_t hook;
	int32_t priority;
};

/**
 * struct rule_set - one set, or map when it has data
 * @key, @data:   bytes
 * @key_type, @data_type: RULE_TYPE_...
 * @flags:        NFT_SET_INTERVAL
 * @fields:       of an interval set with several fields: the bytes of each
 */
struct rule_set {
	const char *name;
	uint32_t key_type, key;
	uint32_t data_type, data;
	uint32_t flags;
	uint8_t fields[4];
};

/**
 * struct rule_element - one element
 * @key, @end: first and last (included) of an interval of several fields; @end.data NULL for a single value
 * @data:      of a map
 * @flags:     NFT_SET_ELEM_INTERVAL_END: in an interval set of one field, @key is the first value behind the interval
 */
struct rule_element {
	struct nft_view key, end, data;
	uint32_t flags;
};

/** rule_put_table() - request @type (NFT_MSG_...TABLE) for inet table @table; @note: comment on a new one, or NULL */
void rule_put_table(struct nft_batch *batch, unsigned type, const char *table, const char *note);
/** rule_put_flush() - remove every rule of @table; chains and sets stay */
void rule_put_flush(struct nft_batch *batch, const char *table);
void rule_put_chains(struct nft_batch *batch, const char *table, const struct rule_chain *chains, size_t count);
void rule_put_sets(struct nft_batch *batch, const char *table, const struct rule_set *sets, size_t count);

/**
 * rule_put_rules() - add the rules @steps to @table of @family, each at the end of its chain
 * @ipv6: with the rules that begin with RULE6
 */
void rule_put_rules(struct nft_batch *batch, unsigned family, const char *table, const struct rule_step *steps,
                    size_t count, bool ipv6);

/** rule_put_first() - the same, but each at the head of its chain: for somebody else's table */
void rule_put_first(struct nft_batch *batch, unsigned family, const char *table, const struct rule_step *steps,
                    size_t count);

/** rule_put_elements() - request @type (NFT_MSG_NEWSETELEM, ..._DELSETELEM) for @count elements of @set; 0: all of them */
void rule_put_elements(struct nft_batch *batch, unsigned type, const char *table, const char *set,
                       const struct rule_element *elements, size_t count);

#endif /* NETNS_RULE_H */
