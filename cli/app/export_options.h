/* SPDX-License-Identifier: Apache-2.0 */
/* export_options.h - what `dyno export` is told; linked into both programs */
#ifndef CLI_APP_EXPORT_OPTIONS_H
#define CLI_APP_EXPORT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"

/** struct export_given - see export_specs */
struct export_given {
	bool help;
	const char *app;
	const char *procfile;
	const char *root;
	const char *formation;
	const char *user;
	const char *log;
	struct option_list env_file;
	struct option_list size;
	uint16_t port;
	uint64_t grace_ms;
};

extern const struct option_spec export_specs[];

/** export_main() - see struct verb */
int export_main(int argc, char **argv, uint64_t requested_ns);

#endif /* CLI_APP_EXPORT_OPTIONS_H */
