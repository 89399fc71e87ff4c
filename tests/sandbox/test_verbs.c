/* SPDX-License-Identifier: Apache-2.0 */
/* test_verbs.c - the other verbs on running dynos: exec, ps, stop, gc, doctor, version */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/sandbox/lifecycle_support.h"

/** start_web() - a dyno called web.1 that traps signals, up */
static void start_web(struct fixture *f, struct process *p)
{
	START(f, p, "run", "-q", "--net", "none", "--name", "web.1", "-e", "COLOUR=blue", "--slug", f->slug, "--",
	      "/app/probe", "trap", "4");
	assert_true(launch_expect(p, "ready="));
}

static void test_exec_passes_the_exit_code_and_the_streams(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);
	int ends[2];

	start_web(f, web);
	for (int code = 0; code < 256; code += 51) {
		DYNO(f, p, "exec", "web.1", "--", "/app/probe", "exit", support_format("%d", code));
		assert_exit(p, code);
		assert_that(p, p->err_size == 0);
	}
	DYNO(f, p, "exec", "web.1", "--", "/app/probe", "kill", "KILL", "self");
	assert_exit(p, 128 + SIGKILL);
	DYNO(f, p, "exec", "web.1", "--", "/app/probe", "say", "out", "err");
	assert_exit(p, 0);
	assert_string_equal(p->out, "out\n");
	assert_string_equal(p->err, "err\n");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fd_write_all(ends[1], "typed\n", 6), 0);
	close(ends[1]);
	launch_start(f, p, &(struct launch){ .argv = ARGV("exec", "web.1", "--", "/app/probe", "cat"), .in = ends[0] });
	close(ends[0]);
	launch_finish(f, p);
	assert_exit(p, 0);
	assert_string_equal(p->out, "typed\n");
	/* a shell line, as run takes it */
	DYNO(f, p, "exec", "web.1", "echo $COLOUR; exit 9");
	assert_exit(p, 9);
	assert_string_equal(p->out, "blue\n");
	assert_int_equal(launch_stop(f, web), 4);
}

static void test_exec_tells_what_cannot_be_run(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);

	start_web(f, web);
	DYNO(f, p, "exec", "web.1", "--", "./missing");
	assert_refusal(p, 127, "./missing: command not found");
	DYNO(f, p, "exec", "web.1", "--", "./Procfile");
	assert_refusal(p, 126, "Permission denied");
	DYNO(f, p, "exec", "web.1", "--workdir", "/nonexistent", "--", "true");
	assert_that(p, p->code != 0);
	DYNO(f, p, "exec", "web.2", "--", "true");
	assert_refusal(p, 125, "did you mean web.1?");
	assert_int_equal(launch_stop(f, web), 4);
}

static void test_exec_passes_signals(struct fixture *f)
{
	static const struct {
		int signo;
		const char *says;
	} rows[] = {
		{ SIGINT, "signal=INT" },   { SIGHUP, "signal=HUP" },   { SIGQUIT, "signal=QUIT" },
		{ SIGUSR1, "signal=USR1" }, { SIGUSR2, "signal=USR2" }, { SIGTERM, "signal=TERM" },
	};
	struct process *web = life_process(0), *p = life_process(1);

	start_web(f, web);
	START(f, p, "exec", "web.1", "--", "/app/probe", "trap", "6");
	assert_true(launch_expect(p, "ready="));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		kill(p->pid, rows[i].signo);
		assert_true(launch_expect(p, rows[i].says));
	}
	assert_int_equal(launch_finish(f, p), 6);
	/* they were for the command, not for the app */
	assert_int_equal(launch_stop(f, web), 4);
	assert_silent_on(web, "signal=USR1");
}

/* facts that must be the same for the app and for what exec adds; what holds the process id is left out */
static const char *const same[] = { "ns.cgroup", "ns.ipc", "ns.mnt",       "ns.net",     "ns.pid",
	                            "ns.user",   "ns.uts", "CapInh",       "CapPrm",     "CapEff",
	                            "CapBnd",    "CapAmb", "NoNewPrivs",   "Seccomp",    "Seccomp_filters",
	                            "Uid",       "Gid",    "uid_map",      "gid_map",    "hostname",
	                            "cwd",       "umask",  "limit.nofile", "limit.core", "limit.fsize" };

