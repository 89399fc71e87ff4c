/* SPDX-License-Identifier: Apache-2.0 */
/**
 * address.h - which address each dyno gets: pure arithmetic
 *
 * The range is 172.29.0.0/18: private (RFC 1918), outside what libvirt, k3s, OpenShift and the default networks of the
 * large clouds use, and late in the order in which Docker takes its networks (and Docker steps aside when it sees our
 * routes). Each slot owns four addresses of it, as a Heroku dyno does: .0 the network, .1 the host's end, .2 the dyno,
 * .3 broadcast. So a link has two ends and no room for a third, and a slot's addresses never change.
 */
#ifndef NETNS_ADDRESS_H
#define NETNS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_RANGE 0xac1d0000U /* 172.29.0.0 */
#define ADDRESS_RANGE_BITS 18
#define ADDRESS_RANGE_TEXT "172.29.0.0/18"
#define ADDRESS_BITS 30 /* of one slot */
#define ADDRESS_TEXT_SIZE 16

/**
 * struct address_plan - the addresses of one slot, in host byte order
 * @network: the first of the four
 * @host:    the host's end
 * @dyno:    the dyno's end
 * @bits:    prefix length
 */
struct address_plan {
	uint32_t network;
	uint32_t host;
	uint32_t dyno;
	unsigned bits;
};

/** address_plan() - the addresses of @slot. Return: 0, or -ERANGE for a slot that the range has no room for */
int address_plan(unsigned slot, struct address_plan *ret);

/** address_overlaps() - the network @network/@bits and the plan have an address in common; 0.0.0.0/0 never counts */
bool address_overlaps(const struct address_plan *plan, uint32_t network, unsigned bits);

/** address_text() - "172.29.0.2" into @buf of at least ADDRESS_TEXT_SIZE bytes. Return: @buf */
char *address_text(uint32_t address, char *buf);

#endif /* NETNS_ADDRESS_H */
