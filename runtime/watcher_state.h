/* SPDX-License-Identifier: Apache-2.0 */
/* watcher_state.h - inside of struct watcher, for watcher.c and watcher_threads.c only */
#ifndef RUNTIME_WATCHER_STATE_H
#define RUNTIME_WATCHER_STATE_H

#include <pthread.h>

#include "runtime/watcher.h"

/* Other addresses than the right one that are told: as many hints as a person reads */
#define WATCHER_OTHERS 16

/**
 * struct watched - one dyno
 * @next:     of all records of the watcher
 * @spare:    of those that nobody uses
 * @notify:   listener of the filter, -1 when it is closed: there will be no more reports
 * @used:     belongs to a dyno that has not been dropped, or to a thread that is still at it
 * @dropped:  nobody takes the reports any more
 * @busy:     a thread is at it, without the watcher's lock
 * @apart:    this thread has it for itself
 * @resting:  out of calls until the end of the window that began at @window_ns, with @call in hand
 * @ready:    the app listens where it should: nothing more is looked at
 * @others, @other_count: wrong addresses that were told
 * @reports, @taken, @told: what was seen, how much of it was taken and told
 */
struct watched {
	struct watched *next, *spare;
	int notify;
	int event;
	uint16_t port;
	bool loopback;
	bool used, dropped, busy, apart, resting, ready;
	struct listen_call call;
	uint64_t window_ns;
	unsigned calls;
	size_t other_count;
	struct policy_endpoint others[WATCHER_OTHERS];
	unsigned taken, told;
	struct watch_report reports[WATCHER_OTHERS + 1];
};

/**
 * struct watcher - shared by the host and its threads; freed by the last
 * @lock:    for everything here and in the records; never held while a socket of an app is touched
 * @wake:    eventfd by which the leader learns of the end
 * @timer:   timerfd that runs while the leader may be held up
 * @leader, @second: threads; the second is there if @seconds
 * @ending:  the host closes
 * @refs:    threads, and the host
 * @count, @resters: dynos, and how many of them are resting
 * @all, @spare: records, and those that nobody uses
 * @at, @since_ns: whose socket the leader touches since when; NULL for nobody's
 */
struct watcher {
	pthread_mutex_t lock;
	int epoll, wake, timer;
	pthread_t leader, second;
	bool seconds, ending;
	unsigned refs, count, resters;
	struct watched *all, *spare;
	struct watched *at;
	uint64_t since_ns;
};

/** watcher_start() - its first thread. The lock is held. Return: 0 or negative errno */
int watcher_start(struct watcher *watcher);

/** watcher_need_second() - have a thread that minds the timer, where there is somebody to be delayed. The lock is held */
void watcher_need_second(struct watcher *watcher);

/** watcher_set_timer() - run out @ns from now, or (0) never */
void watcher_set_timer(const struct watcher *watcher, long ns);

/** watcher_signal() - there is something to take. The lock is held */
void watcher_signal(const struct watched *watched);

/** watcher_finish() - a thread, or the caller, is done with the dyno: close what is to be closed. @over: no more calls. The lock is held */
void watcher_finish(struct watcher *watcher, struct watched *watched, bool over);

/** watcher_put() - one user less; the last frees it. The lock is held, and gone after */
void watcher_put(struct watcher *watcher);

#endif /* RUNTIME_WATCHER_STATE_H */
