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

/**
 * struct dyno_sandbox - a parked (or parking) sandbox
 * @slot, @slot_fd: number and claim
 * @name, @name_fd: dyno name and claim; "" and -1 until known
 * @slug:    what was attached; "" for none
 * @channel: launcher's end
 * @pidfd, @pid: the child
 * @scratch: root of the writable layer
 * @limits: as set, defaults filled in
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
	int scratch;
	int channel;
	int pidfd;
	pid_t pid;
	struct dyno_limits limits;
	struct dyno_timeline timeline;
};

/* Limits of who asks for none: those of a standard-1x (https://devcenter.heroku.com/articles/dyno-types) */
#define SANDBOX_MEMORY (512ULL << 20)
#define SANDBOX_PIDS 256ULL

/**
 * sandbox_limit() - bound the sandbox: @asked with defaults filled in, noted in sandbox->limits
 * Memory and processes that no cgroup can hold fall back to limits per process; a CPU ceiling has no fallback and is
 * refused.
 */
int sandbox_limit(struct dyno_sandbox *sandbox, const struct dyno_limits *asked, struct dyno_error *err);

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
