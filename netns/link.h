/* SPDX-License-Identifier: Apache-2.0 */
/**
 * link.h - the veth pair of a slot: names, requests that make and set its two ends, and its removal
 *
 * The functions named link_add_*() put one request each into a batch (netlink.h); none of them talks to the kernel.
 */
#ifndef NETNS_LINK_H
#define NETNS_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dyno.h"
#include "netns/address.h"
#include "netns/manner.h"
#include "netns/netlink.h"

#define LINK_INSIDE "eth0"
#define LINK_LOOPBACK_INDEX 1 /* LOOPBACK_IFINDEX: the kernel gives it to lo of every namespace */
#define LINK_MAC_SIZE 6

/** enum link_end - the two ends of a pair */
enum link_end {
	LINK_HOST,
	LINK_DYNO,
};

/** link_name() - name of the host's end of @slot: "dyno17", into @buf of IFNAMSIZ bytes. Return: @buf */
char *link_name(unsigned slot, char *buf);
/**
 * link_mac() - hardware address of the pair of @slot: 02:64:79:00:<slot>, locally administered ("d", "y")
 * Both ends have it: on a link that resolves nothing (NOARP) the kernel sends to its own address.
 */
void link_mac(unsigned slot, uint8_t mac[LINK_MAC_SIZE]);

/** link_of_slot() - index of an end of the pair of @slot in its namespace */
int link_of_slot(unsigned slot, enum link_end end, bool alike);

/** link_ipv6() - the kernel speaks IPv6, so that requests may name it */
bool link_ipv6(void);

/**
 * link_put_dormant() - have the link of the last request, which makes one, be born dormant: link_wait() can be called for it then
 * The state is called IF_OPER_DORMANT (Linux: networking/operstates), and ends when the link comes into operation.
 */
void link_put_dormant(struct netlink_batch *batch);

/**
 * link_add_pair() - make the pair of @slot, both ends down, without ARP and neighbour discovery
 * To be sent in the host's namespace. The dyno's end is born in the namespace @ns; it is not moved there.
 */
void link_add_pair(struct netlink_batch *batch, unsigned slot, int ns, const struct link_manner *manner);

/**
 * link_add_walls() - what an end may do and what not, as settings of the link itself
 * Must: be sent before that end goes up (an IPv6 address would be made at that moment).
 * @localnet: as link_add_localnet(), which costs much more later
 */
void link_add_walls(struct netlink_batch *batch, int index, enum link_end end, bool ipv6, bool localnet);
/** link_add_up() - set a link up */
void link_add_up(struct netlink_batch *batch, int index, const char *name);
/** link_add_end_up() - set an end of a pair up */
void link_add_end_up(struct netlink_batch *batch, int index, enum link_end end);
/** link_add_address() - give an end its IPv4 address of @plan, with the connected route that comes with it */
void link_add_address(struct netlink_batch *batch, int index, enum link_end end, const struct address_plan *plan);
/** link_add_dyno6() - give the dyno's end its IPv6 address; all of the range is behind that link */
void link_add_dyno6(struct netlink_batch *batch, int index, const struct address_plan *plan);
/** link_add_way_in6() - lead IPv6 to the dyno by the host's end @index. Must: come after that is up. -EACCES where it has no IPv6 */
void link_add_way_in6(struct netlink_batch *batch, int index, const struct address_plan *plan);
/**
 * link_machine6() - @add: give this machine the IPv6 address by which its dynos know it, on its loopback; else take it back
 * Fails with -EEXIST or -EADDRNOTAVAIL where there is nothing to do, -EACCES without IPv6.
 */
void link_machine6(struct netlink_batch *batch, bool add, const struct address_range *range);
/** link_add_way_out() - default route of a dyno by its gateway. Must: come after the end is up and has its address */
void link_add_way_out(struct netlink_batch *batch, int index, sa_family_t family, const struct address_plan *plan);

/**
 * link_add_localnet() - let the host's end carry connections of the machine's loopback, 127.0.0.0/8
 * Mustn't: be sent without the packet filter, which drops what a dyno sends there itself.
 */
void link_add_localnet(struct netlink_batch *batch, int index);
/**
 * link_add_loopback6() - take what comes in by the host's end @index for ::1: answers to connections of the machine's loopback
 * Without it they have no route. (The kernel drops what a dyno sends to ::1 itself before it looks for one.)
 */
void link_add_loopback6(struct netlink_batch *batch, int index);

/** link_index() - index of link @name in the namespace of @sock. Return: positive, -ENODEV, or negative errno */
int link_index(struct nl_sock *sock, const char *name);

/**
 * link_wait() - wait until link @name in the namespace of @sock is in operation: up, with a carrier, and sending
 * Must: be called for the end that was set up first, born with link_put_dormant(), after the other. The later it is called, the
 * less it waits: 50 us after the other end went up it is one system call.
 * Return: 0, -ETIMEDOUT, or negative errno
 */
int link_wait(struct nl_sock *sock, const char *name);

/** link_loopback_up() - set lo up in the calling thread's namespace, by one ioctl; does not allocate */
int link_loopback_up(void);

/**
 * link_remove() - remove the pair of @slot by its host's end
 * Takes 10 to 30 ms (the kernel waits for readers of the link to finish): never on the way of a launch.
 * Return: 0 when it is gone or was never there; -EEXIST when a link of that name is not ours; or negative errno
 */
int link_remove(struct nl_sock *sock, unsigned slot, struct dyno_error *err);

/**
 * link_read() - read what the kernel says of the link that has the name of @slot
 * A name alone proves nothing, as anybody may call an interface dyno17: ours is a veth with our hardware address.
 * Return: 0 and its number; -EEXIST when it is not ours; -EBADMSG
 */
int link_read(void *message, size_t size, unsigned slot, int *ret_index);

#endif /* NETNS_LINK_H */
