/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_uplink.c - whose forwarding is switched on for dynos, that it is put back, and what a dyno has sent
 *
 * "The host" is a namespace of the test's own, with links to a namespace that stands for the world.
 */
#include "netns_fixture.h"

#include "netns/uplink.h"

#define FORWARDING4 "/proc/sys/net/ipv4/conf/%s/forwarding"
#define FORWARDING6 "/proc/sys/net/ipv6/conf/%s/force_forwarding"

/** reads_of() - number in kernel file @format of link @name; -1 without the file */
static int reads_of(const char *format, const char *name)
{
	char path[96], text[16];

	/* both formats are above */
	if (strcmp(format, FORWARDING4) == 0)
		snprintf(path, sizeof(path), FORWARDING4, name);
	else
		snprintf(path, sizeof(path), FORWARDING6, name);
	return fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0 ? -1 : atoi(text);
}

/** add_link() - link @name (a veth pair whose other end stays beside it) with address @host/24 */
static void add_link(struct fixture *f, unsigned slot, uint32_t host)
{
	struct address_plan plan = { .host = host, .bits = 24 };
	const struct link_manner manner = { .sleep = true };
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	_cleanup_close_ int ns = -1;
	char name[IFNAMSIZ];
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	CHECK(home >= 0 && unshare(CLONE_NEWNET) == 0);
	ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	CHECK(ns >= 0 && setns(home, CLONE_NEWNET) == 0);
	link_add_pair(&batch, slot, ns, &manner);
	CHECK(netlink_send(f->sock, &batch, "test", &f->err) == 0);
	netlink_clear(&batch);
	(void)link_name(slot, name);
	/* any name but a dyno's */
	name[0] = 'u';
	link_add_up(&batch, link_index(f->sock, link_name(slot, (char[IFNAMSIZ]){ 0 })), "rename");
	netlink_put_text(&batch, IFLA_IFNAME, name);
	CHECK(netlink_send(f->sock, &batch, "test", &f->err) == 0);
	netlink_clear(&batch);
	link_add_address(&batch, link_index(f->sock, name), LINK_HOST, &plan);
	CHECK(netlink_send(f->sock, &batch, "test", &f->err) == 0);
	(void)TAKE_FD(ns); /* the other end lives with it */
	close(home);
}

/** make_host() - "the host" with two links, uyno100 at 10.1.1.1 that leads to the world, uyno101 at 10.1.2.1 */
static struct fixture make_host(void)
{
	struct fixture f = begin();

	add_link(&f, 100, 0x0a010101);
	add_link(&f, 101, 0x0a010201);
	set_route(f.sock, "0.0.0.0", 0, "uyno100", "10.1.1.2");
	CHECK(reads_of(FORWARDING4, "uyno100") == 0 && reads_of(FORWARDING4, "uyno101") == 0);
	return f;
}

/** note_is_there() - the state directory has a note of what was switched */
static bool note_is_there(const struct fixture *f)
{
	char name[64];

	snprintf(name, sizeof(name), "uplink-%lu", (unsigned long)where());
	return faccessat(f->dir, name, F_OK, 0) == 0;
}

static void world_child(void *data)
{
	const struct policy policy = { .egress = POLICY_EGRESS_ALLOW };
	struct fixture f = make_host();
	struct network network = open_private(&f, 1);

	(void)data;
	CHECK(!note_is_there(&f));
	CHECK(network_admit(f.host, DYNO_NET_PRIVATE, &policy, &network, &f.err) == 0);
	CHECK(reads_of(FORWARDING4, "uyno100") == 1 && reads_of(FORWARDING4, "uyno101") == 0);
	CHECK(note_is_there(&f));
	network_close(f.host, &network);
	CHECK(reads_of(FORWARDING4, "uyno100") == 1);
	f.host = network_host_close(f.host);
	CHECK(reads_of(FORWARDING4, "uyno100") == 0 && !note_is_there(&f));
}

static void test_link_to_the_world_and_back(void **state)
{
	(void)state;
	expect(world_child);
}

static void deny_child(void *data)
{
	const struct policy policy = {
		.port = PORT,
		.egress = POLICY_EGRESS_DENY,
		.publish_count = 1,
		.publish = { { .family = AF_INET, .port = 8080, .address = { 127, 0, 0, 1 } } },
	};
	struct fixture f = make_host();
	struct network network = open_private(&f, 1);

	(void)data;
	CHECK(network_admit(f.host, DYNO_NET_PRIVATE, &policy, &network, &f.err) == 0);
	CHECK(reads_of(FORWARDING4, "uyno100") == 0 && reads_of(FORWARDING4, "uyno101") == 0 && !note_is_there(&f));
	network_close(f.host, &network);
	end(&f);
}

