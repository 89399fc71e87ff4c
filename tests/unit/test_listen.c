/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_listen.c - the listen watch against the kernel: a forked child is the app, under the filter of a watched dyno
 *
 * The child writes what it got into shared memory and never asserts; the parent answers its calls and judges. What an app sees must
 * be what it would see without the watch: each list of results is made twice, and compared.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "isolation/syscalls.h"
#include "netns/listen.h"
#include "runtime/channel.h"

#define PATIENCE_MS 20000
#define SEEN_MAX 64
#define FLOOD_THREADS 4
#define FLOOD_CALLS 500
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/** struct shared - what the app writes; @codes: results of listen(2), 0 or errno */
struct shared {
	int count;
	int codes[32];
	uint16_t port;
	uint64_t before_ns, after_ns;
	pid_t pid, peer;
};

/** struct app - the child and our side of it */
struct app {
	pid_t pid;
	int notify;
	struct shared *shared;
	size_t count;
	struct listen_seen seen[SEEN_MAX];
	bool gone;
	bool reaped;
	int status;
};

/* ---- in the child ------------------------------------------------------------------------------------------------- */

/** note() - the result of one call */
static void note(struct shared *shared, int r)
{
	shared->codes[shared->count++] = r < 0 ? errno : 0;
}

/** tcp() - a TCP socket bound to @text, port 0; @protocol: 0 or MPTCP */
static int tcp(const char *text, bool only6, int protocol)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	bool six = strchr(text, ':') != NULL;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol), only = only6, r;

	if (six) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
		inet_pton(AF_INET6, text, &in6.sin6_addr);
		r = bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	} else {
		inet_pton(AF_INET, text, &in.sin_addr);
		r = bind(fd, (struct sockaddr *)&in, sizeof(in));
	}
	return r < 0 ? -1 : fd;
}

/** port_of() - the port of @fd */
static uint16_t port_of(int fd)
{
	struct sockaddr_in6 name = { 0 };
	socklen_t size = sizeof(name);

	(void)getsockname(fd, (struct sockaddr *)&name, &size);
	return ntohs(name.sin6_port); /* at the same place in sockaddr_in */
}

static void act_once(struct shared *shared)
{
	int fd = tcp("127.0.0.1", false, 0);

	shared->before_ns = clock_ns();
	note(shared, listen(fd, 5));
	shared->after_ns = clock_ns();
	shared->port = port_of(fd);
}

static void act_addresses(struct shared *shared)
{
	note(shared, listen(tcp("0.0.0.0", false, 0), 5));
	note(shared, listen(tcp("::", false, 0), 5));
	note(shared, listen(tcp("::", true, 0), 5));
	note(shared, listen(tcp("::1", false, 0), 5));
	note(shared, listen(tcp("::ffff:127.0.0.1", false, 0), 5));
	/* not bound at all: the kernel chooses a port */
	note(shared, listen(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 5));
}

static void act_mptcp(struct shared *shared)
{
	note(shared, listen(tcp("0.0.0.0", false, IPPROTO_MPTCP), 5));
}

/** connected() - a TCP socket with a connection */
static int connected(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int server = tcp("127.0.0.1", false, 0), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)listen(server, 1);
	to.sin_port = htons(port_of(server));
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ? -1 : fd;
}

