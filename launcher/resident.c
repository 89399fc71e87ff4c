/* SPDX-License-Identifier: Apache-2.0 */
/* resident.c - see resident.h; what peers are told of it: tell.c */
#include "launcher/resident.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "launcher/peer.h"
#include "launcher/tell.h"
#include "runtime/registry.h"
#include "runtime/running.h"

int resident_add(struct peer *peer, uint64_t id, const struct request *request, struct dyno *dyno,
                 struct dyno_error *err)
{
	struct launcher *launcher = peer->launcher;
	struct resident *resident = calloc(1, sizeof(*resident));
	int r;

	if (!resident) {
		dyno_destroy(dyno);
		return error_set(err, -ENOMEM, "start", "out of memory");
	}
	resident->source = (struct source){ SOURCE_DYNO, resident };
	r = launcher_watch(launcher, dyno_fd(dyno), &resident->source, EPOLLIN);
	if (r < 0) {
		free(resident);
		dyno_destroy(dyno);
		return error_set(err, r, "start", "cannot watch over one more dyno:");
	}
	resident->launcher = launcher;
	resident->dyno = dyno;
	resident->peer = peer;
	resident->uid = peer->who.uid;
	resident->id = id;
	resident->detach = request->detach;
	resident->kill_on_hangup = request->kill_on_hangup;
	resident->tty = request->shape.tty;
	resident->grace_ms = request->grace_ms == REQUEST_NOT_GIVEN ? launcher->config.grace_ms : request->grace_ms;
	LIST_INSERT_HEAD(&launcher->residents, resident, next);
	launcher->resident_count++;
	peer->dynos++;
	peer->boots++;
	launcher->boots++;
	peers_throttle(launcher);
	return 0;
}

struct resident *resident_of(const struct peer *peer, uint64_t id)
{
	struct resident *resident;

	for (resident = LIST_FIRST(&peer->launcher->residents); resident; resident = LIST_NEXT(resident, next))
		if (resident->peer == peer && resident->id == id)
			return resident;
	return NULL;
}

struct resident *resident_find(const struct peer *peer, const struct request *request, struct dyno_error *err)
{
	struct resident *resident = NULL;

	if (!request->dyno == !request->start) {
		error_set(err, -EINVAL, "request", "which dyno: either its name, or the number of its start");
		return NULL;
	}
	if (request->start) {
		resident = resident_of(peer, request->start);
	} else {
		for (resident = LIST_FIRST(&peer->launcher->residents); resident; resident = LIST_NEXT(resident, next))
			if (strcmp(dyno_name(resident->dyno), request->dyno) == 0)
				break;
	}
	/* One that is another user's is none: whether it is there is nobody's business. */
	if (resident && resident->state < RESIDENT_ENDED && (peer->trusted || resident->uid == peer->who.uid))
		return resident;
	error_set(err, -ESRCH, "request", "no such dyno runs here");
	return NULL;
}

/** add_chore() - something of it has time: its control socket, or its end */
static void add_chore(struct resident *resident)
{
	if (resident->queued)
		return;
	resident->queued = true;
	STAILQ_INSERT_TAIL(&resident->launcher->chores, resident, chore);
	resident->launcher->chore_count++;
}

/* ---- what happens to it ------------------------------------------------------------------------------------------ */

/** booted() - it is up, or will never be */
static void booted(struct resident *resident)
{
	if (resident->state != RESIDENT_BOOTING)
		return;
	resident->launcher->boots--;
	if (resident->peer)
		peer_booted(resident->peer);
	peers_throttle(resident->launcher);
}

/**
 * slim() - close what a dyno that runs needs no more: thousands of them share our limit of descriptors
 * Its groups are found again by name, when they are to tell why it ended, and removed by it.
 */
static void slim(const struct resident *resident)
{
	cgroup_done(&resident->dyno->sandbox->group);
}

