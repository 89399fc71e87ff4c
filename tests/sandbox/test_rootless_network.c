/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_rootless_network.c - networks of an ordinary user's dynos: what is said when something is missing, and that nothing is left
 *
 * Who reaches whom is test_reach.c's subject, ports are test_publish.c's; both run as an ordinary user too.
 */
#include "tests/sandbox/lifecycle_support.h"
#include "tests/sandbox/world.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NO_PASTA ARGV("PATH=/nowhere")

/** run_with() - `dyno run @argv` with @env in its environment */
static void run_with(struct fixture *f, struct process *p, const char *program, const char *const *env,
                     const char *const *argv)
{
	launch_start(f, p, &(struct launch){ .argv = argv, .program = program, .env = env });
	launch_finish(f, p);
}

/* Nobody asked for a network by name: what there is without pasta is given, and one line says what is missing */
static void test_default_without_pasta(struct fixture *f)
{
	struct process *p = life_process(0);

	world_make(f);
	run_with(f, p, NULL, NO_PASTA, ARGV("run", "--slug", f->slug, "--", "/bin/cat", "/proc/net/dev"));
	assert_exit(p, 0);
	assert_that(p, strstr(p->err, "nothing outside can be reached") && strstr(p->err, "passt"));
	assert_that(p, strstr(p->out, "lo:") && !strstr(p->out, "eth0"));
	/* a port needs none of it; its address is on lo */
	run_with(f, p, NULL, NO_PASTA,
	         ARGV("run", "--slug", f->slug, "--port", "5000", "--", "/bin/cat", "/proc/net/fib_trie"));
	assert_exit(p, 0);
	assert_that(p, strstr(p->err, "nothing outside can be reached") && strstr(p->err, "http://127.0.0.1:5000"));
	assert_that(p, strstr(p->out, "|-- 172.29."));
	world_drop();
}

/* Asked for by name, it is that or a refusal */
static void test_private_without_pasta(struct fixture *f)
{
	struct process *p = life_process(0);

	world_make(f);
	run_with(f, p, NULL, NO_PASTA, ARGV("run", "-q", "--slug", f->slug, "--net", "private", "--", "/bin/true"));
	assert_refusal(p, 125, "pasta is not installed");
	assert_that(p, strstr(p->err, "passt") && strstr(p->err, "--net none"));
	run_with(f, p, NULL, NO_PASTA, ARGV("run", "-q", "--slug", f->slug, "--allow-host", "5432", "--", "/bin/true"));
	assert_refusal(p, 125, "pasta is not installed");
	/* nothing outside is asked for */
	run_with(f, p, NULL, NO_PASTA,
	         ARGV("run", "-q", "--slug", f->slug, "--net", "private", "--egress", "deny", "--", "/bin/true"));
	assert_exit(p, 0);
	world_drop();
}

/** is_usable() - skip where an ordinary user has no private network to lose */
static void is_usable(struct fixture *f)
{
	if (access("/usr/bin/pasta", X_OK) < 0)
		support_skip(f, "pasta is not installed");
}

/* No way out without walls */
static void test_walls_that_cannot_stand(struct fixture *f)
{
	const char *program = life_copy_program(f, "tests/dyno-faults");
	struct process *p = life_process(0);

	is_usable(f);
	world_make(f);
	run_with(f, p, program, ARGV("DYNO_FAULT=rootless walls"),
	         ARGV("run", "-q", "--slug", f->slug, "--net", "private", "--", "/app/probe", "ids"));
	assert_refusal(p, 125, "nf_tables");
	assert_that(p, strstr(p->err, "--net none") && p->out[0] == '\0');
	run_with(f, p, program, ARGV("DYNO_FAULT=kill:rootless walls"),
	         ARGV("run", "-q", "--slug", f->slug, "--net", "private", "--", "/app/probe", "ids"));
	assert_that(p, p->code == 125 && p->out[0] == '\0');
	world_drop();
}

/* pasta and the keeper of the walls die with the launcher */
static void test_killed_launcher(struct fixture *f)
{
	struct process *p = life_process(0);

	is_usable(f);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	START(f, p, "run", "-q", "--slug", f->slug, "--net", "private", "--", "/bin/sh", "-c",
	      "echo up; exec sleep 60");
	assert_that(p, launch_expect(p, "up"));
	kill(p->pid, SIGKILL);
	launch_finish(f, p);
	assert_int_equal(life_reap(), 0);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	DYNO(f, p, "gc");
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_default_without_pasta, AS_USER | BY_ROOT),
	SANDBOX_TEST(test_private_without_pasta, AS_USER | BY_ROOT),
	SANDBOX_TEST(test_walls_that_cannot_stand, AS_USER | BY_ROOT),
	SANDBOX_TEST(test_killed_launcher, AS_USER | BY_ROOT),
};

int main(void)
{
	return world_main("rootless network", tests, sizeof(tests) / sizeof(tests[0]));
}
