/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nest.h - the root of a dyno, and the namespaces that need no process, made before there is one
 *
 * It belongs to the parts of a sandbox (prepare.c). A mount namespace lives as long as a descriptor of it does, and a process may enter
 * it; what it cannot have before is /proc, which shows a PID namespace, and /app, which shows a slug. Both are left to the child.
 */
#ifndef RUNTIME_NEST_H
#define RUNTIME_NEST_H

#include <stdbool.h>

#include "dyno.h"
#include "isolation/namespaces.h"

struct child;

/**
 * struct nest - what there is of it, beside the writable layer; owned by the sandbox
 * @spaces:   descriptors of the mount, ipc and uts namespace
 * @detached: the writable layer has a second, detached mount, on which the overlay for /app can be made from outside: Linux 6.15
 */
struct nest {
	int spaces[NAMESPACES_KEPT];
	bool detached;
};

#define NEST_NULL                                                                                                      \
	{                                                                                                              \
		{ -1, -1, -1 }, false                                                                                  \
	}

/**
 * nest_build() - have those steps of the child's road gone that need no process of the dyno's (as root)
 * @plan: of the child, with a template
 * Return: descriptor of the writable layer, the detached mount if there is one, or negative errno
 */
int nest_build(struct child *plan, struct nest *ret, struct dyno_error *err);

/** nest_ready() - there is one */
bool nest_ready(const struct nest *nest);

/** nest_done() - drop it. Twice is fine */
void nest_done(struct nest *nest);

#endif /* RUNTIME_NEST_H */
