/* SPDX-License-Identifier: Apache-2.0 */
/* loop.c - see formation.h: the event loop, its timers, beginning and end of a formation */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "formation/body.h"
#include "formation/drain.h"
#include "formation/formation.h"
#include "formation/inside.h"
#include "formation/link.h"
#include "formation/measure.h"
#include "formation/serve.h"
#include "runtime/host.h"

#define NS_PER_MS 1000000ULL
#define EVENTS 64
#define CLAIM_WAIT_MS 200
#define CLAIM_TRIES 20

/** struct caller_watch - a descriptor of the caller's */
struct caller_watch {
	struct caller_watch *next;
	int fd;
	void (*ready)(void *data);
	void *data;
	struct watcher watcher;
};

/** look_at_clock() - what time it is, for all that happens in one step */
static void look_at_clock(struct formation *formation)
{
	struct timespec wall;

	(void)clock_gettime(CLOCK_REALTIME, &wall);
	formation->now = (struct formation_now){
		.ns = clock_ns(),
		.wall_us = (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000,
	};
}

int formation_poll(struct formation *formation, int fd, uint32_t events, struct watcher *watcher)
{
	struct epoll_event event = { .events = events, .data.ptr = watcher };

	if (epoll_ctl(formation->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	if (errno == EEXIST && epoll_ctl(formation->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	return -errno;
}

void formation_unpoll(struct formation *formation, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(formation->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/** on_caller() - a descriptor of the caller's is ready */
static void on_caller(struct formation *formation, void *owner)
{
	const struct caller_watch *watch = owner;

	(void)formation;
	watch->ready(watch->data);
}

int formation_watch(struct formation *formation, int fd, uint32_t events, void (*ready)(void *data), void *data)
{
	struct caller_watch *watch = formation->callers;
	int code;

	while (watch && watch->fd != fd)
		watch = watch->next;
	if (!watch) {
		watch = calloc(1, sizeof(*watch));
		if (!watch)
			return -ENOMEM;
		*watch = (struct caller_watch){ .next = formation->callers, .fd = fd };
		watch->watcher = (struct watcher){ on_caller, watch };
		formation->callers = watch;
	}
	watch->ready = ready;
	watch->data = data;
	if (events == 0) {
		/* a reader that went away would be told even then */
		formation_unpoll(formation, fd);
		return 0;
	}
	code = formation_poll(formation, fd, events, &watch->watcher);
	return code == -EPERM ? 0 : code; /* a regular file is always ready */
}

/** earlier() - the smaller of two times */
static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/** next_due() - when something is due */
static uint64_t next_due(const struct formation *formation)
{
	uint64_t due = earlier(formation->sample_ns, drain_due(formation));

	for (const struct place *place = formation->places; place; place = place->next) {
		due = earlier(due, states_due(&place->life));
		due = earlier(due, place->limit_ns);
	}
	for (const struct body *body = formation->bodies; body; body = body->next)
		due = earlier(due, body_due(body));
	return due;
}

/** expire_place() - act on the timers of @place that are due */
static void expire_place(struct formation *formation, struct place *place)
{
	enum happening what;

	if (formation->now.ns >= place->limit_ns) {
		place->limit_ns = ALARM_NEVER;
		formation_say(formation, place->label, "Stopping: it has run for as long as it may");
		formation_happens(formation, place, HAPPENING_STOP);
	}
	while ((what = states_expired(&place->life, formation->now.ns)) != HAPPENING_COUNT)
		formation_happens(formation, place, what);
}

/** expire() - act on all that is due */
static void expire(struct formation *formation)
{
	for (struct body *body = formation->bodies; body; body = body->next)
		body_expire(body);
	for (struct place *place = formation->places; place; place = place->next)
		expire_place(formation, place);
	drain_expire(formation);
	if (formation->now.ns >= formation->sample_ns) {
		formation->sample_ns = formation->now.ns + MEASURE_NS;
		measure_all(formation);
	}
}

/** sweep() - free the bodies that are gone; who waited for the port of one is next */
static void sweep(struct formation *formation)
{
	bool freed = false;

	for (struct body **at = &formation->bodies; *at;) {
		struct body *body = *at;

		if (body->end != BODY_GONE) {
			at = &body->next;
			continue;
		}
		*at = body->next;
		body_free(body);
		freed = true;
	}
	for (struct place *place = formation->places; freed && place; place = place->next)
		if (place->waits)
			formation_launch(formation, place);
}

/** wait_ms() - how long to wait for @due, rounded up */
static int wait_ms(const struct formation *formation, uint64_t due)
{
	uint64_t now_ns = clock_ns();

	(void)formation;
	if (due == ALARM_NEVER)
		return -1;
	if (due <= now_ns)
		return 0;
	due = (due - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return due > 3600000 ? 3600000 : (int)due;
}

int formation_step(struct formation *formation, struct dyno_error *err)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(formation->epoll, events, EVENTS, wait_ms(formation, next_due(formation)));

	if (count < 0 && errno != EINTR)
		return error_set(err, -errno, "wait", "cannot wait for the dynos:");
	look_at_clock(formation);
	for (int i = 0; i < count; i++) {
		struct watcher *watcher = events[i].data.ptr;

		if (watcher->ready)
			watcher->ready(formation, watcher->owner);
	}
	expire(formation);
	sweep(formation);
	formation_reap(formation);
	serve_flush(formation->server);
	drain_flush(formation);
	logfile_flush(&formation->log->file);
	return 0;
}

bool formation_ended(const struct formation *formation, bool *ret_failed)
{
	if (formation->phase != PHASE_STOPS || formation->bodies)
		return false;
	*ret_failed = formation->failed;
	return true;
}

int apps_open(struct dyno_host *host, struct dyno_error *err)
{
	int fd;

	if (mkdirat(host->state_fd, "apps", 0700) < 0 && errno != EEXIST)
		return error_set(err, -errno, "apps", "cannot make %s/apps:", host->state_dir);
	fd = openat(host->state_fd, "apps", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? error_set(err, -errno, "apps", "cannot open %s/apps:", host->state_dir) : fd;
}

/** answers() - the formation of @app is alive; waits for its answer, or for its end, or a moment */
static bool answers(struct formation *formation, const char *app)
{
	_cleanup_close_ int fd = link_open(formation->host, app, NULL);
	struct pollfd answer = { .fd = fd, .events = POLLIN };
	char byte;

	if (fd >= 0 && link_ask(fd, (const char *const[]){ "ps" }, 1, NULL) == 0)
		return poll(&answer, 1, CLAIM_WAIT_MS) == 1 && recv(fd, &byte, 1, MSG_PEEK) > 0;
	/* it has the claim and no socket yet, or none any more */
	(void)poll(NULL, 0, CLAIM_WAIT_MS / CLAIM_TRIES);
	return false;
}

/**
 * claim_app() - there is one formation of an app on a machine, for each user
 * Who was killed with -9 may have left dynos that were just being born: they have copies of all its descriptors, and so its
 * lock, until they notice. So a claim that is held, and nobody answers for it, is asked for again.
 */
static int claim_app(struct formation *formation, struct dyno_error *err)
{
	const char *app = formation->setup->app;

	formation->apps_fd = apps_open(formation->host, err);
	if (formation->apps_fd < 0)
		return formation->apps_fd;
	formation->claim = claim_take(formation->apps_fd, app);
	for (int i = 0; formation->claim == -EBUSY && i < CLAIM_TRIES && !answers(formation, app); i++)
		formation->claim = claim_take(formation->apps_fd, app);
	if (formation->claim == -EBUSY) {
		error_set(err, -EBUSY, "apps", "the app %s is running already", app);
		error_remedy(
			err,
			"dyno ps -a %s lists its dynos, dyno stop:app -a %s stops it; --app gives this one another name",
			app, app);
		return -EBUSY;
	}
	return formation->claim < 0 ? error_set(err, formation->claim, "apps", "cannot claim the app %s:", app) : 0;
}

/** open_rest() - descriptors and the control socket. Return: 0 or negative errno */
static int open_rest(struct formation *formation, struct dyno_error *err)
{
	formation->epoll = epoll_create1(EPOLL_CLOEXEC);
	formation->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (formation->epoll < 0 || formation->null_fd < 0)
		return error_set(err, -errno, "formation", "cannot open what a formation needs:");
	return serve_open(formation, &formation->server, err);
}

int formation_open(struct dyno_host *host, const struct formation_setup *setup, struct formation_recipe *recipe,
                   struct formation_log *log, struct formation **ret, struct dyno_error *err)
{
	struct formation *formation = calloc(1, sizeof(*formation));
	int code;

	if (!formation)
		return error_set(err, -ENOMEM, "formation", "no memory for a formation");
	formation->host = host;
	formation->setup = setup;
	formation->log = log;
	formation->epoll = formation->null_fd = formation->claim = formation->apps_fd = -1;
	look_at_clock(formation);
	formation->sampled_ns = formation->now.ns;
	formation->sample_ns = formation->now.ns + MEASURE_NS;
	code = claim_app(formation, err);
	if (code == 0)
		code = open_rest(formation, err);
	if (code < 0) {
		formation_close(formation);
		return code;
	}
	formation->coming = *recipe;
	*recipe = (struct formation_recipe){ 0 };
	*ret = formation;
	return 0;
}

bool formation_has_vars(const struct formation *formation, const struct environment *vars)
{
	const struct environment *mine = formation->releases ? &formation->coming.vars : &formation->recipe.vars;

	if (mine->count != vars->count)
		return false;
	for (size_t i = 0; i < vars->count; i++)
		if (strcmp(mine->vars[i], vars->vars[i]) != 0)
			return false;
	return true;
}

void formation_recipe_done(struct formation_recipe *recipe)
{
	plan_done(&recipe->plan);
	environment_done(&recipe->vars);
	*recipe = (struct formation_recipe){ 0 };
}

struct formation *formation_close(struct formation *formation)
{
	if (!formation)
		return NULL;
	while (formation->bodies) {
		struct body *body = formation->bodies;

		formation->bodies = body->next;
		body_free(body);
	}
	while (formation->places) {
		struct place *place = formation->places;

		formation->places = place->next;
		free(place->command);
		environment_done(&place->vars);
		free(place);
	}
	while (formation->callers) {
		struct caller_watch *watch = formation->callers;

		formation->callers = watch->next;
		free(watch);
	}
	formation->server = serve_close(formation->server);
	drain_close_all(formation);
	if (formation->claim >= 0)
		(void)claim_drop(formation->apps_fd, formation->setup->app, formation->claim);
	formation_recipe_done(&formation->recipe);
	formation_recipe_done(&formation->coming);
	fd_close(formation->epoll);
	fd_close(formation->null_fd);
	fd_close(formation->apps_fd);
	free(formation);
	return NULL;
}
