/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_contract_limits.c - docs/contract.md 4.4 for whole apps: sizes, threads, R14, R15, metrics
 *
 * As root, who has cgroups. The numbers of all sizes are in test_sizes, and what is told of which memory in test_measure.
 */
#include "tests/sandbox/app_support.h"

/** need_cgroups() - leave the test where nothing limits a whole dyno */
static void need_cgroups(struct fixture *f)
{
	if (!life_has_cgroups(f))
		support_skip(f, "no cgroups that may be written: limits hold for each process only");
}

static void contract_4_4_a_type_has_the_processes_and_memory_of_its_size(struct fixture *f)
{
	struct process *app = life_process(0), *p = life_process(1);

	need_cgroups(f);
	app_place(f, "Procfile", "one: ./probe forkbomb 100000 -- trap\ntwo: ./probe forkbomb 100000 -- trap\n");
	APP_START(f, app, "-s", "two=standard-2x");
	assert_that(app, launch_expect(app, "app[one.1]: ready="));
	assert_that(app, launch_expect(app, "app[two.1]: ready="));
	/* init is one of them */
	assert_in_range(strtoul(strstr(app->out, "app[one.1]: forked=") + 19, NULL, 10), 250, 255);
	assert_in_range(strtoul(strstr(app->out, "app[two.1]: forked=") + 19, NULL, 10), 506, 511);
	assert_says(app, "app[one.1]: result=EAGAIN");
	assert_int_equal(APP(f, p, "ps:app", "--json"), 0);
	assert_string_equal(life_json(p->out, "print([x['memory_quota'] >> 20 for x in d['dynos']])"), "[512, 1024]");
	assert_int_equal(APP(f, p, "ps:app"), 0);
	assert_says(p, "=== two (Standard-2X)");
	assert_int_equal(launch_stop(f, app), 0);
}

static void contract_4_4_all_threads_count(struct fixture *f)
{
	static const char script[] = "import threading\n"
				     "stay = threading.Event()\n"
				     "count = 0\n"
				     "try:\n"
				     "    while count < 1000:\n"
				     "        threading.Thread(target=stay.wait, daemon=True).start()\n"
				     "        count += 1\n"
				     "except RuntimeError:\n"
				     "    pass\n"
				     "print('asleep=%d' % count, flush=True)\n";
	struct process *p = life_process(1);

	need_cgroups(f);
	app_place(f, "threads.py", script);
	assert_int_equal(APP(f, p, "run:app", "--net", "none", "-s", "standard-1x", "/usr/bin/python3 threads.py"), 0);
	assert_in_range(process_number(p, "asleep"), 240, 255);
}

static void contract_4_4_r14_tells_and_r15_kills(struct fixture *f)
{
	struct process *app = life_process(0);

	need_cgroups(f);
	/* of 512 MB: 105 %, and more than 200 % */
	app_place(f, "Procfile", "calm: ./probe trap\nbig: ./probe hog 540M hold\nhuge: ./probe hog 1100M hold\n");
	APP_START(f, app, "--backoff", "10m", "--metrics");
	assert_that(app, launch_expect(app, "heroku[huge.1]: Error R15 (Memory quota vastly exceeded)\n"));
	assert_that(app, launch_expect(app, "heroku[huge.1]: Process exited with status 137\n"));
	assert_that(app, launch_expect(app, "heroku[huge.1]: State changed from up to crashed\n"));
	/* memory is looked at every 20 s, and launch_expect() waits as long */
	(void)launch_expect(app, "heroku[big.1]: Error R14 (Memory quota exceeded)\n");
	assert_that(app, launch_expect(app, "heroku[big.1]: Error R14 (Memory quota exceeded)\n"));
	assert_that(app, launch_expect(app, "heroku[calm.1]: source=calm.1 dyno="));
	assert_says(app, "heroku[big.1]: Process running mem=54");
	assert_says(app, "M(105.");
	assert_before(app, "heroku[big.1]: Process running mem=", "heroku[big.1]: Error R14 (Memory quota exceeded)\n");
	assert_says(app, "sample#memory_total=54");
	assert_says(app, "sample#memory_quota=512.00MB");
	assert_silent_on(app, "heroku[calm.1]: Error");
	/* it goes on */
	assert_silent_on(app, "heroku[big.1]: Process exited");
	assert_int_equal(launch_stop(f, app), 0);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(contract_4_4_a_type_has_the_processes_and_memory_of_its_size, AS_ROOT),
	SANDBOX_TEST(contract_4_4_all_threads_count, AS_ROOT),
	SANDBOX_TEST(contract_4_4_r14_tells_and_r15_kills, AS_ROOT),
};

SANDBOX_MAIN("contract: limits", tests)
