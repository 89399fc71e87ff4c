/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.h - what the launcher does for each request of protocol.h */
#ifndef LAUNCHER_VERBS_H
#define LAUNCHER_VERBS_H

#include "launcher/server.h"

/**
 * verbs_serve() - do what @request of @peer asks, and answer it
 * @packet: what it came in; descriptors that are kept are taken out
 * Return: 0, or negative errno: the request is refused with @err
 */
int verbs_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err);

/** start_serve() - the verb START */
int start_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err);

#endif /* LAUNCHER_VERBS_H */
