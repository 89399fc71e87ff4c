/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rootless_walls.c - see rootless_walls.h
 *
 * Theory of operation
 *
 * What a dyno sends over its tap device pasta repeats on the host, as a connection of its user. So the walls have to stand before
 * that, in the dyno's own namespace: a table with a chain for what goes out and one for what comes in. What is root's question "is this address
 * one of this machine?" (fib daddr type local) cannot be asked from there; the answer is a set that a keeper
 * process fills, and that it adds to as long as the dyno lives, since laptops change networks. Addresses that the machine loses stay in: they
 * may be on a second link.
 *
 * The keeper listens for new addresses first and asks for all of them second, so that none is missed in between. It is in the dyno's
 * namespaces with its table's socket, in the host's with the socket that tells of addresses: a socket stays where it was made.
 *
 * What comes in: pasta opens a port of the host for each UDP port from which the dyno sends, and hands in what anybody sends there. So
 * only answers, and connections to the app's own port, get through.
 */
#include "netns/rootless_walls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/error.h"
#include "netns/link.h"
#include "netns/netlink.h"
#include "netns/nft.h"
#include "netns/rule.h"

#define STEP "walls"
#define TABLE "dyno"
#define NOTE "what this dyno may reach; installed by its launcher"
#define OUT "output"
#define IN "input"
#define REFUSE "refuse"
#define HOST4 "host4"
#define HOST6 "host6"
#define STEPS_MAX 10 /* of one rule here */
#define ELEMENTS_MAX 64
#define DATAGRAM_SIZE 16384

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define BY_LOOPBACK(which) RULE_META(which, 4), RULE_IS_U32(LINK_LOOPBACK_INDEX)
#define ICMP6(type) RULE_L4PROTO, RULE_IS("\x3a"), RULE_TRANSPORT(0, 1), RULE_IS(type)
#define NEIGHBOUR_SOLICIT "\x87"
#define NEIGHBOUR_ADVERT "\x88"
#define DNS "\0\x35"

static const struct rule_chain chains[] = {
	{ .name = OUT, .type = "filter", .hook = NF_INET_LOCAL_OUT, .priority = NF_IP_PRI_FILTER },
	{ .name = IN, .type = "filter", .hook = NF_INET_LOCAL_IN, .priority = NF_IP_PRI_FILTER },
	{ .name = REFUSE },
};

static const struct rule_set sets[] = {
	{ .name = HOST4, .key_type = RULE_TYPE_ADDR4, .key = sizeof(struct in_addr) },
	{ .name = HOST6, .key_type = RULE_TYPE_ADDR6, .key = sizeof(struct in6_addr) },
};

/* first in either direction; and how to say no: at once, so that the app does not wait for a timeout */
static const struct rule_step first[] = {
	RULE(REFUSE, NULL),
	RULE_TCP,
	RULE_REJECT_TCP,
	RULE(REFUSE, NULL),
	RULE_REJECT,
	RULE(OUT, "its own loopback, services of the host included"),
	BY_LOOPBACK(NFT_META_OIF),
	RULE_ACCEPT,
	RULE6(OUT, "the way to the gateway"),
	ICMP6(NEIGHBOUR_SOLICIT),
	RULE_ACCEPT,
	RULE6(OUT, NULL),
	ICMP6(NEIGHBOUR_ADVERT),
	RULE_ACCEPT,
	RULE(IN, "its own loopback"),
	BY_LOOPBACK(NFT_META_IIF),
	RULE_ACCEPT,
	RULE(IN, "answers"),
	RULE_CT_ANSWER,
	RULE_ACCEPT,
	RULE6(IN, "the way to the gateway"),
	ICMP6(NEIGHBOUR_SOLICIT),
	RULE_ACCEPT,
	RULE6(IN, NULL),
	ICMP6(NEIGHBOUR_ADVERT),
	RULE_ACCEPT,
};

static const struct rule_step answers[] = { RULE(OUT, "answers"), RULE_CT_ANSWER, RULE_ACCEPT };

static const struct rule_step host[] = {
	RULE(OUT, "this machine"),  RULE_IPV4, RULE_DADDR4, RULE_IN_SET(HOST4), RULE_GOTO(REFUSE),
	RULE6(OUT, "this machine"), RULE_IPV6, RULE_DADDR6, RULE_IN_SET(HOST6), RULE_GOTO(REFUSE),
};

static const struct rule_step no_egress[] = { RULE(OUT, "egress"), RULE_GOTO(REFUSE) };
static const struct rule_step unasked[] = { RULE(IN, "unasked"), RULE_DROP };

