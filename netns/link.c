/* SPDX-License-Identifier: Apache-2.0 */
/**
 * link.c - see link.h
 *
 * Theory of operation
 *
 * A pair is made in one request, with the dyno's end born in the dyno's namespace under its final name: moving a link
 * between namespaces costs an unregister and its RCU waits. Neither end is up at birth. The host's end could be, but the
 * kernel refuses a peer that is up (ENOTCONN, after 30 ms of undoing), and the walls must be there first anyway:
 * rtnl_setlink() applies IFF_UP before IFLA_AF_SPEC, so "walls and up" in one request would be the wrong way round.
 *
 * IFF_NOARP is there from birth: set together with "up", or on a link that is up, it has the kernel walk all IPv6 routes of the
 * machine once more (addrconf_notify() of NETDEV_CHANGE), and so has any other setting of a link that is up. So all of them are made before.
 *
 * One queue a direction: veth makes one per possible CPU otherwise, each with its directories in sysfs, and its transmit
 * path takes no queue lock in any case.
 *
 * Nobody resolves anything on the link: both ends have the same hardware address and IFF_NOARP, and then the kernel sends to
 * that address by itself, IPv4 and IPv6. So there is no ARP to lie in, neighbour discovery changes nothing (such entries
 * cannot be updated from outside), the first packet waits for no answer, and no duplicate address is looked for.
 *
 * The end that goes up first, the dyno's, has no carrier at that moment, so the kernel gives it a queue that drops everything, and a
 * work item ("link watch") changes that some 50 us after the other end went up. Until then its packets are lost: one
 * launch in thirty met that hole, and its first connection took a second. link_wait() closes it. What it looks at, "running", is true
 * from birth unless the link is born dormant: the link watch then is the first to say that it is in operation.
 *
 * The host's end stays dormant for good (Linux: networking/operstates; "ip link" shows it). It sends and receives as any other, as the
 * carrier is there when it goes up. But the kernel's IPv6 does nothing for a link that is not in operation (addrconf_notify()), and what it
 * would do is walk all IPv6 routes of the machine (rt6_sync_up()) while nobody else can set up links, 0.9 ms beside 1,000 dynos, and
 * add a route for multicast, through those of all other links. The same walk for the dyno's end passes the few routes of its own
 * namespace. A host's end has one IPv6 route and no address, which would be one more, with workers of its own (addrconf_dad_work(),
 * addrconf_verify_work()). A machine that ignores routes through links which are not in operation gets one that is (struct link_manner).
 *
 * Both ends have the same index, where they can. The link watch looks at a link at once when its index is not that of the other end;
 * where it is, and it sends already, the link watch puts it off for up to a second and takes all such links together, a hundred at a time
 * (linkwatch_urgent_event()). The host's end is sending when it goes up, so nothing waits for this, and what the link watch does there is
 * another walk of all IPv6 routes (rt6_sync_down_dev()), 0.3 ms at once beside 1,000 dynos and 0.03 in a row. A dyno that is gone by then never costs
 * one. The dyno's end is looked at at once, as it is not sending yet, but in a storm of starts it may stand behind a hundred others that were put
 * off: once in 10,000 starts. So link_wait() asks for it by name before it sleeps, and then the kernel does its work there and then (rtnl_getlink()).
 *
 * What keeps a dyno in is the packet filter (table.h). These settings of the link are the first wall in front of it; they die with the
 * link, and nobody else's rules matter to them:
 * forwarding=1          on the host's end: what the dyno sends may leave the machine, if the packet filter lets it. It is the
 *                       setting of the link by which a packet enters that counts, so neither the machine nor another link
 *                       becomes a router by this. 0 on the dyno's end.
 * route_localnet=0      a packet for 127.0.0.0/8 that comes from the dyno is dropped. Published addresses of loopback need it to
 *                       be 1; from then on the packet filter alone drops it.
 * proxy_arp=0, arp_ignore=1   an end answers for its own address only, should ARP ever be switched on
 * rp_filter=1           a source address that does not belong on this link is dropped; the packet filter does it for IPv6
 * accept_source_route=0, accept_redirects=0, send_redirects=0   no other way to steer a packet
 * IPv6 address generation none   no link-local address on either end, so no router solicitation or advertisement (both need
 *                       one by RFC 4861), and nothing to reach but the addresses of the slot. accept_ra, which can be set
 *                       by a file only, is left alone for that reason: an advertisement counts only from a link-local source,
 *                       and a dyno has no capability to forge one.
 */
