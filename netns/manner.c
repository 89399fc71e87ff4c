/* SPDX-License-Identifier: Apache-2.0 */
/* manner.c - see manner.h */
#include "netns/manner.h"

#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <linux/version.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "netns/netlink.h"

#define REPLY_SIZE 1024
/* Linux: rtnl_getlink() synchronizes with the link watch since then (linkwatch_sync_dev()) */
#define ASKED_SINCE KERNEL_VERSION(6, 8, 0)

/** is_asked() - a link is looked after by the kernel when it is asked for by name */
static bool is_asked(void)
{
	struct utsname system;
	unsigned major = 0, minor = 0;

	return uname(&system) == 0 && sscanf(system.release, "%u.%u", &major, &minor) == 2 &&
	       KERNEL_VERSION(major, minor, 0) >= ASKED_SINCE;
}

/**
 * heeds_linkdown() - new links begin with ignore_routes_with_linkdown, of IPv6 (Linux: networking/ip-sysctl)
 * By netlink, as the file costs 20 us, and would be that of the thread's namespace.
 */
static bool heeds_linkdown(struct nl_sock *sock)
{
	char reply[REPLY_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	const struct netconfmsg conf = { .ncm_family = AF_INET6 };
	struct nlmsghdr *head = (struct nlmsghdr *)reply;
	const struct nlattr *value;

	netlink_add(&batch, "ask how new links begin", RTM_GETNETCONF, 0, &conf, sizeof(conf));
	netlink_put_u32(&batch, NETCONFA_IFINDEX, (uint32_t)NETCONFA_IFINDEX_DEFAULT);
	if (netlink_get(sock, &batch, reply, sizeof(reply), "network", NULL) < 0 ||
	    head->nlmsg_type != RTM_NEWNETCONF || !nlmsg_valid_hdr(head, sizeof(conf)))
		return false;
	value = nlmsg_find_attr(head, sizeof(conf), NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN);
	return value && nla_len(value) == sizeof(uint32_t) && nla_get_u32(value) != 0;
}

struct link_manner link_manner(struct nl_sock *sock)
{
	return (struct link_manner){ .alike = is_asked(), .sleep = !heeds_linkdown(sock) };
}
