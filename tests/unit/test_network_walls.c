/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_network_walls.c - who reaches whom over a private network: the host the dyno, and nobody anybody else
 *
 * The host here is a namespace of the test's own; that one may become a router, this machine does not.
 */

#include "netns_fixture.h"

/** set_forwarding() - make "the host" a router, as `sysctl net.ipv4.ip_forward=1` does: every link at once */
static void set_forwarding(void)
{
	CHECK(fd_write_text(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "1\n") == 0);
}

/** two_dynos() - @first and @second, each with a server, on a host that has one too and an address besides */
static void two_dynos(struct fixture *f, struct network *first, struct network *second)
{
	struct address_plan other = { .host = 0x0a090909, .bits = 32 };
	_cleanup_batch_ struct netlink_batch batch = { 0 };

	link_add_address(&batch, LINK_LOOPBACK_INDEX, LINK_HOST, &other);
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
	CHECK(reaches(first->fd, first->gateway, PORT, LINK_INSIDE));
}

/** check_walls() - from @first neither @second nor another address of the host is reached, by route or by link */
static void check_walls(const struct network *first, const struct network *second)
{
	static const char *const devices[] = { NULL, LINK_INSIDE };

	for (int i = 0; i < 2; i++) {
		CHECK(!reaches(first->fd, second->address, PORT, devices[i]));
		CHECK(!reaches(first->fd, second->gateway, PORT, devices[i]));
		CHECK(!reaches(first->fd, "10.9.9.9", PORT, devices[i]));
	}
	CHECK(!reaches(second->fd, first->address, PORT, LINK_INSIDE));
}

static void walls_child(void *data)
{
	struct network first, second;
	struct fixture f = begin();

	(void)data;
	two_dynos(&f, &first, &second);
	check_walls(&first, &second);
}

static void router_child(void *data)
{
	struct network first, second;
	struct fixture f = begin();

	(void)data;
	set_forwarding();
	two_dynos(&f, &first, &second);
	check_walls(&first, &second);
}

static void late_router_child(void *data)
{
	struct network first, second;
	struct fixture f = begin();

	(void)data;
	two_dynos(&f, &first, &second);
	set_forwarding();
	check_walls(&first, &second);
}

/** routed_child() - the second wall alone: even a dyno that had a route gets nowhere, and without the wall it would */
static void routed_child(void *data)
{
	_cleanup_netlink_ struct nl_sock *inside = NULL;
	struct network first, second;
	struct fixture f = begin();
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	(void)data;
	set_forwarding();
	two_dynos(&f, &first, &second);
	CHECK(setns(second.fd, CLONE_NEWNET) == 0);
	CHECK(netlink_open(NETLINK_ROUTE, &inside, &f.err) == 0);
	set_route(inside, "172.29.0.0", 18, LINK_INSIDE, second.gateway);
	inside = netlink_close(inside);
	CHECK(setns(first.fd, CLONE_NEWNET) == 0);
	CHECK(netlink_open(NETLINK_ROUTE, &inside, &f.err) == 0);
	set_route(inside, "172.29.0.0", 18, LINK_INSIDE, first.gateway);
	CHECK(setns(home, CLONE_NEWNET) == 0);
	CHECK(!reaches(first.fd, second.address, PORT, NULL));
	set_forwarding(); /* writing 1 over 1 sets nothing: turn it off and on to reach the links */
	CHECK(fd_write_text(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "0\n") == 0);
	set_forwarding();
	CHECK(reaches(first.fd, second.address, PORT, NULL));
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

static void test_forwarding_is_off_on_the_link_itself(void **state)
{
	(void)state;
	expect(routed_child);
}

static void no_ipv6_child(void *data)
{
	struct fixture f = begin();
	struct network network = open_private(&f, 1);
	_cleanup_free_ char *text = calloc(1, 65536);

	/* addresses of all links; ::1 is lo's. The dyno's are seen from within */
	(void)data;
	CHECK(text && fd_read_text(AT_FDCWD, "/proc/thread-self/net/if_inet6", text, 65536) >= 0);
	CHECK(!strstr(text, "dyno1"));
	CHECK(setns(network.fd, CLONE_NEWNET) == 0);
	CHECK(fd_read_text(AT_FDCWD, "/proc/thread-self/net/if_inet6", text, 65536) >= 0);
	CHECK(strstr(text, "00000000000000000000000000000001") && !strstr(text, LINK_INSIDE));
}

static void test_no_ipv6_on_the_link_but_on_loopback(void **state)
{
	_cleanup_close_ int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (fd < 0)
		skip();
	expect(no_ipv6_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dynos_do_not_reach_each_other),
		cmocka_unit_test(test_dynos_do_not_reach_each_other_on_a_router),
		cmocka_unit_test(test_dynos_do_not_reach_each_other_when_forwarding_comes_later),
		cmocka_unit_test(test_forwarding_is_off_on_the_link_itself),
		cmocka_unit_test(test_no_ipv6_on_the_link_but_on_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
