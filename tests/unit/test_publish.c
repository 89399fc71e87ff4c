/* SPDX-License-Identifier: Apache-2.0 */
/* test_publish.c - netns/publish and owner: addresses reserved, their owners named, unix sockets made and removed */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "netns/owner.h"
#include "netns/publish.h"

#define NO_IPV6 77 /* exit code of a child: nothing to test here */

/** told() - what a failure says, remedy included */
static const char *told(const struct dyno_error *err)
{
	static char text[sizeof(err->text) + sizeof(err->remedy) + 2];

	snprintf(text, sizeof(text), "%s|%s", err->text, err->remedy);
	return text;
}

/** policy_of() - the policy of an app published at @said */
static struct policy policy_of(const char *const *said, const char *path)
{
	const struct dyno_app app = { .port = 5000, .publish = said, .publish_unix = path };
	struct policy policy;

	assert_int_equal(policy_read(&app, DYNO_NET_PRIVATE, &policy, NULL), 0);
	return policy;
}

#define SAID(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int reserve(const char *const *said, struct publish *publish, struct dyno_error *err)
{
	struct policy policy = policy_of(said, NULL);

	memset(err, 0, sizeof(*err));
	return publish_reserve(&policy, publish, err);
}

/** must_reserve() - addresses that are free */
static struct publish must_reserve(const char *const *said)
{
	struct publish publish = PUBLISH_NULL;
	struct dyno_error err;

	if (reserve(said, &publish, &err) < 0)
		fail_msg("%s: %s", err.step, told(&err));
	return publish;
}

/** must_refuse() - an address that is not to be had, and what is said then */
static void must_refuse(const char *const *said, int code, const char *words)
{
	struct publish publish = PUBLISH_NULL;
	struct dyno_error err;

	assert_int_equal(reserve(said, &publish, &err), code);
	assert_int_equal(err.code, code);
	if (!strstr(told(&err), words))
		fail_msg("'%s' does not say '%s'", told(&err), words);
	assert_int_equal(publish.count, 0);
}

/** at_port() - "ADDRESS:@port" for a list of addresses */
static const char *at_port(const char *address, uint16_t port)
{
	static char text[8][64];
	static unsigned next;
	char *buf = text[next++ % 8];

	if (address[0])
		snprintf(buf, sizeof(text[0]), "%s:%u", address, (unsigned)port);
	else
		snprintf(buf, sizeof(text[0]), "%u", (unsigned)port);
	return buf;
}

/** listen_four() - a server of somebody else's at 127.0.0.1:@port (0: any); @reuse: as most servers have it */
static int listen_four(uint16_t port, bool reuse, uint16_t *ret_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(in);
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (reuse)
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	if (bind(fd, (struct sockaddr *)&in, size) < 0 || listen(fd, 8) < 0) {
		close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	if (ret_port)
		*ret_port = ntohs(in.sin_port);
	return fd;
}

static int connect_four(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		return fd;
	close(fd);
	return -errno;
}

static bool has_six(void)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	_cleanup_close_ int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && bind(fd, (struct sockaddr *)&six, sizeof(six)) == 0;
}

static void free_port_of_both_families(void **state)
{
	struct publish publish = must_reserve(SAID("0"));

	(void)state;
	assert_int_equal(publish.count, has_six() ? 2 : 1);
	assert_true(publish.at[0].port > 0);
	assert_string_equal(publish.texts[0], at_port("127.0.0.1", publish.at[0].port));
	if (publish.count == 2)
		assert_string_equal(publish.texts[1], at_port("[::1]", publish.at[0].port));
	publish_release(&publish);
	assert_int_equal(publish.count, 0);
	assert_int_equal(publish.fds[0], -1);
	publish_release(&publish);
}

static void free_ports_of_their_own(void **state)
{
	struct publish publish = must_reserve(SAID("127.0.0.2:0", "127.0.0.3:0"));

	(void)state;
	assert_int_equal(publish.count, 2);
	assert_true(publish.at[0].port > 0 && publish.at[1].port > 0);
	publish_release(&publish);
}

static void nothing_listens(void **state)
{
	struct publish publish = must_reserve(SAID("0"));

	(void)state;
	assert_int_equal(connect_four(publish.at[0].port), -ECONNREFUSED);
	publish_release(&publish);
}

