/* SPDX-License-Identifier: Apache-2.0 */
/* table_rules.h - what the table consists of: its sets by number, and the batch that installs it */
#ifndef NETNS_TABLE_RULES_H
#define NETNS_TABLE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "netns/address.h"
#include "netns/nft.h"

/* A number for the sets, chains and rules as they are: whoever changes one of them counts it up. test_table knows what they were */
#define TABLE_VERSION 2

/** enum table_set - sets and maps whose elements come and go; the keys are written in table_rules.c */
enum table_set {
	TABLE_PUBLISH4,
	TABLE_PUBLISH6,
	TABLE_SERVICES,
	TABLE_RESOLVER,
	TABLE_LIMITED,
	TABLE_REACH4,
	TABLE_REACH6,
	TABLE_SETS,
};

/** table_rules_set() - the name of @set */
const char *table_rules_set(enum table_set set);

/** table_rules_mark() - what the set "version" holds: TABLE_VERSION and @range in one number */
uint32_t table_rules_mark(const struct address_range *range);

/**
 * table_rules_put() - the requests that make the table what it is to be
 * @fresh: what is there is removed with all its elements; else the elements stay, and only the rules are made anew
 * @ipv6:  the kernel speaks it
 */
void table_rules_put(struct nft_batch *batch, const struct address_range *range, bool fresh, bool ipv6);

#endif /* NETNS_TABLE_RULES_H */
