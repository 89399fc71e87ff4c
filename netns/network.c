/* SPDX-License-Identifier: Apache-2.0 */
/**
 * network.c - see network.h
 *
 * Theory of operation (root)
 *
 * 1. Make a namespace, or fetch the one that was begun ahead: the calling thread is in it. There it only opens two descriptors: the
 *    namespace itself and a netlink socket, which belongs to the namespace in which it was created.
 * 2. setns(2) back at once. Everything that follows needs no visit: requests about the inside go through the inner
 *    socket, requests about the host through the outer one. So there is one short stretch of code in which the thread
 *    is elsewhere, and one place that brings it back. The child has its namespace from here on and goes its way.
 * 3. Ask the machine's routes whether the slot's addresses are free. No link has been made yet, so refusing is free.
 * 4. Be a user of the packet filter: it must be there before the first link is, because it is what keeps dynos in.
 * 5. Make the pair and set up its ends (private.c), in batches. The kernel finishes that by itself: who admits the app waits
 *    for it, who has time settles it.
 *
 * That is the end without its app. What the app is given (published addresses, egress, services of this machine) comes
 * when it is known: admit.c.
 *
 * Why namespaces are not used again for another dyno: a new one can be made ahead, off the launch path, and is empty by
 * construction. A used one is not: docs/network.md lists what stayed behind.
 *
 * Death: the veth pair dies with its namespace, the namespace with its last process and descriptor. That is the
 * kernel's own work, some 35 ms later (measured; longer when many die). Nobody waits for it on the way out; who needs the slot's name at once
 * (network_open() on a slot just freed, gc) removes the pair with network_remove().
 */
#include "netns/network.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "netns/link.h"
#include "netns/netlink.h"
#include "netns/network_host.h"
#include "netns/private.h"
#include "netns/range.h"
#include "netns/rootless.h"
#include "netns/uplink.h"

#define STEP "network"
#define NAMESPACE_SELF "/proc/thread-self/ns/net"

/**
 * struct inner - a new namespace, held from outside
 * @ns:   its descriptor
 * @sock: netlink socket in it; NULL when nobody asked for one
 */
struct inner {
	int ns;
	struct nl_sock *sock;
};

int network_host_open(bool rootless, int state_dir, struct network_host **ret, struct dyno_error *err)
{
	struct network_host *host = malloc(sizeof(*host));

	if (!host)
		return error_set(err, -ENOMEM, STEP, "cannot allocate the host's network record");
	*host = (struct network_host){
		.rootless = rootless, .state_dir = state_dir, .ns = -1, .ahead = { .fd = -1, .cpu = -1 }
	};
	*ret = host;
	return 0;
}

struct network_host *network_host_close(struct network_host *host)
{
	if (!host)
		return NULL;
	network_abandon(host);
	host->table = table_close(host->table);
	host->sock = netlink_close(host->sock);
	host->ns = fd_close(host->ns);
	free(host);
	return NULL;
}

int network_step(const char *step, struct dyno_error *err)
{
	int r = fault_at(step);

	return r < 0 ? error_set(err, r, step, "injected failure at %s:", step) : 0;
}

int network_need_range(struct network_host *host, struct dyno_error *err)
{
	return host->range.bits != 0 ? 0 : range_load(RANGE_FILE, &host->range, err);
}

int network_slots(struct network_host *host, struct dyno_error *err)
{
	int r = network_need_range(host, err);

	return r < 0 ? r : (int)address_slots(&host->range);
}

int network_services(struct network_host *host, char *ret, struct dyno_error *err)
{
	int r = network_need_range(host, err);

	if (r == 0)
		(void)address_text(address_host(&host->range), ret);
	return r;
}

