/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - see address.h */
#include "netns/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "netns/network.h"

#define SLOT_SIZE (1U << (32 - ADDRESS_BITS))

static_assert(NETWORK_SLOTS < UINT16_MAX, "a slot fits one group of an IPv6 address, and the last is this machine's");

unsigned address_slots(const struct address_range *range)
{
	uint32_t slots = (1U << (ADDRESS_BITS - range->bits)) - 1;

	return slots < NETWORK_SLOTS ? slots : NETWORK_SLOTS;
}

/** put_address6() - address @last of the link of @slot */
static void put_address6(const struct address_range *range, unsigned slot, uint8_t last, uint8_t ret[16])
{
	memset(ret, 0, 16);
	memcpy(ret, range->prefix6, ADDRESS_PREFIX6_SIZE);
	ret[ADDRESS_PREFIX6_SIZE] = (uint8_t)(slot >> 8);
	ret[ADDRESS_PREFIX6_SIZE + 1] = (uint8_t)slot;
	ret[15] = last;
}

int address_plan(const struct address_range *range, unsigned slot, struct address_plan *ret)
{
	uint32_t network;

	if (slot >= address_slots(range))
		return -ERANGE;
	network = range->network + slot * SLOT_SIZE;
	*ret = (struct address_plan){
		.network = network,
		.host = network + 1,
		.dyno = network + 2,
		.bits = ADDRESS_BITS,
	};
	put_address6(range, slot, 1, ret->host6);
	put_address6(range, slot, 2, ret->dyno6);
	return 0;
}

uint32_t address_host(const struct address_range *range)
{
	return range->network + (1U << (32 - range->bits)) - 2;
}

void address_machine6(const struct address_range *range, uint8_t ret[16])
{
	put_address6(range, UINT16_MAX, 1, ret);
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

bool address_overlaps6(const struct address_plan *plan, const uint8_t *network, unsigned bits)
{
	unsigned shorter = bits < ADDRESS_BITS6 ? bits : ADDRESS_BITS6;
	unsigned whole = shorter / 8, rest = shorter % 8;

	if (bits == 0 || bits > 128 || memcmp(plan->host6, network, whole) != 0)
		return false;
	return rest == 0 || (plan->host6[whole] ^ network[whole]) >> (8 - rest) == 0;
}

char *address_text(uint32_t address, char *buf)
{
	struct in_addr in = { .s_addr = htonl(address) };

	/* cannot fail: the family is known and the buffer is large enough */
	(void)inet_ntop(AF_INET, &in, buf, ADDRESS_TEXT_SIZE);
	return buf;
}

char *address_text6(const uint8_t address[16], char *buf)
{
	(void)inet_ntop(AF_INET6, address, buf, ADDRESS_TEXT6_SIZE);
	return buf;
}
