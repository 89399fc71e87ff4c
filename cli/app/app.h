/* SPDX-License-Identifier: Apache-2.0 */
/* app.h - which app a verb is about, and what is kept of it */
#ifndef CLI_APP_APP_H
#define CLI_APP_APP_H

#include <stdbool.h>

#include "config/app_name.h"
#include "config/release.h"
#include "config/store.h"

#define APP_AUTHOR_MAX 64

/**
 * struct app - an app and its store
 * @store: NULL when there is none: the app then has neither releases nor settings
 */
struct app {
	char name[APP_NAME_LENGTH_MAX + 1];
	struct config_store *store;
};

/**
 * app_open() - the app, see app_choice.h, and its store
 * @given: by --app; NULL for none
 * @create: make a store if there is none
 * Return: VERB_CONTINUE, or the exit code to end with after a message
 */
int app_open(const char *given, bool create, struct app *ret);

/** app_close() - one that was never opened is fine */
void app_close(struct app *app);

/** app_release() - release @number of @app, or the current one when @number is 0. Return: 0 or negative errno after a message */
int app_release(const struct app *app, unsigned number, struct config_release *ret);

/** app_release_number() - "v12" or "12", as a word of the user's. Return: the number, 0 after a message */
unsigned app_release_number(const char *word);

/** app_author() - who makes a release: the caller's login name, or the one that sudo(8) tells. Return: @buf */
const char *app_author(char buf[static APP_AUTHOR_MAX]);

#endif /* CLI_APP_APP_H */
