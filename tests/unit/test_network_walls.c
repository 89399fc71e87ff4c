/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_network_walls.c - who reaches whom over private networks: the host the dyno, and a dyno nobody it was not allowed
 *
 * Settings of the links and the packet filter together. The host here is a namespace of the test's own; that one may become
 * a router, this machine does not. The whole matrix, with the real command, is tests/sandbox/test_reach.c.
 */

#include "netns_fixture.h"

#define SIX_OF_FIRST "fd64:796e:6f00:1::2"
#define SIX_OF_MACHINE "fd64796e6f00ffff0000000000000001" /* as if_inet6 writes it */
#define SIX_OF_SECOND "fd64:796e:6f00:2::2"
#define SIX_OF_SECOND_GATEWAY "fd64:796e:6f00:2::1"
#define SIX_OF_HOST "2001:db8::9"

/** set_forwarding() - make "the host" a router, as `sysctl net.ipv4.ip_forward=1` does: every link at once */
static void set_forwarding(void)
{
	CHECK(fd_write_text(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "1\n") == 0);
	CHECK(fd_write_text(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/forwarding", "1\n") == 0);
}

/** has_ipv6() - tests of it make sense here */
static bool has_ipv6(void)
{
	return link_ipv6();
}

/** two_dynos() - @first and @second, each with a server, on a host that has one too and addresses besides */
static void two_dynos(struct fixture *f, struct network *first, struct network *second)
{
	struct address_plan other = { .host = 0x0a090909, .bits = 32 };
	_cleanup_batch_ struct netlink_batch batch = { 0 };

	link_add_address(&batch, LINK_LOOPBACK_INDEX, LINK_HOST, &other);
	if (has_ipv6()) {
		CHECK(inet_pton(AF_INET6, SIX_OF_HOST, other.dyno6) == 1);
		link_add_dyno6(&batch, LINK_LOOPBACK_INDEX, &other);
	}
	CHECK(netlink_send(f->sock, &batch, "test", NULL) == 0);
	*first = open_private(f, 1);
	*second = open_private(f, 2);
	listen_in(first->fd, PORT);
	listen_in(second->fd, PORT);
	listen_in(-1, PORT);
	/* the probe works, and so do the servers */
	CHECK(reach(first->address, PORT, NULL) == 0 && reach(second->address, PORT, NULL) == 0);
	CHECK(reach("10.9.9.9", PORT, NULL) == 0);
	CHECK(reaches(first->fd, first->address, PORT, NULL));
	if (!has_ipv6())
		return;
	listen6_in(first->fd, PORT);
	listen6_in(second->fd, PORT);
	listen6_in(-1, PORT);
	CHECK(reach_new(SIX_OF_FIRST, PORT) == 0 && reach_new(SIX_OF_SECOND, PORT) == 0);
	CHECK(reach(SIX_OF_HOST, PORT, NULL) == 0);
	CHECK(reaches(first->fd, SIX_OF_FIRST, PORT, NULL));
}

/** check_walls() - from @first neither @second nor an address of the host is reached, by route or by link */
static void check_walls(const struct network *first, const struct network *second)
{
	static const char *const devices[] = { NULL, LINK_INSIDE };
	static const char *const sixes[] = { SIX_OF_SECOND, SIX_OF_SECOND_GATEWAY, SIX_OF_HOST };

	for (int i = 0; i < 2; i++) {
		CHECK(!reaches(first->fd, second->address, PORT, devices[i]));
		CHECK(!reaches(first->fd, first->gateway, PORT, devices[i]));
		CHECK(!reaches(first->fd, second->gateway, PORT, devices[i]));
		CHECK(!reaches(first->fd, "10.9.9.9", PORT, devices[i]));
		for (size_t j = 0; has_ipv6() && j < sizeof(sixes) / sizeof(sixes[0]); j++)
			CHECK(!reaches(first->fd, sixes[j], PORT, devices[i]));
	}
	/* its own loopback is there, the host's is not; the host has a server there too */
	CHECK(reaches(first->fd, "127.0.0.1", PORT, NULL));
	CHECK(!reaches(first->fd, "127.0.0.1", PORT, LINK_INSIDE));
	CHECK(!has_ipv6() || !reaches(first->fd, "::1", PORT, LINK_INSIDE));
	CHECK(!reaches(second->fd, first->address, PORT, LINK_INSIDE));
}

static void walls_child(void *data)
{
	struct network first, second;
	struct fixture f = begin();

	(void)data;
	two_dynos(&f, &first, &second);
	check_walls(&first, &second);
	end(&f);
}

static void router_child(void *data)
{
	struct network first, second;
	struct fixture f = begin();

	(void)data;
	set_forwarding();
	two_dynos(&f, &first, &second);
	check_walls(&first, &second);
	end(&f);
}

static void late_router_child(void *data)
{
	struct network first, second;
	struct fixture f = begin();

	(void)data;
	two_dynos(&f, &first, &second);
	set_forwarding();
	check_walls(&first, &second);
	end(&f);
}

/** localnet_child() - a published address of loopback opens the link for its answers, and for nothing else */
static void localnet_child(void *data)
{
	const struct policy policy = {
		.port = PORT,
		.publish_count = 1,
		.publish = { { .family = AF_INET, .port = 8080, .address = { 127, 0, 0, 1 } } },
	};
	struct network first, second;
	struct fixture f = begin();

	(void)data;
	two_dynos(&f, &first, &second);
	CHECK(network_admit(f.host, DYNO_NET_PRIVATE, &policy, &first, &f.err) == 0);
	CHECK(reach("127.0.0.1", 8080, NULL) == 0);
	check_walls(&first, &second);
	network_close(f.host, &first);
	CHECK(reach("127.0.0.1", 8080, NULL) == -ECONNREFUSED);
	end(&f);
}

static void test_dynos_do_not_reach_each_other(void **state)
{
	(void)state;
	expect(walls_child);
}

static void test_dynos_do_not_reach_each_other_on_a_router(void **state)
{
	(void)state;
	expect(router_child);
}

static void test_dynos_do_not_reach_each_other_when_forwarding_comes_later(void **state)
{
	(void)state;
	expect(late_router_child);
}

static void test_publishing_on_loopback_opens_no_loopback(void **state)
{
	(void)state;
	expect(localnet_child);
}

/** lines_of() - lines of @file of the calling thread's namespace that have @name, of a link or an address */
static int lines_of(const char *file, const char *name)
{
	_cleanup_free_ char *text = calloc(1, 65536);
	int count = 0;

	CHECK(text && fd_read_text(AT_FDCWD, file, text, 65536) >= 0);
	for (const char *at = text; (at = strstr(at, name)); at++)
		count++;
	return count;
}

/** addresses_of() - IPv6 addresses that are, or are on the link, @name */
static int addresses_of(const char *name)
{
	return lines_of("/proc/thread-self/net/if_inet6", name);
}

static void addresses_child(void *data)
{
	struct fixture f = begin();
	struct network network = open_private(&f, 1);
	int status = -1;

	/* one for the dyno, one for this machine however many dynos it has, and no link-local one. The dyno's are seen from within */
	(void)data;
	open_private(&f, 2);
	CHECK(network.ipv6 && addresses_of("dyno1") == 0 && addresses_of(SIX_OF_MACHINE) == 1);
	if (fork() == 0) {
		CHECK(setns(network.fd, CLONE_NEWNET) == 0);
		CHECK(addresses_of(LINK_INSIDE) == 1 && addresses_of("lo") == 1);
		_exit(0);
	}
	CHECK(wait(&status) > 0 && status == 0);
	/* it goes with the last user of the packet filter, and comes again */
	network_close(f.host, &network);
	f.host = network_host_close(f.host);
	CHECK(addresses_of(SIX_OF_MACHINE) == 0);
	CHECK(network_host_open(false, f.dir, &f.host, &f.err) == 0);
	open_private(&f, 3);
	CHECK(addresses_of(SIX_OF_MACHINE) == 1);
}

static void test_ipv6_addresses(void **state)
{
	(void)state;
	if (!has_ipv6())
		skip();
	expect(addresses_child);
}

/** refused() - the host's end has no IPv6 then; the dyno must not be told of one either. @everywhere: or new links only */
static void refused(bool everywhere)
{
	struct fixture f = begin();
	struct network network;

	if (everywhere)
		CHECK(fd_write_text(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1\n") == 0);
	CHECK(fd_write_text(AT_FDCWD, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1\n") == 0);
	for (unsigned slot = 1; slot < 3; slot++) {
		network = open_private(&f, slot);
		CHECK(!network.ipv6 && !network.way_out6);
		listen_in(network.fd, PORT);
		CHECK(reach(network.address, PORT, NULL) == 0);
		CHECK(reaches(network.fd, SIX_OF_FIRST, PORT, NULL) == false);
	}
	CHECK(setns(network.fd, CLONE_NEWNET) == 0);
	CHECK(addresses_of(LINK_INSIDE) == 0);
	CHECK(reach(SIX_OF_HOST, PORT, NULL) == -ENETUNREACH);
}

static void refused_everywhere_child(void *data)
{
	(void)data;
	refused(true);
}

static void test_host_without_ipv6(void **state)
{
	(void)state;
	if (!has_ipv6())
		skip();
	expect(refused_everywhere_child);
}

static void refused_to_links_child(void *data)
{
	(void)data;
	refused(false);
}

static void test_new_links_without_ipv6(void **state)
{
	(void)state;
	if (!has_ipv6())
		skip();
	expect(refused_to_links_child);
}

static void routes_child(void *data)
{
	struct fixture f = begin();
	struct network network;

	(void)data;
	network = open_private(&f, 1);
	CHECK(network.ipv6);
	listen6_in(network.fd, PORT);
	CHECK(reach_new(SIX_OF_FIRST, PORT) == 0);
	/* the one to the dyno: what more the kernel makes, it makes once a link is in operation, and each launch pays for those of all */
	CHECK(poll(NULL, 0, 1500) == 0);
	CHECK(lines_of("/proc/thread-self/net/ipv6_route", network.ifname) == 1);
}

static void test_a_link_has_one_ipv6_route(void **state)
{
	(void)state;
	if (!has_ipv6())
		skip();
	expect(routes_child);
}

static void heeded_child(void *data)
{
	struct fixture f = begin();
	struct network network;

	(void)data;
	CHECK(fd_write_text(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/ignore_routes_with_linkdown", "1\n") == 0);
	network = open_private(&f, 1);
	listen6_in(network.fd, PORT);
	/* it is the link watch that marks the route, and it may take a second to come by */
	CHECK(poll(NULL, 0, 1500) == 0);
	CHECK(reach_new(SIX_OF_FIRST, PORT) == 0);
}

static void test_a_machine_that_ignores_routes_of_links_out_of_operation(void **state)
{
	(void)state;
	if (!has_ipv6())
		skip();
	expect(heeded_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dynos_do_not_reach_each_other),
		cmocka_unit_test(test_dynos_do_not_reach_each_other_on_a_router),
		cmocka_unit_test(test_dynos_do_not_reach_each_other_when_forwarding_comes_later),
		cmocka_unit_test(test_publishing_on_loopback_opens_no_loopback),
		cmocka_unit_test(test_ipv6_addresses),
		cmocka_unit_test(test_host_without_ipv6),
		cmocka_unit_test(test_new_links_without_ipv6),
		cmocka_unit_test(test_a_link_has_one_ipv6_route),
		cmocka_unit_test(test_a_machine_that_ignores_routes_of_links_out_of_operation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
