/* SPDX-License-Identifier: Apache-2.0 */
/**
 * sizes.h - dyno sizes: eco, basic, standard-1x, ... (https://devcenter.heroku.com/articles/dyno-types), and those of sizes_file.h
 */
#ifndef CONFIG_SIZES_H
#define CONFIG_SIZES_H

#include "dyno.h"

#define SIZE_NAME_MAX 31

/** struct size - a value; one without a name is the default, a standard-1x */
struct size {
	char name[SIZE_NAME_MAX + 1];  /* "standard-1x" */
	char label[SIZE_NAME_MAX + 1]; /* "Standard-1X", as Heroku's ps prints it */
	struct dyno_limits limits;
};

/** sizes_find() - by name, case-insensitively, of those that Heroku has; NULL if there is none */
const struct size *sizes_find(const char *name);
/** sizes_names() - all names that sizes_find() knows, NULL-terminated, for messages and completion */
const char *const *sizes_names(void);

#endif /* CONFIG_SIZES_H */
