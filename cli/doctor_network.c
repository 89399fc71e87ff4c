/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_network.c - see doctor_network.h */
#include "cli/doctor_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/doctor.h"
#include "netns/netlink.h"
#include "netns/nft.h"
#include "netns/range.h"
#include "netns/uplink.h"

#define TRACKED_HIGH 80 /* per cent */

/** read_long() - number in a small file. Return: it, or -1 when there is none */
static long read_long(const char *path)
{
	char text[32];

	return fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0 ? strtol(text, NULL, 10) : -1;
}

void doctor_network_route(const char *line, const struct address_range *range, struct doctor_network *ret)
{
	char link[IFNAMSIZ], text[ADDRESS_TEXT_SIZE];
	unsigned to, mask, bits;
	uint32_t network, shorter;

	if (sscanf(line, "%15s %x %*x %*x %*d %*d %*d %x", link, &to, &mask) != 3)
		return;
	if (mask == 0 && to == 0) {
		if (!ret->uplink[0])
			(void)text_copy(ret->uplink, sizeof(ret->uplink), link);
		return;
	}
	network = ntohl(to);
	bits = (unsigned)__builtin_popcount(mask);
	shorter = bits < range->bits ? ntohl(mask) : ~0U << (32 - range->bits);
	if (((network ^ range->network) & shorter) != 0 || text_starts(link, "dyno") || ret->clash[0])
		return;
	(void)text_format(ret->clash, sizeof(ret->clash), "%s/%u", address_text(network, text), bits);
	(void)text_copy(ret->clash_link, sizeof(ret->clash_link), link);
}

/** read_routes() - the uplink, and a route that is where dynos are */
static void read_routes(const struct address_range *range, struct doctor_network *ret)
{
	FILE *file = fopen("/proc/net/route", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		doctor_network_route(line, range, ret);
	if (file)
		(void)fclose(file);
}

/** find_walls() - filters of others; asking takes CAP_NET_ADMIN */
static void find_walls(struct doctor_network *ret)
{
	_cleanup_netlink_ struct nl_sock *sock = NULL;
	int r = nft_open(&sock, NULL);

	ret->wall_count = r < 0 ? r : foreign_walls(sock, ret->walls);
}

void doctor_network_gather(bool rootless, struct doctor_network *ret)
{
	struct address_range range = ADDRESS_RANGE_DEFAULT;
	char text[ADDRESS_TEXT_SIZE], path[80];

	memset(ret, 0, sizeof(*ret));
	if (range_load(RANGE_FILE, &range, NULL) == 0)
		(void)text_format(ret->range, sizeof(ret->range), "%s/%u", address_text(range.network, text),
		                  range.bits);
	read_routes(&range, ret);
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/forwarding", ret->uplink[0] ? ret->uplink : "all");
	ret->forward4 = read_long(path);
	ret->router6 = read_long("/proc/sys/net/ipv6/conf/all/forwarding");
	ret->by_link6 = uplink_can_ipv6() == 1;
	ret->tracked = read_long("/proc/sys/net/netfilter/nf_conntrack_count");
	ret->tracked_max = read_long("/proc/sys/net/netfilter/nf_conntrack_max");
	if (!rootless)
		find_walls(ret);
}

void doctor_check_forwarding(const struct doctor *doctor, struct finding *finding)
{
	const struct doctor_network *net = &doctor->net;
	bool ipv6 = net->router6 > 0 || net->by_link6;

	if (doctor->rootless) {
		doctor_say(finding, DOCTOR_OK, "not needed without root: pasta makes the connections");
		return;
	}
	if (!net->uplink[0]) {
		doctor_say(finding, DOCTOR_OK, "no default route: dynos reach nothing outside of this machine");
		return;
	}
	doctor_say(finding, ipv6 || net->router6 < 0 ? DOCTOR_OK : DOCTOR_WARN, "IPv4 of %s %s; IPv6 %s", net->uplink,
	           net->forward4 > 0 ? "is forwarded" : "will be forwarded while dynos run, and no longer",
	           net->router6 < 0   ? "is switched off"
	           : net->router6 > 0 ? "is forwarded"
	           : net->by_link6    ? "will be while dynos run"
	                              : "is not: dynos reach other machines by IPv4 only");
	if (!ipv6 && net->router6 >= 0)
		doctor_advise(finding, "Linux 6.17 can forward IPv6 for single links; before that sysctl -w "
		                       "net.ipv6.conf.all.forwarding=1 makes a router of the whole machine");
}

void doctor_check_walls(const struct doctor *doctor, struct finding *finding)
{
	const struct doctor_network *net = &doctor->net;

	if (doctor->rootless) {
		doctor_say(finding, DOCTOR_OK, "of no concern without root: nothing is forwarded");
		return;
	}
	if (net->wall_count < 0) {
		doctor_say(finding, DOCTOR_WARN,
		           "packet filters cannot be asked for: nf_tables is missing, or CAP_NET_ADMIN");
		doctor_advise(finding, "load the module nf_tables: private networks need it");
		return;
	}
	if (net->wall_count == 0) {
		doctor_say(finding, DOCTOR_OK, "no filter of others stops dynos' packets");
		return;
	}
	doctor_say(finding, DOCTOR_WARN, "%s%s drops what it does not know: %s", net->walls[0].name,
	           net->wall_count > 1 ? " (and others)" : "",
	           net->walls[0].input ? "services of --allow-host"
	                               : "egress, and ports that are published to outside");
	doctor_advise(finding, "%s", net->walls[0].remedy);
}

void doctor_check_range(const struct doctor *doctor, struct finding *finding)
{
	const struct doctor_network *net = &doctor->net;

	if (!net->range[0]) {
		doctor_say(finding, DOCTOR_FAIL, RANGE_FILE " cannot be understood");
		doctor_advise(finding, "one line with an IPv4 network, such as " ADDRESS_RANGE_TEXT);
	} else if (net->clash[0] && !doctor->rootless) {
		doctor_say(finding, DOCTOR_WARN, "%s is for dynos, and this machine has a route to %s on %s",
		           net->range, net->clash, net->clash_link);
		doctor_advise(finding, "give dynos another range in " RANGE_FILE);
	} else {
		doctor_say(finding, DOCTOR_OK, "%s, and nobody else's route leads there", net->range);
	}
}

void doctor_check_tracking(const struct doctor *doctor, struct finding *finding)
{
	const struct doctor_network *net = &doctor->net;

	if (net->tracked < 0 || net->tracked_max <= 0) {
		doctor_say(finding, DOCTOR_OK, "not in use yet");
		return;
	}
	doctor_say(finding, net->tracked >= net->tracked_max / 100 * TRACKED_HIGH ? DOCTOR_WARN : DOCTOR_OK,
	           "%ld of %ld connections are tracked", net->tracked, net->tracked_max);
	if (finding->state == DOCTOR_WARN)
		doctor_advise(finding, "when it is full, new connections of the whole machine fail: raise "
		                       "net.netfilter.nf_conntrack_max");
}
