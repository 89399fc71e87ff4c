/* SPDX-License-Identifier: Apache-2.0 */
/**
 * listen.h - the moment at which an app listens, seen by seccomp notification (seccomp_unotify(2))
 *
 * The dyno's filter asks the launcher at each listen(2). For an internet socket the launcher makes the call itself, on
 * its own reference of the same socket (pidfd_getfd(2)), and answers with the result: so what it sees is what happened, and
 * when. Everything else it lets the kernel continue. Nothing else of the app is slower, and nothing is polled.
 *
 * Measured on a two-CPU virtual machine (Linux 6.18), medians: a listen(2) takes 17 us instead of 1.5, and 9 once the app is ready
 * and nobody looks any more (1.0 without a watch). A launch takes as long as without: of 600 interleaved ones 1476
 * and 1476 us to execve(2).
 */
#ifndef NETNS_LISTEN_H
#define NETNS_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dyno.h"
#include "netns/policy.h"

/**
 * struct listen_call - a thread that stands at its listen(@fd, @backlog) and waits for the answer
 * @id:    as the kernel calls it
 * @made:  the call was made in its place, with result @error; else the kernel is to go on with it
 */
struct listen_call {
	uint64_t id;
	pid_t thread;
	int fd;
	int backlog;
	bool made;
	int error;
};

/**
 * struct listen_seen - a TCP socket that listens now
 * @at:   its address; of family AF_UNSPEC when a socket listens (or is about to) at which we may not look: see listen_make()
 * @dual: an IPv6 socket that takes IPv4 as well
 * @ns:   CLOCK_MONOTONIC at the return of listen(2)
 */
struct listen_seen {
	struct policy_endpoint at;
	bool dual;
	uint64_t ns;
};

/**
 * listen_receive() - the next call that waits at @notify; does not block
 * Received, it ends by an answer or by death only. One that is not can be interrupted by a signal, as the app would not expect
 * of listen(2): Should be called as soon as @notify is readable.
 * Return: 1, 0 when there is none, -EPIPE when nobody is left who could call, or negative errno
 */
int listen_receive(int notify, struct listen_call *ret);

/**
 * listen_make() - make @call in its caller's place, if it is for a TCP socket. Must: be answered after that
 * It may wait for the lock of the app's socket, which the app has a say in: the loop of a launcher is no place for it.
 * Return: whether there is @ret: a TCP socket began to listen, or may be about to and we are not allowed to look (Yama's
 * ptrace_scope 3, a program without read permission, no free descriptor)
 */
bool listen_make(int notify, struct listen_call *call, struct listen_seen *ret);

/** listen_answer() - end the wait: with the result of listen_make(), or by letting the kernel go on. Return: 0 or negative errno */
int listen_answer(int notify, const struct listen_call *call);

/** listen_check() - this kernel's notifications fit our buffers. Return: 0 or negative errno */
int listen_check(void);

#endif /* NETNS_LISTEN_H */
