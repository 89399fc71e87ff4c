/* SPDX-License-Identifier: Apache-2.0 */
/**
 * watcher.h - the thread that answers the listen(2) of all watched dynos of a host
 *
 * A thread, because an app waits for the answer and must not wait for the launcher's loop, and because an answer means to touch
 * sockets of the app, whose locks it may keep (netns/listen.h). One for all, because each thread makes each fork of its process
 * dearer. watcher_threads.c says how one dyno is kept from holding up the others.
 */
#ifndef RUNTIME_WATCHER_H
#define RUNTIME_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "dyno.h"
#include "netns/listen.h"

struct watcher; /* of a host: epoll descriptor, threads */
struct watched; /* one dyno in it */

/** struct watch_report - what the thread saw */
struct watch_report {
	enum dyno_listen_where where;
	struct listen_seen seen;
};

/**
 * struct watch_task - what to watch
 * @notify:   listener of the dyno's filter; the watcher's from watcher_add() on, also on failure
 * @event:    eventfd that is readable while there is something to take; the caller's, until watcher_mute() or watcher_drop()
 * @port:     where the app is to listen, 0 for nowhere
 * @loopback: to listen on the loopback is enough
 */
struct watch_task {
	int notify;
	int event;
	uint16_t port;
	bool loopback;
};

/**
 * watcher_add() - answer the calls of one more dyno, from now on
 * @host: its watcher: NULL at first, filled in then
 * Return: 0 or negative errno
 */
int watcher_add(struct watcher **host, const struct watch_task *task, struct watched **ret);

/** watcher_take() - the next report; does not block. Return: 1, 0 when there is none, -EPIPE when there will be none any more */
int watcher_take(struct watcher *watcher, struct watched *watched, struct watch_report *ret);

/** watcher_mute() - no more reports are wanted, and the eventfd goes; the calls are answered as ever */
void watcher_mute(struct watcher *watcher, struct watched *watched);

/** watcher_drop() - no longer interested. Must: be called after the dyno's last process is gone, or its listen(2) fails with ENOSYS */
void watcher_drop(struct watcher *watcher, struct watched *watched);

/** watcher_close() - end the threads. Must: come after the last watcher_drop(). NULL is fine. Return: NULL */
struct watcher *watcher_close(struct watcher *watcher);

#endif /* RUNTIME_WATCHER_H */
