/* SPDX-License-Identifier: Apache-2.0 */
/**
 * admit.c - what an app is given of the network, and what is taken back after it; see network.h
 *
 * Nothing of this is done before the app is known, so a network end can be made without knowing its dyno. IPv4 addresses lead to the
 * dyno by the packet filter from the start: before the app listens the dyno itself refuses connections, as a machine does. How IPv6
 * addresses lead there depends on how the app listens, and is settled when it does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "netns/link.h"
#include "netns/listen.h"
#include "netns/netlink.h"
#include "netns/network_host.h"
#include "netns/rootless.h"
#include "netns/uplink.h"

#define STEP "network"
#define STATS_REPLY_SIZE 2048
#define UPLINKS_FRESH_NS 1000000000ULL

/** needs_localnet() - connections of 127.0.0.0/8 come from or go to this dyno */
static bool needs_localnet(const struct policy *policy, const struct network *network)
{
	bool needs = policy->allow_count > 0 || (network->resolver != 0 && policy->egress != POLICY_EGRESS_DENY);

	for (size_t i = 0; i < policy->publish_count; i++) {
		const struct policy_endpoint *at = &policy->publish[i];

		needs |= at->family == AF_INET && (policy_is_loopback(at) || policy_is_any(at));
	}
	return needs;
}

void network_expect(struct network *network, enum dyno_net net, const struct dyno_app *app, bool web)
{
	struct dyno_error err;
	struct policy policy;

	if (net != DYNO_NET_PRIVATE)
		return;
	/* What cannot be read is told by network_admit()'s caller. */
	if (!app)
		network->localnet = web || network->resolver != 0;
	else if (policy_read(app, net, &policy, &err) == 0)
		network->localnet = needs_localnet(&policy, network);
}

/** open_link() - the settings of the host's end that not every policy needs, where it has not got them yet */
static int open_link(struct network_host *host, const struct policy *policy, struct network *network,
                     struct dyno_error *err)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	int r = network_step("admit link", err);

	if (r == 0 && !network->localnet && needs_localnet(policy, network)) {
		link_add_localnet(&batch, network->index);
		r = netlink_send(host->sock, &batch, STEP, err);
		network->localnet = r == 0;
	}
	return r;
}

/** publish_four() - lead the IPv4 addresses to the dyno */
static int publish_four(struct network_host *host, const struct policy *policy, const struct network *network,
                        struct dyno_error *err)
{
	const struct publish *publish = &network->publish;
	int r = network_step("admit publish", err);

	for (size_t i = 0; r == 0 && i < publish->count; i++)
		if (publish->at[i].family == AF_INET)
			r = table_publish(host->table, &publish->at[i], network->slot, policy->port, err);
	return r;
}

void network_look_out(struct network_host *host, struct network *network)
{
	uint64_t now = clock_ns();

	if (now - host->uplinks_ns >= UPLINKS_FRESH_NS && uplink_is_open(host->sock, network->way_out6))
		host->uplinks_ns = now;
	network->uplinks_ns = host->uplinks_ns;
}

/** look() - let answers in by the links that lead to the world, and to the published addresses */
static int look(struct network_host *host, const struct policy *policy, const struct network *network,
                struct dyno_error *err)
{
	int r = uplink_open(host->state_dir, host->sock, policy, network->way_out6, err);

	if (r == 0 && policy->egress != POLICY_EGRESS_DENY)
		host->uplinks_ns = clock_ns();
	return r;
}

/**
 * open_uplinks() - look(), if nobody has
 * It costs 50 us, and routes change rarely. So where the way to the world was once seen to be open the app need not wait: it is looked at
 * again when that was a while ago, and then while the app starts.
 */
static int open_uplinks(struct network_host *host, const struct policy *policy, struct network *network,
                        struct dyno_error *err)
{
	uint64_t seen = host->uplinks_ns > network->uplinks_ns ? host->uplinks_ns : network->uplinks_ns;
	bool beyond = false;
	int r = network_step("admit uplink", err);

	for (size_t i = 0; i < policy->publish_count; i++)
		beyond |= !policy_is_loopback(&policy->publish[i]);
	if (r == 0 && (seen == 0 || beyond))
		return look(host, policy, network, err);
	network->look_again = clock_ns() - seen >= UPLINKS_FRESH_NS;
	return r;
}

/** is_beyond() - the app is to reach other machines, or to be reached by them */
static bool is_beyond(const struct policy *policy)
{
	bool beyond = policy->egress != POLICY_EGRESS_DENY;

	for (size_t i = 0; i < policy->publish_count; i++)
		beyond |= !policy_is_loopback(&policy->publish[i]);
	return beyond;
}

int network_guard_fd(const struct network_host *host)
{
	return host->table ? table_guard_fd(host->table) : -1;
}

