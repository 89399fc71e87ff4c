/* SPDX-License-Identifier: Apache-2.0 */
/* vars_print.h - config vars and times on standard output, as the `heroku` command prints them */
#ifndef CLI_APP_VARS_PRINT_H
#define CLI_APP_VARS_PRINT_H

#include <stddef.h>
#include <stdint.h>

#include "config/environment.h"

#define WHEN_MAX 64

/** vars_print_list() - "KEY:   value" lines with the values in one column; control characters as ? but for newline and tab */
void vars_print_list(const struct environment *vars);

/** vars_print_shell() - "KEY=value" lines for shells */
void vars_print_shell(const struct environment *vars);

/** vars_print_json() - an object */
void vars_print_json(const struct environment *vars);

/** vars_print_plain() - @text without what would steer a terminal */
void vars_print_plain(const char *text);

/** when_format() - "2013/11/05 21:52:29 +0000 (~ 20m ago)" in the caller's time zone. @us, @now_us: since 1970 */
const char *when_format(int64_t us, int64_t now_us, char buf[static WHEN_MAX]);

/** when_format_iso() - "2013-11-05T21:52:29Z" */
const char *when_format_iso(int64_t us, char buf[static WHEN_MAX]);

/** when_now() - now, in microseconds since 1970 */
int64_t when_now(void);

#endif /* CLI_APP_VARS_PRINT_H */
