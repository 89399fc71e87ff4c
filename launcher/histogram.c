/* SPDX-License-Identifier: Apache-2.0 */
/* histogram.c - see histogram.h */
#include "launcher/histogram.h"

#define HALF (HISTOGRAM_LINEAR / 2)

/** bucket_of() - place of @ns */
static unsigned bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < HISTOGRAM_LINEAR)
		return (unsigned)ns;
	/* the highest bit and the HISTOGRAM_BITS - 1 behind it tell the bucket; HALF of each power are new ones */
	shift = 64 - HISTOGRAM_BITS - (unsigned)__builtin_clzll(ns);
	return HISTOGRAM_LINEAR + (shift - 1) * HALF + (unsigned)(ns >> shift) - HALF;
}

/** bucket_end() - the longest time that @bucket holds */
static uint64_t bucket_end(unsigned bucket)
{
	unsigned shift;

	if (bucket < HISTOGRAM_LINEAR)
		return bucket;
	shift = (bucket - HISTOGRAM_LINEAR) / HALF + 1;
	return ((uint64_t)((bucket - HISTOGRAM_LINEAR) % HALF + HALF + 1) << shift) - 1;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
	if (ns > HISTOGRAM_MAX)
		ns = HISTOGRAM_MAX;
	histogram->count++;
	histogram->sum += ns;
	if (ns > histogram->max)
		histogram->max = ns;
	histogram->buckets[bucket_of(ns)]++;
}

uint64_t histogram_quantile(const struct histogram *histogram, uint32_t per_million)
{
	uint64_t wanted = (histogram->count * per_million + 999999) / 1000000;
	uint64_t seen = 0;

	if (wanted == 0)
		wanted = 1;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram->count > 0; i++) {
		seen += histogram->buckets[i];
		if (seen >= wanted)
			return bucket_end(i) < histogram->max ? bucket_end(i) : histogram->max;
	}
	return histogram->max;
}

uint64_t histogram_up_to(const struct histogram *histogram, uint64_t ns)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && bucket_end(i) <= ns; i++)
		seen += histogram->buckets[i];
	return seen;
}
