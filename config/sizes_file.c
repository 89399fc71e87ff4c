/* SPDX-License-Identifier: Apache-2.0 */
/* sizes_file.c - see sizes_file.h */
#include "config/sizes_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"

#define SYSTEM_FILE "/etc/dyno/sizes"
#define LINE_MAX_SIZE 512
#define BLANKS " \t\r"
#define MIB (1ULL << 20)
#define SHARE 1024
#define LETTERS "abcdefghijklmnopqrstuvwxyz"

/** make_label() - "Big-2X" of "big-2x": capitals where a word begins, and behind digits, as Heroku's */
static void make_label(const char *name, char *label)
{
	bool capital = true;

	for (; *name; name++) {
		*label++ = capital ? (char)toupper((unsigned char)*name) : *name;
		capital = *name == '-' || isdigit((unsigned char)*name);
	}
	*label = '\0';
}

/** read_share() - a number of standard-1x as a weight. Return: 0 or negative errno */
static int read_share(const char *value, uint64_t *ret)
{
	uint64_t share = 0;
	int code = units_number(value, 1, 256, &share);

	if (code == 0)
		*ret = share * SHARE;
	return code;
}

/** read_limit() - "memory=128M". Return: NULL, or what is wrong with it */
static const char *read_limit(struct dyno_limits *limits, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		return "no KEY=VALUE";
	*value++ = '\0';
	if (strcmp(word, "memory") == 0)
		return units_size(value, &limits->memory) == 0 && limits->memory >= 4 * MIB
		               ? NULL
		               : "no amount of memory from 4M, such as 128M";
	if (strcmp(word, "pids") == 0)
		return units_number(value, 2, 4194304, &limits->pids) == 0 ? NULL : "no number from 2 to 4194304";
	if (strcmp(word, "cpus") == 0)
		return units_cpus(value, &limits->cpu_milli) == 0 && limits->cpu_milli >= 10
		               ? NULL
		               : "no number of CPUs from 0.01, such as 0.5";
	if (strcmp(word, "share") == 0)
		return read_share(value, &limits->cpu_shares) == 0 ? NULL : "no number from 1 to 256";
	if (strcmp(word, "nofile") == 0)
		return units_number(value, 16, 1048576, &limits->nofile) == 0 ? NULL : "no number from 16 to 1048576";
	return "unknown; there are memory, pids, cpus, share and nofile";
}

/** find() - the size called @name in @sizes, NULL when there is none */
static struct size *find(const struct sizes *sizes, const char *name)
{
	for (size_t i = 0; i < sizes->count; i++)
		if (strcasecmp(sizes->items[i].name, name) == 0)
			return &sizes->items[i];
	return NULL;
}

/** check_name() - a name that may be defined. @since: how many sizes this file did not define. Return: 0 or -EINVAL */
static int check_name(const struct sizes *sizes, size_t since, const char *name, struct mistakes *m, unsigned long line)
{
	size_t length = strlen(name);
	const struct size *same = find(sizes, name);

	if (length > SIZE_NAME_MAX || !strchr(LETTERS, name[0]) || strspn(name, LETTERS "0123456789-") != length)
		return mistakes_add(
			m, line,
			"'%.40s' cannot be the name of a size: at most %d lower-case letters, digits and '-', "
			"a letter first",
			name, SIZE_NAME_MAX);
	if (sizes_find(name))
		return mistakes_add(m, line, "%s is one of Heroku's sizes: give it another name", name);
	if (same && (size_t)(same - sizes->items) >= since)
		return mistakes_add(m, line, "size %s stands here twice", name);
	return 0;
}

