/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.c - see cpu.h */
#include "base/cpu.h"

#include <sched.h>

/** cpus_but_here() - the CPUs that the caller may use, @ret_others without the one it runs on. Return: 0, or -1 when that is unknown */
static int cpus_but_here(cpu_set_t *ret_all, cpu_set_t *ret_others)
{
	int here = sched_getcpu();

	if (here < 0 || sched_getaffinity(0, sizeof(*ret_all), ret_all) < 0)
		return -1;
	*ret_others = *ret_all;
	CPU_CLR((size_t)here, ret_others);
	return 0;
}

void cpu_move_away(pid_t pid)
{
	cpu_set_t all, others;

	if (cpus_but_here(&all, &others) == 0)
		(void)sched_setaffinity(pid, sizeof(others), &others);
}

void cpu_step_aside(void)
{
	cpu_set_t all, others;

	/* sched_setaffinity(2): an empty set is refused (EINVAL), and nothing was changed */
	if (cpus_but_here(&all, &others) == 0 && sched_setaffinity(0, sizeof(others), &others) == 0)
		(void)sched_setaffinity(0, sizeof(all), &all);
}
