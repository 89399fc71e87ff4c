/* SPDX-License-Identifier: Apache-2.0 */
/* group.c - see group.h */
#include "cli/group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/units.h"

#define GID_LAST 0xfffffffeU /* (gid_t)-1 means "no group" to the kernel, chown(2) */

/** line_gid() - the number in @line of group(5), NAME:PASSWORD:GID:MEMBERS, if it is that of @name */
static int line_gid(char *line, const char *name, uint64_t *ret)
{
	const char *field = strsep(&line, ":");

	if (!line || strcmp(field, name) != 0)
		return -ENOENT;
	(void)strsep(&line, ":");
	field = strsep(&line, ":");
	return field ? units_number(field, 0, GID_LAST, ret) : -EINVAL;
}

int group_find(const char *file, const char *text, gid_t *ret, struct dyno_error *err)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	uint64_t gid = 0;
	int code = units_number(text, 0, GID_LAST, &gid);
	FILE *in;

	if (code == 0) {
		*ret = (gid_t)gid;
		return 0;
	}
	in = fopen(file, "re");
	if (!in)
		return error_set(err, -errno, "group", "cannot read %s:", file);
	while (code < 0 && getline(&line, &size, in) >= 0)
		code = line_gid(line, text, &gid);
	(void)fclose(in);
	if (code < 0) {
		error_set(err, -EINVAL, "group", "there is no group '%.32s' in %s", text, file);
		error_remedy(err, "give its number if another service knows it");
		return -EINVAL;
	}
	*ret = (gid_t)gid;
	return 0;
}
