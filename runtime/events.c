/* SPDX-License-Identifier: Apache-2.0 */
/**
 * events.c - what happened to a dyno: dyno_next_event(), see dyno.h
 *
 * Three can tell: init, over its channel; the kernel, by the end of the first process; and, of a watched dyno, the host's
 * thread that sees it listen (watcher.h). dyno_fd() is one epoll descriptor over them all.
 *
 * Chores are what nobody has to wait for: to let go of what only the launch needed, which takes RCU grace periods, 60 us each and ten times
 * that where network namespaces are being taken down; and what the host does for its next launch. They come after UP was told; the next
 * launch's, of a dyno that is watched, when its listening was told. One that never listens leaves those undone.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "runtime/channel.h"
#include "runtime/host.h"
#include "runtime/reason.h"
#include "runtime/registry.h"
#include "runtime/running.h"
#include "runtime/sandbox.h"

/** poll_for() - dyno_fd() is readable when @fd is */
static int poll_for(const struct dyno *dyno, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(dyno->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int events_begin(struct dyno *dyno)
{
	int r;

	dyno->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (dyno->epoll < 0)
		return -errno;
	r = poll_for(dyno, dyno->sandbox->channel);
	return r < 0 ? r : poll_for(dyno, dyno->sandbox->pidfd);
}

int events_parked(struct dyno *dyno, struct dyno_error *err)
{
	const struct dyno_sandbox *sandbox = dyno->sandbox;

	if (!sandbox->shape.watch)
		return 0;
	return watch_begin(&dyno->watch, &sandbox->host->watcher, TAKE_FD(dyno->sandbox->notify), sandbox->shape.net,
	                   dyno->entry.port, err);
}

/** do_chores() - settle, and have a spare for the next launch */
static void do_chores(struct dyno *dyno)
{
	struct dyno_host *host = dyno->sandbox->host;
	bool awaited = dyno->watch.reports >= 0 && !dyno->watch.ready;

	dyno->chores = fd_close(dyno->chores);
	sandbox_settle(dyno->sandbox);
	if (!awaited && dyno->sandbox->birth == DYNO_BIRTH_COLD && host->launches > 1)
		spare_make(host, sandbox_slots(dyno->sandbox, NULL));
}

/** leave_chores() - have the caller come back for them, once it knows what it is about to be told */
static void leave_chores(struct dyno *dyno)
{
	if (dyno->chores >= 0)
		return;
	dyno->chores = eventfd(1, EFD_CLOEXEC);
	if (dyno->chores < 0 || poll_for(dyno, dyno->chores) < 0)
		do_chores(dyno);
}

/**
 * on_up() - the main process runs
 * Only now its listening may be told, though the thread may have seen it: events come in the order of life.
 */
static int on_up(struct dyno *dyno, uint64_t ns, struct dyno_event *ret, struct dyno_error *err)
{
	const struct dyno_host *host = dyno->sandbox->host;
	struct watch *watch = &dyno->watch;
	int r = 0;

	dyno->state = DYNO_RUNNING;
	dyno->sandbox->timeline.ns[DYNO_PHASE_EXEC] = ns;
	ret->type = DYNO_EVENT_UP;
	dyno->entry.boot_ns = ns - dyno->sandbox->timeline.ns[DYNO_PHASE_REQUESTED];
	dyno->entry.birth = dyno->sandbox->birth;
	dyno->entry.boot = dyno->sandbox->timeline;
	r = registry_publish(dyno->sandbox->slot_fd, &dyno->entry);
	if (r < 0)
		return error_set(err, r, "start", "cannot register the dyno:");
	network_started(host->network, &dyno->policy, &dyno->sandbox->network);
	/* Whichever dyno of the host is asked first looks after it. */
	if (dyno->sandbox->shape.net == DYNO_NET_PRIVATE && network_guard_fd(host->network) >= 0)
		(void)poll_for(dyno, network_guard_fd(host->network));
	leave_chores(dyno);
	if (watch->reports < 0)
		return 0;
	if (dyno->boot_timeout_ms > 0)
		r = watch_arm(watch, ns, dyno->boot_timeout_ms, err);
	if (r == 0)
		r = poll_for(dyno, watch->reports);
	if (r == 0 && watch->timer >= 0)
		r = poll_for(dyno, watch->timer);
	return r < 0 ? error_set(err, r, "watch", "cannot wait for the app's listening:") : 0;
}

/**
 * on_listening() - a socket of the app's listens: the first on its port makes the dyno ready
 * Ways to it that cannot be opened then are no reason to end an app that works: the event tells of them.
 */
static void on_listening(struct dyno *dyno, const struct watch_report *report, struct dyno_event *ret)
{
	struct dyno_sandbox *sandbox = dyno->sandbox;

	ret->type = DYNO_EVENT_LISTENING;
	watch_describe(&dyno->watch, report, &ret->listen);
	if (report->where != DYNO_LISTEN_READY)
		return;
	sandbox->timeline.ns[DYNO_PHASE_LISTENING] = report->seen.ns ? report->seen.ns : clock_ns();
	(void)network_listening(sandbox->host->network, &dyno->policy, &report->seen, &sandbox->network, &ret->error);
	dyno->entry.listening_ns = sandbox->timeline.ns[DYNO_PHASE_LISTENING] -
	                           sandbox->timeline.ns[DYNO_PHASE_REQUESTED];
	dyno->entry.boot = sandbox->timeline;
	(void)registry_publish(sandbox->slot_fd, &dyno->entry);
	leave_chores(dyno);
}

/** look_at_watch() - what the watch has to say: a socket listens, or the time for that is over */
static void look_at_watch(struct dyno *dyno, struct dyno_event *ret)
{
	struct watch_report report;
	int r = watch_next(&dyno->watch, &report);

	if (r > 0)
		on_listening(dyno, &report, ret);
	else if (watch_expired(&dyno->watch))
		(void)dyno_kill(dyno); /* R10: the end is told when it comes */
	/* The right address was the last that is told; the descriptor for it would only make each fork of this process dearer. */
	if (dyno->watch.reports < 0 || (r != -EPIPE && !dyno->watch.ready))
		return;
	(void)epoll_ctl(dyno->epoll, EPOLL_CTL_DEL, dyno->watch.reports, NULL);
	watch_quiet(&dyno->watch);
}

/** on_exited() - the main process ended */
static void on_exited(struct dyno *dyno, int status, struct dyno_event *ret)
{
	dyno->state = DYNO_ENDED;
	dyno->reported = true;
	dyno->status = status;
	ret->type = DYNO_EVENT_EXITED;
	ret->status = status;
	/* What init reported is true now, but its last processes die with it: wait, so that the counters are final. */
	(void)sandbox_reap(dyno->sandbox);
	reason_of(dyno, status, ret->reason, sizeof(ret->reason));
}

/** on_packet() - one packet of the init */
static int on_packet(struct dyno *dyno, struct channel_packet *packet, struct dyno_event *ret, struct dyno_error *err)
{
	const struct channel_message *message = &packet->message;

	switch (message->type) {
	case CHANNEL_PARKED: sandbox_on_parked(dyno->sandbox, packet); return events_parked(dyno, err);
	case CHANNEL_UP: return on_up(dyno, message->ns, ret, err);
	case CHANNEL_FAILED:
		dyno->state = DYNO_ENDED;
		ret->type = DYNO_EVENT_FAILED;
		ret->error = message->error;
		break;
	case CHANNEL_EXITED: on_exited(dyno, message->value, ret); break;
	case CHANNEL_STOPPED:
		ret->type = DYNO_EVENT_STOPPED;
		ret->status = message->value;
		break;
	default: break;
	}
	return 0;
}

/** on_exec_packet() - one packet of the init about a process of dyno_exec() */
static void on_exec_packet(struct channel_packet *packet, struct dyno_event *ret)
{
	const struct channel_message *message = &packet->message;

	ret->exec_id = message->id;
	ret->status = message->value;
	if (message->type == CHANNEL_UP) {
		ret->type = DYNO_EVENT_EXEC_UP;
		ret->terminal = TAKE_FD(packet->fds[0]);
	} else if (message->type == CHANNEL_FAILED) {
		ret->type = DYNO_EVENT_EXEC_FAILED;
		ret->error = message->error;
	} else if (message->type == CHANNEL_EXITED) {
		ret->type = DYNO_EVENT_EXEC_EXITED;
	}
}

/** on_stillborn() - the first process died before the app was up, and could not say why: the dyno failed, not the app */
static void on_stillborn(const struct dyno *dyno, struct dyno_event *ret)
{
	char reason[sizeof(ret->reason)];

	reason_of(dyno, dyno->status, reason, sizeof(reason));
	ret->type = DYNO_EVENT_FAILED;
	if (reason[0])
		error_set(&ret->error, -ECHILD, "boot", "the first process died before the app was up: %s", reason);
	else
		error_set(&ret->error, -ECHILD, "boot", "the first process gave up before the app was up");
}

/** on_silence() - the channel is at its end: without init that is the execve; else the first process died */
static int on_silence(struct dyno *dyno, struct dyno_event *ret, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = dyno->sandbox;
	struct pollfd pidfd = { .fd = sandbox->pidfd, .events = POLLIN };

	/* Confined and silent: it executed. Not yet confined: it died. */
	if (sandbox->shape.no_init && dyno->state == DYNO_STARTING && sandbox->timeline.ns[DYNO_PHASE_CONFINED]) {
		(void)epoll_ctl(dyno->epoll, EPOLL_CTL_DEL, sandbox->channel, NULL);
		return on_up(dyno, clock_ns(), ret, err);
	}
	if (poll(&pidfd, 1, sandbox->shape.no_init && dyno->state == DYNO_RUNNING ? 0 : -1) <= 0)
		return 0;
	dyno->status = sandbox_reap(sandbox);
	if (dyno->state == DYNO_STARTING) {
		dyno->state = DYNO_ENDED;
		on_stillborn(dyno, ret);
		return 0;
	}
	dyno->state = DYNO_ENDED;
	ret->type = DYNO_EVENT_EXITED;
	ret->status = dyno->status;
	if (dyno->status < 0) {
		/* Unknown is not success: wait(2), NOTES on a SIGCHLD that is ignored. */
		ret->status = W_EXITCODE(255, 0);
		snprintf(ret->reason, sizeof(ret->reason),
		         "unknown: somebody else waited for it, or SIGCHLD is ignored");
		return 0;
	}
	reason_of(dyno, dyno->status, ret->reason, sizeof(ret->reason));
	return 0;
}

/** read_channel() - packets until one is an event, or there are no more. Return: 1, 0 at the end, or negative errno */
static int read_channel(struct dyno *dyno, struct dyno_event *ret, struct dyno_error *err)
{
	_cleanup_free_ struct channel_packet *packet = malloc(sizeof(*packet));
	int r = 1;

	if (!packet)
		return error_set(err, -ENOMEM, "event", "out of memory");
	while (r > 0 && ret->type == DYNO_EVENT_NONE) {
		int done = 0;

		r = channel_receive(dyno->sandbox->channel, packet, false);
		if (r > 0 && packet->message.id != 0)
			on_exec_packet(packet, ret);
		else if (r > 0)
			done = on_packet(dyno, packet, ret, err);
		if (r > 0)
			channel_close_fds(packet);
		if (done < 0)
			return done;
	}
	if (r < 0 && r != -EAGAIN)
		return error_set(err, r, "event", "cannot read the dyno's channel:");
	return r == 0 ? 0 : 1;
}

int dyno_next_event(struct dyno *dyno, struct dyno_event *ret, struct dyno_error *err)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->terminal = -1;
	if (dyno->state == DYNO_ENDED)
		return 0;
	if (dyno->chores >= 0)
		do_chores(dyno);
	/* First, because an app that listened and then ended shall be told of in this order. */
	if (dyno->state == DYNO_RUNNING) {
		network_attend(dyno->sandbox->host->network);
		look_at_watch(dyno, ret);
	}
	if (ret->type != DYNO_EVENT_NONE)
		return 0;
	r = read_channel(dyno, ret, err);
	return r == 0 ? on_silence(dyno, ret, err) : r < 0 ? r : 0;
}
