/* SPDX-License-Identifier: Apache-2.0 */
/* environment.h - exactly what a dyno is told: a growing list of KEY=VALUE, later ones replacing earlier ones */
#ifndef CONFIG_ENVIRONMENT_H
#define CONFIG_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "dyno.h"

struct environment {
	char **vars; /* NULL-terminated, owned */
	size_t count;
};

/** environment_key_valid() - [A-Za-z_][A-Za-z0-9_]* */
bool environment_key_valid(const char *key, size_t length);
/** environment_set() - add or replace; @pair is "KEY=VALUE", checked; the error never repeats the value */
int environment_set(struct environment *env, const char *pair, struct dyno_error *err);
/** environment_load() - read an env file (see dotenv.h) into @env; errors name file and line, never a value */
int environment_load(struct environment *env, const char *path, struct dyno_error *err);
void environment_done(struct environment *env);

#endif /* CONFIG_ENVIRONMENT_H */