/* resolvers of clouds that have the address of a metadata service or one beside it: names, but nothing else */
static const struct policy_cidr cloud_resolvers[] = {
	{ AF_INET, 32, { 169, 254, 169, 254 } },
	{ AF_INET, 32, { 169, 254, 169, 253 } },
	{ AF_INET, 32, { 168, 63, 129, 16 } },
};

/* metadata services, what is not a destination of the world, and IPv4 in IPv6's clothes */
static const struct policy_cidr never[] = {
	{ AF_INET, 8, { 0 } },
	{ AF_INET, 32, { 100, 100, 100, 200 } },
	{ AF_INET, 8, { 127 } },
	{ AF_INET, 32, { 168, 63, 129, 16 } },
	{ AF_INET, 16, { 169, 254 } },
	{ AF_INET, 32, { 192, 0, 0, 192 } },
	{ AF_INET, 4, { 224 } },
	{ AF_INET, 4, { 240 } },
	{ AF_INET6, 80, { 0 } },
	{ AF_INET6, 128, { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 } },
	{ AF_INET6, 10, { 0xfe, 0x80 } },
	{ AF_INET6, 8, { 0xff } },
};

/** put_rules() - add fixed rules */
static void put_rules(struct nft_batch *batch, const struct rule_step *steps, size_t count)
{
	rule_put_rules(batch, NFPROTO_INET, TABLE, steps, count, true);
}

/** put_network() - a rule for what goes to the network @to; @only_dns: to its port 53, udp or tcp */
static void put_network(struct nft_batch *batch, const struct policy_cidr *to, bool only_dns, struct rule_step verdict,
                        const char *note)
{
	const bool four = to->family == AF_INET;
	const uint32_t size = four ? sizeof(struct in_addr) : sizeof(struct in6_addr);
	const struct rule_step head[] = { RULE(OUT, note), RULE_IPV4 }, head6[] = { RULE(OUT, note), RULE_IPV6 };
	const struct rule_step load = RULE_DADDR4, load6 = RULE_DADDR6, port[] = { RULE_DPORT, RULE_IS(DNS) };
	struct rule_step steps[STEPS_MAX];
	uint8_t mask[sizeof(struct in6_addr)] = { 0 };
	size_t count = COUNT(head);

	for (unsigned bit = 0; bit < to->bits; bit++)
		mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(steps, four ? head : head6, sizeof(head));
	steps[count++] = four ? load : load6;
	steps[count++] = (struct rule_step){ .kind = RULE_KIND_MASK, .data = mask, .size = size };
	steps[count++] = (struct rule_step){
		.kind = RULE_KIND_COMPARE, .key = NFT_CMP_EQ, .data = to->address, .size = size
	};
	if (only_dns) {
		/* ports of protocols that have none are not there to be loaded, which ends the rule */
		memcpy(steps + count, port, sizeof(port));
		count += COUNT(port);
	}
	steps[count++] = verdict;
	put_rules(batch, steps, count);
}

/** put_networks() - put_network() for each of @networks */
static void put_networks(struct nft_batch *batch, const struct policy_cidr *networks, size_t count, bool only_dns,
                         struct rule_step verdict, const char *note)
{
	for (size_t i = 0; i < count; i++)
		put_network(batch, &networks[i], only_dns, verdict, note);
}

/**
 * put_own() - nothing goes out but from the dyno's own address
 * IPv6 lets every app send from what it likes (IPV6_FREEBIND). pasta would not pass the lie on, but open a port for it.
 */
static void put_own(struct nft_batch *batch, const struct address_plan *plan)
{
	const uint32_t address = htonl(plan->dyno);
	const struct rule_step own[] = {
		RULE(OUT, "not from its own address"),
		RULE_IPV4,
		RULE_SADDR4,
		{ .kind = RULE_KIND_COMPARE, .key = NFT_CMP_NEQ, .data = &address, .size = sizeof(address) },
		RULE_GOTO(REFUSE),
		RULE6(OUT, "not from its own address"),
		RULE_IPV6,
		RULE_SADDR6,
		{ .kind = RULE_KIND_COMPARE, .key = NFT_CMP_NEQ, .data = plan->dyno6, .size = sizeof(plan->dyno6) },
		RULE_GOTO(REFUSE),
	};

	put_rules(batch, own, COUNT(own));
}

