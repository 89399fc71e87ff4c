/* SPDX-License-Identifier: Apache-2.0 */
/**
 * resident.h - a dyno in the launcher, from its start to the moment in which nothing is left of it
 */
#ifndef LAUNCHER_RESIDENT_H
#define LAUNCHER_RESIDENT_H

#include "launcher/server.h"

/**
 * resident_add() - watch over @dyno, which @request of @peer started. Takes @dyno, on failure too
 * @id: the request's number
 */
int resident_add(struct peer *peer, uint64_t id, const struct request *request, struct dyno *dyno,
                 struct dyno_error *err);

/** resident_find() - the dyno that @request of @peer means, which may be its own or its user's. Return: NULL with @err */
struct resident *resident_find(const struct peer *peer, const struct request *request, struct dyno_error *err);
/** resident_of() - the dyno that request @id of @peer started, or NULL */
struct resident *resident_of(const struct peer *peer, uint64_t id);

/** resident_event() - read what happened to it, and tell */
void resident_event(struct resident *resident);
/** resident_control() - serve `dyno exec` and `dyno stop` */
void resident_control(struct resident *resident);
/** resident_reaped() - what it wrote was looked through: tell the totals when it is destroyed */
void resident_reaped(struct resident *resident);

/** resident_signal() - send @signo; one that comes before it is up is kept until then */
void resident_signal(struct resident *resident, int signo, bool all);
/** resident_stop() - TERM to all, KILL after @grace_ms (REQUEST_NOT_GIVEN: its own) */
void resident_stop(struct resident *resident, uint64_t grace_ms);
/** resident_kill() - KILL to everything in it, at once */
void resident_kill(struct resident *resident);
/** resident_leave() - its peer goes away: stop it, or keep it without a peer if it was detached */
void resident_leave(struct resident *resident);

/** residents_expired() - kill those whose grace is over. Return: when the next one's is, 0 for none */
uint64_t residents_expired(struct launcher *launcher, uint64_t now_ns);
/** residents_chore() - do one thing that had time: open a control socket, take down a dyno that ended */
void residents_chore(struct launcher *launcher);
/** residents_close() - destroy all, at once */
void residents_close(struct launcher *launcher);

#endif /* LAUNCHER_RESIDENT_H */
