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
#include "netns/network.h"

#define REGISTRY_NAME_MAX 64
#define REGISTRY_PUBLISHED_SIZE (POLICY_PUBLISH_MAX * POLICY_ENDPOINT_TEXT)

/** struct registry_entry - one running dyno. Never holds config vars: command lines and environments may be secret */
struct registry_entry {
	char name[REGISTRY_NAME_MAX];
	unsigned slot;
	pid_t launcher;        /* process that owns the dyno */
	pid_t pid;             /* the dyno's first process */
	uint64_t started;      /* CLOCK_REALTIME, seconds */
	uint64_t boot_ns;      /* request to exec */
	uint64_t listening_ns; /* request to listening on its port, 0 until then */
	enum dyno_birth birth;
	struct dyno_timeline boot; /* all stamps, from exec on */
	enum dyno_net net;
	char address[16];
	char ifname[16]; /* this machine's end of its link, "" without */
	uint16_t port;
	char published[REGISTRY_PUBLISHED_SIZE]; /* "127.0.0.1:8080 [::1]:8080" */
	char publish_unix[108];
	char command[128]; /* argv[0] only, cut */
	char slug[256];
	char scratch_dir[256]; /* "" for a tmpfs */
};

/** registry_publish() - write @entry into the slot's claim @fd; a reader takes a half-written one for none */
int registry_publish(int fd, const struct registry_entry *entry);

/** registry_note_network() - the fields of @entry that tell of its network: address, link, where its port is published */
void registry_note_network(struct registry_entry *entry, const struct network *network);

/** registry_read() - what slot claim @fd says. Return: 1, 0 when nothing (or not all) was published, or negative errno */
int registry_read(int fd, struct registry_entry *ret);

/**
 * registry_list() - read all running dynos, sorted by name
 * @ret: array owned by the caller (free(3)); Return: its length or negative errno
 */
int registry_list(struct dyno_host *host, struct registry_entry **ret, struct dyno_error *err);

/** registry_find() - one by name; -ENOENT with a remedy naming the nearest when it does not run */
int registry_find(struct dyno_host *host, const char *name, struct registry_entry *ret, struct dyno_error *err);

/**
 * registry_name_owner() - something of @policy is taken: if by a running dyno of ours, say so in @err instead of what it says
 * The reservations of dynos are in no list of the kernel's.
 */
void registry_name_owner(struct dyno_host *host, const struct policy *policy, struct dyno_error *err);

#endif /* RUNTIME_REGISTRY_H */
