/* SPDX-License-Identifier: Apache-2.0 */
/* release.c - see release.h */
#include "config/release.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "config/store_sql.h"
#include "config/vars.h"

/* As many keys as a description names, and what has room for them, CONFIG_KEY_MAX each, set and unset. */
#define KEYS_SHOWN 12
#define DESCRIPTION_MAX 8192

#define SELECT_RELEASE                                                                                                 \
	"SELECT r.number, r.created_us, r.author, r.description FROM releases AS r JOIN apps AS a ON a.id = r.app "    \
	"WHERE a.name = ?1 "

/** no_memory() - the one way to run out of it */
static int no_memory(struct dyno_error *err)
{
	return error_set(err, -ENOMEM, "config", "cannot keep config vars:");
}

/** take_row() - the row of SELECT_RELEASE at @stmt, without config vars. Return: 0 or -ENOMEM */
static int take_row(sqlite3_stmt *stmt, struct config_release *ret, struct dyno_error *err)
{
	struct config_release release = {
		.number = (unsigned)sqlite3_column_int64(stmt, 0),
		.created_us = sqlite3_column_int64(stmt, 1),
		.author = strdup(sql_column(stmt, 2)),
		.description = strdup(sql_column(stmt, 3)),
	};

	if (!release.author || !release.description) {
		config_release_done(&release);
		return no_memory(err);
	}
	*ret = release;
	return 0;
}

/** add_row() - the config var in the row at @stmt. Return: 0 or negative errno */
static int add_row(sqlite3_stmt *stmt, struct environment *vars, struct dyno_error *err)
{
	_cleanup_free_ char *pair = NULL;

	if (asprintf(&pair, "%s=%s", sql_column(stmt, 0), sql_column(stmt, 1)) < 0)
		return no_memory(err);
	return environment_set(vars, pair, err);
}

/** load_vars() - the config vars of release @number. What holds in it never changes, so that this needs no transaction. */
static int load_vars(struct config_store *store, const char *app, unsigned number, struct environment *vars,
                     struct dyno_error *err)
{
	const struct sql_value values[] = { sql_text(app), sql_number(number) };
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int code = sql_prepare(store,
	                       "SELECT v.key, v.value FROM vars AS v JOIN apps AS a ON a.id = v.app WHERE a.name = ?1 "
	                       "AND v.since <= ?2 AND (v.until IS NULL OR v.until > ?2) ORDER BY v.key",
	                       values, 2, &stmt, err);

	while (code == 0) {
		code = sql_step(store, stmt, err);
		if (code <= 0)
			break;
		code = add_row(stmt, vars, err);
	}
	return code;
}

/** load() - the release that @sql selects, whole. Return: 1, 0 when there is none, or negative errno */
static int load(struct config_store *store, const char *app, const char *sql, unsigned number,
                struct config_release *ret, struct dyno_error *err)
{
	const struct sql_value values[] = { sql_text(app), sql_number(number) };
	struct config_release release = { 0 };
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int code = sql_prepare(store, sql, values, 2, &stmt, err);

	if (code == 0)
		code = sql_step(store, stmt, err);
	if (code <= 0)
		return code;
	code = take_row(stmt, &release, err);
	if (code == 0)
		code = load_vars(store, app, release.number, &release.vars, err);
	if (code < 0) {
		config_release_done(&release);
		return code;
	}
	*ret = release;
	return 1;
}

int config_release_current(struct config_store *store, const char *app, struct config_release *ret,
                           struct dyno_error *err)
{
	int code = load(store, app, SELECT_RELEASE "AND ?2 = 0 ORDER BY r.number DESC LIMIT 1", 0, ret, err);

	if (code == 0)
		*ret = (struct config_release){ 0 };
	return code < 0 ? code : 0;
}

int config_release_get(struct config_store *store, const char *app, unsigned number, struct config_release *ret,
                       struct dyno_error *err)
{
	int code = load(store, app, SELECT_RELEASE "AND r.number = ?2", number, ret, err);

	if (code != 0)
		return code < 0 ? code : 0;
	error_set(err, -ENOENT, "config", "app %s has no release v%u", app, number);
	error_remedy(err, "dyno releases lists them");
	return -ENOENT;
}

int config_release_list(struct config_store *store, const char *app, unsigned max,
                        int (*each)(void *data, const struct config_release *release), void *data,
                        struct dyno_error *err)
{
	const struct sql_value values[] = { sql_text(app), sql_number(max) };
	_cleanup_stmt_ sqlite3_stmt *stmt = NULL;
	int code = sql_prepare(store, SELECT_RELEASE "ORDER BY r.number DESC LIMIT ?2", values, 2, &stmt, err);

	while (code == 0) {
		struct config_release release = { 0 };

		code = sql_step(store, stmt, err);
		if (code <= 0)
			break;
		code = take_row(stmt, &release, err);
		if (code == 0)
			code = each(data, &release);
		config_release_done(&release);
	}
	return code;
}