/** on_up() - the app runs: tell, and give it the signals that came before */
static void on_up(struct resident *resident)
{
	struct launcher *launcher = resident->launcher;
	uint64_t held = resident->held;

	booted(resident);
	resident->state = RESIDENT_UP;
	resident->held = 0;
	stats_up(&launcher->stats, dyno_birth(resident->dyno), dyno_boot(resident->dyno));
	tell_up(resident);
	slim(resident);
	add_chore(resident); /* its control socket */
	for (int signo = 1; held; signo++, held >>= 1)
		if (held & 1)
			resident_signal(resident, signo, signo == SIGTERM && resident->deadline_ns != 0);
}

/** end() - the last event came: take down what has to be before it is given to the reaper */
static void end(struct resident *resident)
{
	booted(resident);
	resident->state = RESIDENT_ENDED;
	resident->deadline_ns = 0;
	(void)epoll_ctl(resident->launcher->epoll, EPOLL_CTL_DEL, dyno_fd(resident->dyno), NULL);
	/* The name is given back while the socket is ours no more; who waits for the end hears of it when all is gone. */
	control_unlisten(resident->control);
	resident->reaping.dyno = resident->dyno;
	reaper_give(resident->launcher->reaper, &resident->reaping);
}

/** on_exited() - the app ended */
static void on_exited(struct resident *resident, struct dyno_event *event)
{
	int signo = WIFSIGNALED(event->status) ? WTERMSIG(event->status) : 0;

	resident->launcher->stats.exited++;
	if (resident->late)
		(void)text_copy(event->reason, sizeof(event->reason),
		                "did not stop within its time of grace and was killed");
	else if (signo != 0 && (resident->deadline_ns != 0 || resident->sent >> (signo - 1) & 1))
		event->reason[0] = '\0'; /* it was asked for: nobody has to be told why */
	tell_exited(resident, event);
	end(resident);
}

/** on_event() - act on one event of the dyno. Return: false after the last */
static bool on_event(struct resident *resident, struct dyno_event *event)
{
	struct stats *stats = &resident->launcher->stats;

	switch (event->type) {
	case DYNO_EVENT_NONE: return false;
	case DYNO_EVENT_UP: on_up(resident); return true;
	case DYNO_EVENT_LISTENING:
		if (event->listen.where == DYNO_LISTEN_READY)
			stats_listening(stats, dyno_birth(resident->dyno), dyno_boot(resident->dyno));
		tell_listening(resident, event);
		return true;
	case DYNO_EVENT_STOPPED: tell_stopped(resident, event); return true;
	case DYNO_EVENT_EXEC_UP:
	case DYNO_EVENT_EXEC_FAILED:
	case DYNO_EVENT_EXEC_EXITED:
		if (resident->control)
			control_event(resident->control, event);
		return true;
	case DYNO_EVENT_FAILED:
		stats->failed++;
		tell_failed(resident, &event->error);
		end(resident);
		return false;
	case DYNO_EVENT_EXITED: on_exited(resident, event); return false;
	}
	return true;
}

void resident_event(struct resident *resident)
{
	struct dyno_error err = { 0 };
	struct dyno_event event;
	int r;

	if (resident->state >= RESIDENT_ENDED)
		return;
	do {
		r = dyno_next_event(resident->dyno, &event, &err);
	} while (r == 0 && on_event(resident, &event));
	if (r == 0 || resident->state >= RESIDENT_ENDED)
		return;
	/* We cannot hear of it any more: it must not run on unseen. */
	resident->launcher->stats.failed++;
	tell_failed(resident, &err);
	(void)dyno_kill(resident->dyno);
	end(resident);
}

void resident_control(struct resident *resident)
{
	enum control_request_type type = CONTROL_NOTHING;
	int64_t grace_ms = -1;

	if (resident->state >= RESIDENT_ENDED || control_serve(resident->control, &type, &grace_ms) < 0)
		return;
	if (type == CONTROL_KILL)
		resident_kill(resident);
	else if (type == CONTROL_STOP)
		resident_stop(resident, grace_ms < 0 ? REQUEST_NOT_GIVEN : (uint64_t)grace_ms);
}

/* ---- its end ----------------------------------------------------------------------------------------------------- */

