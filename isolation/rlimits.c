/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rlimits.c - see rlimits.h
 *
 * Most belong to init and are inherited by all that runs in the dyno; those that an app may choose are set before it runs. They are a second line:
 * memory and processes are counted by the cgroup, for the whole dyno, wherever there is one. What no cgroup counts is
 * bounded here, and what the caller happened to be allowed (core dumps, real-time priority) is taken away.
 */
#include "isolation/rlimits.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/error.h"

#define STEP "rlimits"

/* What shells and daemons expect: select(2) handles no descriptor above 1023, so more is the app's own choice ... */
#define NOFILE_SOFT 1024
/* ... up to what systemd and container engines give */
#define NOFILE_HARD 524288

/** struct rlimits_row - one limit every dyno gets */
struct rlimits_row {
	int resource;
	rlim_t value;
	const char *name;
};

static const struct rlimits_row rlimits_fixed[] = {
	/* A core file could hold config vars, and core_pattern may pipe it to a program on the host */
	{ RLIMIT_CORE, 0, "core" },
	/* Locked pages cannot be reclaimed under memory pressure; 64 KiB is what a password prompt needs */
	{ RLIMIT_MEMLOCK, 64 * 1024, "memlock" },
	/* Kernel memory of POSIX message queues and queued signals is counted per user, not only per cgroup */
	{ RLIMIT_MSGQUEUE, 800 * 1024, "msgqueue" },
	{ RLIMIT_SIGPENDING, 4096, "sigpending" },
	/*
	 * A caller allowed to use real-time or raised priority must not hand that on: it would starve the other dynos
	 */
	{ RLIMIT_RTPRIO, 0, "rtprio" },
	{ RLIMIT_NICE, 0, "nice" },
};

/**
 * rlimits_lower() - set soft and hard to what was asked, or to the present hard limit where that is smaller
 * @soft: wanted soft limit
 * @hard: wanted hard limit, at least @soft
 */
static int rlimits_lower(int resource, rlim_t soft, rlim_t hard, const char *name, struct dyno_error *err)
{
	struct rlimit limit;

	/* No glibc type for the resource argument in C with _GNU_SOURCE but its enum: the cast keeps the table plain */
	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return error_set(err, -errno, STEP, "cannot read the %s limit:", name);
	/* RLIM_INFINITY is the largest value, so that plain comparison is right */
	limit.rlim_max = hard < limit.rlim_max ? hard : limit.rlim_max;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	if (setrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return error_set(err, -errno, STEP, "cannot set the %s limit:", name);
	return 0;
}

/** rlimits_files() - how many descriptors: an explicit number is exact, the default is what we may have */
static int rlimits_files(uint64_t nofile, struct dyno_error *err)
{
	struct rlimit limit = { .rlim_cur = nofile, .rlim_max = nofile };
	int code;

	if (nofile == 0)
		return rlimits_lower(RLIMIT_NOFILE, NOFILE_SOFT, NOFILE_HARD, "nofile", err);
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return 0;
	code = -errno;
	error_set(err, code, STEP, "cannot set the nofile limit to %llu:", (unsigned long long)nofile);
	/* EPERM: above the hard limit without CAP_SYS_RESOURCE, or above /proc/sys/fs/nr_open with it */
	if (code == -EPERM)
		error_remedy(err, "ask for less, or raise the hard limit of the process that launches (ulimit -Hn)");
	return code;
}

/** rlimits_stand_in() - where no cgroup counts for the dyno: per process and per user instead, which is weaker */
static int rlimits_stand_in(const struct dyno_limits *limits, struct dyno_error *err)
{
	int r;

	if (limits->memory > 0) {
		/* Not RLIMIT_AS: V8, Go and Java reserve far more address space than they ever write to (getrlimit(2)). */
		r = rlimits_lower(RLIMIT_DATA, limits->memory, limits->memory, "data", err);
		if (r < 0)
			return r;
	}
	if (limits->pids > 0)
		return rlimits_lower(RLIMIT_NPROC, limits->pids, limits->pids, "processes", err);
	return 0;
}

int rlimits_fix_child(struct dyno_error *err)
{
	int r;

	for (size_t i = 0; i < sizeof(rlimits_fixed) / sizeof(rlimits_fixed[0]); i++) {
		const struct rlimits_row *row = &rlimits_fixed[i];

		r = rlimits_lower(row->resource, row->value, row->value, row->name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int rlimits_apply_child(const struct dyno_limits *limits, uint64_t file_size, bool no_cgroup, struct dyno_error *err)
{
	int r;

	r = rlimits_files(limits->nofile, err);
	if (r < 0)
		return r;
	if (file_size > 0) {
		r = rlimits_lower(RLIMIT_FSIZE, file_size, file_size, "file size", err);
		if (r < 0)
			return r;
	}
	return no_cgroup ? rlimits_stand_in(limits, err) : 0;
}