static void test_exec_is_inside_and_just_as_confined(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);

	START(f, web, "run", "-q", "--net", "none", "--name", "web.1", "--nofile", "77", "--slug", f->slug, "--",
	      "/app/probe", "ns", "--", "caps", "--", "ids", "--", "limits", "--", "trap");
	assert_true(launch_expect(web, "ready="));
	DYNO(f, p, "exec", "web.1", "--", "/app/probe", "ns", "--", "caps", "--", "ids", "--", "limits", "--", "fds");
	assert_exit(p, 0);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		const char *value = process_value(web, same[i]);

		if (!value && strcmp(same[i], "Seccomp_filters") == 0)
			continue; /* since Linux 5.9 */
		assert_that(web, value != NULL);
		support_assert_value(p, same[i], value, __FILE__, __LINE__);
	}
	assert_value(p, "ppid", "1");
	assert_value(p, "CapBnd", "0000000000000000");
	assert_value(p, "NoNewPrivs", "1");
	assert_value(p, "Seccomp", "2");
	assert_no_value(p, "fd.3");
	assert_int_equal(launch_stop(f, web), 0);
}

/** group_of() - the cgroup of process @pid, as /proc tells it */
static const char *group_of(pid_t pid)
{
	const char *text = support_read(support_format("/proc/%d/cgroup", pid));

	return text ? support_format("%s", text) : "";
}

static void test_exec_is_in_the_dynos_cgroup(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);
	const char *first, *child;
	pid_t init;

	start_web(f, web);
	init = life_pid(f, "web.1");
	first = group_of(init);
	START(f, p, "exec", "web.1", "--", "/app/probe", "trap");
	assert_true(launch_expect(p, "ready="));
	/* what ran last of init's children */
	child = support_read(support_format("/proc/%d/task/%d/children", init, init));
	assert_non_null(child);
	child = strrchr(support_format("%.*s", (int)strcspn(child, "\n") - 1, child), ' ');
	assert_non_null(child);
	assert_string_equal(group_of((pid_t)atoi(child)), first);
	assert_int_equal(launch_stop(f, p), 0);
	assert_int_equal(launch_stop(f, web), 4);
}

/** cpus_of() - where process @pid may run, as /proc tells it */
static const char *cpus_of(pid_t pid)
{
	const char *text = support_read(support_format("/proc/%d/status", pid));
	const char *line = text ? strstr(text, "Cpus_allowed:") : NULL;

	return line ? support_format("%.*s", (int)strcspn(line, "\n"), line) : "";
}

/** init is kept off one CPU while its app is started, and no longer: what is executed later inherits that */
static void test_exec_may_run_wherever_the_launcher_may(struct fixture *f)
{
	struct process *web = life_process(0);
	const char *here;
	pid_t init;

	start_web(f, web);
	init = life_pid(f, "web.1");
	here = cpus_of(getpid());
	assert_true(here[0] != '\0');
	assert_string_equal(cpus_of(init), here);
	assert_int_equal(launch_stop(f, web), 4);
}

static void test_exec_ends_with_its_dyno_and_the_dyno_not_with_it(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);

	start_web(f, web);
	START(f, p, "exec", "web.1", "--", "/app/probe", "ignore-term");
	assert_true(launch_expect(p, "ready="));
	/* a client that dies takes neither the command's dyno nor its launcher with it */
	kill(p->pid, SIGKILL);
	launch_finish(f, p);
	START(f, p, "exec", "web.1", "--", "/app/probe", "ignore-term");
	assert_true(launch_expect(p, "ready="));
	assert_int_equal(launch_stop(f, web), 4);
	launch_finish(f, p);
	assert_that(p, p->code != 0);
}

/** await_listed() - `dyno ps` in @p as soon as it lists web.1, which may be heard before it is noted in its claim */
static void await_listed(struct fixture *f, struct process *p)
{
	for (int i = 0; i < 100; i++) {
		DYNO(f, p, "ps");
		assert_exit(p, 0);
		if (strstr(p->out, "web.1"))
			return;
		life_sleep_us(10000);
	}
	FAIL("web.1 is not listed: %s\n", p->out);
}

static void test_ps_lists_what_runs(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);

	start_web(f, web);
	await_listed(f, p);
	assert_says(p, f->slug);
	DYNO(f, p, "ps", "--json");
	assert_exit(p, 0);
	assert_string_equal(life_json(p->out, "x = [x for x in d if x['name'] == 'web.1'][0]\n"
	                                      "print(x['net'], x['port'], x['command'], x['slug'])"),
	                    support_format("none 0 /app/probe %s", f->slug));
	assert_string_equal(life_json(p->out, "print([x['launcher'] for x in d if x['name'] == 'web.1'][0])"),
	                    support_format("%d", web->pid));
	/* neither arguments nor config vars */
	assert_silent_on(p, "trap");
	assert_silent_on(p, "blue");
	assert_int_equal(launch_stop(f, web), 4);
	DYNO(f, p, "ps", "--json");
	assert_string_equal(life_json(p->out, "print(len([x for x in d if x['name'] == 'web.1']))"), "0");
}

