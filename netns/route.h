/* SPDX-License-Identifier: Apache-2.0 */
/* route.h - ask the kernel which route it would use */
#ifndef NETNS_ROUTE_H
#define NETNS_ROUTE_H

#include <netlink/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/**
 * struct route - one route
 * @network: what it leads to, in network byte order, zeros for a default route
 * @bits:    its prefix length
 * @link:    index of the link by which, 0 when it has none or several
 * @type:    RTN_*
 */
struct route {
	_Alignas(uint32_t) uint8_t network[16];
	unsigned bits;
	int link;
	uint8_t type;
};

/**
 * route_find() - the route to @address (4 or 16 bytes, network order), one lookup however many routes there are
 * Return: 0, or negative errno when there is none
 */
int route_find(struct nl_sock *sock, sa_family_t family, const void *address, struct route *ret);

/** route_read() - read a route message of @size bytes. Return: 0, or -EBADMSG when it is none of @family or malformed */
int route_read(void *message, size_t size, sa_family_t family, struct route *ret);

#endif /* NETNS_ROUTE_H */