/** rival() - a second socket on the port of a listening one, which may be bound but not listen */
static int rival(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int first = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	int second = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(first, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(second, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)bind(first, (struct sockaddr *)&name, sizeof(name));
	name.sin_port = htons(port_of(first));
	(void)bind(second, (struct sockaddr *)&name, sizeof(name));
	(void)listen(first, 1);
	return second;
}

static void act_failures(struct shared *shared)
{
	struct sockaddr_un pathless = { .sun_family = AF_UNIX };
	int pipes[2], fd = tcp("127.0.0.1", false, 0);
	int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	note(shared, listen(-1, 5));
	note(shared, listen(1000, 5));
	note(shared, listen(INT32_MAX, 5));
	note(shared, pipe(pipes) < 0 ? 0 : listen(pipes[0], 5));
	note(shared, listen(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 5));
	note(shared, listen(connected(), 5));
	note(shared, listen(rival(), 5));
	note(shared, listen(local, 5));
	(void)bind(local, (struct sockaddr *)&pathless, sizeof(pathless.sun_family));
	note(shared, listen(local, 5));
	/* a backlog of any size is fine, and so is a second time; bits beyond an int are not looked at */
	note(shared, listen(fd, -1));
	note(shared, listen(fd, INT32_MAX));
	note(shared, (int)syscall(SYS_listen, (long)fd | 1L << 40, 1L << 40));
	(void)close(fd);
	note(shared, listen(fd, 5));
}

static void act_unix(struct shared *shared)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
	    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ucred peer = { 0 };
	socklen_t size = sizeof(name);

	(void)bind(server, (struct sockaddr *)&name, sizeof(name.sun_family));
	note(shared, listen(server, 5));
	(void)getsockname(server, (struct sockaddr *)&name, &size);
	note(shared, connect(fd, (struct sockaddr *)&name, size));
	size = sizeof(peer);
	(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	shared->pid = getpid();
	shared->peer = peer.pid;
}

static void *listening_thread(void *data)
{
	struct shared *shared = data;

	note(shared, listen(tcp("127.0.0.1", false, 0), 5));
	return NULL;
}

static void act_thread(struct shared *shared)
{
	pthread_t thread;

	(void)pthread_create(&thread, NULL, listening_thread, shared);
	(void)pthread_join(thread, NULL);
}

/** act_forks() - one socket made before, each child with its own on the same port (SO_REUSEPORT) after */
static void act_forks(struct shared *shared)
{
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in name = { .sin_family = AF_INET };

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	(void)bind(fd, (struct sockaddr *)&name, sizeof(name));
	name.sin_port = htons(port_of(fd));
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			int own = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

			(void)setsockopt(own, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
			(void)bind(own, (struct sockaddr *)&name, sizeof(name));
			note(shared, listen(own, 5));
			note(shared, listen(fd, 5)); /* inherited */
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
	}
}

static void *flooding_thread(void *data)
{
	int fd = tcp("127.0.0.1", false, 0);

	for (int i = 0; i < FLOOD_CALLS; i++)
		if (listen(fd, 5) < 0)
			return data;
	return NULL;
}

static void act_flood(struct shared *shared)
{
	pthread_t threads[FLOOD_THREADS];
	void *failed;

	for (int i = 0; i < FLOOD_THREADS; i++)
		(void)pthread_create(&threads[i], NULL, flooding_thread, shared);
	for (int i = 0; i < FLOOD_THREADS; i++) {
		(void)pthread_join(threads[i], &failed);
		note(shared, failed ? -1 : 0);
	}
}

static void act_undumpable(struct shared *shared)
{
	(void)prctl(PR_SET_DUMPABLE, 0);
	note(shared, listen(tcp("127.0.0.1", false, 0), 5));
}

/** interrupted() - a handler without SA_RESTART */
static void interrupted(int signo)
{
	(void)signo;
}

static void act_interrupted(struct shared *shared)
{
	const struct sigaction action = { .sa_handler = interrupted };

	(void)sigaction(SIGUSR1, &action, NULL);
	note(shared, listen(tcp("127.0.0.1", false, 0), 5));
}

static void act_nothing(struct shared *shared)
{
	(void)shared;
}

/** child_main() - become the app: confined if @channel is there, which gets the listener */
__attribute__((noreturn)) static void child_main(int channel, void (*act)(struct shared *), struct shared *shared)
{
	const struct channel_message message = { .type = CHANNEL_PARKED };
	struct dyno_error err;
	int notify = -1;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (channel >= 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscalls_confine_child(&notify, &err) < 0)
			_exit(2);
		if (channel_send(channel, &message, NULL, &notify, notify >= 0 ? 1 : 0) < 0)
			_exit(3);
		(void)close(notify);
		(void)close(channel);
	}
	act(shared);
	_exit(0);
}

/* ---- in the parent ------------------------------------------------------------------------------------------------ */

