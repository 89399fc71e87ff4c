/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_network.c - a dyno's network as root makes it: what works, who reaches whom, what is left
 *
 * Every test runs in a namespace of its own that stands for the host; this machine's network is never touched.
 */
#include <linux/rtnetlink.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "netns_fixture.h"

#include <netlink/socket.h>

#define EVENT_PATIENCE_MS 20000

static void host_child(void *data)
{
	struct network network = { .fd = 5, .helper = 5 };
	struct fixture f = begin();

	(void)data;
	CHECK(network_open(f.host, DYNO_NET_HOST, 0, &network, &f.err) == 0);
	CHECK(network.fd == -1 && network.helper == 0 && network.address[0] == '\0');
	network_close(f.host, &network);
	end(&f);
}

static void test_host_network_makes_nothing(void **state)
{
	(void)state;
	expect(host_child);
}

static void none_child(void *data)
{
	struct network network = NETWORK_NULL;
	struct fixture f = begin();
	ino_t home = where();

	(void)data;
	CHECK(network_open(f.host, DYNO_NET_NONE, 3, &network, &f.err) == 0);
	CHECK(where() == home);
	CHECK(network.fd >= 0 && network.address[0] == '\0' && network.ifname[0] == '\0');
	CHECK(link_index(f.sock, "dyno3") == -ENODEV);
	CHECK(fcntl(network.fd, F_GETFD) & FD_CLOEXEC);
	listen_in(network.fd, PORT);
	CHECK(reaches(network.fd, "127.0.0.1", PORT, NULL));
	CHECK(reach("127.0.0.1", PORT, NULL) == -ECONNREFUSED);
	network_close(f.host, &network);
	CHECK(network.fd == -1);
	network_close(f.host, &network);
	end(&f);
}

static void test_none_has_loopback_only(void **state)
{
	(void)state;
	expect(none_child);
}

static void private_child(void *data)
{
	struct fixture f = begin();
	ino_t home = where();
	struct network network = open_private(&f, 17);

	(void)data;
	CHECK(where() == home);
	CHECK(strcmp(network.address, "172.29.0.70") == 0);
	CHECK(strcmp(network.gateway, "172.29.0.69") == 0);
	CHECK(strcmp(network.ifname, "dyno17") == 0);
	CHECK(link_index(f.sock, "dyno17") == link_of_slot(17, LINK_HOST, link_manner(f.sock).alike));
	listen_in(network.fd, PORT);
	CHECK(reach(network.address, PORT, NULL) == 0);
	CHECK(reaches(network.fd, "127.0.0.1", PORT, NULL));
	CHECK(reaches(network.fd, network.address, PORT, NULL));
	CHECK(setns(network.fd, CLONE_NEWNET) == 0);
	CHECK(if_nametoindex(LINK_INSIDE) == (unsigned)link_of_slot(17, LINK_DYNO, link_manner(f.sock).alike));
	network_close(f.host, &network);
	end(&f);
}

static void test_private_is_reachable_from_the_host(void **state)
{
	(void)state;
	expect(private_child);
}

static void at_once_child(void *data)
{
	struct fixture f = begin();

	/* a packet lost at the start costs a second, and reach() does not wait that long: see link.c on the link watch */
	(void)data;
	for (unsigned slot = 0; slot < 40; slot++) {
		struct network network = open_private(&f, slot);
		_cleanup_close_ int server = listen_in(network.fd, PORT);

		CHECK(reach(network.address, PORT, NULL) == 0);
		network_close(f.host, &network);
	}
	end(&f);
}

static void test_the_first_packet_is_not_lost(void **state)
{
	(void)state;
	expect(at_once_child);
}

static void last_slot_child(void *data)
{
	struct network none = NETWORK_NULL;
	struct fixture f = begin();
	struct network network = open_private(&f, NETWORK_SLOTS - 1);

	(void)data;
	CHECK(strcmp(network.address, "172.29.63.250") == 0 && strcmp(network.ifname, "dyno4094") == 0);
	CHECK(try_private(&f, NETWORK_SLOTS, &none) == -ERANGE);
	CHECK(none.fd == -1 && strstr(f.err.text, "4095"));
	network_close(f.host, &network);
	end(&f);
}

static void test_last_slot(void **state)
{
	(void)state;
	expect(last_slot_child);
}