static void test_no_way_out_needs_no_uplink(void **state)
{
	(void)state;
	expect(deny_child);
}

static void published_child(void *data)
{
	struct policy policy = {
		.port = PORT,
		.egress = POLICY_EGRESS_DENY,
		.publish_count = 1,
		.publish = { { .family = AF_INET, .port = 8080, .address = { 10, 1, 2, 1 } } },
	};
	struct fixture f = make_host();
	struct network network = open_private(&f, 1);

	(void)data;
	CHECK(uplink_open(f.dir, f.sock, &policy, false, &f.err) == 0);
	CHECK(reads_of(FORWARDING4, "uyno100") == 0 && reads_of(FORWARDING4, "uyno101") == 1);
	memset(policy.publish[0].address, 0, 4);
	CHECK(uplink_open(f.dir, f.sock, &policy, false, &f.err) == 0);
	CHECK(reads_of(FORWARDING4, "uyno100") == 1 && reads_of(FORWARDING4, "uyno101") == 1);
	CHECK(reads_of(FORWARDING4, "lo") == 0);
	network_close(f.host, &network);
	end(&f);
	CHECK(reads_of(FORWARDING4, "uyno100") == 0 && reads_of(FORWARDING4, "uyno101") == 0);
}

static void test_links_of_published_addresses(void **state)
{
	(void)state;
	expect(published_child);
}

static void router_child(void *data)
{
	struct fixture f = make_host();

	/* who made the machine a router after us wants it to stay one */
	(void)data;
	CHECK(uplink_forward(f.dir, "uyno100", AF_INET, &f.err) == 0 && note_is_there(&f));
	CHECK(fd_write_text(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "1\n") == 0);
	uplink_restore(f.dir);
	CHECK(reads_of(FORWARDING4, "uyno100") == 1 && !note_is_there(&f));
	/* and on a router there is nothing to switch */
	CHECK(uplink_forward(f.dir, "uyno101", AF_INET, &f.err) == 0 && !note_is_there(&f));
	end(&f);
}

static void test_router_stays_a_router(void **state)
{
	(void)state;
	expect(router_child);
}

static void odd_note_child(void *data)
{
	static const char odd[] = "\n4\n4 \n6 ..\n5 uyno100\n4 ../../ip_forward\n4 uyno101";
	struct fixture f = make_host();
	char name[64];

	(void)data;
	CHECK(uplink_forward(f.dir, "no-such-link", AF_INET, &f.err) == 0);
	CHECK(uplink_forward(f.dir, "uyno101", AF_INET, &f.err) == 0);
	CHECK(fd_write_text(AT_FDCWD, "/proc/sys/net/ipv4/conf/uyno100/forwarding", "1\n") == 0);
	snprintf(name, sizeof(name), "uplink-%lu", (unsigned long)where());
	CHECK(unlinkat(f.dir, name, 0) == 0 && fd_create_text(f.dir, name, 0600, odd) == 0);
	uplink_restore(f.dir);
	CHECK(reads_of(FORWARDING4, "uyno100") == 1 && reads_of(FORWARDING4, "uyno101") == 0);
	uplink_restore(f.dir);
	end(&f);
}

static void test_odd_note(void **state)
{
	(void)state;
	expect(odd_note_child);
}

static void bytes_child(void *data)
{
	struct fixture f = begin();
	struct network network = open_private(&f, 3);
	uint64_t in = 0, out = 0, more_in = 0, more_out = 0;

	(void)data;
	CHECK(network_bytes("dyno4", &in, &out) == -ENODEV);
	CHECK(network_bytes("dyno3", &in, &out) == 0);
	listen_in(network.fd, PORT);
	CHECK(reach(network.address, PORT, NULL) == 0);
	CHECK(network_bytes("dyno3", &more_in, &more_out) == 0);
	/* SYN and its ACK in, SYN-ACK out: Ethernet, IP and TCP headers */
	CHECK(more_in >= in + 2 * 54 && more_out >= out + 54 && more_in < in + 2000);
	network_close(f.host, &network);
	end(&f);
}

static void test_bytes_are_the_dynos_view(void **state)
{
	(void)state;
	expect(bytes_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_to_the_world_and_back),
		cmocka_unit_test(test_no_way_out_needs_no_uplink),
		cmocka_unit_test(test_links_of_published_addresses),
		cmocka_unit_test(test_router_stays_a_router),
		cmocka_unit_test(test_odd_note),
		cmocka_unit_test(test_bytes_are_the_dynos_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