/** begin() - start the app */
static struct app begin(void (*act)(struct shared *), bool watched)
{
	static struct channel_packet packet;
	struct app app = { .notify = -1 };
	int ends[2] = { -1, -1 };

	app.shared = mmap(NULL, sizeof(*app.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(app.shared != MAP_FAILED);
	if (watched)
		assert_int_equal(channel_pair(ends), 0);
	app.pid = fork();
	assert_true(app.pid >= 0);
	if (app.pid == 0)
		child_main(ends[1], act, app.shared);
	if (watched) {
		fd_close(ends[1]);
		assert_int_equal(channel_receive(ends[0], &packet, true), 1);
		fd_close(ends[0]);
		if (packet.fd_count == 0) {
			print_message("SKIP: this test runs under a filter with a listener\n");
			(void)kill(app.pid, SIGKILL);
			(void)waitpid(app.pid, NULL, 0);
			skip();
		}
		app.notify = packet.fds[0];
	}
	return app;
}

/** make() - make the next call. Return: 1 when a socket listens, 0, -EPIPE when the app is gone */
static int make(int notify, struct listen_seen *ret)
{
	struct listen_call call;
	int r = listen_receive(notify, &call);

	if (r <= 0)
		return r;
	r = listen_make(notify, &call, ret);
	assert_int_equal(listen_answer(notify, &call), 0);
	return r;
}

/** pass() - let the next call pass. Return: 0, or -EPIPE when the app is gone */
static int pass(int notify, struct listen_seen *ret)
{
	struct listen_call call;
	int r = listen_receive(notify, &call);

	(void)ret;
	return r > 0 ? listen_answer(notify, &call) : r;
}

/** serve_by() - answer until nobody is left who could call; on older kernels that is when the dead were waited for */
static void serve_by(struct app *app, int (*next)(int notify, struct listen_seen *ret))
{
	_cleanup_close_ int process = pidfd_open(app->pid, 0);

	assert_true(process >= 0);
	while (!app->gone) {
		struct pollfd fds[2] = { { .fd = app->notify, .events = POLLIN },
			                 { .fd = app->reaped ? -1 : process, .events = POLLIN } };
		struct listen_seen seen;
		int r;

		assert_true(poll(fds, 2, PATIENCE_MS) >= 1);
		if (!fds[0].revents) {
			assert_int_equal(waitpid(app->pid, &app->status, 0), app->pid);
			app->reaped = true;
			continue;
		}
		r = next(app->notify, &seen);
		if (r == 1) {
			if (app->count < SEEN_MAX)
				app->seen[app->count] = seen;
			app->count++;
		}
		app->gone = r == -EPIPE;
		if (!app->gone)
			assert_in_range(r, 0, 1);
	}
}

/** serve() - make every call in the app's place */
static void serve(struct app *app)
{
	serve_by(app, make);
}

/** end() - the app ended well */
static void end(struct app *app)
{
	app->notify = fd_close(app->notify);
	if (!app->reaped)
		assert_int_equal(waitpid(app->pid, &app->status, 0), app->pid);
	assert_int_equal(app->status, 0);
}

/** run() - from begin to end */
static struct app run(void (*act)(struct shared *))
{
	struct app app = begin(act, true);

	serve(&app);
	end(&app);
	return app;
}

/** done() - let go of what the app wrote */
static void done(struct app *app)
{
	(void)munmap(app->shared, sizeof(*app->shared));
}

/** assert_as_without() - the app saw what it would have seen without the watch */
static void assert_as_without(const struct app *app, void (*act)(struct shared *))
{
	struct app plain = begin(act, false);

	end(&plain);
	assert_int_equal(app->shared->count, plain.shared->count);
	for (int i = 0; i < app->shared->count; i++) {
		if (app->shared->codes[i] != plain.shared->codes[i])
			fail_msg("call %d: %s, without the watch %s", i, strerror(app->shared->codes[i]),
			         strerror(plain.shared->codes[i]));
	}
	done(&plain);
}

static void exact_moment_and_address(void **state)
{
	const uint8_t loopback[4] = { 127, 0, 0, 1 };
	struct app app = run(act_once);

	(void)state;
	assert_int_equal(app.count, 1);
	assert_true(app.shared->before_ns <= app.seen[0].ns && app.seen[0].ns <= app.shared->after_ns);
	assert_int_equal(app.seen[0].at.family, AF_INET);
	assert_int_equal(app.seen[0].at.port, app.shared->port);
	assert_memory_equal(app.seen[0].at.address, loopback, 4);
	assert_false(app.seen[0].dual);
	assert_as_without(&app, act_once);
	done(&app);
}

static void every_kind_of_address(void **state)
{
	static const struct {
		sa_family_t family;
		bool dual;
		const char *text;
	} wanted[] = {
		{ AF_INET, false, "0.0.0.0" }, { AF_INET6, true, "::" },        { AF_INET6, false, "::" },
		{ AF_INET6, false, "::1" },    { AF_INET, false, "127.0.0.1" }, { AF_INET, false, "0.0.0.0" },
	};
	struct app app = run(act_addresses);
	char text[INET6_ADDRSTRLEN];

	(void)state;
	assert_int_equal(app.count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(app.shared->codes[i], 0);
		assert_int_equal(app.seen[i].at.family, wanted[i].family);
		assert_int_equal(app.seen[i].dual, wanted[i].dual);
		assert_true(app.seen[i].at.port > 0);
		inet_ntop(app.seen[i].at.family, app.seen[i].at.address, text, sizeof(text));
		assert_string_equal(text, wanted[i].text);
	}
	done(&app);
}

static void multipath_is_tcp(void **state)
{
	struct app app = run(act_mptcp);

	(void)state;
	/* Where the kernel has none, the socket was none. */
	if (app.shared->codes[0] != EBADF) {
		assert_int_equal(app.count, 1);
		assert_int_equal(app.seen[0].at.family, AF_INET);
	}
	assert_as_without(&app, act_mptcp);
	done(&app);
}

static void failures_are_the_kernels_own(void **state)
{
	struct app app = run(act_failures);
	int *codes = app.shared->codes;

	(void)state;
	assert_as_without(&app, act_failures);
	assert_int_equal(codes[0], EBADF);
	assert_int_equal(codes[3], ENOTSOCK);
	assert_int_equal(codes[4], EOPNOTSUPP);
	assert_int_equal(codes[5], EINVAL);
	assert_int_equal(codes[6], EADDRINUSE);
	assert_int_equal(codes[11], 0);
	/* those two that connected() and rival() make, and one three times */
	assert_int_equal(app.count, 5);
	done(&app);
}

static void unix_sockets_stay_the_apps(void **state)
{
	struct app app = run(act_unix);

	(void)state;
	assert_int_equal(app.count, 0);
	assert_int_equal(app.shared->codes[0] | app.shared->codes[1], 0);
	assert_int_equal(app.shared->peer, app.shared->pid);
	done(&app);
}

static void from_a_thread(void **state)
{
	struct app app = run(act_thread);

	(void)state;
	assert_int_equal(app.count, 1);
	assert_int_equal(app.shared->codes[0], 0);
	done(&app);
}

static void forks_and_shared_ports(void **state)
{
	struct app app = run(act_forks);

	(void)state;
	assert_int_equal(app.shared->count, 6);
	assert_int_equal(app.count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(app.shared->codes[i], 0);
		assert_int_equal(app.seen[i].at.port, app.seen[0].at.port);
	}
	done(&app);
}

static void many_at_once(void **state)
{
	struct app app = run(act_flood);

	(void)state;
	assert_int_equal(app.count, FLOOD_THREADS * FLOOD_CALLS);
	for (int i = 0; i < FLOOD_THREADS; i++)
		assert_int_equal(app.shared->codes[i], 0);
	done(&app);
}

static void who_may_not_be_looked_at(void **state)
{
	struct app app = run(act_undumpable);

	(void)state;
	/* It goes on as ever; an ordinary user is told no address, and knows that. */
	assert_int_equal(app.shared->codes[0], 0);
	assert_int_equal(app.count, 1);
	assert_int_equal(app.seen[0].at.family, geteuid() == 0 ? AF_INET : AF_UNSPEC);
	done(&app);
}

static void killed_while_it_waits(void **state)
{
	struct app app = begin(act_once, true);
	struct pollfd call = { .fd = app.notify, .events = POLLIN };
	struct listen_call held;
	struct listen_seen seen;

	(void)state;
	assert_int_equal(poll(&call, 1, PATIENCE_MS), 1);
	assert_int_equal(kill(app.pid, SIGKILL), 0);
	assert_int_equal(waitpid(app.pid, NULL, 0), app.pid);
	assert_int_equal(make(app.notify, &seen), -EPIPE);
	assert_int_equal(pass(app.notify, &seen), -EPIPE);
	fd_close(app.notify);
	done(&app);
	/* and when its call is in our hands already */
	app = begin(act_once, true);
	call.fd = app.notify;
	assert_int_equal(poll(&call, 1, PATIENCE_MS), 1);
	assert_int_equal(listen_receive(app.notify, &held), 1);
	assert_int_equal(kill(app.pid, SIGKILL), 0);
	assert_int_equal(waitpid(app.pid, NULL, 0), app.pid);
	assert_false(listen_make(app.notify, &held, &seen));
	assert_int_equal(listen_answer(app.notify, &held), 0);
	assert_int_equal(make(app.notify, &seen), -EPIPE);
	fd_close(app.notify);
	done(&app);
}

static void signals_do_not_interrupt_it(void **state)
{
	struct app app = begin(act_interrupted, true);
	struct pollfd call = { .fd = app.notify, .events = POLLIN };
	struct listen_call held;
	struct listen_seen seen;

	(void)state;
	assert_int_equal(poll(&call, 1, PATIENCE_MS), 1);
	assert_int_equal(listen_receive(app.notify, &held), 1);
	assert_int_equal(kill(app.pid, SIGUSR1), 0);
	/* Before Linux 5.19 they do, and who waits no more is left alone. */
	if (listen_make(app.notify, &held, &seen))
		assert_true(seen.at.port > 0);
	assert_int_equal(listen_answer(app.notify, &held), 0);
	serve(&app);
	end(&app);
	if (app.shared->codes[0] != EINTR)
		assert_int_equal(app.shared->codes[0], 0);
	done(&app);
}

static void nobody_left_is_told(void **state)
{
	struct app app = run(act_nothing);

	(void)state;
	assert_true(app.gone);
	assert_int_equal(app.count, 0);
	done(&app);
}

static void passing_without_a_look(void **state)
{
	struct app app = begin(act_failures, true);

	(void)state;
	serve_by(&app, pass);
	assert_int_equal(app.count, 0);
	end(&app);
	assert_as_without(&app, act_failures);
	done(&app);
}

static void nothing_to_answer(void **state)
{
	struct app app = begin(act_once, true);
	struct listen_seen seen;
	int pipes[2];

	(void)state;
	serve(&app);
	/* not a listener at all */
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(make(pipes[0], &seen), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_true(make(pipes[0], &seen) < 0);
	assert_int_equal(listen_check(), 0);
	fd_close(pipes[0]);
	fd_close(pipes[1]);
	end(&app);
	done(&app);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_moment_and_address),
		cmocka_unit_test(every_kind_of_address),
		cmocka_unit_test(multipath_is_tcp),
		cmocka_unit_test(failures_are_the_kernels_own),
		cmocka_unit_test(unix_sockets_stay_the_apps),
		cmocka_unit_test(from_a_thread),
		cmocka_unit_test(forks_and_shared_ports),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(who_may_not_be_looked_at),
		cmocka_unit_test(killed_while_it_waits),
		cmocka_unit_test(signals_do_not_interrupt_it),
		cmocka_unit_test(nobody_left_is_told),
		cmocka_unit_test(passing_without_a_look),
		cmocka_unit_test(nothing_to_answer),
	};

	return cmocka_run_group_tests_name("listen", tests, NULL, NULL);
}
