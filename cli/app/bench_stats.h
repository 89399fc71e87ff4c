/* SPDX-License-Identifier: Apache-2.0 */
/**
 * bench_stats.h - the statistics of `dyno bench`: pure functions of numbers
 *
 * Start times have a long right tail, so everything here is built on order: medians, quantiles, and intervals found by
 * resampling, which assume no shape of the distribution.
 */
#ifndef CLI_APP_BENCH_STATS_H
#define CLI_APP_BENCH_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct stats_summary - of one contender
 * @spread: interquartile range over the median
 * @drift:  median of the second half over that of the first, minus 1
 */
struct stats_summary {
	size_t count;
	double min, median, mean, p90, p99, max;
	double spread, drift;
};

/** struct stats_ratio - a ratio of medians and its 95 % confidence interval */
struct stats_ratio {
	double value, low, high;
};

#define STATS_RESAMPLES 2000U
/* more than this many numbers looked at makes nobody wait: fewer resamples then */
#define STATS_EFFORT 40000000U

/** stats_quantile() - of @sorted values, between neighbours in proportion; 0 of none */
double stats_quantile(const double *sorted, size_t count, double q);

/** stats_median() - of values in any order, which it reorders; 0 of none */
double stats_median(double *values, size_t count);

/** stats_sort() - ascending */
void stats_sort(double *values, size_t count);

/**
 * stats_summarize() - all of struct stats_summary
 * @values: in the order in which they were measured; left alone
 * @work:   room for @count values; sorted afterwards
 */
void stats_summarize(const double *values, size_t count, double *work, struct stats_summary *ret);

/**
 * stats_ratio() - median of @values over median of @base, with an interval by the paired bootstrap
 * Value I of both was measured in the same round. Rounds are drawn with replacement as many as there are, the ratio of the
 * two medians taken, STATS_RESAMPLES times; the interval is from the 2.5th to the 97.5th percentile of those ratios.
 * That rounds are drawn and not single values keeps what a noisy moment did to both of them. The draw is the same each
 * time, so that the same numbers give the same interval.
 * Return: 0, -EINVAL without values or with a median of 0, -ENOMEM
 */
int stats_ratio(const double *values, const double *base, size_t rounds, struct stats_ratio *ret);

/** stats_histogram() - how many of @values are in each of @bins equal parts of [@low, @high]; others in the nearest */
void stats_histogram(const double *values, size_t count, double low, double high, size_t bins, uint32_t *ret);

/** stats_nice_ceiling() - the smallest of 1, 2, 2.5, 5 times a power of ten that is not below @value, for axes */
double stats_nice_ceiling(double value);

#endif /* CLI_APP_BENCH_STATS_H */
