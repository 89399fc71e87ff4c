/* SPDX-License-Identifier: Apache-2.0 */
/* environment.c - see environment.h */
#include "config/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/units.h"
#include "config/dotenv.h"

/* No execve(2) takes an environment above 6 MiB (three quarters of _STK_LIM), so that a larger file is a mistake. */
#define FILE_SIZE_MAX (6U << 20)
#define CAPACITY_MIN 16

bool environment_key_valid(const char *key, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		char c = key[i];

		if (c != '_' && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(i > 0 && c >= '0' && c <= '9'))
			return false;
	}
	return length > 0;
}

/** find() - place of the variable whose "KEY=" is the first @length bytes of @pair; @env->count if there is none */
static size_t find(const struct environment *env, const char *pair, size_t length)
{
	size_t i = 0;

	while (i < env->count && strncmp(env->vars[i], pair, length) != 0)
		i++;
	return i;
}

/** capacity() - how many pointers the list has room for when it holds @count and its NULL */
static size_t capacity(size_t count)
{
	size_t room = CAPACITY_MIN;

	while (room < count + 1)
		room *= 2;
	return room;
}

/** append() - add @var, which is owned by @env afterwards, at the end */
static int append(struct environment *env, char *var)
{
	if (!env->vars || capacity(env->count + 1) != capacity(env->count)) {
		char **grown = realloc(env->vars, capacity(env->count + 1) * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		env->vars = grown;
	}
	env->vars[env->count++] = var;
	env->vars[env->count] = NULL;
	return 0;
}

/** check_pair() - "KEY=VALUE" that execve(2) can take; @ret_length: of "KEY=" */
static int check_pair(const char *pair, size_t *ret_length, struct dyno_error *err)
{
	/* One string may have 32 pages with its terminator (MAX_ARG_STRLEN), else execve(2) fails with E2BIG. */
	size_t max = 32 * (size_t)sysconf(_SC_PAGESIZE);
	const char *equals = strchr(pair, '=');
	char has[16], takes[16];

	if (!equals)
		return error_set(err, -EINVAL, "environment", "an environment variable is given without '='");
	if (!environment_key_valid(pair, (size_t)(equals - pair)))
		return error_set(err, -EINVAL, "environment",
		                 "the name of an environment variable is letters, digits and underscores and begins "
		                 "with no digit");
	if (strlen(pair) >= max)
		return error_set(err, -E2BIG, "environment", "environment variable %.*s has %s; the kernel takes %s",
		                 (int)(equals - pair > 64 ? 64 : equals - pair), pair,
		                 units_format_size(strlen(pair), has, sizeof(has)),
		                 units_format_size(max, takes, sizeof(takes)));
	*ret_length = (size_t)(equals - pair) + 1;
	return 0;
}

int environment_set(struct environment *env, const char *pair, struct dyno_error *err)
{
	_cleanup_free_ char *var = NULL;
	size_t length = 0;
	size_t place;
	int code = check_pair(pair, &length, err);

	if (code < 0) {
		if (code == -EINVAL)
			error_remedy(err, "write KEY=VALUE");
		return code;
	}
	var = strdup(pair);
	if (!var)
		return error_set(err, -ENOMEM, "environment", "cannot keep an environment variable:");
	place = find(env, var, length);
	if (place < env->count) {
		free(env->vars[place]);
		env->vars[place] = TAKE_PTR(var);
		return 0;
	}
	code = append(env, var);
	if (code < 0)
		return error_set(err, code, "environment", "cannot keep an environment variable:");
	(void)TAKE_PTR(var);
	return 0;
}

/** set_from_file() - environment_set() in the shape dotenv_parse() calls */
static int set_from_file(void *data, const char *pair, struct dyno_error *err)
{
	return environment_set(data, pair, err);
}

int environment_load(struct environment *env, const char *path, struct dyno_error *err)
{
	_cleanup_free_ char *buf = malloc(FILE_SIZE_MAX);
	ssize_t size = buf ? fd_read_text(AT_FDCWD, path, buf, FILE_SIZE_MAX) : -ENOMEM;

	if (size < 0)
		return error_set(err, (int)size, "env file", "cannot read env file %.160s:", path);
	return dotenv_parse(buf, (size_t)size, path, set_from_file, env, err);
}

void environment_done(struct environment *env)
{
	for (size_t i = 0; i < env->count; i++)
		free(env->vars[i]);
	free(env->vars);
	*env = (struct environment){ 0 };
}
