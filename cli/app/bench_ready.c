/* SPDX-License-Identifier: Apache-2.0 */
/**
 * bench_ready.c - `dyno bench`: when a launch has got where it is to get
 *
 * Until exec the stamp comes through a pipe and holds the moment itself: whenever we read it, the number is the same.
 * Until listen or http a connection is tried every PACE_NS, for everybody alike, so that a moment is seen at most that late.
 * An attempt is abandoned after ATTEMPT_NS: a first packet that was lost would be sent again only a second later
 * (RFC 6298, 2.1). Sockets are reset when they are closed: no port is kept by a connection that waits for its end.
 */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/app/bench.h"
#include "cli/message.h"

#define PACE_NS 100000ULL
#define ATTEMPT_NS 20000000ULL
/* how long the command itself may take to say that it cannot be executed; see bench_contender.verify */
#define VERIFY_NS 100000000ULL
/* how long who listened on this machine's own network may take to be gone */
#define FREE_NS 5000000000ULL

enum { WATCH_STAMP, WATCH_END, WATCH_COUNT };

void bench_fail(struct bench_launch *launch, const char *fmt, ...)
{
	va_list args;

	if (launch->state == BENCH_FAILED)
		return;
	launch->state = BENCH_FAILED;
	va_start(args, fmt);
	(void)vsnprintf(launch->why, sizeof(launch->why), fmt, args);
	va_end(args);
}

