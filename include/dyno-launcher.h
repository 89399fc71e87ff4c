/* SPDX-License-Identifier: Apache-2.0 */
/**
 * dyno-launcher.h - dynos started by a resident launcher (`dyno launcher`): the C client of docs/launcher-protocol.md
 *
 * A scheduler connects once, sends requests without waiting (each returns its number at once), and reads what became of
 * them from one pollable descriptor:
 *
 *     dyno_launcher_connect() -> dyno_launcher_start() ... -> poll(dyno_launcher_fd()) -> dyno_launcher_next() ...
 *
 * Every request is answered once: DONE or REFUSED; a start by UP, FAILED or REFUSED. A dyno that was started tells of itself
 * until GONE. It belongs to the connection that started it: when that is closed it is stopped, unless it was detached.
 */
#ifndef DYNO_LAUNCHER_H
#define DYNO_LAUNCHER_H

#include "dyno.h"

#ifdef __cplusplus
extern "C" {
#endif

struct dyno_launcher;

/**
 * dyno_launcher_connect() - reach a launcher
 * @path: its socket, NULL for this user's own: /run/dyno/launcher.sock as root, else $XDG_RUNTIME_DIR/dyno/launcher.sock (or
 *        /tmp/dyno-UID/launcher.sock)
 * Return: 0; -ENOENT or -ECONNREFUSED when none is there; or another negative errno
 */
int dyno_launcher_connect(const char *path, struct dyno_launcher **ret, struct dyno_error *err);
/** dyno_launcher_close() - hang up, which stops the dynos that were not detached. NULL is fine. Return: NULL */
struct dyno_launcher *dyno_launcher_close(struct dyno_launcher *launcher);
/** dyno_launcher_fd() - readable when dyno_launcher_next() has something to say; owned by the connection */
int dyno_launcher_fd(const struct dyno_launcher *launcher);

/**
 * struct dyno_launcher_options - of one start
 * @requested_ns: CLOCK_MONOTONIC stamp of the request, 0 for the moment in which the launcher reads it
 * @grace_ms:     time between TERM and KILL when the dyno is stopped; -1 for the launcher's own
 * @detach:       it outlives this connection
 * @kill_on_hangup: it is killed at once, not stopped, when this connection goes away
 */
struct dyno_launcher_options {
	uint64_t requested_ns;
	int64_t grace_ms;
	bool detach;
	bool kill_on_hangup;
};

/**
 * dyno_launcher_start() - ask for a dyno; does not wait
 * @app: its slug is opened here and travels as a descriptor, as its streams do (with shape->tty the terminal comes with UP)
 * @ret_id: names the request, and the dyno, in events of this connection
 * Return: 0; -EAGAIN when the launcher did not read earlier requests yet (read events, then ask again); or negative errno
 */
int dyno_launcher_start(struct dyno_launcher *launcher, const struct dyno_shape *shape, const struct dyno_app *app,
                        const struct dyno_launcher_options *options, uint64_t *ret_id, struct dyno_error *err);

/**
 * dyno_launcher_signal() - send a signal to a dyno; it is named by @name, or when that is NULL by @start
 * @start: number of the request of this connection that started it
 * @all:   to every process of it, not just the main one
 */
int dyno_launcher_signal(struct dyno_launcher *launcher, const char *name, uint64_t start, int signo, bool all,
                         uint64_t *ret_id, struct dyno_error *err);
/** dyno_launcher_stop() - TERM to all, KILL after the grace: @grace_ms, -1 for the dyno's own */
int dyno_launcher_stop(struct dyno_launcher *launcher, const char *name, uint64_t start, int64_t grace_ms,
                       uint64_t *ret_id, struct dyno_error *err);
/** dyno_launcher_kill() - KILL to everything in it, at once */
int dyno_launcher_kill(struct dyno_launcher *launcher, const char *name, uint64_t start, uint64_t *ret_id,
                       struct dyno_error *err);
/**
 * dyno_launcher_subscribe() - events of all dynos of this user from now on, with the number of this request
 * To the launcher's own user and root: of all dynos.
 */
int dyno_launcher_subscribe(struct dyno_launcher *launcher, uint64_t *ret_id, struct dyno_error *err);
/** dyno_launcher_list() - the answer's text is one line a dyno: NAME, then KEY=VALUE words */
int dyno_launcher_list(struct dyno_launcher *launcher, uint64_t *ret_id, struct dyno_error *err);
/** enum dyno_launcher_format - of statistics: for people, for Prometheus, for programs */
enum dyno_launcher_format { DYNO_LAUNCHER_TEXT, DYNO_LAUNCHER_PROMETHEUS, DYNO_LAUNCHER_JSON };

/** dyno_launcher_stats() - the answer's text is the launcher's statistics */
int dyno_launcher_stats(struct dyno_launcher *launcher, enum dyno_launcher_format format, uint64_t *ret_id,
                        struct dyno_error *err);
/** dyno_launcher_pool() - the answer's text is one line a pool; @resize: first give the pool number @pool other bounds */
int dyno_launcher_pool(struct dyno_launcher *launcher, bool resize, unsigned pool, unsigned min, unsigned max,
                       uint64_t *ret_id, struct dyno_error *err);

/** enum dyno_launcher_event_type - what a launcher tells; which fields are filled in is said behind it */
enum dyno_launcher_event_type {
	DYNO_LAUNCHER_NOTHING,   /* nothing yet: poll dyno_launcher_fd() again */
	DYNO_LAUNCHER_DONE,      /* the request was done: text, for those that ask for one */
	DYNO_LAUNCHER_REFUSED,   /* it was not: error. A start that is refused left nothing */
	DYNO_LAUNCHER_UP,        /* name, pid, birth, address, published, notice, timeline, terminal */
	DYNO_LAUNCHER_FAILED,    /* the dyno could not be started: name, error, timeline; then GONE */
	DYNO_LAUNCHER_LISTENING, /* name, listen, error (as in struct dyno_event), timeline */
	DYNO_LAUNCHER_STOPPED,   /* its main process stopped (SIGTSTP): name, status */
	DYNO_LAUNCHER_EXITED,    /* name, status, reason; then GONE */
	DYNO_LAUNCHER_GONE,      /* everything of it was taken down, its name is free: name, discarded */
};

/**
 * struct dyno_launcher_event - what a launcher told
 * @id:        number of the request it answers, or that started the dyno or subscribed; 0: of none that could be read
 * @status:    as waitpid(2) gives it; of STOPPED the signal
 * @published: where $PORT is reachable, separated by spaces; "" for nowhere
 * @terminal:  owned by the receiver, -1 without
 * @text:      owned by the connection, valid until the next call of dyno_launcher_next(); NULL without
 */
struct dyno_launcher_event {
	enum dyno_launcher_event_type type;
	uint64_t id;
	char name[64];
	pid_t pid;
	enum dyno_birth birth;
	int status;
	int terminal;
	char address[16];
	char published[640];
	char notice[320];
	char reason[160];
	struct dyno_error error;
	struct dyno_listen listen;
	struct dyno_timeline timeline;
	struct dyno_discarded discarded;
	const char *text;
};

/**
 * dyno_launcher_next() - the next thing that the launcher told, NOTHING when there is none; does not block
 * Return: 0; -EPIPE when the launcher went away (its dynos ended with it); or negative errno
 */
int dyno_launcher_next(struct dyno_launcher *launcher, struct dyno_launcher_event *ret, struct dyno_error *err);

/** dyno_launcher_wait() - dyno_launcher_next() that waits for something, @timeout_ms at most (-1: for ever); -ETIME after that */
int dyno_launcher_wait(struct dyno_launcher *launcher, int timeout_ms, struct dyno_launcher_event *ret,
                       struct dyno_error *err);

#ifdef __cplusplus
}
#endif

#endif /* DYNO_LAUNCHER_H */
