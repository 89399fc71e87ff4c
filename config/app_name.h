/* SPDX-License-Identifier: Apache-2.0 */
/**
 * app_name.h - names of apps: they become parts of host names and paths
 *
 * As Heroku's: 1 to 30 lower-case letters, digits and dashes, a letter first, no dash last.
 */
#ifndef CONFIG_APP_NAME_H
#define CONFIG_APP_NAME_H

#include <stddef.h>

#include "dyno.h"

#define APP_NAME_LENGTH_MAX 30

/** app_name_check() - @name can be an app's. Return: 0 or -EINVAL with the rule in @err */
int app_name_check(const char *name, struct dyno_error *err);

/**
 * app_name_from_directory() - the name of the app in directory @path: the last part of it in lower case, what no name
 * can hold as dashes, cut to its length: /srv/My_App is my-app
 * Return: 0, or -EINVAL when nothing is left that could be a name
 */
int app_name_from_directory(const char *path, char ret[static APP_NAME_LENGTH_MAX + 1], struct dyno_error *err);

#endif /* CONFIG_APP_NAME_H */
