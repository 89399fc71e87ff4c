/* SPDX-License-Identifier: Apache-2.0 */
/* app_name.c - see app_name.h */
#include "config/app_name.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

static const char rule[] =
	"a name is 1 to 30 lower-case letters, digits and dashes, with a letter first and no dash last";

/** is_letter() - a to z, whatever the locale */
static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

/** is_alphanumeric() - a to z, 0 to 9 */
static bool is_alphanumeric(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

/** valid() - the rule */
static bool valid(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length > APP_NAME_LENGTH_MAX || !is_letter(name[0]) || name[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_alphanumeric(name[i]) && name[i] != '-')
			return false;
	return true;
}

int app_name_check(const char *name, struct dyno_error *err)
{
	if (valid(name))
		return 0;
	error_set(err, -EINVAL, "app", "'%.40s' cannot be the name of an app", name);
	error_remedy(err, "%s", rule);
	return -EINVAL;
}

/** fold() - one character of a directory's name as one of an app's */
static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return is_alphanumeric(c) ? c : '-';
}

int app_name_from_directory(const char *path, char ret[static APP_NAME_LENGTH_MAX + 1], struct dyno_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	char name[APP_NAME_LENGTH_MAX + 1];
	size_t length = 0;

	/* dashes in front, as of ".dotfiles", and one after another, as of "a - b", say nothing */
	for (const char *at = last; *at && length < APP_NAME_LENGTH_MAX; at++)
		if (fold(*at) != '-' || (length > 0 && name[length - 1] != '-'))
			name[length++] = fold(*at);
	while (length > 0 && name[length - 1] == '-')
		length--;
	name[length] = '\0';
	if (!valid(name)) {
		error_set(err, -EINVAL, "app", "the directory's name '%.40s' cannot be an app's", last);
		error_remedy(err, "give one with --app NAME or DYNO_APP: %s", rule);
		return -EINVAL;
	}
	memcpy(ret, name, length + 1);
	return 0;
}
