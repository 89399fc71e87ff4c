/* SPDX-License-Identifier: Apache-2.0 */
/**
 * recipe.h - what `dyno start` runs: Procfile, config vars and formation of an app, read together
 *
 * Config vars are those of `dyno config`, then those of the env files, which win: they are nearer to who develops. How many dynos:
 * one of each type, or what app.json says, or what the app was scaled to (formation/scale.h), or what --formation says, and then
 * none of types that it does not name.
 */
#ifndef CLI_APP_RECIPE_H
#define CLI_APP_RECIPE_H

#include <limits.h>

#include "cli/app/start_options.h"
#include "config/app_name.h"
#include "config/store.h"
#include "formation/formation.h"

#define RECIPE_PORT 5000

/**
 * struct recipe_source - where it is read from
 * @store: NULL when there is none: no app has config vars
 * @only:  the one type that is to run; NULL for all
 * @root:  canonical path of the app's directory, @dirfd: itself
 * @procfile: for recipe_source_again()
 */
struct recipe_source {
	const struct start_given *given;
	struct config_store *store;
	const char *only;
	char app[APP_NAME_LENGTH_MAX + 1];
	char root[PATH_MAX];
	char procfile[PATH_MAX];
	int dirfd;
};

/** recipe_source_open() - find directory, name and store of the app. Return: 0 or negative errno */
int recipe_source_open(const struct start_given *given, struct recipe_source *ret, struct dyno_error *err);
/**
 * recipe_source_again() - of an app that need not run: its directory and Procfile are those of its last start, else of @given
 * @given: only the name is looked at; completed, and borrowed by @ret
 */
int recipe_source_again(struct start_given *given, struct recipe_source *ret, struct dyno_error *err);
/** recipe_source_keep() - let recipe_source_again() find this one */
int recipe_source_keep(const struct recipe_source *source, struct dyno_error *err);
/** recipe_source_close() - free what it owns */
void recipe_source_close(struct recipe_source *source);

/** recipe_make() - read everything; errors name files and lines, never a value */
int recipe_make(const struct recipe_source *source, struct formation_recipe *ret, struct dyno_error *err);

/** recipe_plan() - the part of it that says how many dynos of which types and sizes; config vars are not looked at */
int recipe_plan(const struct recipe_source *source, struct plan *ret, struct dyno_error *err);

/** recipe_memory() - bytes that this machine has, 0 when nobody knows */
uint64_t recipe_memory(void);

/** recipe_check() - @plan can be run on this machine. Return: 0 or -EINVAL */
int recipe_check(const struct plan *plan, struct dyno_error *err);

#endif /* CLI_APP_RECIPE_H */
