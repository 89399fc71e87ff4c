/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rooms.h - the root of a dyno, and the namespaces that need no process, made before there is one
 *
 * They belong to the parts of a sandbox (prepare.c). A mount namespace lives as long as a descriptor of it does, and a process may enter
 * it; what it cannot have before is /proc, which shows a PID namespace, and /app, which shows a slug. Both are the child's to attach.
 */
#ifndef RUNTIME_ROOMS_H
#define RUNTIME_ROOMS_H

#include <stdbool.h>

#include "dyno.h"
#include "isolation/namespaces.h"

struct child;

/** struct rooms - the mount, ipc and uts namespace; descriptors owned by the sandbox */
struct rooms {
	int spaces[NAMESPACES_KEPT];
};

#define ROOMS_NULL                                                                                                     \
	{                                                                                                              \
		{                                                                                                      \
			-1, -1, -1                                                                                     \
		}                                                                                                      \
	}

/**
 * rooms_build() - have those steps of the child's road gone that need no process of the dyno's (as root)
 * @plan: of the child, without a slug. Its @tree is the caller's then, the writable layer of these rooms
 * Return: 0, -EOPNOTSUPP before Linux 6.15, where the child has to go all of it, or negative errno
 */
int rooms_build(struct child *plan, struct rooms *ret, struct dyno_error *err);

/** rooms_ready() - there are some */
bool rooms_ready(const struct rooms *rooms);

/** rooms_done() - drop them. Twice is fine */
void rooms_done(struct rooms *rooms);

#endif /* RUNTIME_ROOMS_H */
