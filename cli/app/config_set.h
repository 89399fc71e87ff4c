/* SPDX-License-Identifier: Apache-2.0 */
/* config_set.h - storing a change of config vars, and saying so as the `heroku` command does */
#ifndef CLI_APP_CONFIG_SET_H
#define CLI_APP_CONFIG_SET_H

#include "cli/app/app.h"

/**
 * config_store_change() - store @change, without its author, which is the caller
 * @doing: "Setting A, B", without values
 * Return: EXIT_OK, or the exit code to end with after a message
 */
int config_store_change(const struct app *app, struct config_change change, const char *doing);

/** config_say_done() - "DOING and restarting APP... done, v12" on standard error; @changed: 1 when there is a new release */
void config_say_done(const struct app *app, const char *doing, unsigned number, int changed);

#endif /* CLI_APP_CONFIG_SET_H */
