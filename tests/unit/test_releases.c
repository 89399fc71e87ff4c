/* SPDX-License-Identifier: Apache-2.0 */
/* test_releases.c - config vars, a release for each change of them, and the settings beside */
#include "tests/unit/store_fixture.h"

#include <time.h>

#include "config/setting.h"
#include "config/vars.h"

/* ---- releases --------------------------------------------------------------------------------------------------- */

static void contract_4_5_every_change_is_a_release(void **state)
{
	static const char *const set_pairs[] = { "B=2", "A=1", "B=3", NULL }, *const both_set[] = { "C=", NULL };
	static const char *const both_unset[] = { "A", "NONE", NULL }, *const unset[] = { "B", "C", NULL };
	struct config_store *store = must_open(*state);
	struct config_release release = { 0 };
	struct dyno_error err = { 0 };
	unsigned number = 99;

	expect_current(store, 0, "");
	assert_int_equal(config_release_change(store, "app", &(struct config_change){ .unset = unset }, &number, &err),
	                 0);
	assert_int_equal(number, 0);
	assert_int_equal(config_release_change(store, "app",
	                                       &(struct config_change){ .set = set_pairs, .author = AUTHOR }, &number,
	                                       &err),
	                 1);
	assert_int_equal(number, 1);
	expect_current(store, 1, "A=1 B=3");
	/* what is so already makes none */
	assert_int_equal(set(store, "A=1", &number, &err), 0);
	assert_int_equal(number, 1);
	assert_int_equal(config_release_change(store, "app",
	                                       &(struct config_change){ .set = both_set, .unset = both_unset }, &number,
	                                       &err),
	                 1);
	expect_current(store, 2, "B=3 C=");
	assert_int_equal(config_release_change(store, "app", &(struct config_change){ .unset = unset }, &number, &err),
	                 1);
	expect_current(store, 3, "");
	must_set(store, "A=again", 4);
	assert_int_equal(config_release_get(store, "app", 1, &release, &err), 0);
	assert_string_equal(release.description, "Set A, B config vars");
	assert_string_equal(release.author, AUTHOR);
	assert_in_range(release.created_us / 1000000, time(NULL) - 60, time(NULL) + 1);
	assert_string_equal(config_vars_get(&release.vars, "B"), "3");
	config_release_done(&release);
	assert_int_equal(config_release_get(store, "app", 2, &release, &err), 0);
	assert_string_equal(release.description, "Set C; remove A config vars");
	config_release_done(&release);
	assert_int_equal(config_release_get(store, "app", 3, &release, &err), 0);
	assert_string_equal(release.description, "Remove B, C config vars");
	config_release_done(&release);
	assert_int_equal(config_release_get(store, "app", 5, &release, &err), -ENOENT);
	/* the next one to open it sees the same; another app has nothing of it */
	config_store_close(store);
	store = must_open(*state);
	expect_current(store, 4, "A=again");
	assert_int_equal(config_release_current(store, "other", &release, &err), 0);
	assert_int_equal(release.number, 0);
	config_store_close(store);
}

static void rolling_back_makes_a_release(void **state)
{
	struct config_store *store = must_open(*state);
	struct config_release release = { 0 };
	struct dyno_error err = { 0 };
	unsigned from = 0, number = 0;

	assert_int_equal(config_release_rollback(store, "app", 0, AUTHOR, &from, &number, &err), -ENOENT);
	must_set(store, "A=1", 1);
	assert_int_equal(config_release_rollback(store, "app", 0, AUTHOR, &from, &number, &err), -ENOENT);
	must_set(store, "B=2", 2);
	must_set(store, "A=3", 3);
	assert_int_equal(config_release_rollback(store, "app", 1, AUTHOR, &from, &number, &err), 1);
	assert_int_equal(from, 1);
	assert_int_equal(number, 4);
	expect_current(store, 4, "A=1");
	assert_int_equal(config_release_get(store, "app", 4, &release, &err), 0);
	assert_string_equal(release.description, "Rollback to v1");
	config_release_done(&release);
	assert_int_equal(config_release_rollback(store, "app", 0, AUTHOR, &from, &number, &err), 1);
	assert_int_equal(from, 3);
	expect_current(store, 5, "A=3 B=2");
	assert_int_equal(config_release_rollback(store, "app", 5, AUTHOR, &from, &number, &err), 0);
	assert_int_equal(number, 5);
	assert_int_equal(config_release_rollback(store, "app", 6, AUTHOR, &from, &number, &err), -ENOENT);
	/* one that is as the current one makes a release all the same: it was asked for */
	assert_int_equal(config_release_rollback(store, "app", 3, AUTHOR, &from, &number, &err), 1);
	expect_current(store, 6, "A=3 B=2");
	config_store_close(store);
}

/** note_number() - append the release's number to the text @data */
static int note_number(void *data, const struct config_release *release)
{
	return text_append(data, 64, " %u", release->number) < 0 ? -ENOMEM : release->number == 99;
}