void config_release_done(struct config_release *release)
{
	environment_done(&release->vars);
	free(release->author);
	free(release->description);
	*release = (struct config_release){ 0 };
}

/* ---- changes ---------------------------------------------------------------------------------------------------- */

/**
 * struct difference - how one set of config vars becomes another, both sorted
 * @set, @unset: for the description: "A, B"
 * @set_count, @unset_count: how many of them
 */
struct difference {
	char set[DESCRIPTION_MAX / 2 - 64];
	char unset[DESCRIPTION_MAX / 2 - 64];
	size_t set_count;
	size_t unset_count;
};

/** key_length() - of "KEY=VALUE" */
static size_t key_length(const char *pair)
{
	return strcspn(pair, "=");
}

/** compare_keys() - the keys of two pairs, byte by byte, as SQLite orders them. strcmp() would count the = */
static int compare_keys(const char *a, const char *b)
{
	size_t a_length = key_length(a), b_length = key_length(b);
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	return order ? order : (a_length > b_length) - (a_length < b_length);
}

/** compare_pairs() - compare_keys() for qsort(3) */
static int compare_pairs(const void *a, const void *b)
{
	return compare_keys(*(const char *const *)a, *(const char *const *)b);
}

/** note() - add the key of @pair to the @count keys in @names, of which some are shown */
static void note(char *names, size_t size, size_t *count, const char *pair)
{
	if (*count < KEYS_SHOWN)
		(void)text_append(names, size, "%s%.*s", *count ? ", " : "", (int)key_length(pair), pair);
	++*count;
}

/** describe() - "Set A, B config vars", as Heroku does. @buf: of DESCRIPTION_MAX bytes */
static void describe(const struct difference *d, char *buf)
{
	char more_set[32] = "", more_unset[32] = "";

	if (d->set_count > KEYS_SHOWN)
		(void)text_format(more_set, sizeof(more_set), " and %zu more", d->set_count - KEYS_SHOWN);
	if (d->unset_count > KEYS_SHOWN)
		(void)text_format(more_unset, sizeof(more_unset), " and %zu more", d->unset_count - KEYS_SHOWN);
	if (d->set_count > 0 && d->unset_count > 0)
		(void)text_format(buf, DESCRIPTION_MAX, "Set %s%s; remove %s%s config vars", d->set, more_set, d->unset,
		                  more_unset);
	else if (d->set_count > 0)
		(void)text_format(buf, DESCRIPTION_MAX, "Set %s%s config vars", d->set, more_set);
	else
		(void)text_format(buf, DESCRIPTION_MAX, "Remove %s%s config vars", d->unset, more_unset);
}

/**
 * struct writing - a release that is being made
 * @app:    its row
 * @number: of the release
 */
struct writing {
	struct config_store *store;
	int64_t app;
	unsigned number;
	struct dyno_error *err;
};

/** end_var() - the config var of @pair holds until this release */
static int end_var(const struct writing *w, const char *pair)
{
	_cleanup_free_ char *key = strndup(pair, key_length(pair));
	const struct sql_value values[] = { sql_number(w->app), sql_text(key), sql_number(w->number) };

	if (!key)
		return no_memory(w->err);
	return sql_run(w->store, "UPDATE vars SET until = ?3 WHERE app = ?1 AND key = ?2 AND until IS NULL", values, 3,
	               w->err);
}

/** begin_var() - the config var @pair holds from this release on */
static int begin_var(const struct writing *w, const char *pair)
{
	_cleanup_free_ char *key = strndup(pair, key_length(pair));
	const struct sql_value values[] = { sql_number(w->app), sql_text(key), sql_number(w->number),
		                            sql_text(pair + key_length(pair) + 1) };

	if (!key)
		return no_memory(w->err);
	return sql_run(w->store, "INSERT INTO vars (app, key, since, value) VALUES (?1, ?2, ?3, ?4)", values, 4,
	               w->err);
}

/**
 * compare() - how @from becomes @to, both sorted
 * @w: NULL to look only; else it is written
 * Return: 0 or negative errno
 */
static int compare(const struct environment *from, const struct environment *to, const struct writing *w,
                   struct difference *ret)
{
	size_t i = 0, j = 0;
	int code = 0;

	while (code == 0 && (i < from->count || j < to->count)) {
		int order = i == from->count ? 1 : j == to->count ? -1 : compare_keys(from->vars[i], to->vars[j]);

		if (order == 0 && strcmp(from->vars[i], to->vars[j]) == 0) {
			i++;
			j++;
			continue;
		}
		if (order < 0)
			note(ret->unset, sizeof(ret->unset), &ret->unset_count, from->vars[i]);
		else
			note(ret->set, sizeof(ret->set), &ret->set_count, to->vars[j]);
		if (order <= 0) {
			code = w ? end_var(w, from->vars[i]) : 0;
			i++;
		}
		if (order >= 0 && code == 0) {
			code = w ? begin_var(w, to->vars[j]) : 0;
			j++;
		}
	}
	return code;
}

