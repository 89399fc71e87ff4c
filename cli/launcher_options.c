/* SPDX-License-Identifier: Apache-2.0 */
/* launcher_options.c - see launcher_options.h */
#include "cli/launcher_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "cli/group.h"
#include "cli/launcher_pool.h"
#include "cli/verb.h"
#include "netns/rootless.h"
#include "runtime/host.h"

#define GIVEN(field) offsetof(struct launcher_given, field)

#define FILE_SIZE 65536
#define WORDS_MAX 256

#define CONFIG "/etc/dyno/launcher" /* root's, if it is there */

const struct option_spec launcher_specs[] = {
	{ .name = "socket",
	  .letter = 's',
	  .type = OPTION_STRING,
	  .metavar = "FILE",
	  .offset = GIVEN(socket),
	  .min = 1,
	  .help = "listen at FILE (default /run/dyno/launcher.sock, or launcher.sock in this user's state directory)" },
	{ .name = "group",
	  .letter = 'g',
	  .type = OPTION_STRING,
	  .metavar = "GROUP",
	  .offset = GIVEN(group),
	  .min = 1,
	  .help = "let the members of GROUP, a name of /etc/group or a number, start dynos of their own, too" },
	{ .name = "pool",
	  .letter = 'p',
	  .type = OPTION_LIST,
	  .metavar = "MIN[-MAX][,KEY[=VALUE]]...",
	  .offset = GIVEN(pool),
	  .min = 1,
	  .help = "keep so many sandboxes ready, more of them while they are asked for; keys: port (of dynos with a port), "
	          "tty, net=private|none, stack=DIR, slug=DIR, size=SIZE, memory=SIZE, pids=N, cpus=N, nofile=N, "
	          "scratch-size=SIZE, rate=N (refills a second at most), parts (no processes, only what takes longest); "
	          "once for each kind (default 4-16 and 4-16,port)" },
	{ .name = "learn",
	  .type = OPTION_NUMBER,
	  .offset = GIVEN(learn),
	  .max = LAUNCHER_POOLS_MAX,
	  .help = "how many other kinds of dynos get a pool when they are asked for repeatedly, and how many slugs one with the "
	          "slug attached (default 4 of each)" },
	{ .name = "learn-size",
	  .type = OPTION_NUMBER,
	  .offset = GIVEN(learn_size),
	  .max = 65536,
	  .help = "the most that such a pool holds ready (default 8)" },
	{ .name = "grace",
	  .type = OPTION_DURATION,
	  .offset = GIVEN(grace_ms),
	  .max = 24ULL * 60 * 60 * 1000,
	  .help = "time between TERM and KILL of dynos that were started without one of their own (default 30s)" },
	{ .name = "max-dynos",
	  .type = OPTION_NUMBER,
	  .offset = GIVEN(max_dynos),
	  .min = 1,
	  .max = 65536,
	  .help = "how many dynos may run at a time (default 16384)" },
	{ .name = "max-peers",
	  .type = OPTION_NUMBER,
	  .offset = GIVEN(max_peers),
	  .min = 1,
	  .max = 65536,
	  .help = "how many connections there may be (default 1024)" },
	{ .name = "max-peer-dynos",
	  .type = OPTION_NUMBER,
	  .offset = GIVEN(max_peer_dynos),
	  .min = 1,
	  .max = 65536,
	  .help = "how many dynos of one connection may run at a time (default 4096)" },
	{ .name = "config",
	  .letter = 'c',
	  .type = OPTION_STRING,
	  .metavar = "FILE",
	  .offset = GIVEN(config),
	  .min = 1,
	  .help = "read these options from FILE first, NAME=VALUE or NAME a line; again when HUP comes (default "
	          "/etc/dyno/launcher, as root and if it is there)" },
	{ .name = "quiet",
	  .letter = 'q',
	  .type = OPTION_FLAG,
	  .offset = GIVEN(quiet),
	  .help = "say nothing but errors" },
	{ .name = "json", .type = OPTION_FLAG, .offset = GIVEN(json), .help = "stats: print an object" },
	{ .name = "prometheus",
	  .type = OPTION_FLAG,
	  .offset = GIVEN(prometheus),
	  .help = "stats: print in the text format of Prometheus" },
	VERB_HELP_SPEC,
	{ 0 },
};

/**
 * option_of() - make a word of the command line of @line, a line of the file
 * @into: room for the line, two dashes and a NUL
 * Return: bytes of @into used, 0 for a line that says nothing
 */
static size_t option_of(const char *line, char *into)
{
	size_t size;

	line += strspn(line, " \t");
	size = strlen(line);
	while (size > 0 && strchr(" \t\r", line[size - 1]))
		size--;
	if (size == 0 || line[0] == '#')
		return 0;
	memcpy(into, "--", 2);
	memcpy(into + 2, line, size);
	into[size + 2] = '\0';
	return size + 3;
}

