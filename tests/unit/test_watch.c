/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_watch.c - what the launcher makes of a listening socket: ready, loopback only, other port; hints; the boot timeout
 *
 * The app is a forked child under the filter of a watched dyno that listens where a list tells it to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "isolation/syscalls.h"
#include "runtime/channel.h"
#include "runtime/watch.h"

#define PATIENCE_MS 20000
/* Nobody else listens on 127.77.0.0/16, and [::] is only tried on ports that the kernel chose */
#define PORT 27113
#define OTHER 27114

/* as a host has one: of all tests */
static struct watcher *watcher;

/** struct place - where the app listens, and what the launcher is to say; NULL in @hint: nothing, because it was told */
struct place {
	const char *address;
	uint16_t port;
	enum dyno_listen_where where;
	const char *hint;
};

/** listen_at() - in the child. Return: 0 or errno */
static int listen_at(const struct place *place)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(place->port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(place->port) };
	bool six = strchr(place->address, ':') != NULL;
	int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, r;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	inet_pton(AF_INET, place->address, &in.sin_addr);
	inet_pton(AF_INET6, place->address, &in6.sin6_addr);
	r = six ? bind(fd, (struct sockaddr *)&in6, sizeof(in6)) : bind(fd, (struct sockaddr *)&in, sizeof(in));
	return r < 0 || listen(fd, 5) < 0 ? errno : 0;
}

/** begin() - start a child that listens at @count @places, one after the other, and waits. Return: pid; @ret_notify */
static pid_t begin(const struct place *places, size_t count, int *ret_notify)
{
	static struct channel_packet packet;
	const struct channel_message message = { .type = CHANNEL_PARKED };
	struct dyno_error err;
	int ends[2];
	pid_t pid;

	assert_int_equal(channel_pair(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int notify = -1;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscalls_confine_child(&notify, &err) < 0 ||
		    channel_send(ends[1], &message, NULL, &notify, notify >= 0 ? 1 : 0) < 0)
			_exit(1);
		(void)close(notify);
		(void)close(ends[1]);
		for (size_t i = 0; i < count; i++)
			if (listen_at(&places[i]) != 0)
				_exit(2);
		(void)pause();
		_exit(0);
	}
	fd_close(ends[1]);
	assert_int_equal(channel_receive(ends[0], &packet, true), 1);
	fd_close(ends[0]);
	*ret_notify = packet.fd_count > 0 ? packet.fds[0] : -1;
	return pid;
}

/** end() - the app ends, and with it the watch */
static void end(struct watch *watch, pid_t pid)
{
	int status = -1;

	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	watch_end(watch);
	watch_end(watch);
	assert_int_equal(watch->reports, -1);
	assert_int_equal(watch->timer, -1);
}

/** next() - the next report, which must come */
static struct dyno_listen next(struct watch *watch, struct watch_report *report)
{
	struct pollfd come = { .fd = watch->reports, .events = POLLIN };
	struct dyno_listen listen;

	assert_int_equal(poll(&come, 1, PATIENCE_MS), 1);
	assert_int_equal(watch_next(watch, report), 1);
	watch_describe(watch, report, &listen);
	return listen;
}

/** expect() - the app listens at @places; the launcher must say what they tell, and no more */
static void expect(const struct place *places, size_t count, enum dyno_net net, uint16_t port)
{
	struct watch watch = WATCH_NULL;
	struct watch_report report;
	struct dyno_error err;
	int notify;
	pid_t pid = begin(places, count, &notify);

	assert_int_equal(watch_begin(&watch, &watcher, notify, net, port, &err), 0);
	for (size_t i = 0; i < count; i++) {
		struct dyno_listen listen;

		if (!places[i].hint)
			continue;
		listen = next(&watch, &report);
		assert_int_equal(listen.where, places[i].where);
		assert_int_equal(listen.port, places[i].port);
		assert_string_equal(listen.hint, places[i].hint);
		assert_non_null(strstr(listen.address, places[i].address));
		assert_int_equal(watch.ready, places[i].where == DYNO_LISTEN_READY);
	}
	end(&watch, pid);
}

#define EXPECT(net, port, ...)                                                                                         \
	do {                                                                                                           \
		static const struct place places_[] = { __VA_ARGS__ };                                                 \
		expect(places_, sizeof(places_) / sizeof(places_[0]), net, port);                                      \
	} while (0)

