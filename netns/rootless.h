/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rootless.h - a private network without any privilege: pasta(1) connects it, walls inside keep the promises
 *
 * A dyno of an ordinary user has a network namespace that its own user namespace owns. What leads out of it is pasta, a
 * process of that user: it makes connections in the dyno's name, so it would reach whatever its user reaches. What
 * root's packet filter says about that at the host's end (table.h) is therefore said at the dyno's end (rootless_walls.c), in a table that
 * the launcher installs and the dyno, having no capability, cannot touch.
 *
 * Who carries a published port: a relay (relay.h) that connects from inside to rootless_target(), with one exception, see
 * rootless_carries(). So the launcher's reserved sockets are the same as root's, and a port needs no pasta.
 */
#ifndef NETNS_ROOTLESS_H
#define NETNS_ROOTLESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dyno.h"
#include "netns/address.h"
#include "netns/network.h"
#include "netns/policy.h"

/**
 * rootless_usable() - this user can have a connected private network here: pasta is on PATH, /dev/net/tun can be opened
 * Return: 0; -ENOENT or the errno of the device, with what is missing and what to do
 */
int rootless_usable(struct dyno_error *err);

/**
 * rootless_open() - hold the namespaces of process @pid: @network->user and @network->fd
 * Must: be called while @pid is alive and dumpable, and after its id maps were written. The descriptors are not the child's: it
 * is in these namespaces already and must not be told to enter them.
 */
int rootless_open(pid_t pid, struct network *network, struct dyno_error *err);

/**
 * rootless_places() - without a word about it in @policy, publish the port at the same one of 127.0.0.1
 * As root this machine reaches a dyno at its own address; rootless that address is known inside only.
 */
void rootless_places(struct policy *policy);

/**
 * rootless_start() - walls, and pasta where the policy needs it: when anything outside may be reached, for services of
 * the host that are allowed, and for rootless_carries(). Returns when both are ready
 * Must: be called before the app runs. The helper dies with the calling thread.
 * @resolver: this machine's resolver is on its loopback, so that address_host() stands for it
 * @network: rootless_open(), its slot, and for rootless_carries() its publish, reserved (publish.h)
 * @ret: pid of the helper, a child of the caller, to be given to rootless_stop()
 */
int rootless_start(const struct address_range *range, bool resolver, const struct network *network,
                   const struct policy *policy, pid_t *ret, struct dyno_error *err);

/**
 * rootless_carries() - pasta itself listens at @at, from rootless_start() on: an IPv4 address that is not loopback, since
 * only pasta shows the app who its client is. It shares the port with the socket that reserves it, which must not listen.
 * Every other address is for a relay.
 */
bool rootless_carries(const struct policy_endpoint *at);

/** rootless_target() - where a relay inside finds port @port of the dyno of @slot; loopback is not published, as for root */
int rootless_target(const struct address_range *range, unsigned slot, uint16_t port, struct sockaddr_in *ret);

/** rootless_stop() - end and reap the helper; 0 is fine. Return: 0, to be assigned back */
pid_t rootless_stop(pid_t helper);

#endif /* NETNS_ROOTLESS_H */
