/* SPDX-License-Identifier: Apache-2.0 */
/* resolver.c - see resolver.h */
#include "netns/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_BEHIND_STUB "/run/systemd/resolve/resolv.conf"
#define BLANKS " \t\r"

/** struct word - a piece of a line, not terminated */
struct word {
	const char *text;
	size_t length;
};

/** next_word() - cut the first word off @line; empty at its end */
static struct word next_word(struct word *line)
{
	struct word word = *line;
	size_t skip = 0;

	while (skip < line->length && strchr(BLANKS, line->text[skip]))
		skip++;
	word.text += skip;
	word.length = 0;
	while (skip + word.length < line->length && !strchr(BLANKS, word.text[word.length]))
		word.length++;
	line->text = word.text + word.length;
	line->length -= skip + word.length;
	return word;
}

/** word_is() - the word is @text, all of it */
static bool word_is(struct word word, const char *text)
{
	return word.length == strlen(text) && memcmp(word.text, text, word.length) == 0;
}

/**
 * reachable() - the server could be reached from another network namespace
 * Not so: the loopback of the host, "any address" (which means loopback to a resolver), and IPv6 link-local addresses,
 * whose link does not exist inside.
 */
static bool reachable(struct word word)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;

	if (word.length == 0 || word.length >= sizeof(text))
		return false;
	memcpy(text, word.text, word.length);
	text[word.length] = '\0';
	if (inet_pton(AF_INET6, text, &six) == 1) {
		if (!IN6_IS_ADDR_V4MAPPED(&six))
			return !IN6_IS_ADDR_LOOPBACK(&six) && !IN6_IS_ADDR_UNSPECIFIED(&six) &&
			       !IN6_IS_ADDR_LINKLOCAL(&six);
		memcpy(&four, &six.s6_addr[12], sizeof(four));
	} else if (inet_pton(AF_INET, text, &four) != 1) {
		return false;
	}
	return ntohl(four.s_addr) >> 24 != IN_LOOPBACKNET && ntohl(four.s_addr) >> 24 != 0;
}

int resolver_filter(const char *from, char *buf, size_t size)
{
	int servers = 0;

	if (size == 0)
		return -EFBIG;
	buf[0] = '\0';
	while (*from) {
		struct word line = { from, strcspn(from, "\n") }, rest = line, key = next_word(&rest);
		bool server = word_is(key, "nameserver");

		from += line.length + (from[line.length] == '\n');
		if (server && !reachable(next_word(&rest)))
			continue;
		if (!server && !word_is(key, "search") && !word_is(key, "domain") && !word_is(key, "options"))
			continue;
		if (text_append(buf, size, "%.*s\n", (int)line.length, line.text) < 0)
			return -EFBIG;
		servers += server;
	}
	return servers;
}

/** read_optional() - fd_read_text() that takes a missing file for an empty one */
static int read_optional(const char *path, char *buf, size_t size)
{
	ssize_t r = fd_read_text(AT_FDCWD, path, buf, size);

	if (r == -ENOENT) {
		buf[0] = '\0';
		return 0;
	}
	return r < 0 ? (int)r : 0;
}

uint32_t resolver_loopback(const char *from)
{
	while (*from) {
		struct word line = { from, strcspn(from, "\n") }, rest = line, key = next_word(&rest), server;
		char text[INET_ADDRSTRLEN];
		struct in_addr four;

		from += line.length + (from[line.length] == '\n');
		server = next_word(&rest);
		if (!word_is(key, "nameserver") || server.length >= sizeof(text))
			continue;
		memcpy(text, server.text, server.length);
		text[server.length] = '\0';
		if (inet_pton(AF_INET, text, &four) == 1 && ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET)
			return ntohl(four.s_addr);
	}
	return 0;
}

/**
 * add_behind_stub() - add the servers that systemd-resolved asks, if it runs
 * @buf: what was of use in the host's file: no server
 * Return: number of servers, or negative errno
 */
static int add_behind_stub(char *buf, size_t size)
{
	char text[RESOLVER_SIZE], found[RESOLVER_SIZE];
	int r = read_optional(RESOLV_BEHIND_STUB, text, sizeof(text)), servers;

	if (r < 0 || text[0] == '\0')
		return r;
	servers = resolver_filter(text, found, sizeof(found));
	if (servers <= 0)
		return servers;
	r = text_copy(buf, size, found);
	return r < 0 ? -EFBIG : servers;
}

int resolver_conf(enum dyno_net net, const char *services, char *buf, size_t size, uint32_t *ret_server)
{
	char text[RESOLVER_SIZE];
	uint32_t server;
	int r;

	if (size == 0)
		return -EFBIG;
	if (net == DYNO_NET_HOST)
		return read_optional(RESOLV_CONF, buf, size);
	r = read_optional(RESOLV_CONF, text, sizeof(text));
	if (r == 0)
		r = resolver_filter(text, buf, size);
	if (r == 0)
		r = add_behind_stub(buf, size);
	if (r != 0)
		return r < 0 ? r : 0;
	server = resolver_loopback(text);
	if (server == 0 || services[0] == '\0')
		return 0;
	if (text_append(buf, size, "nameserver %s\n", services) < 0)
		return -EFBIG;
	*ret_server = server;
	return 0;
}
