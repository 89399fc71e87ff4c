/* SPDX-License-Identifier: Apache-2.0 */
/**
 * registry.h - the running dynos of this state directory: who they are and how to reach their launcher
 *
 * <state>/slots/N      claim: owner of slot N (cgroup, id range and address of number N); its text describes the dyno,
 *                      one KEY=VALUE a line, written after the start
 * <state>/names/NAME   claim: owner of a name that was asked for; names that dyno gives (run.NNNN) follow from the slot
 * <state>/sockets/NAME control socket of the dyno (see control.h)
 * <state>/stacks/      skeletons of roots (isolation/stack.h)
 */
#ifndef RUNTIME_REGISTRY_H
#define RUNTIME_REGISTRY_H

#include "dyno.h"

#define REGISTRY_NAME_MAX 64

/** struct registry_entry - one running dyno. Never holds config vars: command lines and environments may be secret */
struct registry_entry {
	char name[REGISTRY_NAME_MAX];
	unsigned slot;
	pid_t launcher;   /* process that owns the dyno */
	pid_t pid;        /* the dyno's first process */
	uint64_t started; /* CLOCK_REALTIME, seconds */
	uint64_t boot_ns; /* request to exec */
	enum dyno_net net;
	char address[16];
	uint16_t port;
	char command[128]; /* argv[0] only, cut */
	char slug[256];
	char scratch_dir[256]; /* "" for a tmpfs */
};

/** registry_publish() - write @entry into the slot's claim @fd; a reader takes a half-written one for none */
int registry_publish(int fd, const struct registry_entry *entry);

/** registry_read() - what slot claim @fd says. Return: 1, 0 when nothing (or not all) was published, or negative errno */
int registry_read(int fd, struct registry_entry *ret);

/**
 * registry_list() - read all running dynos, sorted by name
 * @ret: array owned by the caller (free(3)); Return: its length or negative errno
 */
int registry_list(struct dyno_host *host, struct registry_entry **ret, struct dyno_error *err);

/** registry_find() - one by name; -ENOENT with a remedy naming the nearest when it does not run */
int registry_find(struct dyno_host *host, const char *name, struct registry_entry *ret, struct dyno_error *err);

#endif /* RUNTIME_REGISTRY_H */
