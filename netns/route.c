/* SPDX-License-Identifier: Apache-2.0 */
/* route.c - see route.h */
#include "netns/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "netns/netlink.h"

#define REPLY_SIZE 4096

/** address_size() - bytes of an address of @family */
static size_t address_size(sa_family_t family)
{
	return family == AF_INET ? 4 : 16;
}

/** first_hop() - link of the first of several next hops */
static int first_hop(struct nlattr *hops)
{
	struct rtnexthop hop;

	if (!hops || (size_t)nla_len(hops) < sizeof(hop))
		return 0;
	memcpy(&hop, nla_data(hops), sizeof(hop));
	return hop.rtnh_ifindex;
}

int route_read(void *message, size_t size, sa_family_t family, struct route *ret)
{
	struct nlmsghdr *head = message;
	struct route route = { .bits = 0 };
	const struct rtmsg *body;
	struct nlattr *to, *link;

	if (size < sizeof(*head) || head->nlmsg_len > size || head->nlmsg_type != RTM_NEWROUTE ||
	    !nlmsg_valid_hdr(head, sizeof(*body)))
		return -EBADMSG;
	body = nlmsg_data(head);
	to = nlmsg_find_attr(head, sizeof(*body), RTA_DST);
	link = nlmsg_find_attr(head, sizeof(*body), RTA_OIF);
	if (body->rtm_family != family || body->rtm_dst_len > 8 * address_size(family) ||
	    (to && (size_t)nla_len(to) != address_size(family)))
		return -EBADMSG;
	if (to)
		memcpy(route.network, nla_data(to), address_size(family));
	route.bits = body->rtm_dst_len;
	route.type = body->rtm_type;
	if (link && nla_len(link) == sizeof(uint32_t))
		route.link = (int)nla_get_u32(link);
	else
		route.link = first_hop(nlmsg_find_attr(head, sizeof(*body), RTA_MULTIPATH));
	*ret = route;
	return 0;
}

int route_find(struct nl_sock *sock, sa_family_t family, const void *address, struct route *ret)
{
	char reply[REPLY_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	/* FIB_MATCH: the route as it stands in the table, not what would be done with one packet */
	const struct rtmsg route = {
		.rtm_family = (unsigned char)family,
		.rtm_dst_len = (unsigned char)(8 * address_size(family)),
		.rtm_flags = RTM_F_FIB_MATCH,
	};
	int r;

	netlink_add(&batch, "look for a route", RTM_GETROUTE, 0, &route, sizeof(route));
	netlink_put(&batch, RTA_DST, address, address_size(family));
	r = netlink_get(sock, &batch, reply, sizeof(reply), "network", NULL);
	return r < 0 ? r : route_read(reply, (size_t)r, family, ret);
}
