/* SPDX-License-Identifier: Apache-2.0 */
/**
 * formation.h - many dynos, kept as an app wants them
 *
 * Theory of operation. An app has process types, and a number of dynos of each (plan.h). Each of these is a *place*,
 * "web.1", with a life of its own (states.h); the dyno that fills it at the moment is a *body* (body.h): a dyno of libdyno,
 * a pipe that it writes to, and how far its end has come. A body whose place wants it no more is *retired*: it
 * gets TERM, its time of grace, and KILL, while the place goes on with the next body.
 *
 * One thread, one epoll descriptor: dynos, their output, their control sockets, clients of the app's control socket, and
 * what the caller adds. Time passes by the timers of places and bodies; nothing else is waited for, and nothing is
 * polled but memory, every 20 s, as the kernel tells of no threshold that excludes caches.
 *
 * What is reached from outside on this machine is a port, and a port belongs to one dyno at a time: the successor of a
 * published dyno starts when that has ended. All others start while their predecessor still ends, as on Heroku.
 */
#ifndef FORMATION_FORMATION_H
#define FORMATION_FORMATION_H

#include <stdbool.h>
#include <stdint.h>

#include "config/environment.h"
#include "dyno.h"
#include "formation/log.h"
#include "formation/plan.h"
#include "formation/states.h"

struct formation;

/**
 * struct formation_recipe - what is to be run, of one release; owned
 * @vars: config vars
 */
struct formation_recipe {
	struct plan plan;
	struct environment vars;
};

/** formation_recipe_done() - free what it owns */
void formation_recipe_done(struct formation_recipe *recipe);

/**
 * struct formation_setup - how an app is run; borrowed as long as the formation
 * @app:     its name
 * @slug, @stack: see struct dyno_app, struct dyno_shape
 * @net, @egress, @allow_host: see struct dyno_shape, struct dyno_app; @egress_web: of dynos with a port, NULL for @egress
 * @publish: web dynos are reached at their port of this machine's loopback
 * @metrics: log what each dyno uses every 20 s
 * @memory:  of this machine, in bytes: no dyno is scaled to a size that has more; 0 for unknown
 * @reload:  make the recipe of the newest release. Return: 0 or negative errno
 * @keep:    keep what somebody scaled for the next start; may be NULL. Return: 0 or negative errno
 * @data:    for @reload and @keep
 */
struct formation_setup {
	const char *app;
	const char *slug;
	const char *stack;
	enum dyno_net net;
	const char *egress;
	const char *egress_web;
	const char *allow_host;
	bool publish;
	bool metrics;
	struct rules rules;
	uint64_t memory;
	int (*reload)(void *data, struct formation_recipe *ret, struct dyno_error *err);
	int (*keep)(void *data, const struct plan *plan, struct dyno_error *err);
	void *data;
};

/** struct formation_now - time, as it is given to everything */
struct formation_now {
	uint64_t ns;
	uint64_t wall_us;
};

/**
 * formation_open() - claim the app and listen on its control socket; nothing runs yet
 * @recipe: taken over, on success only
 * @log:    borrowed
 * Return: 0; -EBUSY when the app is running already; or negative errno
 */
int formation_open(struct dyno_host *host, const struct formation_setup *setup, struct formation_recipe *recipe,
                   struct formation_log *log, struct formation **ret, struct dyno_error *err);

/** formation_begin() - run the release process, if there is one, and then everything else */
void formation_begin(struct formation *formation);

/**
 * formation_watch() - call @ready in formation_step() when @fd is ready
 * @events: EPOLLIN, EPOLLOUT, 0 for none at the moment
 */
int formation_watch(struct formation *formation, int fd, uint32_t events, void (*ready)(void *data), void *data);

/**
 * formation_drain() - send the log to @url from now on: "syslog://HOST:PORT", see drain.h, or "https://...", see drain_https.h
 * @ca: file of certificates that HTTPS is to trust; NULL for those of the system
 */
int formation_drain(struct formation *formation, const char *url, const char *ca, struct dyno_error *err);

/** formation_step() - wait for what happens next, and act on it. Return: 0, or negative errno */
int formation_step(struct formation *formation, struct dyno_error *err);

/** formation_release() - there is a new release: make its recipe, run its release process, restart everything */
void formation_release(struct formation *formation);

/** formation_has_vars() - the config vars that its dynos were started with, or wait for, are @vars */
bool formation_has_vars(const struct formation *formation, const struct environment *vars);

/** formation_stop() - stop all dynos: TERM, grace, KILL; @now: KILL */
void formation_stop(struct formation *formation, bool now);

/** formation_ended() - it was stopped, and no dyno is left; @ret_failed: because its release process failed */
bool formation_ended(const struct formation *formation, bool *ret_failed);

/** formation_close() - kill what runs, and free it. Return: NULL */
struct formation *formation_close(struct formation *formation);

#endif /* FORMATION_FORMATION_H */