static void clash_child(void *data)
{
	struct network network = NETWORK_NULL;
	struct fixture f = begin();
	struct network good;

	(void)data;
	set_route(f.sock, "0.0.0.0", 0, "lo", NULL);
	good = open_private(&f, 8); /* the default route is nobody's claim */
	set_route(f.sock, "172.29.0.0", 24, "lo", NULL);
	CHECK(try_private(&f, 9, &network) == -EADDRINUSE);
	CHECK(strstr(f.err.text, "172.29.0.0/24") && strstr(f.err.text, "(on lo)") && f.err.remedy[0]);
	CHECK(network.fd == -1 && link_index(f.sock, "dyno9") == -ENODEV);
	CHECK(network_open(f.host, DYNO_NET_NONE, 9, &network, &f.err) == 0);
	network_close(f.host, &network);
	network = open_private(&f, 64); /* 172.29.1.0 is free */
	network_close(f.host, &network);
	network_close(f.host, &good);
}

static void test_clash_with_a_route_is_refused(void **state)
{
	(void)state;
	expect(clash_child);
}

/** leave_pair() - make a bare pair of @slot whose other end is in a namespace that stays. Return: that namespace */
static int leave_pair(struct fixture *f, unsigned slot)
{
	const struct link_manner manner = link_manner(f->sock);
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	struct network network = NETWORK_NULL;

	CHECK(network_open(f->host, DYNO_NET_NONE, slot, &network, &f->err) == 0);
	link_add_pair(&batch, slot, network.fd, &manner);
	CHECK(netlink_send(f->sock, &batch, "test", NULL) == 0);
	return network.fd;
}

static void stale_child(void *data)
{
	struct fixture f = begin();
	struct network network;

	(void)data;
	leave_pair(&f, 5);
	network = open_private(&f, 5);
	listen_in(network.fd, PORT);
	CHECK(reach(network.address, PORT, NULL) == 0);
	/* the whole of a dead dyno: its addresses and route are in the way too */
	network = open_private(&f, 5);
	listen_in(network.fd, PORT);
	CHECK(reach(network.address, PORT, NULL) == 0);
}

static void test_leftover_of_a_dead_dyno_is_replaced(void **state)
{
	(void)state;
	expect(stale_child);
}

static void foreign_child(void *data)
{
	static const uint8_t mac[LINK_MAC_SIZE] = { 0x02, 1, 2, 3, 4, 5 };
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	struct network network = NETWORK_NULL;
	struct fixture f = begin();
	int fds, index;

	(void)data;
	leave_pair(&f, 5);
	index = link_index(f.sock, "dyno5");
	link_add_up(&batch, index, "change the address");
	netlink_put(&batch, IFLA_ADDRESS, mac, sizeof(mac));
	CHECK(netlink_send(f.sock, &batch, "test", NULL) == 0);
	CHECK(network_remove(f.host, 5, &f.err) == -EEXIST);
	fds = open_fds();
	CHECK(try_private(&f, 5, &network) == -EEXIST);
	CHECK(strstr(f.err.text, "dyno5") && f.err.remedy[0]);
	/* the host keeps its packet filter */
	CHECK(open_fds() == fds + 2 && network.fd == -1 && link_index(f.sock, "dyno5") == index);
}

static void test_foreign_link_of_our_name_is_left_alone(void **state)
{
	(void)state;
	expect(foreign_child);
}

static void remove_child(void *data)
{
	struct fixture f = begin();
	struct network network = open_private(&f, 6);

	(void)data;
	CHECK(network_remove(f.host, 7, &f.err) == 0);
	CHECK(link_index(f.sock, "dyno6") > 0);
	CHECK(network_remove(f.host, 6, &f.err) == 0);
	CHECK(link_index(f.sock, "dyno6") == -ENODEV);
	CHECK(network_remove(f.host, 6, &f.err) == 0);
	network_close(f.host, &network);
}

static void test_remove(void **state)
{
	(void)state;
	expect(remove_child);
}

static void death_child(void *data)
{
	struct fixture f = begin();
	int fds = open_fds();
	struct network network = open_private(&f, 6);
	struct pollfd event = { .fd = nl_socket_get_fd(f.sock), .events = POLLIN };
	char byte;

	(void)data;
	CHECK(nl_socket_add_membership(f.sock, RTNLGRP_LINK) == 0);
	network_close(f.host, &network);
	CHECK(open_fds() == fds + 4); /* namespace, socket and packet filter of the host stay for the next */
	while (link_index(f.sock, "dyno6") > 0) {
		CHECK(poll(&event, 1, EVENT_PATIENCE_MS) == 1);
		(void)recv(event.fd, &byte, 1, MSG_DONTWAIT | MSG_TRUNC);
	}
	end(&f);
	CHECK(open_fds() == fds - 2);
}

static void test_link_dies_with_its_namespace(void **state)
{
	(void)state;
	expect(death_child);
}

