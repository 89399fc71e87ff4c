/* SPDX-License-Identifier: Apache-2.0 */
/**
 * demand.h - how many sandboxes a pool wants, and when the next one may be made: arithmetic on injected time, nothing else
 *
 * How many. Between the bounds the number follows what is asked for:
 * - Up: a request that leaves less than a quarter of the wanted number ready (none at all included) raises it by a half
 *   and one. At most ten times a second: a burst that the refill has not had the time to answer counts once.
 * - Down: ten seconds in which at least half of the wanted number was ready all the time, and no request found the pool
 *   empty, lower it by an eighth. So it takes about a minute to forget half of a peak.
 *
 * When. As long as half of the wanted number is ready, not before 3 ms without a request: a refill beside a start takes its
 * CPUs and locks (a warm start took 230 us to its execve, and 660 us with a refill at once; two CPUs). With a bound of N a
 * second, 1/N of a second after the one before. After a failure (one that could not be made, or
 * died while it was parked) a pause: 20 ms, doubled with each failure in a row, 10 s at most. A success ends the row unless it
 * comes within a second of the last failure, so that sandboxes which come up and die at once do not make a busy loop.
 */
#ifndef RUNTIME_DEMAND_H
#define RUNTIME_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

#define DEMAND_NEVER UINT64_MAX

/**
 * struct demand - of one pool; all times are clock_ns()
 * @min, @max: bounds of @wanted
 * @wanted:    how many to have ready
 * @per_second: bound of the refill, 0 for none
 * @asked_ns:  when the last request came
 * @raised_ns: when it last grew
 * @quiet_ns:  since when nothing spoke against lowering it
 * @made_ns:   when the last one was begun
 * @failed_ns: when the last one failed
 * @failures:  in a row
 */
struct demand {
	unsigned min, max;
	unsigned wanted;
	unsigned per_second;
	uint64_t asked_ns;
	uint64_t raised_ns;
	uint64_t quiet_ns;
	uint64_t made_ns;
	uint64_t failed_ns;
	unsigned failures;
};

/** demand_begin() - a pool opens: it wants @min */
void demand_begin(struct demand *demand, unsigned min, unsigned max, unsigned per_second, uint64_t now_ns);

/** demand_bound() - other bounds from now on */
void demand_bound(struct demand *demand, unsigned min, unsigned max, uint64_t now_ns);

/**
 * demand_request() - somebody asked for one
 * @ready: how many are left
 * @served: there was one
 */
void demand_request(struct demand *demand, unsigned ready, bool served, uint64_t now_ns);

/**
 * demand_idle() - lower the wanted number if it has been quiet for long enough
 * @ready: how many there are
 * Return: when to look again, DEMAND_NEVER if there is nothing to lower
 */
uint64_t demand_idle(struct demand *demand, unsigned ready, uint64_t now_ns);

/**
 * demand_next() - when the next one may be begun; it may be now, or past
 * @ready: how many there are
 */
uint64_t demand_next(const struct demand *demand, unsigned ready);

/** demand_made() - one was begun */
void demand_made(struct demand *demand, uint64_t now_ns);
/** demand_succeeded() - one is ready */
void demand_succeeded(struct demand *demand, uint64_t now_ns);
/** demand_failed() - one could not be made, or died */
void demand_failed(struct demand *demand, uint64_t now_ns);

#endif /* RUNTIME_DEMAND_H */