static void test_ps_forgets_a_dyno_whose_launcher_was_killed(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);

	start_web(f, web);
	kill(web->pid, SIGKILL);
	launch_finish(f, web);
	assert_int_equal(life_reap(), 0);
	DYNO(f, p, "ps", "-q");
	assert_exit(p, 0);
	assert_silent_on(p, "web.1");
	DYNO(f, p, "exec", "web.1", "--", "true");
	assert_refusal(p, 125, "no dyno named web.1 is running");
	DYNO(f, p, "gc");
	assert_exit(p, 0);
}

static void test_stop_is_graceful_and_waits(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);

	start_web(f, web);
	DYNO(f, p, "stop", "web.1");
	assert_exit(p, 0);
	/* it is gone by then, and its name is free */
	DYNO(f, p, "ps", "-q");
	assert_silent_on(p, "web.1");
	DYNO(f, p, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "exit", "0");
	assert_exit(p, 0);
	assert_int_equal(launch_finish(f, web), 4);
	assert_says(web, "signal=TERM");
}

static void test_stop_now_does_not_ask(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);

	start_web(f, web);
	DYNO(f, p, "stop", "--now", "web.1");
	assert_exit(p, 0);
	assert_int_equal(launch_finish(f, web), 128 + SIGKILL);
	assert_silent_on(web, "signal=TERM");
}

static void test_stop_kills_what_ignores_it(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);

	START(f, web, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe",
	      "ignore-term");
	assert_true(launch_expect(web, "ready="));
	DYNO(f, p, "stop", "--grace", "1s", "web.1");
	assert_exit(p, 0);
	assert_int_equal(launch_finish(f, web), 128 + SIGKILL);
	assert_non_null(strstr(life_message(web), "did not stop within its time of grace"));
}

static void test_stop_without_init(struct fixture *f)
{
	struct process *web = life_process(0), *p = life_process(1);

	START(f, web, "run", "-q", "--no-init", "--net", "none", "--name", "web.1", "--slug", f->slug, "--",
	      "/app/probe", "trap", "6");
	assert_true(launch_expect(web, "ready="));
	DYNO(f, p, "exec", "web.1", "--", "true");
	assert_refusal(p, 125, "--no-init");
	DYNO(f, p, "stop", "web.1");
	assert_exit(p, 0);
	assert_int_equal(launch_finish(f, web), 6);
}

static void test_gc_with_nothing_to_do(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, "gc");
	assert_exit(p, 0);
	DYNO(f, p, "gc");
	assert_exit(p, 0);
	assert_that(p, p->err_size == 0);
}

static void test_doctor_says_that_dynos_run_here(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, "doctor");
	assert_exit(p, 0);
	assert_that(p, p->out_size > 0);
	DYNO(f, p, "doctor", "--json");
	assert_exit(p, 0);
	assert_string_equal(life_json(p->out, "print(type(d).__name__ in ('dict', 'list') and len(d) > 0)"), "True");
}

static void test_version_and_help(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, "version");
	assert_exit(p, 0);
	assert_that(p, strncmp(p->out, "dyno ", 5) == 0);
	DYNO(f, p, "--version");
	assert_exit(p, 0);
	DYNO(f, p, "help");
	assert_exit(p, 0);
	assert_says(p, "run");
	DYNO(f, p, "run", "--help");
	assert_exit(p, 0);
	assert_says(p, "--memory");
	assert_that(p, p->err_size == 0);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_exec_passes_the_exit_code_and_the_streams, AS_BOTH),
	SANDBOX_TEST(test_exec_tells_what_cannot_be_run, AS_BOTH),
	SANDBOX_TEST(test_exec_passes_signals, AS_BOTH),
	SANDBOX_TEST(test_exec_is_inside_and_just_as_confined, AS_BOTH),
	SANDBOX_TEST(test_exec_is_in_the_dynos_cgroup, AS_BOTH),
	SANDBOX_TEST(test_exec_may_run_wherever_the_launcher_may, AS_BOTH),
	SANDBOX_TEST(test_exec_ends_with_its_dyno_and_the_dyno_not_with_it, AS_BOTH),
	SANDBOX_TEST(test_ps_lists_what_runs, AS_BOTH),
	SANDBOX_TEST(test_ps_forgets_a_dyno_whose_launcher_was_killed, AS_BOTH),
	SANDBOX_TEST(test_stop_is_graceful_and_waits, AS_BOTH),
	SANDBOX_TEST(test_stop_now_does_not_ask, AS_BOTH),
	SANDBOX_TEST(test_stop_kills_what_ignores_it, AS_BOTH),
	SANDBOX_TEST(test_stop_without_init, AS_BOTH),
	SANDBOX_TEST(test_gc_with_nothing_to_do, AS_BOTH),
	SANDBOX_TEST(test_doctor_says_that_dynos_run_here, AS_BOTH),
	SANDBOX_TEST(test_version_and_help, AS_BOTH),
};

SANDBOX_MAIN("verbs", tests)
