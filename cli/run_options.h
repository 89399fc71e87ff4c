/* SPDX-License-Identifier: Apache-2.0 */
/**
 * run_options.h - what `dyno run` is told: the option table, and the way from options to a validated shape and app
 */
#ifndef CLI_RUN_OPTIONS_H
#define CLI_RUN_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/app_options.h"
#include "cli/report.h"
#include "dyno.h"

/** struct run_given - options as given; see run_specs for their meaning. @of_app is never seen here: see run_app.h */
struct run_given {
	bool help;
	struct app_given app;
	const char *of_app;
	const char *slug;
	const char *stack;
	const char *scratch_dir;
	const char *name;
	const char *label;
	const char *size;
	const char *keep;
	const char *timeline_file;
	const char *launcher;
	const char *port;
	struct option_list publish;
	const char *publish_unix;
	const char *egress;
	const char *allow_host;
	uint64_t scratch_size;
	uint64_t memory;
	uint64_t pids;
	uint64_t cpu_milli;
	uint64_t nofile;
	uint64_t grace_ms;
	uint64_t boot_timeout_ms;
	int net;
	int timeline;
	bool no_init;
	bool dry_run;
	bool diff;
	bool no_launcher;
	bool quiet;
};

#define BOOT_TIMEOUT_NOT_GIVEN UINT64_MAX

/** RUN_GIVEN_DEFAULTS - what stands in a struct run_given before the options are read */
#define RUN_GIVEN_DEFAULTS                                                                                             \
	{                                                                                                              \
		.timeline = -1, .net = -1, .grace_ms = 30000, .boot_timeout_ms = BOOT_TIMEOUT_NOT_GIVEN                \
	}

/**
 * struct run_request - a validated request: everything that the event loop needs
 * @shape, @app: for dyno_prepare() and dyno_start(); they point into @given, @inputs and the paths below
 * @inputs:      owned
 * @net_why:     why the network is less than the default, code 0 when it is not
 * @slug, @stack, @scratch_dir: canonical paths; @publish_unix: absolute
 */
struct run_request {
	const struct run_given *given;
	struct dyno_shape shape;
	struct dyno_app app;
	enum report_format timeline;
	struct app_inputs inputs;
	struct dyno_error net_why;
	char slug[PATH_MAX];
	char stack[PATH_MAX];
	char scratch_dir[PATH_MAX];
	char publish_unix[PATH_MAX];
};

/**
 * run_options_resolve() - check what was given and make a request of it; nothing is made on the machine
 * @command: operands, NULL-terminated
 * @ret:     filled in; to be given to run_request_done(), on failure too
 * Return: 0 or negative errno; -ENOMEM is our failure, every other the caller's mistake
 */
int run_options_resolve(const struct run_given *given, char *const *command, struct run_request *ret,
                        struct dyno_error *err);

/** run_request_done() - free what @request owns */
void run_request_done(struct run_request *request);

#endif /* CLI_RUN_OPTIONS_H */