static void right_address(void **state)
{
	(void)state;
	EXPECT(DYNO_NET_PRIVATE, PORT, { "0.0.0.0", PORT, DYNO_LISTEN_READY, "" });
	EXPECT(DYNO_NET_PRIVATE, PORT, { "::", PORT, DYNO_LISTEN_READY, "" });
}

static void loopback_only(void **state)
{
	(void)state;
	EXPECT(DYNO_NET_PRIVATE, PORT,
	       { "127.0.0.1", PORT, DYNO_LISTEN_LOOPBACK, "listens on 127.0.0.1:27113; bind 0.0.0.0:$PORT" },
	       { "::1", PORT, DYNO_LISTEN_LOOPBACK, "listens on [::1]:27113; bind [::]:$PORT" },
	       { "127.77.0.1", PORT, DYNO_LISTEN_LOOPBACK, "listens on 127.77.0.1:27113; bind 0.0.0.0:$PORT" },
	       { "0.0.0.0", PORT, DYNO_LISTEN_READY, "" });
	/* who has no way in, or is on the machine itself, is where it should be */
	EXPECT(DYNO_NET_NONE, PORT, { "127.0.0.1", PORT, DYNO_LISTEN_READY, "" });
	EXPECT(DYNO_NET_HOST, PORT, { "::1", PORT, DYNO_LISTEN_READY, "" });
}

static void other_port(void **state)
{
	(void)state;
	EXPECT(DYNO_NET_PRIVATE, PORT,
	       { "127.77.0.1", OTHER, DYNO_LISTEN_OTHER_PORT, "listens on 127.77.0.1:27114; bind 0.0.0.0:$PORT" });
	EXPECT(DYNO_NET_HOST, PORT,
	       { "127.77.0.1", OTHER, DYNO_LISTEN_OTHER_PORT, "listens on 127.77.0.1:27114; bind 0.0.0.0:$PORT" });
	/* without a $PORT there is no right one, and nothing to change */
	EXPECT(DYNO_NET_NONE, 0, { "127.77.0.1", OTHER, DYNO_LISTEN_OTHER_PORT, "" });
}

static void each_address_once(void **state)
{
	(void)state;
	EXPECT(DYNO_NET_PRIVATE, PORT,
	       { "127.77.0.1", OTHER, DYNO_LISTEN_OTHER_PORT, "listens on 127.77.0.1:27114; bind 0.0.0.0:$PORT" },
	       { "127.77.0.1", OTHER, DYNO_LISTEN_OTHER_PORT, NULL },
	       { "127.77.0.2", OTHER, DYNO_LISTEN_OTHER_PORT, "listens on 127.77.0.2:27114; bind 0.0.0.0:$PORT" },
	       { "127.77.0.1", OTHER, DYNO_LISTEN_OTHER_PORT, NULL }, { "0.0.0.0", PORT, DYNO_LISTEN_READY, "" });
}

static void hints_are_bounded_and_the_right_one_is_told(void **state)
{
	struct place places[41];
	char texts[40][16];

	(void)state;
	for (size_t i = 0; i < 40; i++) {
		snprintf(texts[i], sizeof(texts[i]), "127.77.1.%zu", i + 1);
		places[i] = (struct place){ texts[i], OTHER, DYNO_LISTEN_OTHER_PORT, NULL };
	}
	places[40] = (struct place){ "0.0.0.0", PORT, DYNO_LISTEN_READY, "" };
	for (int round = 0; round < 2; round++) {
		struct watch watch = WATCH_NULL;
		struct watch_report report;
		struct dyno_error err;
		unsigned told = 0;
		int notify;
		pid_t pid = begin(places, 41, &notify);

		assert_int_equal(watch_begin(&watch, &watcher, notify, DYNO_NET_PRIVATE, PORT, &err), 0);
		while (!watch.ready) {
			(void)next(&watch, &report);
			told++;
		}
		assert_in_range(told, 2, 30);
		end(&watch, pid);
	}
}

