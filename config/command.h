/* SPDX-License-Identifier: Apache-2.0 */
/* command.h - argv as given, or one shell line as Heroku runs it (https://devcenter.heroku.com/articles/dyno-startup-behavior) */
#ifndef CONFIG_COMMAND_H
#define CONFIG_COMMAND_H

#include <stdbool.h>

/** command_is_shell() - @argv is a single word that holds white space or shell syntax */
bool command_is_shell(const char *const *argv);

/**
 * command_shell() - argv that runs @line with the stack's bash after /app/.profile.d/[*].sh and /app/.profile
 * @ret: NULL-terminated vector in one allocation, to be freed with free(3)
 */
int command_shell(const char *line, char ***ret);

#endif /* CONFIG_COMMAND_H */
