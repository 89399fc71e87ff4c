/* SPDX-License-Identifier: Apache-2.0 */
/* host.h - what this machine gives, probed once per launcher, and the state directory */
#ifndef RUNTIME_HOST_H
#define RUNTIME_HOST_H

#include <stdbool.h>

#include "dyno.h"
#include "isolation/cgroup.h"
#include "netns/network.h"
#include "runtime/shed.h"
#include "runtime/spare.h"
#include "runtime/watcher.h"

/**
 * struct host_slug - the last slug, whose like is likely to be the next
 * @table:  tells of changes of the mounts since @whole was found out; -1 until needed
 * @looked: a slug was looked at
 * @whole:  nothing is mounted below directory @dev, @ino of mount @mount
 * @uid, @gid: its owner
 */
struct host_slug {
	int table;
	bool looked;
	bool whole;
	uint64_t mount, dev, ino;
	uid_t uid;
	gid_t gid;
};

/**
 * struct host_template - the template of the mounts of dynos, for launchers of several
 * @fd:     -1 while there is none
 * @table:  descriptor that tells of changes of this machine's mounts, which the template does not see; -1 until it is worth it
 */
struct host_template {
	int fd;
	int table;
};

struct nursery;

/**
 * struct dyno_host - see dyno_host_open()
 * @rootless:  without CAP_SYS_ADMIN: user namespace first, single id, pasta
 * @state_dir: absolute path of the state directory, @state_fd: itself
 * @watcher:   answers the listen(2) of watched dynos, NULL until there was one
 * @nursery:   keeps its pools full, NULL before the first
 * @shed:      of a nursery's: what parked children need of its memory
 * @launches:  so far; from the second on, what only the next one has a use for is worth its time
 * @spare:     for its next cold launch
 * @slots_fd, @names_fd, @sockets_fd, @stacks_fd: its subdirectories (see registry.h; stacks: skeletons)
 */
struct dyno_host {
	bool rootless;
	uid_t uid;
	gid_t gid;
	char state_dir[108];
	int state_fd;
	int slots_fd;
	int names_fd;
	int sockets_fd;
	int stacks_fd;
	int landlock_abi;
	unsigned launches;
	struct host_slug slug;
	struct host_template template;
	struct spare spare;
	struct cgroup_host cgroups;
	struct network_host *network;
	struct watcher *watcher;
	struct nursery *nursery;
	struct shed shed;
};

/** host_has_privilege() - we may make namespaces without a user namespace: an effective CAP_SYS_ADMIN, not just uid 0 */
bool host_has_privilege(void);

/**
 * host_template() - the template with which a dyno on this machine's own stack is to begin
 * Made for the second dyno, and anew when this machine's mounts have changed.
 * Return: its descriptor, the host's own; -1 for none: such a dyno begins with a copy of this machine's mounts
 */
int host_template(struct dyno_host *host);

/**
 * host_state_dir() - path of the state directory: /run/dyno with privilege, else $XDG_RUNTIME_DIR/dyno, else /tmp/dyno-UID
 * Whether it is there, and whose, is for dyno_host_open() to see.
 */
int host_state_dir(char *ret, size_t size);

#endif /* RUNTIME_HOST_H */
