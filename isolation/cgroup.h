/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cgroup.h - control groups: what bounds a dyno and what kills it whole
 *
 * One face over the v2 and v1 drivers. A dyno's group is <root>/dyno-<id> in the v2 tree and in each v1 tree that has a
 * controller we use (memory, pids, cpu, freezer). The v2 group is there before the clone, by which the kernel puts the
 * child into it (CLONE_INTO_CGROUP); v1 groups may be made beside the child, which joins by writing "0" to `tasks`, because that
 * write, unlike one of another process's PID or any to cgroup.procs, does not wait for the threadgroup lock
 * (kernel/cgroup/cgroup.c, cgroup_procs_write_start). Rootless, <root> is the delegated subtree of the caller, if there is one that works.
 *
 * All directories are O_PATH descriptors. What stays behind on the machine after the last dyno is only that the v2
 * root passes memory, pids and cpu on to its children, which cannot be taken back without asking who else relies on it.
 */
#ifndef ISOLATION_CGROUP_H
#define ISOLATION_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "dyno.h"

#define CGROUP_PREFIX "dyno-" /* of the name of every group that we make */

enum cgroup_controller { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_FREEZER, CGROUP_CONTROLLERS };

/**
 * struct cgroup_host - what this machine's cgroups give; probed once per launcher
 * @layout: how they are mounted and whether we may write
 * @v2_fd:  <root> of the v2 tree: the mount point, or the delegated subtree; -1 without (O_PATH, as all here)
 * @v1_fd:  <root> of each v1 tree whose controller v2 does not have; -1 without
 * @v2_has: which limits the v2 tree can enforce (in a hybrid layout only the freezer, as a rule)
 * @why:    for layout NONE, or a missing controller: one sentence naming the cause and the remedy
 */
struct cgroup_host {
	enum dyno_cgroup_layout layout;
	int v2_fd;
	int v1_fd[CGROUP_CONTROLLERS];
	bool v2_has[CGROUP_CONTROLLERS];
	char why[256];
};

/**
 * struct cgroup - one dyno's groups, -1 where there is none
 * @v2_fd:    directory of the v2 group
 * @v1_fd:    directories of the v1 groups
 * @tasks_fd: their `tasks` files, open for writing
 */
struct cgroup {
	int v2_fd;
	int v1_fd[CGROUP_CONTROLLERS];
	int tasks_fd[CGROUP_CONTROLLERS];
};

#define CGROUP_NULL                                                                                                    \
	{                                                                                                              \
		.v2_fd = -1, .v1_fd = { -1, -1, -1, -1 }, .tasks_fd = { -1, -1, -1, -1 }                               \
	}

/** struct cgroup_usage - counters; @*_hits: how often the limit was hit (OOM kills, refused forks) */
struct cgroup_usage {
	uint64_t memory, memory_peak, pids, cpu_usec;
	uint64_t memory_hits, pids_hits;
};

/**
 * cgroup_host_open() - find the trees and see what we may do in them; 20 to 35 us, as it runs at every launch
 * Return: 0, also for DYNO_CGROUP_NONE (@ret->why says the cause); or negative errno
 */
int cgroup_host_open(struct cgroup_host *ret, struct dyno_error *err);
/** cgroup_host_done() - close what cgroup_host_open() opened */
void cgroup_host_done(struct cgroup_host *host);
/** cgroup_holds() - some tree of this machine can hold limits of @controller */
bool cgroup_holds(const struct cgroup_host *host, enum cgroup_controller controller);

/**
 * cgroup_create_v2() - make the v2 group of dyno @id, if there is such a tree (parent, before the clone)
 * @id: letters, digits, ".", "_" and "-", not first; at most 63
 * Return: 0, -EEXIST if it is there already, or negative errno; on failure nothing is left
 */
int cgroup_create_v2(const struct cgroup_host *host, const char *id, struct cgroup *ret, struct dyno_error *err);
/**
 * cgroup_create_v1() - make its groups in the v1 trees (parent, before the child joins)
 * @group: of cgroup_create_v2()
 * Return: 0, -EEXIST if one is there already, or negative errno; on failure no v1 group is left
 */
int cgroup_create_v1(const struct cgroup_host *host, const char *id, struct cgroup *group, struct dyno_error *err);
/** cgroup_open() - the groups of dyno @id that are there already, for those who count or limit; -1 where there is none */
void cgroup_open(const struct cgroup_host *host, const char *id, struct cgroup *ret);
/** cgroup_clone_fd() - for CLONE_INTO_CGROUP, -1 without a v2 group */
int cgroup_clone_fd(const struct cgroup *group);
/** cgroup_join_child() - child half: join the v1 groups; no allocation. Mustn't: run after capabilities are dropped */
int cgroup_join_child(const struct cgroup *group, struct dyno_error *err);
/** cgroup_joined() - the child has joined: close what only that needed */
void cgroup_joined(struct cgroup *group);
/**
 * cgroup_limit() - set the limits (parent, any time); those that are 0 stay as they are
 * Return: 0; -ERANGE for less memory or processes than work; -EOPNOTSUPP for a limit that nothing here can hold
 */
int cgroup_limit(const struct cgroup_host *host, const struct cgroup *group, const struct dyno_limits *limits,
                 struct dyno_error *err);
/** cgroup_kill() - SIGKILL to every process of the group, without waiting for their end. Return: 0 or negative errno */
int cgroup_kill(const struct cgroup *group);
/** cgroup_freeze() - stop or continue every process; takes effect soon after. Return: 0, -EOPNOTSUPP, negative errno */
int cgroup_freeze(const struct cgroup *group, bool frozen);
/** cgroup_usage() - read the counters, also after the last process ended; what nothing here counts is 0. Return: 0 */
int cgroup_usage(const struct cgroup *group, struct cgroup_usage *ret);
/** cgroup_own_memory() - bytes that its processes have for themselves: no caches, no files; swap counts. 0 if nothing counts it */
uint64_t cgroup_own_memory(const struct cgroup *group);
/** cgroup_done() - close the descriptors */
void cgroup_done(struct cgroup *group);
/**
 * cgroup_remove() - kill what is left in the groups of dyno @id and remove them; also after a crash, by name alone
 * Return: 0, also when there are none; -EBUSY when something in them does not die within 5 s; or negative errno
 */
int cgroup_remove(const struct cgroup_host *host, const char *id, struct dyno_error *err);

#endif /* ISOLATION_CGROUP_H */
