/* SPDX-License-Identifier: Apache-2.0 */
/**
 * drain.h - the log sent to somebody else: RFC 5424 over TCP, each message after its length (RFC 6587, 3.4.1); over HTTPS by drain_https.h
 *
 *     83 <190>1 2013-11-05T21:52:29.123456+00:00 d.UUID app web.1 - - text
 *
 * Facility local7 is what dynos wrote, local3 what is said about them, local0 what was asked of the app; the host name is the
 * drain's token, as on Heroku. A drain that cannot be reached is tried again, after a second and then twice that each time, a minute at most. Meanwhile its queue fills, and
 * what does not fit is counted and told when there is room again: L10. What was on its way when a connection broke counts as
 * dropped, for nobody knows how much of it arrived.
 */
#ifndef FORMATION_DRAIN_H
#define FORMATION_DRAIN_H

#include "formation/inside.h"

#define DRAINS_MAX 5 /* https://devcenter.heroku.com/articles/log-drains */

struct drain;
struct sink;

/**
 * drain_format() - a message with its length in front
 * @buf: LOGLINE_SIZE + 128 bytes. Return: its size
 */
size_t drain_format(const struct logline *line, const char *token, char *buf);

/** drain_check() - @url is of a kind that formation_drain() takes. Return: 0, or -EINVAL with a sentence that does not repeat it */
int drain_check(const char *url, struct dyno_error *err);

/**
 * drain_shown() - the part of an HTTPS @url that may be told to anybody: scheme, host and port; no user, password, path or query
 * Return: @buf, of @size bytes
 */
const char *drain_shown(const char *url, char *buf, size_t size);

/** drain_tell_dropped() - @listener, which @out belongs to, hears how much it did not get, if now is the time. Return: whether it did */
bool drain_tell_dropped(const struct formation *formation, struct sink *out, struct log_listener *listener);

/** drain_expire() - connect those whose wait is over */
void drain_expire(struct formation *formation);
/** drain_due() - when the next one is to be connected, ALARM_NEVER for none */
uint64_t drain_due(const struct formation *formation);
/** drain_flush() - send what waits */
void drain_flush(struct formation *formation);
/** drain_close_all() - send what goes at once, and close */
void drain_close_all(struct formation *formation);

#endif /* FORMATION_DRAIN_H */
