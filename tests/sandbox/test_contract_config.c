/* SPDX-License-Identifier: Apache-2.0 */
/* test_contract_config.c - docs/contract.md 4.5 for whole apps: what a dyno is told, and what a change of it does */
#include "tests/sandbox/app_support.h"

/** compare_text() - for qsort(3) */
static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/** keys_of() - sorted keys of all KEY=VALUE lines that @dyno wrote, but what bash adds for itself */
static const char *keys_of(const struct process *p, const char *dyno)
{
	static const char *const shells[] = { "PWD", "SHLVL", "_", "OLDPWD", "ready" };
	const char *start = support_format("app[%s]: ", dyno), *keys[32] = { NULL }, *text = "";
	size_t count = 0;

	for (const char *at = p->out; (at = strstr(at, start)) && count < 32;) {
		size_t length;
		bool own = true;

		at += strlen(start);
		length = strcspn(at, "=\n");
		for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
			own &= strlen(shells[i]) != length || strncmp(at, shells[i], length) != 0;
		if (own)
			keys[count++] = support_format("%.*s", (int)length, at);
	}
	qsort(keys, count, sizeof(keys[0]), compare_text);
	for (size_t i = 0; i < count; i++)
		text = support_format("%s%s%s", text, i ? " " : "", keys[i]);
	return text;
}

static void contract_4_5_the_environment_is_exact(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "web: ./probe env -- trap\nworker: ./probe env -- trap\n");
	assert_int_equal(APP(f, p, "config:set", "COLOUR=green"), 0);
	APP_START(f, app, "-m", "web=1,worker=2");
	assert_that(app, launch_expect(app, "app[web.1]: ready="));
	assert_that(app, launch_expect(app, "app[worker.1]: ready="));
	assert_that(app, launch_expect(app, "app[worker.2]: ready="));
	assert_int_equal(APP(f, p, "run:detached", "./probe env -- exit 0"), 0);
	assert_that(app, launch_expect(app, "State changed from up to complete"));
	assert_string_equal(keys_of(app, "web.1"), "COLOUR DYNO HOME PATH PORT");
	assert_string_equal(keys_of(app, "worker.2"), "COLOUR DYNO HOME PATH PORT");
	assert_string_equal(keys_of(app, support_format("%.8s", strstr(p->out, "run."))), "COLOUR DYNO HOME PATH");
	assert_says(app, "app[web.1]: HOME=/app\n");
	assert_says(app, "app[web.1]: COLOUR=green\n");
	assert_says(app, "app[web.1]: DYNO=web.1\n");
	assert_says(app, "app[worker.1]: DYNO=worker.1\n");
	assert_says(app, "app[worker.2]: DYNO=worker.2\n");
	assert_says(app, support_format("]: DYNO=%.8s\n", strstr(p->out, "run.")));
	assert_silent_on(app, "by-mistake");
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_5_each_change_is_a_release_and_a_restart(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	app_place(f, "Procfile", "worker: echo A is ${A-unset}; exec ./probe trap\n");
	APP_START(f, app, "-m", "worker=1");
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", 1));
	assert_int_equal(APP(f, p, "config:set", "A=1"), 0);
	assert_says(p, "v1");
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", 2));
	assert_int_equal(APP(f, p, "config:set", "A=2"), 0);
	assert_says(p, "v2");
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", 3));
	/* what is so already is no change */
	assert_int_equal(APP(f, p, "config:set", "A=2"), 0);
	assert_int_equal(APP(f, p, "config:unset", "A"), 0);
	assert_says(p, "v3");
	assert_that(app, launch_expect_times(app, "app[worker.1]: ready=", 4));
	assert_before(app, "app[worker.1]: A is unset\n", "app[worker.1]: A is 1\n");
	assert_before(app, "app[worker.1]: A is 1\n", "app[worker.1]: A is 2\n");
	assert_int_equal(app_count(app, "app[worker.1]: A is unset\n"), 2);
	assert_before(app, "app[api]: Release v1 created by user ", "app[api]: Release v2 created by user ");
	assert_before(app, "app[api]: Set A config vars by user ", "app[api]: Remove A config vars by user ");
	assert_int_equal(launch_stop(f, app), 0);
	/* and stay, when all dynos are gone */
	assert_int_equal(APP(f, p, "releases"), 0);
	assert_says(p, "v3");
}

static void contract_4_5_keys_and_sizes_that_are_refused(struct fixture *f)
{
	static const char *const wrong[] = { "HEROKU_X=secret", "__X=secret", "A-B=secret", "A.B=secret", "=secret" };
	struct process *p = life_process(1);
	char *large = malloc(32768 + 8);

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(APP(f, p, "config:set", "FINE=1", wrong[i]), 2);
		assert_silent_on(p, "secret");
	}
	assert_int_equal(APP(f, p, "config:set", "a_Z9=1", "_X=2", "HEROKUX=3"), 0);
	assert_int_equal(APP(f, p, "config:unset", "a_Z9", "_X", "HEROKUX"), 0);
	/* 32,768 bytes of keys and values */
	memset(large, 'x', 32768 + 8);
	memcpy(large, "KEY=", 4);
	large[32768 + 2] = '\0';
	assert_int_equal(APP(f, p, "config:set", large), 2);
	assert_says(p, "32768");
	large[32768 + 1] = '\0';
	assert_int_equal(APP(f, p, "config:set", large), 0);
	assert_int_equal(APP(f, p, "config:set", "B="), 2);
	free(large);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(contract_4_5_the_environment_is_exact, AS_BOTH),
	SANDBOX_TEST(contract_4_5_each_change_is_a_release_and_a_restart, AS_BOTH),
	SANDBOX_TEST(contract_4_5_keys_and_sizes_that_are_refused, AS_BOTH),
};

SANDBOX_MAIN("contract: config vars", tests)