/** put_others() - the addresses of root's dynos on this machine, but the one that stands for the resolver */
static void put_others(struct nft_batch *batch, const struct rootless_job *job)
{
	const struct address_range *range = job->range;
	struct policy_cidr four = { AF_INET, (uint8_t)range->bits, { 0 } },
			   six = { AF_INET6, ADDRESS_PREFIX6_BITS, { 0 } };
	struct policy_cidr resolver = { AF_INET, 32, { 0 } };
	uint32_t network = htonl(range->network), address = htonl(address_host(range));

	memcpy(four.address, &network, sizeof(network));
	memcpy(six.address, range->prefix6, sizeof(range->prefix6));
	memcpy(resolver.address, &address, sizeof(address));
	if (job->resolver)
		put_network(batch, &resolver, true, (struct rule_step)RULE_ACCEPT, "the host's resolver");
	put_network(batch, &four, false, (struct rule_step)RULE_GOTO(REFUSE), "other dynos");
	put_network(batch, &six, false, (struct rule_step)RULE_GOTO(REFUSE), "other dynos");
}

/** put_egress() - what the policy says of the world */
static void put_egress(struct nft_batch *batch, const struct policy *policy)
{
	if (policy->egress == POLICY_EGRESS_LIST)
		put_networks(batch, policy->cidrs, policy->cidr_count, false, (struct rule_step)RULE_ACCEPT, "egress");
	if (policy->egress != POLICY_EGRESS_ALLOW)
		put_rules(batch, no_egress, COUNT(no_egress));
}

/** put_port() - what may come in */
static void put_port(struct nft_batch *batch, const struct policy *policy)
{
	const uint16_t port = htons(policy->port);
	const struct rule_step own[] = {
		RULE(IN, "its port"),
		RULE_TCP,
		RULE_DPORT,
		{ .kind = RULE_KIND_COMPARE, .key = NFT_CMP_EQ, .data = &port, .size = sizeof(port) },
		RULE_ACCEPT,
	};

	if (policy->port != 0)
		put_rules(batch, own, COUNT(own));
	put_rules(batch, unasked, COUNT(unasked));
}

/** install() - the whole table; in two transactions, since a long list of networks fills one */
static int install(struct nl_sock *sock, const struct rootless_job *job)
{
	struct nft_batch batch;
	int r;

	nft_begin(&batch);
	rule_put_table(&batch, NFT_MSG_NEWTABLE, TABLE, NOTE);
	rule_put_chains(&batch, TABLE, chains, COUNT(chains));
	rule_put_sets(&batch, TABLE, sets, COUNT(sets));
	put_rules(&batch, first, COUNT(first));
	put_own(&batch, &job->plan);
	put_rules(&batch, answers, COUNT(answers));
	if (job->policy->egress == POLICY_EGRESS_ALLOW)
		put_networks(&batch, cloud_resolvers, COUNT(cloud_resolvers), true, (struct rule_step)RULE_ACCEPT,
		             "a cloud's resolver");
	put_networks(&batch, never, COUNT(never), false, (struct rule_step)RULE_GOTO(REFUSE),
	             "metadata, and no host at all");
	put_others(&batch, job);
	put_rules(&batch, host, COUNT(host));
	r = nft_commit(sock, &batch, STEP, NULL);
	if (r < 0)
		return r;
	nft_begin(&batch);
	put_egress(&batch, job->policy);
	put_port(&batch, job->policy);
	return nft_commit(sock, &batch, STEP, NULL);
}

/** keep_only_needed() - let go of every descriptor but three, and of every capability but the one for the table */
static int keep_only_needed(int report, const struct rootless_walls *walls)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		[CAP_TO_INDEX(CAP_NET_ADMIN)] = { .effective = CAP_TO_MASK(CAP_NET_ADMIN),
		                                  .permitted = CAP_TO_MASK(CAP_NET_ADMIN) },
	};
	const unsigned needed[] = { (unsigned)report, (unsigned)walls->routes,
		                    (unsigned)nl_socket_get_fd(walls->table) };
	unsigned from = 0;

	/* the launcher's locks above all, which would look like a living owner's */
	for (;;) {
		unsigned next = ~0U;

		for (size_t i = 0; i < COUNT(needed); i++)
			if (needed[i] >= from && needed[i] < next)
				next = needed[i];
		if (next > from && syscall(SYS_close_range, from, next == ~0U ? next : next - 1, 0) < 0)
			return -errno;
		if (next == ~0U)
			break;
		from = next + 1;
	}
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

/** open_routes() - a socket that tells of every address that this machine gets. Return: descriptor or negative errno */
static int open_routes(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), code;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	code = -errno;
	close(fd);
	return code;
}

