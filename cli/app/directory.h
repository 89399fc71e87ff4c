/* SPDX-License-Identifier: Apache-2.0 */
/* directory.h - the directory of an app, as an operand of a verb */
#ifndef CLI_APP_DIRECTORY_H
#define CLI_APP_DIRECTORY_H

#include <stddef.h>

#define APP_NAME_MAX 512

/** struct app_directory - @path as it was given */
struct app_directory {
	const char *path;
	int fd;
};

/**
 * app_directory_open() - open the one operand of a verb, or the current directory
 * @argc, @argv: the operands
 * Return: VERB_CONTINUE, or the exit code to end with after a message
 */
int app_directory_open(int argc, char **argv, struct app_directory *ret);

/** app_directory_name() - what to call @file of @dir in messages, into @buf. Return: @buf */
const char *app_directory_name(const struct app_directory *dir, const char *file, char buf[static APP_NAME_MAX]);

#endif /* CLI_APP_DIRECTORY_H */
