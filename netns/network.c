/* SPDX-License-Identifier: Apache-2.0 */
/**
 * network.c - see network.h
 *
 * Theory of operation (root)
 *
 * 1. Ask the machine's routes whether the slot's addresses are free. Nothing has been made yet, so refusing is free.
 * 2. Make a namespace, or fetch the one that was begun ahead: the calling thread is in it. There it only opens two descriptors: the
 *    namespace itself and a netlink socket, which belongs to the namespace in which it was created.
 * 3. setns(2) back at once. Everything that follows needs no visit: requests about the inside go through the inner
 *    socket, requests about the host through the outer one. So there is one short stretch of code in which the thread
 *    is elsewhere, and one place that brings it back.
 * 4. Host: make the pair. Inside: lo up, walls, address, up. Host: walls, address, up. Each a batch.
 *
 * What a private network gives: the dyno's port at ADDRESS:PORT for this machine, and no way out. The namespace has the
 * connected route to its gateway and no default route, since nothing translates addresses for it; a connection outwards
 * fails at once with ENETUNREACH. Other dynos and the machine's other addresses are out of reach (link.c has the walls). One
 * thing settings of a link cannot do is to tell an answer from a question: what listens on 0.0.0.0 of this machine also
 * listens on the gateway's address, so the dyno reaches that. It takes a packet filter to close this.
 *
 * Death: the veth pair dies with its namespace, the namespace with its last process and descriptor. That is the
 * kernel's own work, some 35 ms later (measured; longer when many die). Nobody waits for it on the way out; who needs the slot's name at once
 * (network_open() on a slot just freed, gc) removes the pair with network_remove().
 */
#include "netns/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "netns/address.h"
#include "netns/ahead.h"
#include "netns/link.h"
#include "netns/netlink.h"
#include "netns/rootless.h"

#define STEP "network"
#define NAMESPACE_SELF "/proc/thread-self/ns/net"
#define ROUTE_REPLY_SIZE 4096

/**
 * struct network_host - what all dynos of this process share
 * @rootless: no veth, pasta instead
 * @ns:       the host's network namespace, -1 until needed
 * @sock:     netlink socket in it, NULL until needed
 * @ahead:    the namespace that network_begin() started to make
 */
struct network_host {
	bool rootless;
	int ns;
	struct nl_sock *sock;
	struct ahead ahead;
};

/**
 * struct inner - a new namespace, held from outside
 * @ns:   its descriptor
 * @sock: netlink socket in it; NULL when nobody asked for one
 */
struct inner {
	int ns;
	struct nl_sock *sock;
};

int network_host_open(bool rootless, struct network_host **ret, struct dyno_error *err)
{
	struct network_host *host = malloc(sizeof(*host));

	if (!host)
		return error_set(err, -ENOMEM, STEP, "cannot allocate the host's network record");
	*host = (struct network_host){ .rootless = rootless, .ns = -1, .ahead = { .fd = -1 } };
	*ret = host;
	return 0;
}

struct network_host *network_host_close(struct network_host *host)
{
	if (!host)
		return NULL;
	network_abandon(host);
	host->sock = netlink_close(host->sock);
	host->ns = fd_close(host->ns);
	free(host);
	return NULL;
}

/** need_namespace() - open the host's namespace, once; must run while the thread is in it */
static int need_namespace(struct network_host *host, struct dyno_error *err)
{
	if (host->ns >= 0)
		return 0;
	host->ns = open(NAMESPACE_SELF, O_RDONLY | O_CLOEXEC);
	if (host->ns < 0)
		return error_set(err, -errno, STEP, "cannot open %s:", NAMESPACE_SELF);
	return 0;
}

/** need_socket() - open the host's netlink socket, once; must run while the thread is in the host's namespace */
static int need_socket(struct network_host *host, struct dyno_error *err)
{
	return host->sock ? 0 : netlink_open(NETLINK_ROUTE, &host->sock, err);
}

/** inner_close() - let go of the namespace; unless somebody else holds it, it dies */
static void inner_close(struct inner *inner)
{
	inner->sock = netlink_close(inner->sock);
	inner->ns = fd_close(inner->ns);
}

/**
 * inner_visit() - open what can only be opened from within; the thread is in the new namespace
 * @net: NET_NONE brings lo up on the spot, which is one ioctl; NET_PRIVATE gets a socket for a whole batch
 */
static int inner_visit(enum dyno_net net, struct inner *inner, struct dyno_error *err)
{
	int r;

	inner->ns = open(NAMESPACE_SELF, O_RDONLY | O_CLOEXEC);
	if (inner->ns < 0)
		return error_set(err, -errno, STEP, "cannot open %s:", NAMESPACE_SELF);
	if (net == DYNO_NET_PRIVATE)
		return netlink_open(NETLINK_ROUTE, &inner->sock, err);
	r = link_loopback_up();
	return r < 0 ? error_set(err, r, STEP, "cannot set lo up:") : 0;
}

