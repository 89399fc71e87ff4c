/* SPDX-License-Identifier: Apache-2.0 */
/**
 * attach.h - what a parked sandbox is given from outside, when its app is known: /app and a host name
 *
 * All else was made before. The sandbox has run nothing but our own code by then, so nothing in it can be hostile yet: this
 * is the one moment at which somebody enters a dyno's namespaces, and he brings no more than a detached mount.
 */
#ifndef ISOLATION_ATTACH_H
#define ISOLATION_ATTACH_H

#include <stdatomic.h>
#include <sys/types.h>

#include "dyno.h"

/**
 * struct attach - a visit under way
 * @begun:    there is something to end
 * @pidfd:    the sandbox
 * @app:      what is to be attached, said with @word
 * @hostname: the sandbox's new one, "" for the one it has
 * @word:     what the visitor waits for: to go on, or to leave
 * @code, @what: how it ended, and what it did last
 */
struct attach {
	bool begun;
	int pidfd;
	int app;
	char hostname[64];
	_Atomic unsigned word;
	int code;
	const char *what;
};

/**
 * attach_begin() - send a visitor into the parked sandbox of @pidfd (as root), who waits there for attach_give()
 * @attach:   must stay where it is until attach_end(); its @hostname is set
 * @ret_visitor: for visitor_reap(); set on failure too
 */
int attach_begin(struct attach *attach, int pidfd, pid_t *ret_visitor, struct dyno_error *err);

/** attach_give() - have it attach @app, a detached mount (scratch_app()), at /app, -1 for nothing, and set the host name */
void attach_give(struct attach *attach, int app);

/**
 * attach_end() - wait until it is done; one that was given nothing leaves
 * Return: 0, also when none was begun, or negative errno: -ECANCELED of one that was given nothing
 */
int attach_end(struct attach *attach, struct dyno_error *err);

#endif /* ISOLATION_ATTACH_H */
