/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_faults.c - every step of a boot fails once, and once the process that takes it dies there: nothing may be left
 *
 * The steps are not listed here: the build with failure injection notes every step that it takes (base/fault.h), so that
 * a new one is tested from the day it is there.
 */
#include <signal.h>
#include <unistd.h>

#include "base/fault.h"
#include "tests/sandbox/lifecycle_support.h"

#define STEPS_MAX 64
/* Fewer than this, and the log itself is broken: a boot has some twenty-five */
#define STEPS_MIN 15

/** struct steps - names of the steps of one boot, in order */
struct steps {
	size_t count;
	char name[STEPS_MAX][48];
};

/** fault_run() - `dyno run @argv` of the build with failure injection, with @variable in its environment */
static void fault_run(struct fixture *f, struct process *p, const char *program, const char *variable,
                      const char *const *argv)
{
	launch_start(f, p, &(struct launch){ .argv = argv, .program = program, .env = ARGV(variable) });
	launch_finish(f, p);
}

/** read_steps() - what the log holds */
static void read_steps(const char *path, struct steps *ret)
{
	static char log[FAULT_LOG_SIZE];
	FILE *in = fopen(path, "re");
	unsigned used;

	ret->count = 0;
	assert_non_null(in);
	assert_int_equal(fread(log, 1, sizeof(log), in), sizeof(log));
	fclose(in);
	memcpy(&used, log, sizeof(used));
	assert_true(used < sizeof(log) - sizeof(used));
	for (const char *at = log + sizeof(used); at < log + sizeof(used) + used; at += strlen(at) + 1) {
		assert_true(ret->count < STEPS_MAX);
		snprintf(ret->name[ret->count++], sizeof(ret->name[0]), "%.40s", at);
	}
}

/** has_step() - @name is among @steps */
static bool has_step(const struct steps *steps, const char *name)
{
	for (size_t i = 0; i < steps->count; i++)
		if (strcmp(steps->name[i], name) == 0)
			return true;
	return false;
}

/** find_steps() - boot without a failure, and see what was on the way */
static void find_steps(struct fixture *f, const char *program, const char *const *argv, struct steps *ret)
{
	struct process *p = life_process(0);
	const char *log = support_path(f, "steps");

	fault_run(f, p, program, support_format("DYNO_FAULT_LOG=%s", log), argv);
	assert_exit(p, 0);
	read_steps(log, ret);
	unlink(log);
	assert_in_range(ret->count, STEPS_MIN, STEPS_MAX);
	/* one of each: launcher before the clone, child, launcher after it, the app's process, the control socket */
	assert_true(has_step(ret, "parent clone"));
	assert_true(has_step(ret, "syscalls"));
	assert_true(has_step(ret, "start"));
	assert_true(has_step(ret, "exec"));
	assert_true(has_step(ret, "control"));
}

/** fail_each() - every step of `dyno run @argv` fails: one line that names it, and nothing left */
static void fail_each(struct fixture *f, const char *const *argv)
{
	struct process *p = life_process(0);
	const char *program = life_copy_program(f, "tests/dyno-faults");
	static struct steps steps;

	find_steps(f, program, argv, &steps);
	for (size_t i = 0; i < steps.count; i++) {
		fault_run(f, p, program, support_format("DYNO_FAULT=%s", steps.name[i]), argv);
		assert_refusal(p, 125, steps.name[i]);
		assert_says(p, "injected failure");
		life_assert_clean(f, steps.name[i]);
	}
}

