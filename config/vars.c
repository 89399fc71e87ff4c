/* SPDX-License-Identifier: Apache-2.0 */
/* vars.c - see vars.h */
#include "config/vars.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

/* As much of a key as a message repeats. */
#define SHOWN_MAX 64

/** shown() - how many bytes of a key of @length a message repeats */
static int shown(size_t length)
{
	return (int)(length < SHOWN_MAX ? length : SHOWN_MAX);
}

int config_key_check(const char *key, size_t length, struct dyno_error *err)
{
	const char *rule = NULL;

	if (length > CONFIG_KEY_MAX)
		rule = "it has more than 256 bytes";
	else if (!environment_key_valid(key, length))
		rule = "a key is letters, digits and underscores, and begins with no digit";
	else if (strncmp(key, "__", 2) == 0)
		rule = "keys that begin with two underscores are reserved";
	else if (strncmp(key, "HEROKU_", strlen("HEROKU_")) == 0)
		rule = "keys that begin with HEROKU_ are the platform's own";
	if (!rule)
		return 0;
	/* what stands there instead of a key may be a secret that lost its key */
	if (!environment_key_valid(key, length))
		error_set(err, -EINVAL, "config", "there is a config var whose key is none");
	else
		error_set(err, -EINVAL, "config", "%.*s cannot be the key of a config var", shown(length), key);
	error_remedy(err, "%s", rule);
	return -EINVAL;
}

int config_pair_check(const char *pair, struct dyno_error *err)
{
	const char *equals = strchr(pair, '=');
	int code;

	if (!equals) {
		error_set(err, -EINVAL, "config", "there is a config var without '='");
		error_remedy(err, "write KEY=VALUE");
		return -EINVAL;
	}
	code = config_key_check(pair, (size_t)(equals - pair), err);
	if (code < 0)
		return code;
	if (!text_is_utf8(equals + 1)) {
		error_set(err, -EINVAL, "config", "the value of %.*s is no UTF-8 text", shown((size_t)(equals - pair)),
		          pair);
		error_remedy(err, "encode it, for instance with base64");
		return -EINVAL;
	}
	return 0;
}

size_t config_vars_size(const struct environment *vars)
{
	size_t size = 0;

	for (size_t i = 0; i < vars->count; i++)
		size += strlen(vars->vars[i]) - 1; /* the = is neither key nor value */
	return size;
}

int config_vars_check(const struct environment *vars, struct dyno_error *err)
{
	size_t size = config_vars_size(vars);

	if (size <= CONFIG_VARS_MAX)
		return 0;
	error_set(err, -E2BIG, "config", "all config vars together would have %zu bytes, and an app may have %d", size,
	          CONFIG_VARS_MAX);
	error_remedy(err, "keys and values count; keep what is large in a file of the app, or in a service");
	return -E2BIG;
}

const char *config_vars_get(const struct environment *vars, const char *key)
{
	size_t length = strlen(key);

	for (size_t i = 0; i < vars->count; i++)
		if (strncmp(vars->vars[i], key, length) == 0 && vars->vars[i][length] == '=')
			return vars->vars[i] + length + 1;
	return NULL;
}
