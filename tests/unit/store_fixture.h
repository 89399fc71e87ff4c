/* SPDX-License-Identifier: Apache-2.0 */
/* store_fixture.h - a store in the directory of a test, and one app in it */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "base/text.h"
#include "config/release.h"
#include "config/store.h"
#include "tests/unit/directory_fixture.h"

#define AUTHOR "somebody"

/** must_open() - the store in @d */
static inline struct config_store *must_open(const struct directory *d)
{
	struct config_store *store = NULL;
	struct dyno_error err = { 0 };

	if (config_store_open(d->path, true, &store, &err) < 0)
		fail_msg("%s", err.text);
	return store;
}

/** set() - one config var, in a release of its own. Return: as config_release_change() */
static inline int set(struct config_store *store, const char *pair, unsigned *ret_number, struct dyno_error *err)
{
	const char *const pairs[] = { pair, NULL };

	return config_release_change(store, "app", &(struct config_change){ .set = pairs, .author = AUTHOR },
	                             ret_number, err);
}

/** must_set() - one config var, which is release @number */
static inline void must_set(struct config_store *store, const char *pair, unsigned number)
{
	struct dyno_error err = { 0 };
	unsigned got = 0;

	assert_int_equal(set(store, pair, &got, &err), 1);
	assert_int_equal(got, number);
}

/** expect_current() - the current release is @number with @vars, separated by spaces */
static inline void expect_current(struct config_store *store, unsigned number, const char *vars)
{
	struct config_release release = { 0 };
	struct dyno_error err = { 0 };
	char got[1024] = "";

	assert_int_equal(config_release_current(store, "app", &release, &err), 0);
	for (size_t i = 0; i < release.vars.count; i++)
		assert_true(text_append(got, sizeof(got), "%s%s", i ? " " : "", release.vars.vars[i]) >= 0);
	assert_int_equal(release.number, number);
	assert_string_equal(got, vars);
	config_release_done(&release);
}

#endif /* TESTS_UNIT_STORE_FIXTURE_H */
