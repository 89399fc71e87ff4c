/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_network_tenants.c - two dynos have the same slot one after the other: the second sees nothing of the first
 *
 * Slot, link name and addresses are used again; the namespace is not, and the second test here shows why: it looks at what
 * stays behind in one that was used.
 */
#include "netns_fixture.h"

#define SLOT 5
#define OTHER_PORT 8080

static const struct policy policy = {
	.port = PORT,
	.publish_count = 1,
	.publish = { { .family = AF_INET, .port = OTHER_PORT, .address = { 127, 0, 0, 1 } } },
	.egress = POLICY_EGRESS_LIST,
	.cidr_count = 1,
	.cidrs = { { .family = AF_INET, .bits = 8, .address = { 10 } } },
	.allow_count = 1,
	.allow_host = { 7777 },
};

/** read_in() - the text of file @path of namespace @ns, into @buf; the thread stays here */
static void read_in(int ns, const char *path, char *buf, size_t size)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	CHECK(home >= 0 && setns(ns, CLONE_NEWNET) == 0);
	CHECK(fd_read_text(AT_FDCWD, path, buf, size) >= 0);
	CHECK(setns(home, CLONE_NEWNET) == 0);
	close(home);
}

/** received() - IPv4 packets that namespace @ns has received: 3rd number of the line of values in /proc/net/snmp */
static long received(int ns)
{
	static char text[16384];
	const char *line;
	long count = -1;

	read_in(ns, "/proc/thread-self/net/snmp", text, sizeof(text));
	line = strstr(text, "\nIp:");
	CHECK(line && sscanf(line, "\nIp: %*d %*d %ld", &count) == 1);
	return count;
}

/** sockets_of() - lines in /proc/net/tcp of namespace @ns */
static int sockets_of(int ns)
{
	static char text[16384];
	int count = -1; /* the headline */

	read_in(ns, "/proc/thread-self/net/tcp", text, sizeof(text));
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		count++;
	return count;
}

/** bind_in() - bind *:@port in namespace @ns as servers without SO_REUSEADDR do. Return: 0 or negative errno */
static int bind_in(int ns, uint16_t port)
{
	struct sockaddr_in in = endpoint("0.0.0.0", port);
	_cleanup_close_ int fd = socket_in(ns, AF_INET, SOCK_STREAM);

	return bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 ? -errno : 0;
}

/**
 * live() - the life of a tenant: a server behind a published address, and a client with which it speaks
 * The server closes first, so that TIME-WAIT is on its side.
 * Return: the client's second connection, which is still open and of which nothing has been read
 */
static int live(struct fixture *f, struct network *network)
{
	struct sockaddr_in in = endpoint("127.0.0.1", OTHER_PORT);
	_cleanup_close_ int server = listen_in(network->fd, PORT);
	int clients[2], accepted[2];
	char byte;

	CHECK(network_admit(f->host, DYNO_NET_PRIVATE, &policy, network, &f->err) == 0);
	for (int i = 0; i < 2; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		CHECK(clients[i] >= 0 && connect(clients[i], (struct sockaddr *)&in, sizeof(in)) == 0);
		accepted[i] = accept(server, NULL, NULL);
		CHECK(accepted[i] >= 0);
	}
	close(accepted[0]);
	CHECK(read(clients[0], &byte, 1) == 0);
	close(clients[0]);
	/* what a killed process leaves: a socket of nobody's, that still sends */
	CHECK(write(accepted[1], "secret", 6) == 6);
	close(accepted[1]);
	return clients[1];
}

static void tenants_child(void *data)
{
	struct fixture f = begin();
	struct network first = open_private(&f, SLOT), second;
	int old = live(&f, &first);

	(void)data;
	network_close(f.host, &first);
	/* the next tenant is nobody's server yet, and was given nothing */
	second = open_private(&f, SLOT);
	CHECK(reach("127.0.0.1", OTHER_PORT, NULL) == -ECONNREFUSED);
	/* the old client speaks on: whoever answers, it is not the new tenant */
	(void)send(old, "secret", 6, MSG_NOSIGNAL);
	(void)send(old, "secret", 6, MSG_NOSIGNAL);
	CHECK(poll(NULL, 0, 50) == 0);
	CHECK(received(second.fd) == 0 && sockets_of(second.fd) == 0);
	CHECK(bind_in(second.fd, PORT) == 0);
	/* what the first was allowed, the second is not */
	listen_in(-1, 7777);
	CHECK(!reaches(second.fd, "172.29.63.254", 7777, NULL));
	network_close(f.host, &second);
	end(&f);
}

static void test_the_second_tenant_sees_nothing_of_the_first(void **state)
{
	(void)state;
	expect(tenants_child);
}

static void used_child(void *data)
{
	struct fixture f = begin();
	struct network network = open_private(&f, SLOT);
	int ns = fcntl(network.fd, F_DUPFD_CLOEXEC, 3);
	_cleanup_close_ int old = live(&f, &network);

	/* the end is taken down as for a dead dyno, link and all; only the namespace is kept */
	(void)data;
	network_close(f.host, &network);
	CHECK(network_remove(f.host, SLOT, &f.err) == 0);
	CHECK(received(ns) > 0);
	CHECK(sockets_of(ns) > 0);
	CHECK(bind_in(ns, PORT) == -EADDRINUSE);
	close(ns);
	end(&f);
}

static void test_a_used_namespace_remembers(void **state)
{
	(void)state;
	expect(used_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_second_tenant_sees_nothing_of_the_first),
		cmocka_unit_test(test_a_used_namespace_remembers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