/** now_us() - CLOCK_REALTIME in microseconds */
static int64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/**
 * write_release() - the release after @from, with the config vars @to. Should: be called in a change
 * @description: NULL for what the difference is
 */
static int write_release(struct config_store *store, const char *app, const struct config_release *from,
                         const struct environment *to, const char *author, const char *description,
                         struct dyno_error *err)
{
	struct writing w = { .store = store, .number = from->number + 1, .err = err };
	struct difference difference = { 0 };
	char text[DESCRIPTION_MAX];
	int code = compare(&from->vars, to, NULL, &difference);

	if (code == 0)
		code = store_app(store, app, &w.app, err);
	if (code < 0)
		return code;
	if (!description)
		describe(&difference, text);
	{
		const struct sql_value values[] = { sql_number(w.app), sql_number(w.number), sql_number(now_us()),
			                            sql_text(author ? author : ""),
			                            sql_text(description ? description : text) };

		code = sql_run(
			store,
			"INSERT INTO releases (app, number, created_us, author, description) VALUES (?, ?, ?, ?, ?)",
			values, 5, err);
	}
	difference = (struct difference){ 0 };
	return code < 0 ? code : compare(&from->vars, to, &w, &difference);
}

/** is_named() - the key of @pair is one of @keys */
static bool is_named(const char *pair, const char *const *keys)
{
	size_t length = key_length(pair);

	for (; keys && *keys; keys++)
		if (strlen(*keys) == length && memcmp(*keys, pair, length) == 0)
			return true;
	return false;
}

/** apply() - the config vars that @change makes of @from, sorted and checked. Return: 0 or negative errno */
static int apply(const struct environment *from, const struct config_change *change, struct environment *to,
                 struct dyno_error *err)
{
	int code = 0;

	for (size_t i = 0; i < from->count && code == 0; i++)
		if (!is_named(from->vars[i], change->unset))
			code = environment_set(to, from->vars[i], err);
	for (const char *const *pair = change->set; pair && *pair && code == 0; pair++) {
		code = config_pair_check(*pair, err);
		if (code == 0)
			code = environment_set(to, *pair, err);
	}
	if (code < 0)
		return code;
	if (to->count > 0)
		qsort(to->vars, to->count, sizeof(*to->vars), compare_pairs);
	return config_vars_check(to, err);
}

/** change_vars() - config_release_change() within the change, of which @from is the current release */
static int change_vars(struct config_store *store, const char *app, const struct config_change *change,
                       const struct config_release *from, struct dyno_error *err)
{
	struct difference difference = { 0 };
	struct environment to = { 0 };
	int code = 0;

	if (change->based && *change->based != from->number)
		return error_set(err, -ESTALE, "config",
		                 "the config vars of %s were changed meanwhile: release v%u came", app, from->number);
	code = apply(&from->vars, change, &to, err);
	if (code == 0)
		code = compare(&from->vars, &to, NULL, &difference);
	if (code == 0 && difference.set_count + difference.unset_count > 0) {
		code = write_release(store, app, from, &to, change->author, NULL, err);
		if (code == 0)
			code = 1;
	}
	environment_done(&to);
	return code;
}

int config_release_change(struct config_store *store, const char *app, const struct config_change *change,
                          unsigned *ret_number, struct dyno_error *err)
{
	struct config_release from = { 0 };
	int code = sql_begin(store, err);

	if (code < 0)
		return code;
	code = config_release_current(store, app, &from, err);
	if (code == 0)
		code = change_vars(store, app, change, &from, err);
	code = sql_end(store, code, err);
	if (code >= 0)
		*ret_number = from.number + (unsigned)code;
	config_release_done(&from);
	return code;
}

/** roll_back() - config_release_rollback() within the change, of which @from is the current release */
static int roll_back(struct config_store *store, const char *app, unsigned number, const char *author,
                     const struct config_release *from, struct dyno_error *err)
{
	struct config_release old = { 0 };
	char description[64];
	int code = config_release_get(store, app, number, &old, err);

	if (code == 0) {
		(void)text_format(description, sizeof(description), "Rollback to v%u", number);
		code = write_release(store, app, from, &old.vars, author, description, err);
	}
	config_release_done(&old);
	return code < 0 ? code : 1;
}

int config_release_rollback(struct config_store *store, const char *app, unsigned number, const char *author,
                            unsigned *ret_from, unsigned *ret_number, struct dyno_error *err)
{
	struct config_release from = { 0 };
	int code = sql_begin(store, err);

	if (code < 0)
		return code;
	code = config_release_current(store, app, &from, err);
	if (code == 0 && number == 0 && from.number < 2)
		code = error_set(err, -ENOENT, "config", "app %s has no release to roll back to", app);
	if (number == 0)
		number = from.number - 1;
	if (code == 0 && number != from.number)
		code = roll_back(store, app, number, author, &from, err);
	code = sql_end(store, code, err);
	if (code >= 0) {
		*ret_from = number;
		*ret_number = from.number + (unsigned)code;
	}
	config_release_done(&from);
	return code;
}
