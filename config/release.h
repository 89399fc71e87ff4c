/* SPDX-License-Identifier: Apache-2.0 */
/**
 * release.h - the config vars of an app, and a numbered release for each change of them
 *
 * Release N is the set of config vars that held from it until release N + 1. A change that changes nothing makes none. A rollback
 * makes a new release with the vars of an old one. Old values stay in the store, for rollbacks.
 *
 * Errors never hold a value.
 */
#ifndef CONFIG_RELEASE_H
#define CONFIG_RELEASE_H

#include <stddef.h>
#include <stdint.h>

#include "config/environment.h"
#include "config/store.h"

/**
 * struct config_release - one release; owned
 * @number:      from 1; 0 when the app has none yet: it then has no vars
 * @created_us:  CLOCK_REALTIME in microseconds
 * @author:      who made it
 * @description: what it changed, without values: "Set A, B config vars"
 * @vars:        all config vars, sorted by key. Not filled in by config_release_list()
 */
struct config_release {
	unsigned number;
	int64_t created_us;
	char *author;
	char *description;
	struct environment vars;
};

/**
 * struct config_change - what is to become of an app's config vars
 * @set:    "KEY=VALUE" each, NULL-terminated; NULL for none. Checked by config/vars.h; the last of a key counts
 * @unset:  keys, NULL-terminated; NULL for none. One that the app does not have is no mistake
 * @author: who does it
 * @based:  NULL, or the number of the release that the change was made for: when another came since, it is refused
 */
struct config_change {
	const char *const *set;
	const char *const *unset;
	const char *author;
	const unsigned *based;
};

/** config_release_current() - what an app's dynos are to be told. An app that was never configured has release 0. */
int config_release_current(struct config_store *store, const char *app, struct config_release *ret,
                           struct dyno_error *err);

/** config_release_get() - release @number of an app. Return: 0, -ENOENT, or negative errno */
int config_release_get(struct config_store *store, const char *app, unsigned number, struct config_release *ret,
                       struct dyno_error *err);

/**
 * config_release_list() - call @each for the newest @max releases of an app, the newest first
 * @each: @release is valid during the call
 * Return: 0, what @each returned if that was not 0, or negative errno
 */
int config_release_list(struct config_store *store, const char *app, unsigned max,
                        int (*each)(void *data, const struct config_release *release), void *data,
                        struct dyno_error *err);

/**
 * config_release_change() - set and unset config vars, all of them or none
 * @ret_number: of the new release, or of the current one when nothing changed
 * Return: 1 when there is a new release, 0 when nothing changed, -EINVAL for a key or value against the rules, -E2BIG when all
 * vars would be more than CONFIG_VARS_MAX bytes, -ESTALE (see struct config_change), or another negative errno
 */
int config_release_change(struct config_store *store, const char *app, const struct config_change *change,
                          unsigned *ret_number, struct dyno_error *err);

/**
 * config_release_rollback() - make a new release with the config vars of release @number
 * @number: 0 for the one before the current
 * @ret_from: the release that was gone back to
 * Return: 1, 0 when @number is the current release, -ENOENT when there is no such release, or another negative errno
 */
int config_release_rollback(struct config_store *store, const char *app, unsigned number, const char *author,
                            unsigned *ret_from, unsigned *ret_number, struct dyno_error *err);

/** config_release_done() - free what it owns; one that is all zero is fine */
void config_release_done(struct config_release *release);

#endif /* CONFIG_RELEASE_H */
