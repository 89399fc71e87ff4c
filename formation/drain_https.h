/* SPDX-License-Identifier: Apache-2.0 */
/**
 * drain_https.h - drains whose receiver is a web server, as Heroku's Logplex sends to one
 *
 *     POST /path HTTP/1.1
 *     Content-Type: application/logplex-1
 *     Logplex-Msg-Count: 2
 *     Logplex-Frame-Id: 0B1D2F...          the same when it is sent again
 *     Logplex-Drain-Token: d.UUID
 *
 * with messages as drain_format() makes them, one after the other. One request at a time for each drain; what comes meanwhile is the
 * next one's body, FRAME_MAX bytes at most (frame.h). The certificate is verified. A receiver that cannot be reached, or says 408, 429 or
 * 5xx, gets the same again, after a second and then twice that each time, a minute at most. What another status refuses is dropped
 * and counted, as is what the queue cannot hold (L10). libcurl's sockets are in the formation's own epoll descriptor.
 */
#ifndef FORMATION_DRAIN_HTTPS_H
#define FORMATION_DRAIN_HTTPS_H

#include "formation/inside.h"

#define HTTPS_SCHEME "https://"

struct https;

/** https_open() - send the log to @url. @ca: file of certificates to trust, NULL for the system's. Return: 0 or negative errno */
int https_open(struct formation *formation, const char *url, const char *ca, struct dyno_error *err);
/** https_expire() - act on timers that are due */
void https_expire(struct formation *formation);
/** https_due() - when the next timer is due, ALARM_NEVER for none */
uint64_t https_due(const struct formation *formation);
/** https_flush() - send what waits. Must: be called when no event is looked at any more */
void https_flush(struct formation *formation);
/** https_close_all() - give what waits a moment to be sent, and free everything */
void https_close_all(struct formation *formation);

#endif /* FORMATION_DRAIN_HTTPS_H */
