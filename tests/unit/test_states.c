/* SPDX-License-Identifier: Apache-2.0 */
/* test_states.c - formation/states and backoff: every cell of the table, and days of life in no time (contract 4.2, 4.3) */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "formation/states.h"

#define MS 1000000ULL
#define S (1000 * MS)
#define MIN (60 * S)
#define HOUR (60 * MIN)
#define ALWAYS_RESTART (ACTION_RETIRE | ACTION_LAUNCH)

static const struct rules rules = RULES_DEFAULT;

/** life_in() - a place in @state; @listens: a web dyno */
static struct place_life life_in(enum state state, bool one_off, bool listens)
{
	struct place_life life;

	states_begin(&life, one_off, listens, 0);
	life.state = state;
	return life;
}

/* next state and actions, -1 for the same state; rows: states, columns: happenings */
static const struct {
	int next;
	unsigned actions;
} expected[STATE_COMPLETE][HAPPENING_COUNT] = {
	/* START, READY, EXITED, LATE, GREEDY, RETRY, CYCLE, RESTART, RELEASE, STOP */
	[STATE_DOWN] = { { STATE_STARTING, ACTION_LAUNCH },
	                 { -1, 0 },
	                 { -1, 0 },
	                 { -1, 0 },
	                 { -1, 0 },
	                 { -1, 0 },
	                 { -1, 0 },
	                 { -1, 0 },
	                 { -1, 0 },
	                 { -1, 0 } },
	[STATE_STARTING] = { { -1, 0 },
	                     { STATE_UP, 0 },
	                     { STATE_CRASHED, ACTION_SCHEDULE },
	                     { -1, ACTION_KILL },
	                     { -1, ACTION_KILL },
	                     { -1, 0 },
	                     { -1, 0 },
	                     { STATE_STARTING, ALWAYS_RESTART },
	                     { STATE_STARTING, ALWAYS_RESTART },
	                     { STATE_DOWN, ACTION_RETIRE } },
	[STATE_UP] = { { -1, 0 },
	               { -1, 0 },
	               { STATE_CRASHED, ACTION_SCHEDULE },
	               { -1, 0 },
	               { -1, ACTION_KILL },
	               { -1, 0 },
	               { STATE_STARTING, ALWAYS_RESTART },
	               { STATE_STARTING, ALWAYS_RESTART },
	               { STATE_STARTING, ALWAYS_RESTART },
	               { STATE_DOWN, ACTION_RETIRE } },
	[STATE_CRASHED] = { { -1, 0 },
	                    { -1, 0 },
	                    { -1, 0 },
	                    { -1, 0 },
	                    { -1, 0 },
	                    { STATE_STARTING, ACTION_LAUNCH },
	                    { -1, 0 },
	                    { STATE_STARTING, ACTION_LAUNCH },
	                    { STATE_STARTING, ACTION_LAUNCH },
	                    { STATE_DOWN, 0 } },
};

static void every_cell_of_the_table(void **state)
{
	(void)state;
	for (enum state from = STATE_DOWN; from < STATE_COMPLETE; from++) {
		for (enum happening what = HAPPENING_START; what < HAPPENING_COUNT; what++) {
			struct place_life life = life_in(from, false, true);
			unsigned actions = states_happen(&life, what, &rules, S, 0);
			int next = expected[from][what].next;

			if (life.state != (next < 0 ? from : (enum state)next) ||
			    actions != expected[from][what].actions)
				fail_msg("%s, happening %d: %s, actions %u", states_name(from), (int)what,
				         states_name(life.state), actions);
		}
	}
}

static void contract_4_10_a_one_off_dyno_is_never_restarted(void **state)
{
	static const enum happening ends[] = { HAPPENING_EXITED, HAPPENING_RESTART, HAPPENING_STOP, HAPPENING_CYCLE };

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct place_life life = life_in(STATE_UP, true, false);
		unsigned actions = states_happen(&life, ends[i], &rules, S, 0);

		assert_int_equal(life.state, STATE_COMPLETE);
		assert_int_equal(actions, ends[i] == HAPPENING_EXITED ? 0 : ACTION_RETIRE);
		assert_int_equal(states_happen(&life, HAPPENING_START, &rules, S, 0), 0);
		assert_true(states_due(&life) == ALARM_NEVER);
	}
	/* a release leaves it alone */
	struct place_life life = life_in(STATE_UP, true, false);

	assert_int_equal(states_happen(&life, HAPPENING_RELEASE, &rules, S, 0), 0);
	assert_int_equal(life.state, STATE_UP);
}

