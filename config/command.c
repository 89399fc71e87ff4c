/* SPDX-License-Identifier: Apache-2.0 */
/* command.c - see command.h */
#include "config/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What bash would not take as a plain word: white space, operators, quotes, expansions, patterns, comments. */
#define SHELL_SYNTAX " \t\r\n\v\f|&;<>()$`\\\"'*?[]#~{}!"

/*
 * The line comes last and on lines of its own: bash reads -c text command by command, so that a syntax error in the
 * line shows only after the profiles ran; a comment at its end swallows nothing; and bash executes the last simple
 * command without a fork, so that signals reach the app and not a shell in between. `if` rather than `&&`, for the line
 * to find $? at 0. The scripts are sourced at the outermost level, not in a function: `declare` must reach the app.
 */
#define PROFILES                                                                                                       \
	"for profile in /app/.profile.d/*.sh; do"                                                                      \
	" if [ -r \"$profile\" ]; then . \"$profile\"; fi;"                                                            \
	" done; unset profile\n"                                                                                       \
	"if [ -r /app/.profile ]; then . /app/.profile; fi\n"

bool command_is_shell(const char *const *argv)
{
	return argv[0] && !argv[1] && strpbrk(argv[0], SHELL_SYNTAX);
}

int command_shell(const char *line, char ***ret)
{
	static const char shell[] = "/bin/bash", option[] = "-c", profiles[] = PROFILES;
	size_t length = strlen(line);
	char **argv = malloc(4 * sizeof(*argv) + sizeof(shell) + sizeof(option) + sizeof(profiles) + length);
	char *text;

	if (!argv)
		return -ENOMEM;
	text = (char *)(argv + 4);
	argv[0] = memcpy(text, shell, sizeof(shell));
	text += sizeof(shell);
	argv[1] = memcpy(text, option, sizeof(option));
	text += sizeof(option);
	argv[2] = text;
	argv[3] = NULL;
	memcpy(text, profiles, sizeof(profiles) - 1);
	memcpy(text + sizeof(profiles) - 1, line, length + 1);
	*ret = argv;
	return 0;
}
