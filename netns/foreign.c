/* SPDX-License-Identifier: Apache-2.0 */
/* foreign.c - see foreign.h */
#include "netns/foreign.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "base/text.h"
#include "netns/rule.h"
#include "netns/table.h"

#define STEP "packet filter"
#define DOCKER_TABLE "filter"
#define DOCKER_CHAIN "DOCKER-USER"
#define FIREWALLD "firewalld"
#define NOTE "dyno" /* by which our rules are known */
#define RULES_MAX 16
#define LOOKS 8

/* written as iptables-nft writes "-i dyno+ -j ACCEPT", so that it can list the chain */
static const struct rule_step docker_rules[] = {
	RULE(DOCKER_CHAIN, NOTE), RULE_OIFNAME, RULE_IS("dyno"), RULE_COUNTER, RULE_ACCEPT,
	RULE(DOCKER_CHAIN, NOTE), RULE_IIFNAME, RULE_IS("dyno"), RULE_COUNTER, RULE_ACCEPT,
};

static const unsigned families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

/** struct ours - handles of our rules in Docker's chain */
struct ours {
	size_t count;
	uint64_t handles[RULES_MAX];
};

/** put_chain() - request @type about Docker's chain: for the chain itself or for its rules, whose attributes have the same numbers */
static void put_chain(struct nft_batch *batch, unsigned type, unsigned family)
{
	bool rules = type != NFT_MSG_GETCHAIN;

	nft_add(batch, "look at Docker's chain " DOCKER_CHAIN, NFNL_SUBSYS_NFTABLES, type, 0, family);
	nft_put_text(batch, rules ? NFTA_RULE_TABLE : NFTA_CHAIN_TABLE, DOCKER_TABLE);
	nft_put_text(batch, rules ? NFTA_RULE_CHAIN : NFTA_CHAIN_NAME, DOCKER_CHAIN);
}

/** has_chain() - Docker's chain is there. Return: 1, 0, or negative errno */
static int has_chain(struct nl_sock *sock, unsigned family)
{
	struct nft_batch batch;

	nft_begin(&batch);
	put_chain(&batch, NFT_MSG_GETCHAIN, family);
	return nft_exists(sock, &batch);
}

/** see_rule() - one message of a dump: keep the handle of a rule with our note */
static void see_rule(unsigned type, unsigned family, struct nft_view body, void *data)
{
	struct ours *ours = data;
	struct nft_view note = nft_find(body, NFTA_RULE_USERDATA);

	(void)family;
	/* kind 0, length, text and its NUL */
	if (type != NFT_MSG_NEWRULE || note.size != 2 + sizeof(NOTE) || memcmp(note.data, "\0\5" NOTE, note.size) != 0)
		return;
	if (ours->count < RULES_MAX)
		ours->handles[ours->count++] = nft_u64(nft_find(body, NFTA_RULE_HANDLE), 0);
}

/** find_ours() - our rules in Docker's chain. Return: 0 or negative errno */
static int find_ours(struct nl_sock *sock, unsigned family, struct ours *ret)
{
	struct nft_batch batch;
	int r = -EINTR;

	for (int look = 0; look < LOOKS && r == -EINTR; look++) {
		ret->count = 0;
		nft_begin(&batch);
		put_chain(&batch, NFT_MSG_GETRULE, family);
		r = nft_dump(sock, &batch, see_rule, ret);
	}
	return r;
}

int foreign_open(struct nl_sock *sock, struct dyno_error *err)
{
	struct nft_batch batch;
	struct ours ours;

	nft_begin(&batch);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (has_chain(sock, families[i]) == 1 && find_ours(sock, families[i], &ours) == 0 && ours.count == 0)
			rule_put_first(&batch, families[i], DOCKER_TABLE, docker_rules,
			               sizeof(docker_rules) / sizeof(docker_rules[0]));
	return nft_commit(sock, &batch, STEP " and Docker", err);
}

