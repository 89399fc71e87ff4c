/* SPDX-License-Identifier: Apache-2.0 */
/**
 * serve.h - the control socket of an app: <state>/apps/APP.sock
 *
 * The formation answers its own user and root, by SO_PEERCRED. The requests are in wire.h. A client that does not read
 * loses lines, and is told how many.
 */
#ifndef FORMATION_SERVE_H
#define FORMATION_SERVE_H

#include "formation/inside.h"

struct server;

/** serve_open() - listen. The app's claim is ours, so that a socket that is there belonged to one that died */
int serve_open(struct formation *formation, struct server **ret, struct dyno_error *err);
/** serve_flush() - send what waits for clients */
void serve_flush(struct server *server);
/** serve_close() - hang up, by which clients know that the formation is gone. Return: NULL */
struct server *serve_close(struct server *server);

#endif /* FORMATION_SERVE_H */
