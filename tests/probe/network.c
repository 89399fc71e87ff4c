/* SPDX-License-Identifier: Apache-2.0 */
/**
 * network.c - both sides of "who reaches whom": a server that answers with the address it was asked from, and attempts
 *
 * An attempt is a round trip: only an answer is OK, so that a packet which left and was lost is none.
 */
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MS 2000
#define SERVERS_MAX 32
#define DNS_HEADER 12

/** struct attempt - where to */
struct attempt {
	struct sockaddr_storage to;
	socklen_t length;
};

/** read_address() - numeric @host and @port. Return: false when it is no address */
static bool read_address(const char *host, const char *port, struct attempt *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)probe_number(port)) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = v4.sin_port };

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
		memcpy(&ret->to, &v4, sizeof(v4));
		ret->length = sizeof(v4);
	} else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
		memcpy(&ret->to, &v6, sizeof(v6));
		ret->length = sizeof(v6);
	}
	return ret->length != 0;
}

/** wait_for() - until @fd has @events. Return: 0, or -1 with errno */
static int wait_for(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int r = poll(&poll_fd, 1, ANSWER_MS);

	if (r == 0)
		errno = ETIMEDOUT;
	return r > 0 ? 0 : -1;
}

/** connect_within() - connect(2), for ANSWER_MS at most. Return: 0, or -1 with errno */
static int connect_within(int fd, const struct attempt *attempt)
{
	socklen_t size = sizeof(int);
	int code = 0;

	if (connect(fd, (const struct sockaddr *)&attempt->to, attempt->length) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -1;
	if (wait_for(fd, POLLOUT) < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		return -1;
	errno = code;
	return code == 0 ? 0 : -1;
}

/** exchange() - say something on a connected socket and take the answer. Return: its length, or -1 with errno */
static ssize_t exchange(int fd, const void *request, size_t size, char *answer, size_t room)
{
	ssize_t n;

	if (send(fd, request, size, MSG_NOSIGNAL) < 0 || wait_for(fd, POLLIN) < 0)
		return -1;
	n = recv(fd, answer, room - 1, 0);
	if (n == 0)
		errno = ECONNRESET;
	if (n > 0)
		answer[n] = '\0';
	return n > 0 ? n : -1;
}

/** try_reach() - one attempt by @protocol. Return: length of the answer, or -1 with errno */
static ssize_t try_reach(const char *protocol, const struct attempt *attempt, char *answer, size_t room)
{
	/* 8 bytes of header and none of text; the kernel fills in identifier and checksum */
	const struct icmphdr ping4 = { .type = ICMP_ECHO };
	const struct icmp6_hdr ping6 = { .icmp6_type = ICMP6_ECHO_REQUEST };
	bool v6 = attempt->to.ss_family == AF_INET6, ping = strcmp(protocol, "ping") == 0;
	const void *request = ping ? (v6 ? (const void *)&ping6 : &ping4) : "hello\n";
	int type = strcmp(protocol, "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM;
	int fd = socket(attempt->to.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC,
	                ping ? (v6 ? (int)IPPROTO_ICMPV6 : IPPROTO_ICMP) : 0);
	ssize_t n = -1;
	int code;

	if (fd < 0)
		return -1;
	if (connect_within(fd, attempt) == 0)
		n = exchange(fd, request, ping ? sizeof(ping4) : strlen("hello\n"), answer, room);
	code = errno;
	if (ping && n > 0)
		answer[0] = '\0';
	close(fd);
	errno = code;
	return n;
}

/** reach() - "KEY,PROTOCOL,ADDRESS,PORT": print KEY=result and, when the server said it, KEY.peer=address that it saw */
static void reach(char *what)
{
	const char *words[4] = { "", "", "", "0" };
	char answer[256] = "", key[128];
	struct attempt attempt;
	ssize_t n = -1;

	for (size_t i = 0; i < 4 && what; i++)
		words[i] = strsep(&what, ",");
	errno = EINVAL;
	if (read_address(words[2], words[3], &attempt))
		n = try_reach(words[1], &attempt, answer, sizeof(answer));
	snprintf(key, sizeof(key), "%s", words[0]);
	probe_result(key, n);
	answer[strcspn(answer, "\n")] = '\0';
	if (n > 0 && strncmp(answer, "peer=", 5) == 0)
		printf("%s.%s\n", key, answer);
}

/** run_reach() - all attempts at once: most of those that fail do nothing but wait */
static int run_reach(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			reach(argv[i]);
			fflush(stdout);
			_exit(0);
		}
		if (pid < 0)
			return probe_result("fork", -1);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

/* ---- the server --------------------------------------------------------------------------------------------------- */

/** peer_text() - "peer=ADDRESS\n", an IPv4 address as one */
static int peer_text(const struct sockaddr_storage *peer, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN] = "?";
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	memcpy(&v4, peer, sizeof(v4));
	memcpy(&v6, peer, sizeof(v6));
	if (v4.sin_family == AF_INET)
		inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
	else if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
		inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof(text));
	else
		inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
	return snprintf(buf, size, "peer=%s\n", text);
}

/** answer_stream() - one connection: a line, an answer. A child does it, so that one who says nothing holds up nobody */
static void answer_stream(int fd)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t length = sizeof(peer);
	int connection = accept4(fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
	char text[64], line[512];
	int size;

	if (connection < 0)
		return;
	size = peer_text(&peer, text, sizeof(text));
	printf("tcp.%s", text);
	if (fork() == 0) {
		if (wait_for(connection, POLLIN) == 0 && recv(connection, line, sizeof(line), 0) > 0)
			(void)send(connection, text, (size_t)size, MSG_NOSIGNAL);
		_exit(0);
	}
	close(connection);
}

/** answer_datagram() - from the address that was asked, which on a machine with many is not a matter of course */
static void answer_datagram(int fd)
{
	struct sockaddr_storage peer = { 0 };
	char control[256], text[64], line[512] = "";
	struct iovec part = { line, sizeof(line) - 1 };
	struct msghdr message = { .msg_name = &peer,
		                  .msg_namelen = sizeof(peer),
		                  .msg_iov = &part,
		                  .msg_iovlen = 1,
		                  .msg_control = control,
		                  .msg_controllen = sizeof(control) };

	ssize_t n = recvmsg(fd, &message, 0);

	if (n < 0)
		return;
	part = (struct iovec){ text, (size_t)peer_text(&peer, text, sizeof(text)) };
	printf("udp.%sudp.said=%.*s\n", text, (int)strcspn(line, "\n"), line);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		/* The way back is the routing table's to choose, not the way in */
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)
			((struct in6_pktinfo *)(void *)CMSG_DATA(c))->ipi6_ifindex = 0;
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
			((struct in_pktinfo *)(void *)CMSG_DATA(c))->ipi_ifindex = 0;
	}
	(void)sendmsg(fd, &message, MSG_NOSIGNAL);
}

