/* SPDX-License-Identifier: Apache-2.0 */
/* elsewhere.c - see elsewhere.h */
#include "cli/elsewhere.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/message.h"

#define PROGRAM "libexec/dyno/dyno-app"

/** own_directory() - where this program's file is, without a slash at the end. Return: 0 or negative errno */
static int own_directory(char *buf, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", buf, size);
	char *slash;

	if (length < 0)
		return -errno;
	if ((size_t)length >= size)
		return -ENAMETOOLONG;
	buf[length] = '\0';
	slash = strrchr(buf, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	return 0;
}

/** become() - execute @directory/@below with @argv. Return: negative errno */
static int become(const char *directory, const char *below, char **argv)
{
	char path[PATH_MAX];
	int code = text_format(path, sizeof(path), "%s/%s", directory, below);

	if (code < 0)
		return code;
	(void)execv(path, argv);
	return -errno;
}

/** execute() - execute the second program, which is below @directory or beside it, with @argv. Return: negative errno */
static int execute(const char *directory, int argc, char **argv)
{
	static char program[] = "dyno-app";
	_cleanup_free_ char **words = calloc((size_t)argc + 2, sizeof(*words));
	int code;

	if (!words)
		return -ENOMEM;
	words[0] = program;
	memcpy(words + 1, argv, (size_t)argc * sizeof(*words));
	code = become(directory, PROGRAM, words);
	return code == -ENOENT || code == -ENOTDIR ? become(directory, "../" PROGRAM, words) : code;
}

int elsewhere_main(int argc, char **argv, uint64_t requested_ns)
{
	char directory[PATH_MAX];
	int code = own_directory(directory, sizeof(directory));

	(void)requested_ns;
	if (code < 0) {
		message_line("dyno: cannot tell where this program is: %s (/proc must be mounted)",
		             error_describe(code));
		return EXIT_DYNO_FAILED;
	}
	code = execute(directory, argc, argv);
	message_line("dyno: %s is a verb of the program dyno-app, which cannot be executed: %s (looked for %s/" PROGRAM
	             " and %s/../" PROGRAM "; make install puts it there)",
	             argv[0], error_describe(code), directory, directory);
	return EXIT_DYNO_FAILED;
}