void resident_kill(struct resident *resident)
{
	if (resident->state >= RESIDENT_ENDED)
		return;
	resident->sent |= 1ULL << (SIGKILL - 1);
	(void)dyno_kill(resident->dyno);
}

void resident_signal(struct resident *resident, int signo, bool all)
{
	resident->sent |= 1ULL << (signo - 1);
	if (resident->state == RESIDENT_BOOTING)
		resident->held |= 1ULL << (signo - 1);
	else
		(void)dyno_signal(resident->dyno, signo, all);
}

void resident_stop(struct resident *resident, uint64_t grace_ms)
{
	uint64_t deadline_ns;

	if (resident->state >= RESIDENT_ENDED)
		return;
	deadline_ns = clock_ns() + (grace_ms == REQUEST_NOT_GIVEN ? resident->grace_ms : grace_ms) * 1000000;
	/* A stop during a stop can shorten the grace and never lengthens it. */
	if (resident->deadline_ns != 0 && deadline_ns >= resident->deadline_ns)
		return;
	if (resident->deadline_ns == 0)
		resident_signal(resident, SIGTERM, true);
	resident->deadline_ns = deadline_ns;
	launcher_due(resident->launcher, deadline_ns);
}

void resident_leave(struct resident *resident)
{
	resident->peer = NULL;
	if (resident->detach)
		return;
	if (resident->kill_on_hangup)
		resident_kill(resident);
	else
		resident_stop(resident, REQUEST_NOT_GIVEN);
}

uint64_t residents_expired(struct launcher *launcher, uint64_t now_ns)
{
	struct resident *resident;
	uint64_t next = 0;

	for (resident = LIST_FIRST(&launcher->residents); resident; resident = LIST_NEXT(resident, next)) {
		if (resident->deadline_ns == 0 || resident->late)
			continue;
		if (resident->deadline_ns <= now_ns) {
			resident->late = true;
			launcher->stats.killed++;
			(void)dyno_kill(resident->dyno);
		} else if (next == 0 || resident->deadline_ns < next) {
			next = resident->deadline_ns;
		}
	}
	return next;
}

void resident_reaped(struct resident *resident)
{
	resident->state = RESIDENT_REAPED;
	add_chore(resident);
}

/** destroy() - the last of it; its peer is told that nothing is left */
static void destroy(struct resident *resident)
{
	struct launcher *launcher = resident->launcher;
	char name[REGISTRY_NAME_MAX] = "";

	(void)text_copy(name, sizeof(name), dyno_name(resident->dyno));
	resident->dyno = dyno_destroy(resident->dyno);
	resident->control = control_close(resident->control);
	tell_gone(resident, name);
	if (resident->peer)
		resident->peer->dynos--;
	LIST_REMOVE(resident, next);
	launcher->resident_count--;
	free(resident);
	peers_resume(launcher);
}

/** listen_for() - let `dyno exec` and `dyno stop` find it; without, they cannot, and the dyno runs all the same */
static void listen_for(struct resident *resident)
{
	struct launcher *launcher = resident->launcher;
	struct dyno_error err = { 0 };

	resident->control_source = (struct source){ SOURCE_CONTROL, resident };
	if (control_open_in(launcher->host, resident->dyno, launcher->epoll, &resident->control_source,
	                    &resident->control, &err) < 0)
		launcher_say(launcher, "%s: %s: %s", dyno_name(resident->dyno), err.step, err.text);
}

void residents_chore(struct launcher *launcher)
{
	struct resident *resident = STAILQ_FIRST(&launcher->chores);

	if (!resident)
		return;
	STAILQ_REMOVE_HEAD(&launcher->chores, chore);
	launcher->chore_count--;
	resident->queued = false;
	if (resident->state == RESIDENT_UP && !resident->control)
		listen_for(resident);
	else if (resident->state == RESIDENT_REAPED)
		destroy(resident);
}

void residents_close(struct launcher *launcher)
{
	struct resident *resident;

	STAILQ_INIT(&launcher->chores);
	while ((resident = LIST_FIRST(&launcher->residents)))
		destroy(resident);
}
