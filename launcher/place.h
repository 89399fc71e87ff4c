/* SPDX-License-Identifier: Apache-2.0 */
/**
 * place.h - where the launcher listens: a socket of its own beside a claim on its name, or one that systemd hands over
 */
#ifndef LAUNCHER_PLACE_H
#define LAUNCHER_PLACE_H

#include <limits.h>
#include <sys/types.h>

#include "dyno.h"

/**
 * struct place - a listening socket
 * @dir, @claim: directory, and claim on the name, of one of our own; -1 for systemd's
 */
struct place {
	int fd;
	int dir;
	int claim;
	char path[PATH_MAX];
};

#define PLACE_NULL                                                                                                     \
	{                                                                                                              \
		.fd = -1, .dir = -1, .claim = -1                                                                       \
	}

/**
 * place_open() - listen at @path, for this user and the members of @group; (gid_t)-1: for this user
 * Takes systemd's socket instead if there is one (sd_listen_fds(3)).
 * Return: 0; -EADDRINUSE when a launcher listens there; or negative errno
 */
int place_open(const char *path, gid_t group, struct place *ret, struct dyno_error *err);
/** place_close() - listen no more; removes a socket of our own */
void place_close(struct place *place);

/** place_notify() - tell systemd of our @state, as sd_notify(3); nothing without a systemd that asked */
void place_notify(const char *state);

#endif /* LAUNCHER_PLACE_H */