/** add() - @size to @sizes, in the place of one of the same name. Return: 0 or negative errno */
static int add(struct sizes *sizes, const struct size *size, struct mistakes *m, unsigned long line)
{
	struct size *same = find(sizes, size->name), *items;

	if (same) {
		*same = *size;
		return 0;
	}
	if (sizes->count == SIZES_MAX)
		return mistakes_add(m, line, "there are more than %d sizes", SIZES_MAX);
	items = realloc(sizes->items, (sizes->count + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	sizes->items = items;
	sizes->items[sizes->count++] = *size;
	return 0;
}

/** parse_line() - one line without its end; empty ones and comments are none. Return: 0 or negative errno */
static int parse_line(struct sizes *sizes, size_t since, char *line, struct mistakes *m, unsigned long number)
{
	struct size size = *sizes_find("standard-1x");
	char *rest = line, *word;
	int code;

	line[strcspn(line, "#")] = '\0';
	do
		word = strsep(&rest, BLANKS);
	while (word && !*word);
	if (!word)
		return 0;
	code = check_name(sizes, since, word, m, number);
	if (code < 0)
		return code;
	(void)text_copy(size.name, sizeof(size.name), word);
	make_label(size.name, size.label);
	while ((word = strsep(&rest, BLANKS))) {
		const char *wrong = *word ? read_limit(&size.limits, word) : NULL;

		if (wrong)
			return mistakes_add(m, number, "%.40s of size %s: %s", word, size.name, wrong);
	}
	return add(sizes, &size, m, number);
}

int sizes_parse(const char *text, size_t length, struct mistakes *m, struct sizes *ret)
{
	size_t since = ret->count;
	unsigned before = m->count;
	unsigned long number = 0;

	while (length > 0 && !(m->count > before && mistakes_enough(m))) {
		const char *end = memchr(text, '\n', length);
		size_t size = end ? (size_t)(end - text) : length;
		char line[LINE_MAX_SIZE];
		int code;

		number++;
		if (size >= sizeof(line) || memchr(text, '\0', size)) {
			(void)mistakes_add(m, number, "the line has a NUL byte, or more than %zu bytes",
			                   sizeof(line) - 1);
		} else {
			memcpy(line, text, size);
			line[size] = '\0';
			code = parse_line(ret, since, line, m, number);
			if (code == -ENOMEM)
				return code;
		}
		size += end != NULL;
		text += size;
		length -= size;
	}
	return m->count > before ? -EINVAL : 0;
}

void sizes_done(struct sizes *sizes)
{
	free(sizes->items);
	*sizes = (struct sizes){ 0 };
}

/** load() - the file at @path, if it is there. Return: 0 or negative errno */
static int load(const char *path, struct sizes *sizes, struct dyno_error *err)
{
	struct mistakes m = { .name = path, .first = err };
	_cleanup_free_ char *text = malloc(SIZES_FILE_MAX);
	ssize_t size = text ? fd_read_text(AT_FDCWD, path, text, SIZES_FILE_MAX) : -ENOMEM;
	int code;

	if (size == -ENOENT || size == -ENOTDIR)
		return 0;
	code = size < 0 ? (int)size : sizes_parse(text, (size_t)size, &m, sizes);
	return code < 0 && code != -EINVAL ? error_set(err, code, "size", "cannot read %.160s:", path) : code;
}

/** user_file() - $XDG_CONFIG_HOME/dyno/sizes, by default below ~/.config. Return: 0, or negative when there is no such place */
static int user_file(char *buf, size_t size)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && config[0] == '/')
		return text_format(buf, size, "%s/dyno/sizes", config);
	return home && home[0] == '/' ? text_format(buf, size, "%s/.config/dyno/sizes", home) : -ENOENT;
}

int sizes_load(struct sizes *ret, struct dyno_error *err)
{
	struct sizes sizes = { 0 };
	char path[PATH_MAX];
	int code = load(SYSTEM_FILE, &sizes, err);

	if (code == 0 && user_file(path, sizeof(path)) >= 0)
		code = load(path, &sizes, err);
	if (code < 0)
		sizes_done(&sizes);
	else
		*ret = sizes;
	return code;
}

const struct size *sizes_get(const struct sizes *own, const char *name)
{
	const struct size *size = sizes_find(name);

	return size || !own ? size : find(own, name);
}

/** unknown() - there is no size @name. Return: -EINVAL */
static int unknown(const struct sizes *own, const char *name, struct dyno_error *err)
{
	const char *names[SIZES_MAX + 32] = { NULL }, *closest;
	size_t count = 0;

	for (const char *const *all = sizes_names(); *all; all++)
		names[count++] = *all;
	for (size_t i = 0; i < own->count; i++)
		names[count++] = own->items[i].name;
	closest = text_closest(name, names);
	error_set(err, -EINVAL, "size", "there is no dyno size '%.40s'", name);
	if (closest)
		error_remedy(err, "did you mean %s?", closest);
	else
		error_remedy(err,
		             "sizes are eco, basic, standard-1x, standard-2x and others, and those of " SYSTEM_FILE);
	return -EINVAL;
}

int sizes_resolve(const char *name, struct size *ret, struct dyno_error *err)
{
	const struct size *size = sizes_find(name);
	struct sizes own = { 0 };
	int code = size ? 0 : sizes_load(&own, err);

	if (code == 0 && !size)
		size = find(&own, name);
	if (code == 0 && size)
		*ret = *size;
	else if (code == 0)
		code = unknown(&own, name, err);
	sizes_done(&own);
	return code;
}