#include "netns/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "netns/network.h"

#define LINK_WAIT_MS 2000          /* the link watch puts things off for a second at most */
#define LINK_LOOKS 400             /* some 100 us */
#define LINK_REPLY_SIZE 8192       /* a whole link without statistics has about 1,400 bytes */
#define LINK_INDEX 0x64790000      /* of slot 0: "dy". The kernel counts from 1 on, and is here after as many links */
#define LOOPBACK6_TICK_NS 16000000 /* 32 bits of them are two years */

/** struct conf - one IPv4 setting of a link: IPV4_DEVCONF_* and its value */
struct conf {
	int id;
	uint32_t value;
};

char *link_name(unsigned slot, char *buf)
{
	/* at most 4 + 10 characters, so that no slot number can be cut */
	snprintf(buf, IFNAMSIZ, "dyno%u", slot);
	return buf;
}

void link_mac(unsigned slot, uint8_t mac[LINK_MAC_SIZE])
{
	/* bit 1 of the first byte: locally administered; bit 0 clear: one station */
	mac[0] = 0x02;
	mac[1] = 0x64;
	mac[2] = 0x79;
	mac[3] = 0x00;
	mac[4] = (uint8_t)(slot >> 8);
	mac[5] = (uint8_t)slot;
}

int link_of_slot(unsigned slot, enum link_end end, bool alike)
{
	return LINK_INDEX + (int)slot + (end == LINK_DYNO && !alike ? NETWORK_SLOTS : 0);
}

void link_put_dormant(struct netlink_batch *batch)
{
	const uint8_t state = IF_OPER_DORMANT;

	netlink_put(batch, IFLA_OPERSTATE, &state, sizeof(state));
}

/** put_end() - what both ends are born with */
static void put_end(struct netlink_batch *batch, unsigned slot, const char *name)
{
	uint8_t mac[LINK_MAC_SIZE];

	link_mac(slot, mac);
	netlink_put_text(batch, IFLA_IFNAME, name);
	netlink_put(batch, IFLA_ADDRESS, mac, sizeof(mac));
	netlink_put_u32(batch, IFLA_NUM_TX_QUEUES, 1);
	netlink_put_u32(batch, IFLA_NUM_RX_QUEUES, 1);
}

void link_add_pair(struct netlink_batch *batch, unsigned slot, int ns, const struct link_manner *manner)
{
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_flags = IFF_NOARP, .ifi_change = IFF_NOARP };
	const uint8_t stay = IF_LINK_MODE_DORMANT;
	struct nlattr *info, *data, *peer;
	char name[IFNAMSIZ];

	link.ifi_index = link_of_slot(slot, LINK_HOST, manner->alike);
	netlink_add(batch, "make the veth pair", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link));
	put_end(batch, slot, link_name(slot, name));
	link_put_dormant(batch); /* and without a moment in which it is not */
	if (manner->sleep)
		netlink_put(batch, IFLA_LINKMODE, &stay, sizeof(stay));
	info = netlink_nest(batch, IFLA_LINKINFO);
	netlink_put_text(batch, IFLA_INFO_KIND, "veth");
	data = netlink_nest(batch, IFLA_INFO_DATA);
	peer = netlink_nest(batch, VETH_INFO_PEER);
	link.ifi_index = link_of_slot(slot, LINK_DYNO, manner->alike);
	netlink_put_header(batch, &link, sizeof(link));
	put_end(batch, slot, LINK_INSIDE);
	link_put_dormant(batch);
	netlink_put_u32(batch, IFLA_NET_NS_FD, (uint32_t)ns);
	netlink_nest_end(batch, peer);
	netlink_nest_end(batch, data);
	netlink_nest_end(batch, info);
}