void network_attend(struct network_host *host)
{
	if (host->table)
		table_attend(host->table);
}

void network_started(struct network_host *host, const struct policy *policy, struct network *network)
{
	/* Without it a Docker that starts later closes the way until the next launch, as without us: no reason to fail. */
	if (network->admitted && host->table && is_beyond(policy))
		(void)table_guard(host->table);
	/* What goes wrong now goes wrong at the next launch as well, and is told then. */
	if (network->look_again && network->admitted && host->sock)
		(void)look(host, policy, network, NULL);
	network->look_again = false;
	/* The namespace lives by its processes. Of many dynos, the descriptors would make each fork of the launcher dearer. */
	if (!host->rootless)
		network->fd = fd_close(network->fd);
}

int network_settle(struct network *network, struct dyno_error *err)
{
	int r = network_step("admit carrier", err);

	if (r < 0 || !network->inside)
		return r;
	/* The end that was set up first is to send, too. It does by now: no need to have asked earlier. */
	r = link_wait(network->inside, LINK_INSIDE);
	network->inside = netlink_close(network->inside);
	return r < 0 ? error_set(err, r, STEP, "the veth pair does not come into operation:") : 0;
}

/** admit_private() - as root: the packet filter's elements, the link, the uplinks */
static int admit_private(struct network_host *host, const struct policy *policy, struct network *network,
                         struct dyno_error *err)
{
	/* The end may have been made with another host: that of a pool's thread. */
	int r = network_need_socket(host, err);

	/* network_connect() of a launch has just looked; a parked one's was long ago. */
	if (r == 0 && !host->walls_seen)
		r = network_need_walls(host, err);
	host->walls_seen = false;
	if (r == 0)
		r = network_step("admit elements", err);
	if (r == 0)
		r = table_admit(host->table, network->slot, policy, err);
	if (r == 0 && network->resolver != 0 && policy->egress != POLICY_EGRESS_DENY)
		r = table_resolver(host->table, network->resolver, err);
	if (r == 0)
		r = open_link(host, policy, network, err);
	if (r == 0)
		r = publish_four(host, policy, network, err);
	if (r == 0)
		r = open_uplinks(host, policy, network, err);
	return r < 0 ? r : network_settle(network, err);
}

int network_admit(struct network_host *host, enum dyno_net net, const struct policy *policy, struct network *network,
                  struct dyno_error *err)
{
	struct policy places = *policy;
	int r;

	if (net != DYNO_NET_PRIVATE)
		return 0;
	if (host->rootless)
		rootless_places(&places);
	network->admitted = true;
	r = network_step("admit reserve", err);
	if (r == 0 && (places.publish_count > 0 || places.publish_unix))
		r = publish_reserve(&places, &network->publish, err);
	if (r < 0)
		return r;
	if (!host->rootless)
		return admit_private(host, policy, network, err);
	r = network_need_range(host, err);
	if (r == 0)
		r = network_step("admit pasta", err);
	return r < 0 ? r : rootless_start(&host->range, network->resolver != 0, network, policy, &network->helper, err);
}

/** speaks_ipv6() - who listens like this takes connections to the dyno's IPv6 address */
static bool speaks_ipv6(const struct listen_seen *seen, const struct address_plan *plan)
{
	return seen->at.family == AF_INET6 &&
	       (policy_is_any(&seen->at) || memcmp(seen->at.address, plan->dyno6, sizeof(plan->dyno6)) == 0);
}

/** lead_loopback6() - have answers to connections of this machine's ::1 find their way back */
static int lead_loopback6(struct network_host *host, const struct network *network, struct dyno_error *err)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };

	link_add_loopback6(&batch, network->index);
	return netlink_send(host->sock, &batch, STEP, err);
}

/** listening_private() - as root: IPv6 addresses by the packet filter where that leads to the app, by a relay elsewhere */
static int listening_private(struct network_host *host, const struct policy *policy, const struct listen_seen *seen,
                             struct network *network, struct dyno_error *err)
{
	const struct publish *publish = &network->publish;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(policy->port) };
	bool marked[POLICY_PUBLISH_MAX] = { false }, led = false;
	struct address_plan plan;
	int r = address_plan(&host->range, network->slot, &plan);

	for (size_t i = 0; r == 0 && i < publish->count; i++) {
		const struct policy_endpoint *at = &publish->at[i];

		if (at->family != AF_INET6)
			continue;
		marked[i] = !network->ipv6 || !speaks_ipv6(seen, &plan) ||
		            (!policy_is_loopback(at) && !network->way_out6);
		if (marked[i])
			continue;
		if (!led && (policy_is_loopback(at) || policy_is_any(at))) {
			led = true;
			r = lead_loopback6(host, network, err);
		}
		if (r == 0)
			r = table_publish(host->table, at, network->slot, policy->port, err);
	}
	if (r < 0)
		return r;
	to.sin_addr.s_addr = htonl(plan.dyno);
	return publish_relay(&network->publish, marked, -1, -1, &to, err);
}

