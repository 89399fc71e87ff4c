/* SPDX-License-Identifier: Apache-2.0 */
/* policy.c - see policy.h */
#include "netns/policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"

#define PUBLISH "publish"
#define EGRESS "egress"
#define ALLOW_HOST "allow-host"

#define ITEM_SIZE 64 /* the longest address with its prefix length or port has 50 */

/** length_of() - bytes of an address of @family */
static size_t length_of(sa_family_t family)
{
	return family == AF_INET ? 4 : 16;
}

bool policy_is_any(const struct policy_endpoint *endpoint)
{
	static const uint8_t zero[16];

	return memcmp(endpoint->address, zero, length_of(endpoint->family)) == 0;
}

bool policy_is_loopback(const struct policy_endpoint *endpoint)
{
	return endpoint->family == AF_INET
	               ? endpoint->address[0] == IN_LOOPBACKNET
	               : memcmp(endpoint->address, &in6addr_loopback, sizeof(in6addr_loopback)) == 0;
}

char *policy_endpoint_text(const struct policy_endpoint *endpoint, char *buf)
{
	char address[INET6_ADDRSTRLEN] = "?";

	(void)inet_ntop(endpoint->family, endpoint->address, address, sizeof(address));
	snprintf(buf, POLICY_ENDPOINT_TEXT, endpoint->family == AF_INET6 ? "[%s]:%u" : "%s:%u", address,
	         (unsigned)endpoint->port);
	return buf;
}

/** parse_address() - @text as an address of either family. Return: 0 or -EINVAL */
static int parse_address(const char *text, sa_family_t *ret_family, uint8_t ret[16])
{
	uint8_t address[16] = { 0 };
	sa_family_t family = strchr(text, ':') ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, address) != 1)
		return -EINVAL;
	*ret_family = family;
	memcpy(ret, address, sizeof(address));
	return 0;
}

/** is_mapped() - an IPv4 address in the clothes of IPv6, ::ffff:a.b.c.d */
static bool is_mapped(sa_family_t family, const uint8_t address[16])
{
	struct in6_addr in6;

	memcpy(&in6, address, sizeof(in6));
	return family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6);
}

