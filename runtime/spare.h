/* SPDX-License-Identifier: Apache-2.0 */
/**
 * spare.h - a slot that is claimed already, with its user namespaces, for the next cold launch of a launcher of several dynos
 *
 * Both are without state (a map of ids, and a number that nobody else takes) and the same for every app: 180 us of a launch that are
 * spent after the one before. Nothing else of a dyno is made ahead of a cold launch; that is what pools are for.
 */
#ifndef RUNTIME_SPARE_H
#define RUNTIME_SPARE_H

#include "isolation/identity.h"

struct dyno_host;

/** struct spare - @slot_fd: the claim of @slot, -1 without */
struct spare {
	int slot_fd;
	unsigned slot;
	struct identity identity;
};

#define SPARE_NULL                                                                                                     \
	{                                                                                                              \
		.slot_fd = -1, .identity = IDENTITY_NULL                                                               \
	}

/**
 * spare_take() - hand over the spare
 * @slots: how many there are to choose from; a spare from beyond stays
 * @ret_slot, @ret_identity: written on success
 * Return: the claim's descriptor, the caller's now, or -1 without one
 */
int spare_take(struct spare *spare, unsigned slots, unsigned *ret_slot, struct identity *ret_identity);

/**
 * spare_make() - have one, off the launch path; what cannot be had costs the next launch time, and nothing else
 * @slots: how many there are to choose from; none if negative
 */
void spare_make(struct dyno_host *host, int slots);

/** spare_drop() - let go of it */
void spare_drop(struct dyno_host *host);

#endif /* RUNTIME_SPARE_H */
