/* SPDX-License-Identifier: Apache-2.0 */
/* test_relay.c - netns/relay: a process that carries connections. The test is client and app at once, the relay is between */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "netns/relay.h"

#define PATIENCE_MS 5000
#define MANY 300
#define BIG ((size_t)32 << 20)
#define BLOCK 65536

/**
 * struct fixture - a relay between a listener of either kind and an app
 * @front: where clients connect
 * @app:   listening socket of the app
 * @relay: the process
 */
struct fixture {
	int front;
	int app;
	pid_t relay;
	struct sockaddr_storage at;
	socklen_t at_size;
	struct sockaddr_in to;
	char path[64];
};

/** a_pair() - a connection through the relay */
struct pair {
	int client;
	int app;
};

static int listener(int family, struct sockaddr *address, socklen_t size)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 && errno == EAFNOSUPPORT)
		skip();
	assert_true(fd >= 0);
	if (bind(fd, address, size) < 0 && errno == EADDRNOTAVAIL)
		skip();
	assert_int_equal(listen(fd, SOMAXCONN), 0);
	assert_int_equal(getsockname(fd, address, &size), 0);
	return fd;
}

static void open_app(struct fixture *f)
{
	f->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	f->app = listener(AF_INET, (struct sockaddr *)&f->to, sizeof(f->to));
}

static void start(struct fixture *f)
{
	struct dyno_error err = { 0 };

	f->relay = relay_start(&f->front, 1, -1, -1, &f->to, &err);
	if (f->relay <= 0)
		fail_msg("%s: %s", err.step, err.text);
}

static int setup_six(void **state)
{
	static struct fixture f;
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	open_app(&f);
	f.front = listener(AF_INET6, (struct sockaddr *)&six, sizeof(six));
	memcpy(&f.at, &six, sizeof(six));
	f.at_size = sizeof(six);
	f.path[0] = '\0';
	start(&f);
	*state = &f;
	return 0;
}

static int setup_unix(void **state)
{
	static struct fixture f;
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	open_app(&f);
	snprintf(f.path, sizeof(f.path), "/tmp/dyno-test-relay.%d", (int)getpid());
	strcpy(un.sun_path, f.path);
	f.front = listener(AF_UNIX, (struct sockaddr *)&un, sizeof(un));
	memcpy(&f.at, &un, sizeof(un));
	f.at_size = sizeof(un);
	start(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	pid_t relay = f->relay;

	f->relay = relay_stop(f->relay);
	if (relay > 0 && kill(relay, 0) == 0)
		return -1;
	f->front = fd_close(f->front);
	f->app = fd_close(f->app);
	if (f->path[0])
		unlink(f->path);
	return 0;
}

static bool wait_for(int fd, short events)
{
	struct pollfd event = { .fd = fd, .events = events };

	return poll(&event, 1, PATIENCE_MS) == 1;
}

static int connect_client(const struct fixture *f)
{
	int fd = socket(f->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&f->at, f->at_size), 0);
	return fd;
}

static struct pair connect_pair(const struct fixture *f)
{
	struct pair pair = { .client = connect_client(f) };

	assert_true(wait_for(f->app, POLLIN));
	pair.app = accept4(f->app, NULL, NULL, SOCK_CLOEXEC);
	assert_true(pair.app >= 0);
	return pair;
}

