/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rule.c - see rule.h
 *
 * The kernel's machine has sixteen registers of four bytes. Loads fill them from the first on, each value at the start of a
 * register of its own; whatever uses the values starts again at the first.
 */
#include "netns/rule.h"

#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* libnftnl's marks of a comment in the bytes that users may attach; nft(8) and iptables-nft print them */
#define NOTE_OF_TABLE 0
#define NOTE_OF_RULE 0
#define NOTE_OF_KEY 0 /* of a set: in which order nft(8) is to read the bytes of keys and data */
#define NOTE_OF_DATA 1
#define ORDER_HOST 1
#define ORDER_NETWORK 2
#define NOTE_MAX 96

/** word() - number of registers that @size bytes take */
static uint32_t words(uint32_t size)
{
	return (size + 3) / 4;
}

/** add() - begin a request about a table of nf_tables */
static void add(struct nft_batch *batch, const char *name, unsigned type, unsigned flags, unsigned family)
{
	nft_add(batch, name, NFNL_SUBSYS_NFTABLES, type, flags, family);
}

/** put_note() - comment @note as attribute @type: kind, length, text */
static void put_note(struct nft_batch *batch, unsigned type, unsigned kind, const char *note)
{
	char bytes[2 + NOTE_MAX];
	size_t length = note ? strlen(note) + 1 : 0;

	if (length == 0 || length > NOTE_MAX)
		return;
	bytes[0] = (char)kind;
	bytes[1] = (char)length;
	memcpy(bytes + 2, note, length);
	nft_put(batch, type, bytes, 2 + length);
}

/** put_value() - a nest with bytes: what nf_tables calls data */
static void put_value(struct nft_batch *batch, unsigned type, const void *data, size_t size)
{
	size_t nest = nft_nest(batch, type);

	nft_put(batch, NFTA_DATA_VALUE, data, size);
	nft_nest_end(batch, nest);
}

void rule_put_table(struct nft_batch *batch, unsigned type, const char *table, const char *note)
{
	add(batch, type == NFT_MSG_NEWTABLE ? "add the table" : "remove the table", type,
	    type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0, NFPROTO_INET);
	nft_put_text(batch, NFTA_TABLE_NAME, table);
	put_note(batch, NFTA_TABLE_USERDATA, NOTE_OF_TABLE, note);
}

void rule_put_flush(struct nft_batch *batch, const char *table)
{
	add(batch, "remove the old rules of the packet filter", NFT_MSG_DELRULE, 0, NFPROTO_INET);
	nft_put_text(batch, NFTA_RULE_TABLE, table);
}

void rule_put_chains(struct nft_batch *batch, const char *table, const struct rule_chain *chains, size_t count)
{
	for (const struct rule_chain *chain = chains; chain < chains + count; chain++) {
		size_t hook;

		add(batch, chain->type ? "add a chain to the packet filter" : "add a common chain to the packet filter",
		    NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFPROTO_INET);
		nft_put_text(batch, NFTA_CHAIN_TABLE, table);
		nft_put_text(batch, NFTA_CHAIN_NAME, chain->name);
		if (!chain->type)
			continue;
		hook = nft_nest(batch, NFTA_CHAIN_HOOK);
		nft_put_u32(batch, NFTA_HOOK_HOOKNUM, chain->hook);
		nft_put_u32(batch, NFTA_HOOK_PRIORITY, (uint32_t)chain->priority);
		nft_nest_end(batch, hook);
		nft_put_u32(batch, NFTA_CHAIN_POLICY, NF_ACCEPT);
		nft_put_text(batch, NFTA_CHAIN_TYPE, chain->type);
	}
}

/** put_fields() - say how long the fields of an interval set's key are, so that each has its own interval */
static void put_fields(struct nft_batch *batch, const struct rule_set *set)
{
	size_t description = nft_nest(batch, NFTA_SET_DESC);
	size_t list = nft_nest(batch, NFTA_SET_DESC_CONCAT);

	for (size_t i = 0; i < sizeof(set->fields) && set->fields[i]; i++) {
		size_t field = nft_nest(batch, NFTA_LIST_ELEM);

		nft_put_u32(batch, NFTA_SET_FIELD_LEN, set->fields[i]);
		nft_nest_end(batch, field);
	}
	nft_nest_end(batch, list);
	nft_nest_end(batch, description);
}

