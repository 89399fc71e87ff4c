/* SPDX-License-Identifier: Apache-2.0 */
/**
 * foreign.h - other people's packet filters: what of them concerns dynos
 *
 * A packet passes when every filter on its way accepts it, so that a policy "drop" of somebody else's beats our "accept". Others'
 * rules are theirs, with one exception: Docker makes the chain DOCKER-USER for rules of the administrator that come before its
 * own, and we put two there while our table is installed. Other walls are found and named.
 */
#ifndef NETNS_FOREIGN_H
#define NETNS_FOREIGN_H

#include <stdbool.h>

#include "netns/nft.h"

#define FOREIGN_NAME_SIZE 96
#define FOREIGN_REMEDY_SIZE 256
#define FOREIGN_WALLS 8 /* more are not named */

/**
 * struct foreign_wall - a filter that drops what it does not know
 * @input:  it stands before the machine itself (--allow-host), else between its links (published ports, egress)
 * @name:   "ip filter FORWARD": family, table, chain
 * @remedy: commands for the administrator
 */
struct foreign_wall {
	bool input;
	char name[FOREIGN_NAME_SIZE];
	char remedy[FOREIGN_REMEDY_SIZE];
};

/** foreign_open() - let dynos through Docker's rules, where there are any; does nothing the second time. Return: 0 or negative errno */
int foreign_open(struct nl_sock *sock, struct dyno_error *err);

/** foreign_close() - take that back */
void foreign_close(struct nl_sock *sock);

/**
 * foreign_walls() - find filters of others that stop dynos' packets; of nf_tables, and so of iptables-nft
 * @sock:  netfilter socket in the host's network namespace; the kernel wants CAP_NET_ADMIN for every question
 * @walls: FOREIGN_WALLS of them
 * Return: how many there are, or negative errno
 */
int foreign_walls(struct nl_sock *sock, struct foreign_wall *walls);

#endif /* NETNS_FOREIGN_H */
