/* SPDX-License-Identifier: Apache-2.0 */
/**
 * options.h - what the verbs of the second program are told
 *
 * Linked into both programs: `dyno` prints the tables, dyno-app reads the options.
 */
#ifndef CLI_APP_VERBS_OPTIONS_H
#define CLI_APP_VERBS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"
#include "cli/app/config_options.h"
#include "cli/app/export_options.h"
#include "cli/app/start_options.h"

/** struct bench_given - see bench_specs */
struct bench_given {
	bool help;
	bool cold, pool, warm;
	const char *until;
	const char *slug;
	const char *port;
	const char *json, *csv, *html;
	struct option_list vs;
	struct option_list env;
	struct option_list env_file;
	uint64_t runs, warmup, concurrency;
	uint64_t timeout_ms;
	uint64_t memory;
	int net;
};

#define BENCH_GIVEN_DEFAULTS                                                                                           \
	{                                                                                                              \
		.until = "exec", .warmup = 3, .concurrency = 1, .timeout_ms = 60000, .net = -1                         \
	}

struct check_given {
	bool help;
};

struct detect_given {
	bool help;
	bool json;
};

extern const struct option_spec bench_specs[], check_specs[], detect_specs[];
/* the verbs, each in the file of its name; see struct verb */
int bench_main(int argc, char **argv, uint64_t requested_ns);
int check_main(int argc, char **argv, uint64_t requested_ns);
int detect_main(int argc, char **argv, uint64_t requested_ns);

#endif /* CLI_APP_VERBS_OPTIONS_H */