/** put_order() - the byte order of a set's values: without, nft(8) prints link names as nothing */
static void put_order(struct nft_batch *batch, uint32_t key_type)
{
	const uint32_t key = key_type == RULE_TYPE_IFNAME || key_type == RULE_TYPE_MARK ? ORDER_HOST : ORDER_NETWORK;
	const uint32_t data = ORDER_NETWORK;
	char bytes[2 * (2 + sizeof(key))] = { NOTE_OF_KEY, sizeof(key) };

	memcpy(bytes + 2, &key, sizeof(key));
	bytes[2 + sizeof(key)] = NOTE_OF_DATA;
	bytes[3 + sizeof(key)] = sizeof(data);
	memcpy(bytes + 4 + sizeof(key), &data, sizeof(data));
	nft_put(batch, NFTA_SET_USERDATA, bytes, sizeof(bytes));
}

void rule_put_sets(struct nft_batch *batch, const char *table, const struct rule_set *sets, size_t count)
{
	for (const struct rule_set *set = sets; set < sets + count; set++) {
		add(batch, "add a set to the packet filter", NFT_MSG_NEWSET, NLM_F_CREATE, NFPROTO_INET);
		nft_put_text(batch, NFTA_SET_TABLE, table);
		nft_put_text(batch, NFTA_SET_NAME, set->name);
		nft_put_u32(batch, NFTA_SET_ID, (uint32_t)(set - sets) + 1);
		nft_put_u32(batch, NFTA_SET_FLAGS,
		            set->flags | (set->data ? NFT_SET_MAP : 0U) | (set->fields[0] ? NFT_SET_CONCAT : 0U));
		nft_put_u32(batch, NFTA_SET_KEY_TYPE, set->key_type);
		nft_put_u32(batch, NFTA_SET_KEY_LEN, set->key);
		if (set->data) {
			nft_put_u32(batch, NFTA_SET_DATA_TYPE, set->data_type);
			nft_put_u32(batch, NFTA_SET_DATA_LEN, set->data);
		}
		if (set->fields[0])
			put_fields(batch, set);
		put_order(batch, set->key_type);
	}
}

/** struct expression - the nests of one step in the making */
struct expression {
	size_t element, data;
};

/** begin() - open the expression @name in a list of them */
static struct expression begin(struct nft_batch *batch, const char *name)
{
	struct expression expression = { .element = nft_nest(batch, NFTA_LIST_ELEM) };

	nft_put_text(batch, NFTA_EXPR_NAME, name);
	expression.data = nft_nest(batch, NFTA_EXPR_DATA);
	return expression;
}

/** end() - close it */
static void end(struct nft_batch *batch, struct expression expression)
{
	nft_nest_end(batch, expression.data);
	nft_nest_end(batch, expression.element);
}

/** put_load() - load something into register @reg */
static void put_load(struct nft_batch *batch, const struct rule_step *step, uint32_t reg)
{
	static const char *const names[] = {
		[RULE_KIND_META] = "meta", [RULE_KIND_NETWORK] = "payload",    [RULE_KIND_TRANSPORT] = "payload",
		[RULE_KIND_CT] = "ct",     [RULE_KIND_CONSTANT] = "immediate", [RULE_KIND_FIB] = "fib",
	};
	struct expression expression = begin(batch, names[step->kind]);

	switch (step->kind) {
	case RULE_KIND_META:
		nft_put_u32(batch, NFTA_META_KEY, step->key);
		nft_put_u32(batch, NFTA_META_DREG, reg);
		break;
	case RULE_KIND_CT:
		nft_put_u32(batch, NFTA_CT_KEY, step->key);
		nft_put_u32(batch, NFTA_CT_DREG, reg);
		break;
	case RULE_KIND_FIB:
		nft_put_u32(batch, NFTA_FIB_FLAGS, step->sub);
		nft_put_u32(batch, NFTA_FIB_RESULT, step->key);
		nft_put_u32(batch, NFTA_FIB_DREG, reg);
		break;
	case RULE_KIND_CONSTANT:
		nft_put_u32(batch, NFTA_IMMEDIATE_DREG, reg);
		put_value(batch, NFTA_IMMEDIATE_DATA, step->data, step->size);
		break;
	default:
		nft_put_u32(batch, NFTA_PAYLOAD_DREG, reg);
		nft_put_u32(batch, NFTA_PAYLOAD_BASE,
		            step->kind == RULE_KIND_NETWORK ? NFT_PAYLOAD_NETWORK_HEADER
		                                            : NFT_PAYLOAD_TRANSPORT_HEADER);
		nft_put_u32(batch, NFTA_PAYLOAD_OFFSET, step->key);
		nft_put_u32(batch, NFTA_PAYLOAD_LEN, step->size);
		break;
	}
	end(batch, expression);
}

