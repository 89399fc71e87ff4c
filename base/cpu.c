/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.c - see cpu.h */
#include "base/cpu.h"

/**
 * cpus_here() - the CPUs that the caller may use
 * @ret_here: the one that it runs on. Return: 0, or -1 when that is unknown, or the only one
 */
static int cpus_here(cpu_set_t *ret_all, int *ret_here)
{
	int here = sched_getcpu();

	if (here < 0 || sched_getaffinity(0, sizeof(*ret_all), ret_all) < 0 || CPU_COUNT(ret_all) < 2)
		return -1;
	*ret_here = here;
	return 0;
}

void cpu_send_away(pid_t pid, cpu_set_t *ret_all)
{
	cpu_set_t others;
	int here;

	CPU_ZERO(ret_all);
	if (cpus_here(&others, &here) < 0)
		return;
	*ret_all = others;
	CPU_CLR((size_t)here, &others);
	(void)sched_setaffinity(pid, sizeof(others), &others);
}

void cpu_return(const cpu_set_t *all)
{
	if (CPU_COUNT(all) > 0)
		(void)sched_setaffinity(0, sizeof(*all), all);
}

void cpu_move_away(pid_t pid)
{
	cpu_set_t all;

	cpu_send_away(pid, &all);
}

/** only() - @cpu and no other */
static cpu_set_t only(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	return set;
}

void cpu_seat_take(struct cpu_seat *seat, int other)
{
	cpu_set_t this;
	int here;

	seat->other = -1;
	if (other < 0 || cpus_here(&seat->all, &here) < 0 || here == other || !CPU_ISSET((size_t)other, &seat->all))
		return;
	this = only(here);
	if (sched_setaffinity(0, sizeof(this), &this) == 0)
		seat->other = other;
}

void cpu_seat_leave(const struct cpu_seat *seat)
{
	cpu_set_t there;

	if (seat->other < 0)
		return;
	there = only(seat->other);
	(void)sched_setaffinity(0, sizeof(there), &there);
	(void)sched_setaffinity(0, sizeof(seat->all), &seat->all);
}

void cpu_seat_child(const struct cpu_seat *seat)
{
	if (seat->other >= 0)
		(void)sched_setaffinity(0, sizeof(seat->all), &seat->all);
}
