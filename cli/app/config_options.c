/* SPDX-License-Identifier: Apache-2.0 */
/* config_options.c - see config_options.h */
#include "cli/app/config_options.h"

#include "cli/verb.h"

/* The letters are those of the `heroku` command. */
#define SHELL_SPEC(verb_type)                                                                                          \
	{                                                                                                              \
		.name = "shell", .letter = 's', .type = OPTION_FLAG, .offset = offsetof(verb_type, shell),             \
		.help = "print KEY=VALUE lines that shells and env files read"                                         \
	}
#define JSON_SPEC(verb_type)                                                                                           \
	{                                                                                                              \
		.name = "json", .letter = 'j', .type = OPTION_FLAG, .offset = offsetof(verb_type, json),               \
		.help = "print JSON"                                                                                   \
	}

const struct option_spec config_specs[] = {
	APP_NAME_SPEC(struct config_given),
	SHELL_SPEC(struct config_given),
	JSON_SPEC(struct config_given),
	VERB_HELP_SPEC,
	{ 0 },
};

const struct option_spec config_get_specs[] = {
	APP_NAME_SPEC(struct config_given),
	SHELL_SPEC(struct config_given),
	JSON_SPEC(struct config_given),
	VERB_HELP_SPEC,
	{ 0 },
};

#define SET_SPECS                                                                                                      \
	APP_NAME_SPEC(struct config_set_given),                                                                        \
		{ .name = "env-file",                                                                                  \
		  .type = OPTION_STRING,                                                                               \
		  .metavar = "FILE",                                                                                   \
		  .offset = offsetof(struct config_set_given, env_file),                                               \
		  .min = 1,                                                                                            \
		  .help = "set what FILE says, one KEY=VALUE a line; - is standard input" },                           \
		{ .name = "stdin",                                                                                     \
		  .type = OPTION_FLAG,                                                                                 \
		  .offset = offsetof(struct config_set_given, from_input),                                             \
		  .help = "the one operand is a KEY, and standard input its value; from a terminal unseen" },          \
		VERB_HELP_SPEC,                                                                                        \
	{                                                                                                              \
		0                                                                                                      \
	}

const struct option_spec config_set_specs[] = { SET_SPECS };
const struct option_spec config_add_specs[] = { SET_SPECS };

const struct option_spec config_unset_specs[] = {
	APP_NAME_SPEC(struct config_unset_given),
	VERB_HELP_SPEC,
	{ 0 },
};

const struct option_spec config_edit_specs[] = {
	APP_NAME_SPEC(struct config_edit_given),
	{ .name = "from",
	  .type = OPTION_STRING,
	  .metavar = "FILE",
	  .offset = offsetof(struct config_edit_given, from),
	  .min = 1,
	  .help = "begin with the text of FILE, as kept after a mistake" },
	VERB_HELP_SPEC,
	{ 0 },
};

const struct option_spec releases_specs[] = {
	APP_NAME_SPEC(struct releases_given),
	{ .name = "num",
	  .letter = 'n',
	  .type = OPTION_NUMBER,
	  .metavar = "N",
	  .offset = offsetof(struct releases_given, num),
	  .min = 1,
	  .max = 1000000,
	  .help = "how many to show, 15 by default" },
	JSON_SPEC(struct releases_given),
	VERB_HELP_SPEC,
	{ 0 },
};

const struct option_spec releases_info_specs[] = {
	APP_NAME_SPEC(struct releases_info_given),
	SHELL_SPEC(struct releases_info_given),
	JSON_SPEC(struct releases_info_given),
	VERB_HELP_SPEC,
	{ 0 },
};

const struct option_spec rollback_specs[] = {
	APP_NAME_SPEC(struct rollback_given),
	VERB_HELP_SPEC,
	{ 0 },
};

const struct option_spec settings_specs[] = {
	APP_NAME_SPEC(struct settings_given),
	JSON_SPEC(struct settings_given),
	VERB_HELP_SPEC,
	{ 0 },
};

const struct option_spec settings_set_specs[] = {
	APP_NAME_SPEC(struct settings_given),
	VERB_HELP_SPEC,
	{ 0 },
};

const struct option_spec settings_unset_specs[] = {
	APP_NAME_SPEC(struct settings_given),
	VERB_HELP_SPEC,
	{ 0 },
};