/** put_mask() - keep the bits of the step's bytes in the first register */
static void put_mask(struct nft_batch *batch, const struct rule_step *step)
{
	static const uint8_t none[sizeof(struct in6_addr)];
	struct expression expression = begin(batch, "bitwise");

	nft_put_u32(batch, NFTA_BITWISE_SREG, NFT_REG32_00);
	nft_put_u32(batch, NFTA_BITWISE_DREG, NFT_REG32_00);
	nft_put_u32(batch, NFTA_BITWISE_LEN, step->size);
	put_value(batch, NFTA_BITWISE_MASK, step->data, step->size);
	put_value(batch, NFTA_BITWISE_XOR, none, step->size);
	end(batch, expression);
}

/** put_use() - compare or look up what is loaded */
static void put_use(struct nft_batch *batch, const struct rule_step *step)
{
	bool compare = step->kind == RULE_KIND_COMPARE;
	struct expression expression = begin(batch, compare ? "cmp" : "lookup");

	if (compare) {
		nft_put_u32(batch, NFTA_CMP_SREG, NFT_REG32_00);
		nft_put_u32(batch, NFTA_CMP_OP, step->key);
		put_value(batch, NFTA_CMP_DATA, step->data, step->size);
	} else {
		nft_put_text(batch, NFTA_LOOKUP_SET, step->data);
		nft_put_u32(batch, NFTA_LOOKUP_SREG, NFT_REG32_00);
		if (step->key)
			nft_put_u32(batch, NFTA_LOOKUP_FLAGS, step->key);
		if (step->sub)
			nft_put_u32(batch, NFTA_LOOKUP_DREG, NFT_REG32_00);
	}
	end(batch, expression);
}

/** put_nat() - translate to the address in the first registers, and the port behind it */
static void put_nat(struct nft_batch *batch, const struct rule_step *step)
{
	uint32_t port = words(step->sub == NFPROTO_IPV4 ? sizeof(struct in_addr) : sizeof(struct in6_addr));
	struct expression expression = begin(batch, "nat");

	nft_put_u32(batch, NFTA_NAT_TYPE, step->key);
	nft_put_u32(batch, NFTA_NAT_FAMILY, step->sub);
	nft_put_u32(batch, NFTA_NAT_REG_ADDR_MIN, NFT_REG32_00);
	if (step->size)
		nft_put_u32(batch, NFTA_NAT_REG_PROTO_MIN, NFT_REG32_00 + port);
	end(batch, expression);
}

/** put_reject() - answer that this is not allowed */
static void put_reject(struct nft_batch *batch, const struct rule_step *step)
{
	const uint8_t code = (uint8_t)step->sub;
	struct expression expression = begin(batch, "reject");

	nft_put_u32(batch, NFTA_REJECT_TYPE, step->key);
	nft_put(batch, NFTA_REJECT_ICMP_CODE, &code, sizeof(code));
	end(batch, expression);
}