static void ready_is_the_end_of_it(void **state)
{
	static const struct place places[] = { { "0.0.0.0", PORT, DYNO_LISTEN_READY, "" },
		                               { "127.77.0.1", OTHER, DYNO_LISTEN_OTHER_PORT, NULL },
		                               { "0.0.0.0", PORT, DYNO_LISTEN_READY, NULL } };
	struct watch watch = WATCH_NULL;
	struct watch_report report;
	struct dyno_error err;
	int notify;
	pid_t pid = begin(places, 3, &notify);

	(void)state;
	assert_int_equal(watch_begin(&watch, &watcher, notify, DYNO_NET_PRIVATE, PORT, &err), 0);
	assert_int_equal(watch_arm(&watch, clock_ns(), 1, &err), 0);
	(void)next(&watch, &report);
	/* its time ran out meanwhile, and that is no matter any more */
	assert_int_equal(watch.timer, -1);
	assert_false(watch_expired(&watch));
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(poll(&(struct pollfd){ .fd = watch.reports, .events = POLLIN }, 1, PATIENCE_MS), 1);
	assert_int_equal(watch_next(&watch, &report), -EPIPE);
	watch_end(&watch);
}

static void time_runs_out(void **state)
{
	static const struct place places[] = { { "127.77.0.1", OTHER, DYNO_LISTEN_OTHER_PORT, "" } };
	struct watch watch = WATCH_NULL;
	struct watch_report report;
	struct dyno_error err;
	char reason[160], small[40];
	int notify;
	pid_t pid = begin(places, 1, &notify);

	(void)state;
	assert_int_equal(watch_begin(&watch, &watcher, notify, DYNO_NET_PRIVATE, PORT, &err), 0);
	(void)next(&watch, &report);
	assert_int_equal(watch_arm(&watch, clock_ns() + 3600 * 1000000000ULL, 60000, &err), 0);
	assert_false(watch_expired(&watch));
	watch_reason(&watch, reason, sizeof(reason));
	assert_string_equal(reason, "R10 (Boot timeout): nothing listened on $PORT (27113) within 60 s; it listens on "
	                            "127.77.0.1:27114; bind 0.0.0.0:$PORT");
	watch.timer = fd_close(watch.timer);
	assert_int_equal(watch_arm(&watch, clock_ns(), 50, &err), 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = watch.timer, .events = POLLIN }, 1, PATIENCE_MS), 1);
	assert_true(watch_expired(&watch));
	assert_true(watch.expired);
	assert_false(watch_expired(&watch));
	watch.hint[0] = '\0';
	watch_reason(&watch, reason, sizeof(reason));
	assert_string_equal(reason, "R10 (Boot timeout): nothing listened on $PORT (27113) within 50 ms");
	watch_reason(&watch, small, sizeof(small)); /* cut or empty, but text */
	assert_true(strlen(small) < sizeof(small));
	end(&watch, pid);
}

static void the_longest_hint_fits(void **state)
{
	struct watch watch = WATCH_NULL;
	struct watch_report report = { .where = DYNO_LISTEN_OTHER_PORT,
		                       .seen.at = { .family = AF_INET6, .port = 65535 } };
	struct dyno_listen listen;
	char reason[sizeof(((struct dyno_event *)NULL)->reason)];

	(void)state;
	memset(report.seen.at.address, 0xfd, 16);
	watch.port = 65535;
	watch.timeout_ms = UINT32_MAX;
	watch_describe(&watch, &report, &listen);
	assert_string_equal(listen.hint, "listens on [fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd:fdfd]:65535; bind [::]:$PORT");
	watch_reason(&watch, reason, sizeof(reason));
	assert_non_null(strstr(reason, "65535; bind [::]:$PORT"));
}

static void without_a_listener(void **state)
{
	struct watch watch = WATCH_NULL;
	struct watch_report report;
	struct dyno_listen listen;
	struct dyno_error err;

	(void)state;
	assert_int_equal(watch_begin(&watch, &watcher, -1, DYNO_NET_PRIVATE, PORT, &err), 0);
	listen = next(&watch, &report);
	assert_int_equal(listen.where, DYNO_LISTEN_READY);
	assert_int_equal(listen.port, PORT);
	assert_string_equal(listen.address, "an address that could not be seen");
	assert_int_equal(watch_next(&watch, &report), -EPIPE);
	watch_end(&watch);
}

static int close_watcher(void **state)
{
	(void)state;
	watcher = watcher_close(watcher_close(watcher));
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_address),
		cmocka_unit_test(loopback_only),
		cmocka_unit_test(other_port),
		cmocka_unit_test(each_address_once),
		cmocka_unit_test(hints_are_bounded_and_the_right_one_is_told),
		cmocka_unit_test(ready_is_the_end_of_it),
		cmocka_unit_test(time_runs_out),
		cmocka_unit_test(the_longest_hint_fits),
		cmocka_unit_test(without_a_listener),
	};

	return cmocka_run_group_tests_name("watch", tests, NULL, close_watcher);
}
