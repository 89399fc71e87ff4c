/* SPDX-License-Identifier: Apache-2.0 */
/* network_host.h - what all dynos of this process share, for network.c and admit.c; see network.h for the face of the room */
#ifndef NETNS_NETWORK_HOST_H
#define NETNS_NETWORK_HOST_H

#include <netlink/netlink.h>

#include "netns/address.h"
#include "netns/ahead.h"
#include "netns/manner.h"
#include "netns/network.h"
#include "netns/table.h"

/**
 * struct network_host - opened piece by piece
 * @rootless: no veth, pasta instead
 * @state_dir: borrowed
 * @ns:       the host's network namespace, -1 until needed
 * @sock:     netlink socket in it, NULL until needed
 * @table:    the packet filter, NULL until needed
 * @range:    where the slots are; @range.bits 0 until read
 * @resolver: see network_resolver(), 0 for none
 * @speaks6:  the kernel speaks IPv6
 * @ipv6:     and this machine takes IPv6 addresses
 * @machine6: it has the one by which its dynos know it
 * @way_out6: it has an IPv6 route to the world and can forward to it: 2 as a router, 1 by link, else 0
 * @manner:   how its pairs are made
 * @uplinks_ns: when the way to the world was last seen to be open, 0 for never
 * @walls_seen: by the last network_connect(), for the network_admit() that follows
 * @ahead:    the namespace that network_begin() started to make
 */
struct network_host {
	bool rootless;
	int state_dir;
	int ns;
	struct nl_sock *sock;
	struct table *table;
	struct address_range range;
	uint32_t resolver;
	bool speaks6;
	bool ipv6;
	bool machine6;
	int way_out6;
	struct link_manner manner;
	uint64_t uplinks_ns;
	bool walls_seen;
	struct ahead ahead;
};

/** network_need_range() - read the range, once */
int network_need_range(struct network_host *host, struct dyno_error *err);
/** network_need_socket() - open the host's netlink socket, once; must run while the thread is in the host's namespace */
int network_need_socket(struct network_host *host, struct dyno_error *err);
/** network_need_table() - be a user of the packet filter, once; must run while the thread is in the host's namespace */
int network_need_table(struct network_host *host, struct dyno_error *err);
/** network_read_stats() - the dyno's counters in a reply of the kernel about the host's end. Return: 0, or -EBADMSG */
int network_read_stats(void *message, size_t size, uint64_t *ret_in, uint64_t *ret_out);
/** network_need_walls() - network_need_table(), and the table is not only open but there: somebody may have flushed the ruleset since */
int network_need_walls(struct network_host *host, struct dyno_error *err);
/** network_look_out() - note in @network whether the way to the world is open: then network_admit() need not ask */
void network_look_out(struct network_host *host, struct network *network);
/** network_step() - a step begins: 0, or the failure that a test injects */
int network_step(const char *step, struct dyno_error *err);

#endif /* NETNS_NETWORK_HOST_H */
