/* SPDX-License-Identifier: Apache-2.0 */
/**
 * private.c - see private.h
 *
 * The pair, this machine's end, the dyno's end. This machine's comes first, because it is the one that may refuse IPv6
 * (net.ipv6.conf.all.disable_ipv6=1 there; a new namespace has its own), and the dyno should not be told of a way that leads nowhere: an app
 * would wait for answers by it.
 */
#include "netns/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/error.h"
#include "netns/link.h"
#include "netns/netlink.h"
#include "netns/network_host.h"
#include "netns/route.h"

#define STEP "network"

/**
 * clash() - refuse the pair if somebody else's route covers its address of @family
 * A default route covers everything and claims nothing. A route of the slot's own old link does not count either.
 */
static int clash(const struct private_pair *pair, sa_family_t family, struct dyno_error *err)
{
	const struct address_plan *plan = &pair->plan;
	const uint32_t to = htonl(plan->dyno);
	char theirs[ADDRESS_TEXT6_SIZE], ours[ADDRESS_TEXT6_SIZE], name[IFNAMSIZ] = "?", own[IFNAMSIZ];
	struct route route;
	int r;

	/* every failure to find a route means that nobody has one: unreachable, prohibit and blackhole included */
	if (route_find(pair->outside, family, family == AF_INET ? (const void *)&to : plan->dyno6, &route) < 0)
		return 0;
	if (family == AF_INET ? !address_overlaps(plan, ntohl(*(uint32_t *)route.network), route.bits)
	                      : !address_overlaps6(plan, route.network, route.bits))
		return 0;
	if (route.link > 0 && if_indextoname((unsigned)route.link, name) &&
	    strcmp(name, link_name(pair->slot, own)) == 0)
		return 0;
	inet_ntop(family, route.network, theirs, sizeof(theirs));
	if (family == AF_INET)
		address_text(plan->network, ours);
	else
		address_text6(plan->dyno6, ours);
	r = error_set(err, -EADDRINUSE, STEP,
	              "this machine already has a route to %s/%u (on %s), which dyno needs for %s/%u", theirs,
	              route.bits, name, ours, family == AF_INET ? plan->bits : ADDRESS_BITS6);
	error_remedy(err, "choose another range in /etc/dyno/network, or use --net none or --net host");
	return r;
}

int private_check(const struct private_pair *pair, struct dyno_error *err)
{
	int r = network_step("network routes", err);

	if (r == 0)
		r = clash(pair, AF_INET, err);
	if (r == 0 && pair->ipv6)
		r = clash(pair, AF_INET6, err);
	return r;
}

/** make_pair() - the bare pair */
static int make_pair(const struct private_pair *pair, struct dyno_error *err)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	int r = network_step("network pair", err);

	if (r < 0)
		return r;
	link_add_pair(&batch, pair->slot, pair->ns, &pair->manner);
	r = netlink_send(pair->outside, &batch, STEP, err);
	if (r == -EEXIST) {
		r = link_remove(pair->outside, pair->slot, err);
		if (r < 0)
			return r;
		r = netlink_send(pair->outside, &batch, STEP, err);
	}
	if (r == -EOPNOTSUPP)
		error_remedy(err, "the kernel has no veth links: load the module veth, or use --net none");
	return r;
}

/** set_outside() - this machine's end, and up. Return: 0; -EAGAIN where it refuses IPv6, which @pair has no more then; or negative errno */
static int set_outside(struct private_pair *pair, struct dyno_error *err)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	size_t six;
	int r = network_step("network outside", err);

	if (r < 0)
		return r;
	pair->index = link_of_slot(pair->slot, LINK_HOST, pair->manner.alike);
	link_add_walls(&batch, pair->index, LINK_HOST, pair->speaks6, pair->localnet);
	link_add_address(&batch, pair->index, LINK_HOST, &pair->plan);
	link_add_end_up(&batch, pair->index, LINK_HOST);
	six = batch.count;
	if (pair->ipv6)
		link_add_way_in6(&batch, pair->index, &pair->plan);
	r = netlink_send(pair->outside, &batch, STEP, err);
	/* Switched off by the administrator: fine, IPv4 it is. The last request failed, so all before it worked. */
	if (r == -EACCES && batch.failed == six) {
		pair->ipv6 = false;
		return -EAGAIN;
	}
	return r;
}

/** set_inside() - the dyno's end, and up; its lo is up already */
static int set_inside(const struct private_pair *pair, struct dyno_error *err)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	const int index = link_of_slot(pair->slot, LINK_DYNO, pair->manner.alike);
	int r = network_step("network inside", err);

	if (r < 0)
		return r;
	link_add_walls(&batch, index, LINK_DYNO, pair->speaks6, false);
	if (pair->ipv6)
		link_add_dyno6(&batch, index, &pair->plan);
	link_add_address(&batch, index, LINK_DYNO, &pair->plan);
	link_add_end_up(&batch, index, LINK_DYNO);
	link_add_way_out(&batch, index, AF_INET, &pair->plan);
	if (pair->ipv6 && pair->way_out6)
		link_add_way_out(&batch, index, AF_INET6, &pair->plan);
	return netlink_send(pair->inside, &batch, STEP, err);
}

/** make_ends() - the pair, set up. Return: as set_outside(); on failure nothing is left */
static int make_ends(struct private_pair *pair, struct dyno_error *err)
{
	int r = make_pair(pair, err);

	if (r < 0)
		return r;
	/* The second one up sends at once: this machine's, whose IPv6 is to have nothing to do. */
	r = set_inside(pair, err);
	if (r == 0)
		r = set_outside(pair, err);
	/* the first error stands; the slow removal is in order here, since nothing may be left */
	if (r < 0)
		(void)link_remove(pair->outside, pair->slot, NULL);
	return r;
}

int private_connect(struct private_pair *pair, struct dyno_error *err)
{
	int r = make_ends(pair, err);

	return r == -EAGAIN ? make_ends(pair, err) : r;
}
