/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - see watch.h */
#include "runtime/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/text.h"

#define STEP "watch"
#define STACK_SIZE 65536
/* Other addresses than the right one that are told: as many hints as a person reads */
#define OTHERS 16
/* Calls answered in each window: more than any server makes, and what a hostile app can have us do with a CPU is bounded */
#define WINDOW_CALLS 256
#define WINDOW_NS 100000000ULL
/* What a thread may take for its end, in seconds, after the last process of the dyno is gone */
#define END_S 1

/**
 * struct watcher - the thread's own
 * @notify:   listener of the filter
 * @reports:  our end of the pipe
 * @loopback: to listen on the loopback is enough
 * @others:   told already
 */
struct watcher {
	int notify;
	int reports;
	uint16_t port;
	bool loopback;
	bool ready;
	size_t count;
	struct policy_endpoint others[OTHERS];
	uint64_t window_ns;
	unsigned calls;
};

/** judge() - what @seen is to the dyno */
static enum dyno_listen_where judge(const struct watcher *watcher, const struct listen_seen *seen)
{
	/* One that we could not look at is taken for the right one: else a healthy app would be killed for our blindness. */
	if (seen->at.family == AF_UNSPEC)
		return DYNO_LISTEN_READY;
	if (seen->at.port != watcher->port || watcher->port == 0)
		return DYNO_LISTEN_OTHER_PORT;
	return policy_is_loopback(&seen->at) && !watcher->loopback ? DYNO_LISTEN_LOOPBACK : DYNO_LISTEN_READY;
}

/** is_news() - @at was not told yet, and there is room to note it */
static bool is_news(struct watcher *watcher, const struct policy_endpoint *at)
{
	size_t i;

	for (i = 0; i < watcher->count; i++)
		if (watcher->others[i].family == at->family && watcher->others[i].port == at->port &&
		    memcmp(watcher->others[i].address, at->address, sizeof(at->address)) == 0)
			return false;
	if (watcher->count == OTHERS)
		return false;
	watcher->others[watcher->count++] = *at;
	return true;
}

/** tell() - a socket listens; the launcher hears of each address once, and of none after the right one */
static void tell(struct watcher *watcher, const struct listen_seen *seen)
{
	struct watch_report report = { judge(watcher, seen), *seen };

	watcher->ready = report.where == DYNO_LISTEN_READY;
	/* The pipe has room for all that can ever be told. */
	if (watcher->ready || is_news(watcher, &seen->at))
		(void)fd_write_all(watcher->reports, &report, sizeof(report));
}

/** rest() - out of calls for this window: wait until it is over, with a call in hand, which no signal can interrupt then */
static void rest(struct watcher *watcher)
{
	uint64_t now_ns = clock_ns();

	if (now_ns - watcher->window_ns >= WINDOW_NS) {
		watcher->window_ns = now_ns;
		watcher->calls = 0;
	} else if (++watcher->calls >= WINDOW_CALLS) {
		(void)poll(NULL, 0, (int)((watcher->window_ns + WINDOW_NS - now_ns) / 1000000) + 1);
	}
}

/** serve() - answer the next call. Return: 0, -EPIPE when nobody is left who could call, or negative errno */
static int serve(struct watcher *watcher)
{
	struct pollfd ready = { .fd = watcher->notify, .events = POLLIN };
	struct listen_call call;
	struct listen_seen seen;
	int r;

	(void)poll(&ready, 1, -1);
	r = listen_receive(watcher->notify, &call);
	if (r <= 0)
		return r;
	rest(watcher);
	/* Told before it is answered: so it is told before whatever the app does next, its end too. */
	if (!watcher->ready && listen_make(watcher->notify, &call, &seen))
		tell(watcher, &seen);
	return listen_answer(watcher->notify, &call);
}

/** watcher_main() - answer until nobody is left who could ask */
static void *watcher_main(void *data)
{
	struct watcher *watcher = data;

	while (serve(watcher) == 0)
		;
	/* Closing it makes any further listen(2) fail with ENOSYS: at an error that we know nothing of, better than to hang. */
	fd_close(watcher->notify);
	fd_close(watcher->reports);
	free(watcher);
	return NULL;
}

/** start_thread() - with a small stack, and with all signals blocked: they are for the caller's threads */
static int start_thread(pthread_t *thread, struct watcher *watcher)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(thread, &attr, watcher_main, watcher);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -r;
}

