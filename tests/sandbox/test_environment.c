/* SPDX-License-Identifier: Apache-2.0 */
/* test_environment.c - told exactly: the variables of the spec and no other, and secrets nowhere else */
#include "tests/sandbox/support.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "s3cr3t-0f-th3-t3st"

/** count_lines() - of standard output */
static unsigned count_lines(const struct process *p)
{
	unsigned count = 0;

	for (const char *at = p->out; *at; at++)
		count += *at == '\n';
	return count;
}

static void test_environment_is_what_the_spec_says(struct fixture *f)
{
	static struct process p;

	DYNO(f, &p, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "-p", "5000", "-e",
	     "GREETING=hello world", "-e", "EMPTY=", "--", "/app/probe", "env");
	assert_exit(&p, 0);
	assert_value(&p, "HOME", "/app");
	assert_value(&p, "PATH", "/usr/local/bin:/usr/bin:/bin");
	assert_value(&p, "DYNO", "web.1");
	assert_value(&p, "PORT", "5000");
	assert_value(&p, "GREETING", "hello world");
	assert_value(&p, "EMPTY", "");
	assert_that(&p, count_lines(&p) == 6);
}

static void test_nothing_is_inherited(struct fixture *f)
{
	static const char *const init[] = { "--grace=1s", "--no-init" };
	static struct process p;

	for (size_t i = 0; i < 2; i++) {
		DYNO(f, &p, "run", "-q", init[i], "--net", "none", "--slug", f->slug, "--", "/app/probe", "env");
		assert_exit(&p, 0);
		/* INHERITED is in the environment of every command that these tests start */
		assert_silent_on(&p, "INHERITED");
		assert_that(&p, process_value(&p, "HOME") && process_value(&p, "PATH") && process_value(&p, "DYNO"));
		assert_that(&p, count_lines(&p) == 3);
	}
}

static void test_a_key_alone_takes_the_callers_value(struct fixture *f)
{
	static struct process p;

	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "-e", "INHERITED", "--", "/app/probe", "env");
	assert_exit(&p, 0);
	assert_value(&p, "INHERITED", "by-mistake");
	assert_that(&p, count_lines(&p) == 4);
}

static void test_app_may_set_home_and_path_but_not_dyno(struct fixture *f)
{
	static struct process p;

	DYNO(f, &p, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "-e", "HOME=/tmp", "-e",
	     "PATH=/app:/usr/bin", "-e", "DYNO=worker.9", "--", "probe", "env");
	assert_exit(&p, 0);
	assert_value(&p, "HOME", "/tmp");
	assert_value(&p, "PATH", "/app:/usr/bin");
	assert_value(&p, "DYNO", "web.1");
	assert_that(&p, count_lines(&p) == 3);
}

static void test_terminal_is_told_only_with_one(struct fixture *f)
{
	static struct process p;

	const char *const *given = ARGV("TERM=test-terminal");
	const char *const *with = ARGV("run", "-q", "-t", "--net", "none", "--slug", f->slug, "--", "/app/probe",
	                               "env");
	const char *const *without = ARGV("run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "env");

	launch_start(f, &p, &(struct launch){ .argv = with, .env = given });
	assert_int_equal(launch_finish(f, &p), 0);
	assert_says(&p, "TERM=test-terminal");
	launch_start(f, &p, &(struct launch){ .argv = without, .env = given });
	assert_int_equal(launch_finish(f, &p), 0);
	assert_no_value(&p, "TERM");
}

static void test_environment_file(struct fixture *f)
{
	static struct process p;
	const char *path = support_path(f, "vars");

	support_write(path, "# config vars\nFROM_FILE=one\nBOTH=file\nexport QUOTED=\"a b\"\n", 0644);
	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "--env-file", path, "-e", "BOTH=option", "--",
	     "/app/probe", "env");
	assert_exit(&p, 0);
	assert_value(&p, "FROM_FILE", "one");
	assert_value(&p, "BOTH", "option");
	assert_value(&p, "QUOTED", "a b");
}

static void test_exec_gets_the_dynos_environment(struct fixture *f)
{
	static struct process dyno, p;

	START(f, &dyno, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "-e", "KEPT=yes", "--",
	      "/app/probe", "trap");
	assert_that(&dyno, launch_expect(&dyno, "ready="));
	DYNO(f, &p, "exec", "-e", "MORE=too", "web.1", "--", "/app/probe", "env");
	assert_exit(&p, 0);
	assert_value(&p, "KEPT", "yes");
	assert_value(&p, "MORE", "too");
	assert_value(&p, "DYNO", "web.1");
	assert_that(&p, count_lines(&p) == 5);
	launch_stop(f, &dyno);
}

/* nftw(3) takes no data of ours; the tests have one thread */
static char leak[512];

/** look_into() - note a file that holds the secret */
static int look_into(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *text = type == FTW_F && S_ISREG(st->st_mode) ? support_read(path) : NULL;

	(void)ftw;
	if (text && strstr(text, SECRET))
		snprintf(leak, sizeof(leak), "%s", path);
	return 0;
}

