/* SPDX-License-Identifier: Apache-2.0 */
/**
 * histogram.h - how often which time was seen, to 3 %, in fixed memory
 *
 * Log-linear, as HdrHistogram: below HISTOGRAM_LINEAR nanoseconds a bucket each, above that HISTOGRAM_LINEAR / 2 of equal
 * width for each power of two. What is longer than HISTOGRAM_MAX counts as that.
 */
#ifndef LAUNCHER_HISTOGRAM_H
#define LAUNCHER_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BITS 6
#define HISTOGRAM_LINEAR (1u << HISTOGRAM_BITS)
#define HISTOGRAM_MAX_BITS 40 /* 18 minutes */
#define HISTOGRAM_MAX ((1ULL << HISTOGRAM_MAX_BITS) - 1)
#define HISTOGRAM_BUCKETS (HISTOGRAM_LINEAR + (HISTOGRAM_MAX_BITS - HISTOGRAM_BITS) * HISTOGRAM_LINEAR / 2)

/** struct histogram - zeroed to begin with */
struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint32_t buckets[HISTOGRAM_BUCKETS];
};

/** histogram_add() - @ns was seen once more */
void histogram_add(struct histogram *histogram, uint64_t ns);
/** histogram_quantile() - the least time that @per_million of all were not above, at most 3 % too long; 0 of none */
uint64_t histogram_quantile(const struct histogram *histogram, uint32_t per_million);
/** histogram_up_to() - how many were at most @ns, those counted whose bucket ends there */
uint64_t histogram_up_to(const struct histogram *histogram, uint64_t ns);

#endif /* LAUNCHER_HISTOGRAM_H */
