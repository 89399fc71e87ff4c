/* SPDX-License-Identifier: Apache-2.0 */
/**
 * uplink.h - the links by which this machine reaches the world let answers to dynos in
 *
 * Linux forwards a packet when the link by which it came in has forwarding on. The dynos' own links have it from birth; the
 * machine's uplink is somebody else's, so it is switched on only where it is off and only when a dyno needs it. What was switched is noted
 * in a file in the state directory first, named after the network namespace, and put back with the last user of the packet filter. The machine-wide switches
 * (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding) are never touched: the first would make a router of every link, the second
 * would make the machine deaf to router advertisements.
 */
#ifndef NETNS_UPLINK_H
#define NETNS_UPLINK_H

#include <netlink/netlink.h>
#include <stdbool.h>

#include "dyno.h"
#include "netns/policy.h"
#include "netns/route.h"

/**
 * uplink_forward() - have link @name let packets for dynos in
 * Must: be called by a user of the packet filter (table.h), so that uplink_restore() cannot run at the same time.
 * @dir: directory for the note
 */
int uplink_forward(int dir, const char *name, sa_family_t family, struct dyno_error *err);

/**
 * uplink_open() - what @policy needs: the links of the default routes when it may reach the world, and those of the
 * published addresses, loopback not counted
 * @sock: a route socket of the calling thread's namespace
 * @ipv6: dynos speak IPv6 here
 */
int uplink_open(int dir, struct nl_sock *sock, const struct policy *policy, bool ipv6, struct dyno_error *err);

/** uplink_is_open() - the links of the default routes let answers in already; changes nothing. @ipv6: as above */
bool uplink_is_open(struct nl_sock *sock, bool ipv6);

/**
 * uplink_can_ipv6() - this kernel can forward IPv6 for single links (force_forwarding, Linux 6.17), or the machine is an
 * IPv6 router already. Return: 0 neither, 1 by link, 2 a router
 */
int uplink_can_ipv6(void);

/** uplink_link6() - let link @name of a dyno carry IPv6 out; of a machine that is no IPv6 router. Return: 0 or negative errno */
int uplink_link6(const char *name);

/** uplink_world() - the route to the world. Return: 0, or negative errno when there is none */
int uplink_world(struct nl_sock *sock, sa_family_t family, struct route *ret);

/**
 * uplink_restore() - put back what uplink_forward() switched in the calling thread's namespace, and remove the note
 * Must: be called by the last user of the packet filter, with its exclusive lock held. Never fails: what is gone is gone
 */
void uplink_restore(int dir);

#endif /* NETNS_UPLINK_H */
