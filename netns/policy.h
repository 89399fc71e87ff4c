/* SPDX-License-Identifier: Apache-2.0 */
/**
 * policy.h - what of the network an app is given: where its port is published, what it may reach; text to values
 *
 * Pure: reads strings, asks the machine nothing. A list that is too long is refused, not cut.
 */
#ifndef NETNS_POLICY_H
#define NETNS_POLICY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dyno.h"

#define POLICY_PUBLISH_MAX 8
#define POLICY_CIDR_MAX 32
#define POLICY_PORT_MAX 32
#define POLICY_ENDPOINT_TEXT 56 /* "[IPv6]:65535" and its NUL */

/** struct policy_endpoint - an address of this machine and a port; @address: 4 or 16 bytes, network order; port in host order */
struct policy_endpoint {
	sa_family_t family;
	uint16_t port;
	uint8_t address[16];
};

/** struct policy_cidr - a network: the first @bits of @address, the rest zero */
struct policy_cidr {
	sa_family_t family;
	uint8_t bits;
	uint8_t address[16];
};

enum policy_egress {
	POLICY_EGRESS_ALLOW,
	POLICY_EGRESS_DENY,
	POLICY_EGRESS_LIST, /* only to @cidrs */
};

/**
 * struct policy - the network half of a struct dyno_app
 * @port:    $PORT, 0 for none
 * @publish: where; port 0 for "one that is free"; two entries that differ in family only (127.0.0.1 and ::1) want one port
 * @publish_unix: borrowed, NULL for none
 * @allow_host: ports of this machine's loopback
 */
struct policy {
	uint16_t port;
	size_t publish_count;
	struct policy_endpoint publish[POLICY_PUBLISH_MAX];
	const char *publish_unix;
	enum policy_egress egress;
	size_t cidr_count;
	struct policy_cidr cidrs[POLICY_CIDR_MAX];
	size_t allow_count;
	uint16_t allow_host[POLICY_PORT_MAX];
};

/** policy_read() - the policy of @app on network @net. Return: 0, or -EINVAL (-E2BIG) with one sentence for what is wrong */
int policy_read(const struct dyno_app *app, enum dyno_net net, struct policy *ret, struct dyno_error *err);

/** policy_endpoint_text() - "127.0.0.1:8080", "[::1]:8080" into @buf of POLICY_ENDPOINT_TEXT bytes. Return: @buf */
char *policy_endpoint_text(const struct policy_endpoint *endpoint, char *buf);

/** policy_endpoints_clash() - no two sockets can have both: the same, or one is part of the other; port 0 clashes with nothing */
bool policy_endpoints_clash(const struct policy_endpoint *a, const struct policy_endpoint *b);

/** policy_is_any() - the endpoint stands for every address of its family */
bool policy_is_any(const struct policy_endpoint *endpoint);

/** policy_is_loopback() - the endpoint is of the loopback of its namespace: 127.0.0.0/8 or ::1 */
bool policy_is_loopback(const struct policy_endpoint *endpoint);

#endif /* NETNS_POLICY_H */
