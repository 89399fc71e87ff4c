/* SPDX-License-Identifier: Apache-2.0 */
/**
 * publish.h - the host's side of a dyno's port: reserved addresses, packet filter elements, relays
 *
 * A published address is reserved by a socket that is bound to it and does not listen: the kernel gives it to nobody else as long as
 * we live, and takes it back when we die. IPv4 goes by the packet filter. IPv6 does too when the app listens on IPv6; else, and
 * for unix sockets, a relay process (relay.h) carries the bytes.
 *
 * The unix socket listens from the start, because one that does not cannot be told from a dead owner's: a client that comes before
 * the app listens waits for it. Its mode is 0660, whatever the umask: who else may connect is decided by the group of the directory it
 * is made in (with the set-group-id bit there, the socket's group is the directory's).
 */
#ifndef NETNS_PUBLISH_H
#define NETNS_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dyno.h"
#include "netns/policy.h"

/**
 * struct publish - one dyno's published addresses
 * @at:    where, with the ports that were found
 * @fds:   the sockets that reserve them, -1 behind the last
 * @texts: as dyno_published() gives them
 * @unix_fd, @unix_path: the unix socket, -1 and ""; its file is removed at the end
 * @unix_dev, @unix_ino: that file, so that nobody else's is removed
 * @relay: pid of the relay, 0 without
 */
struct publish {
	size_t count;
	struct policy_endpoint at[POLICY_PUBLISH_MAX];
	int fds[POLICY_PUBLISH_MAX];
	char texts[POLICY_PUBLISH_MAX][POLICY_ENDPOINT_TEXT];
	int unix_fd;
	char unix_path[108];
	dev_t unix_dev;
	ino_t unix_ino;
	pid_t relay;
};

#define PUBLISH_NULL                                                                                                   \
	{                                                                                                              \
		.fds = { -1, -1, -1, -1, -1, -1, -1, -1 }, .unix_fd = -1                                               \
	}

/**
 * publish_reserve() - reserve every address of @policy; nothing leads there yet
 * [::1] beside 127.0.0.1 is left out on a machine without IPv6: that is what a bare port means there.
 * Return: 0; -EADDRINUSE with the name of the owner when it is known; -EADDRNOTAVAIL; or negative errno. On failure nothing
 * is reserved
 */
int publish_reserve(const struct policy *policy, struct publish *ret, struct dyno_error *err);

/**
 * publish_relay() - start the relay for the marked addresses, and the unix socket; nothing to do without any
 * @marked: one for each address
 * @user, @net, @to: as relay_start() takes them
 */
int publish_relay(struct publish *publish, const bool *marked, int user, int net, const struct sockaddr_in *to,
                  struct dyno_error *err);

/** publish_release() - let go of everything; the relay ends. Twice is fine */
void publish_release(struct publish *publish);

/** publish_sweep() - remove the unix socket that a killed launcher left at @path; one that somebody answers at stays */
void publish_sweep(const char *path);

#endif /* NETNS_PUBLISH_H */