/** holds_secret() - a file of /proc, in which zeros separate what strstr(3) would stop at */
static bool holds_secret(const char *path)
{
	static char text[65536];
	FILE *in = fopen(path, "re");
	size_t size = in ? fread(text, 1, sizeof(text), in) : 0;

	if (in)
		fclose(in);
	return memmem(text, size, SECRET, strlen(SECRET)) != NULL;
}

/** look_into_processes() - note a process other than ourselves that shows the secret in its file @file */
static void look_into_processes(const char *file)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *path = support_format("/proc/%s/%s", entry->d_name, file);

		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && holds_secret(path))
			snprintf(leak, sizeof(leak), "%s", path);
	}
	if (dir)
		closedir(dir);
}

static void test_secrets_are_in_no_command_line_and_no_file(struct fixture *f)
{
	static struct process dyno, p;
	const char *path = support_path(f, "vars");

	support_write(path, "KEY=" SECRET "\n", 0600);
	if (geteuid() == 0)
		assert_int_equal(chown(path, f->uid, f->uid), 0);
	START(f, &dyno, "run", "--net", "none", "--name", "web.1", "--slug", f->slug, "--env-file", path, "--",
	      "/app/probe", "env", "--", "trap");
	assert_that(&dyno, launch_expect(&dyno, "ready="));
	assert_value(&dyno, "KEY", SECRET);
	leak[0] = '\0';
	look_into_processes("cmdline");
	assert_string_equal(leak, "");
	nftw(f->state, look_into, 16, FTW_PHYS);
	assert_string_equal(leak, "");
	DYNO(f, &p, "ps");
	assert_says(&p, "web.1");
	assert_silent_on(&p, SECRET);
	DYNO(f, &p, "ps", "--json");
	assert_silent_on(&p, SECRET);
	launch_stop(f, &dyno);
	assert_true(strstr(dyno.err, SECRET) == NULL);
}

static void test_secrets_are_not_in_a_plan_or_an_error(struct fixture *f)
{
	static struct process p;

	DYNO(f, &p, "run", "--dry-run", "--net", "none", "--slug", f->slug, "-e", ("KEY=" SECRET), "--", "/app/probe",
	     "env");
	assert_exit(&p, 0);
	assert_says(&p, "KEY");
	assert_silent_on(&p, SECRET);
	DYNO(f, &p, "run", "--net", "none", "--slug", f->slug, "-e", ("0KEY=" SECRET), "--", "/app/probe", "env");
	assert_exit(&p, 2);
	assert_silent_on(&p, SECRET);
	DYNO(f, &p, "run", "--net", "none", "--slug", f->slug, "-e", ("KEY=" SECRET), "--", "/app/nothing");
	assert_exit(&p, 127);
	assert_silent_on(&p, SECRET);
}

static void test_environment_of_init_is_hidden(struct fixture *f)
{
	static struct process p;

	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "-e", ("KEY=" SECRET), "--", "/app/probe", "read",
	     "/proc/1/environ", "--", "read", "/proc/1/cmdline");
	assert_exit(&p, 0);
	assert_value(&p, "result", "EACCES");
	assert_silent_on(&p, SECRET);
	/* Nor does its title tell how it was launched: paths of the host, other options */
	assert_silent_on(&p, f->slug);
}

static void test_state_is_for_its_owner_only(struct fixture *f)
{
	static const char *const names[] = { "", "/slots", "/names", "/sockets" };
	static struct process p;
	struct stat st;

	PROBE(f, &p, "env");
	assert_exit(&p, 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(stat(support_format("%s%s", f->state, names[i]), &st), 0);
		assert_int_equal(st.st_mode & 077, 0);
		assert_int_equal(st.st_uid, f->uid);
	}
}

static void test_no_core_is_written(struct fixture *f)
{
	static struct process p;

	PROBE(f, &p, "limits");
	assert_value(&p, "limit.core", "0 0");
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_environment_is_what_the_spec_says, AS_BOTH),
	SANDBOX_TEST(test_nothing_is_inherited, AS_BOTH),
	SANDBOX_TEST(test_a_key_alone_takes_the_callers_value, AS_BOTH),
	SANDBOX_TEST(test_app_may_set_home_and_path_but_not_dyno, AS_BOTH),
	SANDBOX_TEST(test_terminal_is_told_only_with_one, AS_BOTH),
	SANDBOX_TEST(test_environment_file, AS_BOTH),
	SANDBOX_TEST(test_exec_gets_the_dynos_environment, AS_BOTH),
	SANDBOX_TEST(test_secrets_are_in_no_command_line_and_no_file, AS_BOTH),
	SANDBOX_TEST(test_secrets_are_not_in_a_plan_or_an_error, AS_BOTH),
	SANDBOX_TEST(test_environment_of_init_is_hidden, AS_BOTH),
	SANDBOX_TEST(test_state_is_for_its_owner_only, AS_BOTH),
	SANDBOX_TEST(test_no_core_is_written, AS_BOTH),
};

SANDBOX_MAIN("environment", tests)
