/* SPDX-License-Identifier: Apache-2.0 */
/* test_address.c - the address plan: every slot its own addresses, who clashes with them, and the administrator's choice */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "netns/address.h"
#include "netns/network.h"
#include "netns/range.h"

static const struct address_range standard = ADDRESS_RANGE_DEFAULT;

static void test_first_and_last_slot(void **state)
{
	struct address_plan plan;
	char text[ADDRESS_TEXT_SIZE], six[ADDRESS_TEXT6_SIZE];

	(void)state;
	assert_int_equal(address_plan(&standard, 0, &plan), 0);
	assert_string_equal(address_text(plan.network, text), "172.29.0.0");
	assert_string_equal(address_text(plan.host, text), "172.29.0.1");
	assert_string_equal(address_text(plan.dyno, text), "172.29.0.2");
	assert_int_equal(plan.bits, 30);
	assert_string_equal(address_text6(plan.host6, six), "fd64:796e:6f00::1");
	assert_string_equal(address_text6(plan.dyno6, six), "fd64:796e:6f00::2");
	assert_int_equal(address_plan(&standard, NETWORK_SLOTS - 1, &plan), 0);
	assert_string_equal(address_text(plan.host, text), "172.29.63.249");
	assert_string_equal(address_text(plan.dyno, text), "172.29.63.250");
	assert_string_equal(address_text6(plan.dyno6, six), "fd64:796e:6f00:ffe::2");
	assert_string_equal(address_text(address_host(&standard), text), "172.29.63.254");
}

static void test_slot_out_of_range_is_refused(void **state)
{
	struct address_plan plan = { .dyno = 7 };

	(void)state;
	assert_int_equal(address_plan(&standard, NETWORK_SLOTS, &plan), -ERANGE);
	assert_int_equal(address_plan(&standard, UINT32_MAX, &plan), -ERANGE);
	assert_int_equal(plan.dyno, 7);
}

static void test_no_two_slots_share_an_address(void **state)
{
	struct address_plan plan, before;

	(void)state;
	assert_int_equal(address_plan(&standard, 0, &before), 0);
	for (unsigned slot = 1; slot < NETWORK_SLOTS; slot++) {
		assert_int_equal(address_plan(&standard, slot, &plan), 0);
		assert_int_equal(plan.network, before.network + 4);
		assert_false(address_overlaps(&plan, before.network, before.bits));
		assert_false(address_overlaps6(&plan, before.host6, ADDRESS_BITS6));
		assert_true(plan.network < plan.host && plan.host < plan.dyno && plan.dyno < plan.network + 3);
		assert_false(address_overlaps(&plan, address_host(&standard), 32));
		before = plan;
	}
}

static void test_ranges_of_other_sizes(void **state)
{
	const struct address_range small = { .network = 0x0a010200, .bits = 24 };
	const struct address_range large = { .network = 0x64400000, .bits = 10 };
	struct address_plan plan;
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	assert_int_equal(address_slots(&small), 63);
	assert_int_equal(address_plan(&small, 62, &plan), 0);
	assert_string_equal(address_text(plan.dyno, text), "10.1.2.250");
	assert_int_equal(address_plan(&small, 63, &plan), -ERANGE);
	assert_string_equal(address_text(address_host(&small), text), "10.1.2.254");
	/* a slot has a mark in many other places, which have room for so many */
	assert_int_equal(address_slots(&large), NETWORK_SLOTS);
	assert_string_equal(address_text(address_host(&large), text), "100.127.255.254");
}

