/* SPDX-License-Identifier: Apache-2.0 */
/**
 * launcher_options.h - what `dyno launcher` is told: the option table, and the way from options and a file of them to a
 * launcher's configuration
 */
#ifndef CLI_LAUNCHER_OPTIONS_H
#define CLI_LAUNCHER_OPTIONS_H

#include "base/options.h"
#include "launcher/launcher.h"

/** struct launcher_given - options as given; see launcher_specs for their meaning */
struct launcher_given {
	bool help;
	const char *socket;
	const char *group;
	const char *config;
	struct option_list pool;
	uint64_t learn;
	uint64_t learn_size;
	uint64_t grace_ms;
	uint64_t max_dynos;
	uint64_t max_peers;
	uint64_t max_peer_dynos;
	bool quiet;
	bool json;
	bool prometheus;
};

#define LAUNCHER_NOT_GIVEN UINT64_MAX

/** LAUNCHER_GIVEN_DEFAULTS - what stands in a struct launcher_given before the options are read */
#define LAUNCHER_GIVEN_DEFAULTS                                                                                        \
	{                                                                                                              \
		.learn = LAUNCHER_NOT_GIVEN, .learn_size = LAUNCHER_NOT_GIVEN, .grace_ms = LAUNCHER_NOT_GIVEN,         \
		.max_dynos = LAUNCHER_NOT_GIVEN, .max_peers = LAUNCHER_NOT_GIVEN, .max_peer_dynos = LAUNCHER_NOT_GIVEN \
	}

/**
 * struct launcher_settings - a launcher's configuration, and what it points to
 * @given: of the file and the command line together
 * @text, @words: the file, and its lines as options
 * @pool_texts: the pools' pieces
 */
struct launcher_settings {
	struct launcher_given given;
	struct launcher_config config;
	struct dyno_pool_config pools[LAUNCHER_POOLS_MAX];
	char *pool_texts[LAUNCHER_POOLS_MAX];
	char *text;
	char **words;
};

/**
 * launcher_settings_read() - read the file that the command line names, then the command line, which so wins
 * @argv: the verb and its options; ends before the first operand
 * @ret:  to be given to launcher_settings_done(), on failure too
 * Return: 0; -EINVAL when what was given cannot be, or another negative errno
 */
int launcher_settings_read(int argc, char *const *argv, struct launcher_settings *ret, struct dyno_error *err);

/** launcher_settings_done() - free what @settings owns */
void launcher_settings_done(struct launcher_settings *settings);

#endif /* CLI_LAUNCHER_OPTIONS_H */
