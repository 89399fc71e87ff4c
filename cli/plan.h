/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h - `dyno run --dry-run`: the validated request and the steps that would be taken */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include <stdio.h>

#include "cli/run_options.h"

/** plan_print() - print @request and its steps to @out, config vars by name only. Return: 0, or -EIO when @out fails */
int plan_print(FILE *out, const struct run_request *request);

#endif /* CLI_PLAN_H */