void bench_said(const struct bench_launch *launch, char *buf, size_t size)
{
	ssize_t got = launch->said_fd < 0 ? 0 : pread(launch->said_fd, buf, size - 1, 0);
	size_t end;

	buf[got > 0 ? got : 0] = '\0';
	end = strspn(buf, "\n");
	memmove(buf, buf + end, strlen(buf + end) + 1);
	buf[strcspn(buf, "\n")] = '\0';
	for (char *at = buf; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
}

/** is_ready() - @launch got there at @ns */
static void is_ready(struct bench_launch *launch, uint64_t ns)
{
	if (launch->state != BENCH_WAITING)
		return;
	launch->state = BENCH_READY;
	launch->ready_ns = ns;
}

/** ended_early() - the process is gone before it got there: say how, and what it said */
static void ended_early(struct bench_launch *launch, const char *how)
{
	char said[200];

	bench_said(launch, said, sizeof(said));
	bench_fail(launch, "%s%s%s", how, said[0] ? ": " : "", said);
}

/** read_stamp() - what dyno-stamp wrote; @ended: no more will come. Return: the launch is decided */
static bool read_stamp(struct bench_launch *launch, bool ended)
{
	const char *second;
	char *end;
	long long ns;
	ssize_t got;

	while ((got = read(launch->stamp_fd, launch->stamp + launch->stamp_size,
	                   sizeof(launch->stamp) - 1 - launch->stamp_size)) > 0)
		launch->stamp_size += (size_t)got;
	launch->stamp[launch->stamp_size] = '\0';
	if (got == 0)
		launch->stamp_fd = fd_close(launch->stamp_fd);
	second = strchr(launch->stamp, '\n');
	if (!second)
		return false;
	ns = strtoll(launch->stamp, &end, 10);
	if (end != second || ns < (long long)launch->requested_ns)
		bench_fail(launch,
		           "what came in place of the stamp is no time: a container's output may be mixed into it");
	else if (second[1] == '!')
		bench_fail(launch, "the command cannot be executed: %s", strerror((int)strtol(second + 2, NULL, 10)));
	else if (!launch->contender->verify || ended || launch->stamp_fd < 0 || clock_ns() > (uint64_t)ns + VERIFY_NS)
		is_ready(launch, (uint64_t)ns);
	return launch->state != BENCH_WAITING;
}

/** drop_attempt() - close the socket by a reset */
static void drop_attempt(struct bench_launch *launch)
{
	const struct linger at_once = { .l_onoff = 1 };

	if (launch->socket >= 0)
		(void)setsockopt(launch->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	launch->socket = fd_close(launch->socket);
	launch->asked = false;
}

/** ask() - send the request on a connection that is there; it fits into an empty socket buffer */
static void ask(struct bench_launch *launch)
{
	char request[1200];
	int size = text_format(
		request, sizeof(request),
		"GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: dyno-bench\r\nConnection: close\r\n\r\n",
		launch->contender->plan->path);

	launch->asked = size > 0 && send(launch->socket, request, (size_t)size, MSG_NOSIGNAL) == size;
	if (!launch->asked)
		drop_attempt(launch);
}

/** hear() - the first bytes of an answer, if they are there. A status of 500 or more says "not yet" */
static void hear(struct bench_launch *launch)
{
	char answer[16] = "";
	ssize_t got = recv(launch->socket, answer, sizeof("HTTP/1.1 200") - 1, MSG_PEEK | MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got > 0 && got < (ssize_t)sizeof("HTTP/1.1 200") - 1)
		return;
	if (got > 0 && text_starts(answer, "HTTP/1.") && answer[9] >= '1' && answer[9] <= '4')
		is_ready(launch, clock_ns());
	else if (got > 0 && !text_starts(answer, "HTTP/"))
		bench_fail(launch, "what answers on port %u does not speak HTTP/1", (unsigned)launch->port);
	drop_attempt(launch);
}

/** try_place() - one step towards the place: connect, find it connected, ask, hear */
static void try_place(struct bench_launch *launch)
{
	struct sockaddr_in place = { .sin_family = AF_INET,
		                     .sin_port = htons(launch->port),
		                     .sin_addr.s_addr = launch->place };
	uint64_t now_ns = clock_ns();

	if (launch->asked) {
		hear(launch);
		return;
	}
	if (launch->socket >= 0 && now_ns > launch->tried_ns + ATTEMPT_NS)
		drop_attempt(launch);
	if (launch->socket < 0) {
		launch->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		launch->tried_ns = now_ns;
	}
	/* a second connect(2) tells what became of the first */
	if (connect(launch->socket, (struct sockaddr *)&place, sizeof(place)) < 0 && errno != EISCONN) {
		if (errno != EINPROGRESS && errno != EALREADY)
			drop_attempt(launch);
		return;
	}
	if (launch->contender->plan->until == BENCH_UNTIL_LISTEN) {
		is_ready(launch, clock_ns());
		drop_attempt(launch);
	} else {
		ask(launch);
	}
}

int bench_ports_free(const struct bench_plan *plan)
{
	const struct timespec pace = { .tv_nsec = PACE_NS };
	uint64_t deadline_ns = clock_ns() + FREE_NS;
	const int yes = 1;

	for (unsigned i = 0; i < plan->concurrency && plan->ports[i] != 0; i++) {
		struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons(plan->ports[i]) };
		_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		/* with SO_REUSEADDR nothing but a listening socket is in the way */
		if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
			return -errno;
		while (bind(fd, (struct sockaddr *)&place, sizeof(place)) < 0) {
			if (errno != EADDRINUSE || clock_ns() > deadline_ns)
				return -errno;
			(void)nanosleep(&pace, NULL);
		}
	}
	return 0;
}

/** dyno_event() - one event of a dyno. Return: there may be more */
static bool dyno_event(struct bench_launch *launch, const struct dyno_event *event)
{
	char text[64];

	switch (event->type) {
	case DYNO_EVENT_NONE: return false;
	case DYNO_EVENT_UP: launch->up = true; break;
	case DYNO_EVENT_FAILED:
		bench_fail(launch, "%s", event->error.text);
		launch->ended = true;
		return false;
	case DYNO_EVENT_EXITED:
		(void)text_format(text, sizeof(text), "ended with status %d", message_status(event->status));
		if (launch->state == BENCH_WAITING && (launch->stamp_fd < 0 || !read_stamp(launch, true)))
			ended_early(launch, event->reason[0] ? event->reason : text);
		launch->ended = true;
		return false;
	case DYNO_EVENT_LISTENING:
		if (event->listen.where == DYNO_LISTEN_READY)
			launch->listened_ns = dyno_boot(launch->dyno)->ns[DYNO_PHASE_LISTENING];
		else if (event->listen.where == DYNO_LISTEN_LOOPBACK)
			bench_fail(launch, "%s", event->listen.hint);
		else
			(void)text_copy(launch->hint, sizeof(launch->hint), event->listen.hint);
		break;
	default: break;
	}
	return true;
}

/** heed_dyno() - all its events, and what they mean for one that cannot be reached from here */
static void heed_dyno(struct bench_launch *launch)
{
	const struct bench_plan *plan = launch->contender->plan;
	struct dyno_error err = { 0 };
	struct dyno_event event;
	const char *place;
	uint16_t port;

	do {
		if (launch->ended)
			return;
		if (dyno_next_event(launch->dyno, &event, &err) < 0) {
			bench_fail(launch, "%s", err.text);
			launch->ended = true;
			return;
		}
	} while (dyno_event(launch, &event));
	if (!plan->blind || launch->listened_ns == 0 || launch->place != 0)
		return;
	place = dyno_published(launch->dyno, 0);
	if (plan->until == BENCH_UNTIL_LISTEN) {
		is_ready(launch, launch->listened_ns);
	} else if (plan->until == BENCH_UNTIL_HTTP && place && strrchr(place, ':') &&
	           units_port(strrchr(place, ':') + 1, &port) == 0) {
		launch->place = htonl(INADDR_LOOPBACK);
		launch->port = port;
	}
}

/** heed_peer() - its process ended: until exec that may be in order */
static void heed_peer(struct bench_launch *launch)
{
	siginfo_t info = { 0 };
	char text[64];

	if (waitid(P_PID, (id_t)launch->pid, &info, WEXITED | WNOWAIT | WNOHANG) < 0 || info.si_pid == 0)
		return;
	/* a monitor may be gone before the last of those whom it has watched, who hold the pipe */
	if (launch->stamp_fd >= 0 && read_stamp(launch, true))
		return;
	(void)text_format(text, sizeof(text),
	                  info.si_code == CLD_EXITED ? "ended with status %d" : "killed by signal %d", info.si_status);
	ended_early(launch, text);
}

/** is_done() - nothing is to be waited for. A dyno's boot is complete when it is told to be up, too */
static bool is_done(const struct bench_launch *launch)
{
	if (launch->state == BENCH_READY && launch->dyno && !launch->up && !launch->ended)
		return false;
	return launch->state != BENCH_WAITING;
}

/** watch() - descriptors of @launch. Return: it wants to be looked at again soon, whatever happens */
static bool watch(struct bench_launch *launch, struct pollfd *fds)
{
	int end_fd = launch->pid_fd;

	if (launch->dyno)
		end_fd = launch->ended ? -1 : dyno_fd(launch->dyno);
	fds[WATCH_STAMP] = (struct pollfd){ .fd = launch->state == BENCH_WAITING ? launch->stamp_fd : -1,
		                            .events = POLLIN };
	fds[WATCH_END] = (struct pollfd){ .fd = is_done(launch) ? -1 : end_fd, .events = POLLIN };
	return launch->state == BENCH_WAITING && (launch->place != 0 || launch->stamp_size > 0);
}

/** heed() - what poll(2) said of @launch */
static void heed(struct bench_launch *launch, const struct pollfd *fds)
{
	if (fds[WATCH_STAMP].revents || (launch->stamp_size > 0 && launch->stamp_fd >= 0))
		(void)read_stamp(launch, false);
	if (fds[WATCH_END].revents && launch->dyno)
		heed_dyno(launch);
	else if (fds[WATCH_END].revents && launch->state == BENCH_WAITING)
		heed_peer(launch);
	if (launch->state == BENCH_WAITING && launch->place != 0)
		try_place(launch);
}

int bench_wait(struct bench_launch *launches, size_t count, uint64_t timeout_ms, int signals)
{
	struct pollfd fds[BENCH_CONCURRENCY_MAX * WATCH_COUNT + 1];
	uint64_t deadline_ns = launches[0].requested_ns + timeout_ms * 1000000;
	char text[32];

	for (;;) {
		struct timespec pace = { .tv_nsec = PACE_NS };
		uint64_t now_ns = clock_ns();
		bool soon = false, done = true;

		for (size_t i = 0; i < count; i++) {
			soon = watch(&launches[i], &fds[i * WATCH_COUNT]) || soon;
			done = done && is_done(&launches[i]);
		}
		if (done)
			return 0;
		if (now_ns >= deadline_ns)
			break;
		fds[count * WATCH_COUNT] = (struct pollfd){ .fd = signals, .events = POLLIN };
		if (!soon)
			pace = (struct timespec){ (time_t)((deadline_ns - now_ns) / 1000000000),
				                  (long)((deadline_ns - now_ns) % 1000000000) };
		if (ppoll(fds, count * WATCH_COUNT + 1, &pace, NULL) < 0 && errno != EINTR)
			break;
		if (fds[count * WATCH_COUNT].revents)
			return -EINTR;
		for (size_t i = 0; i < count; i++)
			heed(&launches[i], &fds[i * WATCH_COUNT]);
	}
	for (size_t i = 0; i < count; i++)
		if (!is_done(&launches[i]))
			bench_fail(&launches[i], "was not there within %s (--timeout)%s%s",
			           units_format_ns(timeout_ms * 1000000, text, sizeof(text)),
			           launches[i].hint[0] ? ": " : "", launches[i].hint);
	return 0;
}
