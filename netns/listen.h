/* SPDX-License-Identifier: Apache-2.0 */
/**
 * listen.h - the moment at which an app listens, seen by seccomp notification (seccomp_unotify(2))
 *
 * The dyno's filter asks the launcher at each listen(2). For an internet socket the launcher makes the call itself, on
 * its own reference of the same socket (pidfd_getfd(2)), and answers with the result: so what it sees is what happened, and
 * when. Everything else it lets the kernel continue. Nothing else of the app is slower, and nothing is polled.
 */
#ifndef NETNS_LISTEN_H
#define NETNS_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "dyno.h"
#include "netns/policy.h"

/**
 * struct listen_seen - a TCP socket that listens now
 * @at:   its address
 * @dual: an IPv6 socket that takes IPv4 as well
 * @ns:   CLOCK_MONOTONIC at the return of listen(2)
 */
struct listen_seen {
	struct policy_endpoint at;
	bool dual;
	uint64_t ns;
};

/**
 * listen_next() - answer one notification of @notify, if there is one; does not block
 * Return: 1 and @ret when a TCP socket began to listen; 0 when it was something else or there was nothing; -EPIPE when nobody is left
 * who could call; or negative errno
 */
int listen_next(int notify, struct listen_seen *ret);

#endif /* NETNS_LISTEN_H */
