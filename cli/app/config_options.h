/* SPDX-License-Identifier: Apache-2.0 */
/* config_options.h - what the verbs about config vars and releases are told; see options.h */
#ifndef CLI_APP_CONFIG_OPTIONS_H
#define CLI_APP_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"

/** APP_NAME_SPEC() - the row of --app in the table of the verb whose struct is @verb_type and has a field `app` */
#define APP_NAME_SPEC(verb_type)                                                                                       \
	{                                                                                                              \
		.name = "app", .letter = 'a', .type = OPTION_STRING, .metavar = "NAME",                                \
		.offset = offsetof(verb_type, app), .min = 1,                                                          \
		.help = "the app; else DYNO_APP, else the name of the current directory"                               \
	}

struct config_given {
	bool help;
	const char *app;
	bool shell;
	bool json;
};

struct config_set_given {
	bool help;
	const char *app;
	const char *env_file;
	bool from_input;
};

struct config_unset_given {
	bool help;
	const char *app;
};

struct config_edit_given {
	bool help;
	const char *app;
	const char *from;
};

struct releases_given {
	bool help;
	const char *app;
	uint64_t num;
	bool json;
};

struct releases_info_given {
	bool help;
	const char *app;
	bool shell;
	bool json;
};

struct rollback_given {
	bool help;
	const char *app;
};

/** struct settings_given - of `dyno settings`; the other two have no --json */
struct settings_given {
	bool help;
	const char *app;
	bool json;
};

extern const struct option_spec config_specs[], config_get_specs[], config_set_specs[], config_add_specs[],
	config_unset_specs[], config_edit_specs[], releases_specs[], releases_info_specs[], rollback_specs[],
	settings_specs[], settings_set_specs[], settings_unset_specs[];
/* the verbs; see struct verb */
int config_main(int argc, char **argv, uint64_t requested_ns);
int config_get_main(int argc, char **argv, uint64_t requested_ns);
int config_set_main(int argc, char **argv, uint64_t requested_ns);
int config_add_main(int argc, char **argv, uint64_t requested_ns);
int config_unset_main(int argc, char **argv, uint64_t requested_ns);
int config_edit_main(int argc, char **argv, uint64_t requested_ns);
int releases_main(int argc, char **argv, uint64_t requested_ns);
int releases_info_main(int argc, char **argv, uint64_t requested_ns);
int rollback_main(int argc, char **argv, uint64_t requested_ns);
int settings_main(int argc, char **argv, uint64_t requested_ns);
int settings_set_main(int argc, char **argv, uint64_t requested_ns);
int settings_unset_main(int argc, char **argv, uint64_t requested_ns);

#endif /* CLI_APP_CONFIG_OPTIONS_H */
