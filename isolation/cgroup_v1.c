/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cgroup_v1.c - the legacy trees (see cgroup_v1.h)
 *
 * Theory of operation. Each controller has a tree of its own, and a process sits in one group of each. Nothing kills a
 * v1 group whole: its processes are listed and killed one by one while the freezer, where we have a group in it, keeps
 * them from forking. A v1 freezer holds SIGKILL back until it is thawed.
 */
#include "isolation/cgroup_v1.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "base/fd.h"
#include "isolation/cgroup_file.h"

/* As in cgroup_v2.c; kernel/sched/core.c, max_cfs_quota_period and min_cfs_quota_period. */
#define CPU_PERIOD_US 100000ULL
#define CPU_PERIOD_LONG_US 1000000ULL
#define CPU_QUOTA_MIN_US 1000ULL

/* A process that was forked while the list was read is in the next one; one that was killed forks no more. */
#define KILL_ROUNDS 4

#define LIMIT "set limits" /* the step, as errors name it */

#define CPU_SHARES_MIN 2ULL
#define CPU_SHARES_MAX 262144ULL

/**
 * write_number() - write @value to file @name of a group
 * Return: 0 or negative errno
 */
static int write_number(int fd, const char *name, uint64_t value, struct dyno_error *err)
{
	char text[32];
	int r;

	snprintf(text, sizeof(text), "%ju", (uintmax_t)value);
	r = fd_write_text(fd, name, text);
	return r < 0 ? error_set(err, r, LIMIT, "cannot write %s to %s:", text, name) : 0;
}

/**
 * limit_memory() - memory, swap included
 * memory + swap may never be less than memory (mm/memcontrol-v1.c, mem_cgroup_resize_max()): lowering from unlimited
 * goes memory first, raising a limit that stands goes memory + swap first.
 * Return: 0 or negative errno
 */
static int limit_memory(int fd, uint64_t bytes, struct dyno_error *err)
{
	int r = write_number(fd, "memory.limit_in_bytes", bytes, NULL);

	if (r == -EINVAL) {
		r = write_number(fd, "memory.memsw.limit_in_bytes", bytes, err);
		return r < 0 ? r : write_number(fd, "memory.limit_in_bytes", bytes, err);
	}
	if (r < 0)
		return error_set(err, r, LIMIT, "cannot write %ju to memory.limit_in_bytes:", (uintmax_t)bytes);
	r = write_number(fd, "memory.memsw.limit_in_bytes", bytes, NULL);
	if (r == 0 || r == -ENOENT) /* a kernel without swap accounting */
		return 0;
	return error_set(err, r, LIMIT, "cannot write %ju to memory.memsw.limit_in_bytes:", (uintmax_t)bytes);
}

/**
 * limit_cpu() - ceiling by quota and period, weight by shares; whichever is set
 * Return: 0 or negative errno
 */
static int limit_cpu(int fd, const struct dyno_limits *limits, struct dyno_error *err)
{
	uint64_t milli = limits->cpu_milli, shares = limits->cpu_shares, period;
	int r = 0;

	if (milli) {
		period = milli * CPU_PERIOD_US / 1000 < CPU_QUOTA_MIN_US ? CPU_PERIOD_LONG_US : CPU_PERIOD_US;
		r = write_number(fd, "cpu.cfs_period_us", period, err);
		if (r == 0)
			r = write_number(fd, "cpu.cfs_quota_us", milli * period / 1000, err);
	}
	if (r < 0 || !shares)
		return r;
	shares = shares < CPU_SHARES_MIN ? CPU_SHARES_MIN : shares > CPU_SHARES_MAX ? CPU_SHARES_MAX : shares;
	return write_number(fd, "cpu.shares", shares, err);
}

int cgroup_v1_limit(const int fds[CGROUP_CONTROLLERS], const struct dyno_limits *limits, struct dyno_error *err)
{
	int r = 0;

	if (limits->memory && fds[CGROUP_MEMORY] >= 0)
		r = limit_memory(fds[CGROUP_MEMORY], limits->memory, err);
	if (r == 0 && limits->pids && fds[CGROUP_PIDS] >= 0)
		r = write_number(fds[CGROUP_PIDS], "pids.max", limits->pids, err);
	if (r == 0 && fds[CGROUP_CPU] >= 0)
		r = limit_cpu(fds[CGROUP_CPU], limits, err);
	return r;
}

int cgroup_v1_freeze(const int fds[CGROUP_CONTROLLERS], bool frozen)
{
	if (fds[CGROUP_FREEZER] < 0)
		return -EOPNOTSUPP;
	return fd_write_text(fds[CGROUP_FREEZER], "freezer.state", frozen ? "FROZEN" : "THAWED");
}

int cgroup_v1_kill(const int fds[CGROUP_CONTROLLERS])
{
	int r = 0;

	(void)cgroup_v1_freeze(fds, true);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		for (int round = 0; fds[i] >= 0 && round < KILL_ROUNDS; round++) {
			r = cgroup_procs_kill(fds[i]);
			if (r <= 0)
				break;
		}
	}
	(void)cgroup_v1_freeze(fds, false);
	return r < 0 ? r : 0;
}

void cgroup_v1_usage(const int fds[CGROUP_CONTROLLERS], struct cgroup_usage *usage)
{
	int memory = fds[CGROUP_MEMORY], pids = fds[CGROUP_PIDS], cpu = fds[CGROUP_CPU];

	if (memory >= 0) {
		usage->memory = cgroup_file_number(memory, "memory.usage_in_bytes");
		usage->memory_peak = cgroup_file_number(memory, "memory.max_usage_in_bytes");
		usage->memory_hits = cgroup_file_key(memory, "memory.oom_control", "oom_kill");
	}
	if (pids >= 0) {
		usage->pids = cgroup_file_number(pids, "pids.current");
		usage->pids_hits = cgroup_file_key(pids, "pids.events", "max");
	}
	/* Only where cpuacct shares the tree of cpu, as it does on most v1 machines; in nanoseconds. */
	if (cpu >= 0 && usage->cpu_usec == 0)
		usage->cpu_usec = cgroup_file_number(cpu, "cpuacct.usage") / 1000;
}

int cgroup_v1_wait_empty(const int fds[CGROUP_CONTROLLERS], uint64_t deadline)
{
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		int r = fds[i] < 0 ? 0 : cgroup_procs_wait(fds[i], deadline);

		if (r < 0)
			return r;
	}
	return 0;
}
