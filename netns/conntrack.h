/* SPDX-License-Identifier: Apache-2.0 */
/* conntrack.h - the kernel's memory of connections: what must not outlive a dyno */
#ifndef NETNS_CONNTRACK_H
#define NETNS_CONNTRACK_H

#include <stdbool.h>

#include "netns/address.h"
#include "netns/nft.h"

/**
 * conntrack_forget() - remove every tracked connection from or to the dyno of @plan
 * Else the next dyno of the slot would get packets that belong to the last one's connections.
 * @sock: a netfilter socket in the host's network namespace, which must be the calling thread's
 * @link: the host's end, whose counters may save a search; NULL for none
 * @ipv6: the machine speaks it
 */
int conntrack_forget(struct nl_sock *sock, const struct address_plan *plan, const char *link, bool ipv6,
                     struct dyno_error *err);

/** conntrack_forget_by_list() - the same by the means of kernels before 6.8; for conntrack_forget(), and for its test */
int conntrack_forget_by_list(struct nl_sock *sock, const struct address_plan *plan, bool ipv6, struct dyno_error *err);

#endif /* NETNS_CONNTRACK_H */
