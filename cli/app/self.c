/* SPDX-License-Identifier: Apache-2.0 */
/* self.c - see self.h */
#include "cli/app/self.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

int self_dyno(char buf[static PATH_MAX])
{
	static const char *const places[] = { "dyno", "bin/dyno" };
	char own[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", own, sizeof(own) - 1);
	int code = -ENOENT;

	if (length < 0)
		return -errno;
	own[length] = '\0';
	for (int i = 0; i < 3; i++) {
		char *slash = strrchr(own, '/');

		if (!slash)
			return -ENOENT;
		*slash = '\0';
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && code < 0; i++) {
		code = text_format(buf, PATH_MAX, "%s/%s", own, places[i]) < 0 ? -ENAMETOOLONG : 0;
		if (code == 0 && access(buf, X_OK) < 0)
			code = -errno;
	}
	return code;
}