/** listening_rootless() - everything that pasta does not carry is for a relay that connects from inside */
static int listening_rootless(struct network_host *host, const struct policy *policy, struct network *network,
                              struct dyno_error *err)
{
	bool marked[POLICY_PUBLISH_MAX] = { false };
	struct sockaddr_in to;
	int r = rootless_target(&host->range, network->slot, policy->port, &to);

	if (r < 0)
		return error_set(err, r, STEP, "slot %u has no address", network->slot);
	for (size_t i = 0; i < network->publish.count; i++)
		marked[i] = !rootless_carries(&network->publish.at[i]);
	return publish_relay(&network->publish, marked, network->user, network->fd, &to, err);
}

int network_listening(struct network_host *host, const struct policy *policy, const struct listen_seen *seen,
                      struct network *network, struct dyno_error *err)
{
	int r;

	if (!network->admitted || network->publish.relay > 0)
		return 0;
	r = network_step("listening", err);
	if (r < 0)
		return r;
	return host->rootless ? listening_rootless(host, policy, network, err)
	                      : listening_private(host, policy, seen, network, err);
}

/** forget() - take out of the packet filter what was admitted; what fails here is left to gc */
static void forget(struct network_host *host, const struct network *network)
{
	const struct publish *publish = &network->publish;

	for (size_t i = 0; i < publish->count; i++)
		(void)table_unpublish(host->table, &publish->at[i], NULL);
	(void)table_forget(host->table, network->slot, NULL);
}

void network_close(struct network_host *host, struct network *network)
{
	/* first nothing may lead there any more; then the addresses may be somebody else's */
	if (network->admitted && host->table)
		forget(host, network);
	network->admitted = false;
	publish_release(&network->publish);
	network->helper = rootless_stop(network->helper);
	network->inside = netlink_close(network->inside);
	network->user = fd_close(network->user);
	network->fd = fd_close(network->fd);
}

int network_remove(struct network_host *host, unsigned slot, struct dyno_error *err)
{
	int r;

	if (host->rootless)
		return 0;
	r = network_need_socket(host, err);
	if (r == 0)
		r = link_remove(host->sock, slot, err);
	if (r < 0)
		return r;
	r = network_need_table(host, err);
	/* a kernel without packet filter knows nothing that could be forgotten */
	if (r == -EOPNOTSUPP || r == -ENOENT)
		return 0;
	/* a range that has been made smaller since then */
	if (r == 0 && slot >= address_slots(&host->range))
		return 0;
	return r < 0 ? r : table_forget(host->table, slot, err);
}

void network_sweep(struct network_host *host)
{
	if (host->rootless || host->table || !table_orphaned(host->state_dir))
		return;
	if (network_need_table(host, NULL) == 0)
		host->table = table_close(host->table);
}

int network_read_stats(void *message, size_t size, uint64_t *ret_in, uint64_t *ret_out)
{
	struct nlmsghdr *head = message;
	struct rtnl_link_stats64 stats;
	struct nlattr *attr;

	if (size < sizeof(*head) || head->nlmsg_len > size || head->nlmsg_type != RTM_NEWSTATS ||
	    !nlmsg_valid_hdr(head, sizeof(struct if_stats_msg)))
		return -EBADMSG;
	attr = nlmsg_find_attr(head, sizeof(struct if_stats_msg), IFLA_STATS_LINK_64);
	if (!attr || (size_t)nla_len(attr) < offsetof(struct rtnl_link_stats64, rx_errors))
		return -EBADMSG;
	memcpy(&stats, nla_data(attr), offsetof(struct rtnl_link_stats64, rx_errors));
	/* the host's end sends what the dyno receives */
	*ret_in = stats.tx_bytes;
	*ret_out = stats.rx_bytes;
	return 0;
}

int network_bytes(const char *ifname, uint64_t *ret_in, uint64_t *ret_out)
{
	char reply[STATS_REPLY_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	_cleanup_netlink_ struct nl_sock *sock = NULL;
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	struct if_stats_msg stats = { .filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64) };
	int r = netlink_open(NETLINK_ROUTE, &sock, NULL);

	if (r == 0)
		r = link_index(sock, ifname);
	if (r < 0)
		return r;
	stats.ifindex = (uint32_t)r;
	netlink_add(&batch, "read the counters of the link", RTM_GETSTATS, 0, &stats, sizeof(stats));
	r = netlink_get(sock, &batch, reply, sizeof(reply), STEP, NULL);
	return r < 0 ? r : network_read_stats(reply, (size_t)r, ret_in, ret_out);
}