static void close_pair(struct pair *pair)
{
	pair->client = fd_close(pair->client);
	pair->app = fd_close(pair->app);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/** hear() - what arrives is @text; "" for the end */
static void hear(int fd, const char *text)
{
	size_t wanted = strlen(text), got = 0;
	char buf[256] = "";

	while (got < wanted || wanted == 0) {
		ssize_t length;

		assert_true(wait_for(fd, POLLIN));
		length = recv(fd, buf + got, sizeof(buf) - 1 - got, 0);
		if (length < 0)
			fail_msg("recv: %s", strerror(errno));
		if (length == 0)
			break;
		got += (size_t)length;
	}
	assert_string_equal(buf, text);
}

static void both_ways(void **state)
{
	struct pair pair = connect_pair(*state);

	say(pair.client, "question");
	hear(pair.app, "question");
	say(pair.app, "answer");
	hear(pair.client, "answer");
	say(pair.app, "more");
	say(pair.client, "and more");
	hear(pair.client, "more");
	hear(pair.app, "and more");
	close_pair(&pair);
}

static void half_close_of_the_client(void **state)
{
	struct pair pair = connect_pair(*state);

	say(pair.client, "all of it");
	assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
	hear(pair.app, "all of it");
	hear(pair.app, "");
	say(pair.app, "late answer");
	pair.app = fd_close(pair.app);
	hear(pair.client, "late answer");
	hear(pair.client, "");
	close_pair(&pair);
}

static void half_close_of_the_app(void **state)
{
	struct pair pair = connect_pair(*state);

	say(pair.app, "greeting");
	assert_int_equal(shutdown(pair.app, SHUT_WR), 0);
	hear(pair.client, "greeting");
	hear(pair.client, "");
	say(pair.client, "late word");
	pair.client = fd_close(pair.client);
	hear(pair.app, "late word");
	hear(pair.app, "");
	close_pair(&pair);
}

static void written_and_closed_at_once(void **state)
{
	struct pair pair = connect_pair(*state);

	say(pair.client, "goodbye");
	pair.client = fd_close(pair.client);
	hear(pair.app, "goodbye");
	hear(pair.app, "");
	close_pair(&pair);
}

/** transfer() - BIG bytes of a pattern from @from to @to, both without blocking; each byte is compared */
static void transfer(int from, int to)
{
	static uint8_t out[BLOCK + 251], in[BLOCK];
	size_t sent = 0, got = 0;

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i % 251);
	while (got < BIG) {
		struct pollfd fds[2] = { { .fd = sent < BIG ? from : -1, .events = POLLOUT },
			                 { .fd = to, .events = POLLIN } };
		ssize_t length;

		assert_true(poll(fds, 2, PATIENCE_MS) > 0);
		if (fds[0].revents) {
			size_t size = BIG - sent < BLOCK ? BIG - sent : BLOCK;

			length = send(from, out + sent % 251, size, MSG_DONTWAIT | MSG_NOSIGNAL);
			if (length > 0)
				sent += (size_t)length;
			else
				assert_int_equal(errno, EAGAIN);
		}
		if (fds[1].revents) {
			length = recv(to, in, sizeof(in), MSG_DONTWAIT);
			assert_true(length > 0);
			assert_memory_equal(in, out + got % 251, (size_t)length);
			got += (size_t)length;
		}
	}
}

static void big_transfer(void **state)
{
	struct pair pair = connect_pair(*state);

	transfer(pair.client, pair.app);
	transfer(pair.app, pair.client);
	say(pair.client, "end");
	hear(pair.app, "end");
	close_pair(&pair);
}

static void many_connections(void **state)
{
	static struct pair pairs[MANY];
	char text[32];

	for (int i = 0; i < MANY; i++)
		pairs[i] = connect_pair(*state);
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "number %d", i);
		say(pairs[i].client, text);
	}
	for (int i = MANY - 1; i >= 0; i--) {
		snprintf(text, sizeof(text), "number %d", i);
		hear(pairs[i].app, text);
		say(pairs[i].app, text);
		hear(pairs[i].client, text);
	}
	for (int i = 0; i < MANY; i++)
		close_pair(&pairs[i]);
}

/** fill() - write until nothing more is taken */
static size_t fill(int fd)
{
	static const char zeros[BLOCK];
	struct pollfd event = { .fd = fd, .events = POLLOUT };
	size_t total = 0;

	while (poll(&event, 1, 200) == 1) {
		ssize_t length = send(fd, zeros, sizeof(zeros), MSG_DONTWAIT | MSG_NOSIGNAL);

		if (length > 0)
			total += (size_t)length;
	}
	return total;
}

