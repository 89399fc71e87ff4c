/* SPDX-License-Identifier: Apache-2.0 */
/**
 * launcher.c - the resident launcher's event loop; see launcher.h
 *
 * Theory of operation. Everything that can happen is a descriptor in one epoll: connections, requests, dynos, signals, the timer of
 * graces, the reaper. A round serves what is ready, then buries the peers that broke. Nothing waits for a peer or an app. What has time
 * (control sockets, taking down dynos that ended) is a chore: done one at a time when nothing is ready, and once
 * in a while in any case, so that starts are fast while many come, and leftovers bounded.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "launcher/client.h"
#include "launcher/peer.h"
#include "launcher/resident.h"

#define EVENTS_A_ROUND 64
/* A chore is done after so many rounds at the latest */
#define ROUNDS_A_CHORE 8
/* and each round while so many wait: what they hold is needed */
#define CHORES_MANY 128
/* For a launcher that cannot accept: time after which it tries again, though it knows of nothing that was freed */
#define RETRY_NS 1000000000ULL

void launcher_say(const struct launcher *launcher, const char *fmt, ...)
{
	char line[512];
	va_list args;

	if (!launcher->config.say)
		return;
	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	launcher->config.say(launcher->config.data, line);
}

int launcher_watch(const struct launcher *launcher, int fd, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(launcher->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void launcher_due(struct launcher *launcher, uint64_t ns)
{
	struct itimerspec when = { .it_value = { .tv_sec = (time_t)(ns / 1000000000),
		                                 .tv_nsec = (long)(ns % 1000000000) } };

	if (launcher->due_ns != 0 && launcher->due_ns <= ns)
		return;
	launcher->due_ns = ns;
	(void)timerfd_settime(launcher->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* ---- open -------------------------------------------------------------------------------------------------------- */

/** raise_limit() - as many descriptors as we may have: each dyno needs several */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/** open_signals() - what would end us becomes an event. Return: descriptor or negative errno */
static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* Blocked only: a write to a reader that went away then fails with EPIPE and ends nothing. */
	sigaddset(&set, SIGPIPE);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	sigdelset(&set, SIGPIPE);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/** open_sources() - the descriptors of the loop, and what they mean to it */
static int open_sources(struct launcher *launcher)
{
	const struct {
		struct source *source;
		enum source_type type;
		int fd;
	} sources[] = {
		{ &launcher->listener_source, SOURCE_LISTENER, launcher->place.fd },
		{ &launcher->signal_source, SOURCE_SIGNALS, launcher->signals },
		{ &launcher->timer_source, SOURCE_TIMER, launcher->timer },
		{ &launcher->reaper_source, SOURCE_REAPER, reaper_fd(launcher->reaper) },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(sources) / sizeof(sources[0]); i++) {
		*sources[i].source = (struct source){ sources[i].type, launcher };
		r = launcher_watch(launcher, sources[i].fd, sources[i].source, EPOLLIN);
	}
	launcher->accepting = r == 0;
	return r;
}

/** open_loop() - everything that the loop needs */
static int open_loop(struct launcher *launcher, struct dyno_error *err)
{
	int r;

	launcher->signals = open_signals();
	launcher->epoll = epoll_create1(EPOLL_CLOEXEC);
	launcher->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	launcher->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	r = launcher->signals < 0 ? launcher->signals : 0;
	if (r == 0 && (launcher->epoll < 0 || launcher->timer < 0 || launcher->null < 0))
		r = -errno;
	if (r == 0)
		r = reaper_open(&launcher->reaper);
	if (r == 0)
		r = open_sources(launcher);
	return r < 0 ? error_set(err, r, "launcher", "cannot make the event loop:") : 0;
}

/** open_place() - the socket, in the state directory if no other place was given */
static int open_place(struct launcher *launcher, struct dyno_error *err)
{
	const struct launcher_config *config = &launcher->config;
	char path[PATH_MAX];
	int r = config->socket ? 0 : launcher_socket_path(path, sizeof(path));

	if (r < 0)
		return error_set(err, r, "socket", "the path of the state directory is too long");
	return place_open(config->socket ? config->socket : path, config->group, &launcher->place, err);
}

/** adopt_config() - work by @config; what is only used at the call is not kept */
static void adopt_config(struct launcher *launcher, const struct launcher_config *config)
{
	launcher->config = *config;
	launcher->config.pools = NULL;
	launcher->config.pool_count = 0;
}

int launcher_open(const struct launcher_config *config, struct launcher **ret, struct dyno_error *err)
{
	struct launcher *launcher = calloc(1, sizeof(*launcher));
	int r;

	if (!launcher)
		return error_set(err, -ENOMEM, "launcher", "out of memory");
	launcher->epoll = launcher->signals = launcher->timer = launcher->null = -1;
	launcher->place = (struct place)PLACE_NULL;
	launcher->stats.started_ns = clock_ns();
	LIST_INIT(&launcher->peers);
	LIST_INIT(&launcher->residents);
	STAILQ_INIT(&launcher->chores);
	adopt_config(launcher, config);
	raise_limit();
	r = dyno_host_open(&launcher->host, err);
	if (r == 0)
		r = open_place(launcher, err);
	launcher->config.socket = NULL;
	if (r == 0)
		r = open_loop(launcher, err);
	if (r == 0)
		r = pools_open(launcher->host, config, &launcher->pools, err);
	if (r < 0) {
		launcher_close(launcher);
		return r;
	}
	/* Whoever starts dynos sweeps up after launchers that were killed. */
	(void)dyno_gc(launcher->host, NULL);
	place_notify("READY=1\nSTATUS=Starting dynos at request");
	*ret = launcher;
	return 0;
}

const char *launcher_socket(const struct launcher *launcher)
{
	return launcher->place.path;
}

int launcher_reload(struct launcher *launcher, const struct launcher_config *config, struct dyno_error *err)
{
	int r = pools_reload(launcher->pools, config, err);

	if (r == 0) {
		adopt_config(launcher, config);
		launcher->config.socket = NULL;
	}
	place_notify("READY=1");
	return r;
}

struct launcher *launcher_close(struct launcher *launcher)
{
	if (!launcher)
		return NULL;
	place_close(&launcher->place);
	peers_close(launcher);
	launcher->reaper = reaper_close(launcher->reaper);
	residents_close(launcher);
	launcher->pools = pools_close(launcher->pools);
	launcher->host = dyno_host_close(launcher->host);
	fd_close(launcher->epoll);
	fd_close(launcher->signals);
	fd_close(launcher->timer);
	fd_close(launcher->null);
	free(launcher);
	return NULL;
}

/* ---- run --------------------------------------------------------------------------------------------------------- */

/** stop() - no dyno is started any more, and those that run are stopped; told again, they are killed */
static void stop(struct launcher *launcher)
{
	struct resident *resident;

	launcher->stops++;
	if (launcher->stops == 1)
		place_notify("STOPPING=1");
	for (resident = LIST_FIRST(&launcher->residents); resident; resident = LIST_NEXT(resident, next)) {
		if (resident->state >= RESIDENT_ENDED)
			continue;
		if (launcher->stops == 1)
			resident_stop(resident, REQUEST_NOT_GIVEN);
		else
			resident_kill(resident);
	}
}

/** tell_reloading() - systemd's notify-reload wants to know since when (sd_notify(3)) */
static void tell_reloading(void)
{
	char text[64];

	(void)text_format(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
	                  (unsigned long long)(clock_ns() / 1000));
	place_notify(text);
}

/** on_signals() - somebody wants us to end, or to reload */
static void on_signals(struct launcher *launcher)
{
	struct signalfd_siginfo info;

	while (read(launcher->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGHUP) {
			stop(launcher);
			continue;
		}
		tell_reloading();
		launcher->reload = true;
	}
}

/** on_timer() - a grace is over, or it is time to try to accept again */
static void on_timer(struct launcher *launcher)
{
	uint64_t count, next;

	(void)!read(launcher->timer, &count, sizeof(count));
	launcher->due_ns = 0;
	next = residents_expired(launcher, clock_ns());
	if (next != 0)
		launcher_due(launcher, next);
	peers_resume(launcher);
}

/** on_reaped() - take back what the reaper is done with */
static void on_reaped(struct launcher *launcher)
{
	struct reaping *reaping;

	while ((reaping = reaper_next(launcher->reaper)))
		resident_reaped((struct resident *)((char *)reaping - offsetof(struct resident, reaping)));
}

/** dispatch() - serve one thing that is ready */
static void dispatch(struct launcher *launcher, const struct epoll_event *event)
{
	const struct source *source = event->data.ptr;

	switch (source->type) {
	case SOURCE_NONE: break;
	case SOURCE_LISTENER: peers_accept(launcher); break;
	case SOURCE_SIGNALS: on_signals(launcher); break;
	case SOURCE_TIMER: on_timer(launcher); break;
	case SOURCE_REAPER: on_reaped(launcher); break;
	case SOURCE_PEER: peer_event(source->owner, event->events); break;
	case SOURCE_DYNO: resident_event(source->owner); break;
	case SOURCE_CONTROL: resident_control(source->owner); break;
	}
}

/** serve_round() - serve what is ready; wait for it if there is no chore. Return: 0 or negative errno */
static int serve_round(struct launcher *launcher, struct dyno_error *err)
{
	struct epoll_event events[EVENTS_A_ROUND];
	bool chores = !STAILQ_EMPTY(&launcher->chores);
	int count = epoll_wait(launcher->epoll, events, EVENTS_A_ROUND, chores ? 0 : -1);

	if (count < 0)
		return errno == EINTR ? 0 : error_set(err, -errno, "launcher", "cannot wait for events:");
	for (int i = 0; i < count; i++)
		dispatch(launcher, &events[i]);
	peers_bury(launcher);
	if (!launcher->accepting && launcher->place.fd >= 0)
		launcher_due(launcher, clock_ns() + RETRY_NS);
	if (chores && (count == 0 || launcher->chore_count > CHORES_MANY || ++launcher->rounds >= ROUNDS_A_CHORE)) {
		launcher->rounds = 0;
		residents_chore(launcher);
	}
	return 0;
}

int launcher_run(struct launcher *launcher, struct dyno_error *err)
{
	int r = 0;

	while (r == 0 && !launcher->reload && !(launcher->stops > 0 && LIST_EMPTY(&launcher->residents)))
		r = serve_round(launcher, err);
	if (r == 0 && launcher->reload) {
		launcher->reload = false;
		return LAUNCHER_RELOAD;
	}
	return r;
}
