/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_netlink.c - answers of the kernel of any bytes: refused, or read within their bounds; and the file of addresses */
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "netns/link.h"
#include "netns/netlink.h"
#include "netns/network_host.h"
#include "netns/range.h"
#include "netns/resolver.h"
#include "netns/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** must() - what has to hold, also where assert(3) is compiled away */
static void must(bool holds)
{
	if (!holds)
		abort();
}

/** check_answer() - the header of a datagram */
static void check_answer(const uint8_t *data, size_t size)
{
	struct netlink_answer answer;

	if (netlink_parse(data, size, &answer) < 0)
		return;
	must(answer.code <= 0 && answer.code >= -4095);
	must(strnlen(answer.text, sizeof(answer.text)) < sizeof(answer.text));
}

/** check_readers() - messages about routes, links and counters; @message is a copy of exactly @size bytes, aligned */
static void check_readers(void *message, size_t size)
{
	uint64_t in = 0, out = 0;
	struct route route;
	int index = 0;

	if (route_read(message, size, AF_INET, &route) == 0)
		must(route.bits <= 32);
	if (route_read(message, size, AF_INET6, &route) == 0)
		must(route.bits <= 128);
	for (unsigned slot = 0; slot < 2; slot++) {
		int r = link_read(message, size, slot, &index);

		must(r == 0 || r == -EEXIST || r == -EBADMSG);
	}
	(void)network_read_stats(message, size, &in, &out);
}

/** check_text() - the administrator's file, and a resolv.conf */
static void check_text(const char *text)
{
	struct address_range range = { .bits = 0 };
	struct dyno_error err = { 0 };
	struct address_plan plan;
	char buf[RESOLVER_SIZE];
	uint32_t server;

	if (range_read("file", text, &range, &err) < 0) {
		must(err.code == -EINVAL && err.text[0] != '\0' && range.bits == 0);
	} else {
		must(range.bits >= RANGE_BITS_MIN && range.bits <= RANGE_BITS_MAX);
		must(address_plan(&range, address_slots(&range) - 1, &plan) == 0);
		must(!address_overlaps(&plan, address_host(&range), 32));
	}
	server = resolver_loopback(text);
	must(server == 0 || server >> 24 == 127);
	must(resolver_filter(text, buf, sizeof(buf)) >= -EFBIG);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* of its own size, so that the sanitizer sees one byte too many */
	_cleanup_free_ char *text = calloc(1, size + 1);
	_cleanup_free_ void *message = malloc(size + !size);

	must(text && message);
	memcpy(text, data, size);
	memcpy(message, data, size);
	check_answer(data, size);
	if (size >= sizeof(struct nlmsghdr))
		check_readers(message, size);
	check_text(text);
	return 0;
}