static void contract_4_2_r10_after_60_seconds_without_listening(void **state)
{
	struct place_life life;

	(void)state;
	states_begin(&life, false, true, 0);
	assert_int_equal(states_happen(&life, HAPPENING_START, &rules, S, 0), ACTION_LAUNCH);
	states_launched(&life, &rules, 2 * S);
	assert_true(states_due(&life) == 62 * S);
	assert_int_equal(states_expired(&life, 62 * S - 1), HAPPENING_COUNT);
	assert_int_equal(states_expired(&life, 62 * S), HAPPENING_LATE);
	assert_int_equal(states_happen(&life, HAPPENING_LATE, &rules, 62 * S, 0), ACTION_KILL);
	assert_int_equal(states_happen(&life, HAPPENING_EXITED, &rules, 62 * S, 0), ACTION_SCHEDULE);
	assert_int_equal(life.state, STATE_CRASHED);
	/* one that need not listen has no such limit; one that did has no more */
	states_begin(&life, false, false, 0);
	states_happen(&life, HAPPENING_START, &rules, 0, 0);
	states_launched(&life, &rules, 0);
	assert_true(states_due(&life) == ALARM_NEVER);
	states_begin(&life, false, true, 0);
	states_happen(&life, HAPPENING_START, &rules, 0, 0);
	states_launched(&life, &rules, 0);
	states_happen(&life, HAPPENING_READY, &rules, S, 0);
	assert_int_equal(states_expired(&life, 61 * S), HAPPENING_COUNT);
}

static void contract_4_2_an_app_in_java_has_90_seconds(void **state)
{
	(void)state;
	assert_int_equal(rules.boot_timeout_ms, 60000);
	assert_int_equal(rules_boot_timeout_ms(NULL), 60000);
	assert_int_equal(rules_boot_timeout_ms("Ruby"), 60000);
	assert_int_equal(rules_boot_timeout_ms("Java"), 90000);
}

static void contract_4_3_crashes_are_tried_again_at_once_and_then_ever_later(void **state)
{
	/* minutes; the cap is a day */
	static const uint64_t waits[] = { 0, 1, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440 };
	struct place_life life = life_in(STATE_DOWN, false, false);
	uint64_t now = 0;

	(void)state;
	states_happen(&life, HAPPENING_START, &rules, now, 0);
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		states_happen(&life, HAPPENING_READY, &rules, now, 0);
		now += S;
		states_happen(&life, HAPPENING_EXITED, &rules, now, 0);
		assert_true(states_due(&life) == now + waits[i] * MIN);
		now += waits[i] * MIN;
		assert_int_equal(states_expired(&life, now), HAPPENING_RETRY);
		assert_int_equal(states_happen(&life, HAPPENING_RETRY, &rules, now, 0), ACTION_LAUNCH);
	}
	/* a release starts over */
	states_happen(&life, HAPPENING_EXITED, &rules, now, 0);
	assert_int_equal(states_happen(&life, HAPPENING_RELEASE, &rules, now, 0), ACTION_LAUNCH);
	states_happen(&life, HAPPENING_EXITED, &rules, now, 0);
	assert_true(states_due(&life) == now);
	/* and so does one that was up for a while */
	states_happen(&life, HAPPENING_RETRY, &rules, now, 0);
	states_happen(&life, HAPPENING_EXITED, &rules, now, 0);
	assert_true(states_due(&life) == now + MIN);
	states_happen(&life, HAPPENING_RETRY, &rules, now + MIN, 0);
	states_happen(&life, HAPPENING_READY, &rules, now + MIN, 0);
	states_happen(&life, HAPPENING_EXITED, &rules, now + 11 * MIN, 0);
	assert_true(states_due(&life) == now + 11 * MIN);
}