int rootless_walls_open(const struct rootless_job *job, struct rootless_walls *ret)
{
	int r;

	ret->routes = open_routes();
	if (ret->routes < 0)
		return ret->routes;
	if (setns(job->net, CLONE_NEWNET) < 0)
		return -errno;
	r = nft_open(&ret->table, NULL);
	if (r == 0)
		r = install(ret->table, job);
	return r < 0 ? r : keep_only_needed(job->report, ret);
}

/** ask_all() - ask for every address of this machine */
static int ask_all(int routes)
{
	const struct {
		struct nlmsghdr head;
		struct ifaddrmsg body;
	} request = {
		.head = { .nlmsg_len = sizeof(request),
		          .nlmsg_type = RTM_GETADDR,
		          .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .ifa_family = AF_UNSPEC },
	};

	return send(routes, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

/** struct harvest - addresses on their way into the table */
struct harvest {
	size_t count[2];
	struct rule_element elements[2][ELEMENTS_MAX];
};

/** put_in() - put what was harvested into the table */
static int put_in(struct nl_sock *table, struct harvest *harvest)
{
	static const char *const names[] = { HOST4, HOST6 };
	struct nft_batch batch;
	int r = 0;

	nft_begin(&batch);
	for (size_t i = 0; i < COUNT(names); i++)
		if (harvest->count[i] > 0)
			rule_put_elements(&batch, NFT_MSG_NEWSETELEM, TABLE, names[i], harvest->elements[i],
			                  harvest->count[i]);
	if (harvest->count[0] + harvest->count[1] > 0)
		r = nft_commit(table, &batch, STEP, NULL);
	harvest->count[0] = harvest->count[1] = 0;
	return r;
}

/** take() - note the address of one message, which must outlive the harvest */
static void take(struct nlmsghdr *head, struct harvest *harvest)
{
	const struct ifaddrmsg *body = nlmsg_data(head);
	const bool four = body->ifa_family == AF_INET;
	const int size = four ? sizeof(struct in_addr) : sizeof(struct in6_addr);
	struct nlattr *address = nlmsg_find_attr(head, sizeof(*body), IFA_LOCAL);
	struct rule_element *element;

	if (!address)
		address = nlmsg_find_attr(head, sizeof(*body), IFA_ADDRESS);
	if (!address || nla_len(address) != size || (!four && body->ifa_family != AF_INET6))
		return;
	element = &harvest->elements[!four][harvest->count[!four]++];
	*element = (struct rule_element){ .key = { nla_data(address), (size_t)size } };
}

/**
 * take_datagram() - the addresses of one datagram into the table
 * Return: 1 when it ended the answer to ask_all(), 0, or negative errno
 */
static int take_datagram(struct nl_sock *table, void *data, int size)
{
	struct harvest harvest = { 0 };
	struct nlmsghdr *head = data;
	int r = 0, end = 0;

	for (; r == 0 && nlmsg_ok(head, size); head = nlmsg_next(head, &size)) {
		if (head->nlmsg_type == NLMSG_DONE)
			end = 1;
		else if (head->nlmsg_type == NLMSG_ERROR)
			r = nlmsg_valid_hdr(head, sizeof(struct nlmsgerr))
			            ? ((struct nlmsgerr *)nlmsg_data(head))->error
			            : -EBADMSG;
		else if (head->nlmsg_type == RTM_NEWADDR && nlmsg_valid_hdr(head, sizeof(struct ifaddrmsg)))
			take(head, &harvest);
		if (harvest.count[0] == ELEMENTS_MAX || harvest.count[1] == ELEMENTS_MAX)
			r = put_in(table, &harvest);
	}
	if (r == 0)
		r = put_in(table, &harvest);
	return r < 0 ? r : end;
}

int rootless_walls_keep(struct rootless_walls *walls, bool forever)
{
	char buf[DATAGRAM_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	int r = forever ? 0 : ask_all(walls->routes);

	while (r == 0) {
		ssize_t got = recv(walls->routes, buf, sizeof(buf), 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) /* more happened than we could read: ask again */
			r = ask_all(walls->routes);
		else if (got < 0)
			r = -errno;
		else
			r = take_datagram(walls->table, buf, (int)got);
		if (r == 1 && forever)
			r = 0;
	}
	return r < 0 ? r : 0;
}

int rootless_walls_explain(int code, struct dyno_error *err)
{
	error_set(err, code, STEP, "the packet filter of this kernel (nf_tables) cannot be used without root:");
	error_remedy(err,
	             "see that the module nf_tables is loaded, or use --net none; nothing else would keep the dyno "
	             "from this machine's own services");
	return code;
}
