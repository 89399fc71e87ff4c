/* SPDX-License-Identifier: Apache-2.0 */
/* private.h - the veth pair of a slot between a new namespace and this machine: clashes, making, setting up */
#ifndef NETNS_PRIVATE_H
#define NETNS_PRIVATE_H

#include <netlink/netlink.h>
#include <stdbool.h>

#include "dyno.h"
#include "netns/address.h"
#include "netns/manner.h"

/**
 * struct private_pair - one pair and the sockets by which it is made
 * @outside, @inside: route sockets of this machine's namespace and of the new one
 * @ns:   the new one
 * @slot, @plan: whose
 * @index: set by private_connect(): the host's end
 * @speaks6: the kernel speaks IPv6: without care each end would make an address for itself
 * @ipv6: connect them by IPv6, too; cleared by private_connect() where the machine refuses them
 * @way_out6: with a default route
 * @manner: how it is made
 * @localnet: the host's end carries connections of loopback
 */
struct private_pair {
	struct nl_sock *outside;
	struct nl_sock *inside;
	int ns;
	unsigned slot;
	struct address_plan plan;
	int index;
	bool speaks6;
	bool ipv6;
	bool way_out6;
	struct link_manner manner;
	bool localnet;
};

/** private_check() - refuse a slot whose addresses somebody else's route covers; nothing has been made yet */
int private_check(const struct private_pair *pair, struct dyno_error *err);

/**
 * private_connect() - join the namespace with this machine; ready to accept connections when link_wait() returns for the dyno's end
 * A leftover of a dyno that has just died is removed first. On failure nothing is left
 */
int private_connect(struct private_pair *pair, struct dyno_error *err);

#endif /* NETNS_PRIVATE_H */
