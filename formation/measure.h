/* SPDX-License-Identifier: Apache-2.0 */
/* measure.h - what the dynos of a formation use: R14, R15 and runtime metrics (DC:dyno-memory-behavior, log-runtime-metrics) */
#ifndef FORMATION_MEASURE_H
#define FORMATION_MEASURE_H

#include "formation/inside.h"

#define MEASURE_NS (20ULL * 1000 * 1000 * 1000)

/**
 * struct measured - of one dyno
 * @memory:   rss and swap: caches and files do not count
 * @cpu_usec: since its start
 */
struct measured {
	uint64_t memory;
	uint64_t pids;
	uint64_t cpu_usec;
	uint64_t hits;
};

/** measure() - look at @body now */
void measure(const struct body *body, struct measured *ret);

/** measure_all() - look at all dynos: tell who has too much (R14), end who has far too much (R15), tell the rest on request */
void measure_all(struct formation *formation);

#endif /* FORMATION_MEASURE_H */