static void contract_4_3_cycling_comes_after_24_hours_and_up_to_216_minutes(void **state)
{
	static const struct {
		uint32_t chance;
		uint64_t least;
		uint64_t most;
	} rows[] = { { 0, 24 * HOUR, 24 * HOUR },
		     { UINT32_MAX, 24 * HOUR + 215 * MIN, 24 * HOUR + 216 * MIN },
		     { UINT32_MAX / 2, 24 * HOUR + 107 * MIN, 24 * HOUR + 108 * MIN } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct place_life life = life_in(STATE_STARTING, false, true);
		uint64_t due;

		states_happen(&life, HAPPENING_READY, &rules, 5 * S, rows[i].chance);
		due = states_due(&life) - 5 * S;
		assert_true(due >= rows[i].least && due <= rows[i].most);
		assert_int_equal(states_expired(&life, 5 * S + due), HAPPENING_CYCLE);
		assert_int_equal(states_happen(&life, HAPPENING_CYCLE, &rules, 5 * S + due, 0), ALWAYS_RESTART);
		assert_int_equal(life.state, STATE_STARTING);
	}
	/* a restart resets the clock */
	struct place_life life = life_in(STATE_STARTING, false, false);

	states_happen(&life, HAPPENING_READY, &rules, 0, 0);
	states_happen(&life, HAPPENING_RESTART, &rules, 23 * HOUR, 0);
	states_happen(&life, HAPPENING_READY, &rules, 23 * HOUR, 0);
	assert_true(states_due(&life) == 47 * HOUR);
}

static void a_week_of_a_place_takes_no_time(void **state)
{
	struct place_life life = life_in(STATE_DOWN, false, false);
	unsigned cycles = 0;
	uint64_t now = 0;

	(void)state;
	states_happen(&life, HAPPENING_START, &rules, now, 0);
	states_happen(&life, HAPPENING_READY, &rules, now, 0);
	while (states_due(&life) < 7 * 24 * HOUR) {
		now = states_due(&life);
		assert_int_equal(states_expired(&life, now), HAPPENING_CYCLE);
		states_happen(&life, HAPPENING_CYCLE, &rules, now, 0);
		states_happen(&life, HAPPENING_READY, &rules, now, 0);
		cycles++;
	}
	assert_int_equal(cycles, 6);
}

static void tables_of_waits_are_read(void **state)
{
	static const char *const wrong[] = { "",    ",",   "1s,", "x",
		                             "-1s", "25h", "1 s", "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0" };
	struct backoff backoff = BACKOFF_DEFAULT;
	struct dyno_error err = { 0 };

	(void)state;
	assert_int_equal(backoff_parse("0,10s,1m", &backoff, &err), 0);
	assert_int_equal(backoff_delay_ms(&backoff, 0), 0);
	assert_int_equal(backoff_delay_ms(&backoff, 1), 0);
	assert_int_equal(backoff_delay_ms(&backoff, 2), 10000);
	assert_int_equal(backoff_delay_ms(&backoff, 3), 60000);
	assert_int_equal(backoff_delay_ms(&backoff, 4), 120000);
	assert_int_equal(backoff_delay_ms(&backoff, UINT32_MAX), BACKOFF_CAP_MS);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(backoff_parse(wrong[i], &backoff, &err), -EINVAL);
	assert_int_equal(backoff_parse("0", &backoff, &err), 0);
	assert_int_equal(backoff_delay_ms(&backoff, 1000000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell_of_the_table),
		cmocka_unit_test(contract_4_10_a_one_off_dyno_is_never_restarted),
		cmocka_unit_test(contract_4_2_r10_after_60_seconds_without_listening),
		cmocka_unit_test(contract_4_2_an_app_in_java_has_90_seconds),
		cmocka_unit_test(contract_4_3_crashes_are_tried_again_at_once_and_then_ever_later),
		cmocka_unit_test(contract_4_3_cycling_comes_after_24_hours_and_up_to_216_minutes),
		cmocka_unit_test(a_week_of_a_place_takes_no_time),
		cmocka_unit_test(tables_of_waits_are_read),
	};

	return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}
