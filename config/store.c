/* SPDX-License-Identifier: Apache-2.0 */
/**
 * store.c - see store.h
 *
 * Opening: find the directory and look at who may do what with it; make the file, 0600 from its first moment; look at it
 * without opening it; let SQLite open it; bring the schema up to date, one process at a time. A kill anywhere in
 * between leaves what the next one goes on with: an empty file is a database without a schema, and each step of the schema is
 * one transaction.
 */
#include "config/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "config/store_sql.h"

#define FILE_NAME "apps.db"
/* "dyno", in the header of the file: what is no store of ours is not touched. */
#define APPLICATION_ID 0x64796e6f
/* How long to wait for another user of the store; each is done within milliseconds. */
#define BUSY_MS 5000
/* How long, and how often, a store is tried again that another process recovers */
#define RECOVERY_MS 1000
#define PAUSE_MS 25

/*
 * The schema, as the changes that lead to it: version N is what the first N make. Never change one that was released.
 *
 * A config var holds from release `since` until before `until`; NULL: still. So a release costs what it changed, and the past
 * of an app is never written again.
 */
static const char *const migrations[] = {
	"CREATE TABLE apps (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
	"CREATE TABLE releases (app INTEGER NOT NULL REFERENCES apps ON DELETE CASCADE,"
	"  number INTEGER NOT NULL CHECK (number > 0), created_us INTEGER NOT NULL, author TEXT NOT NULL,"
	"  description TEXT NOT NULL, PRIMARY KEY (app, number)) WITHOUT ROWID;"
	"CREATE TABLE vars (app INTEGER NOT NULL, key TEXT NOT NULL, since INTEGER NOT NULL,"
	"  until INTEGER CHECK (until > since), value TEXT NOT NULL,"
	"  FOREIGN KEY (app, since) REFERENCES releases ON DELETE CASCADE, UNIQUE (app, key, since));"
	"CREATE UNIQUE INDEX vars_current ON vars (app, key) WHERE until IS NULL;"
	"CREATE TABLE settings (app INTEGER NOT NULL REFERENCES apps ON DELETE CASCADE, key TEXT NOT NULL,"
	"  value TEXT NOT NULL, PRIMARY KEY (app, key)) WITHOUT ROWID;",
};

#define SCHEMA_VERSION ((int64_t)(sizeof(migrations) / sizeof(migrations[0])))

/** absolute() - the value of variable @name if it is an absolute path. Return: NULL when it is not set */
static const char *absolute(const char *name, bool *ret_wrong)
{
	const char *value = getenv(name);

	*ret_wrong = value && value[0] && value[0] != '/';
	return value && value[0] == '/' ? value : NULL;
}

int config_store_directory(char *buf, size_t size, struct dyno_error *err)
{
	bool wrong = false, ignored = false;
	const char *own = absolute("DYNO_DATA_DIR", &wrong);
	/* the specification of base directories wants what is no absolute path to be ignored */
	const char *data = absolute("XDG_DATA_HOME", &ignored), *home = absolute("HOME", &ignored);
	int code;

	if (wrong)
		return error_set(err, -EINVAL, "config store", "DYNO_DATA_DIR is no absolute path");
	if (own)
		code = text_copy(buf, size, own);
	else if (geteuid() == 0)
		code = text_copy(buf, size, "/var/lib/dyno");
	else if (data)
		code = text_format(buf, size, "%s/dyno", data);
	else if (home)
		code = text_format(buf, size, "%s/.local/share/dyno", home);
	else
		return error_set(err, -EINVAL, "config store",
		                 "cannot tell where config vars are kept: HOME is not set");
	if (code < 0)
		return error_set(err, code, "config store", "cannot tell where config vars are kept:");
	return 0;
}

/** make_directory() - @path and what it is in, for nobody else. Return: 0 or negative errno */
static int make_directory(const char *path, struct dyno_error *err)
{
	char part[PATH_MAX];
	int code = text_copy(part, sizeof(part), path);

	for (char *at = part + 1; code == 0; at++) {
		char c = *at;

		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			code = -errno;
		*at = c;
		if (c == '\0')
			break;
	}
	return code < 0 ? error_set(err, code, "config store", "cannot make directory %.160s for config vars:", path)
	                : 0;
}

/** judge() - @st, called @path, is the caller's, and others have none of the rights @forbidden. Return: 0 or -EPERM */
static int judge(const struct stat *st, mode_t forbidden, const char *path, struct dyno_error *err)
{
	if (st->st_uid != geteuid()) {
		error_set(err, -EPERM, "config store", "%.160s belongs to user %u, not to you (%u)", path, st->st_uid,
		          geteuid());
		error_remedy(err, "config vars are secrets; each user has a store of their own");
	} else if (st->st_mode & forbidden) {
		error_set(err, -EPERM, "config store", "others than you may %s %.160s",
		          forbidden & 0044 ? "use" : "write to", path);
		error_remedy(err, "config vars are secrets; see who could read them, then: chmod go-rwx");
	} else {
		return 0;
	}
	return -EPERM;
}