static void test_overlap(void **state)
{
	static const struct {
		uint32_t network;
		unsigned bits;
		bool overlaps;
	} cases[] = {
		{ 0x00000000, 0, false },  /* the default route covers everything and claims nothing */
		{ 0xac100000, 12, true },  /* 172.16.0.0/12 */
		{ 0xac1d0000, 16, true },  /* a Docker network */
		{ 0xac1d0004, 30, true },  /* exactly slot 1 */
		{ 0xac1d0006, 32, true },  /* one address of it */
		{ 0xac1d0000, 30, false }, /* slot 0 */
		{ 0xac1d0008, 29, false }, /* slots 2 and 3 */
		{ 0xac1e0000, 16, false }, /* the next network */
		{ 0x80000000, 1, true },   /* half of everything, as VPNs do it */
		{ 0x00000000, 1, false },  { 0xac1d0004, 33, false }, /* no such prefix */
	};
	struct address_plan plan;

	(void)state;
	assert_int_equal(address_plan(&standard, 1, &plan), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (address_overlaps(&plan, cases[i].network, cases[i].bits) != cases[i].overlaps)
			fail_msg("case %zu", i);
}

static void test_overlap_of_ipv6(void **state)
{
	struct address_plan plan;
	uint8_t other[16];

	(void)state;
	assert_int_equal(address_plan(&standard, 1, &plan), 0);
	memcpy(other, plan.host6, sizeof(other));
	assert_false(address_overlaps6(&plan, other, 0));
	assert_false(address_overlaps6(&plan, other, 129));
	for (unsigned bits = 1; bits <= 128; bits++)
		assert_true(address_overlaps6(&plan, other, bits));
	other[15] ^= 3; /* within the /126 */
	assert_true(address_overlaps6(&plan, other, 128));
	other[15] ^= 4; /* next to it */
	assert_true(address_overlaps6(&plan, other, 125));
	assert_false(address_overlaps6(&plan, other, 126));
	other[0] = 0xfc;
	assert_true(address_overlaps6(&plan, other, 7));
	assert_false(address_overlaps6(&plan, other, 8));
}

/** reads() - @text is understood as @network/@bits and a prefix that begins with @first, @second */
static void reads(const char *text, uint32_t network, unsigned bits, uint8_t first, uint8_t second)
{
	struct address_range range = { .bits = 99 };
	struct dyno_error err = { 0 };

	if (range_read("file", text, &range, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(range.network, network);
	assert_int_equal(range.bits, bits);
	assert_int_equal(range.prefix6[0], first);
	assert_int_equal(range.prefix6[1], second);
}

static void test_file_that_can_be_understood(void **state)
{
	(void)state;
	reads("", 0xac1d0000, 18, 0xfd, 0x64);
	reads("# nothing chosen\n\n   \n", 0xac1d0000, 18, 0xfd, 0x64);
	reads("10.99.0.0/16", 0x0a630000, 16, 0xfd, 0x64);
	reads("  10.99.0.0/16  # ours\r\nfd12:3456:789a::/48\n", 0x0a630000, 16, 0xfd, 0x12);
	reads("fd12:3456:789a::/48", 0xac1d0000, 18, 0xfd, 0x12);
	reads("100.64.0.0/10\n", 0x64400000, 10, 0xfd, 0x64);
	reads("192.168.7.0/24\n", 0xc0a80700, 24, 0xfd, 0x64);
}

static void test_file_that_cannot_names_the_line(void **state)
{
	static const char *const texts[] = {
		"\nnonsense",
		"\n10.0.0.0",
		"\n10.0.0.0/9",
		"\n10.0.0.0/25",
		"\n10.0.0.1/16",
		"\n10.0.0/16",
		"\n127.0.0.0/16",
		"\n0.0.0.0/16",
		"\n224.0.0.0/16",
		"\n10.0.0.0/-1",
		"\n10.0.0.0/16x",
		"\n10.0.0.0/",
		"\n/16",
		"\n2001:db8::/48",
		"\nfd00::/47",
		"\nfd00::/64",
		"\nfd00::1/48",
		"fd00::/48\nfc00::/48",
		"10.0.0.0/16\n10.1.0.0/16",
		"\n10.0.0.0/16 10.1.0.0/16",
		"\n0123456789012345678901234567890123456789012345678901234567890123456789/16",
	};
	struct address_range range = { .bits = 99 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct dyno_error err = { 0 };

		assert_int_equal(range_read("FILE", texts[i], &range, &err), -EINVAL);
		if (!strstr(err.text, "FILE, line 2: ") || err.remedy[0] == '\0')
			fail_msg("%s: %s", texts[i], err.text);
		assert_int_equal(range.bits, 99);
	}
}

static void test_file_that_is_not_text(void **state)
{
	char path[] = "/tmp/test-range-XXXXXX";
	struct address_range range = { .bits = 99 };
	struct dyno_error err = { 0 };
	_cleanup_close_ int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(range_load(path, &range, &err), 0);
	assert_int_equal(range.bits, 18);
	assert_int_equal(fd_write_all(fd, "10.0.0.0/16\0x", 13), 0);
	assert_int_equal(range_load(path, &range, &err), -EINVAL);
	assert_int_equal(ftruncate(fd, 100000), 0);
	assert_int_equal(range_load(path, &range, &err), -EFBIG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(range_load(path, &range, &err), 0);
	assert_int_equal(range_load("/tmp", &range, &err), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_and_last_slot),
		cmocka_unit_test(test_slot_out_of_range_is_refused),
		cmocka_unit_test(test_no_two_slots_share_an_address),
		cmocka_unit_test(test_ranges_of_other_sizes),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_overlap_of_ipv6),
		cmocka_unit_test(test_file_that_can_be_understood),
		cmocka_unit_test(test_file_that_cannot_names_the_line),
		cmocka_unit_test(test_file_that_is_not_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
