/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cgroup_v2.c - the unified tree (see cgroup_v2.h)
 *
 * Theory of operation. A v2 group has the files of a controller only if its parent's cgroup.subtree_control names the
 * controller, and a group that names any may hold no process itself ("no internal processes", cgroup-v2.rst), the root
 * of the hierarchy excepted. Killing, freezing, cpu.stat and the "populated" event need no controller.
 */
#include "isolation/cgroup_v2.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "isolation/cgroup_file.h"

/* cpu.max: the usual period, and the longest one, for quotas that would come out under the kernel's minimum of 1 ms */
#define CPU_PERIOD_US 100000ULL
#define CPU_PERIOD_LONG_US 1000000ULL
#define CPU_QUOTA_MIN_US 1000ULL

/* Without cgroup.kill: each round kills what the list named; a frozen group forks nothing new, so that two suffice. */
#define KILL_ROUNDS 16

#define LIMIT "set limits" /* the step, as errors name it */

static const char *const names[CGROUP_CONTROLLERS] = {
	[CGROUP_MEMORY] = "memory",
	[CGROUP_PIDS] = "pids",
	[CGROUP_CPU] = "cpu",
};

/**
 * read_enabled() - which controllers the children of @fd have
 * Return: 0 or negative errno
 */
static int read_enabled(int fd, bool ret_has[CGROUP_CONTROLLERS])
{
	char text[512];
	ssize_t length = fd_read_text(fd, "cgroup.subtree_control", text, sizeof(text));

	if (length < 0)
		return (int)length;
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		ret_has[i] = !names[i] || cgroup_text_has(text, names[i]);
	return 0;
}

int cgroup_v2_pass_on(int fd, const bool wanted[CGROUP_CONTROLLERS])
{
	char text[64] = "";

	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		size_t used = strlen(text);

		if (names[i] && wanted[i])
			snprintf(text + used, sizeof(text) - used, "%s+%s", used ? " " : "", names[i]);
	}
	return text[0] ? fd_write_text(fd, "cgroup.subtree_control", text) : 0;
}

int cgroup_v2_enable(int fd, bool ret_has[CGROUP_CONTROLLERS])
{
	bool wanted[CGROUP_CONTROLLERS];
	char text[512];
	ssize_t length;
	int r;

	r = read_enabled(fd, ret_has);
	if (r < 0 || (ret_has[CGROUP_MEMORY] && ret_has[CGROUP_PIDS] && ret_has[CGROUP_CPU]))
		return r;
	length = fd_read_text(fd, "cgroup.controllers", text, sizeof(text));
	if (length < 0)
		return (int)length;
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		wanted[i] = names[i] && !ret_has[i] && cgroup_text_has(text, names[i]);
	if (cgroup_v2_pass_on(fd, wanted) == 0)
		return read_enabled(fd, ret_has);
	/* A single one that is refused (cpu with real-time processes about) takes the others along: one by one. */
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		bool single[CGROUP_CONTROLLERS] = { false };

		single[i] = wanted[i];
		(void)cgroup_v2_pass_on(fd, single);
	}
	return read_enabled(fd, ret_has);
}

/**
 * limit_memory() - memory without swap; when it is reached the whole dyno goes, not one process of it
 * A half-dead app answers nothing and says nothing; the dyno's end carries the reason (oom_kill of memory.events).
 * Return: 0 or negative errno
 */
static int limit_memory(int fd, uint64_t bytes, struct dyno_error *err)
{
	char text[32];
	int r;

	snprintf(text, sizeof(text), "%ju", (uintmax_t)bytes);
	r = fd_write_text(fd, "memory.max", text);
	if (r < 0)
		return error_set(err, r, LIMIT, "cannot write %s to memory.max:", text);
	r = fd_write_text(fd, "memory.swap.max", "0");
	if (r < 0 && r != -ENOENT) /* a kernel without swap accounting */
		return error_set(err, r, LIMIT, "cannot write 0 to memory.swap.max:");
	r = fd_write_text(fd, "memory.oom.group", "1");
	if (r < 0 && r != -ENOENT)
		return error_set(err, r, LIMIT, "cannot write 1 to memory.oom.group:");
	return 0;
}

/**
 * limit_cpu_ceiling() - at most @milli thousandths of one CPU
 * Return: 0 or negative errno
 */
