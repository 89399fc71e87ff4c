/* SPDX-License-Identifier: Apache-2.0 */
/* running.h - the running dyno, for the files of this room (the public face is include/dyno.h) */
#ifndef RUNTIME_RUNNING_H
#define RUNTIME_RUNNING_H

#include <stdbool.h>

#include "dyno.h"
#include "netns/policy.h"
#include "runtime/registry.h"
#include "runtime/sandbox.h"
#include "runtime/watch.h"

/** enum dyno_state - how far a dyno has come */
enum dyno_state { DYNO_STARTING, DYNO_RUNNING, DYNO_ENDED };

/**
 * struct dyno - a started sandbox
 * @epoll:    what dyno_fd() gives: the channel, the pidfd, and what watches for listening
 * @env:      complete environment, kept for dyno_exec(); one allocation with its strings
 * @entry:    as published
 * @chores:   readable while some are left (events.c); else -1
 * @reported: the init told how the main process ended
 * @policy:   what of the network the app was given
 * @watch:    of a watched dyno: when it listens
 * @boot_timeout_ms: what it has for that, 0 for ever
 */
struct dyno {
	struct dyno_sandbox *sandbox;
	enum dyno_state state;
	int epoll;
	int chores;
	char **env;
	struct registry_entry entry;
	uint32_t next_exec;
	bool reported;
	int status;
	struct policy policy;
	struct watch watch;
	uint32_t boot_timeout_ms;
};

/** dyno_start_checked() - dyno_start() of an app that spec_check_app() has seen */
int dyno_start_checked(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno **ret,
                       struct dyno_error *err);

/** events_begin() - make what dyno_fd() gives, over the channel and the first process. Return: 0 or negative errno */
int events_begin(struct dyno *dyno);
/** events_parked() - its sandbox has told that it is parked: begin to watch for the app's listening, if asked to */
int events_parked(struct dyno *dyno, struct dyno_error *err);

#endif /* RUNTIME_RUNNING_H */
