/* SPDX-License-Identifier: Apache-2.0 */
/**
 * identity.h - who a dyno is: user namespaces, id maps, user and group ids
 *
 * As root every dyno owns a range of 65,536 host ids (from IDENTITY_BASE + slot * IDENTITY_STRIDE on), mapped to 0..65535 inside, and runs as
 * IDENTITY_USER. Two ready user namespaces are made per dyno, before the clone, by a holder process that never runs:
 *  - the dyno's own, entered last; its map also translates the owners of the stack (idmapped mount), so that files of root look like root's
 *    and belong to nobody's power;
 *  - one whose map swaps the slug's owner with the dyno's user: the slug is writable (through the overlay), never chowned.
 * Rootless there is one id, the caller's, mapped to IDENTITY_USER by the child itself (user_namespaces(7): one id, the
 * writer's own, needs no privilege). There is no id 0 inside then: nothing in the dyno can be root, not even in name.
 */
#ifndef ISOLATION_IDENTITY_H
#define ISOLATION_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dyno.h"

#define IDENTITY_USER 1000u /* uid and gid of the dyno inside */
#define IDENTITY_USER_NAME "dyno"
#define IDENTITY_BASE 0x40000000u /* above what distributions, systemd-nspawn's defaults and /etc/subuid hand out */
#define IDENTITY_RANGE 65536u
/*
 * From one range to the next. Were it the range itself, the users of all dynos would share one of the kernel's 128 hash chains
 * (uidhashentry(), kernel/user.c: (uid >> 7) + uid), which setresuid(2) walks: 50 us of a launch beside 1,000 dynos. So neighbours have
 * neighbouring chains.
 */
#define IDENTITY_STRIDE (IDENTITY_RANGE + 128u)

/**
 * struct identity - one dyno's ids and user namespaces
 * @base:    first host id of the range; rootless: unused
 * @user_fd: the dyno's user namespace, -1 rootless
 * @slug_fd: user namespace whose map fits a slug of @slug_uid and @slug_gid, -1 rootless or without slug
 * @holder:  processes that held the namespaces while they were set up; killed already, to be reaped
 */
struct identity {
	uint32_t base;
	int user_fd;
	int slug_fd;
	uid_t slug_uid;
	gid_t slug_gid;
	pid_t holder[2];
};

#define IDENTITY_NULL                                                                                                  \
	{                                                                                                              \
		.user_fd = -1, .slug_fd = -1, .slug_uid = (uid_t)-1, .slug_gid = (gid_t)-1                             \
	}

/** identity_open() - parent half as root: make the dyno's ready user namespace. On failure nothing is left */
int identity_open(unsigned slot, struct identity *ret, struct dyno_error *err);

/**
 * identity_open_slug() - make the one whose map fits a slug of owner @uid and @gid; nothing to do if it is there
 * @uid: (uid_t)-1 for no slug
 */
int identity_open_slug(struct identity *identity, uid_t uid, gid_t gid, struct dyno_error *err);

/** struct identity_owners - how a slug's owners look to its dyno: the slug's @uid and @gid swapped with the user of range @base */
struct identity_owners {
	uint32_t base;
	uid_t uid;
	gid_t gid;
};

/**
 * identity_translate() - host id that file owner @id becomes, as the slug's user namespace has it
 * @base:  first id of the range
 * @owner: the slug's owner. Return: the id; what lies beyond the range is nobody's (65534 of the range)
 */
uint32_t identity_translate(uint32_t base, uint32_t owner, uint32_t id);

/** identity_user() - the host id of the dyno's user, to own its scratch directories */
uid_t identity_user(const struct identity *identity);

/** identity_settle() - reap the holders, of one that is to stay for long: their zombies cost 10 KiB each */
void identity_settle(struct identity *identity);
/** identity_done() - close the descriptors and reap the holders */
void identity_done(struct identity *identity);

/**
 * identity_map_child() - child half rootless: map the caller's ids to IDENTITY_USER
 * @uid, @gid: effective ids of the launcher, read before the clone
 * Should: be the first thing after namespaces_begin_child(); without a map the child is nobody and may make nothing.
 */
int identity_map_child(uid_t uid, gid_t gid, struct dyno_error *err);

/**
 * identity_enter_child() - child half: enter the dyno's user namespace (root) and become IDENTITY_USER, no groups
 * Should: run after all mounts, joins and namespaces. Mustn't: run before capabilities_keep_child().
 */
int identity_enter_child(const struct identity *identity, struct dyno_error *err);

/** identity_keyring_child() - a session keyring of its own, so that the caller's keys are out of reach (keyctl(2)) */
int identity_keyring_child(struct dyno_error *err);

#endif /* ISOLATION_IDENTITY_H */
