/* SPDX-License-Identifier: Apache-2.0 */
/**
 * publish.h - the host's side of a dyno's port: reserved addresses, packet filter elements, relays
 *
 * A published address is reserved by a socket that is bound to it and does not listen: the kernel gives it to nobody else as long as
 * we live, and takes it back when we die. IPv4 goes by the packet filter. IPv6 does too when the app listens on IPv6; else, and
 * for unix sockets, a relay process (relay.h) carries the bytes.
 */
#ifndef NETNS_PUBLISH_H
#define NETNS_PUBLISH_H

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
 * @unix_fd, @unix_path: the unix socket, -1; removed at the end
 * @relay: pid of the relay, 0 without
 */
struct publish {
	size_t count;
	struct policy_endpoint at[POLICY_PUBLISH_MAX];
	int fds[POLICY_PUBLISH_MAX];
	char texts[POLICY_PUBLISH_MAX][POLICY_ENDPOINT_TEXT];
	int unix_fd;
	char unix_path[108];
	pid_t relay;
};

#define PUBLISH_NULL                                                                                                   \
	{                                                                                                              \
		.fds = { -1, -1, -1, -1, -1, -1, -1, -1 }, .unix_fd = -1                                               \
	}

/**
 * publish_reserve() - reserve every address of @policy; nothing leads there yet
 * Return: 0; -EADDRINUSE with the name of the owner (dyno or process) when it is known; -EADDRNOTAVAIL; or negative errno.
 * On failure nothing is reserved
 */
int publish_reserve(const struct policy *policy, struct publish *ret, struct dyno_error *err);

/** publish_release() - let go of everything; the relay ends. Twice is fine */
void publish_release(struct publish *publish);

#endif /* NETNS_PUBLISH_H */
