/* SPDX-License-Identifier: Apache-2.0 */
/* self.h - where the program `dyno` is, for the second program */
#ifndef CLI_APP_SELF_H
#define CLI_APP_SELF_H

#include <limits.h>

/** self_dyno() - `dyno`, which is two directories up from this program, or in bin/ there. Return: 0 or negative errno */
int self_dyno(char buf[static PATH_MAX]);

#endif /* CLI_APP_SELF_H */
