/* SPDX-License-Identifier: Apache-2.0 */
/* manner.h - how veth pairs are made on this machine, see link.c for why */
#ifndef NETNS_MANNER_H
#define NETNS_MANNER_H

#include <netlink/netlink.h>
#include <stdbool.h>

/**
 * struct link_manner - how pairs are made
 * @alike: both ends have the same index: this kernel does the link watch's work for a link that is asked for by name
 * @sleep: the host's end stays dormant: this machine does not ignore routes through links that are
 */
struct link_manner {
	bool alike;
	bool sleep;
};

/** link_manner() - how pairs are made in the namespace of @sock; it does not fail */
struct link_manner link_manner(struct nl_sock *sock);

#endif /* NETNS_MANNER_H */
