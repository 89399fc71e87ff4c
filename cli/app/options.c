/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - see options.h */
#include "cli/app/options.h"

#include "cli/verb.h"

const struct option_spec check_specs[] = { VERB_HELP_SPEC, { 0 } };

const struct option_spec detect_specs[] = {
	{ .name = "json",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct detect_given, json),
	  .help = "print an object" },
	VERB_HELP_SPEC,
	{ 0 },
};