/** give_up_watching() - there is nothing to see: the one report is that the app is ready, for all we know */
static int give_up_watching(int reports)
{
	const struct watch_report report = { .where = DYNO_LISTEN_READY, .seen.at.family = AF_UNSPEC };
	int r = fd_write_all(reports, &report, sizeof(report));

	fd_close(reports);
	return r;
}

int watch_begin(struct watch *watch, int notify, enum dyno_net net, uint16_t port, struct dyno_error *err)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	int ends[2] = { -1, -1 };
	int fault = fault_at(STEP), r = fault;

	if (r == 0)
		r = watcher ? listen_check() : -ENOMEM;
	if (r == 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		r = -errno;
	if (r == 0 && notify >= 0) {
		/* Without a private network there is no outside that could not reach the loopback, or no way in at all. */
		*watcher = (struct watcher){ notify, ends[1], port, .loopback = net != DYNO_NET_PRIVATE };
		r = start_thread(&watch->thread, watcher);
		watch->running = r == 0;
	} else if (r == 0) {
		r = give_up_watching(TAKE_FD(ends[1]));
	}
	if (!watch->running)
		free(watcher);
	if (r < 0) {
		fd_close(ends[0]);
		fd_close(ends[1]);
		fd_close(notify);
		return error_set(err, r, STEP,
		                 fault ? "injected failure at watch:" : "cannot watch for the app's listening:");
	}
	watch->reports = ends[0];
	watch->port = port;
	return 0;
}

int watch_arm(struct watch *watch, uint64_t up_ns, uint32_t timeout_ms, struct dyno_error *err)
{
	uint64_t ns = up_ns + timeout_ms * 1000000ULL;
	const struct itimerspec end = { .it_value = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) } };

	watch->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (watch->timer < 0 || timerfd_settime(watch->timer, TFD_TIMER_ABSTIME, &end, NULL) < 0)
		return error_set(err, -errno, STEP, "cannot set the boot timeout:");
	watch->timeout_ms = timeout_ms;
	return 0;
}

int watch_next(struct watch *watch, struct watch_report *ret)
{
	ssize_t got = watch->reports < 0 ? 0 : read(watch->reports, ret, sizeof(*ret));

	if (got == (ssize_t)sizeof(*ret))
		return 1;
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -EPIPE;
}

bool watch_expired(struct watch *watch)
{
	uint64_t times;

	if (watch->timer < 0 || read(watch->timer, &times, sizeof(times)) < 0)
		return false;
	watch->expired = !watch->ready;
	return watch->expired;
}

void watch_describe(struct watch *watch, const struct watch_report *report, struct dyno_listen *ret)
{
	const struct policy_endpoint *at = &report->seen.at;

	ret->where = report->where;
	ret->port = at->port;
	if (at->family == AF_UNSPEC) {
		ret->port = watch->port;
		(void)text_copy(ret->address, sizeof(ret->address), "an address that could not be seen");
	} else {
		(void)policy_endpoint_text(at, ret->address);
	}
	ret->hint[0] = '\0';
	if (report->where == DYNO_LISTEN_READY) {
		watch->ready = true;
		watch->timer = fd_close(watch->timer);
	} else if (watch->port != 0) {
		(void)text_format(ret->hint, sizeof(ret->hint), "listens on %s; bind %s:$PORT", ret->address,
		                  at->family == AF_INET ? "0.0.0.0" : "[::]");
		(void)text_copy(watch->hint, sizeof(watch->hint), ret->hint);
	}
}

void watch_reason(const struct watch *watch, char *buf, size_t size)
{
	bool whole = watch->timeout_ms % 1000 == 0;
	int r = text_format(buf, size, "R10 (Boot timeout): nothing listened on $PORT (%u) within %u %s", watch->port,
	                    whole ? watch->timeout_ms / 1000 : watch->timeout_ms, whole ? "s" : "ms");

	if (r > 0 && watch->hint[0])
		(void)text_append(buf, size, "; it %s", watch->hint);
}

void watch_end(struct watch *watch)
{
	struct timespec limit;

	watch->reports = fd_close(watch->reports);
	watch->timer = fd_close(watch->timer);
	if (!watch->running)
		return;
	watch->running = false;
	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += END_S;
	/* A socket of the app may keep it: then it ends, and cleans up, without us. */
	if (pthread_clockjoin_np(watch->thread, NULL, CLOCK_MONOTONIC, &limit) != 0)
		(void)pthread_detach(watch->thread);
}