void network_begin(struct network_host *host, enum dyno_net net)
{
	network_abandon(host);
	if (!host->rootless && net != DYNO_NET_HOST)
		ahead_begin(&host->ahead);
}

void network_abandon(struct network_host *host)
{
	int fd = ahead_finish(&host->ahead);

	fd_close(fd);
	ahead_reap(&host->ahead);
}

/** enter_new() - be in a new namespace: the one begun ahead, or one made now. Return: 0 or negative errno */
static int enter_new(struct network_host *host)
{
	_cleanup_close_ int ahead = ahead_finish(&host->ahead);

	if (ahead < 0 && ahead != -ENOENT)
		return ahead;
	return (ahead >= 0 ? setns(ahead, CLONE_NEWNET) : unshare(CLONE_NEWNET)) < 0 ? -errno : 0;
}

/**
 * inner_open() - make a namespace and come back
 * @ret: written in any case; empty on failure
 */
static int inner_open(struct network_host *host, enum dyno_net net, struct inner *ret, struct dyno_error *err)
{
	int r;

	*ret = (struct inner){ .ns = -1 };
	r = need_namespace(host, err);
	if (r < 0)
		return r;
	r = enter_new(host);
	if (r < 0) {
		error_set(err, r, STEP, "cannot make a network namespace:");
		if (r == -ENOSPC)
			error_remedy(err, "raise /proc/sys/user/max_net_namespaces");
		else if (r == -EPERM)
			error_remedy(err, "run as root, or with CAP_SYS_ADMIN");
		return r;
	}
	r = inner_visit(net, ret, err);
	/* A thread that stays behind would do all its later work in the dyno's network: worse than any first failure */
	if (setns(host->ns, CLONE_NEWNET) < 0)
		r = error_set(err, -errno, "leave network", "cannot return to the host's network namespace:");
	if (r < 0)
		inner_close(ret);
	return r;
}

/**
 * network_of() - read the network of a route message
 * Return: false when the message is not an IPv4 route
 */
static bool network_of(struct nlmsghdr *head, uint32_t *ret_network, unsigned *ret_bits, int *ret_link)
{
	const struct rtmsg *route = nlmsg_data(head);
	struct nlattr *to, *link;

	if (head->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(head, sizeof(*route)) || route->rtm_family != AF_INET)
		return false;
	to = nlmsg_find_attr(head, sizeof(*route), RTA_DST);
	link = nlmsg_find_attr(head, sizeof(*route), RTA_OIF);
	*ret_network = to && nla_len(to) == sizeof(uint32_t) ? ntohl(nla_get_u32(to)) : 0;
	*ret_bits = route->rtm_dst_len;
	*ret_link = link && nla_len(link) == sizeof(uint32_t) ? (int)nla_get_u32(link) : 0;
	return true;
}

/**
 * clash() - refuse a slot whose addresses somebody else's route covers
 * RTM_F_FIB_MATCH makes the kernel answer with the route that it would use, one lookup however many routes there are.
 * A default route covers everything and claims nothing. A route of the slot's own old link does not count either.
 */
static int clash(struct network_host *host, unsigned slot, const struct address_plan *plan, struct dyno_error *err)
{
	char reply[ROUTE_REPLY_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	const struct rtmsg route = { .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_flags = RTM_F_FIB_MATCH };
	const uint32_t to = htonl(plan->dyno);
	char theirs[ADDRESS_TEXT_SIZE], ours[ADDRESS_TEXT_SIZE], link[IFNAMSIZ] = "?", own[IFNAMSIZ];
	uint32_t network;
	unsigned bits;
	int index, r;

	netlink_add(&batch, "look for a route", RTM_GETROUTE, 0, &route, sizeof(route));
	netlink_put(&batch, RTA_DST, &to, sizeof(to));
	r = netlink_get(host->sock, &batch, reply, sizeof(reply), STEP, NULL);
	/* every failure to find a route means that nobody has one: unreachable, prohibit and blackhole included */
	if (r < 0 || !network_of((struct nlmsghdr *)reply, &network, &bits, &index))
		return 0;
	if (!address_overlaps(plan, network, bits))
		return 0;
	if (index > 0 && if_indextoname((unsigned)index, link) && strcmp(link, link_name(slot, own)) == 0)
		return 0;
	r = error_set(err, -EADDRINUSE, STEP,
	              "this machine already has a route to %s/%u (on %s), which dyno needs for %s/%u",
	              address_text(network, theirs), bits, link, address_text(plan->network, ours), plan->bits);
	error_remedy(err, "free " ADDRESS_RANGE_TEXT " on this machine, or use --net none or --net host");
	return r;
}

/** make_pair() - the pair of @slot; the leftover of a dyno that has just died is removed first */
static int make_pair(struct network_host *host, unsigned slot, int ns, struct dyno_error *err)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	int r;

	link_add_pair(&batch, slot, ns);
	r = netlink_send(host->sock, &batch, STEP, err);
	if (r == -EEXIST) {
		r = link_remove(host->sock, slot, err);
		if (r < 0)
			return r;
		r = netlink_send(host->sock, &batch, STEP, err);
	}
	if (r == -EOPNOTSUPP)
		error_remedy(err, "the kernel has no veth links: load the module veth, or use --net none");
	return r;
}

