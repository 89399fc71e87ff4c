/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - see address.h */
#include "netns/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>

#include "netns/network.h"

#define SLOT_SIZE (1U << (32 - ADDRESS_BITS))

static_assert(((uint64_t)NETWORK_SLOTS + 1) * SLOT_SIZE == 1U << (32 - ADDRESS_RANGE_BITS), "slots fill the range exactly");
static_assert((ADDRESS_RANGE & ((1U << (32 - ADDRESS_RANGE_BITS)) - 1)) == 0, "the range starts on its own boundary");

int address_plan(unsigned slot, struct address_plan *ret)
{
	uint32_t network;

	if (slot >= NETWORK_SLOTS)
		return -ERANGE;
	network = ADDRESS_RANGE + slot * SLOT_SIZE;
	*ret = (struct address_plan){
		.network = network,
		.host = network + 1,
		.dyno = network + 2,
		.bits = ADDRESS_BITS,
	};
	return 0;
}

/** mask() - the netmask of @bits; a shift by 32 would be undefined */
static uint32_t mask(unsigned bits)
{
	return bits == 0 ? 0 : ~UINT32_C(0) << (32 - bits);
}

bool address_overlaps(const struct address_plan *plan, uint32_t network, unsigned bits)
{
	unsigned shorter = bits < plan->bits ? bits : plan->bits;

	if (bits == 0 || bits > 32)
		return false;
	return (plan->network & mask(shorter)) == (network & mask(shorter));
}

char *address_text(uint32_t address, char *buf)
{
	struct in_addr in = { .s_addr = htonl(address) };

	/* cannot fail: the family is known and the buffer is large enough */
	(void)inet_ntop(AF_INET, &in, buf, ADDRESS_TEXT_SIZE);
	return buf;
}
