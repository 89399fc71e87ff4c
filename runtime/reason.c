/* SPDX-License-Identifier: Apache-2.0 */
/* reason.c - see reason.h */
#include "runtime/reason.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"
#include "base/units.h"
#include "isolation/scratch.h"
#include "runtime/host.h"

/** usage_of() - what the dyno's groups counted; found again by name where a launcher of many has closed them */
static void usage_of(const struct dyno_sandbox *sandbox, struct cgroup_usage *ret)
{
	struct cgroup group;
	char id[12];

	cgroup_open(&sandbox->host->cgroups, sandbox_group_id(sandbox->slot, id, sizeof(id)), &group);
	(void)cgroup_usage(&group, ret);
	cgroup_done(&group);
}

void reason_of(const struct dyno *dyno, int status, char *buf, size_t size)
{
	const struct dyno_sandbox *sandbox = dyno->sandbox;
	struct cgroup_usage usage = { 0 };
	char number[16];

	buf[0] = '\0';
	usage_of(sandbox, &usage);
	if (dyno->watch.expired && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		watch_reason(&dyno->watch, buf, size);
	else if (usage.memory_hits > 0)
		(void)text_format(buf, size, "memory limit %s reached, a process was killed (raise --memory)",
		                  units_format_size(sandbox->limits.memory, number, sizeof(number)));
	else if (usage.pids_hits > 0)
		(void)text_format(buf, size, "process limit %llu reached, %llu forks refused (raise --pids)",
		                  (unsigned long long)sandbox->limits.pids, (unsigned long long)usage.pids_hits);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ)
		(void)text_format(buf, size,
		                  "file size limit %s reached, by a file or the output (raise --scratch-size)",
		                  units_format_size(sandbox->shape.scratch_size, number, sizeof(number)));
	else if (sandbox->scratch >= 0 && scratch_full(sandbox->scratch) > 0)
		(void)text_format(buf, size, "scratch limit %s reached, writes were refused (raise --scratch-size)",
		                  units_format_size(sandbox->shape.scratch_size, number, sizeof(number)));
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		(void)text_format(buf, size, "killed by the system call filter: a call of a foreign ABI");
	else if (WIFSIGNALED(status))
		(void)text_format(buf, size, "ended by signal %d (%s)", WTERMSIG(status),
		                  sigdescr_np(WTERMSIG(status)));
}