/*
 * Where the kernel does not speak IPv6 (ipv6.disable=1, or not built), a request that names AF_INET6 fails as a whole. Any other failure here,
 * such as too many open files, must not be taken for that: the wall would be missing.
 */
bool link_ipv6(void)
{
	_cleanup_close_ int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 || errno != EAFNOSUPPORT;
}

/** put_conf() - IPv4 settings of a link, in a nest of the last request's IFLA_AF_SPEC */
static void put_conf(struct netlink_batch *batch, const struct conf *settings, size_t count)
{
	struct nlattr *family = netlink_nest(batch, AF_INET);
	struct nlattr *conf = netlink_nest(batch, IFLA_INET_CONF);

	for (size_t i = 0; i < count; i++)
		netlink_put_u32(batch, settings[i].id, settings[i].value);
	netlink_nest_end(batch, conf);
	netlink_nest_end(batch, family);
}

void link_add_walls(struct netlink_batch *batch, int index, enum link_end end, bool ipv6, bool localnet)
{
	const struct conf walls[] = {
		{ IPV4_DEVCONF_FORWARDING, end == LINK_HOST },
		{ IPV4_DEVCONF_PROXY_ARP, 0 },
		{ IPV4_DEVCONF_ARP_IGNORE, 1 },
		{ IPV4_DEVCONF_RP_FILTER, 1 },
		{ IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE, 0 },
		{ IPV4_DEVCONF_ACCEPT_REDIRECTS, 0 },
		{ IPV4_DEVCONF_SEND_REDIRECTS, 0 },
		{ IPV4_DEVCONF_ROUTE_LOCALNET, localnet },
	};
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	const uint8_t mode = IN6_ADDR_GEN_MODE_NONE;
	struct nlattr *spec, *family;

	netlink_add(batch, end == LINK_HOST ? "set the walls of the host's end" : "set the walls of the dyno's end",
	            RTM_SETLINK, 0, &link, sizeof(link));
	spec = netlink_nest(batch, IFLA_AF_SPEC);
	put_conf(batch, walls, sizeof(walls) / sizeof(walls[0]));
	if (ipv6) {
		family = netlink_nest(batch, AF_INET6);
		netlink_put(batch, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
		netlink_nest_end(batch, family);
	}
	netlink_nest_end(batch, spec);
}

void link_add_localnet(struct netlink_batch *batch, int index)
{
	static const struct conf settings[] = { { IPV4_DEVCONF_ROUTE_LOCALNET, 1 } };
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct nlattr *spec;

	netlink_add(batch, "let the host's end carry connections of loopback", RTM_SETLINK, 0, &link, sizeof(link));
	spec = netlink_nest(batch, IFLA_AF_SPEC);
	put_conf(batch, settings, 1);
	netlink_nest_end(batch, spec);
}

void link_add_up(struct netlink_batch *batch, int index, const char *name)
{
	const struct ifinfomsg link = {
		.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP
	};

	netlink_add(batch, name, RTM_SETLINK, 0, &link, sizeof(link));
}

void link_add_end_up(struct netlink_batch *batch, int index, enum link_end end)
{
	link_add_up(batch, index, end == LINK_HOST ? "set the host's end up" : "set the dyno's end up");
}

void link_add_address(struct netlink_batch *batch, int index, enum link_end end, const struct address_plan *plan)
{
	const struct ifaddrmsg message = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = (uint8_t)plan->bits,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (uint32_t)index,
	};
	const uint32_t address = htonl(end == LINK_HOST ? plan->host : plan->dyno);

	netlink_add(batch, end == LINK_HOST ? "give the host's end its address" : "give the dyno's end its address",
	            RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof(message));
	netlink_put(batch, IFA_LOCAL, &address, sizeof(address));
	netlink_put(batch, IFA_ADDRESS, &address, sizeof(address));
}

/** put_address6() - a request about an address, with @bits of network */
static void put_address6(struct netlink_batch *batch, const char *name, int type, int index, const uint8_t address[16],
                         unsigned bits)
{
	const struct ifaddrmsg message = {
		.ifa_family = AF_INET6,
		.ifa_prefixlen = (uint8_t)bits,
		.ifa_flags = IFA_F_NODAD,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (uint32_t)index,
	};

	netlink_add(batch, name, type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0, &message, sizeof(message));
	netlink_put(batch, IFA_LOCAL, address, sizeof(struct in6_addr));
}

