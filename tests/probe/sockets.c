/* SPDX-License-Identifier: Apache-2.0 */
/* sockets.c - who can be reached, and being reachable */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECT_SECONDS 2

/** internet_address() - parse a numeric address. Return: its length, 0 if it is none */
static socklen_t internet_address(const char *host, const char *port, struct sockaddr_storage *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)probe_number(port)) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = v4.sin_port };

	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		memcpy(ret, &v4, sizeof(v4));
		return sizeof(v4);
	}
	if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
		memcpy(ret, &v6, sizeof(v6));
		return sizeof(v6);
	}
	errno = EINVAL;
	return 0;
}

/** abstract_address() - @name in the abstract namespace. Return: its length */
static socklen_t abstract_address(const char *name, struct sockaddr_storage *ret)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t used = strnlen(name, sizeof(address.sun_path) - 1);

	memcpy(address.sun_path + 1, name, used);
	memcpy(ret, &address, sizeof(address));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + used);
}

/** try_connect() - connect, wait no longer than CONNECT_SECONDS (EINPROGRESS), report */
static int try_connect(const struct sockaddr_storage *address, socklen_t length)
{
	const struct timeval limit = { .tv_sec = CONNECT_SECONDS };
	int fd = length ? socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	int r = fd;

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		r = connect(fd, (const struct sockaddr *)address, length);
	}
	probe_result("result", r);
	if (fd >= 0)
		close(fd);
	return 0;
}

/** serve() - listen and greet whoever connects, for ever */
static int serve(const struct sockaddr_storage *address, socklen_t length, const char *what)
{
	int one = 1, fd = length ? socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	const char *dyno = getenv("DYNO");

	if (fd >= 0 && address->ss_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (const struct sockaddr *)address, length) < 0 || listen(fd, 128) < 0)
		return probe_result("result", -1);
	printf("listening=%s\n", what);
	for (;;) {
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (peer < 0)
			continue;
		dprintf(peer, "HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nhello from %s\n", dyno ? dyno : "nobody");
		/* Closing with unread input would reset the connection and may lose the greeting */
		shutdown(peer, SHUT_WR);
		recv(peer, (char[4096]){ 0 }, 4096, 0);
		close(peer);
	}
}

static int run_connect(int argc, char **argv)
{
	struct sockaddr_storage address;

	(void)argc;
	return try_connect(&address, internet_address(argv[1], argv[2], &address));
}

static int run_listen(int argc, char **argv)
{
	const char *port = argc > 1 ? argv[1] : getenv("PORT");
	struct sockaddr_storage address;

	if (!port)
		port = "0";
	return serve(&address, internet_address(argc > 2 ? argv[2] : "0.0.0.0", port, &address), port);
}

static int run_abstract_connect(int argc, char **argv)
{
	struct sockaddr_storage address;

	(void)argc;
	return try_connect(&address, abstract_address(argv[1], &address));
}

static int run_abstract_listen(int argc, char **argv)
{
	struct sockaddr_storage address;

	(void)argc;
	return serve(&address, abstract_address(argv[1], &address), argv[1]);
}

/** run_fetch() - one HTTP request, the whole answer to standard output */
static int run_fetch(int argc, char **argv)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	struct sockaddr_storage address;
	socklen_t length = internet_address(argv[1], argv[2], &address);
	int fd = length ? socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	char last = '\n';

	(void)argc;
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) < 0 || write(fd, request, strlen(request)) < 0)
		return probe_result("result", -1);
	return probe_result("result", probe_copy(fd, STDOUT_FILENO, &last));
}

static int run_rawsock(int argc, char **argv)
{
	static const struct {
		const char *name;
		int family, type, protocol;
	} all[] = {
		{ "inet-raw", AF_INET, SOCK_RAW, IPPROTO_ICMP },
		{ "inet6-raw", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6 },
		{ "packet", AF_PACKET, SOCK_RAW, 0 },
		{ "vsock", AF_VSOCK, SOCK_STREAM, 0 },
		{ "alg", AF_ALG, SOCK_SEQPACKET, 0 },
		{ "netfilter", AF_NETLINK, SOCK_RAW, 12 },
		{ "uevent", AF_NETLINK, SOCK_RAW, 15 },
		{ "bluetooth", AF_BLUETOOTH, SOCK_RAW, 0 },
		{ "route", AF_NETLINK, SOCK_RAW, 0 },
		{ "inet-stream", AF_INET, SOCK_STREAM, 0 },
	};

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char key[64];
		int fd = socket(all[i].family, all[i].type | SOCK_CLOEXEC, all[i].protocol);

		snprintf(key, sizeof(key), "socket.%s", all[i].name);
		probe_result(key, fd);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

const struct probe_command probe_sockets[] = {
	{ "connect", run_connect, 2, "ADDRESS PORT (numeric; two seconds)" },
	{ "fetch", run_fetch, 2, "ADDRESS PORT (one HTTP request)" },
	{ "listen", run_listen, 0, "[PORT [ADDRESS]] (answers HTTP; $PORT by default)" },
	{ "abstract-connect", run_abstract_connect, 1, "NAME" },
	{ "abstract-listen", run_abstract_listen, 1, "NAME" },
	{ "rawsock", run_rawsock, 0, "(socket.KIND=result for kinds that a dyno must not have, and two it must)" },
	{ NULL, NULL, 0, NULL },
};