/** nobody gets a reserved port: not we again, not a server with SO_REUSEADDR, not somebody for all addresses */
static void reserved_is_reserved(void **state)
{
	struct publish publish = must_reserve(SAID("127.0.0.1:0"));
	uint16_t port = publish.at[0].port;

	(void)state;
	must_refuse(SAID(at_port("127.0.0.1", port)), -EADDRINUSE, "does not listen");
	must_refuse(SAID(at_port("0.0.0.0", port)), -EADDRINUSE, "taken by");
	must_refuse(SAID(at_port("", port)), -EADDRINUSE, "publish another port, or 0");
	assert_int_equal(listen_four(port, false, NULL), -1);
	assert_int_equal(listen_four(port, true, NULL), -1);
	publish_release(&publish);
	publish = must_reserve(SAID(at_port("127.0.0.1", port)));
	publish_release(&publish);
}

/** a failure at one address lets go of the others */
static void all_or_nothing(void **state)
{
	uint16_t taken = 0, port;
	int server = listen_four(0, true, &taken);
	struct publish publish = must_reserve(SAID("127.0.0.1:0"));

	(void)state;
	port = publish.at[0].port;
	publish_release(&publish);
	must_refuse(SAID(at_port("127.0.0.1", port), at_port("127.0.0.1", taken)), -EADDRINUSE, "taken by");
	publish = must_reserve(SAID(at_port("127.0.0.1", port)));
	publish_release(&publish);
	close(server);
}

static void owner_is_named(void **state)
{
	uint16_t port = 0;
	int server = listen_four(0, true, &port);
	char words[64];

	(void)state;
	snprintf(words, sizeof(words), "127.0.0.1:%u is taken by", (unsigned)port);
	must_refuse(SAID(at_port("127.0.0.1", port)), -EADDRINUSE, words);
	snprintf(words, sizeof(words), "(pid %d)", (int)getpid());
	must_refuse(SAID(at_port("127.0.0.1", port)), -EADDRINUSE, words);
	must_refuse(SAID(at_port("0.0.0.0", port)), -EADDRINUSE, words);
	close(server);
}

/** a dual-stack server holds the port for IPv4 too, and is in the other table of the kernel's */
static void owner_of_both_families_is_named(void **state)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	socklen_t size = sizeof(six);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char words[64];

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(bind(fd, (struct sockaddr *)&six, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&six, &size), 0);
	snprintf(words, sizeof(words), "(pid %d)", (int)getpid());
	must_refuse(SAID(at_port("127.0.0.1", ntohs(six.sin6_port))), -EADDRINUSE, words);
	close(fd);
}

/** closed_connection() - leave a connection of the server's in TIME_WAIT. Return: the port */
static uint16_t closed_connection(bool reuse)
{
	uint16_t port = 0;
	int server = listen_four(0, reuse, &port), client = connect_four(port), taken;

	assert_true(client >= 0);
	taken = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	assert_true(taken >= 0);
	close(taken); /* who closes first keeps it */
	close(client);
	close(server);
	return port;
}

static void closed_connections_do_not_matter(void **state)
{
	uint16_t port = closed_connection(true);
	struct publish publish = must_reserve(SAID(at_port("127.0.0.1", port)));

	(void)state;
	/* and the reservation is as good as any */
	assert_int_equal(connect_four(port), -ECONNREFUSED);
	assert_int_equal(listen_four(port, true, NULL), -1);
	assert_int_equal(listen_four(port, false, NULL), -1);
	must_refuse(SAID(at_port("127.0.0.1", port)), -EADDRINUSE, "taken by");
	must_refuse(SAID(at_port("0.0.0.0", port)), -EADDRINUSE, "taken by");
	publish_release(&publish);
	publish = must_reserve(SAID(at_port("127.0.0.1", port)));
	publish_release(&publish);
}

static void closed_connections_of_a_strict_server(void **state)
{
	uint16_t port = closed_connection(false);

	(void)state;
	must_refuse(SAID(at_port("127.0.0.1", port)), -EADDRINUSE, "a closed connection");
}

static void wrong_addresses(void **state)
{
	(void)state;
	must_refuse(SAID("203.0.113.7:8080"), -EADDRNOTAVAIL, "203.0.113.7:8080 is no address of this machine|0.0.0.0");
	if (has_six())
		must_refuse(SAID("[2001:db8::77]:8080"), -EADDRNOTAVAIL,
		            "[2001:db8::77]:8080 is no address of this machine");
}

