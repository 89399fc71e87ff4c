/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h - when does the app of one dyno listen, as the host's thread sees it (watcher.h), and the time it has for it (R10) */
#ifndef RUNTIME_WATCH_H
#define RUNTIME_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "dyno.h"
#include "runtime/watcher.h"

/**
 * struct watch - the launcher's side
 * @reports: eventfd that is readable when the thread has seen something; -1 without
 * @timer:   timerfd of the boot timeout, -1 without
 * @watcher, @watched: the thread, and the dyno's record there; NULL without
 * @unseen:  nobody looks: the one report to come says that the app is ready, for all we know
 * @ready:   the app listens where it should
 * @expired: it did not in time, and was killed
 * @hint:    what it did instead, last
 */
struct watch {
	int reports;
	int timer;
	struct watcher *watcher;
	struct watched *watched;
	bool unseen;
	bool ready;
	bool expired;
	uint16_t port;
	uint32_t timeout_ms;
	char hint[128];
};

#define WATCH_NULL                                                                                                     \
	{                                                                                                              \
		.reports = -1, .timer = -1                                                                             \
	}

/**
 * watch_begin() - have the calls answered that wait at @notify, from now on
 * @watcher: the host's, NULL at first
 * @notify:  the thread's from here, also on failure; -1 where there is none: then the app is taken for ready
 * @port:    where the app is to listen, 0 for nowhere
 */
int watch_begin(struct watch *watch, struct watcher **watcher, int notify, enum dyno_net net, uint16_t port,
                struct dyno_error *err);

/** watch_arm() - the app runs since @up_ns: its time for listening runs too */
int watch_arm(struct watch *watch, uint64_t up_ns, uint32_t timeout_ms, struct dyno_error *err);

/** watch_next() - the next report; does not block. Return: 1, 0 when there is none, -EPIPE when there will be none any more */
int watch_next(struct watch *watch, struct watch_report *ret);

/** watch_expired() - true once, when the time is over and the app is not ready */
bool watch_expired(struct watch *watch);

/** watch_describe() - @report as an event tells it; notes hint and readiness in @watch */
void watch_describe(struct watch *watch, const struct watch_report *report, struct dyno_listen *ret);

/** watch_reason() - why an app was killed that did not listen in time: one sentence into @buf */
void watch_reason(const struct watch *watch, char *buf, size_t size);

/** watch_quiet() - there is no more to be told: give descriptors back. The thread goes on to answer */
void watch_quiet(struct watch *watch);

/** watch_end() - take it down. Must: be called after the dyno's last process is gone, and before watcher_close(). Twice is fine */
void watch_end(struct watch *watch);

#endif /* RUNTIME_WATCH_H */
