/* SPDX-License-Identifier: Apache-2.0 */
/**
 * child.h - the child's road from clone3 to parked: one list of named steps
 *
 * Everything the child needs is inherited in struct child (a fork's copy of the launcher's memory): nothing is sent,
 * parsed or allocated on the way. Each step fails with an error record that crosses the channel.
 */
#ifndef RUNTIME_CHILD_H
#define RUNTIME_CHILD_H

#include <stdbool.h>

#include "dyno.h"
#include "isolation/cgroup.h"
#include "isolation/identity.h"
#include "runtime/nest.h"
#include "runtime/shed.h"

/**
 * struct child - plan and state of the child; filled by runtime/prepare.c before the clone
 * @shape, @slug, @hostname: what to build
 * @rootless, @uid, @gid: the launcher's privilege and ids
 * @channel:      the child's end
 * @launcher_end: the parent's end, closed first: EOF must mean that the launcher died
 * @follows:      network namespace and v1 groups are made meanwhile, and come by the channel
 * @nest:         where it moves in, NULL where it makes its own
 * @app:          the mount for /app of such a one, where that comes by the channel (@follows); -1 until then
 * @network:      its network namespace, -1 where it comes by the channel, or, rootless, where it is born with one
 * @identity, @group: its ids and user namespaces, and its cgroups
 * @template:     where its mounts begin, -1 for this machine's
 * @scratch:      the directory on disk, -1 for a tmpfs, which the child makes
 * @terminal:     slave of the pseudo-terminal, -1 without
 * @notify:       where the launcher answers the filter of a watched dyno, -1 without
 * @late:         the app is not known yet: leave its /app to be attached
 * @tree:         of a late one: a second, detached mount of scratch, on which /app can be made from outside; -1 where it cannot
 * @ruleset:      of a late one: its Landlock rules but for /app, to be entered by init; -1 without
 * @shed:         what memory to keep when parked
 * @hosts, @skeleton: text of /etc/hosts, path of the root's skeleton
 * @slug_fd, @skeleton_fd, @rootfd: detached clones of slug and skeleton, and the new root: state of the filesystem steps
 */
struct child {
	const struct dyno_shape *shape;
	const char *slug;
	const char *hostname;
	bool rootless;
	uid_t uid;
	gid_t gid;
	int channel;
	int launcher_end;
	int landlock_abi;
	bool follows;
	const struct nest *nest;
	int app;
	int network;
	const struct identity *identity;
	struct cgroup *group;
	const char *hosts;
	const char *skeleton;
	int template;
	int scratch;
	int slug_fd;
	int skeleton_fd;
	int rootfd;
	int terminal;
	int terminal_master;
	int notify;
	const struct shed *shed;
	bool late;
	int tree;
	int ruleset;
	struct dyno_timeline timeline;
};

/** child_build() - those steps that need no process of the dyno's, in the builder of its nest. Return: 0 or negative errno */
int child_build(struct child *child, struct dyno_error *err);

/** child_build_done() - close what they leave open but @tree, or without one @scratch */
void child_build_done(struct child *child);

/** child_main() - the child branch of the clone. Does not return */
__attribute__((noreturn)) void child_main(struct child *child);

#endif /* RUNTIME_CHILD_H */