/** in_child() - run @body in a fork. Return: its exit code, or 255 */
static int in_child(void (*body)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		body();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

/** no assertion in the children below: they would run the other tests */
static void privileged_port_child(void)
{
	const struct dyno_app app = { .port = 5000, .publish = SAID("127.0.0.1:81") };
	struct publish publish = PUBLISH_NULL;
	struct dyno_error err = { 0 };
	struct policy policy;
	char first[16] = "";

	if (fd_read_text(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", first, sizeof(first)) < 0 ||
	    atoi(first) <= 81)
		_exit(NO_IPV6);
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		_exit(1);
	if (policy_read(&app, DYNO_NET_PRIVATE, &policy, NULL) < 0 ||
	    publish_reserve(&policy, &publish, &err) != -EACCES)
		_exit(2);
	if (!strstr(told(&err), "127.0.0.1:81: ports below 1024 are the system's|publish a port from 1024 on"))
		_exit(3);
	_exit(0);
}

static void privileged_port(void **state)
{
	int code = in_child(privileged_port_child);

	(void)state;
	if (code == NO_IPV6)
		skip();
	assert_int_equal(code, 0);
}

/** own_host_without_six() - a network namespace of our own whose loopback has no IPv6 */
static void own_host_without_six(void)
{
	if (unshare(CLONE_NEWNET | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0)
		_exit(NO_IPV6);
	/* The link is down: no address but 127.0.0.1's local route is missing too. Up, IPv4 only: */
	if (fd_write_text(AT_FDCWD, "/proc/sys/net/ipv6/conf/lo/disable_ipv6", "1") < 0)
		_exit(NO_IPV6);
}

static void without_six_child(void)
{
	const struct dyno_app both = { .port = 5000, .publish = SAID("0") };
	const struct dyno_app six = { .port = 5000, .publish = SAID("[::1]:0") };
	struct publish publish = PUBLISH_NULL;
	struct dyno_error err = { 0 };
	struct policy policy;

	own_host_without_six();
	if (policy_read(&both, DYNO_NET_PRIVATE, &policy, NULL) < 0 || publish_reserve(&policy, &publish, &err) < 0)
		_exit(1);
	if (publish.count != 1 || publish.at[0].family != AF_INET || publish.at[0].port == 0)
		_exit(2);
	publish_release(&publish);
	if (policy_read(&six, DYNO_NET_PRIVATE, &policy, NULL) < 0 ||
	    publish_reserve(&policy, &publish, &err) != -EADDRNOTAVAIL || !strstr(err.text, "this machine has no IPv6"))
		_exit(3);
	_exit(0);
}

static void without_six(void **state)
{
	int code = in_child(without_six_child);

	(void)state;
	if (code == NO_IPV6)
		skip();
	assert_int_equal(code, 0);
}

/** dir() - a directory of the test's own, and "NAME" in it */
static int setup_dir(void **state)
{
	static char dir[32];

	strcpy(dir, "/tmp/dyno-test-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	*state = dir;
	return 0;
}

static int teardown_dir(void **state)
{
	return rmdir(*state);
}

static const char *in_dir(void **state, const char *name)
{
	static char path[108];

	snprintf(path, sizeof(path), "%s/%s", (const char *)*state, name);
	return path;
}

static int reserve_unix(const char *path, struct publish *publish, struct dyno_error *err)
{
	struct policy policy = policy_of(NULL, path);

	memset(err, 0, sizeof(*err));
	return publish_reserve(&policy, publish, err);
}

static int connect_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	close(fd);
	return -errno;
}

static void unix_socket(void **state)
{
	const char *path = in_dir(state, "web.sock");
	struct publish publish = PUBLISH_NULL, other = PUBLISH_NULL;
	mode_t mask = umask(077);
	struct dyno_error err;
	struct stat st;
	int client;

	assert_int_equal(reserve_unix(path, &publish, &err), 0);
	umask(mask);
	assert_string_equal(publish.unix_path, path);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	client = connect_unix(path); /* waits until the app listens */
	assert_true(client >= 0);
	assert_int_equal(reserve_unix(path, &other, &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "somebody listens there"));
	assert_int_equal(lstat(path, &st), 0);
	publish_release(&publish);
	publish_release(&publish);
	assert_int_equal(lstat(path, &st), -1);
	close(client);
}

/** leave_dead() - a socket file whose owner is gone */
static void leave_dead(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
}

static void unix_socket_of_a_dead_owner(void **state)
{
	const char *path = in_dir(state, "dead.sock");
	struct publish publish = PUBLISH_NULL;
	struct dyno_error err;
	struct stat st;
	int client;

	leave_dead(path);
	assert_int_equal(connect_unix(path), -ECONNREFUSED);
	assert_int_equal(reserve_unix(path, &publish, &err), 0);
	client = connect_unix(path);
	assert_true(client >= 0);
	publish_sweep(path); /* somebody answers: it stays */
	assert_int_equal(lstat(path, &st), 0);
	close(client);
	publish_release(&publish);
	leave_dead(path);
	publish_sweep(path);
	assert_int_equal(lstat(path, &st), -1);
	publish_sweep(path);
}

static void unix_socket_over_something_else(void **state)
{
	const char *path = in_dir(state, "file");
	struct publish publish = PUBLISH_NULL;
	struct dyno_error err;
	struct stat st;

	assert_int_equal(fd_create_text(AT_FDCWD, path, 0600, "precious"), 0);
	assert_int_equal(reserve_unix(path, &publish, &err), -EEXIST);
	assert_non_null(strstr(err.text, "something else of that name"));
	publish_sweep(path);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/nonexistent/target", path), 0);
	assert_int_equal(reserve_unix(path, &publish, &err), -EEXIST);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(reserve_unix(in_dir(state, "no/such/directory"), &publish, &err), -ENOENT);
}

/** somebody else's file at our path is not ours to remove */
static void unix_socket_replaced(void **state)
{
	const char *path = in_dir(state, "web.sock");
	struct publish publish = PUBLISH_NULL;
	struct dyno_error err;
	struct stat st;

	assert_int_equal(reserve_unix(path, &publish, &err), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(fd_create_text(AT_FDCWD, path, 0600, "not ours"), 0);
	publish_release(&publish);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
}

/** both kinds of relay: [::1] and the unix socket, and the port can be had again at once after it */
static void relayed(void **state)
{
	uint16_t app_port = 0;
	int app = listen_four(0, true, &app_port);
	const struct sockaddr_in to = { .sin_family = AF_INET,
		                        .sin_port = htons(app_port),
		                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct policy policy = policy_of(SAID("0"), in_dir(state, "web.sock"));
	struct publish publish = PUBLISH_NULL;
	uint16_t port;
	int client, taken;

	assert_int_equal(publish_reserve(&policy, &publish, NULL), 0);
	port = publish.at[0].port;
	assert_int_equal(publish_relay(&publish, (const bool[]){ false, true }, -1, -1, &to, NULL), 0);
	assert_true(publish.relay > 0);
	client = connect_unix(publish.unix_path);
	assert_true(client >= 0);
	taken = accept4(app, NULL, NULL, SOCK_CLOEXEC);
	assert_true(taken >= 0);
	close(taken);
	close(client);
	if (publish.count == 2) {
		struct sockaddr_in6 six = { .sin6_family = AF_INET6,
			                    .sin6_port = htons(port),
			                    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
		char byte;

		client = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(client, (struct sockaddr *)&six, sizeof(six)), 0);
		taken = accept4(app, NULL, NULL, SOCK_CLOEXEC);
		close(taken); /* the relay closes first: TIME_WAIT is at the published port */
		assert_int_equal(recv(client, &byte, 1, 0), 0);
		close(client);
	}
	publish_release(&publish);
	publish = must_reserve(SAID(at_port("", port)));
	publish_release(&publish);
	close(app);
}

static void nothing_to_relay(void **state)
{
	struct publish publish = must_reserve(SAID("127.0.0.1:0"));
	const struct sockaddr_in to = { .sin_family = AF_INET };

	(void)state;
	assert_int_equal(publish_relay(&publish, (const bool[]){ false }, -1, -1, &to, NULL), 0);
	assert_int_equal(publish.relay, 0);
	publish_release(&publish);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, setup_dir, teardown_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_port_of_both_families),
		cmocka_unit_test(free_ports_of_their_own),
		cmocka_unit_test(nothing_listens),
		cmocka_unit_test(reserved_is_reserved),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(owner_is_named),
		cmocka_unit_test(owner_of_both_families_is_named),
		cmocka_unit_test(closed_connections_do_not_matter),
		cmocka_unit_test(closed_connections_of_a_strict_server),
		cmocka_unit_test(wrong_addresses),
		cmocka_unit_test(privileged_port),
		cmocka_unit_test(without_six),
		IN_DIR(unix_socket),
		IN_DIR(unix_socket_of_a_dead_owner),
		IN_DIR(unix_socket_over_something_else),
		IN_DIR(unix_socket_replaced),
		IN_DIR(relayed),
		cmocka_unit_test(nothing_to_relay),
	};

	return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
