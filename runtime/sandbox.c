/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.c - see sandbox.h: bounds and end of what prepare.c made */
#include "runtime/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/error.h"
#include "base/fd.h"
#include "isolation/scratch.h"
#include "runtime/host.h"
#include "runtime/registry.h"

char *sandbox_group_id(unsigned slot, char *buf, size_t size)
{
	snprintf(buf, size, "%u", slot);
	return buf;
}

void sandbox_given_name(unsigned slot, char *buf, size_t size)
{
	snprintf(buf, size, "run.%u", 1000u + slot);
}

int sandbox_limit(struct dyno_sandbox *sandbox, const struct dyno_limits *asked, struct dyno_error *err)
{
	const struct cgroup_host *cgroups = &sandbox->host->cgroups;
	struct dyno_limits held;

	sandbox->limits = *asked;
	if (sandbox->limits.memory == 0)
		sandbox->limits.memory = SANDBOX_MEMORY;
	if (sandbox->limits.pids == 0)
		sandbox->limits.pids = SANDBOX_PIDS;
	held = sandbox->limits;
	/* What no cgroup holds is left to rlimits_apply_child(); dyno_notice() tells. */
	if (!cgroup_holds(cgroups, CGROUP_MEMORY))
		held.memory = 0;
	if (!cgroup_holds(cgroups, CGROUP_PIDS))
		held.pids = 0;
	if (!cgroup_holds(cgroups, CGROUP_CPU))
		held.cpu_shares = 0;
	return cgroup_limit(cgroups, &sandbox->group, &held, err);
}

int sandbox_reap(struct dyno_sandbox *sandbox)
{
	int status = -1;

	if (sandbox->pid <= 0)
		return -1;
	(void)pidfd_send_signal(sandbox->pidfd, SIGKILL, NULL, 0);
	while (waitpid(sandbox->pid, &status, 0) < 0 && errno == EINTR)
		;
	/* -1 still when the caller ignores SIGCHLD: then the call waited, but the kernel kept the status to itself. */
	sandbox->pid = 0;
	return status;
}

int sandbox_clean_slot(struct dyno_host *host, unsigned slot, int claim, struct dyno_error *err)
{
	struct registry_entry entry = { 0 };
	char id[12], name[16];
	int r = cgroup_remove(&host->cgroups, sandbox_group_id(slot, id, sizeof(id)), err);

	sandbox_given_name(slot, name, sizeof(name));
	(void)unlinkat(host->sockets_fd, name, 0);

	(void)registry_read(claim, &entry);
	/* A claim that says nothing yet counts as private. */
	if (r == 0 && !host->rootless && entry.net == DYNO_NET_PRIVATE)
		r = network_remove(host->network, slot, err);
	if (r == 0)
		publish_sweep(entry.publish_unix);
	if (r == 0 && entry.scratch_dir[0] != '\0') {
		r = scratch_remove_disk(entry.scratch_dir, slot);
		if (r < 0)
			error_set(err, r, "scratch", "cannot remove dyno-%u in %s:", slot, entry.scratch_dir);
	}
	if (r == 0 && ftruncate(claim, 0) < 0)
		r = error_set(err, -errno, "claim", "cannot empty the claim of slot %u:", slot);
	return r;
}

struct dyno_sandbox *dyno_sandbox_destroy(struct dyno_sandbox *sandbox)
{
	struct dyno_host *host;
	char id[12];

	if (!sandbox)
		return NULL;
	host = sandbox->host;
	(void)sandbox_reap(sandbox);
	identity_done(&sandbox->identity);
	network_abandon(host->network);
	network_close(host->network, &sandbox->network);
	cgroup_done(&sandbox->group);
	if (sandbox->slot_fd >= 0)
		(void)cgroup_remove(&host->cgroups, sandbox_group_id(sandbox->slot, id, sizeof(id)), NULL);
	fd_close(sandbox->pidfd);
	fd_close(sandbox->channel);
	fd_close(sandbox->scratch);
	if (sandbox->shape.scratch_dir)
		(void)scratch_remove_disk(sandbox->shape.scratch_dir, sandbox->slot);
	if (sandbox->name_fd >= 0)
		claim_drop(host->names_fd, sandbox->name, sandbox->name_fd);
	if (sandbox->slot_fd >= 0)
		claim_drop(host->slots_fd, sandbox_group_id(sandbox->slot, id, sizeof(id)), sandbox->slot_fd);
	free(sandbox->strings);
	free(sandbox);
	return NULL;
}
