/* SPDX-License-Identifier: Apache-2.0 */
/* sizes.h - dyno sizes: eco, basic, standard-1x, ... (https://devcenter.heroku.com/articles/dyno-types) */
#ifndef CONFIG_SIZES_H
#define CONFIG_SIZES_H

#include "dyno.h"

struct size {
	const char *name;  /* "standard-1x" */
	const char *label; /* "Standard-1X", as Heroku's ps prints it */
	struct dyno_limits limits;
};

/** sizes_find() - by name, case-insensitively; NULL if there is none */
const struct size *sizes_find(const char *name);
/** sizes_names() - all names, NULL-terminated, for messages and completion */
const char *const *sizes_names(void);

#endif /* CONFIG_SIZES_H */
