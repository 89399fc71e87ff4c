/* SPDX-License-Identifier: Apache-2.0 */
/* app_choice.h - which app a verb is about: --app, else $DYNO_APP, else the name of the directory */
#ifndef CLI_APP_APP_CHOICE_H
#define CLI_APP_APP_CHOICE_H

#include "config/app_name.h"

/**
 * app_choose() - the app's name
 * @given: of --app, NULL without
 * @directory: absolute path; NULL for the current one
 * Return: 0 or -EINVAL
 */
int app_choose(const char *given, const char *directory, char ret[static APP_NAME_LENGTH_MAX + 1],
               struct dyno_error *err);

#endif /* CLI_APP_APP_CHOICE_H */
