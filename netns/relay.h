/* SPDX-License-Identifier: Apache-2.0 */
/**
 * relay.h - a process that carries connections from listening sockets of this machine to a dyno's port
 *
 * For what the packet filter cannot do: unix sockets, and IPv6 clients of an app that speaks IPv4 only. Bytes are moved by
 * splice(2) and half-closes are passed on. One process a dyno, only when needed; it holds no privilege, and dies with its launcher.
 */
#ifndef NETNS_RELAY_H
#define NETNS_RELAY_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/types.h>

#include "dyno.h"

#define RELAY_LISTENERS_MAX 16
#define RELAY_CONNECTIONS_MAX                                                                                          \
	2048 /* at once, and fewer where the limit of open files is low; the next wait in the backlog */

/**
 * relay_start() - fork the relay
 * Must: be called from a thread that outlives the dyno, because the relay dies with it. The child's end sends no SIGCHLD.
 * @listeners: sockets that listen already; the relay has its own references
 * @net:  network namespace from which to connect (rootless: with @user, the user namespace to enter first), -1 for ours
 * @to:   where to connect to
 * Return: its pid, a child of the caller, or negative errno
 */
pid_t relay_start(const int *listeners, size_t count, int user, int net, const struct sockaddr_in *to,
                  struct dyno_error *err);

/** relay_stop() - end and reap it; 0 is fine. Return: 0, to be assigned back */
pid_t relay_stop(pid_t relay);

#endif /* NETNS_RELAY_H */
