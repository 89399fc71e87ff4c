/* SPDX-License-Identifier: Apache-2.0 */
/* watcher.c - see watcher.h; what the threads do: watcher_threads.c */
#include "runtime/watcher_state.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "base/fd.h"

/* What a thread may take for its end, in seconds, when the dynos are gone */
#define END_S 1

void watcher_signal(const struct watched *watched)
{
	if (watched->event >= 0)
		(void)eventfd_write(watched->event, 1);
}

void watcher_finish(struct watcher *watcher, struct watched *watched, bool over)
{
	watched->busy = false;
	if ((over || watched->dropped) && watched->notify >= 0) {
		watcher->resters -= watched->resting;
		watched->resting = false;
		/* Not by closing it: a fork of ours, on its way to be a dyno, may have a copy. */
		(void)epoll_ctl(watcher->epoll, EPOLL_CTL_DEL, watched->notify, NULL);
		/* This makes any further listen(2) fail with ENOSYS: at an error that we know nothing of, better than to hang. */
		watched->notify = fd_close(watched->notify);
		watcher_signal(watched);
	}
	if (!watched->dropped || !watched->used)
		return;
	watched->used = false;
	watched->spare = watcher->spare;
	watcher->spare = watched;
	watcher->count--;
}

void watcher_put(struct watcher *watcher)
{
	bool last = --watcher->refs == 0;

	pthread_mutex_unlock(&watcher->lock);
	if (!last)
		return;
	while (watcher->all) {
		struct watched *next = watcher->all->next;

		fd_close(watcher->all->notify);
		free(watcher->all);
		watcher->all = next;
	}
	fd_close(watcher->epoll);
	fd_close(watcher->wake);
	fd_close(watcher->timer);
	pthread_mutex_destroy(&watcher->lock);
	free(watcher);
}

/** new_watcher() - with its first thread. Return: 0 or negative errno */
static int new_watcher(struct watcher **ret)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	struct epoll_event event = { .events = EPOLLIN };
	int r = 0;

	if (!watcher)
		return -ENOMEM;
	pthread_mutex_init(&watcher->lock, NULL);
	watcher->refs = 1;
	watcher->epoll = epoll_create1(EPOLL_CLOEXEC);
	watcher->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watcher->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (watcher->epoll < 0 || watcher->wake < 0 || watcher->timer < 0 ||
	    epoll_ctl(watcher->epoll, EPOLL_CTL_ADD, watcher->wake, &event) < 0)
		r = -errno;
	pthread_mutex_lock(&watcher->lock);
	if (r == 0)
		r = watcher_start(watcher);
	if (r < 0) {
		watcher_put(watcher);
		return r;
	}
	pthread_mutex_unlock(&watcher->lock);
	*ret = watcher;
	return 0;
}

/** new_record() - one that nobody uses, or a new one. The lock is held. Return: NULL without memory */
static struct watched *new_record(struct watcher *watcher)
{
	struct watched *watched = watcher->spare, *next;

	if (watched) {
		watcher->spare = watched->spare;
	} else {
		watched = malloc(sizeof(*watched));
		if (!watched)
			return NULL;
		watched->next = watcher->all;
		watcher->all = watched;
	}
	next = watched->next;
	*watched = (struct watched){ .next = next, .notify = -1, .event = -1 };
	return watched;
}

int watcher_add(struct watcher **host, const struct watch_task *task, struct watched **ret)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct watcher *watcher;
	struct watched *watched;
	int r = *host ? 0 : new_watcher(host);

	if (r < 0) {
		fd_close(task->notify);
		return r;
	}
	watcher = *host;
	pthread_mutex_lock(&watcher->lock);
	watched = new_record(watcher);
	event.data.ptr = watched;
	if (!watched)
		r = -ENOMEM;
	else if (epoll_ctl(watcher->epoll, EPOLL_CTL_ADD, task->notify, &event) < 0)
		r = -errno;
	if (r == 0) {
		watched->notify = task->notify;
		watched->event = task->event;
		watched->port = task->port;
		watched->loopback = task->loopback;
		watched->used = true;
		watcher->count++;
		watcher_need_second(watcher);
		*ret = watched;
	}
	if (r < 0 && watched) {
		watched->spare = watcher->spare;
		watcher->spare = watched;
	}
	pthread_mutex_unlock(&watcher->lock);
	if (r < 0)
		fd_close(task->notify);
	return r;
}

int watcher_take(struct watcher *watcher, struct watched *watched, struct watch_report *ret)
{
	eventfd_t times;
	int r = 1;

	pthread_mutex_lock(&watcher->lock);
	if (watched->taken < watched->told)
		*ret = watched->reports[watched->taken++];
	else
		r = watched->notify < 0 ? -EPIPE : 0;
	/* at its end it stays readable, as a pipe does */
	if (watched->taken == watched->told && watched->notify >= 0 && watched->event >= 0)
		(void)eventfd_read(watched->event, &times);
	pthread_mutex_unlock(&watcher->lock);
	return r;
}

void watcher_mute(struct watcher *watcher, struct watched *watched)
{
	pthread_mutex_lock(&watcher->lock);
	watched->event = -1;
	pthread_mutex_unlock(&watcher->lock);
}

void watcher_drop(struct watcher *watcher, struct watched *watched)
{
	pthread_mutex_lock(&watcher->lock);
	watched->event = -1;
	watched->dropped = true;
	/* A thread that is at it, which a socket of the app may keep for a while, cleans up itself. */
	if (!watched->busy)
		watcher_finish(watcher, watched, true);
	pthread_mutex_unlock(&watcher->lock);
}

/** join() - wait for the end of @thread, for a while */
static void join(pthread_t thread)
{
	struct timespec limit;

	clock_gettime(CLOCK_MONOTONIC, &limit);
	limit.tv_sec += END_S;
	if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &limit) != 0)
		(void)pthread_detach(thread);
}

struct watcher *watcher_close(struct watcher *watcher)
{
	pthread_t leader, second;
	bool seconds;

	if (!watcher)
		return NULL;
	pthread_mutex_lock(&watcher->lock);
	watcher->ending = true;
	leader = watcher->leader;
	second = watcher->second;
	seconds = watcher->seconds;
	(void)eventfd_write(watcher->wake, 1);
	watcher_set_timer(watcher, 1);
	pthread_mutex_unlock(&watcher->lock);
	join(leader);
	if (seconds)
		join(second);
	pthread_mutex_lock(&watcher->lock);
	watcher_put(watcher);
	return NULL;
}
