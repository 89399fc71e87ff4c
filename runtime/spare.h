/* SPDX-License-Identifier: Apache-2.0 */
/**
 * spare.h - a slot that is claimed already, with its groups and user namespaces, for the next cold launch of a launcher of several dynos
 *
 * All are without state (a number that nobody else takes, empty groups with the limits of who asks for none, a map of ids) and the same
 * for every app: 370 us of a launch that are spent after the one before. It serves one dyno, as anything else. Nothing else of a dyno is
 * made ahead of a cold launch; that is what pools are for.
 */
#ifndef RUNTIME_SPARE_H
#define RUNTIME_SPARE_H

#include <stdbool.h>

#include "dyno.h"
#include "isolation/cgroup.h"
#include "isolation/identity.h"

struct dyno_host;

/**
 * struct spare - a slot and what hangs on its number
 * @slot_fd: the claim of @slot, -1 without
 * @limits:  as they are set in @group
 */
struct spare {
	int slot_fd;
	unsigned slot;
	struct identity identity;
	struct cgroup group;
	struct dyno_limits limits;
};

#define SPARE_NULL                                                                                                     \
	{                                                                                                              \
		.slot_fd = -1, .identity = IDENTITY_NULL, .group = CGROUP_NULL                                         \
	}

/**
 * spare_take() - hand over the spare
 * @slots: how many there are to choose from; a spare from beyond stays
 * @ret: the caller's now, all that it owns; written on success
 */
bool spare_take(struct spare *spare, unsigned slots, struct spare *ret);

/**
 * spare_make() - have one, off the launch path; what cannot be had costs the next launch time, and nothing else
 * @slots: how many there are to choose from; none if negative
 */
void spare_make(struct dyno_host *host, int slots);

/** spare_drop() - let go of it */
void spare_drop(struct dyno_host *host);

#endif /* RUNTIME_SPARE_H */
