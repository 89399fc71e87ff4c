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
 * @at:   its address; of family AF_UNSPEC when a socket listens (or is about to) at which we may not look: see listen_next()
 * @dual: an IPv6 socket that takes IPv4 as well
 * @ns:   CLOCK_MONOTONIC at the return of listen(2)
 */
struct listen_seen {
	struct policy_endpoint at;
	bool dual;
	uint64_t ns;
};

/**
 * listen_next() - answer one notification of @notify, if there is one
 * Does not wait for a notification. It may wait for the lock of the app's socket, which the app has a say in: the loop of
 * a launcher is no place for it.
 * Return: 1 and @ret when a TCP socket began to listen, or when we were not allowed to look (Yama's ptrace_scope 3, a program without
 * read permission, no free descriptor); 0 when it was something else or there was nothing; -EPIPE when nobody is left
 * who could call; or negative errno
 */
int listen_next(int notify, struct listen_seen *ret);

/** listen_pass() - let one call go on without a look, if there is one. Return: 0, -EPIPE as above, or negative errno */
int listen_pass(int notify);

/** listen_check() - this kernel's notifications fit our buffers. Return: 0 or negative errno */
int listen_check(void);

#endif /* NETNS_LISTEN_H */