/** open_directory() - the directory at @path, in which nobody but the caller can put anything. Return: descriptor or negative errno */
static int open_directory(const char *path, struct dyno_error *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int code;

	if (fd < 0 || fstat(fd, &st) < 0) {
		code = -errno;
		if (code == -ENOENT)
			return error_set(err, code, "config store", "there is no config store in %.160s yet", path);
		return error_set(err, code, "config store", "cannot open directory %.160s of config vars:", path);
	}
	code = judge(&st, 0022, path, err);
	return code < 0 ? code : TAKE_FD(fd);
}

/** create_file() - an empty database below @dirfd unless there is one. Return: 0 or negative errno */
static int create_file(int dirfd, const char *path, struct dyno_error *err)
{
	/* O_EXCL: never a descriptor of a file that somebody has open, see sql_end() */
	_cleanup_close_ int fd = openat(dirfd, FILE_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST)
		return error_set(err, -errno, "config store", "cannot make the config store %.160s:", path);
	return 0;
}

/** examine_files() - the database and what SQLite has beside it are the caller's alone. Return: 0 or negative errno */
static int examine_files(int dirfd, const char *path, struct dyno_error *err)
{
	static const char *const names[] = { FILE_NAME, FILE_NAME "-wal", FILE_NAME "-shm" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat st;
		int code;

		if (fstatat(dirfd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT && i > 0)
				continue;
			return error_set(err, -errno, "config store", "cannot look at the config store %.160s:", path);
		}
		if (!S_ISREG(st.st_mode))
			return error_set(err, -EPERM, "config store", "%.160s%s is no regular file", path,
			                 names[i] + strlen(FILE_NAME));
		code = judge(&st, 0077, path, err);
		if (code < 0)
			return code;
	}
	return 0;
}

/** execute() - statements without values. Return: 0 or negative errno */
static int execute(struct config_store *store, const char *sql, struct dyno_error *err)
{
	int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sql_failed(store, code, err);
}

/** examine_version() - @ret: version of the schema, 0 for an empty database. Return: 0 or negative errno */
static int examine_version(struct config_store *store, int64_t *ret, struct dyno_error *err)
{
	int64_t id = 0, version = 0, tables = 0;
	/* one view of all three: another process may be making the tables right now */
	int code = execute(store, "BEGIN", err);

	if (code == 0)
		code = sql_get_number(store, "PRAGMA application_id", NULL, 0, 0, &id, err);
	if (code == 0)
		code = sql_get_number(store, "PRAGMA user_version", NULL, 0, 0, &version, err);
	if (code == 0)
		code = sql_get_number(store, "SELECT count(*) FROM sqlite_schema", NULL, 0, 0, &tables, err);
	if (code == 0)
		code = execute(store, "COMMIT", err);
	if (code < 0)
		return code;
	if (id != APPLICATION_ID && (id != 0 || version != 0 || tables != 0))
		return error_set(err, -EBADMSG, "config store", "%.160s is no config store of dyno", store->path);
	if (version < 0 || version > SCHEMA_VERSION) {
		error_set(err, -EPROTO, "config store", "the config store %.120s has schema %lld; this dyno knows %lld",
		          store->path, (long long)version, (long long)SCHEMA_VERSION);
		error_remedy(err, "a newer dyno wrote it; use that one");
		return -EPROTO;
	}
	*ret = version;
	return 0;
}

/** migrate() - make one version of the schema out of the one before. Return: 0 or negative errno */
static int migrate(struct config_store *store, int64_t version, struct dyno_error *err)
{
	char pragmas[96];
	int code = sql_begin(store, err);

	if (code < 0)
		return code;
	(void)text_format(pragmas, sizeof(pragmas), "PRAGMA application_id = %d; PRAGMA user_version = %lld",
	                  APPLICATION_ID, (long long)version);
	code = execute(store, migrations[version - 1], err);
	if (code == 0)
		code = execute(store, pragmas, err);
	return sql_end(store, code, err);
}

/** update_schema() - bring the schema up to date; @dirfd is what processes wait for each other by. Return: 0 or negative errno */
static int update_schema(struct config_store *store, int dirfd, struct dyno_error *err)
{
	int64_t version = 0;
	int code = examine_version(store, &version, err);

	if (code < 0 || version == SCHEMA_VERSION)
		return code;
	/* freed with the descriptor. Without it the switch to WAL could find another at it, and does not wait (SQLITE_BUSY). */
	if (flock(dirfd, LOCK_EX) < 0)
		return error_set(err, -errno, "config store", "cannot lock the directory of %.160s:", store->path);
	code = examine_version(store, &version, err);
	if (code == 0)
		code = execute(store, "PRAGMA journal_mode = WAL", err);
	while (code == 0 && version < SCHEMA_VERSION)
		code = migrate(store, ++version, err);
	return code;
}

/** examine_integrity() - every page of the database is well-formed. Return: 0 or negative errno */
static int examine_integrity(struct config_store *store, struct dyno_error *err)
{
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int code = sql_prepare(store, "PRAGMA quick_check(1)", NULL, 0, &stmt, err);

	if (code == 0)
		code = sql_step(store, stmt, err);
	if (code < 0)
		return code;
	return code > 0 && strcmp(sql_column(stmt, 0), "ok") == 0 ? 0 : sql_failed(store, SQLITE_CORRUPT, err);
}