/** read_file() - the lines of file @path as a command line of the verb. Return: its number of words or negative errno */
static int read_file(const char *path, struct launcher_settings *settings, struct dyno_error *err)
{
	_cleanup_free_ char *text = malloc(FILE_SIZE);
	char *line, *rest = text, *into;
	int count = 1;
	ssize_t length;

	settings->text = malloc(3 * FILE_SIZE); /* a line of one byte, two with its end, makes four */
	settings->words = calloc(WORDS_MAX + 1, sizeof(*settings->words));
	if (!text || !settings->text || !settings->words)
		return error_set(err, -ENOMEM, "config", "no memory for %s", path);
	length = fd_read_text(AT_FDCWD, path, text, FILE_SIZE);
	if (length < 0)
		return error_set(err, (int)length, "config", "cannot read %s:", path);
	settings->words[0] = settings->text;
	into = settings->text;
	*into++ = '\0';
	while ((line = strsep(&rest, "\n"))) {
		size_t used = option_of(line, into);

		if (used > 0 && count == WORDS_MAX)
			return error_set(err, -E2BIG, "config", "%s has too many options", path);
		if (used > 0)
			settings->words[count++] = into;
		into += used;
	}
	return count;
}

/** read_options() - the file's options, then the command line's. Return: 0 or negative errno */
static int read_options(int argc, char *const *argv, struct launcher_settings *settings, struct dyno_error *err)
{
	struct launcher_given *given = &settings->given;
	int first = argc;
	int code = options_parse(launcher_specs, argc, argv, given, &first, err);
	const char *path = given->config;

	if (!path && host_has_privilege() && access(CONFIG, F_OK) == 0)
		path = CONFIG;
	if (code < 0 || !path)
		return code;
	options_done(launcher_specs, given);
	*given = (struct launcher_given)LAUNCHER_GIVEN_DEFAULTS;
	code = read_file(path, settings, err);
	if (code < 0)
		return code;
	argc = first;
	code = options_parse(launcher_specs, code, settings->words, given, &first, err);
	if (code == 0 && (given->help || given->config))
		code = error_set(err, -EINVAL, "config", "%s may hold options of a launcher only, and no config", path);
	return code < 0 ? code : options_parse(launcher_specs, argc, argv, given, &first, err);
}

/**
 * default_pools() - those that are kept when none was asked for: private networks, for dynos with and without a port
 * An ordinary user's parked sandbox cannot be given a slug, so of these the parts are kept. One whose machine cannot connect a
 * private network has `dyno run` without a port take none (net_default.h).
 */
static unsigned default_pools(struct dyno_pool_config *pools)
{
	const struct dyno_pool_config pool = LAUNCHER_POOL_DEFAULTS;

	pools[0] = pools[1] = pool;
	pools[0].shape.watch = false;
	pools[1].shape.watch = true;
	if (host_has_privilege())
		return 2;
	pools[0].parts = pools[1].parts = true;
	if (rootless_usable(NULL) < 0)
		pools[0].shape.net = DYNO_NET_NONE;
	return 2;
}

/** resolve_pools() - the pools as given */
static int resolve_pools(struct launcher_settings *settings, struct dyno_error *err)
{
	const struct option_list *list = &settings->given.pool;
	int code = 0;

	if (list->count == 0)
		settings->config.pool_count = default_pools(settings->pools);
	if (list->count > LAUNCHER_POOLS_MAX)
		return error_set(err, -EINVAL, "pool", "there are %zu pools; %d can be", list->count,
		                 LAUNCHER_POOLS_MAX);
	for (size_t i = 0; i < list->count && code == 0; i++) {
		settings->pool_texts[i] = strdup(list->items[i]);
		if (!settings->pool_texts[i])
			return error_set(err, -ENOMEM, "pool", "no memory for %zu pools", list->count);
		code = launcher_pool_read(settings->pool_texts[i], &settings->pools[i], err);
		if (settings->pools[i].max > 0)
			settings->config.pool_count = (unsigned)i + 1;
	}
	return code;
}

/** given_or() - @given, or @otherwise if it was not */
static unsigned given_or(uint64_t given, unsigned otherwise)
{
	return given == LAUNCHER_NOT_GIVEN ? otherwise : (unsigned)given;
}

int launcher_settings_read(int argc, char *const *argv, struct launcher_settings *ret, struct dyno_error *err)
{
	const struct launcher_given *given = &ret->given;
	struct launcher_config *config = &ret->config;
	int code;

	*ret = (struct launcher_settings){ .given = LAUNCHER_GIVEN_DEFAULTS, .config = LAUNCHER_CONFIG_DEFAULTS };
	code = read_options(argc, argv, ret, err);
	if (code < 0)
		return code;
	config->socket = given->socket;
	config->pools = ret->pools;
	config->learned_max = given_or(given->learn, config->learned_max);
	config->learned_size = given_or(given->learn_size, config->learned_size);
	config->dynos_max = given_or(given->max_dynos, config->dynos_max);
	config->peers_max = given_or(given->max_peers, config->peers_max);
	config->peer_dynos_max = given_or(given->max_peer_dynos, config->peer_dynos_max);
	if (given->grace_ms != LAUNCHER_NOT_GIVEN)
		config->grace_ms = given->grace_ms;
	if (given->group)
		code = group_find(GROUP_FILE, given->group, &config->group, err);
	return code < 0 ? code : resolve_pools(ret, err);
}

void launcher_settings_done(struct launcher_settings *settings)
{
	options_done(launcher_specs, &settings->given);
	for (size_t i = 0; i < LAUNCHER_POOLS_MAX; i++)
		free(settings->pool_texts[i]);
	free(settings->text);
	free(settings->words);
	*settings = (struct launcher_settings){ .given = LAUNCHER_GIVEN_DEFAULTS };
}
