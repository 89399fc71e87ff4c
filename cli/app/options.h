/* SPDX-License-Identifier: Apache-2.0 */
/**
 * options.h - what the verbs of the second program are told
 *
 * Linked into both programs: `dyno` prints the tables, dyno-app reads the options.
 */
#ifndef CLI_APP_OPTIONS_H
#define CLI_APP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"
#include "cli/app/config_options.h"
#include "cli/app/start_options.h"

struct check_given {
	bool help;
};

struct detect_given {
	bool help;
	bool json;
};

extern const struct option_spec check_specs[], detect_specs[];
/* the verbs, each in the file of its name; see struct verb */
int check_main(int argc, char **argv, uint64_t requested_ns);
int detect_main(int argc, char **argv, uint64_t requested_ns);

#endif /* CLI_APP_OPTIONS_H */