static void shortage_child(void *data)
{
	struct network network = NETWORK_NULL;
	struct fixture f = begin();
	int fds = open_fds(), first = dup(STDERR_FILENO), failures = 0, r;
	ino_t home = where();

	/* descriptors run out at every place in turn: the thread is at home again each time, and nothing is left */
	(void)data;
	close(first);
	for (unsigned more = 0; more < 20; more++) {
		struct rlimit limit = { (rlim_t)first + more, 4096 };

		f.host = network_host_close(f.host);
		CHECK(network_host_open(false, f.dir, &f.host, &f.err) == 0);
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		r = try_private(&f, 9, &network);
		limit.rlim_cur = 4096;
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		CHECK(where() == home);
		if (r == 0)
			break;
		failures++;
		CHECK(r == -EMFILE && f.err.code == -EMFILE && network.fd == -1);
		CHECK(link_index(f.sock, "dyno9") == -ENODEV);
		f.host = network_host_close(f.host);
		CHECK(open_fds() == fds);
	}
	/* one for each that stays: four of the host, two of the namespace */
	CHECK(failures >= 6 && network.fd >= 0);
}

static void test_running_out_of_descriptors(void **state)
{
	(void)state;
	expect(shortage_child);
}

/** up() - set link @name in the namespace of @sock up */
static void up(struct nl_sock *sock, const char *name)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };

	link_add_up(&batch, link_index(sock, name), "set the link up");
	CHECK(netlink_send(sock, &batch, "test", NULL) == 0);
}

static void slow_link_child(void *data)
{
	_cleanup_netlink_ struct nl_sock *inside = NULL;
	struct fixture f = begin();
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	uint64_t begun;

	(void)data;
	CHECK(setns(leave_pair(&f, 4), CLONE_NEWNET) == 0);
	CHECK(netlink_open(NETLINK_ROUTE, &inside, &f.err) == 0 && setns(home, CLONE_NEWNET) == 0);
	CHECK(link_wait(f.sock, "nothere") == -ENODEV);
	up(inside, LINK_INSIDE);
	begun = clock_ns();
	if (fork() == 0) {
		CHECK(poll(NULL, 0, 50) == 0);
		up(f.sock, "dyno4");
		_exit(0);
	}
	CHECK(link_wait(inside, LINK_INSIDE) == 0);
	CHECK(clock_ns() - begun >= 49000000);
	/* the socket it waited by answers requests as before */
	up(inside, LINK_INSIDE);
	CHECK(wait(NULL) > 0);
}

static void test_waiting_for_a_slow_link(void **state)
{
	(void)state;
	expect(slow_link_child);
}

static void put_off_child(void *data)
{
	struct fixture f = begin();
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	uint64_t begun = clock_ns();

	(void)data;
	if (!link_manner(f.sock).alike)
		_exit(FIXTURE_SKIPPED);
	/* set up in the wrong order, the link watch puts the dyno's end off: each of them for a second, but the first */
	for (unsigned slot = 0; slot < 5; slot++) {
		_cleanup_netlink_ struct nl_sock *inside = NULL;
		char name[IFNAMSIZ];

		CHECK(setns(leave_pair(&f, slot), CLONE_NEWNET) == 0);
		CHECK(netlink_open(NETLINK_ROUTE, &inside, &f.err) == 0 && setns(home, CLONE_NEWNET) == 0);
		up(f.sock, link_name(slot, name));
		up(inside, LINK_INSIDE);
		CHECK(link_wait(inside, LINK_INSIDE) == 0);
	}
	CHECK(clock_ns() - begun < 2500000000);
}

static void test_no_waiting_for_a_link_watch_that_puts_off(void **state)
{
	(void)state;
	expect(put_off_child);
}

static void test_ends_of_links(void **state)
{
	(void)state;
	assert_int_equal(link_of_slot(7, LINK_DYNO, true), link_of_slot(7, LINK_HOST, true));
	assert_int_equal(link_of_slot(7, LINK_HOST, false), link_of_slot(7, LINK_HOST, true));
	/* no end has the index of an end of another slot */
	assert_true(link_of_slot(0, LINK_DYNO, false) > link_of_slot(NETWORK_SLOTS - 1, LINK_HOST, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_network_makes_nothing),
		cmocka_unit_test(test_none_has_loopback_only),
		cmocka_unit_test(test_private_is_reachable_from_the_host),
		cmocka_unit_test(test_the_first_packet_is_not_lost),
		cmocka_unit_test(test_last_slot),
		cmocka_unit_test(test_clash_with_a_route_is_refused),
		cmocka_unit_test(test_leftover_of_a_dead_dyno_is_replaced),
		cmocka_unit_test(test_foreign_link_of_our_name_is_left_alone),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_link_dies_with_its_namespace),
		cmocka_unit_test(test_running_out_of_descriptors),
		cmocka_unit_test(test_waiting_for_a_slow_link),
		cmocka_unit_test(test_no_waiting_for_a_link_watch_that_puts_off),
		cmocka_unit_test(test_ends_of_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
