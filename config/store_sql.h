/* SPDX-License-Identifier: Apache-2.0 */
/**
 * store_sql.h - SQL on the store, for store.c, release.c and setting.c alone
 *
 * Values are always bound, never written into a statement: a message of SQLite can hold a statement, and none of ours
 * ever holds a value.
 */
#ifndef CONFIG_STORE_SQL_H
#define CONFIG_STORE_SQL_H

#include <sqlite3.h>
#include <stdint.h>

#include "config/store.h"

/**
 * struct config_store - see store.h
 * @path:  of the database
 * @watch: inotify descriptor, -1 while nobody asked for one
 * @seen:  PRAGMA data_version when it was last looked at
 */
struct config_store {
	sqlite3 *db;
	char *path;
	int watch;
	int64_t seen;
};

/** struct sql_value - what is bound to a ?: text, or a number when @text is NULL, or NULL */
struct sql_value {
	const char *text;
	int64_t number;
	bool null;
};

/** sql_text() - bind a text; NULL is NULL */
static inline struct sql_value sql_text(const char *text)
{
	return (struct sql_value){ .text = text, .null = !text };
}

/** sql_number() - bind a number */
static inline struct sql_value sql_number(int64_t number)
{
	return (struct sql_value){ .number = number };
}

#define _cleanup_stmt_ __attribute__((cleanup(sql_finish)))

/** sql_finish() - end a statement; NULL is fine */
void sql_finish(sqlite3_stmt **stmt);

/** sql_failed() - translate @code of SQLite into an errno and a sentence. Return: negative errno */
int sql_failed(const struct config_store *store, int code, struct dyno_error *err);

/** sql_prepare() - compile @sql and bind its @count values, which must live as long as the statement. Return: 0 or negative errno */
int sql_prepare(struct config_store *store, const char *sql, const struct sql_value *values, size_t count,
                sqlite3_stmt **ret, struct dyno_error *err);

/** sql_step() - go on to the next row. Return: 1, 0 when there is none, or negative errno */
int sql_step(struct config_store *store, sqlite3_stmt *stmt, struct dyno_error *err);

/** sql_column() - text of a column of the row; "" for NULL. Valid until the next step */
const char *sql_column(sqlite3_stmt *stmt, int column);

/** sql_run() - execute one statement to its end. Return: 0 or negative errno */
int sql_run(struct config_store *store, const char *sql, const struct sql_value *values, size_t count,
            struct dyno_error *err);

/** sql_get_number() - the first column of the first row, @otherwise if there is none. Return: 0 or negative errno */
int sql_get_number(struct config_store *store, const char *sql, const struct sql_value *values, size_t count,
                   int64_t otherwise, int64_t *ret, struct dyno_error *err);

/** sql_begin() - begin a change: nobody else changes the store until sql_end(). Return: 0 or negative errno */
int sql_begin(struct config_store *store, struct dyno_error *err);

/**
 * sql_end() - keep the change, if @code is not negative, and tell those who watch; else undo it
 * Return: @code, or negative errno when it could not be kept
 */
int sql_end(struct config_store *store, int code, struct dyno_error *err);

/** store_app() - the row of an app, made if there is none. Should: be called in a change. Return: 0 or negative errno */
int store_app(struct config_store *store, const char *app, int64_t *ret_id, struct dyno_error *err);

#endif /* CONFIG_STORE_SQL_H */