/** open_database() - let SQLite open what was examined. Return: 0 or negative errno */
static int open_database(struct config_store *store, int dirfd, struct dyno_error *err)
{
	/*
	 * FULL: a commit is on the disk when it is told. MEMORY: no value ever lands in a file below /var/tmp. The cache is
	 * small, for `dyno start` keeps the store open.
	 */
	static const char settings[] =
		"PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
		"PRAGMA cell_size_check = ON; PRAGMA cache_size = -256";
	int code = sqlite3_open_v2(store->path, &store->db,
	                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);

	if (code != SQLITE_OK)
		return sql_failed(store, code, err);
	(void)sqlite3_extended_result_codes(store->db, 1);
	(void)sqlite3_busy_timeout(store->db, BUSY_MS);
	/* a file that was tampered with shall not make SQLite do more than read and write tables */
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	code = execute(store, settings, err);
	if (code == 0)
		code = update_schema(store, dirfd, err);
	if (code == 0)
		code = examine_integrity(store, err);
	if (code == 0)
		code = sql_get_number(store, "PRAGMA data_version", NULL, 0, 0, &store->seen, err);
	return code;
}

/**
 * open_patiently() - open_database(), again for a while if it is in use
 * What a killed process left has to be recovered by one who is alone, and SQLite does not wait for that in all cases
 * (https://www.sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode").
 */
static int open_patiently(struct config_store *store, int dirfd, struct dyno_error *err)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	uint64_t until_ns = clock_ns() + RECOVERY_MS * 1000000ULL;
	int code = open_database(store, dirfd, err);

	/* One that SQLite did wait for, in vain, is no such case. */
	while (code == -EBUSY && clock_ns() < until_ns) {
		(void)sqlite3_close_v2(store->db);
		store->db = NULL;
		(void)nanosleep(&pause, NULL);
		code = open_database(store, dirfd, err);
	}
	return code;
}

/** store_new() - one for the database in @directory, whose links are resolved: SQLite is to follow none. Return: NULL without memory */
static struct config_store *store_new(const char *directory)
{
	struct config_store *store = calloc(1, sizeof(*store));
	_cleanup_free_ char *real = realpath(directory, NULL);

	if (!store || !real || asprintf(&store->path, "%s/%s", real, FILE_NAME) < 0) {
		free(store);
		return NULL;
	}
	store->watch = -1;
	return store;
}

int config_store_open(const char *directory, bool create, struct config_store **ret, struct dyno_error *err)
{
	_cleanup_close_ int dirfd = -1;
	struct config_store *store;
	char where[PATH_MAX];
	int code = directory ? text_copy(where, sizeof(where), directory)
	                     : config_store_directory(where, sizeof(where), err);

	if (code == 0 && create)
		code = make_directory(where, err);
	if (code == 0)
		code = dirfd = open_directory(where, err);
	if (code < 0)
		return code;
	store = store_new(where);
	if (!store)
		return error_set(err, -ENOMEM, "config store", "cannot open the config store in %.160s:", where);
	code = create ? create_file(dirfd, store->path, err) : 0;
	if (code == 0)
		code = examine_files(dirfd, store->path, err);
	if (code == 0)
		code = open_patiently(store, dirfd, err);
	if (code < 0) {
		config_store_close(store);
		return code;
	}
	*ret = store;
	return 0;
}

void config_store_close(struct config_store *store)
{
	if (!store)
		return;
	(void)sqlite3_close_v2(store->db);
	fd_close(store->watch);
	free(store->path);
	free(store);
}

int config_store_watch(struct config_store *store, struct dyno_error *err)
{
	_cleanup_close_ int fd = -1;

	if (store->watch >= 0)
		return store->watch;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	/*
	 * Not IN_MODIFY: SQLite writes a commit to the log first and makes it visible in shared memory after that, so that
	 * who is woken by the write may come too early, and is not woken again. Each user of the database has the file open
	 * for writing, and the kernel closes it for those that are killed.
	 */
	if (fd < 0 || inotify_add_watch(fd, store->path, IN_CLOSE_WRITE | IN_ATTRIB) < 0) {
		int code = -errno;

		error_set(err, code, "config store", "cannot watch the config store %.160s:", store->path);
		if (code == -EMFILE || code == -ENOSPC)
			error_remedy(err, "raise fs.inotify.max_user_%s", code == -EMFILE ? "instances" : "watches");
		return code;
	}
	store->watch = TAKE_FD(fd);
	return store->watch;
}

int config_store_changed(struct config_store *store, struct dyno_error *err)
{
	_Alignas(struct inotify_event) char events[4096];
	int64_t version = 0;
	int code;

	/* before looking, so that what happens after it makes the descriptor readable again */
	while (store->watch >= 0 && read(store->watch, events, sizeof(events)) > 0)
		;
	code = sql_get_number(store, "PRAGMA data_version", NULL, 0, 0, &version, err);
	if (code < 0 || version == store->seen)
		return code;
	store->seen = version;
	return 1;
}
