/* SPDX-License-Identifier: Apache-2.0 */
/* directory.c - see directory.h */
#include "cli/app/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/message.h"
#include "cli/verb.h"

int app_directory_open(int argc, char **argv, struct app_directory *ret)
{
	const char *path = argc > 0 ? argv[0] : ".";
	int fd;

	if (argc > 1) {
		message_line("dyno: one directory at most, but '%s' was given too", argv[1]);
		return EXIT_USAGE;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		message_line("dyno: cannot open directory %s: %s", path, error_describe(errno));
		return EXIT_USAGE;
	}
	*ret = (struct app_directory){ path, fd };
	return VERB_CONTINUE;
}

const char *app_directory_name(const struct app_directory *dir, const char *file, char buf[static APP_NAME_MAX])
{
	size_t length = strlen(dir->path);
	const char *slash = length > 0 && dir->path[length - 1] == '/' ? "" : "/";

	/* a name that is too long is the file's alone */
	if (strcmp(dir->path, ".") == 0 || text_format(buf, APP_NAME_MAX, "%s%s%s", dir->path, slash, file) < 0)
		(void)text_format(buf, APP_NAME_MAX, "%.255s", file);
	return buf;
}
