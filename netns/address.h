/* SPDX-License-Identifier: Apache-2.0 */
/**
 * address.h - which addresses each dyno gets: pure arithmetic
 *
 * The IPv4 range is 172.29.0.0/18 unless /etc/dyno/network says otherwise (range.h): private (RFC 1918), outside what
 * libvirt, k3s, OpenShift and the default networks of the large clouds use, and late in the order in which Docker takes its networks (and Docker steps aside when it sees our
 * routes). Each slot owns four addresses of it, as a Heroku dyno does: .0 the network, .1 the host's end, .2 the dyno,
 * .3 broadcast. So a link has two ends and no room for a third, and a slot's addresses never change. The last four belong to no
 * slot: one of them is host.dyno.internal.
 *
 * The IPv6 prefix is fd64:796e:6f00::/48, a unique local one (RFC 4193); the slot is its fourth group, and ::2 the dyno. This machine is
 * fd64:796e:6f00:ffff::1 to all of them: an address on each link would be one more route for each dyno, and the kernel walks all
 * IPv6 routes when a link comes into operation.
 */
#ifndef NETNS_ADDRESS_H
#define NETNS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_RANGE_TEXT "172.29.0.0/18"
#define ADDRESS_BITS 30 /* of one slot */
#define ADDRESS_BITS6 126
#define ADDRESS_PREFIX6_BITS 48
#define ADDRESS_PREFIX6_SIZE (ADDRESS_PREFIX6_BITS / 8)
#define ADDRESS_TEXT_SIZE 16
#define ADDRESS_TEXT6_SIZE 46

/**
 * struct address_range - where all slots are
 * @network: first IPv4 address, in host byte order
 * @bits:    10 to 24
 * @prefix6: the IPv6 prefix, in network byte order
 */
struct address_range {
	uint32_t network;
	unsigned bits;
	uint8_t prefix6[ADDRESS_PREFIX6_SIZE];
};

#define ADDRESS_RANGE_DEFAULT                                                                                          \
	{                                                                                                              \
		.network = 0xac1d0000U, .bits = 18, .prefix6 = { 0xfd, 0x64, 0x79, 0x6e, 0x6f, 0x00 }                  \
	}

/**
 * struct address_plan - the addresses of one slot
 * @network: the first of the four; this and the next two in host byte order
 * @host:    the host's end
 * @dyno:    the dyno's end
 * @bits:    prefix length
 * @host6, @dyno6: the same in IPv6, in network byte order; @host6 is the gateway, which no link has
 */
struct address_plan {
	uint32_t network;
	uint32_t host;
	uint32_t dyno;
	unsigned bits;
	uint8_t host6[16];
	uint8_t dyno6[16];
};

/** address_slots() - dynos that fit @range: at most NETWORK_SLOTS */
unsigned address_slots(const struct address_range *range);

/** address_plan() - the addresses of @slot. Return: 0, or -ERANGE for a slot that the range has no room for */
int address_plan(const struct address_range *range, unsigned slot, struct address_plan *ret);

/** address_host() - host.dyno.internal: the last address but one of the range, in host byte order; no link has it */
uint32_t address_host(const struct address_range *range);

/** address_machine6() - this machine as its dynos see it by IPv6, in network byte order */
void address_machine6(const struct address_range *range, uint8_t ret[16]);

/** address_overlaps() - the network @network/@bits and the plan have an address in common; 0.0.0.0/0 never counts */
bool address_overlaps(const struct address_plan *plan, uint32_t network, unsigned bits);
/** address_overlaps6() - the same for IPv6; @network: 16 bytes in network byte order; ::/0 never counts */
bool address_overlaps6(const struct address_plan *plan, const uint8_t *network, unsigned bits);

/** address_text() - "172.29.0.2" into @buf of at least ADDRESS_TEXT_SIZE bytes. Return: @buf */
char *address_text(uint32_t address, char *buf);
/** address_text6() - "fd64:796e:6f00:11::2" into @buf of at least ADDRESS_TEXT6_SIZE bytes. Return: @buf */
char *address_text6(const uint8_t address[16], char *buf);

#endif /* NETNS_ADDRESS_H */
