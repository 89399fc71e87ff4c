/* SPDX-License-Identifier: Apache-2.0 */
/**
 * setting.h - what dyno itself has to know of an app and keep: hosts it may reach, how many dynos of a type, their size
 *
 * Keys are lower-case words joined by '-' and '.': "allow-host", "scale.web", "size.worker". A value is a line of text.
 * Settings are not config vars: no dyno sees them, and a change makes no release. Users of the store hear of it by
 * config_store_watch() all the same.
 */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include "config/store.h"

#define CONFIG_SETTING_KEY_MAX 160 /* "scale." and a process type of 128 letters fit */
#define CONFIG_SETTING_VALUE_MAX 4096

/** config_setting_get() - @ret: to be freed with free(3); NULL when it is not set. Return: 0 or negative errno */
int config_setting_get(struct config_store *store, const char *app, const char *key, char **ret,
                       struct dyno_error *err);

/** config_setting_set() - @value: NULL to unset. Return: 0, -EINVAL when key or value are none, or negative errno */
int config_setting_set(struct config_store *store, const char *app, const char *key, const char *value,
                       struct dyno_error *err);

/**
 * config_setting_set_all() - several at once, all of them or none
 * @pairs: key, value (or NULL), key, value, ... and a NULL instead of a key
 */
int config_setting_set_all(struct config_store *store, const char *app, const char *const *pairs,
                           struct dyno_error *err);

/**
 * config_setting_list() - call @each for the settings of an app whose key begins with @prefix, sorted by key
 * Return: 0, what @each returned if that was not 0, or negative errno
 */
int config_setting_list(struct config_store *store, const char *app, const char *prefix,
                        int (*each)(void *data, const char *key, const char *value), void *data,
                        struct dyno_error *err);

#endif /* CONFIG_SETTING_H */
