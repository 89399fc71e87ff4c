/* SPDX-License-Identifier: Apache-2.0 */
/**
 * backoff.h - how long a crashed dyno waits for its next try
 *
 * As Heroku's manager of dynos: at once the first time, then after growing intervals, at most a day. A release starts
 * over, and so does a dyno that has been up for a while, for what crashes once a day is no loop.
 */
#ifndef FORMATION_BACKOFF_H
#define FORMATION_BACKOFF_H

#include <stddef.h>
#include <stdint.h>

#include "dyno.h"

#define BACKOFF_STEPS 16
#define BACKOFF_CAP_MS (24ULL * 60 * 60 * 1000)

/**
 * struct backoff - the table
 * @steps_ms:  waits after the first, second, ... crash in a row; the last one doubles from there on, up to @cap_ms
 * @calm_ms:   who was up for that long crashes for the first time
 */
struct backoff {
	uint64_t steps_ms[BACKOFF_STEPS];
	size_t count;
	uint64_t cap_ms;
	uint64_t calm_ms;
};

/** BACKOFF_DEFAULT - 0, 1, 10, 20, 40, 80 minutes, then twice that each time */
#define BACKOFF_DEFAULT                                                                                                \
	{                                                                                                              \
		.steps_ms = { 0, 60000, 600000, 1200000, 2400000, 4800000 }, .count = 6, .cap_ms = BACKOFF_CAP_MS,     \
		.calm_ms = 600000                                                                                      \
	}

/** backoff_delay_ms() - the wait after crash number @crashes in a row, from 1 */
uint64_t backoff_delay_ms(const struct backoff *backoff, unsigned crashes);

/**
 * backoff_parse() - a table from text such as "0,10s,1m,10m"
 * @ret: steps are replaced, the rest stays. Return: 0 or -EINVAL
 */
int backoff_parse(const char *text, struct backoff *ret, struct dyno_error *err);

#endif /* FORMATION_BACKOFF_H */
