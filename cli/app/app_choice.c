/* SPDX-License-Identifier: Apache-2.0 */
/* app_choice.c - see app_choice.h */
#include "cli/app/app_choice.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"

int app_choose(const char *given, const char *directory, char ret[static APP_NAME_LENGTH_MAX + 1],
               struct dyno_error *err)
{
	const char *name = given ? given : getenv("DYNO_APP");
	char here[PATH_MAX];
	int code;

	if (name && (given || name[0])) {
		code = app_name_check(name, err);
		return code < 0 ? code : text_copy(ret, APP_NAME_LENGTH_MAX + 1, name);
	}
	if (!directory && !getcwd(here, sizeof(here)))
		return error_set(err, -errno, "app", "cannot tell the current directory:");
	code = app_name_from_directory(directory ? directory : here, ret, err);
	if (code < 0)
		error_remedy(err, "name the app: --app NAME");
	return code;
}
