/* SPDX-License-Identifier: Apache-2.0 */
/* test_resolver.c - which lines of the host's resolv.conf reach a dyno */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netns/resolver.h"

/** check() - @from becomes @to with @servers nameservers */
static void check(const char *from, const char *to, int servers)
{
	char buf[RESOLVER_SIZE];

	assert_int_equal(resolver_filter(from, buf, sizeof(buf)), servers);
	assert_string_equal(buf, to);
}

static void test_useful_lines_are_kept_in_order(void **state)
{
	(void)state;
	check("# made by hand\ndomain example.org\nnameserver 192.0.2.53\n\nnameserver 2001:db8::53\noptions edns0\n",
	      "domain example.org\nnameserver 192.0.2.53\nnameserver 2001:db8::53\noptions edns0\n", 2);
}

static void test_host_loopback_is_left_out(void **state)
{
	(void)state;
	check("nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n", "options edns0 trust-ad\nsearch .\n", 0);
	check("nameserver ::1\nnameserver 127.1.2.3\nnameserver 0.0.0.0\nnameserver ::\nnameserver ::ffff:127.0.0.1\n",
	      "", 0);
	check("nameserver 127.0.0.1\nnameserver 10.0.0.2\n", "nameserver 10.0.0.2\n", 1);
}

static void test_ipv6_link_local_is_left_out(void **state)
{
	(void)state;
	check("nameserver fe80::1%eth0\nnameserver fe80::1\n", "", 0);
}

static void test_odd_text(void **state)
{
	(void)state;
	check("", "", 0);
	check("\n\n \t\n", "", 0);
	check("nameserver", "", 0);
	check("nameserver \n", "", 0);
	check("nameserver not-an-address\nnameserver 1.2.3\n", "", 0);
	check("nameserverx 10.0.0.1\n;nameserver 10.0.0.1\n", "", 0);
	check("  nameserver\t10.0.0.1  ", "  nameserver\t10.0.0.1  \n", 1);
	check("nameserver 10.0.0.1\r\n", "nameserver 10.0.0.1\r\n", 1);
	check("nameserver 2001:0db8:0000:0000:0000:0000:0000:0001:ffff:ffff:ffff:ffff:ffff:ffff\n", "", 0);
}

static void test_too_long_is_an_error_not_a_cut(void **state)
{
	char buf[16];

	(void)state;
	assert_int_equal(resolver_filter("nameserver 10.11.12.13\n", buf, sizeof(buf)), -EFBIG);
	assert_int_equal(resolver_filter("search a.b\n", buf, 0), -EFBIG);
	assert_int_equal(resolver_conf(DYNO_NET_PRIVATE, "", buf, 0, NULL), -EFBIG);
}

static void test_first_server_on_loopback(void **state)
{
	(void)state;
	assert_int_equal(resolver_loopback(""), 0);
	assert_int_equal(resolver_loopback("nameserver 10.0.0.1\nnameserver ::1\n"), 0);
	assert_int_equal(resolver_loopback("nameserver ::1\nnameserver 127.0.0.53\nnameserver 127.0.0.1\n"),
	                 0x7f000035);
	assert_int_equal(resolver_loopback("# nameserver 127.0.0.1\nnameserver\nnameserver 127.0.0.1"), 0x7f000001);
	assert_int_equal(resolver_loopback("nameserver 127.0.0.1.but.this.is.no.address.at.all\n"), 0);
}

static void test_this_machine(void **state)
{
	char buf[RESOLVER_SIZE];
	uint32_t server;

	(void)state;
	for (int net = DYNO_NET_PRIVATE; net <= DYNO_NET_HOST; net++) {
		server = 0;
		assert_int_equal(resolver_conf((enum dyno_net)net, "172.29.63.254", buf, sizeof(buf), &server), 0);
		/* the address stands in for a server, or is not there */
		assert_int_equal(strstr(buf, "nameserver 172.29.63.254\n") != NULL, server != 0);
		assert_true(server == 0 || server >> 24 == 127);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_useful_lines_are_kept_in_order), cmocka_unit_test(test_host_loopback_is_left_out),
		cmocka_unit_test(test_ipv6_link_local_is_left_out),    cmocka_unit_test(test_odd_text),
		cmocka_unit_test(test_too_long_is_an_error_not_a_cut), cmocka_unit_test(test_this_machine),
		cmocka_unit_test(test_first_server_on_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