void foreign_close(struct nl_sock *sock)
{
	struct nft_batch batch;
	struct ours ours;

	nft_begin(&batch);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		if (has_chain(sock, families[i]) != 1 || find_ours(sock, families[i], &ours) < 0)
			continue;
		for (size_t rule = 0; rule < ours.count; rule++) {
			put_chain(&batch, NFT_MSG_DELRULE, families[i]);
			nft_put_u64(&batch, NFTA_RULE_HANDLE, ours.handles[rule]);
		}
	}
	(void)nft_commit(sock, &batch, STEP " and Docker", NULL);
}

/** struct search - walls as they are found */
struct search {
	struct foreign_wall *walls;
	int count;
	bool docker4, docker6;
};

/** put_remedy() - what the administrator can do about the chain @name, "family table chain" */
static void put_remedy(struct foreign_wall *wall, bool firewalld)
{
	if (firewalld)
		(void)text_format(
			wall->remedy, sizeof(wall->remedy),
			"firewall-cmd --permanent --zone=trusted --add-interface=dyno+ && firewall-cmd --reload");
	else if (wall->input)
		(void)text_format(wall->remedy, sizeof(wall->remedy), "nft insert rule %s iifname '\"dyno*\"' accept",
		                  wall->name);
	else
		(void)text_format(
			wall->remedy, sizeof(wall->remedy),
			"nft insert rule %s iifname '\"dyno*\"' accept; nft insert rule %s oifname '\"dyno*\"' accept",
			wall->name, wall->name);
}

/** see_chain() - one message of a dump: is this chain a wall? */
static void see_chain(unsigned type, unsigned family, struct nft_view body, void *data)
{
	struct search *search = data;
	const char *families_text = family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : "inet";
	struct nft_view table = nft_find(body, NFTA_CHAIN_TABLE), name = nft_find(body, NFTA_CHAIN_NAME);
	uint32_t hook = nft_u32(nft_find(nft_find(body, NFTA_CHAIN_HOOK), NFTA_HOOK_HOOKNUM), NF_INET_NUMHOOKS);
	/* it refuses by its last rule, and leaves the policy at "accept" */
	bool firewalld = nft_text_is(table, FIREWALLD);
	bool drops = firewalld || nft_u32(nft_find(body, NFTA_CHAIN_POLICY), NF_ACCEPT) == NF_DROP;
	bool docker = (family == NFPROTO_IPV4 && search->docker4) || (family == NFPROTO_IPV6 && search->docker6);
	struct foreign_wall *wall;

	if (type != NFT_MSG_NEWCHAIN || (family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET))
		return;
	if ((hook != NF_INET_FORWARD && hook != NF_INET_LOCAL_IN) || !drops || nft_text_is(table, TABLE_NAME) ||
	    !nft_text_is(nft_find(body, NFTA_CHAIN_TYPE), "filter"))
		return;
	if (docker && hook == NF_INET_FORWARD && nft_text_is(table, DOCKER_TABLE))
		return;
	if (search->count++ >= FOREIGN_WALLS)
		return;
	wall = &search->walls[search->count - 1];
	wall->input = hook == NF_INET_LOCAL_IN;
	(void)text_format(wall->name, sizeof(wall->name), "%s %.*s %.*s", families_text, (int)table.size,
	                  (const char *)table.data, (int)name.size, name.data ? (const char *)name.data : "");
	put_remedy(wall, firewalld);
}

int foreign_walls(struct nl_sock *sock, struct foreign_wall *walls)
{
	struct search search = { .walls = walls };
	struct nft_batch batch;
	int r = -EINTR;

	/* with Docker's chain dynos come through, as long as a table is installed */
	search.docker4 = has_chain(sock, NFPROTO_IPV4) == 1;
	search.docker6 = has_chain(sock, NFPROTO_IPV6) == 1;
	for (int look = 0; look < LOOKS && r == -EINTR; look++) {
		search.count = 0;
		nft_begin(&batch);
		nft_add(&batch, "look at the packet filters", NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN, 0,
		        NFPROTO_UNSPEC);
		r = nft_dump(sock, &batch, see_chain, &search);
	}
	if (r < 0)
		return r;
	return search.count < FOREIGN_WALLS ? search.count : FOREIGN_WALLS;
}
