/* SPDX-License-Identifier: Apache-2.0 */
/* rootless_walls.h - the packet filter inside a rootless dyno; private to netns/rootless*.c */
#ifndef NETNS_ROOTLESS_WALLS_H
#define NETNS_ROOTLESS_WALLS_H

#include <netlink/netlink.h>

#include "netns/rootless_pasta.h"

/**
 * struct rootless_walls - what the keeper works with
 * @table:  to the packet filter of the dyno
 * @routes: to the addresses of the host, and to what becomes of them
 */
struct rootless_walls {
	struct nl_sock *table;
	int routes;
};

/**
 * rootless_walls_open() - install the table of @job in its namespace
 * Must: be called in the dyno's user namespace and in the host's network namespace; leaves the caller in the dyno's, and
 * with no descriptors but those it needs.
 * Return: 0 or negative errno
 */
int rootless_walls_open(const struct rootless_job *job, struct rootless_walls *ret);

/**
 * rootless_walls_keep() - take the host's addresses into the table
 * @forever: wait for new ones after that, and take them in too
 * Return: 0 when all that the host has are there, or negative errno
 */
int rootless_walls_keep(struct rootless_walls *walls, bool forever);

/** rootless_walls_explain() - one sentence for the failure @code of one of these. Return: @code */
int rootless_walls_explain(int code, struct dyno_error *err);

#endif /* NETNS_ROOTLESS_WALLS_H */
