/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - see watch.h */
#include "runtime/watch.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/text.h"

#define STEP "watch"

int watch_begin(struct watch *watch, struct watcher **watcher, int notify, enum dyno_net net, uint16_t port,
                struct dyno_error *err)
{
	int fault = fault_at(STEP), r = fault;
	struct watch_task task = {
		.notify = notify,
		.port = port,
		/* Without a private network there is no outside that could not reach the loopback, or no way in at all. */
		.loopback = net != DYNO_NET_PRIVATE,
	};

	if (r == 0)
		r = listen_check();
	if (r == 0) {
		/* readable at once where nobody looks */
		watch->reports = eventfd(notify < 0, EFD_CLOEXEC | EFD_NONBLOCK);
		r = watch->reports < 0 ? -errno : 0;
	}
	task.event = watch->reports;
	if (r == 0 && notify >= 0)
		r = watcher_add(watcher, &task, &watch->watched);
	else
		fd_close(notify);
	if (r < 0) {
		watch->reports = fd_close(watch->reports);
		return error_set(err, r, STEP,
		                 fault ? "injected failure at watch:" : "cannot watch for the app's listening:");
	}
	watch->watcher = *watcher;
	watch->unseen = notify < 0;
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
	if (watch->unseen) {
		watch->unseen = false;
		*ret = (struct watch_report){ .where = DYNO_LISTEN_READY, .seen.at.family = AF_UNSPEC };
		return 1;
	}
	return watch->watched && watch->reports >= 0 ? watcher_take(watch->watcher, watch->watched, ret) : -EPIPE;
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

void watch_quiet(struct watch *watch)
{
	if (watch->watched)
		watcher_mute(watch->watcher, watch->watched);
	watch->reports = fd_close(watch->reports);
}

void watch_end(struct watch *watch)
{
	if (watch->watched)
		watcher_drop(watch->watcher, watch->watched);
	watch->watched = NULL;
	watch->reports = fd_close(watch->reports);
	watch->timer = fd_close(watch->timer);
}
