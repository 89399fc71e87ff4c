/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - the formation, for the files of this room (its face is formation.h) */
#ifndef FORMATION_INSIDE_H
#define FORMATION_INSIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "formation/formation.h"
#include "formation/wire.h"
#include "runtime/control.h"

/* a type of 128 letters, a dot, a number */
#define LABEL_SIZE 144
#define FORMATION_BUFFER 65536

/**
 * struct watcher - what a ready descriptor means
 * @ready: NULL: its owner is gone, though the event was there already
 */
struct watcher {
	void (*ready)(struct formation *formation, void *owner);
	void *owner;
};

/** enum body_end - how far the end of a body has come */
enum body_end {
	BODY_RUNS,
	BODY_ASKED,  /* TERM was sent; KILL at its deadline */
	BODY_KILLED, /* KILL was sent */
	BODY_GONE,   /* freed when the events at hand were served */
};

/**
 * struct body - one dyno, from its launch to its end
 * @place:    that it fills; NULL once retired
 * @label:    as the log calls it
 * @up:       it executes its command
 * @published: it has a port of this machine
 * @quota:    of its memory, 0 for none
 * @output:   reading end of its standard output and error, -1 at the end
 * @deadline_ns: of BODY_ASKED
 * @tokens:   bytes of output that may still be logged; more is dropped and counted: a flood must not drown the others
 * @filled_ns: when tokens were last added
 * @dropped:  lines, since @dropped_us
 * @cpu_usec: when it was measured last
 */
struct body {
	struct body *next;
	struct formation *formation;
	struct place *place;
	char label[LABEL_SIZE];
	struct dyno *dyno;
	struct control *control;
	struct watcher events;
	struct watcher requests;
	struct watcher written;
	bool up;
	bool published;
	bool greedy;
	enum body_end end;
	uint64_t deadline_ns;
	uint64_t quota;
	int output;
	struct splitter splitter;
	uint64_t tokens;
	uint64_t filled_ns;
	uint64_t dropped;
	uint64_t dropped_us;
	uint64_t cpu_usec;
};

/**
 * struct place - one member of the formation
 * @type:    NULL for a one-off dyno
 * @index:   number of its name
 * @waits:   it has no body, because its predecessor still has the port
 * @since_us: wall time of its state
 * @command: what it runs, of a one-off dyno; else the type's
 * @size:    of a one-off dyno, without a name for the default
 * @vars:    config vars and more, of a one-off dyno that was given more; else it has the recipe's
 * @limit_ns: when a one-off dyno's time is over
 * @release: it is the release process
 * @code:    exit code of a one-off dyno, -1 when it never ran
 */
struct place {
	struct place *next;
	struct plan_type *type;
	unsigned index;
	char label[LABEL_SIZE];
	struct place_life life;
	struct body *body;
	bool waits;
	bool release;
	uint64_t since_us;
	uint64_t limit_ns;
	int code;
	char *command;
	struct size size;
	struct environment vars;
};

/** enum phase - of a formation */
enum phase {
	PHASE_OPEN,  /* nothing has begun */
	PHASE_RUNS,  /* places are kept filled */
	PHASE_STOPS, /* it ends with the last body */
};

/**
 * struct formation - see formation.h
 * @recipe:   what runs; @coming: of a new release, while its release process runs
 * @releases: there is something in @coming
 * @again:    and meanwhile there was another
 * @claim:    of the app
 * @null_fd:  standard input of all
 * @sample_ns: when memory is looked at next
 * @server:   see serve.h; @drains: see drain.h; @https: see drain_https.h
 */
struct formation {
	struct dyno_host *host;
	const struct formation_setup *setup;
	struct formation_log *log;
	struct formation_recipe recipe;
	struct formation_recipe coming;
	bool releases;
	bool again;
	bool failed;
	enum phase phase;
	int apps_fd;
	int claim;
	int epoll;
	int null_fd;
	struct formation_now now;
	uint64_t sample_ns;
	uint64_t sampled_ns;
	struct place *places;
	struct body *bodies;
	struct server *server;
	struct drain *drains;
	struct https *https;
	struct caller_watch *callers;
	char buffer[FORMATION_BUFFER];
};

/** formation_poll() - add @fd; @watcher is called when it is readable (@events). Return: 0 or negative errno */
int formation_poll(struct formation *formation, int fd, uint32_t events, struct watcher *watcher);
/**
 * formation_unpoll() - forget @fd; -1 is fine. Must: come before it is closed
 * Closing alone does not do it while another process has a copy (epoll(7), Questions and answers): a dyno that is just
 * being born has one of everything.
 */
void formation_unpoll(struct formation *formation, int fd);
/** formation_say() - a platform's line about @label */
#define formation_say(formation, label, ...) log_say((formation)->log, (formation)->now.wall_us, label, __VA_ARGS__)

/** formation_happens() - @what happens to @place; does what the table says. @place may be freed by it if it is a one-off */
void formation_happens(struct formation *formation, struct place *place, enum happening what);
/** formation_launch() - a dyno for @place, when its predecessor lets it. One that cannot be started has crashed */
void formation_launch(struct formation *formation, struct place *place);
/** formation_fit() - make the places what the plan says: new ones start, superfluous ones stop */
void formation_fit(struct formation *formation);
/** formation_find() - the place called @label, NULL when there is none */
struct place *formation_find(struct formation *formation, const char *label);
/**
 * formation_one_off() - a place for one run of @command, called @kind.NNNN
 * Return: the place, which is down; NULL without memory
 */
struct place *formation_one_off(struct formation *formation, const char *kind, const char *command);
/** formation_command() - what @place runs */
const char *formation_command(const struct place *place);
/** formation_predecessor() - a body that still has the port of @place: until it is freed, and not only until its end */
const struct body *formation_predecessor(const struct formation *formation, const struct place *place);
/** formation_body_gone() - @body has ended with wait status @status */
void formation_body_gone(struct formation *formation, struct body *body, int status);

/** formation_reap() - forget one-off dynos that have ended */
void formation_reap(struct formation *formation);

/** apps_open() - the directory of control sockets below the state directory. Return: descriptor or negative errno */
int apps_open(struct dyno_host *host, struct dyno_error *err);

#endif /* FORMATION_INSIDE_H */
