/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_kill.c - the launcher dies of SIGKILL at random moments: its dyno dies with it, and one gc removes what is left
 */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sandbox/lifecycle_support.h"

#define PORT_SIZE 8
#define KILLS 200
#define SPREAD_US 8000 /* a boot takes a few milliseconds: before, during and after it */

/** next_random() - xorshift, so that a seed that is printed repeats a run */
static unsigned next_random(unsigned *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/** kill_after() - launch, wait @us, kill the launcher and reap it */
static void kill_after(struct fixture *f, const char *const *argv, unsigned us)
{
	struct process *p = life_process(0);

	launch_start(f, p, &(struct launch){ .argv = argv });
	life_sleep_us(us);
	kill(p->pid, SIGKILL);
	launch_finish(f, p);
	assert_that(p, p->code == 128 + SIGKILL);
}

/**
 * kill_at_random() - @count times; then nothing lives, one gc cleans all, and a second one finds nothing
 * @port: text in @argv to be given another port each time, or NULL: a dying pasta holds its port for a moment
 */
static void kill_at_random(struct fixture *f, const char *const *argv, char *port, unsigned count)
{
	struct process *p = life_process(0);
	unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid();
	unsigned state = seed ? seed : 1;

	print_message("seed %u\n", seed);
	for (unsigned i = 0; i < count; i++) {
		if (port)
			snprintf(port, PORT_SIZE, "%u", 5000 + i);
		kill_after(f, argv, next_random(&state) % SPREAD_US);
	}
	assert_int_equal(life_reap(), 0);
	DYNO(f, p, "gc");
	assert_exit(p, 0);
	life_assert_clean(f, "after gc");
	DYNO(f, p, "gc");
	assert_exit(p, 0);
	assert_says(p, "cleaned up after 0 dynos");
	DYNO(f, p, "ps", "-q");
	assert_exit(p, 0);
	assert_that(p, p->out_size == 0);
}

static void test_a_launcher_killed_while_it_boots_a_dyno(struct fixture *f)
{
	kill_at_random(f, ARGV("run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "sleep"), NULL,
	               KILLS);
}

static void test_a_launcher_killed_while_it_boots_a_dyno_with_a_network(struct fixture *f)
{
	const char *net = life_net(f);
	char port[PORT_SIZE];

	kill_at_random(f, ARGV("run", "-q", "--net", net, "-p", port, "--slug", f->slug, "--", "/app/probe", "sleep"),
	               port, KILLS / 2);
}

static void test_a_launcher_killed_while_it_boots_a_dyno_without_init(struct fixture *f)
{
	kill_at_random(f,
	               ARGV("run", "-q", "--no-init", "--net", "none", "--slug", f->slug, "--", "/app/probe", "sleep"),
	               NULL, KILLS / 4);
}

static void test_a_name_is_free_again_after_its_launcher_was_killed(struct fixture *f)
{
	struct process *p = life_process(0), *again = life_process(1);

	for (int i = 0; i < 5; i++) {
		START(f, p, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe",
		      "trap");
		assert_true(launch_expect(p, "ready="));
		kill(p->pid, SIGKILL);
		launch_finish(f, p);
		/* without a gc between */
		DYNO(f, again, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe",
		     "exit", "3");
		assert_exit(again, 3);
	}
	assert_int_equal(life_reap(), 0);
	DYNO(f, p, "gc");
	assert_exit(p, 0);
}

static void test_a_running_dyno_dies_with_its_launcher(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *net = life_net(f);

	for (int i = 0; i < 10; i++) {
		/* a daemon that ignores TERM and HUP, and an app that traps everything */
		START(f, p, "run", "-q", "--net", net, "--slug", f->slug, "--", "/app/probe", "doublefork", "--",
		      "trap");
		assert_true(launch_expect(p, "ready="));
		kill(p->pid, SIGKILL);
		launch_finish(f, p);
		/* the pipe of the dyno's output ended, so all that held it are gone already: but count them */
		assert_int_equal(life_reap(), 0);
	}
	DYNO(f, p, "gc");
	assert_exit(p, 0);
	life_assert_clean(f, "after gc");
}

static void test_gc_leaves_a_running_dyno_alone(struct fixture *f)
{
	struct process *p = life_process(0), *gc = life_process(1);

	START(f, p, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "trap",
	      "4");
	assert_true(launch_expect(p, "ready="));
	DYNO(f, gc, "gc");
	assert_exit(gc, 0);
	DYNO(f, gc, "exec", "web.1", "--", "/app/probe", "say", "here");
	assert_exit(gc, 0);
	assert_says(gc, "here");
	assert_int_equal(launch_stop(f, p), 4);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_a_launcher_killed_while_it_boots_a_dyno, AS_BOTH),
	SANDBOX_TEST(test_a_launcher_killed_while_it_boots_a_dyno_with_a_network, AS_BOTH),
	SANDBOX_TEST(test_a_launcher_killed_while_it_boots_a_dyno_without_init, AS_BOTH),
	SANDBOX_TEST(test_a_name_is_free_again_after_its_launcher_was_killed, AS_BOTH),
	SANDBOX_TEST(test_a_running_dyno_dies_with_its_launcher, AS_BOTH),
	SANDBOX_TEST(test_gc_leaves_a_running_dyno_alone, AS_BOTH),
};

SANDBOX_MAIN("kill", tests)