static void releases_are_listed_newest_first(void **state)
{
	struct config_store *store = must_open(*state);
	struct dyno_error err = { 0 };
	char numbers[64] = "";

	assert_int_equal(config_release_list(store, "app", 10, note_number, numbers, &err), 0);
	assert_string_equal(numbers, "");
	must_set(store, "A=1", 1);
	must_set(store, "A=2", 2);
	must_set(store, "A=3", 3);
	assert_int_equal(config_release_list(store, "app", 2, note_number, numbers, &err), 0);
	assert_string_equal(numbers, " 3 2");
	config_store_close(store);
}

static void what_is_refused_changes_nothing(void **state)
{
	static const char *const bad[][3] = { { "B=1", "s3cret", NULL }, { "B=1", "HEROKU_A=s3cret", NULL } };
	struct config_store *store = must_open(*state);
	struct dyno_error err = { 0 };
	char large[CONFIG_VARS_MAX + 8];
	unsigned number = 77, based = 0;

	must_set(store, "A=1", 1);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
			config_release_change(store, "app", &(struct config_change){ .set = bad[i] }, &number, &err),
			-EINVAL);
		assert_null(strstr(err.text, "s3cret"));
	}
	/* A=1 are two bytes, and so is the key */
	memset(large, 'x', sizeof(large));
	memcpy(large, "LL=", 3);
	large[CONFIG_VARS_MAX] = '\0';
	assert_int_equal(set(store, large, &number, &err), -E2BIG);
	assert_non_null(strstr(err.text, "32769 bytes, and an app may have 32768"));
	assert_int_equal(number, 77);
	expect_current(store, 1, "A=1");
	large[CONFIG_VARS_MAX - 1] = '\0';
	assert_int_equal(set(store, large, &number, &err), 1);
	assert_int_equal(number, 2);
	/* and a change for a release that is no more the current one */
	based = 1;
	assert_int_equal(config_release_change(store, "app", &(struct config_change){ .set = bad[0], .based = &based },
	                                       &number, &err),
	                 -ESTALE);
	assert_int_equal(number, 2);
	config_store_close(store);
}

static void many_config_vars_are_named_in_part(void **state)
{
	struct config_store *store = must_open(*state);
	struct config_release release = { 0 };
	struct dyno_error err = { 0 };
	char text[400][16];
	const char *pairs[401] = { NULL };
	unsigned number = 0;

	for (size_t i = 0; i < 400; i++) {
		(void)text_format(text[i], sizeof(text[i]), "K%03zu=%zu", i, i);
		pairs[i] = text[i];
	}
	assert_int_equal(config_release_change(store, "app", &(struct config_change){ .set = pairs }, &number, &err),
	                 1);
	assert_int_equal(config_release_current(store, "app", &release, &err), 0);
	assert_int_equal(release.vars.count, 400);
	assert_string_equal(release.vars.vars[399], "K399=399");
	assert_string_equal(release.description,
	                    "Set K000, K001, K002, K003, K004, K005, K006, K007, K008, K009, K010, "
	                    "K011 and 388 more config vars");
	config_release_done(&release);
	config_store_close(store);
}

/* ---- settings --------------------------------------------------------------------------------------------------- */

/** note_setting() - append "key=value" to the text @data */
static int note_setting(void *data, const char *key, const char *value)
{
	return text_append(data, 256, " %s=%s", key, value) < 0 ? -ENOMEM : 0;
}

static void settings_are_kept_beside(void **state)
{
	static const char *const scale[] = { "scale.web", "2", "scale.My_worker", "0", "size.web", "basic", NULL };
	static const char *const half[] = { "scale.web", "3", "no key", "1", NULL };
	struct config_store *store = must_open(*state);
	struct dyno_error err = { 0 };
	char text[256] = "", *value = NULL;

	assert_int_equal(config_setting_get(store, "app", "allow-host", &value, &err), 0);
	assert_null(value);
	assert_int_equal(config_setting_set(store, "app", "allow-host", "localhost:5432 db", &err), 0);
	assert_int_equal(config_setting_set_all(store, "app", scale, &err), 0);
	assert_int_equal(config_setting_set_all(store, "app", half, &err), -EINVAL);
	assert_int_equal(config_setting_set(store, "app", "a", "two\nlines", &err), -EINVAL);
	assert_int_equal(config_setting_list(store, "app", "scale.", note_setting, text, &err), 0);
	assert_string_equal(text, " scale.My_worker=0 scale.web=2");
	assert_int_equal(config_setting_get(store, "app", "allow-host", &value, &err), 0);
	assert_string_equal(value, "localhost:5432 db");
	free(value);
	assert_int_equal(config_setting_set(store, "app", "allow-host", NULL, &err), 0);
	assert_int_equal(config_setting_get(store, "app", "allow-host", &value, &err), 0);
	assert_null(value);
	expect_current(store, 0, "");
	config_store_close(store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(contract_4_5_every_change_is_a_release), DIRECTORY_TEST(rolling_back_makes_a_release),
		DIRECTORY_TEST(releases_are_listed_newest_first),       DIRECTORY_TEST(what_is_refused_changes_nothing),
		DIRECTORY_TEST(many_config_vars_are_named_in_part),     DIRECTORY_TEST(settings_are_kept_beside),
	};

	return cmocka_run_group_tests_name("releases", tests, NULL, NULL);
}