/** open_server() - a socket of @type at @host and @port. Return: descriptor, or -1 with errno */
static int open_server(int type, const char *host, const char *port)
{
	struct attempt at;
	int one = 1, fd;

	if (!read_address(host, port, &at)) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(at.to.ss_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (at.to.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	else
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at.to, at.length) < 0 || (type == SOCK_STREAM && listen(fd, 128) < 0))
		return -1;
	return fd;
}

/** run_echo() - TCP and UDP on each port, for ever; "tcp.peer=" and "udp.peer=" for each who came */
static int run_echo(int argc, char **argv)
{
	struct pollfd fds[SERVERS_MAX];
	nfds_t count = 0;

	signal(SIGCHLD, SIG_IGN);
	for (int i = 2; i < argc && count + 2 <= SERVERS_MAX; i++) {
		fds[count++] = (struct pollfd){ open_server(SOCK_DGRAM, argv[1], argv[i]), POLLIN, 0 };
		fds[count++] = (struct pollfd){ open_server(SOCK_STREAM, argv[1], argv[i]), POLLIN, 0 };
		if (fds[count - 2].fd < 0 || fds[count - 1].fd < 0)
			return probe_result("result", -1);
	}
	printf("echoing=%s\n", argv[1]);
	for (;;) {
		if (poll(fds, count, -1) < 0)
			continue;
		for (nfds_t i = 0; i < count; i++) {
			if (fds[i].revents)
				(i % 2 ? answer_stream : answer_datagram)(fds[i].fd);
		}
	}
}

/** run_dns() - a name server that has one answer to every question: an IPv4 address */
static int run_dns(int argc, char **argv)
{
	static const unsigned char record[] = { 0xc0, DNS_HEADER, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4 };
	unsigned char packet[512];
	int fd = open_server(SOCK_DGRAM, argv[1], argv[2]);

	(void)argc;
	if (fd < 0)
		return probe_result("result", -1);
	printf("serving=%s\n", argv[1]);
	for (;;) {
		struct sockaddr_storage peer;
		socklen_t length = sizeof(peer);
		ssize_t end = DNS_HEADER, n = recvfrom(fd, packet, 256, 0, (struct sockaddr *)&peer, &length);
		bool address;

		while (end < n && packet[end])
			end += packet[end] + 1;
		end += 5;
		if (n < end)
			continue;
		/* Type A, class IN; nothing else is known of the name */
		address = packet[end - 3] == 1;
		packet[2] = 0x85;
		packet[3] = 0x80;
		memset(packet + 6, 0, 6);
		packet[7] = address;
		if (address) {
			memcpy(packet + end, record, sizeof(record));
			inet_pton(AF_INET, argv[3], packet + end + sizeof(record));
			end += (ssize_t)sizeof(record) + 4;
		}
		(void)sendto(fd, packet, (size_t)end, 0, (struct sockaddr *)&peer, length);
	}
}