void network_resolver(struct network_host *host, uint32_t server)
{
	host->resolver = server;
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

int network_need_socket(struct network_host *host, struct dyno_error *err)
{
	struct route route;
	int r;

	if (host->sock)
		return 0;
	r = netlink_open(NETLINK_ROUTE, &host->sock, err);
	if (r < 0)
		return r;
	host->speaks6 = host->ipv6 = link_ipv6();
	host->manner = link_manner(host->sock);
	if (host->ipv6 && uplink_world(host->sock, AF_INET6, &route) == 0)
		host->way_out6 = uplink_can_ipv6();
	return 0;
}

int network_need_walls(struct network_host *host, struct dyno_error *err)
{
	bool opened = host->table != NULL;
	int r = network_need_table(host, err);

	return r == 0 && opened ? table_ensure(host->table, err) : r;
}

int network_need_table(struct network_host *host, struct dyno_error *err)
{
	int r = network_step("network filter", err);

	if (r == 0)
		r = network_need_range(host, err);
	return r < 0 || host->table ? r : table_open(host->state_dir, &host->range, &host->table, err);
}

/** inner_close() - let go of the namespace; unless somebody else holds it, it dies */
static void inner_close(struct inner *inner)
{
	inner->sock = netlink_close(inner->sock);
	inner->ns = fd_close(inner->ns);
}

/**
 * inner_visit() - open what can only be opened from within; the thread is in the new namespace
 * @up: its loopback is up already
 */
static int inner_visit(enum dyno_net net, bool up, struct inner *inner, struct dyno_error *err)
{
	int r = up ? 0 : link_loopback_up();

	if (r < 0)
		return error_set(err, r, STEP, "cannot set lo up:");
	inner->ns = open(NAMESPACE_SELF, O_RDONLY | O_CLOEXEC);
	if (inner->ns < 0)
		return error_set(err, -errno, STEP, "cannot open %s:", NAMESPACE_SELF);
	return net == DYNO_NET_PRIVATE ? netlink_open(NETLINK_ROUTE, &inner->sock, err) : 0;
}

void network_begin(struct network_host *host, enum dyno_net net)
{
	network_abandon(host);
	host->ahead.cpu = -1;
	if (!host->rootless && net != DYNO_NET_HOST)
		ahead_begin(&host->ahead);
}

int network_helper_cpu(const struct network_host *host)
{
	return host->ahead.cpu;
}

void network_abandon(struct network_host *host)
{
	fd_close(ahead_fetch(&host->ahead));
	(void)ahead_end(&host->ahead);
}

/** explain() - tell the causes of a namespace that cannot be made apart */
static int explain(int code, struct dyno_error *err)
{
	error_set(err, code, STEP, "cannot make a network namespace:");
	if (code == -ENOSPC)
		error_remedy(err, "raise /proc/sys/user/max_net_namespaces");
	else if (code == -EPERM)
		error_remedy(err, "run as root, or with CAP_SYS_ADMIN");
	return code;
}

/**
 * inner_open() - a new namespace, the one begun ahead or one made now, and come back
 * One with nothing but loopback need not be visited, if it was begun ahead.
 * @ret: written in any case; empty on failure
 */
static int inner_open(struct network_host *host, enum dyno_net net, struct inner *ret, struct dyno_error *err)
{
	_cleanup_close_ int ahead = -1;
	int r;

	*ret = (struct inner){ .ns = -1 };
	r = network_step("network namespace", err);
	if (r == 0)
		r = need_namespace(host, err);
	if (r < 0)
		return r;
	ahead = ahead_fetch(&host->ahead);
	if (ahead < 0 && ahead != -ENOENT)
		return explain(ahead, err);
	if (ahead >= 0 && net == DYNO_NET_NONE) {
		ret->ns = TAKE_FD(ahead);
		return 0;
	}
	if ((ahead >= 0 ? setns(ahead, CLONE_NEWNET) : unshare(CLONE_NEWNET)) < 0)
		return explain(-errno, err);
	r = inner_visit(net, ahead >= 0, ret, err);
	/* A thread that stays behind would do all its later work in the dyno's network: worse than any first failure */
	if (setns(host->ns, CLONE_NEWNET) < 0)
		r = error_set(err, -errno, "leave network", "cannot return to the host's network namespace:");
	if (r < 0)
		inner_close(ret);
	return r;
}

/** need_machine6() - this machine's IPv6 address for all dynos, once; the last user of the packet filter takes it back */
static int need_machine6(struct network_host *host, struct dyno_error *err)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	int r;

	if (!host->ipv6 || host->machine6)
		return 0;
	link_machine6(&batch, true, &host->range);
	r = netlink_send(host->sock, &batch, STEP, err);
	/* EACCES: switched off by the administrator */
	host->ipv6 = r != -EACCES;
	host->machine6 = r == 0 || r == -EEXIST;
	return host->machine6 || !host->ipv6 ? 0 : r;
}