/** kill_each() - at every step of `dyno run @argv` the process that takes it dies: nothing survives, gc removes the rest */
static void kill_each(struct fixture *f, const char *const *argv)
{
	struct process *p = life_process(0);
	const char *program = life_copy_program(f, "tests/dyno-faults");
	static struct steps steps;
	size_t launchers = 0, children = 0;

	find_steps(f, program, argv, &steps);
	for (size_t i = 0; i < steps.count; i++) {
		fault_run(f, p, program, support_format("DYNO_FAULT=kill:%s", steps.name[i]), argv);
		if (p->code == 128 + SIGILL && p->err_size == 0) {
			launchers++;
			assert_int_equal(life_reap(), 0);
			DYNO(f, p, "gc");
			assert_exit(p, 0);
		} else {
			/* the app's own process is the app once it was made */
			children++;
			assert_exit(p, strcmp(steps.name[i], "exec") == 0 && p->code != 125 ? 128 + SIGILL : 125);
			(void)life_message(p);
		}
		life_assert_clean(f, steps.name[i]);
	}
	assert_in_range(launchers, 3, steps.count);
	assert_in_range(children, 3, steps.count);
}

static void test_a_step_that_fails_is_named_and_leaves_nothing(struct fixture *f)
{
	fail_each(f, ARGV("run", "-q", "--net", life_net(f), "--slug", f->slug, "--", "/app/probe", "exit", "0"));
}

static void test_a_step_that_fails_without_init_leaves_nothing(struct fixture *f)
{
	fail_each(f,
	          ARGV("run", "-q", "--no-init", "--net", "none", "--slug", f->slug, "--", "/app/probe", "exit", "0"));
}

static void test_a_step_that_fails_with_a_terminal_leaves_nothing(struct fixture *f)
{
	fail_each(f, ARGV("run", "-q", "-t", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe",
	                  "exit", "0"));
}

static void test_a_step_that_fails_of_a_published_dyno_leaves_nothing(struct fixture *f)
{
	fail_each(f, ARGV("run", "-q", "--net", "private", "-p", "5000", "--publish", "0", "--allow-host", "5432",
	                  "--egress", "10.0.0.0/8", "--slug", f->slug, "--", "/app/probe", "exit", "0"));
}

static void test_a_process_of_a_published_dyno_that_dies_at_a_step_leaves_what_gc_removes(struct fixture *f)
{
	kill_each(f, ARGV("run", "-q", "--net", "private", "-p", "5000", "--publish", "0", "--allow-host", "5432",
	                  "--egress", "10.0.0.0/8", "--slug", f->slug, "--", "/app/probe", "exit", "0"));
}

static void test_a_process_that_dies_at_a_step_leaves_what_gc_removes(struct fixture *f)
{
	kill_each(f, ARGV("run", "-q", "--net", life_net(f), "--slug", f->slug, "--", "/app/probe", "exit", "0"));
}

static void test_a_process_that_dies_at_a_step_without_init_leaves_what_gc_removes(struct fixture *f)
{
	kill_each(f, ARGV("run", "-q", "--no-init", "--net", "none", "--name", "web.1", "--slug", f->slug, "--",
	                  "/app/probe", "exit", "0"));
}

static void test_the_command_proper_injects_nothing(struct fixture *f)
{
	struct process *p = life_process(0);

	fault_run(f, p, support_dyno(), "DYNO_FAULT=parent clone",
	          ARGV("run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "exit", "0"));
	assert_exit(p, 0);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_a_step_that_fails_is_named_and_leaves_nothing, AS_BOTH),
	SANDBOX_TEST(test_a_step_that_fails_without_init_leaves_nothing, AS_BOTH),
	SANDBOX_TEST(test_a_step_that_fails_with_a_terminal_leaves_nothing, AS_BOTH),
	SANDBOX_TEST(test_a_process_that_dies_at_a_step_leaves_what_gc_removes, AS_BOTH),
	SANDBOX_TEST(test_a_process_that_dies_at_a_step_without_init_leaves_what_gc_removes, AS_BOTH),
	SANDBOX_TEST(test_a_step_that_fails_of_a_published_dyno_leaves_nothing, AS_ROOT),
	SANDBOX_TEST(test_a_process_of_a_published_dyno_that_dies_at_a_step_leaves_what_gc_removes, AS_ROOT),
	SANDBOX_TEST(test_the_command_proper_injects_nothing, AS_BOTH),
};

SANDBOX_MAIN("faults", tests)
