/* SPDX-License-Identifier: Apache-2.0 */
/**
 * sandbox.h - parent side of prepare and start: what the host can see of a dyno, and who takes it down
 *
 * Everything here is owned by a claim that its launcher has locked (registry.h): a launcher killed at any instant
 * leaves only what its slot names, and dyno_gc() removes that.
 */
#ifndef RUNTIME_SANDBOX_H
#define RUNTIME_SANDBOX_H

#include "dyno.h"
#include "isolation/cgroup.h"
#include "isolation/identity.h"
#include "netns/network.h"
#include "runtime/channel.h"
#include "runtime/nest.h"

/**
 * struct dyno_sandbox - a parked (or parking) sandbox
 * @slot, @slot_fd: number and claim
 * @name, @name_fd: dyno name and claim; "" and -1 until known
 * @slug:    what was attached; "" for none
 * @channel: launcher's end
 * @pidfd, @pid: the child
 * @scratch: root of the writable layer
 * @nest:   its root and more, where that was made before its process
 * @limits: as set, defaults filled in
 * @birth:  how much of it was there before the request
 * @slug_mount: what /app was made from late, -1 without; @visitor: who attached it: kept for sandbox_settle()
 * @grouped: its groups came with the spare
 * @late:   prepared without its app; @no_app: /app is still to be attached
 * @noted:  its claim says that somebody was here
 * @parked: its init has said so; @terminal, @notify: what came with that, -1 without: master of the pseudo-terminal, listener of
 *          the system call filter
 */
struct dyno_sandbox {
	struct dyno_host *host;
	struct dyno_shape shape;
	char *strings; /* owned copies that shape points into */
	unsigned slot;
	int slot_fd;
	char name[64];
	int name_fd;
	char slug[4096];
	struct cgroup group;
	struct identity identity;
	struct network network;
	struct nest nest;
	int scratch;
	int channel;
	int pidfd;
	pid_t pid;
	struct dyno_limits limits;
	enum dyno_birth birth;
	int slug_mount;
	pid_t visitor;
	bool grouped;
	bool late;
	bool no_app;
	bool noted;
	bool parked;
	int terminal;
	int notify;
	struct dyno_timeline timeline;
};

/* Limits of who asks for none: those of a standard-1x (https://devcenter.heroku.com/articles/dyno-types) */
#define SANDBOX_MEMORY (512ULL << 20)
#define SANDBOX_PIDS 256ULL

/** sandbox_new() - allocate, with nothing owned yet; freed by dyno_sandbox_destroy(). @slug: NULL for none, or none yet */
int sandbox_new(struct dyno_host *host, const struct dyno_shape *shape, const char *slug, struct dyno_sandbox **ret,
                struct dyno_error *err);

/**
 * sandbox_prepare_parked() - dyno_prepare() for a dyno whose app is not known yet
 * @slug:   attached already, NULL for any, to be attached at the start
 * @limits: NULL for the defaults
 */
int sandbox_prepare_parked(struct dyno_host *host, const struct dyno_shape *shape, const char *slug,
                           const struct dyno_limits *limits, struct dyno_sandbox **ret, struct dyno_error *err);

/**
 * sandbox_prepare_parts() - the parts of a sandbox that need no app and no process: claim, cgroups, ids, network end
 * What is left is a cold launch from there, in dyno_start().
 */
int sandbox_prepare_parts(struct dyno_host *host, const struct dyno_shape *shape, const struct dyno_limits *limits,
                          struct dyno_sandbox **ret, struct dyno_error *err);

/** sandbox_complete() - make the process of a sandbox that is parts only */
int sandbox_complete(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno_error *err);

/** sandbox_slots() - how many slots there are for one of its kind, or negative errno: private networks have as many as their range */
int sandbox_slots(const struct dyno_sandbox *sandbox, struct dyno_error *err);

/** sandbox_slug_owner() - be ready for the ids of the slug's owner (as root) */
int sandbox_slug_owner(struct dyno_sandbox *sandbox, struct dyno_error *err);

/** sandbox_check_slug() - refuse a slug of which the dyno would see less than its caller */
int sandbox_check_slug(struct dyno_host *host, const char *slug, struct dyno_error *err);

/**
 * sandbox_slug_lives() - what is parked with @slug will show it as it is when its app runs
 * One whose filesystem has no idmapped mounts is copied (scratch_copy_slug()), and so shown as it was.
 */
bool sandbox_slug_lives(const struct dyno_host *host, const char *slug);

/**
 * sandbox_take_name() - claim the app's name; without one the slot gives it, which needs no claim of its own
 * Names of that kind cannot be asked for (spec_check_app()), so the two never meet.
 */
int sandbox_take_name(struct dyno_sandbox *sandbox, const char *name, struct dyno_error *err);

/** sandbox_hosts() - the text of /etc/hosts of a dyno called @hostname. Return: as text_format() */
int sandbox_hosts(const struct dyno_sandbox *sandbox, const char *hostname, char *buf, size_t size);

/**
 * sandbox_note() - have the claim say that somebody was here, once: whoever finds it stale has to look for what that left
 * What the packet filter is told outlives a killed launcher, and nobody looks for it behind an empty claim.
 * @publish_unix: path of a socket that is about to be made, NULL for none
 */
int sandbox_note(struct dyno_sandbox *sandbox, const char *publish_unix, struct dyno_error *err);

/** sandbox_settle() - let go of what only the launch needed: each of it takes time that nobody has before the app runs */
void sandbox_settle(struct dyno_sandbox *sandbox);

/** sandbox_on_parked() - the child's PARKED @packet: its stamps, and descriptors that only it could make */
void sandbox_on_parked(struct dyno_sandbox *sandbox, struct channel_packet *packet);

/**
 * sandbox_bound() - bound @group: @asked with defaults filled in
 * Memory and processes that no cgroup can hold fall back to limits per process; a CPU ceiling has no fallback and is
 * refused.
 * @set: the limits that it has, all 0 when it is new, and then those that were asked for; only what differs is written
 */
int sandbox_bound(const struct dyno_host *host, const struct cgroup *group, const struct dyno_limits *asked,
                  struct dyno_limits *set, struct dyno_error *err);

/** sandbox_group_id() - name of the cgroup of @slot, in @buf of at least 12 bytes. Return: @buf */
char *sandbox_group_id(unsigned slot, char *buf, size_t size);

/** sandbox_given_name() - the name that @slot gives: run.1000 and up, as Heroku numbers one-off dynos */
void sandbox_given_name(unsigned slot, char *buf, size_t size);

/**
 * sandbox_clean_slot() - remove what a dead launcher left of @slot: cgroup, link, disk scratch
 * @claim: the slot's claim, held by the caller; its text names the disk scratch directory, if there was one
 */
int sandbox_clean_slot(struct dyno_host *host, unsigned slot, int claim, struct dyno_error *err);

/** sandbox_reap() - kill the child if it lives, and wait for it. Return: wait status, or -1 without child */
int sandbox_reap(struct dyno_sandbox *sandbox);

#endif /* RUNTIME_SANDBOX_H */
