/* SPDX-License-Identifier: Apache-2.0 */
/* test_demand.c - how many sandboxes a pool wants, and when the next may be made; on invented time */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/demand.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)

static void rises_with_demand(void **state)
{
	struct demand demand;
	uint64_t now = SECOND;

	(void)state;
	demand_begin(&demand, 4, 16, 0, now);
	assert_int_equal(demand.wanted, 4);
	/* a quarter left is enough */
	demand_request(&demand, 3, true, now);
	demand_request(&demand, 1, true, now);
	assert_int_equal(demand.wanted, 4);
	/* the last one taken, then a burst that finds none: it counts once */
	demand_request(&demand, 0, true, now);
	assert_int_equal(demand.wanted, 7);
	for (int i = 0; i < 20; i++)
		demand_request(&demand, 0, false, now + 50 * MS);
	assert_int_equal(demand.wanted, 7);
	demand_request(&demand, 0, false, now + 100 * MS);
	assert_int_equal(demand.wanted, 11);
	demand_request(&demand, 0, false, now + 200 * MS);
	demand_request(&demand, 0, false, now + 300 * MS);
	assert_int_equal(demand.wanted, 16);
	/* an empty pool stays empty */
	demand_begin(&demand, 0, 0, 0, now);
	demand_request(&demand, 0, false, now);
	assert_int_equal(demand.wanted, 0);
	/* one that may be empty grows when somebody asks */
	demand_begin(&demand, 0, 8, 0, now);
	assert_int_equal(demand.wanted, 0);
	demand_request(&demand, 0, false, now);
	assert_int_equal(demand.wanted, 1);
}

static void falls_in_quiet_times(void **state)
{
	struct demand demand;
	uint64_t now = SECOND;

	(void)state;
	demand_begin(&demand, 4, 16, 0, now);
	assert_true(demand_idle(&demand, 4, now + 100 * SECOND) == DEMAND_NEVER);
	for (int i = 0; i < 5; i++)
		demand_request(&demand, 0, false, now += SECOND);
	assert_int_equal(demand.wanted, 16);
	assert_true(demand_idle(&demand, 16, now) == now + 10 * SECOND);
	assert_true(demand_idle(&demand, 16, now + 9 * SECOND) == now + 10 * SECOND);
	assert_int_equal(demand.wanted, 16);
	now += 10 * SECOND;
	assert_true(demand_idle(&demand, 16, now) == now + 10 * SECOND);
	assert_int_equal(demand.wanted, 14);
	/* half of it gone is not quiet */
	demand_request(&demand, 6, true, now += 9 * SECOND);
	assert_true(demand_idle(&demand, 14, now + 2 * SECOND) == now + 10 * SECOND);
	assert_int_equal(demand.wanted, 14);
	/* nor is a pool that is not full again */
	now += 9 * SECOND;
	assert_true(demand_idle(&demand, 3, now) == now + 10 * SECOND);
	for (int i = 0; i < 20; i++)
		demand_idle(&demand, 14, now += 10 * SECOND);
	assert_int_equal(demand.wanted, 4);
	assert_true(demand_idle(&demand, 4, now) == DEMAND_NEVER);
}

static void bounds(void **state)
{
	struct demand demand;

	(void)state;
	demand_begin(&demand, 2, 8, 0, SECOND);
	demand_bound(&demand, 5, 6, SECOND);
	assert_int_equal(demand.wanted, 5);
	demand_bound(&demand, 0, 3, SECOND);
	assert_int_equal(demand.wanted, 3);
	demand_bound(&demand, 9, 1, SECOND);
	assert_int_equal(demand.wanted, 1);
}

static void pauses(void **state)
{
	struct demand demand;
	uint64_t now = SECOND;

	(void)state;
	demand_begin(&demand, 4, 4, 0, now);
	assert_true(demand_next(&demand, 0) <= now);
	demand_made(&demand, now);
	assert_true(demand_next(&demand, 0) <= now);
	/* after failures: 20 ms, doubled, 10 s at most */
	demand_failed(&demand, now);
	assert_true(demand_next(&demand, 0) == now + 20 * MS);
	demand_failed(&demand, now);
	assert_true(demand_next(&demand, 0) == now + 40 * MS);
	for (int i = 0; i < 100; i++)
		demand_failed(&demand, now);
	assert_true(demand_next(&demand, 0) == now + 10 * SECOND);
	/* a success at once is none: they may be dying as fast as they are made */
	demand_succeeded(&demand, now + 900 * MS);
	assert_true(demand_next(&demand, 0) == now + 10 * SECOND);
	demand_succeeded(&demand, now + SECOND);
	assert_true(demand_next(&demand, 0) <= now);
	/* a bound of the refill, and a pause that is longer */
	demand_begin(&demand, 4, 4, 50, now);
	assert_true(demand_next(&demand, 0) <= now);
	demand_made(&demand, now);
	assert_true(demand_next(&demand, 0) == now + 20 * MS);
	demand_failed(&demand, now + 10 * MS);
	assert_true(demand_next(&demand, 0) == now + 30 * MS);
}

static void rests_after_a_request(void **state)
{
	struct demand demand;
	uint64_t now = SECOND;

	(void)state;
	demand_begin(&demand, 8, 8, 0, now);
	assert_true(demand_next(&demand, 0) <= now);
	demand_request(&demand, 7, true, now);
	assert_true(demand_next(&demand, 7) == now + 3 * MS);
	demand_request(&demand, 4, true, now + 2 * MS);
	assert_true(demand_next(&demand, 4) == now + 5 * MS);
	/* unless it is low */
	demand_request(&demand, 3, true, now + 2 * MS);
	assert_true(demand_next(&demand, 3) <= now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rises_with_demand),
		cmocka_unit_test(falls_in_quiet_times),
		cmocka_unit_test(bounds),
		cmocka_unit_test(pauses),
		cmocka_unit_test(rests_after_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
