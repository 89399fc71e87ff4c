/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_table_wire.c - what a neighbour on the wire can send: a port that is published on loopback is not for him
 *
 * "The host" is a router here, as a machine with Docker is, and takes packets for 127.0.0.1 before its routing refuses
 * them. The frames are written by hand, since no honest machine sends such.
 */
#include "netns_fixture.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/veth.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

#include "netns/rule.h"
#include "netns/table.h"

#define SLOT 5
#define PUBLISHED 8080
#define WIRE "wire0"

static const uint8_t macs[2][LINK_MAC_SIZE] = { { 2, 1, 1, 1, 1, 1 }, { 2, 1, 1, 1, 1, 2 } };

/** make_wire() - a link from "the host" to the namespace @ns, with addresses and without ARP */
static void make_wire(struct fixture *f, int ns)
{
	const struct address_plan plan = { .host = 0xcb007101, .dyno = 0xcb007102, .bits = 24 };
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	struct nlattr *info, *data, *peer;

	netlink_add(&batch, "make the wire", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof(link));
	netlink_put_text(&batch, IFLA_IFNAME, WIRE);
	netlink_put(&batch, IFLA_ADDRESS, macs[0], LINK_MAC_SIZE);
	link_put_dormant(&batch);
	info = netlink_nest(&batch, IFLA_LINKINFO);
	netlink_put_text(&batch, IFLA_INFO_KIND, "veth");
	data = netlink_nest(&batch, IFLA_INFO_DATA);
	peer = netlink_nest(&batch, VETH_INFO_PEER);
	netlink_put_header(&batch, &link, sizeof(link));
	netlink_put_text(&batch, IFLA_IFNAME, WIRE);
	netlink_put(&batch, IFLA_ADDRESS, macs[1], LINK_MAC_SIZE);
	netlink_put_u32(&batch, IFLA_NET_NS_FD, (uint32_t)ns);
	netlink_nest_end(&batch, peer);
	netlink_nest_end(&batch, data);
	netlink_nest_end(&batch, info);
	CHECK(netlink_send(f->sock, &batch, "test", &f->err) == 0);
	netlink_clear(&batch);
	link_add_address(&batch, link_index(f->sock, WIRE), LINK_HOST, &plan);
	link_add_up(&batch, link_index(f->sock, WIRE), "set the wire up");
	CHECK(netlink_send(f->sock, &batch, "test", &f->err) == 0);
}

/** sum() - the checksum of IP and TCP over @size bytes, which are even. @start: what to add */
static uint16_t sum(const void *data, size_t size, uint32_t start)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i + 1 < size; i += 2)
		start += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return htons((uint16_t)~start);
}

/** knock() - send a SYN to @address:PUBLISHED over the wire by packet socket @fd, whose link has index @index */
static void knock(int fd, int index, const char *address, uint16_t from_port)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
		                  .sll_protocol = htons(ETH_P_IP),
		                  .sll_ifindex = index,
		                  .sll_halen = LINK_MAC_SIZE };
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} packet = {
		.ip = { .version = 4,
		        .ihl = 5,
		        .tot_len = htons(sizeof(packet)),
		        .ttl = 64,
		        .protocol = IPPROTO_TCP,
		        .saddr = htonl(0xcb007102) },
		.tcp = { .source = htons(from_port),
		         .dest = htons(PUBLISHED),
		         .doff = 5,
		         .syn = 1,
		         .window = htons(1000) },
	};

	packet.ip.daddr = endpoint(address, 0).sin_addr.s_addr;
	packet.ip.check = sum(&packet.ip, sizeof(packet.ip), 0);
	packet.tcp.check = sum(&packet.ip.saddr, 8 + sizeof(packet.tcp), IPPROTO_TCP + sizeof(packet.tcp));
	memcpy(to.sll_addr, macs[0], LINK_MAC_SIZE);
	CHECK(sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) == sizeof(packet));
}