void link_add_dyno6(struct netlink_batch *batch, int index, const struct address_plan *plan)
{
	put_address6(batch, "give the dyno's end its IPv6 address", RTM_NEWADDR, index, plan->dyno6,
	             ADDRESS_PREFIX6_BITS);
}

void link_machine6(struct netlink_batch *batch, bool add, const struct address_range *range)
{
	uint8_t address[16];

	address_machine6(range, address);
	put_address6(batch, add ? "give lo this machine's IPv6 address" : "take this machine's IPv6 address from lo",
	             add ? RTM_NEWADDR : RTM_DELADDR, LINK_LOOPBACK_INDEX, address, 128);
}

/** add_route6() - a request to lead @to/@bits to link @index, @type by @table */
static void add_route6(struct netlink_batch *batch, const char *name, const struct in6_addr *to, unsigned bits,
                       unsigned char table, unsigned char type, int index)
{
	const struct rtmsg route = {
		.rtm_family = AF_INET6,
		.rtm_dst_len = (unsigned char)bits,
		.rtm_table = table,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = type,
	};

	netlink_add(batch, name, RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof(route));
	netlink_put(batch, RTA_DST, to, sizeof(*to));
	netlink_put_u32(batch, RTA_OIF, (uint32_t)index);
}

void link_add_way_in6(struct netlink_batch *batch, int index, const struct address_plan *plan)
{
	struct in6_addr network;

	memcpy(&network, plan->dyno6, sizeof(network));
	network.s6_addr[sizeof(network) - 1] = 0;
	add_route6(batch, "lead IPv6 to the dyno", &network, ADDRESS_BITS6, RT_TABLE_MAIN, RTN_UNICAST, index);
}

void link_add_way_out(struct netlink_batch *batch, int index, sa_family_t family, const struct address_plan *plan)
{
	const struct rtmsg route = {
		.rtm_family = (unsigned char)family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	const uint32_t gateway = htonl(plan->host);

	netlink_add(batch, family == AF_INET ? "give the dyno a way out" : "give the dyno a way out by IPv6",
	            RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof(route));
	if (family == AF_INET)
		netlink_put(batch, RTA_GATEWAY, &gateway, sizeof(gateway));
	else
		netlink_put(batch, RTA_GATEWAY, plan->host6, sizeof(plan->host6));
	netlink_put_u32(batch, RTA_OIF, (uint32_t)index);
}

void link_add_loopback6(struct netlink_batch *batch, int index)
{
	const struct in6_addr loopback = IN6ADDR_LOOPBACK_INIT;

	/*
	 * Without NLM_F_EXCL, which would allow one such route on the whole machine; behind lo's own by its metric. The kernel keeps them all in
	 * one list, in the order of their metrics, and walks it to the place of a new one: so the newest has the least, and is the first.
	 */
	add_route6(batch, "take answers to ::1 from the host's end", &loopback, 128, RT_TABLE_LOCAL, RTN_LOCAL, index);
	netlink_put_u32(batch, RTA_PRIORITY, UINT32_MAX - (uint32_t)(clock_ns() / LOOPBACK6_TICK_NS));
}

int link_index(struct nl_sock *sock, const char *name)
{
	struct ifreq request = { 0 };

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	/* the generic socket layer answers this one, for every family, in the namespace of the socket */
	if (ioctl(nl_socket_get_fd(sock), SIOCGIFINDEX, &request) < 0)
		return -errno;
	return request.ifr_ifindex;
}

/** running() - read whether link @name is in operation, without any lock. Return: 1, 0, or negative errno */
static int running(struct nl_sock *sock, const char *name)
{
	struct ifreq request = { 0 };

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(nl_socket_get_fd(sock), SIOCGIFFLAGS, &request) < 0)
		return -errno;
	return (request.ifr_flags & IFF_RUNNING) != 0;
}

