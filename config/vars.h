/* SPDX-License-Identifier: Apache-2.0 */
/**
 * vars.h - which config vars an app may have (https://devcenter.heroku.com/articles/config-vars)
 *
 * - A key is letters, digits and underscores. It begins with no digit (no shell could name it; Heroku would take it), not
 *   with two underscores, and not with HEROKU_, which are a platform's own. CONFIG_KEY_MAX bytes at most.
 * - A value is UTF-8 text without NUL bytes, which neither an environment nor JSON can hold. It may be empty, or many lines.
 * - All keys and values of an app together are CONFIG_VARS_MAX bytes at most.
 *
 * Pure. Errors name keys, never a value.
 */
#ifndef CONFIG_VARS_H
#define CONFIG_VARS_H

#include <stddef.h>

#include "config/environment.h"

#define CONFIG_VARS_MAX 32768
#define CONFIG_KEY_MAX 256

/** config_key_check() - the first @length bytes of @key. Return: 0 or -EINVAL */
int config_key_check(const char *key, size_t length, struct dyno_error *err);

/** config_pair_check() - @pair is "KEY=VALUE". Return: 0 or -EINVAL */
int config_pair_check(const char *pair, struct dyno_error *err);

/** config_vars_size() - bytes of all keys and values */
size_t config_vars_size(const struct environment *vars);

/** config_vars_check() - @vars are not too large. Return: 0 or -E2BIG */
int config_vars_check(const struct environment *vars, struct dyno_error *err);

/** config_vars_get() - the value of @key, NULL if there is none */
const char *config_vars_get(const struct environment *vars, const char *key);

#endif /* CONFIG_VARS_H */
