/* SPDX-License-Identifier: Apache-2.0 */
/* test_scale.c - formation/scale: what an app was scaled to is there at its next start */
#include "tests/unit/store_fixture.h"

#include "config/setting.h"
#include "formation/scale.h"

/** make_plan() - web, my_worker and clock, one of each */
static struct plan make_plan(void)
{
	static const char text[] = "web: a\nmy_worker: b\nclock: c\n";
	struct mistakes m = { .name = "Procfile" };
	struct procfile file = { 0 };
	struct plan plan = { 0 };

	assert_int_equal(procfile_parse(text, strlen(text), &m, &file), 0);
	assert_int_equal(plan_make(&file, 5000, &plan, NULL), 0);
	procfile_done(&file);
	assert_int_equal(plan_scale(&plan, "all=1", NULL), 0);
	plan_settle(&plan);
	return plan;
}

/** recalled() - what a new plan is after scale_recall() */
static const char *recalled(struct config_store *store)
{
	static char told[256];
	struct dyno_error err = { 0 };
	struct plan plan = make_plan();

	if (scale_recall(store, "app", &plan, &err) < 0)
		fail_msg("%s", err.text);
	plan_told(&plan, told, sizeof(told));
	plan_done(&plan);
	return told;
}

static void only_what_was_asked_for_is_kept(void **state)
{
	struct config_store *store = must_open(*state);
	struct plan plan = make_plan();

	assert_string_equal(recalled(store), "web@1:Standard-1X my_worker@1:Standard-1X clock@1:Standard-1X");
	assert_int_equal(plan_scale(&plan, "my_worker=4:standard-2x", NULL), 0);
	assert_int_equal(plan_resize(&plan, "clock=performance-m", NULL), 0);
	assert_int_equal(scale_keep(store, "app", &plan, NULL), 0);
	/* of another word that fails, nothing is asked for */
	plan_settle(&plan);
	assert_int_equal(plan_scale(&plan, "web=7,none=1", NULL), -EINVAL);
	plan.types[0].quantity = 9;
	assert_int_equal(scale_keep(store, "app", &plan, NULL), 0);
	assert_string_equal(recalled(store), "web@1:Standard-1X my_worker@4:Standard-2X clock@1:Performance-M");
	assert_int_equal(plan_scale(&plan, "my_worker-4", NULL), 0);
	assert_int_equal(scale_keep(store, "app", &plan, NULL), 0);
	assert_string_equal(recalled(store), "web@1:Standard-1X my_worker@0:Standard-2X clock@1:Performance-M");
	assert_int_equal(plan_scale(&plan, "all=2", NULL), 0);
	assert_int_equal(scale_keep(store, "app", &plan, NULL), 0);
	plan_done(&plan);
	config_store_close(store);
	/* and another process has it */
	store = must_open(*state);
	assert_string_equal(recalled(store), "web@2:Standard-1X my_worker@2:Standard-2X clock@2:Performance-M");
	config_store_close(store);
}

static void types_that_are_gone_are_passed_over(void **state)
{
	struct config_store *store = must_open(*state);

	assert_int_equal(config_setting_set(store, "app", "scale.gone", "3", NULL), 0);
	assert_int_equal(config_setting_set(store, "app", "size.gone", "any", NULL), 0);
	assert_int_equal(config_setting_set(store, "other", "scale.web", "3", NULL), 0);
	assert_string_equal(recalled(store), "web@1:Standard-1X my_worker@1:Standard-1X clock@1:Standard-1X");
	config_store_close(store);
}

static void what_somebody_else_wrote_is_told(void **state)
{
	static const struct {
		const char *key, *value, *says;
	} rows[] = {
		{ "scale.web", "many", "scale.web is no number from 0 to 1000: 'many'" },
		{ "scale.web", "1001", "'1001'" },
		{ "size.clock", "huge", "there is no dyno size 'huge'" },
	};
	struct config_store *store = must_open(*state);
	struct plan plan = make_plan();

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dyno_error err = { 0 };

		assert_int_equal(scale_check(rows[i].key, rows[i].value, &err), -EINVAL);
		assert_int_equal(config_setting_set(store, "app", rows[i].key, rows[i].value, NULL), 0);
		assert_int_equal(scale_recall(store, "app", &plan, &err), -EINVAL);
		assert_non_null(strstr(err.text, rows[i].says));
		assert_non_null(strstr(err.remedy, "settings:unset"));
		assert_int_equal(config_setting_set(store, "app", rows[i].key, NULL, NULL), 0);
	}
	plan_done(&plan);
	config_store_close(store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(only_what_was_asked_for_is_kept),
		DIRECTORY_TEST(types_that_are_gone_are_passed_over),
		DIRECTORY_TEST(what_somebody_else_wrote_is_told),
	};

	return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
