/* SPDX-License-Identifier: Apache-2.0 */
/* demand.c - see demand.h */
#include "runtime/demand.h"

#define SECOND_NS 1000000000ULL
#define RAISE_NS (SECOND_NS / 10)
#define LOWER_NS (10 * SECOND_NS)
#define CALM_NS SECOND_NS
#define REST_NS (SECOND_NS / 1000 * 3)
#define PAUSE_NS (SECOND_NS / 50)
#define PAUSE_MAX_NS (10 * SECOND_NS)
#define PAUSE_DOUBLINGS 9 /* reach PAUSE_MAX_NS */

/** clamp() - @wanted within the bounds */
static unsigned clamp(const struct demand *demand, unsigned wanted)
{
	return wanted > demand->max ? demand->max : wanted < demand->min ? demand->min : wanted;
}

void demand_begin(struct demand *demand, unsigned min, unsigned max, unsigned per_second, uint64_t now_ns)
{
	*demand = (struct demand){ .per_second = per_second };
	demand_bound(demand, min, max, now_ns);
}

void demand_bound(struct demand *demand, unsigned min, unsigned max, uint64_t now_ns)
{
	demand->max = max;
	demand->min = min < max ? min : max;
	demand->wanted = clamp(demand, demand->wanted);
	demand->quiet_ns = now_ns;
}

void demand_request(struct demand *demand, unsigned ready, bool served, uint64_t now_ns)
{
	demand->asked_ns = now_ns;
	if (!served || ready < demand->wanted / 2)
		demand->quiet_ns = now_ns;
	if (served && ready >= (demand->wanted + 3) / 4)
		return;
	if (demand->raised_ns != 0 && now_ns - demand->raised_ns < RAISE_NS)
		return;
	demand->raised_ns = now_ns;
	demand->wanted = clamp(demand, demand->wanted + demand->wanted / 2 + 1);
}

uint64_t demand_idle(struct demand *demand, unsigned ready, uint64_t now_ns)
{
	unsigned step = demand->wanted / 8;

	if (demand->wanted <= demand->min)
		return DEMAND_NEVER;
	if (ready < demand->wanted / 2)
		demand->quiet_ns = now_ns;
	if (now_ns - demand->quiet_ns < LOWER_NS)
		return demand->quiet_ns + LOWER_NS;
	demand->quiet_ns = now_ns;
	demand->wanted = clamp(demand, demand->wanted - (step ? step : 1));
	return demand->wanted > demand->min ? now_ns + LOWER_NS : DEMAND_NEVER;
}

/** pause_ns() - how long to wait after the last failure */
static uint64_t pause_ns(const struct demand *demand)
{
	unsigned doublings = demand->failures - 1;
	uint64_t ns = PAUSE_NS << (doublings < PAUSE_DOUBLINGS ? doublings : PAUSE_DOUBLINGS);

	return ns < PAUSE_MAX_NS ? ns : PAUSE_MAX_NS;
}

/** later() - the later of two times */
static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

uint64_t demand_next(const struct demand *demand, unsigned ready)
{
	uint64_t ns = 0;

	if (demand->asked_ns != 0 && ready >= (demand->wanted + 1) / 2)
		ns = demand->asked_ns + REST_NS;
	if (demand->per_second > 0 && demand->made_ns != 0)
		ns = later(ns, demand->made_ns + SECOND_NS / demand->per_second);
	if (demand->failures > 0)
		ns = later(ns, demand->failed_ns + pause_ns(demand));
	return ns;
}

void demand_made(struct demand *demand, uint64_t now_ns)
{
	demand->made_ns = now_ns;
}

void demand_succeeded(struct demand *demand, uint64_t now_ns)
{
	if (now_ns - demand->failed_ns >= CALM_NS)
		demand->failures = 0;
}

void demand_failed(struct demand *demand, uint64_t now_ns)
{
	demand->failures++;
	demand->failed_ns = now_ns;
}