/** is_answered() - something comes back by the wire */
static bool is_answered(int fd)
{
	struct pollfd event = { .fd = fd, .events = POLLIN };
	struct sockaddr_ll from = { 0 };
	socklen_t size = sizeof(from);
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} packet = { 0 };

	while (poll(&event, 1, FIXTURE_PATIENCE_MS) == 1) {
		ssize_t got = recvfrom(fd, &packet, sizeof(packet), MSG_TRUNC, (struct sockaddr *)&from, &size);

		if (got >= (ssize_t)sizeof(packet) && from.sll_pkttype != PACKET_OUTGOING &&
		    packet.ip.protocol == IPPROTO_TCP)
			return packet.tcp.syn && packet.tcp.ack;
	}
	return false;
}

static void neighbour_child(void *data)
{
	struct policy_endpoint loopback = { .family = AF_INET, .port = PUBLISHED, .address = { 127, 0, 0, 1 } };
	struct policy_endpoint any = { .family = AF_INET, .port = PUBLISHED };
	struct address_range range = ADDRESS_RANGE_DEFAULT;
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	struct fixture f = begin();
	struct network dyno, outside = NETWORK_NULL;
	struct table *table = NULL;
	struct nl_sock *far = NULL;
	int home, fd;

	(void)data;
	dyno = open_private(&f, SLOT);
	listen_in(dyno.fd, PORT);
	CHECK(network_open(f.host, DYNO_NET_NONE, SLOT + 1, &outside, &f.err) == 0);
	make_wire(&f, outside.fd);
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	CHECK(setns(outside.fd, CLONE_NEWNET) == 0);
	CHECK(netlink_open(NETLINK_ROUTE, &far, &f.err) == 0);
	link_add_up(&batch, link_index(far, WIRE), "set the wire up");
	CHECK(netlink_send(far, &batch, "test", &f.err) == 0);
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));
	CHECK(fd >= 0);
	CHECK(setns(home, CLONE_NEWNET) == 0);
	CHECK(link_wait(f.sock, WIRE) == 0);
	CHECK(fd_write_text(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "1\n") == 0);
	/* the neighbour's address is known: he answers no ARP, being a packet socket */
	{
		const struct ndmsg neighbour = { .ndm_family = AF_INET,
			                         .ndm_ifindex = link_index(f.sock, WIRE),
			                         .ndm_state = NUD_PERMANENT };
		const uint32_t his = htonl(0xcb007102);

		netlink_clear(&batch);
		netlink_add(&batch, "know the neighbour", RTM_NEWNEIGH, NLM_F_CREATE, &neighbour, sizeof(neighbour));
		netlink_put(&batch, NDA_DST, &his, sizeof(his));
		netlink_put(&batch, NDA_LLADDR, macs[1], LINK_MAC_SIZE);
		CHECK(netlink_send(f.sock, &batch, "test", &f.err) == 0);
	}
	CHECK(table_open(f.dir, &range, &table, &f.err) == 0);
	CHECK(table_publish(table, &loopback, SLOT, PORT, &f.err) == 0);
	knock(fd, link_index(far, WIRE), "127.0.0.1", 1001);
	CHECK(!is_answered(fd));
	knock(fd, link_index(far, WIRE), "203.0.113.1", 1002);
	CHECK(!is_answered(fd));
	/* published on every address, the machine's own on the wire is one, and loopback still is none */
	CHECK(table_unpublish(table, &loopback, &f.err) == 0);
	CHECK(table_publish(table, &any, SLOT, PORT, &f.err) == 0);
	knock(fd, link_index(far, WIRE), "127.0.0.1", 1003);
	CHECK(!is_answered(fd));
	knock(fd, link_index(far, WIRE), "203.0.113.1", 1004);
	CHECK(is_answered(fd));
	table_close(table);
	netlink_close(far);
	network_close(f.host, &dyno);
	network_close(f.host, &outside);
	end(&f);
}

static void test_loopback_is_not_published_to_neighbours(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	expect(neighbour_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loopback_is_not_published_to_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