/** await() - wait for link @name by events of all links, to which @sock listens. Return: as link_wait() */
static int await(struct nl_sock *sock, const char *name)
{
	struct pollfd event = { .fd = nl_socket_get_fd(sock), .events = POLLIN };
	char byte;
	int r;

	/* read after joining, or the one event could fall between; what an event says does not matter */
	while ((r = running(sock, name)) == 0) {
		r = poll(&event, 1, LINK_WAIT_MS);
		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
		(void)recv(event.fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC);
	}
	return r < 0 ? r : 0;
}

/** ask() - for all of link @name, into @reply of LINK_REPLY_SIZE bytes. Return: length of it, or negative errno with @err set */
static int ask(struct nl_sock *sock, const char *name, const char *step, char *reply, struct dyno_error *err)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };

	netlink_add(&batch, "look for a link", RTM_GETLINK, 0, &link, sizeof(link));
	netlink_put_text(&batch, IFLA_IFNAME, name);
	netlink_put_u32(&batch, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return netlink_get(sock, &batch, reply, LINK_REPLY_SIZE, step, err);
}

int link_wait(struct nl_sock *sock, const char *name)
{
	char reply[LINK_REPLY_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	char byte;
	int r = 0;

	/* It is about to be, and the event of it comes when all else that the link watch does is done. */
	for (int i = 0; r == 0 && i < LINK_LOOKS; i++)
		r = running(sock, name);
	if (r == 0)
		r = ask(sock, name, "network", reply, NULL);
	if (r > 0)
		r = running(sock, name);
	if (r != 0)
		return r < 0 ? r : 0;
	r = netlink_errno(nl_socket_add_membership(sock, RTNLGRP_LINK));
	if (r < 0)
		return r;
	r = await(sock, name);
	(void)nl_socket_drop_membership(sock, RTNLGRP_LINK);
	while (recv(nl_socket_get_fd(sock), &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) > 0)
		;
	return r;
}

int link_loopback_up(void)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	if (fd < 0)
		return -errno;
	return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

int link_read(void *message, size_t size, unsigned slot, int *ret_index)
{
	struct nlmsghdr *head = message;
	struct nlattr *info, *address, *kind;
	uint8_t mac[LINK_MAC_SIZE];

	if (size < sizeof(*head) || head->nlmsg_len > size || head->nlmsg_type != RTM_NEWLINK ||
	    !nlmsg_valid_hdr(head, sizeof(struct ifinfomsg)))
		return -EBADMSG;
	info = nlmsg_find_attr(head, sizeof(struct ifinfomsg), IFLA_LINKINFO);
	address = nlmsg_find_attr(head, sizeof(struct ifinfomsg), IFLA_ADDRESS);
	kind = info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND) : NULL;
	/* compared with its NUL, as the kernel sends it */
	if (!kind || nla_len(kind) != sizeof("veth") || memcmp(nla_data(kind), "veth", sizeof("veth")) != 0)
		return -EEXIST;
	link_mac(slot, mac);
	if (!address || nla_len(address) != sizeof(mac) || memcmp(nla_data(address), mac, sizeof(mac)) != 0)
		return -EEXIST;
	*ret_index = ((const struct ifinfomsg *)nlmsg_data(head))->ifi_index;
	return 0;
}

int link_remove(struct nl_sock *sock, unsigned slot, struct dyno_error *err)
{
	char reply[LINK_REPLY_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	char name[IFNAMSIZ];
	int r;

	r = ask(sock, link_name(slot, name), "remove link", reply, err);
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	r = link_read(reply, (size_t)r, slot, &link.ifi_index);
	if (r == -EBADMSG)
		return error_set(err, r, "remove link", "cannot read what the kernel says of %s:", name);
	if (r < 0) {
		r = error_set(err, -EEXIST, "remove link", "the network interface %s exists and is not a dyno's", name);
		error_remedy(err, "rename it: dyno uses the names dyno0 to dyno4094");
		return r;
	}
	netlink_add(&batch, "remove the veth pair", RTM_DELLINK, 0, &link, sizeof(link));
	r = netlink_send(sock, &batch, "remove link", err);
	/* the namespace at the other end may die, and take the pair with it, at any moment */
	return r == -ENODEV ? 0 : r;
}