static int limit_cpu_ceiling(int fd, uint64_t milli, struct dyno_error *err)
{
	uint64_t period = milli * CPU_PERIOD_US / 1000 < CPU_QUOTA_MIN_US ? CPU_PERIOD_LONG_US : CPU_PERIOD_US;
	char text[64];
	int r;

	snprintf(text, sizeof(text), "%ju %ju", (uintmax_t)(milli * period / 1000), (uintmax_t)period);
	r = fd_write_text(fd, "cpu.max", text);
	return r < 0 ? error_set(err, r, LIMIT, "cannot write \"%s\" to cpu.max:", text) : 0;
}

/**
 * limit_cpu_weight() - weight from v1 shares, by the kernel's own proportion: 1024 shares are weight 100
 * (kernel/sched/core.c, cpu_weight_write_u64())
 * Return: 0 or negative errno
 */
static int limit_cpu_weight(int fd, uint64_t shares, struct dyno_error *err)
{
	uint64_t weight = shares >= 102400 ? 10000 : (shares * 100 + 512) / 1024;
	char text[32];
	int r;

	snprintf(text, sizeof(text), "%ju", (uintmax_t)(weight ? weight : 1));
	r = fd_write_text(fd, "cpu.weight", text);
	return r < 0 ? error_set(err, r, LIMIT, "cannot write %s to cpu.weight:", text) : 0;
}

int cgroup_v2_limit(int fd, const bool has[CGROUP_CONTROLLERS], const struct dyno_limits *limits,
                    struct dyno_error *err)
{
	char text[32];
	int r = 0;

	if (limits->memory && has[CGROUP_MEMORY])
		r = limit_memory(fd, limits->memory, err);
	if (r == 0 && limits->pids && has[CGROUP_PIDS]) {
		snprintf(text, sizeof(text), "%ju", (uintmax_t)limits->pids);
		r = fd_write_text(fd, "pids.max", text);
		if (r < 0)
			error_set(err, r, LIMIT, "cannot write %s to pids.max:", text);
	}
	if (r == 0 && limits->cpu_milli && has[CGROUP_CPU])
		r = limit_cpu_ceiling(fd, limits->cpu_milli, err);
	if (r == 0 && limits->cpu_shares && has[CGROUP_CPU])
		r = limit_cpu_weight(fd, limits->cpu_shares, err);
	return r;
}

int cgroup_v2_freeze(int fd, bool frozen)
{
	return fd_write_text(fd, "cgroup.freeze", frozen ? "1" : "0");
}

int cgroup_v2_kill(int fd)
{
	int r = fd_write_text(fd, "cgroup.kill", "1");

	if (r != -ENOENT)
		return r;
	/* Before Linux 5.14. A frozen process dies of SIGKILL without a thaw, and its group stays closed to forks. */
	r = cgroup_v2_freeze(fd, true);
	for (int i = 0; r >= 0 && i < KILL_ROUNDS; i++) {
		r = cgroup_procs_kill(fd);
		if (r == 0)
			break;
	}
	(void)cgroup_v2_freeze(fd, false);
	return r < 0 ? r : 0;
}

void cgroup_v2_usage(int fd, struct cgroup_usage *usage)
{
	usage->cpu_usec = cgroup_file_key(fd, "cpu.stat", "usage_usec");
	usage->memory = cgroup_file_number(fd, "memory.current");
	usage->memory_peak = cgroup_file_number(fd, "memory.peak"); /* Linux 5.19 */
	usage->memory_hits = cgroup_file_key(fd, "memory.events", "oom_kill");
	usage->pids = cgroup_file_number(fd, "pids.current");
	usage->pids_hits = cgroup_file_key(fd, "pids.events", "max");
}

int cgroup_v2_wait_empty(int fd, uint64_t deadline)
{
	_cleanup_close_ int events = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);

	if (events < 0)
		return -errno;
	for (;;) {
		struct pollfd change = { .fd = events, .events = POLLPRI };
		uint64_t populated = 1;
		char text[256];
		ssize_t got = pread(events, text, sizeof(text) - 1, 0);

		if (got < 0)
			return errno == ENODEV ? 0 : -errno; /* removed by somebody else */
		text[got] = '\0';
		(void)cgroup_text_key(text, "populated", &populated);
		if (!populated)
			return 0;
		if (cgroup_clock_left(deadline) == 0)
			return -ETIMEDOUT;
		/* The kernel wakes a poller whenever the file differs from what it last read. */
		(void)poll(&change, 1, cgroup_clock_left(deadline));
	}
}
