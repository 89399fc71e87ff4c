/* SPDX-License-Identifier: Apache-2.0 */
/* run_app.h - whether `dyno run` is meant as `dyno run:app` */
#ifndef CLI_RUN_APP_H
#define CLI_RUN_APP_H

#include <stdbool.h>

/**
 * run_is_of_app() - an app is named, so that options and operands are those of run:app, which the second program has
 * By --app before the command; or by the variable DYNO_APP, unless there is an option that only `dyno run` has, or both with
 * different meanings (-s).
 * @argv: from the verb on
 */
bool run_is_of_app(int argc, char *const *argv);

#endif /* CLI_RUN_APP_H */
