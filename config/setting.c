/* SPDX-License-Identifier: Apache-2.0 */
/* setting.c - see setting.h */
#include "config/setting.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "config/store_sql.h"

#define SELECT_SETTING "SELECT s.key, s.value FROM settings AS s JOIN apps AS a ON a.id = s.app WHERE a.name = ?1 AND "

int config_setting_get(struct config_store *store, const char *app, const char *key, char **ret, struct dyno_error *err)
{
	const struct sql_value values[] = { sql_text(app), sql_text(key) };
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	char *value = NULL;
	int code = sql_prepare(store, SELECT_SETTING "s.key = ?2", values, 2, &stmt, err);

	if (code == 0)
		code = sql_step(store, stmt, err);
	if (code < 0)
		return code;
	if (code > 0) {
		value = strdup(sql_column(stmt, 1));
		if (!value)
			return error_set(err, -ENOMEM, "config", "cannot read setting %s:", key);
	}
	*ret = value;
	return 0;
}

/** check() - @key and @value can be a setting's. Return: 0 or -EINVAL */
static int check(const char *key, const char *value, struct dyno_error *err)
{
	size_t length = strlen(key);

	/* process types have letters of both cases and underscores */
	if (length == 0 || length > CONFIG_SETTING_KEY_MAX ||
	    strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") != length)
		return error_set(err, -EINVAL, "config", "'%.64s' cannot be the name of a setting", key);
	if (value && (strlen(value) > CONFIG_SETTING_VALUE_MAX || strchr(value, '\n') || !text_is_utf8(value)))
		return error_set(err, -EINVAL, "config", "setting %.64s takes one line of at most %d bytes", key,
		                 CONFIG_SETTING_VALUE_MAX);
	return 0;
}

/** write_setting() - one setting of the app in row @id. Should: be called in a change */
static int write_setting(struct config_store *store, int64_t id, const char *key, const char *value,
                         struct dyno_error *err)
{
	const struct sql_value values[] = { sql_number(id), sql_text(key), sql_text(value) };
	int code = check(key, value, err);

	if (code < 0)
		return code;
	if (!value)
		return sql_run(store, "DELETE FROM settings WHERE app = ?1 AND key = ?2", values, 2, err);
	return sql_run(store,
	               "INSERT INTO settings (app, key, value) VALUES (?1, ?2, ?3) "
	               "ON CONFLICT DO UPDATE SET value = excluded.value",
	               values, 3, err);
}

int config_setting_set_all(struct config_store *store, const char *app, const char *const *pairs,
                           struct dyno_error *err)
{
	int64_t id = 0;
	int code = sql_begin(store, err);

	if (code < 0)
		return code;
	code = store_app(store, app, &id, err);
	for (; *pairs && code == 0; pairs += 2)
		code = write_setting(store, id, pairs[0], pairs[1], err);
	return sql_end(store, code, err);
}

int config_setting_set(struct config_store *store, const char *app, const char *key, const char *value,
                       struct dyno_error *err)
{
	const char *const pairs[] = { key, value, NULL };

	return config_setting_set_all(store, app, pairs, err);
}

int config_setting_list(struct config_store *store, const char *app, const char *prefix,
                        int (*each)(void *data, const char *key, const char *value), void *data, struct dyno_error *err)
{
	const struct sql_value values[] = { sql_text(app), sql_text(prefix) };
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int code = sql_prepare(store, SELECT_SETTING "substr(s.key, 1, length(?2)) = ?2 ORDER BY s.key", values, 2,
	                       &stmt, err);

	while (code == 0) {
		code = sql_step(store, stmt, err);
		if (code <= 0)
			break;
		code = each(data, sql_column(stmt, 0), sql_column(stmt, 1));
	}
	return code;
}
