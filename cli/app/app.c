/* SPDX-License-Identifier: Apache-2.0 */
/* app.c - see app.h */
#include "cli/app/app.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/app/app_choice.h"
#include "cli/message.h"
#include "cli/verb.h"

int app_open(const char *given, bool create, struct app *ret)
{
	struct app app = { .store = NULL };
	struct dyno_error err = { 0 };
	int code = app_choose(given, NULL, app.name, &err);

	if (code < 0)
		return message_usage(&err);
	code = config_store_open(NULL, create, &app.store, &err);
	if (code < 0 && (create || code != -ENOENT))
		return message_error(NULL, &err);
	*ret = app;
	return VERB_CONTINUE;
}

void app_close(struct app *app)
{
	config_store_close(app->store);
	app->store = NULL;
}

int app_release(const struct app *app, unsigned number, struct config_release *ret)
{
	struct dyno_error err = { 0 };
	int code = 0;

	if (!app->store && number > 0)
		code = error_set(&err, -ENOENT, "config", "app %s has no release v%u", app->name, number);
	else if (!app->store)
		*ret = (struct config_release){ 0 };
	else if (number > 0)
		code = config_release_get(app->store, app->name, number, ret, &err);
	else
		code = config_release_current(app->store, app->name, ret, &err);
	if (code < 0)
		(void)message_error(NULL, &err);
	return code;
}

unsigned app_release_number(const char *word)
{
	uint64_t number = 0;

	if (units_number(word + (word[0] == 'v' || word[0] == 'V'), 1, INT_MAX, &number) < 0)
		message_line("dyno: '%.40s' is no release; give its number, as in v12", word);
	return (unsigned)number;
}

const char *app_author(char buf[static APP_AUTHOR_MAX])
{
	/* only root can have it set by sudo, and to anybody else it would be a name to borrow */
	const char *sudo = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *user = sudo && sudo[0] ? NULL : getpwuid(getuid());
	const char *name = sudo && sudo[0] ? sudo : user ? user->pw_name : NULL;

	if (!name || !text_is_utf8(name) || text_copy(buf, APP_AUTHOR_MAX, name) < 0)
		(void)text_format(buf, APP_AUTHOR_MAX, "uid %u", getuid());
	return buf;
}