/* ---- what no app may do -------------------------------------------------------------------------------------------- */

/** run_bind_from() - send a datagram from an address that is not ours, by the options that allow to bind to one */
static int run_bind_from(int argc, char **argv)
{
	static const struct {
		const char *name;
		int level4, option4, level6, option6;
	} ways[] = {
		{ "plain", SOL_SOCKET, SO_REUSEADDR, SOL_SOCKET, SO_REUSEADDR },
		{ "freebind", IPPROTO_IP, IP_FREEBIND, IPPROTO_IPV6, IPV6_FREEBIND },
		{ "transparent", IPPROTO_IP, IP_TRANSPARENT, IPPROTO_IPV6, IPV6_TRANSPARENT },
	};
	struct attempt from, to;

	(void)argc;
	if (!read_address(argv[2], "0", &from) || !read_address(argv[3], argv[4], &to))
		return 64;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		bool v6 = from.to.ss_family == AF_INET6;
		int one = 1, fd = socket(from.to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		char key[64];
		long r;

		r = setsockopt(fd, v6 ? ways[i].level6 : ways[i].level4, v6 ? ways[i].option6 : ways[i].option4, &one,
		               sizeof(one));
		if (r == 0)
			r = bind(fd, (struct sockaddr *)&from.to, from.length);
		snprintf(key, sizeof(key), "%s.%s", argv[1], ways[i].name);
		if (r == 0)
			r = sendto(fd, key, strlen(key), 0, (struct sockaddr *)&to.to, to.length);
		probe_result(key, r);
		close(fd);
	}
	return 0;
}

/** run_forge() - a datagram with an IPv4 header of our own making; needs CAP_NET_RAW */
static int run_forge(int argc, char **argv)
{
	struct attempt to;
	struct {
		struct iphdr ip;
		struct udphdr udp;
		char text[32];
	} packet = { .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP },
		     .udp = { .source = htons(9), .len = htons(sizeof(packet.udp) + sizeof(packet.text)) } };
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	(void)argc;
	if (fd < 0)
		return probe_result(argv[1], -1);
	if (!read_address(argv[3], argv[4], &to) || inet_pton(AF_INET, argv[2], &packet.ip.saddr) != 1)
		return 64;
	packet.ip.daddr = ((struct sockaddr_in *)(void *)&to.to)->sin_addr.s_addr;
	packet.udp.dest = ((struct sockaddr_in *)(void *)&to.to)->sin_port;
	snprintf(packet.text, sizeof(packet.text), "%s\n", argv[1]);
	probe_result(argv[1], sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&to.to, to.length));
	close(fd);
	return 0;
}

/** run_addresses() - addressN.LINK=ADDRESS: those that are not of the link alone */
static int run_addresses(int argc, char **argv)
{
	struct ifaddrs *all = NULL;

	(void)argc;
	(void)argv;
	if (getifaddrs(&all) < 0)
		return probe_result("result", -1);
	for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
		const struct sockaddr_in6 *v6 = (const void *)at->ifa_addr;
		const struct sockaddr_in *v4 = (const void *)at->ifa_addr;
		char text[INET6_ADDRSTRLEN];

		if (!at->ifa_addr)
			continue;
		if (v4->sin_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text)))
			printf("address4.%s=%s\n", at->ifa_name, text);
		if (v4->sin_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr) &&
		    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text)))
			printf("address6.%s=%s\n", at->ifa_name, text);
	}
	freeifaddrs(all);
	return 0;
}

const struct probe_command probe_network[] = {
	{ "reach", run_reach, 1,
	  "KEY,tcp|udp|ping,ADDRESS,PORT... (round trips with `echo`; all at once, two seconds)" },
	{ "echo", run_echo, 2,
	  "ADDRESS PORT... (TCP and UDP, answers with who asked and prints it; :: for every address)" },
	{ "dns", run_dns, 3, "ADDRESS PORT ANSWER (a name server with one answer)" },
	{ "bind-from", run_bind_from, 4, "KEY FROM ADDRESS PORT (a datagram from an address of another)" },
	{ "forge", run_forge, 4, "KEY FROM ADDRESS PORT (the same with a raw socket, IPv4)" },
	{ "addresses", run_addresses, 0, "(those of all links)" },
	{ NULL, NULL, 0, NULL },
};