/** is_link_local() - fe80::/10, an address that means something else on each link */
static bool is_link_local(sa_family_t family, const uint8_t address[16])
{
	return family == AF_INET6 && address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

/** is_group() - multicast, broadcast and reserved: never the address of one machine */
static bool is_group(sa_family_t family, const uint8_t address[16])
{
	return family == AF_INET ? address[0] >= 224 : address[0] == 0xff;
}

/** covers() - @wide takes every connection that @narrow does */
static bool covers(const struct policy_endpoint *wide, const struct policy_endpoint *narrow)
{
	if (wide->family != narrow->family || wide->port != narrow->port)
		return false;
	return policy_is_any(wide) || memcmp(wide->address, narrow->address, sizeof(wide->address)) == 0;
}

bool policy_endpoints_clash(const struct policy_endpoint *a, const struct policy_endpoint *b)
{
	return a->port != 0 && (covers(a, b) || covers(b, a));
}

/** publish_add() - one more place, if it is not there already */
static int publish_add(struct policy *policy, const struct policy_endpoint *at, struct dyno_error *err)
{
	char text[POLICY_ENDPOINT_TEXT], other[POLICY_ENDPOINT_TEXT];
	size_t i;

	for (i = 0; i < policy->publish_count; i++) {
		const struct policy_endpoint *old = &policy->publish[i];

		if (!covers(old, at) && !covers(at, old))
			continue;
		policy_endpoint_text(at, text);
		policy_endpoint_text(old, other);
		if (strcmp(text, other) == 0)
			return error_set(err, -EINVAL, PUBLISH, "%s is to be published twice", text);
		return error_set(err, -EINVAL, PUBLISH, "%s and %s are to be published, and one is part of the other",
		                 text, other);
	}
	if (policy->publish_count == POLICY_PUBLISH_MAX)
		return error_set(err, -E2BIG, PUBLISH, "more than %d addresses to be published (a bare port is two)",
		                 POLICY_PUBLISH_MAX);
	policy->publish[policy->publish_count++] = *at;
	return 0;
}

/** publish_add_local() - what a port without an address means: this machine, by both families */
static int publish_add_local(struct policy *policy, uint16_t port, struct dyno_error *err)
{
	struct policy_endpoint four = { .family = AF_INET, .port = port, .address = { 127, 0, 0, 1 } };
	struct policy_endpoint six = { .family = AF_INET6, .port = port, .address = { [15] = 1 } };
	int r = publish_add(policy, &four, err);

	return r < 0 ? r : publish_add(policy, &six, err);
}

/** publish_port() - the port of "[ADDR:]HOSTPORT"; 0 is one of them */
static int publish_port(const char *text, const char *digits, uint16_t *ret, struct dyno_error *err)
{
	uint64_t port = 0;
	int r = units_number(digits, 0, UINT16_MAX, &port);

	if (r == -ERANGE)
		return error_set(err, -EINVAL, PUBLISH,
		                 "publish %.80s: a port is 1 to 65535, or 0 for one that is free", text);
	if (r < 0) {
		error_set(err, -EINVAL, PUBLISH, "publish %.80s: '%.40s' is not a port", text, digits);
		error_remedy(err, "[ADDR:]HOSTPORT, as in 8080, 0.0.0.0:8080 or [::1]:8080");
		return -EINVAL;
	}
	*ret = (uint16_t)port;
	return 0;
}

/** publish_bare_six() - the mistake of an IPv6 address without its brackets. Return: -EINVAL when @text is one */
static int publish_bare_six(const char *text, struct dyno_error *err)
{
	const char *colon = strrchr(text, ':');
	uint8_t address[16];
	sa_family_t family;
	char host[ITEM_SIZE];

	if (strchr(text, ':') == colon)
		return 0;
	error_set(err, -EINVAL, PUBLISH, "publish %.80s: an IPv6 address stands in brackets", text);
	if (text_format(host, sizeof(host), "%.*s", (int)(colon - text), text) >= 0 &&
	    parse_address(host, &family, address) == 0)
		error_remedy(err, "write [%s]:%s", host, colon + 1);
	else
		error_remedy(err, "as in [::1]:8080");
	return -EINVAL;
}

/** publish_check_address() - an address that was well written and cannot be meant */
static int publish_check_address(const char *text, const struct policy_endpoint *at, struct dyno_error *err)
{
	char four[INET_ADDRSTRLEN] = "";

	if (is_mapped(at->family, at->address)) {
		(void)inet_ntop(AF_INET, at->address + 12, four, sizeof(four));
		return error_set(err, -EINVAL, PUBLISH, "publish %.80s: this is an IPv4 address: write %s:%u", text,
		                 four, (unsigned)at->port);
	}
	if (is_link_local(at->family, at->address))
		return error_set(err, -EINVAL, PUBLISH,
		                 "publish %.80s: a link-local address is not enough to know the link", text);
	if (is_group(at->family, at->address))
		return error_set(err, -EINVAL, PUBLISH, "publish %.80s: the address of many, not of this machine",
		                 text);
	return 0;
}

/** publish_at() - ADDR and HOSTPORT, split already */
static int publish_at(struct policy *policy, const char *text, const char *host, bool brackets, const char *digits,
                      struct dyno_error *err)
{
	struct policy_endpoint at = { 0 };
	int r = publish_port(text, digits, &at.port, err);

	if (r < 0)
		return r;
	if (!brackets && strcmp(host, "localhost") == 0)
		return publish_add_local(policy, at.port, err);
	if (parse_address(host, &at.family, at.address) < 0 || (at.family == AF_INET6) != brackets) {
		error_set(err, -EINVAL, PUBLISH, "publish %.80s: '%.60s' is not an IP%s address", text, host,
		          brackets ? "v6" : "v4");
		if (!brackets)
			error_remedy(err, "a number of this machine, 0.0.0.0 for all of them, or no address for "
			                  "this machine alone");
		return -EINVAL;
	}
	r = publish_check_address(text, &at, err);
	return r < 0 ? r : publish_add(policy, &at, err);
}

/** publish_read() - one "[ADDR:]HOSTPORT" */
static int publish_read(struct policy *policy, const char *text, struct dyno_error *err)
{
	bool brackets = text[0] == '[';
	const char *end = brackets ? strchr(text, ']') : strchr(text, ':');
	char host[ITEM_SIZE];
	uint16_t port = 0;
	int r;

	if (brackets && (!end || end[1] != ':')) {
		error_set(err, -EINVAL, PUBLISH, "publish %.80s: no port behind the IPv6 address", text);
		error_remedy(err, "as in [::1]:8080");
		return -EINVAL;
	}
	if (!end) {
		r = publish_port(text, text, &port, err);
		return r < 0 ? r : publish_add_local(policy, port, err);
	}
	r = brackets ? 0 : publish_bare_six(text, err);
	if (r < 0)
		return r;
	text += brackets;
	if (text_format(host, sizeof(host), "%.*s", (int)(end - text), text) < 0)
		return error_set(err, -EINVAL, PUBLISH, "publish %.80s: too long for an address", text);
	return publish_at(policy, text - brackets, host, brackets, end + 1 + brackets, err);
}

/** unix_check() - the path of the unix socket can be one */
static int unix_check(const char *path, struct dyno_error *err)
{
	struct sockaddr_un un;
	size_t length = strlen(path);

	if (path[0] != '/')
		return error_set(err, -EINVAL, PUBLISH, "unix socket %.80s: not an absolute path", path);
	if (length >= sizeof(un.sun_path))
		return error_set(err, -EINVAL, PUBLISH,
		                 "unix socket %.40s...: %zu bytes, and a socket's path has at most %zu", path, length,
		                 sizeof(un.sun_path) - 1);
	if (path[length - 1] == '/')
		return error_set(err, -EINVAL, PUBLISH, "unix socket %s: this names a directory", path);
	for (; *path; path++)
		if ((unsigned char)*path < ' ' || *path == 0x7f)
			return error_set(err, -EINVAL, PUBLISH,
			                 "the name of the unix socket holds a control character");
	return 0;
}

/** read_publish() - all places at which the port is to be reachable */
static int read_publish(const struct dyno_app *app, enum dyno_net net, struct policy *policy, struct dyno_error *err)
{
	size_t i;
	int r = 0;

	if ((!app->publish || !app->publish[0]) && !app->publish_unix)
		return 0;
	if (net == DYNO_NET_NONE)
		return error_set(err, -EINVAL, PUBLISH, "a dyno without a network cannot be published");
	if (net == DYNO_NET_HOST)
		return error_set(err, -EINVAL, PUBLISH,
		                 "a dyno on this machine's network listens there itself: nothing to publish");
	if (app->port == 0)
		return error_set(err, -EINVAL, PUBLISH, "an app without a port cannot be published");
	for (i = 0; app->publish && app->publish[i] && r == 0; i++)
		r = publish_read(policy, app->publish[i], err);
	if (r == 0 && app->publish_unix)
		r = unix_check(app->publish_unix, err);
	policy->publish_unix = app->publish_unix;
	return r;
}

/** within() - the network @inner is part of @outer */
static bool within(const struct policy_cidr *inner, const struct policy_cidr *outer)
{
	size_t bytes = outer->bits / 8U;
	unsigned rest = outer->bits % 8U;

	if (inner->family != outer->family || inner->bits < outer->bits)
		return false;
	if (memcmp(inner->address, outer->address, bytes) != 0)
		return false;
	return rest == 0 || (inner->address[bytes] ^ outer->address[bytes]) >> (8 - rest) == 0;
}

/** cidr_add() - one more network; what another one holds already is left out, so that no two of the list overlap */
static int cidr_add(struct policy *policy, const char *text, const struct policy_cidr *cidr, struct dyno_error *err)
{
	size_t kept = 0, i;

	for (i = 0; i < policy->cidr_count; i++) {
		bool inside = within(cidr, &policy->cidrs[i]);

		if (inside && cidr->bits == policy->cidrs[i].bits)
			return error_set(err, -EINVAL, EGRESS, "egress %s is given twice", text);
		if (inside)
			return 0;
	}
	for (i = 0; i < policy->cidr_count; i++)
		if (!within(&policy->cidrs[i], cidr))
			policy->cidrs[kept++] = policy->cidrs[i];
	policy->cidr_count = kept;
	if (kept == POLICY_CIDR_MAX)
		return error_set(err, -E2BIG, EGRESS, "more than %d networks for egress", POLICY_CIDR_MAX);
	policy->cidrs[policy->cidr_count++] = *cidr;
	return 0;
}

/** cidr_check_host_bits() - beyond the prefix all is zero; else one of two things was meant, and both are named */
static int cidr_check_host_bits(const char *text, const struct policy_cidr *cidr, struct dyno_error *err)
{
	struct policy_cidr network = *cidr;
	char whole[INET6_ADDRSTRLEN] = "", one[INET6_ADDRSTRLEN] = "";
	size_t length = length_of(cidr->family), i;

	for (i = cidr->bits; i < length * 8; i++)
		network.address[i / 8] &= (uint8_t) ~(0x80U >> i % 8);
	if (memcmp(network.address, cidr->address, sizeof(network.address)) == 0)
		return 0;
	(void)inet_ntop(cidr->family, network.address, whole, sizeof(whole));
	(void)inet_ntop(cidr->family, cidr->address, one, sizeof(one));
	error_set(err, -EINVAL, EGRESS, "egress %s: the address has bits beyond its prefix of %u", text,
	          (unsigned)cidr->bits);
	error_remedy(err, "%s/%u for the network, %s for the one address", whole, (unsigned)cidr->bits, one);
	return -EINVAL;
}

/** cidr_read() - one "ADDRESS[/BITS]" */
static int cidr_read(struct policy *policy, char *text, struct dyno_error *err)
{
	struct policy_cidr cidr = { 0 };
	char *slash = strchr(text, '/');
	uint64_t bits;
	int r;

	if (slash)
		*slash = '\0';
	r = parse_address(text, &cidr.family, cidr.address);
	if (slash)
		*slash = '/';
	if (r < 0) {
		error_set(err, -EINVAL, EGRESS, "egress '%s' is not a network", text);
		error_remedy(err, "allow, deny, or networks as in 10.0.0.0/8,2001:db8::/32");
		return -EINVAL;
	}
	bits = length_of(cidr.family) * 8;
	if (slash && units_number(slash + 1, 0, bits, &bits) < 0)
		return error_set(err, -EINVAL, EGRESS, "egress %s: a prefix of IPv%d has 0 to %u bits", text,
		                 cidr.family == AF_INET ? 4 : 6, (unsigned)length_of(cidr.family) * 8);
	cidr.bits = (uint8_t)bits;
	if (is_mapped(cidr.family, cidr.address))
		return error_set(err, -EINVAL, EGRESS, "egress %s: write this as an IPv4 network", text);
	r = cidr_check_host_bits(text, &cidr, err);
	return r < 0 ? r : cidr_add(policy, text, &cidr, err);
}

/**
 * next_item() - the next of a list with commas
 * @rest: where to go on, NULL behind the last
 * @item: ITEM_SIZE bytes
 * Return: 0, or -EINVAL when it is empty or longer than any that is right
 */
static int next_item(const char *step, const char **rest, char *item, struct dyno_error *err)
{
	size_t length = strcspn(*rest, ",");

	if (length == 0)
		return error_set(err, -EINVAL, step, "%s: an entry of the list is empty", step);
	if (length >= ITEM_SIZE)
		return error_set(err, -EINVAL, step, "%s: '%.40s...' is too long", step, *rest);
	memcpy(item, *rest, length);
	item[length] = '\0';
	*rest = (*rest)[length] ? *rest + length + 1 : NULL;
	return 0;
}

/** check_egress() - the network can do what is asked */
static int check_egress(const struct dyno_app *app, enum dyno_net net, struct dyno_error *err)
{
	bool allow = strcmp(app->egress, "allow") == 0, deny = strcmp(app->egress, "deny") == 0;

	if (net == DYNO_NET_NONE && !deny)
		return error_set(err, -EINVAL, EGRESS, "a dyno without a network has no egress to give");
	if (net == DYNO_NET_HOST && !allow)
		return error_set(err, -EINVAL, EGRESS, "egress cannot be held on this machine's own network");
	return 0;
}

/** read_egress() - what the app may connect to */
static int read_egress(const struct dyno_app *app, enum dyno_net net, struct policy *policy, struct dyno_error *err)
{
	const char *rest = app->egress;
	char item[ITEM_SIZE];
	int r;

	if (!rest)
		return 0;
	r = check_egress(app, net, err);
	if (r < 0 || strcmp(rest, "allow") == 0)
		return r;
	policy->egress = POLICY_EGRESS_DENY;
	if (strcmp(rest, "deny") == 0)
		return 0;
	policy->egress = POLICY_EGRESS_LIST;
	while (r == 0 && rest) {
		r = next_item(EGRESS, &rest, item, err);
		if (r == 0 && (strcmp(item, "allow") == 0 || strcmp(item, "deny") == 0))
			r = error_set(err, -EINVAL, EGRESS, "egress: '%s' stands alone, not in a list", item);
		if (r == 0)
			r = cidr_read(policy, item, err);
	}
	return r;
}

/** allow_add() - one port of this machine */
static int allow_add(struct policy *policy, const char *text, struct dyno_error *err)
{
	uint16_t port = 0;
	size_t i;
	int r = units_port(text, &port);

	if (r == -ERANGE)
		return error_set(err, -EINVAL, ALLOW_HOST, "allow-host %s: a port is 1 to 65535", text);
	if (r < 0) {
		error_set(err, -EINVAL, ALLOW_HOST, "allow-host '%s' is not a port", text);
		error_remedy(err, "PORT[,PORT]..., as in 5432,6379");
		return -EINVAL;
	}
	for (i = 0; i < policy->allow_count; i++)
		if (policy->allow_host[i] == port)
			return error_set(err, -EINVAL, ALLOW_HOST, "allow-host %s is given twice", text);
	if (policy->allow_count == POLICY_PORT_MAX)
		return error_set(err, -E2BIG, ALLOW_HOST, "more than %d ports of this machine", POLICY_PORT_MAX);
	policy->allow_host[policy->allow_count++] = port;
	return 0;
}

/** read_allow_host() - the services of this machine that the app may use */
static int read_allow_host(const struct dyno_app *app, enum dyno_net net, struct policy *policy, struct dyno_error *err)
{
	const char *rest = app->allow_host;
	char item[ITEM_SIZE];
	int r = 0;

	if (!rest)
		return 0;
	if (net == DYNO_NET_NONE)
		return error_set(err, -EINVAL, ALLOW_HOST, "a dyno without a network reaches no port of this machine");
	if (net == DYNO_NET_HOST)
		return error_set(err, -EINVAL, ALLOW_HOST,
		                 "a dyno on this machine's network reaches all of its ports already");
	while (r == 0 && rest) {
		r = next_item(ALLOW_HOST, &rest, item, err);
		if (r == 0)
			r = allow_add(policy, item, err);
	}
	return r;
}

int policy_read(const struct dyno_app *app, enum dyno_net net, struct policy *ret, struct dyno_error *err)
{
	struct policy policy = { .port = app->port };
	int r = read_publish(app, net, &policy, err);

	if (r == 0)
		r = read_egress(app, net, &policy, err);
	if (r == 0)
		r = read_allow_host(app, net, &policy, err);
	if (r == 0)
		*ret = policy;
	return r;
}
