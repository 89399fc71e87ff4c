/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_learned.c - what a launcher learns: a slug that is asked for often has sandboxes with it attached, and what they show is the slug
 * as it is when the app runs, not as it was when they were parked
 */
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sandbox/run_launcher_support.h"

#define OFTEN 4
#define STRANGER 64321 /* nobody's id, as user and as group */

/** learning_launcher() - one with a pool for any slug; what it learns is left to it */
static struct process *learning_launcher(struct fixture *f)
{
	struct process *p = life_process(LAUNCHER_PROCESS);

	START(f, p, "launcher", "--socket", launcher_socket_of(f), "--pool", "2,net=none");
	if (!launch_expect(p, "listens at"))
		FAIL("the launcher does not start: %s\n", p->err);
	return p;
}

/** number_in() - the number of @key in the line of the pool that was learned for the fixture's slug, -1 without such a pool */
static long number_in(struct fixture *f, const char *key)
{
	struct process *p = life_process(LAUNCHER_PROCESS - 1);
	const char *at, *end;

	DYNO(f, p, "launcher", "--socket", launcher_socket_of(f), "pool");
	assert_exit(p, 0);
	at = strstr(p->out, support_format(" slug=%s learned=1", f->slug));
	if (!at)
		return -1;
	end = strchr(at, '\n');
	at = strstr(at, key);
	assert_true(at && at < end);
	return strtol(at + strlen(key), NULL, 10);
}

/** await_ready() - until a sandbox has the slug attached */
static void await_ready(struct fixture *f)
{
	for (int i = 0; i < 500; i++) {
		if (number_in(f, " ready=") > 0)
			return;
		life_sleep_us(10000);
	}
	FAIL("no sandbox has the slug: %s\n", life_process(LAUNCHER_PROCESS - 1)->out);
}

/** run() - @script in a dyno of the launcher */
static struct process *run(struct fixture *f, const char *script)
{
	struct process *p = life_process(0);

	DYNO(f, p, RUN(f, launcher_through(f), "--", "/bin/sh", "-c", script));
	assert_exit(p, 0);
	assert_int_equal(p->err_size, 0);
	return p;
}

/** teach() - ask for the slug as often as it takes */
static void teach(struct fixture *f)
{
	for (int i = 0; i < OFTEN; i++) {
		assert_int_equal(number_in(f, " ready="), -1);
		(void)run(f, ":");
	}
	assert_int_equal(number_in(f, " min="), 0);
	await_ready(f);
}

/** served() - @script in a dyno, which must have come from the learned pool */
static struct process *served(struct fixture *f, const char *script)
{
	long taken = number_in(f, " taken=");
	struct process *p = run(f, script);

	assert_int_equal(number_in(f, " taken="), taken + 1);
	return p;
}

static void test_a_slug_that_is_asked_for_often_is_attached_before(struct fixture *f)
{
	struct process *launcher = learning_launcher(f);

	teach(f);
	for (int i = 0; i < 3; i++) {
		(void)served(f, "test -x /app/probe && : > /app/mark");
		await_ready(f);
		assert_silent_on(served(f, "ls /app"), "mark");
		await_ready(f);
	}
	launcher_end(f, launcher);
}

static void test_what_it_shows_is_the_slug_of_now(struct fixture *f)
{
	const char *file = support_format("%s/state", f->slug), *other = support_format("%s/state.new", f->slug);
	struct process *launcher, *p;

	support_write(file, "first\n", 0644);
	support_write(support_format("%s/gone", f->slug), "", 0644);
	launcher = learning_launcher(f);
	teach(f);
	support_write(file, "in place, and longer\n", 0644);
	assert_string_equal(served(f, "cat /app/state")->out, "in place, and longer\n");
	await_ready(f);
	support_write(other, "put over it\n", 0644);
	assert_int_equal(rename(other, file), 0);
	assert_int_equal(unlink(support_format("%s/gone", f->slug)), 0);
	support_mkdir(f, support_format("%s/added", f->slug), 0755);
	p = served(f, "cat /app/state; ls /app");
	assert_says(p, "put over it\n");
	assert_says(p, "added\n");
	assert_silent_on(p, "gone");
	assert_silent_on(p, "state.new");
	launcher_end(f, launcher);
}