static void slow_reader_holds_up_nobody(void **state)
{
	struct pair slow = connect_pair(*state), other;
	size_t waiting = fill(slow.app), got = 0;

	assert_true(waiting > 0);
	other = connect_pair(*state);
	say(other.client, "quick");
	hear(other.app, "quick");
	say(slow.client, "the other direction");
	hear(slow.app, "the other direction");
	assert_int_equal(shutdown(slow.app, SHUT_WR), 0);
	while (wait_for(slow.client, POLLIN)) {
		static char buf[BLOCK];
		ssize_t length = recv(slow.client, buf, sizeof(buf), 0);

		assert_true(length >= 0);
		if (length == 0)
			break;
		got += (size_t)length;
	}
	assert_int_equal(got, waiting);
	close_pair(&slow);
	close_pair(&other);
}

static void nobody_at_the_other_side(void **state)
{
	struct fixture *f = *state;
	char byte;
	int client;

	f->app = fd_close(f->app);
	client = connect_client(f);
	assert_true(wait_for(client, POLLIN));
	assert_true(recv(client, &byte, 1, 0) <= 0);
	close(client);
}

static void reset_is_passed_on(void **state)
{
	const struct linger at_once = { .l_onoff = 1 };
	struct pair pair = connect_pair(*state);
	char byte;

	say(pair.client, "x");
	hear(pair.app, "x");
	assert_int_equal(setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	pair.client = fd_close(pair.client);
	assert_true(wait_for(pair.app, POLLIN));
	assert_int_equal(recv(pair.app, &byte, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close_pair(&pair);
}

static void end_is_reset_for_who_is_connected(void **state)
{
	struct fixture *f = *state;
	struct pair pair = connect_pair(f);
	char byte;

	f->relay = relay_stop(f->relay);
	assert_true(wait_for(pair.client, POLLIN));
	assert_true(recv(pair.client, &byte, 1, 0) <= 0);
	assert_true(wait_for(pair.app, POLLIN));
	assert_true(recv(pair.app, &byte, 1, 0) <= 0);
	close_pair(&pair);
	assert_int_equal(relay_stop(0), 0);
}

/** status_of() - a line of /proc/PID/status */
static const char *status_of(pid_t pid, const char *key)
{
	static char text[8192];
	char path[64];
	char *line;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (fd_read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return "";
	line = strstr(text, key);
	if (!line)
		return "";
	line += strlen(key);
	line[strcspn(line, "\n")] = '\0';
	return line + strspn(line, ": \t");
}

static void holds_no_privilege(void **state)
{
	const struct fixture *f = *state;

	assert_string_equal(status_of(f->relay, "CapEff"), "0000000000000000");
	assert_string_equal(status_of(f->relay, "CapPrm"), "0000000000000000");
	assert_string_equal(status_of(f->relay, "NoNewPrivs"), "1");
	assert_string_equal(status_of(f->relay, "Name"), "dyno-relay");
}

/** used_ms() - processor time of a process */
static long used_ms(pid_t pid)
{
	struct timespec used;
	clockid_t clock;

	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &used), 0);
	return used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/**
 * launcher_start() - fork a process that starts a relay and waits
 * @files: its limit of open files, 0 for ours
 */
static pid_t launcher_start(const struct fixture *f, rlim_t files, pid_t *ret_relay)
{
	const struct rlimit limit = { .rlim_cur = files, .rlim_max = files };
	int pipes[2];
	pid_t launcher, relay = 0;

	assert_int_equal(pipe(pipes), 0);
	launcher = fork();
	if (launcher == 0) {
		if (files == 0 || setrlimit(RLIMIT_NOFILE, &limit) == 0)
			relay = relay_start(&f->front, 1, -1, -1, &f->to, NULL);
		if (write(pipes[1], &relay, sizeof(relay)) == (ssize_t)sizeof(relay))
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipes[0], &relay, sizeof(relay)), sizeof(relay));
	assert_true(relay > 0);
	close(pipes[0]);
	close(pipes[1]);
	*ret_relay = relay;
	return launcher;
}

/** without room for one more connection the relay waits, without work, and goes on when there is room */
static void low_limit_of_files(void **state)
{
	struct fixture *f = *state;
	struct pollfd event = { .fd = f->app, .events = POLLIN };
	struct pair first;
	pid_t launcher, relay;
	int second;
	long used;

	f->relay = relay_stop(f->relay);
	launcher = launcher_start(f, 165, &relay); /* one connection */
	first = connect_pair(f);
	second = connect_client(f); /* the backlog takes it */
	used = used_ms(relay);
	assert_int_equal(poll(&event, 1, 300), 0);
	assert_true(used_ms(relay) - used < 100);
	say(first.client, "served");
	hear(first.app, "served");
	close_pair(&first);
	assert_true(wait_for(f->app, POLLIN));
	close(second);
	kill(launcher, SIGKILL);
	assert_int_equal(waitpid(launcher, NULL, 0), launcher);
}

static void idle_costs_nothing(void **state)
{
	const struct fixture *f = *state;
	struct pair idle = connect_pair(f), half = connect_pair(f);
	long used;

	assert_int_equal(shutdown(half.client, SHUT_WR), 0);
	hear(half.app, "");
	used = used_ms(f->relay);
	usleep(200000);
	assert_true(used_ms(f->relay) - used < 50);
	close_pair(&idle);
	close_pair(&half);
}

/** the launcher is killed: so is its relay */
static void dies_with_its_parent(void **state)
{
	struct fixture *f = *state;
	pid_t launcher, relay;

	f->relay = relay_stop(f->relay);
	launcher = launcher_start(f, 0, &relay);
	kill(launcher, SIGKILL);
	assert_int_equal(waitpid(launcher, NULL, 0), launcher);
	for (int i = 0; i < 500 && status_of(relay, "State")[0] && status_of(relay, "State")[0] != 'Z'; i++)
		usleep(10000);
	assert_true(status_of(relay, "State")[0] == '\0' || status_of(relay, "State")[0] == 'Z');
}

static void refused(void **state)
{
	struct dyno_error err = { 0 };
	const struct sockaddr_in to = { .sin_family = AF_INET };
	int not_a_namespace = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(relay_start(&not_a_namespace, 0, -1, -1, &to, &err), -EINVAL);
	assert_int_equal(relay_start(&not_a_namespace, 1, -1, not_a_namespace, &to, &err), -EINVAL);
	assert_string_equal(err.step, "relay");
	assert_int_equal(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	close(not_a_namespace);
}

#define SIX(test) cmocka_unit_test_setup_teardown(test, setup_six, teardown)
#define UNIX(test)                                                                                                     \
	{                                                                                                              \
#test "/unix", test, setup_unix, teardown, NULL                                                        \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIX(both_ways),
		SIX(half_close_of_the_client),
		SIX(half_close_of_the_app),
		SIX(written_and_closed_at_once),
		SIX(big_transfer),
		SIX(many_connections),
		SIX(slow_reader_holds_up_nobody),
		SIX(nobody_at_the_other_side),
		SIX(reset_is_passed_on),
		SIX(end_is_reset_for_who_is_connected),
		SIX(holds_no_privilege),
		SIX(low_limit_of_files),
		SIX(idle_costs_nothing),
		SIX(dies_with_its_parent),
		UNIX(both_ways),
		UNIX(half_close_of_the_client),
		UNIX(half_close_of_the_app),
		UNIX(written_and_closed_at_once),
		UNIX(big_transfer),
		UNIX(many_connections),
		UNIX(slow_reader_holds_up_nobody),
		UNIX(nobody_at_the_other_side),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
