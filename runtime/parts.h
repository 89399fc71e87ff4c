/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h - what a child needs late: made before it, or beside it and then sent to it (prepare.c decides) */
#ifndef RUNTIME_PARTS_H
#define RUNTIME_PARTS_H

#include "dyno.h"

/** parts_make() - v1 groups, the limits of all groups, and as root the network namespace */
int parts_make(struct dyno_sandbox *sandbox, const struct dyno_limits *limits, struct dyno_error *err);

/** parts_attach() - rootless: hold the network namespace of the child, which can be entered from outside once its ids are mapped */
int parts_attach(struct dyno_sandbox *sandbox, struct dyno_error *err);

/** parts_send() - the child, which waits for them, may go on. A dead one has left its error record in the channel: no failure here */
int parts_send(const struct dyno_sandbox *sandbox, struct dyno_error *err);

/** parts_send_app() - the same, where all that is missing is the mount for /app, which is made now: the child moves into a nest (nest.h) */
int parts_send_app(struct dyno_sandbox *sandbox, struct dyno_error *err);

#endif /* RUNTIME_PARTS_H */
