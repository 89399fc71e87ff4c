/* SPDX-License-Identifier: Apache-2.0 */
/* body.h - one dyno of a formation: its launch, its output, its end */
#ifndef FORMATION_BODY_H
#define FORMATION_BODY_H

#include "formation/inside.h"

/**
 * body_launch() - start a dyno for @place
 * @command, @limits: of it. Return: 0, or negative errno; the caller tells why
 */
int body_launch(struct formation *formation, struct place *place, const char *command, const struct dyno_limits *limits,
                const struct environment *vars, struct dyno_error *err);
/** body_retire() - it is its place's no more: TERM, KILL when the grace is over */
void body_retire(struct body *body);
/** body_kill() - KILL at once */
void body_kill(struct body *body);
/** body_due() - when body_expire() has something to do; ALARM_NEVER */
uint64_t body_due(const struct body *body);
/** body_expire() - the time of grace may be over (R12), or what was dropped can be told */
void body_expire(struct body *body);
/** body_free() - take it down, at once */
void body_free(struct body *body);

#endif /* FORMATION_BODY_H */
