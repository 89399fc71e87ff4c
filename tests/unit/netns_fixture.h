/* SPDX-License-Identifier: Apache-2.0 */
/**
 * netns_fixture.h - network tests: a forked child in a fresh network namespace that stands for "the host"
 *
 * The child never uses a cmocka assertion (it would run the other tests in the child): it uses CHECK(), which prints and
 * makes the child exit with a code, and the parent asserts on that.
 */
#ifndef TESTS_UNIT_NETNS_FIXTURE_H
#define TESTS_UNIT_NETNS_FIXTURE_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "netns/link.h"
#include "netns/network.h"

#define PORT 5000
#define FIXTURE_FAILED 1
#define FIXTURE_SKIPPED 77
#define FIXTURE_REACHED 42 /* not 0, so that a probe which broke is not taken for one that reached */
#define FIXTURE_REFUSED 43
#define FIXTURE_PATIENCE_MS 400

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __func__, __LINE__, #condition, errno);              \
			_exit(FIXTURE_FAILED);                                                                         \
		}                                                                                                      \
	} while (0)

/** in_child() - run @body in a fork. Return: its exit code, or 255 when it did not exit */
static inline int in_child(void (*body)(void *data), void *data)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		body(data);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

/* state directory of the test that runs; made and removed by expect(), as the child may end anywhere */
static char fixture_dir[sizeof("/tmp/dyno-test-XXXXXX")];

/** clear_dir() - remove directory @path and the files in it */
static inline void clear_dir(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	(void)rmdir(path);
}

/** own_host() - go into a fresh namespace that stands for the host; without root in a user namespace of its own */
static inline void own_host(void)
{
	int flags = CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER);

	if (unshare(flags) < 0) {
		fprintf(stderr, "cannot make a network namespace: %s\n", strerror(errno));
		_exit(FIXTURE_SKIPPED);
	}
	CHECK(link_loopback_up() == 0);
}

/** where() - inode number of the calling thread's network namespace */
static inline ino_t where(void)
{
	struct stat st = { 0 };

	CHECK(stat("/proc/thread-self/ns/net", &st) == 0);
	return st.st_ino;
}

/** open_fds() - number of open descriptors */
static inline int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/** endpoint() - IPv4 address and port for the socket calls */
static inline struct sockaddr_in endpoint(const char *address, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };

	CHECK(inet_pton(AF_INET, address, &in.sin_addr) == 1);
	return in;
}

/** socket_in() - a socket of @family and @type that was made in namespace @ns (-1: here); the thread stays here */
static inline int socket_in(int ns, int family, int type)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd;

	CHECK(home >= 0);
	CHECK(ns < 0 || setns(ns, CLONE_NEWNET) == 0);
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	CHECK(ns < 0 || setns(home, CLONE_NEWNET) == 0);
	CHECK(fd >= 0);
	close(home);
	return fd;
}

/** listen_in() - listening TCP socket on 0.0.0.0:@port, made in namespace @ns (-1: here) */
static inline int listen_in(int ns, uint16_t port)
{
	struct sockaddr_in in = endpoint("0.0.0.0", port);
	const int again = 1; /* the port may have a connection of the test before in TIME-WAIT */
	int fd = socket_in(ns, AF_INET, SOCK_STREAM);

	CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &again, sizeof(again)) == 0);
	CHECK(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	CHECK(listen(fd, 8) == 0);
	return fd;
}

/** listen6_in() - the same on [::]:@port, IPv6 only */
static inline int listen6_in(int ns, uint16_t port)
{
	struct sockaddr_in6 in = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const int on = 1;
	int fd = socket_in(ns, AF_INET6, SOCK_STREAM);

	CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0);
	CHECK(bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	CHECK(listen(fd, 8) == 0);
	return fd;
}

/**
 * reach() - connect to @address:@port from here, IPv4 or IPv6
 * @device: treat the address as on this link, whatever the routes say; NULL for the ordinary way
 * Return: 0, or negative errno, -ETIMEDOUT after FIXTURE_PATIENCE_MS
 */
static inline int reach(const char *address, uint16_t port, const char *device)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	bool is_six = strchr(address, ':') != NULL;
	struct sockaddr_in four = endpoint(is_six ? "0.0.0.0" : address, port);
	int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct pollfd event = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int code = 0;

	CHECK(fd >= 0);
	CHECK(!is_six || inet_pton(AF_INET6, address, &six.sin6_addr) == 1);
	if (device)
		CHECK(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) == 0);
	if (connect(fd, is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four,
	            is_six ? sizeof(six) : sizeof(four)) < 0 &&
	    errno != EINPROGRESS)
		code = errno;
	else if (poll(&event, 1, FIXTURE_PATIENCE_MS) != 1)
		code = ETIMEDOUT;
	else
		CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0);
	close(fd);
	return -code;
}

