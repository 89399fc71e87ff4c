/* SPDX-License-Identifier: Apache-2.0 */
/* capabilities.h - the child half of being powerless: every capability set empty, securebits locked, no_new_privs */
#ifndef ISOLATION_CAPABILITIES_H
#define ISOLATION_CAPABILITIES_H

#include "dyno.h"

/**
 * capabilities_drop_child() - empty the bounding, ambient, inheritable, permitted and effective sets, lock securebits,
 * set no_new_privs
 * Should: run after the user namespace is entered (entering refills the bounding set) and user ids are set with
 *         capabilities kept (securebits NO_SETUID_FIXUP or PR_SET_KEEPCAPS is this file's business: see
 *         capabilities_keep_child()).
 * Mustn't: run before anything that needs a capability: mounts, setns, id changes.
 */
int capabilities_drop_child(struct dyno_error *err);

/**
 * capabilities_keep_child() - keep the permitted set over the coming setresuid() so that securebits can still be locked
 */
int capabilities_keep_child(struct dyno_error *err);

#endif /* ISOLATION_CAPABILITIES_H */