/** set_inside() - the dyno's half: lo and eth0 */
static int set_inside(struct inner *inner, const struct address_plan *plan, struct dyno_error *err)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	int index = link_index(inner->sock, LINK_INSIDE);

	if (index < 0)
		return error_set(err, index, STEP, "cannot find the dyno's end of the veth pair:");
	link_add_up(&batch, LINK_LOOPBACK_INDEX, "set lo up");
	link_add_walls(&batch, index, LINK_DYNO);
	link_add_address(&batch, index, LINK_DYNO, plan);
	link_add_up(&batch, index, "set the dyno's end up");
	return netlink_send(inner->sock, &batch, STEP, err);
}

/** set_outside() - the host's half; both ends have a carrier when this returns */
static int set_outside(struct network_host *host, const char *name, const struct address_plan *plan,
                       struct dyno_error *err)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	int index = link_index(host->sock, name);

	if (index < 0)
		return error_set(err, index, STEP, "cannot find %s:", name);
	link_add_walls(&batch, index, LINK_HOST);
	link_add_address(&batch, index, LINK_HOST, plan);
	link_add_up(&batch, index, "set the host's end up");
	return netlink_send(host->sock, &batch, STEP, err);
}

/** connect_private() - join namespace and host by the pair of @slot */
static int connect_private(struct network_host *host, struct inner *inner, unsigned slot,
                           const struct address_plan *plan, struct dyno_error *err)
{
	char name[IFNAMSIZ];
	int r;

	r = make_pair(host, slot, inner->ns, err);
	if (r < 0)
		return r;
	r = set_inside(inner, plan, err);
	if (r == 0)
		r = set_outside(host, link_name(slot, name), plan, err);
	if (r == 0) {
		r = link_wait(inner->sock, LINK_INSIDE);
		if (r < 0)
			error_set(err, r, STEP, "the veth pair does not come into operation:");
	}
	/* the first error stands; the slow removal is in order here, since nothing may be left */
	if (r < 0)
		(void)link_remove(host->sock, slot, NULL);
	return r;
}

int network_open(struct network_host *host, enum dyno_net net, unsigned slot, struct network *ret,
                 struct dyno_error *err)
{
	struct network network = NETWORK_NULL;
	struct address_plan plan;
	struct inner inner;
	int r;

	if (net == DYNO_NET_HOST) {
		*ret = network;
		return 0;
	}
	if (address_plan(slot, &plan) < 0)
		return error_set(err, -ERANGE, STEP, "slot %u has no address: " ADDRESS_RANGE_TEXT " holds %d dynos",
		                 slot, NETWORK_SLOTS);
	if (net == DYNO_NET_PRIVATE) {
		r = need_socket(host, err);
		if (r == 0)
			r = clash(host, slot, &plan, err);
		if (r < 0)
			return r;
	}
	r = inner_open(host, net, &inner, err);
	if (r < 0)
		return r;
	if (net == DYNO_NET_PRIVATE) {
		r = connect_private(host, &inner, slot, &plan, err);
		address_text(plan.dyno, network.address);
		address_text(plan.host, network.gateway);
		link_name(slot, network.ifname);
	}
	if (r == 0) {
		network.fd = TAKE_FD(inner.ns);
		*ret = network;
	}
	inner_close(&inner);
	return r;
}

int network_attach(struct network_host *host, enum dyno_net net, pid_t pid, uint16_t port, struct network *ret,
                   struct dyno_error *err)
{
	struct network network = NETWORK_NULL;
	int r;

	(void)host;
	/* without a port there is nothing to carry: a private network without a way out is loopback */
	if (net == DYNO_NET_PRIVATE && port != 0) {
		r = rootless_start(pid, port, &network.helper, err);
		if (r < 0)
			return r;
		(void)text_copy(network.address, sizeof(network.address), "127.0.0.1");
	}
	*ret = network;
	return 0;
}

void network_close(struct network_host *host, struct network *network)
{
	(void)host;
	network->helper = rootless_stop(network->helper);
	network->fd = fd_close(network->fd);
}

int network_enter_child(int fd, struct dyno_error *err)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		return error_set(err, -errno, "enter network", "cannot enter the dyno's network namespace:");
	return 0;
}

int network_loopback_child(struct dyno_error *err)
{
	int r = link_loopback_up();

	return r < 0 ? error_set(err, r, "loopback", "cannot set lo up:") : 0;
}

int network_remove(struct network_host *host, unsigned slot, struct dyno_error *err)
{
	int r;

	if (host->rootless)
		return 0;
	r = need_socket(host, err);
	return r < 0 ? r : link_remove(host->sock, slot, err);
}
