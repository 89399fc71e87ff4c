/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_launcher_verb.c - `dyno launcher` and its questions; how dyno run finds a launcher, when it does without, and how it gives
 * up one that hangs; the example schedulers
 */
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sandbox/run_launcher_support.h"

/** launcher_of() - process id of the launcher of the running dyno @name */
static const char *launcher_of(struct fixture *f, const char *name)
{
	struct process *p = life_process(1);

	launcher_ps(f, p, name);
	return life_json(p->out, support_format("print([x['launcher'] for x in d if x['name'] == '%s'][0])", name));
}

/** run_and_ask() - a dyno by `dyno run` with @option. Return: whether process @pid launched it */
static bool run_and_ask(struct fixture *f, const char *option, pid_t pid, void (*before)(void))
{
	struct process *p = life_process(0);
	bool by;

	launch_start(f, p,
	             &(struct launch){ .argv = ARGV("run", option, "--net", "none", "--name", "found.1", "--slug",
	                                            f->slug, "--", "/app/probe", "trap", "0"),
	                               .before = before });
	assert_true(launch_expect(p, "ready="));
	by = strtol(launcher_of(f, "found.1"), NULL, 10) == pid;
	assert_int_equal(launch_stop(f, p), 0);
	return by;
}

/** be_nice() - in the child: yield to others */
static void be_nice(void)
{
	if (nice(5) < 0)
		_exit(99);
}

/** be_bound() - in the child: to one CPU */
static void be_bound(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		_exit(99);
}

/* as an ordinary user, whose state directory here is nobody else's; root's is the machine's */
static void test_a_launcher_of_the_same_user_is_found(struct fixture *f)
{
	struct process *launcher = resident_begin_with(f, "--grace", "1s"), *p = life_process(0);
	pid_t pid = launcher->pid;

	assert_true(support_exists(support_format("%s/launcher.sock", f->state)));
	assert_true(run_and_ask(f, "-q", pid, NULL));
	assert_false(run_and_ask(f, "--no-launcher", pid, NULL));
	/* what it cannot give as asked for is launched by dyno run itself, and so is what would not be the same */
	assert_false(run_and_ask(f, "--diff", pid, NULL));
	assert_false(run_and_ask(f, support_format("--keep=%s/kept", f->dir), pid, NULL));
	assert_false(run_and_ask(f, "-q", pid, be_nice));
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		assert_false(run_and_ask(f, "-q", pid, be_bound));
	/* there is one already */
	DYNO(f, p, "launcher");
	assert_that(p, p->code == 125 && p->out_size == 0);
	DYNO(f, p, "launcher", "reload");
	assert_exit(p, 0);
	assert_true(run_and_ask(f, "-q", pid, NULL));
	DYNO(f, p, "launcher", "stop");
	assert_exit(p, 0);
	assert_int_equal(launch_finish(f, launcher), 0);
	assert_false(run_and_ask(f, "-q", pid, NULL));
	DYNO(f, p, "launcher", "stop");
	assert_refusal(p, 125, "cannot reach the launcher");
}

static void test_a_request_that_is_refused_is_launched_without(struct fixture *f)
{
	struct process *launcher = resident_begin_with(f, "--max-dynos", "1");
	struct process *p = life_process(2);
	pid_t pid = launcher->pid;

	START(f, p, "run", "-q", "--net", "none", "--name", "first.1", "--slug", f->slug, "--", "/app/probe", "trap",
	      "0");
	assert_true(launch_expect(p, "ready="));
	assert_int_equal(strtol(launcher_of(f, "first.1"), NULL, 10), pid);
	assert_false(run_and_ask(f, "-q", pid, NULL));
	assert_int_equal(launch_stop(f, p), 0);
	assert_int_equal(launch_stop(f, launcher), 0);
}