/**
 * check_private() - the slot can be had, and its walls stand, before a link is made
 * @pair: filled in
 */
static int check_private(struct network_host *host, const struct network *network, struct private_pair *pair,
                         struct dyno_error *err)
{
	int r = network_need_range(host, err);

	if (r < 0)
		return r;
	*pair = (struct private_pair){ .slot = network->slot, .ns = network->fd, .inside = network->inside };
	if (address_plan(&host->range, network->slot, &pair->plan) < 0)
		return error_set(err, -ERANGE, STEP, "slot %u has no address: the range holds %u dynos", network->slot,
		                 address_slots(&host->range));
	r = network_need_socket(host, err);
	if (r < 0)
		return r;
	pair->outside = host->sock;
	pair->speaks6 = pair->ipv6 = host->speaks6;
	pair->way_out6 = host->way_out6 > 0;
	pair->manner = host->manner;
	pair->localnet = network->localnet;
	r = private_check(pair, err);
	if (r == 0)
		r = network_need_walls(host, err);
	host->walls_seen = r == 0;
	if (r == 0)
		r = need_machine6(host, err);
	pair->ipv6 = host->ipv6;
	return r;
}

int network_connect(struct network_host *host, enum dyno_net net, struct network *network, struct dyno_error *err)
{
	struct private_pair pair;
	int r;

	if (net == DYNO_NET_HOST || host->rootless)
		return 0;
	r = ahead_end(&host->ahead);
	if (r < 0)
		return error_set(err, r, STEP, "cannot set the loopback of the new network up:");
	r = network_step("network loopback", err);
	if (r < 0 || net != DYNO_NET_PRIVATE)
		return r;
	r = check_private(host, network, &pair, err);
	if (r == 0)
		r = private_connect(&pair, err);
	if (r < 0)
		return r;
	/* refused once, refused to the next one too */
	host->ipv6 = pair.ipv6;
	network->ipv6 = pair.ipv6;
	network->way_out6 = pair.ipv6 && pair.way_out6;
	network->index = pair.index;
	(void)address_text(pair.plan.dyno, network->address);
	(void)address_text(pair.plan.host, network->gateway);
	(void)link_name(pair.slot, network->ifname);
	/* the link is ours, it is new, and the file belongs to it: what could fail here is a read-only /proc/sys */
	if (network->way_out6 && host->way_out6 == 1 && uplink_link6(network->ifname) < 0)
		network->way_out6 = false;
	network_look_out(host, network);
	return 0;
}

int network_open(struct network_host *host, enum dyno_net net, unsigned slot, struct network *ret,
                 struct dyno_error *err)
{
	struct network network = NETWORK_NULL;
	struct inner inner;
	int r;

	network.slot = slot;
	network.resolver = host->resolver;
	if (net != DYNO_NET_HOST) {
		r = inner_open(host, net, &inner, err);
		if (r < 0)
			return r;
		network.fd = inner.ns;
		network.inside = inner.sock;
	}
	*ret = network;
	return 0;
}

int network_attach(struct network_host *host, enum dyno_net net, unsigned slot, pid_t pid, struct network *ret,
                   struct dyno_error *err)
{
	struct network network = NETWORK_NULL;
	int r;

	network.slot = slot;
	network.resolver = host->resolver;
	if (net == DYNO_NET_PRIVATE) {
		r = rootless_open(pid, &network, err);
		if (r < 0)
			return r;
	}
	*ret = network;
	return 0;
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
