/* SPDX-License-Identifier: Apache-2.0 */
/* test_address.c - the address plan: every slot its own four addresses, and who clashes with them */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "netns/address.h"
#include "netns/network.h"

static void test_first_and_last_slot(void **state)
{
	struct address_plan plan;
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	assert_int_equal(address_plan(0, &plan), 0);
	assert_string_equal(address_text(plan.network, text), "172.29.0.0");
	assert_string_equal(address_text(plan.host, text), "172.29.0.1");
	assert_string_equal(address_text(plan.dyno, text), "172.29.0.2");
	assert_int_equal(plan.bits, 30);
	assert_int_equal(address_plan(NETWORK_SLOTS - 1, &plan), 0);
	assert_string_equal(address_text(plan.host, text), "172.29.63.253");
	assert_string_equal(address_text(plan.dyno, text), "172.29.63.254");
}

static void test_slot_out_of_range_is_refused(void **state)
{
	struct address_plan plan = { .dyno = 7 };

	(void)state;
	assert_int_equal(address_plan(NETWORK_SLOTS, &plan), -ERANGE);
	assert_int_equal(address_plan(UINT32_MAX, &plan), -ERANGE);
	assert_int_equal(plan.dyno, 7);
}

static void test_no_two_slots_share_an_address(void **state)
{
	struct address_plan plan, before;

	(void)state;
	assert_int_equal(address_plan(0, &before), 0);
	for (unsigned slot = 1; slot < NETWORK_SLOTS; slot++) {
		assert_int_equal(address_plan(slot, &plan), 0);
		assert_int_equal(plan.network, before.network + 4);
		assert_false(address_overlaps(&plan, before.network, before.bits));
		assert_true(plan.network < plan.host && plan.host < plan.dyno && plan.dyno < plan.network + 3);
		before = plan;
	}
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
	assert_int_equal(address_plan(1, &plan), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (address_overlaps(&plan, cases[i].network, cases[i].bits) != cases[i].overlaps)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_and_last_slot),
		cmocka_unit_test(test_slot_out_of_range_is_refused),
		cmocka_unit_test(test_no_two_slots_share_an_address),
		cmocka_unit_test(test_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