/** put_verdict() - decide, or go on in another chain */
static void put_verdict(struct nft_batch *batch, const struct rule_step *step)
{
	struct expression expression = begin(batch, "immediate");
	size_t data, verdict;

	nft_put_u32(batch, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nft_nest(batch, NFTA_IMMEDIATE_DATA);
	verdict = nft_nest(batch, NFTA_DATA_VERDICT);
	nft_put_u32(batch, NFTA_VERDICT_CODE, step->key);
	if (step->data)
		nft_put_text(batch, NFTA_VERDICT_CHAIN, step->data);
	nft_nest_end(batch, verdict);
	nft_nest_end(batch, data);
	end(batch, expression);
}

/**
 * put_step() - one step
 * @loaded: registers that are in use
 * Return: registers that are in use afterwards
 */
static uint32_t put_step(struct nft_batch *batch, const struct rule_step *step, uint32_t loaded)
{
	switch (step->kind) {
	case RULE_KIND_META:
	case RULE_KIND_NETWORK:
	case RULE_KIND_TRANSPORT:
	case RULE_KIND_CT:
	case RULE_KIND_FIB:
	case RULE_KIND_CONSTANT: put_load(batch, step, NFT_REG32_00 + loaded); return loaded + words(step->size);
	case RULE_KIND_MASK: put_mask(batch, step); return loaded;
	case RULE_KIND_COMPARE:
	case RULE_KIND_LOOKUP: put_use(batch, step); break;
	case RULE_KIND_NAT: put_nat(batch, step); break;
	case RULE_KIND_REJECT: put_reject(batch, step); break;
	case RULE_KIND_VERDICT: put_verdict(batch, step); break;
	case RULE_KIND_MASQUERADE: end(batch, begin(batch, "masq")); break;
	case RULE_KIND_COUNTER: end(batch, begin(batch, "counter")); break;
	case RULE_KIND_BEGIN: break;
	}
	return 0;
}

/**
 * put_rule() - the rule that starts at @steps
 * @flags: NLM_F_APPEND for the end of its chain, 0 for the head
 * Return: its number of steps
 */
static size_t put_rule(struct nft_batch *batch, unsigned flags, unsigned family, const char *table,
                       const struct rule_step *steps, size_t count)
{
	uint32_t loaded = 0;
	size_t i, list;

	add(batch, "add a rule to the packet filter", NFT_MSG_NEWRULE, NLM_F_CREATE | flags, family);
	nft_put_text(batch, NFTA_RULE_TABLE, table);
	nft_put_text(batch, NFTA_RULE_CHAIN, steps[0].data);
	list = nft_nest(batch, NFTA_RULE_EXPRESSIONS);
	for (i = 1; i < count && steps[i].kind != RULE_KIND_BEGIN; i++)
		loaded = put_step(batch, &steps[i], loaded);
	nft_nest_end(batch, list);
	put_note(batch, NFTA_RULE_USERDATA, NOTE_OF_RULE, steps[0].note);
	return i;
}

void rule_put_rules(struct nft_batch *batch, unsigned family, const char *table, const struct rule_step *steps,
                    size_t count, bool ipv6)
{
	size_t i = 0;

	while (i < count) {
		if (ipv6 || steps[i].key == 0)
			i += put_rule(batch, NLM_F_APPEND, family, table, steps + i, count - i);
		else
			do
				i++;
			while (i < count && steps[i].kind != RULE_KIND_BEGIN);
	}
}

void rule_put_first(struct nft_batch *batch, unsigned family, const char *table, const struct rule_step *steps,
                    size_t count)
{
	for (size_t i = 0; i < count;)
		i += put_rule(batch, 0, family, table, steps + i, count - i);
}

void rule_put_elements(struct nft_batch *batch, unsigned type, const char *table, const char *set,
                       const struct rule_element *elements, size_t count)
{
	size_t list;

	add(batch, type == NFT_MSG_NEWSETELEM ? "add to the packet filter" : "remove from the packet filter", type,
	    type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, NFPROTO_INET);
	nft_put_text(batch, NFTA_SET_ELEM_LIST_TABLE, table);
	nft_put_text(batch, NFTA_SET_ELEM_LIST_SET, set);
	if (count == 0)
		return;
	list = nft_nest(batch, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (const struct rule_element *element = elements; element < elements + count; element++) {
		size_t nest = nft_nest(batch, NFTA_LIST_ELEM);

		if (element->flags)
			nft_put_u32(batch, NFTA_SET_ELEM_FLAGS, element->flags);
		put_value(batch, NFTA_SET_ELEM_KEY, element->key.data, element->key.size);
		if (element->end.data)
			put_value(batch, NFTA_SET_ELEM_KEY_END, element->end.data, element->end.size);
		if (element->data.data && type == NFT_MSG_NEWSETELEM)
			put_value(batch, NFTA_SET_ELEM_DATA, element->data.data, element->data.size);
		nft_nest_end(batch, nest);
	}
	nft_nest_end(batch, list);
}