static void test_another_directory_at_its_path_is_another_slug(struct fixture *f)
{
	const char *old = support_path(f, "slug.old");
	struct process *launcher = learning_launcher(f);

	teach(f);
	assert_int_equal(rename(f->slug, old), 0);
	support_mkdir(f, f->slug, 0755);
	support_write(support_format("%s/state", f->slug), "new\n", 0644);
	assert_string_equal(run(f, "cat /app/state; ls /app")->out, "new\nstate\n");
	assert_true(number_in(f, " spoiled=") > 0);
	support_remove(f->slug);
	assert_int_equal(rename(old, f->slug), 0);
	launcher_end(f, launcher);
}

static void test_one_that_was_given_away_is_the_dynos_own_still(struct fixture *f)
{
	struct process *launcher = learning_launcher(f);

	support_write(support_format("%s/state", f->slug), "", 0600);
	assert_int_equal(chown(support_format("%s/state", f->slug), f->uid, (gid_t)-1), 0);
	teach(f);
	assert_string_equal(served(f, "stat -c %u /app/state")->out, "1000\n");
	await_ready(f);
	assert_int_equal(chown(f->slug, 4321, (gid_t)-1), 0);
	assert_int_equal(chown(support_format("%s/state", f->slug), 4321, (gid_t)-1), 0);
	assert_string_equal(run(f, "stat -c %u /app/state")->out, "1000\n");
	assert_int_equal(chown(f->slug, f->uid, (gid_t)-1), 0);
	launcher_end(f, launcher);
}

/* What does not fit into the learned pool goes to the other one, and is no reason for one more */
static void test_it_is_learned_once(struct fixture *f)
{
	struct process *launcher = learning_launcher(f), *p = life_process(LAUNCHER_PROCESS - 1);
	const char *first;

	teach(f);
	/* none of it is ready for any of these */
	DYNO(f, p, "launcher", "--socket", launcher_socket_of(f), "pool", "1", "0-0");
	assert_exit(p, 0);
	for (int i = 0; i < 2 * OFTEN; i++)
		(void)run(f, ":");
	assert_true(number_in(f, " missed=") >= OFTEN);
	first = strstr(p->out, " learned=1");
	assert_non_null(first);
	assert_null(strstr(first + 1, " learned=1"));
	launcher_end(f, launcher);
}

/** become_stranger() - in the child: another user, in a group that may use the launcher */
static void become_stranger(void)
{
	const gid_t group = STRANGER;

	if (setgroups(1, &group) < 0 || setresgid(STRANGER, STRANGER, STRANGER) < 0 ||
	    setresuid(STRANGER, STRANGER, STRANGER) < 0)
		_exit(99);
}

static void test_others_do_not_see_what_was_learned(struct fixture *f)
{
	struct process *launcher = life_process(LAUNCHER_PROCESS), *p = life_process(0);
	static const char *const formats[] = { "--json", NULL, "--prometheus" };

	START(f, launcher, "launcher", "--socket", launcher_socket_of(f), "--pool", "2,net=none", "--group", "64321");
	assert_true(launch_expect(launcher, "listens at"));
	teach(f);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		launch_start(f, p,
		             &(struct launch){
				     .argv = ARGV("launcher", "--socket", launcher_socket_of(f), "stats", formats[i]),
				     .before = become_stranger });
		launch_finish(f, p);
		assert_exit(p, 0);
		assert_silent_on(p, f->slug);
		if (i < 2)
			assert_says(p, i == 0 ? "\"slug\":\"*\"" : " slug=* ");
	}
	launcher_end(f, launcher);
}

static void test_nothing_is_learned_where_that_is_not_wanted(struct fixture *f)
{
	struct process *launcher = resident_begin(f);

	for (int i = 0; i < 2 * OFTEN; i++)
		(void)run(f, ":");
	assert_int_equal(number_in(f, " ready="), -1);
	launcher_end(f, launcher);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_a_slug_that_is_asked_for_often_is_attached_before, AS_BOTH),
	SANDBOX_TEST(test_what_it_shows_is_the_slug_of_now, AS_BOTH),
	SANDBOX_TEST(test_another_directory_at_its_path_is_another_slug, AS_BOTH),
	SANDBOX_TEST(test_one_that_was_given_away_is_the_dynos_own_still, AS_ROOT),
	SANDBOX_TEST(test_it_is_learned_once, AS_BOTH),
	SANDBOX_TEST(test_others_do_not_see_what_was_learned, AS_ROOT),
	SANDBOX_TEST(test_nothing_is_learned_where_that_is_not_wanted, AS_BOTH),
};

SANDBOX_MAIN("what a launcher learns", tests)
