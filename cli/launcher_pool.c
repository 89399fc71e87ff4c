/* SPDX-License-Identifier: Apache-2.0 */
/* launcher_pool.c - see launcher_pool.h */
#include "cli/launcher_pool.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "config/sizes_file.h"

#define STEP "pool"
#define POOL_MAX 65536U

int launcher_pool_bounds(const char *text, unsigned *ret_min, unsigned *ret_max, struct dyno_error *err)
{
	const char *dash = strchr(text, '-');
	char first[16];
	uint64_t min = 0, max = 0;
	int code = -EINVAL;

	if (text_format(first, sizeof(first), "%.*s", dash ? (int)(dash - text) : (int)strlen(text), text) > 0)
		code = units_number(first, 0, POOL_MAX, &min);
	if (code == 0)
		code = units_number(dash ? dash + 1 : first, 0, POOL_MAX, &max);
	if (code < 0 || min > max)
		return error_set(err, -EINVAL, STEP, "'%.24s' is not how many a pool holds: give MIN-MAX, at most %u",
		                 text, POOL_MAX);
	*ret_min = (unsigned)min;
	*ret_max = (unsigned)max;
	return 0;
}

/** read_words() - the keys that take words: "net", "stack", "slug", "size". Return: 0, -EINVAL, or -ENOENT for another key */
static int read_words(struct dyno_pool_config *pool, const char *key, const char *value)
{
	struct size size;
	int code;

	if (strcmp(key, "net") == 0) {
		pool->shape.net = strcmp(value, "none") == 0 ? DYNO_NET_NONE : DYNO_NET_PRIVATE;
		return pool->shape.net == DYNO_NET_NONE || strcmp(value, "private") == 0 ? 0 : -EINVAL;
	}
	if (strcmp(key, "stack") == 0) {
		pool->shape.stack = value;
		return value[0] == '/' || strcmp(value, "host") == 0 ? 0 : -EINVAL;
	}
	if (strcmp(key, "slug") == 0) {
		pool->slug = value;
		return value[0] == '/' ? 0 : -EINVAL;
	}
	if (strcmp(key, "size") != 0)
		return -ENOENT;
	code = sizes_resolve(value, &size, NULL);
	if (code == 0)
		pool->limits = size.limits;
	return code < 0 ? -EINVAL : 0;
}

/** read_numbers() - the keys that take a number. Return: as read_words() */
static int read_numbers(struct dyno_pool_config *pool, const char *key, const char *value)
{
	uint64_t rate = 0;
	int code;

	if (strcmp(key, "memory") == 0)
		return units_size(value, &pool->limits.memory);
	if (strcmp(key, "pids") == 0)
		return units_number(value, 2, 4194304, &pool->limits.pids);
	if (strcmp(key, "cpus") == 0)
		return units_cpus(value, &pool->limits.cpu_milli);
	if (strcmp(key, "nofile") == 0)
		return units_number(value, 16, 1048576, &pool->limits.nofile);
	if (strcmp(key, "scratch-size") == 0)
		return units_size(value, &pool->shape.scratch_size);
	if (strcmp(key, "rate") != 0)
		return -ENOENT;
	code = units_number(value, 1, 1000000, &rate);
	pool->per_second = (unsigned)rate;
	return code;
}

/** read_flag() - a key without a value. Return: 0 or -ENOENT */
static int read_flag(struct dyno_pool_config *pool, const char *key)
{
	if (strcmp(key, "port") == 0)
		pool->shape.watch = true;
	else if (strcmp(key, "tty") == 0)
		pool->shape.tty = true;
	else if (strcmp(key, "parts") == 0)
		pool->parts = true;
	else
		return -ENOENT;
	return 0;
}

/** refuse_word() - the message for a key that is not known or a value that is not taken */
static int refuse_word(const char *key, const char *value, int code, struct dyno_error *err)
{
	static const char *const keys[] = { "port",   "tty",  "parts", "net",    "stack",        "slug", "size",
		                            "memory", "pids", "cpus",  "nofile", "scratch-size", "rate", NULL };
	const char *closest = code == -ENOENT ? text_closest(key, keys) : NULL;

	if (code != -ENOENT)
		return error_set(err, -EINVAL, STEP, "a pool's %s cannot be '%.64s'", key, value);
	error_set(err, -EINVAL, STEP, "a pool has no '%.24s'%s%s%s", key, closest ? " (did you mean " : "",
	          closest ? closest : "", closest ? "?)" : "");
	error_remedy(err, "the form is %s", LAUNCHER_POOL_FORM);
	return -EINVAL;
}

int launcher_pool_read(char *text, struct dyno_pool_config *ret, struct dyno_error *err)
{
	struct dyno_pool_config pool = { .shape = { .stack = "host", .net = DYNO_NET_PRIVATE } };
	char *word = strsep(&text, ",");
	int code = launcher_pool_bounds(word, &pool.min, &pool.max, err);

	while (code == 0 && (word = strsep(&text, ","))) {
		const char *key = strsep(&word, "=");

		if (!word) {
			code = read_flag(&pool, key);
		} else {
			code = read_words(&pool, key, word);
			if (code == -ENOENT)
				code = read_numbers(&pool, key, word);
		}
		if (code < 0)
			return refuse_word(key, word ? word : "", code, err);
	}
	if (code == 0)
		*ret = pool;
	return code;
}