static void test_a_launcher_that_hangs_can_be_given_up(struct fixture *f)
{
	struct process *launcher = resident_begin(f), *p = life_process(0);
	siginfo_t info;

	kill(launcher->pid, SIGSTOP);
	START(f, p, RUN(f, launcher_through(f), "--", "/app/probe", "trap"));
	life_sleep_us(100000);
	kill(p->pid, SIGINT);
	life_sleep_us(50000);
	kill(p->pid, SIGINT);
	life_sleep_us(1200000);
	kill(p->pid, SIGINT);
	/* our descriptors are on their way to the launcher: the pipes end when it has read and dropped them */
	assert_int_equal(waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT), 0);
	kill(launcher->pid, SIGCONT);
	assert_int_equal(launch_finish(f, p), 128 + SIGINT);
	launcher_end(f, launcher);
}

static void test_what_makes_no_sense_is_refused(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, "launcher", "restart");
	assert_refusal(p, 2, "a launcher knows no 'restart'");
	DYNO(f, p, "launcher", "pool", "1");
	assert_refusal(p, 2, "takes the number of a pool and MIN-MAX, or nothing");
	DYNO(f, p, "launcher", "stop", "now");
	assert_refusal(p, 2, "takes no operand");
	DYNO(f, p, "launcher", "--json");
	assert_refusal(p, 2, "--json");
	DYNO(f, p, "launcher", "--pool", "many");
	assert_refusal(p, 2, "'many' is not how many a pool holds");
	DYNO(f, p, "launcher", "--group", "no-such-group");
	assert_refusal(p, 2, "there is no group 'no-such-group'");
	DYNO(f, p, "launcher", "--config", "/nowhere/file");
	assert_refusal(p, 125, "cannot read /nowhere/file");
	DYNO(f, p, "run", "--launcher=/x", "--no-launcher", "--slug", f->slug, "--", "true");
	assert_refusal(p, 2, "exclude each other");
	DYNO(f, p, "run", "--launcher=/x", "--diff", "--slug", f->slug, "--", "true");
	assert_refusal(p, 2, "exclude each other");
}

static void test_the_example_schedulers_work(struct fixture *f)
{
	const char *const source = getenv("DYNO_SOURCE") ? getenv("DYNO_SOURCE") : ".";
	const char *c = life_copy_program(f, "examples/scheduler"), *python = support_path(f, "scheduler.py");
	struct process *launcher = resident_begin(f), *p = life_process(0);

	support_copy(support_format("%s/examples/scheduler/scheduler.py", source), python, 0755);
	for (int i = 0; i < 2; i++) {
		const char *program = i == 0 ? c : python;

		launch_program(f, p, program,
		               ARGV("-s", launcher_socket_of(f), "4", "/bin/sh", "-c", "echo from $DYNO; exit 0"));
		assert_exit(p, 0);
		assert_says(p, "from run.");
		assert_says(p, " ms  pid ");
		assert_says(p, "4 dynos: ");
		assert_says(p, "; 0 failed");
		launch_program(f, p, program, ARGV("-s", launcher_socket_of(f), "2", "/bin/sh", "-c", "exit 3"));
		assert_exit(p, 1);
		assert_says(p, "; 2 failed");
		launch_program(f, p, program, ARGV("-s", launcher_socket_of(f), "1", "no-such-program"));
		assert_exit(p, 1);
		assert_says(p, "command not found");
		launch_program(f, p, program, ARGV("-s", "/nowhere/sock", "1", "true"));
		assert_exit(p, 1);
		assert_says(p, "cannot reach the launcher at /nowhere/sock");
	}
	launcher_end(f, launcher);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_a_launcher_of_the_same_user_is_found, AS_USER),
	SANDBOX_TEST(test_a_request_that_is_refused_is_launched_without, AS_USER),
	SANDBOX_TEST(test_a_launcher_that_hangs_can_be_given_up, AS_BOTH),
	SANDBOX_TEST(test_what_makes_no_sense_is_refused, AS_BOTH),
	SANDBOX_TEST(test_the_example_schedulers_work, AS_BOTH),
};

SANDBOX_MAIN("the verb launcher", tests)
