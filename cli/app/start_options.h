/* SPDX-License-Identifier: Apache-2.0 */
/* start_options.h - what `dyno start` and the verbs that reach a running formation are told; linked into both programs */
#ifndef CLI_APP_START_OPTIONS_H
#define CLI_APP_START_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"

/** struct start_given - `dyno start`; see start_specs */
struct start_given {
	bool help;
	bool color;
	bool metrics;
	const char *app;
	const char *procfile;
	const char *root;
	const char *formation;
	const char *stack;
	const char *egress;
	const char *allow_host;
	const char *backoff;
	const char *drain_ca;
	struct option_list env_file;
	struct option_list size;
	struct option_list drain;
	int net;
	uint16_t port;
	uint64_t grace_ms;
	uint64_t boot_timeout_ms;
	uint64_t cycle_ms;
};

/** struct live_given - verbs that name an app and nothing else */
struct live_given {
	bool help;
	const char *app;
};

/** struct run_detached_given - `dyno run:detached`; @env: "A=1;B=2" each */
struct run_detached_given {
	bool help;
	const char *app;
	const char *size;
	struct option_list env;
};

/** struct live_list_given - `dyno ps:app` */
struct live_list_given {
	bool help;
	bool json;
	const char *app;
};

/** struct live_stop_given - `dyno stop:app` */
struct live_stop_given {
	bool help;
	bool now;
	const char *app;
};

/** struct logs_given - `dyno logs` */
struct logs_given {
	bool help;
	bool tail;
	bool json;
	const char *app;
	const char *dyno;
	const char *source;
	uint64_t lines;
};

/** struct run_app_given - `dyno run:app`; @exit_code: what heroku run needs -x for is so anyway; @env: files, or variables; @as: "web.1" */
struct run_app_given {
	bool help;
	bool no_tty;
	bool exit_code;
	bool detached;
	const char *app;
	const char *root;
	const char *procfile;
	const char *as;
	const char *size;
	const char *net;
	uint16_t port;
	uint64_t grace_ms;
	struct option_list env;
};

/** struct top_given - `dyno top` */
struct top_given {
	bool help;
	const char *app;
	uint64_t delay_ms;
	uint64_t times;
};

extern const struct option_spec run_app_specs[], run_detached_specs[], top_specs[], start_specs[], live_specs[],
	live_list_specs[], live_stop_specs[], logs_specs[];
/* as verbs.def names them */
#define ps_app_specs live_list_specs
#define ps_scale_specs live_specs
#define ps_type_specs live_specs
#define ps_restart_specs live_specs
#define ps_stop_specs live_specs
#define stop_app_specs live_stop_specs

/* the verbs, each in the file of its name, or in live.c; see struct verb */
int start_main(int argc, char **argv, uint64_t requested_ns);
int ps_app_main(int argc, char **argv, uint64_t requested_ns);
int ps_scale_main(int argc, char **argv, uint64_t requested_ns);
int ps_type_main(int argc, char **argv, uint64_t requested_ns);
int ps_restart_main(int argc, char **argv, uint64_t requested_ns);
int ps_stop_main(int argc, char **argv, uint64_t requested_ns);
int run_detached_main(int argc, char **argv, uint64_t requested_ns);
int stop_app_main(int argc, char **argv, uint64_t requested_ns);
int run_app_main(int argc, char **argv, uint64_t requested_ns);
int top_main(int argc, char **argv, uint64_t requested_ns);
int logs_main(int argc, char **argv, uint64_t requested_ns);

#endif /* CLI_APP_START_OPTIONS_H */
