/* SPDX-License-Identifier: Apache-2.0 */
/**
 * app_json.h - what an app.json says about config vars and the formation (https://devcenter.heroku.com/articles/app-json-schema)
 *
 * - `env` is an object of config vars. Each is its value as a string, or an object with `value` (a string), `required`
 *   (true or false; true is the default) and `generator` (only "secret"). The value is a default: an app's own wins.
 * - `formation` is an object of process types. Each is an object with `quantity` (0 to APP_JSON_QUANTITY_MAX; 1 is the
 *   default) and `size` (the name of a dyno size).
 * - All else is for platforms that build and buy (add-ons, buildpacks, scripts, environments), and not looked at.
 *
 * The JSON is RFC 8259's, read by Jansson: of the two libraries that Debian has it is the one that tells line and column of
 * a mistake, refuses text after the value and keys that stand there twice, checks UTF-8, and bounds the
 * depth (cJSON takes the last of two keys, ignores what follows, and has one error pointer for all).
 */
#ifndef CONFIG_APP_JSON_H
#define CONFIG_APP_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "config/mistakes.h"
#include "config/sizes_file.h"

#define APP_JSON_SIZE_MAX (1U << 20)
#define APP_JSON_QUANTITY_MAX 1000
#define APP_JSON_MEMBERS_MAX 1024 /* config vars, process types */

/**
 * struct app_json_var - one config var
 * @value:     NULL when there is no default
 * @required:  the app does not start without
 * @generated: to be made up when the app has none
 */
struct app_json_var {
	char *key;
	char *value;
	bool required;
	bool generated;
	unsigned long line;
};

/** struct app_json_type - how many dynos of a process type, and of which size; one without a name is any */
struct app_json_type {
	char *type;
	unsigned quantity;
	struct size size;
	unsigned long line;
};

/** struct app_json - in the order of the file; owned */
struct app_json {
	struct app_json_var *vars;
	size_t var_count;
	struct app_json_type *types;
	size_t type_count;
};

/**
 * app_json_parse() - read the text of an app.json
 * @text, @size: needs no terminator
 * @own: sizes that there are besides Heroku's; may be NULL
 * Return: 0, -EINVAL (see @m; no value of a config var is repeated), or -ENOMEM
 */
int app_json_parse(const char *text, size_t size, const struct sizes *own, struct mistakes *m, struct app_json *ret);

/** app_json_done() - free what it owns; one that is all zero is fine */
void app_json_done(struct app_json *app);

#endif /* CONFIG_APP_JSON_H */
