/* SPDX-License-Identifier: Apache-2.0 */
/* store_sql.c - see store_sql.h */
#include "config/store_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

void sql_finish(sqlite3_stmt **stmt)
{
	(void)sqlite3_finalize(*stmt);
	*stmt = NULL;
}

/** system_error() - the errno of the system call that failed, or @otherwise when SQLite does not know */
static int system_error(const struct config_store *store, int otherwise)
{
	int number = store->db ? sqlite3_system_errno(store->db) : 0;

	return number > 0 ? -number : otherwise;
}

/** cannot_open() - why: SQLite tries to open for reading only as well, and knows the errno of that */
static int cannot_open(const struct config_store *store)
{
	return euidaccess(store->path, R_OK | W_OK) < 0 ? -errno : system_error(store, -EACCES);
}

int sql_failed(const struct config_store *store, int code, struct dyno_error *err)
{
	const char *path = store->path;

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		error_set(err, -EBUSY, "config store", "the config store %.120s is in use", path);
		error_remedy(err, "another program holds it; try again");
		return -EBUSY;
	case SQLITE_READONLY:
		return error_set(err, -EROFS, "config store", "cannot change the config store %.120s:", path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		error_set(err, -EBADMSG, "config store", "the config store %.120s is damaged", path);
		error_remedy(err, "restore a copy, or rescue what is left: sqlite3 apps.db .recover");
		return -EBADMSG;
	case SQLITE_FULL:
		return error_set(err, -ENOSPC, "config store", "cannot change the config store %.120s:", path);
	case SQLITE_NOMEM: return error_set(err, -ENOMEM, "config store", "cannot use the config store %.120s:", path);
	case SQLITE_CANTOPEN:
		return error_set(err, cannot_open(store), "config store", "cannot open the config store %.120s:", path);
	case SQLITE_IOERR:
		return error_set(err, system_error(store, -EIO), "config store",
		                 "cannot use the config store %.120s:", path);
	default:
		return error_set(err, -EIO, "config store", "cannot use the config store %.120s: %s", path,
		                 sqlite3_errstr(code));
	}
}

/** bind() - bind one value at @place, from 1 */
static int bind(sqlite3_stmt *stmt, int place, const struct sql_value *value)
{
	if (value->null)
		return sqlite3_bind_null(stmt, place);
	if (value->text)
		return sqlite3_bind_text(stmt, place, value->text, -1, SQLITE_STATIC);
	return sqlite3_bind_int64(stmt, place, value->number);
}

int sql_prepare(struct config_store *store, const char *sql, const struct sql_value *values, size_t count,
                sqlite3_stmt **ret, struct dyno_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL);

	for (size_t i = 0; i < count && code == SQLITE_OK; i++)
		code = bind(stmt, (int)i + 1, &values[i]);
	if (code != SQLITE_OK)
		return sql_failed(store, code, err);
	*ret = stmt;
	stmt = NULL;
	return 0;
}

int sql_step(struct config_store *store, sqlite3_stmt *stmt, struct dyno_error *err)
{
	int code = sqlite3_step(stmt);

	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return code == SQLITE_ROW;
	return sql_failed(store, code, err);
}

const char *sql_column(sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	return text ? (const char *)text : "";
}

int sql_run(struct config_store *store, const char *sql, const struct sql_value *values, size_t count,
            struct dyno_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int code = sql_prepare(store, sql, values, count, &stmt, err);

	if (code < 0)
		return code;
	do
		code = sql_step(store, stmt, err);
	while (code > 0);
	return code;
}

int sql_get_number(struct config_store *store, const char *sql, const struct sql_value *values, size_t count,
                   int64_t otherwise, int64_t *ret, struct dyno_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int code = sql_prepare(store, sql, values, count, &stmt, err);

	if (code == 0)
		code = sql_step(store, stmt, err);
	if (code < 0)
		return code;
	*ret = code > 0 ? sqlite3_column_int64(stmt, 0) : otherwise;
	return 0;
}

int sql_begin(struct config_store *store, struct dyno_error *err)
{
	return sql_run(store, "BEGIN IMMEDIATE", NULL, 0, err);
}

int sql_end(struct config_store *store, int code, struct dyno_error *err)
{
	int kept = code < 0 ? code : sql_run(store, "COMMIT", NULL, 0, err);

	if (kept < 0) {
		/* SQLite may have rolled back already (a full disk); then this fails, and nothing is lost */
		(void)sql_run(store, "ROLLBACK", NULL, 0, NULL);
		return kept;
	}
	/*
	 * Who watches the file hears of it: the end of this store would be noticed, but it may be far away. By path, since
	 * closing any descriptor of the database would drop the locks that SQLite has on it (fcntl(2), F_SETLK).
	 */
	(void)utimensat(AT_FDCWD, store->path, NULL, 0);
	return code;
}

int store_app(struct config_store *store, const char *app, int64_t *ret_id, struct dyno_error *err)
{
	const struct sql_value values[] = { sql_text(app) };
	int code = sql_run(store, "INSERT INTO apps (name) VALUES (?) ON CONFLICT DO NOTHING", values, 1, err);

	if (code == 0)
		code = sql_get_number(store, "SELECT id FROM apps WHERE name = ?", values, 1, 0, ret_id, err);
	return code;
}
