/* SPDX-License-Identifier: Apache-2.0 */
/* bench_stats.c - see bench_stats.h */
#include "cli/app/bench_stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

#define RESAMPLES_MIN 200U

/** compare() - for qsort(3) */
static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

void stats_sort(double *values, size_t count)
{
	if (count > 1)
		qsort(values, count, sizeof(*values), compare);
}

double stats_quantile(const double *sorted, size_t count, double q)
{
	double place;
	size_t at;

	if (count == 0)
		return 0;
	place = q * (double)(count - 1);
	at = (size_t)place;
	if (at + 1 >= count)
		return sorted[count - 1];
	return sorted[at] + (place - (double)at) * (sorted[at + 1] - sorted[at]);
}

/** swap() - two values */
static void swap(double *a, double *b)
{
	double kept = *a;

	*a = *b;
	*b = kept;
}

/** select_place() - reorder so that the value of rank @rank stands in its place, nothing larger before it (Hoare's find) */
static double select_place(double *values, size_t count, size_t rank)
{
	size_t low = 0, high = count - 1;

	while (low < high) {
		double pivot = values[low + (high - low) / 2];
		size_t i = low, j = high;

		for (;;) {
			while (values[i] < pivot)
				i++;
			while (values[j] > pivot)
				j--;
			if (i >= j)
				break;
			swap(&values[i++], &values[j--]);
		}
		/* all up to j is at most the pivot, all behind it at least */
		if (i == j && rank == j)
			return values[j];
		if (rank <= j)
			high = j;
		else
			low = j + 1;
	}
	return values[rank];
}

double stats_median(double *values, size_t count)
{
	double upper, lower;

	if (count == 0)
		return 0;
	upper = select_place(values, count, count / 2);
	if (count % 2)
		return upper;
	lower = values[0];
	for (size_t i = 1; i < count / 2; i++)
		lower = values[i] > lower ? values[i] : lower;
	return (lower + upper) / 2;
}

/** drift() - see struct stats_summary; @work has room for half of the values */
static double drift(const double *values, size_t count, double *work)
{
	size_t half = count / 2;
	double first, second;

	if (half == 0)
		return 0;
	memcpy(work, values, half * sizeof(*work));
	first = stats_median(work, half);
	memcpy(work, values + count - half, half * sizeof(*work));
	second = stats_median(work, half);
	return first > 0 ? second / first - 1 : 0;
}

void stats_summarize(const double *values, size_t count, double *work, struct stats_summary *ret)
{
	struct stats_summary summary = { .count = count };

	if (count > 0) {
		summary.drift = drift(values, count, work);
		memcpy(work, values, count * sizeof(*work));
		stats_sort(work, count);
		summary.min = work[0];
		summary.max = work[count - 1];
		summary.median = stats_quantile(work, count, 0.5);
		summary.p90 = stats_quantile(work, count, 0.9);
		summary.p99 = stats_quantile(work, count, 0.99);
		for (size_t i = 0; i < count; i++)
			summary.mean += work[i] / (double)count;
		if (summary.median > 0)
			summary.spread = (stats_quantile(work, count, 0.75) - stats_quantile(work, count, 0.25)) /
			                 summary.median;
	}
	*ret = summary;
}

/** next_random() - splitmix64: any start is good, and its numbers are good enough to draw rounds with */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/** resample() - one ratio of medians of rounds drawn with replacement; @work has room for two times @rounds */
static double resample(const double *values, const double *base, size_t rounds, uint64_t *state, double *work)
{
	double below;

	for (size_t i = 0; i < rounds; i++) {
		/* the modulus favours small numbers by 1 in 2^44 for a million rounds */
		size_t at = (size_t)(next_random(state) % rounds);

		work[i] = values[at];
		work[rounds + i] = base[at];
	}
	below = stats_median(work + rounds, rounds);
	return below > 0 ? stats_median(work, rounds) / below : 0;
}

int stats_ratio(const double *values, const double *base, size_t rounds, struct stats_ratio *ret)
{
	size_t resamples = rounds > 0 ? STATS_EFFORT / rounds : 0;
	_cleanup_free_ double *work = NULL;
	_cleanup_free_ double *ratios = NULL;
	uint64_t state = 1;
	double below;

	if (rounds == 0)
		return -EINVAL;
	resamples = resamples > STATS_RESAMPLES ? STATS_RESAMPLES : resamples;
	resamples = resamples < RESAMPLES_MIN ? RESAMPLES_MIN : resamples;
	work = calloc(2 * rounds, sizeof(*work));
	if (!work)
		return -ENOMEM;
	memcpy(work, base, rounds * sizeof(*work));
	below = stats_median(work, rounds);
	if (!(below > 0))
		return -EINVAL;
	ratios = calloc(resamples, sizeof(*ratios));
	if (!ratios)
		return -ENOMEM;
	memcpy(work, values, rounds * sizeof(*work));
	ret->value = stats_median(work, rounds) / below;
	for (size_t i = 0; i < resamples; i++)
		ratios[i] = resample(values, base, rounds, &state, work);
	stats_sort(ratios, resamples);
	ret->low = stats_quantile(ratios, resamples, 0.025);
	ret->high = stats_quantile(ratios, resamples, 0.975);
	return 0;
}

void stats_histogram(const double *values, size_t count, double low, double high, size_t bins, uint32_t *ret)
{
	memset(ret, 0, bins * sizeof(*ret));
	for (size_t i = 0; i < count; i++) {
		double place = high > low ? (values[i] - low) / (high - low) * (double)bins : 0;
		size_t at = place <= 0 ? 0 : (size_t)place;

		ret[at < bins ? at : bins - 1]++;
	}
}

double stats_nice_ceiling(double value)
{
	static const double steps[] = { 1, 2, 2.5, 5, 10 };
	double power = 1;

	if (!(value > 0))
		return 1;
	while (power * 10 <= value)
		power *= 10;
	while (power > value)
		power /= 10;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		/* a hair's breadth, so that 0.3 is not above 3 tenths */
		if (power * steps[i] >= value * (1 - 1e-12))
			return power * steps[i];
	return power * 10;
}
