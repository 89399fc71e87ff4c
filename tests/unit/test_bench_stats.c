/* SPDX-License-Identifier: Apache-2.0 */
/* test_bench_stats.c - the statistics of `dyno bench`: order, intervals, doubts */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/app/bench_stats.h"

#define MANY 500

/** close_to() - within rounding */
static int close_to(double a, double b)
{
	return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

/** noise() - the next of a fixed series in [0, 1) */
static double noise(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) / 16777216.0;
}

static void median_is_that_of_the_sorted(void **state)
{
	double values[64], sorted[64];
	uint32_t series = 7;

	(void)state;
	assert_true(close_to(stats_median(values, 0), 0));
	for (size_t count = 1; count <= 64; count++) {
		for (int times = 0; times < 20; times++) {
			/* few different values, so that there are ties */
			for (size_t i = 0; i < count; i++)
				values[i] = floor(noise(&series) * (times < 10 ? 5 : 1000));
			memcpy(sorted, values, count * sizeof(*values));
			stats_sort(sorted, count);
			assert_true(close_to(stats_median(values, count), stats_quantile(sorted, count, 0.5)));
			stats_sort(values, count);
			assert_memory_equal(values, sorted, count * sizeof(*values));
		}
	}
}

static void quantiles_lie_between_neighbours(void **state)
{
	const double sorted[] = { 10, 20, 30, 40, 50 };

	(void)state;
	assert_true(close_to(stats_quantile(sorted, 5, 0), 10));
	assert_true(close_to(stats_quantile(sorted, 5, 0.25), 20));
	assert_true(close_to(stats_quantile(sorted, 5, 0.9), 46));
	assert_true(close_to(stats_quantile(sorted, 5, 1), 50));
	assert_true(close_to(stats_quantile(sorted, 1, 0.99), 10));
	assert_true(close_to(stats_quantile(sorted, 0, 0.5), 0));
}

static void summary_tells_spread_and_drift(void **state)
{
	const double steady[] = { 4, 1, 3, 2, 2, 3, 1, 4 };
	const double slower[] = { 10, 10, 10, 20, 20, 20 };
	struct stats_summary summary;
	double work[8];

	(void)state;
	stats_summarize(steady, 8, work, &summary);
	assert_int_equal(summary.count, 8);
	assert_true(close_to(summary.min, 1) && close_to(summary.max, 4));
	assert_true(close_to(summary.median, 2.5) && close_to(summary.mean, 2.5));
	assert_true(close_to(summary.drift, 0));
	/* quartiles 1.75 and 3.25 */
	assert_true(close_to(summary.spread, 1.5 / 2.5));
	stats_summarize(slower, 6, work, &summary);
	assert_true(close_to(summary.drift, 1));
	stats_summarize(slower, 0, work, &summary);
	assert_int_equal(summary.count, 0);
}

static void interval_holds_the_true_ratio(void **state)
{
	double values[MANY], base[MANY];
	struct stats_ratio ratio, again;
	uint32_t series = 3;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		double moment = 1 + noise(&series); /* hits both alike */

		base[i] = 100 * moment * (1 + 0.1 * noise(&series));
		values[i] = 250 * moment * (1 + 0.1 * noise(&series));
	}
	assert_int_equal(stats_ratio(values, base, MANY, &ratio), 0);
	assert_true(ratio.low < 2.5 && ratio.high > 2.5);
	assert_true(ratio.low <= ratio.value && ratio.value <= ratio.high);
	assert_true(ratio.high - ratio.low < 0.25);
	assert_int_equal(stats_ratio(values, base, MANY, &again), 0);
	assert_memory_equal(&ratio, &again, sizeof(ratio));
	/* fewer rounds, wider interval */
	assert_int_equal(stats_ratio(values, base, 20, &again), 0);
	assert_true(again.high - again.low > ratio.high - ratio.low);
}

static void a_ratio_to_itself_is_one(void **state)
{
	const double values[] = { 5, 1, 4, 2, 3 };
	struct stats_ratio ratio;

	(void)state;
	assert_int_equal(stats_ratio(values, values, 5, &ratio), 0);
	assert_true(close_to(ratio.value, 1) && close_to(ratio.low, 1) && close_to(ratio.high, 1));
}

static void no_ratio_without_numbers(void **state)
{
	const double nothing[] = { 0, 0, 0 }, values[] = { 1, 2, 3 };
	struct stats_ratio ratio = { .value = 7 };

	(void)state;
	assert_int_equal(stats_ratio(values, values, 0, &ratio), -EINVAL);
	assert_int_equal(stats_ratio(values, nothing, 3, &ratio), -EINVAL);
	assert_true(close_to(ratio.value, 7));
}

static void histogram_counts_everything_once(void **state)
{
	const double values[] = { -1, 0, 0.5, 1, 1.5, 2, 9 };
	uint32_t bins[2];

	(void)state;
	stats_histogram(values, 7, 0, 2, 2, bins);
	assert_int_equal(bins[0], 3);
	assert_int_equal(bins[1], 4);
	stats_histogram(values, 7, 1, 1, 2, bins);
	assert_int_equal(bins[0] + bins[1], 7);
}

static void axes_end_at_round_numbers(void **state)
{
	(void)state;
	assert_true(close_to(stats_nice_ceiling(1), 1));
	assert_true(close_to(stats_nice_ceiling(1.01), 2));
	assert_true(close_to(stats_nice_ceiling(230), 250));
	assert_true(close_to(stats_nice_ceiling(0.03), 0.05));
	assert_true(close_to(stats_nice_ceiling(0.3), 0.5));
	assert_true(close_to(stats_nice_ceiling(6), 10));
	assert_true(stats_nice_ceiling(0) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(median_is_that_of_the_sorted),     cmocka_unit_test(quantiles_lie_between_neighbours),
		cmocka_unit_test(summary_tells_spread_and_drift),   cmocka_unit_test(interval_holds_the_true_ratio),
		cmocka_unit_test(a_ratio_to_itself_is_one),         cmocka_unit_test(no_ratio_without_numbers),
		cmocka_unit_test(histogram_counts_everything_once), cmocka_unit_test(axes_end_at_round_numbers),
	};

	return cmocka_run_group_tests_name("bench_stats", tests, NULL, NULL);
}