/**
 * reach_new() - reach() for an IPv6 address that is a moment old
 * The kernel puts it into its routes by a work item (addrconf_dad_work()), which the first packet can overtake; an app never is so quick.
 */
static inline int reach_new(const char *address, uint16_t port)
{
	int r = reach(address, port, NULL);

	return r == -ETIMEDOUT ? reach(address, port, NULL) : r;
}

/** struct probe - what to try from inside a namespace */
struct probe {
	int ns;
	const char *address;
	uint16_t port;
	const char *device;
};

static inline void probe_child(void *data)
{
	const struct probe *probe = data;
	int r;

	CHECK(setns(probe->ns, CLONE_NEWNET) == 0);
	r = reach(probe->address, probe->port, probe->device);
	_exit(r == 0 ? FIXTURE_REACHED : FIXTURE_REFUSED);
}

/** reaches() - from namespace @ns, @address:@port can be connected to */
static inline bool reaches(int ns, const char *address, uint16_t port, const char *device)
{
	struct probe probe = { ns, address, port, device };
	int code = in_child(probe_child, &probe);

	CHECK(code == FIXTURE_REACHED || code == FIXTURE_REFUSED);
	return code == FIXTURE_REACHED;
}

/** fixture - the face of the room and a netlink socket of the test's own */
struct fixture {
	struct network_host *host;
	struct nl_sock *sock;
	int dir;
	struct dyno_error err;
};

static inline struct fixture begin(void)
{
	struct fixture fixture = { 0 };

	own_host();
	fixture.dir = open(fixture_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fixture.dir >= 0);
	CHECK(network_host_open(false, fixture.dir, &fixture.host, &fixture.err) == 0);
	CHECK(netlink_open(NETLINK_ROUTE, &fixture.sock, &fixture.err) == 0);
	return fixture;
}

static inline void end(struct fixture *fixture)
{
	fixture->host = network_host_close(fixture->host);
	fixture->sock = netlink_close(fixture->sock);
	fixture->dir = fd_close(fixture->dir);
}

/** try_private() - both parts of a private network. Return: 0 or negative errno, with nothing left */
static inline int try_private(struct fixture *fixture, unsigned slot, struct network *network)
{
	int r = network_open(fixture->host, DYNO_NET_PRIVATE, slot, network, &fixture->err);

	if (r == 0)
		r = network_connect(fixture->host, DYNO_NET_PRIVATE, network, &fixture->err);
	if (r < 0)
		network_close(fixture->host, network);
	return r;
}

/** open_private() - a private network that must work */
static inline struct network open_private(struct fixture *fixture, unsigned slot)
{
	struct network network = NETWORK_NULL;

	if (try_private(fixture, slot, &network) < 0) {
		fprintf(stderr, "%s: %s\n", fixture->err.step, fixture->err.text);
		_exit(FIXTURE_FAILED);
	}
	if (network_settle(&network, &fixture->err) < 0)
		_exit(FIXTURE_FAILED);
	return network;
}

/** set_route() - add the route @network/@bits by @device, with an optional gateway, to the namespace of @sock */
static inline void set_route(struct nl_sock *sock, const char *network, unsigned char bits, const char *device,
                             const char *gateway)
{
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	const struct rtmsg route = {
		.rtm_family = AF_INET,
		.rtm_dst_len = bits,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	struct in_addr to = endpoint(network, 0).sin_addr;

	netlink_add(&batch, "add a route", RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof(route));
	netlink_put(&batch, RTA_DST, &to, sizeof(to));
	netlink_put_u32(&batch, RTA_OIF, (uint32_t)link_index(sock, device));
	if (gateway)
		netlink_put_u32(&batch, RTA_GATEWAY, endpoint(gateway, 0).sin_addr.s_addr);
	CHECK(netlink_send(sock, &batch, "test", NULL) == 0);
}

/** expect() - run @body in a child; skip or assert */
static inline void expect(void (*body)(void *data))
{
	int code;

	strcpy(fixture_dir, "/tmp/dyno-test-XXXXXX");
	assert_non_null(mkdtemp(fixture_dir));
	code = in_child(body, NULL);
	clear_dir(fixture_dir);
	if (code == FIXTURE_SKIPPED)
		skip();
	assert_int_equal(code, 0);
}

#endif /* TESTS_UNIT_NETNS_FIXTURE_H */
