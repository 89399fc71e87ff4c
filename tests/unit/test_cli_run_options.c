/* SPDX-License-Identifier: Apache-2.0 */
/* test_cli_run_options.c - cli/run_options: from a command line to a validated request, and every way to be refused */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/run_app.h"
#include "cli/run_options.h"
#include "netns/rootless.h"
#include "runtime/host.h"
#include "cli/verb.h"
#include "config/sizes.h"

#define ARGS_MAX 40

/** struct fixture - a slug directory with a file in it, and what a command line made */
struct fixture {
	char slug[64];
	char file[80];
	const char *argv[ARGS_MAX]; /* the request points into it */
	struct run_given given;
	struct run_request request;
	struct dyno_error err;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	FILE *file;

	assert_non_null(f);
	strcpy(f->slug, "/tmp/dyno-test-XXXXXX");
	assert_non_null(mkdtemp(f->slug));
	snprintf(f->file, sizeof(f->file), "%s/file", f->slug);
	file = fopen(f->file, "w");
	assert_non_null(file);
	fputs("FROM_FILE=1\nBOTH=file\n", file);
	fclose(file);
	setenv("HOME", "/nonexistent", 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->file);
	rmdir(f->slug);
	free(f);
	return 0;
}

/** resolve() - read "run --slug SLUG ARG..." and resolve it. Return: code of the first step that failed, or 0 */
static int resolve(struct fixture *f, const char *const *args)
{
	const char **argv = f->argv;
	int argc = 0, first, code;

	argv[argc++] = "run";
	argv[argc++] = "--slug";
	argv[argc++] = f->slug;
	while (*args && argc < ARGS_MAX - 1)
		argv[argc++] = *args++;
	argv[argc] = NULL;
	f->given = (struct run_given)RUN_GIVEN_DEFAULTS;
	memset(&f->err, 0, sizeof(f->err));
	memset(&f->request, 0, sizeof(f->request));
	memset(f->request.inputs.streams, -1, sizeof(f->request.inputs.streams));
	code = options_parse(run_specs, argc, (char *const *)(uintptr_t)argv, &f->given, &first, &f->err);
	if (code == 0)
		code = run_options_resolve(&f->given, (char *const *)(uintptr_t)(argv + first), &f->request, &f->err);
	return code;
}

static void done(struct fixture *f)
{
	run_request_done(&f->request);
	options_done(run_specs, &f->given);
}

#define RESOLVE(f, ...) resolve((f), (const char *const[]){ __VA_ARGS__, NULL })

static bool has_var(const struct fixture *f, const char *pair)
{
	for (const char *const *env = f->request.app.env; *env; env++)
		if (strcmp(*env, pair) == 0)
			return true;
	return false;
}

static void test_defaults(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RESOLVE(f, "-T", "true"), 0);
	assert_string_equal(f->request.shape.stack, "host");
	assert_int_equal(f->request.shape.net,
	                 host_has_privilege() || rootless_usable(NULL) == 0 ? DYNO_NET_PRIVATE : DYNO_NET_NONE);
	assert_false(f->request.shape.tty);
	assert_false(f->request.shape.no_init);
	assert_null(f->request.shape.scratch_dir);
	assert_string_equal(f->request.app.slug, f->slug);
	assert_string_equal(f->request.app.argv[0], "true");
	assert_null(f->request.app.argv[1]);
	assert_null(f->request.app.name);
	assert_null(f->request.app.env[0]);
	assert_int_equal(f->request.app.port, 0);
	assert_int_equal(f->request.app.fds[1], STDOUT_FILENO);
	assert_int_equal(f->given.grace_ms, 30000);
	assert_int_equal(f->request.timeline, REPORT_NONE);
	done(f);
}

static void test_everything_lands_in_its_place(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RESOLVE(f, "-T", "--net=none", "-p", "5000", "--name", "web.1", "-w/tmp", "--memory=64M",
	                         "--pids", "32", "--cpus", "0.5", "--nofile", "256", "--scratch-size", "8M",
	                         "--scratch-dir", "/tmp", "--no-init", "--timeline=chrome", "--", "cat"),
	                 0);
	assert_int_equal(f->request.shape.net, DYNO_NET_NONE);
	assert_true(f->request.shape.no_init);
	assert_int_equal(f->request.shape.scratch_size, 8 << 20);
	assert_string_equal(f->request.shape.scratch_dir, "/tmp");
	assert_int_equal(f->request.app.port, 5000);
	assert_string_equal(f->request.app.name, "web.1");
	assert_string_equal(f->request.app.workdir, "/tmp");
	assert_int_equal(f->request.app.limits.memory, 64 << 20);
	assert_int_equal(f->request.app.limits.pids, 32);
	assert_int_equal(f->request.app.limits.cpu_milli, 500);
	assert_int_equal(f->request.app.limits.nofile, 256);
	assert_int_equal(f->request.timeline, REPORT_CHROME);
	done(f);
}

static void test_sizes_are_those_of_the_table(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; sizes_names()[i]; i++) {
		const struct size *size = sizes_find(sizes_names()[i]);

		assert_int_equal(RESOLVE(f, "-T", "--size", size->name, "true"), 0);
		assert_int_equal(f->request.app.limits.memory, size->limits.memory);
		assert_int_equal(f->request.app.limits.pids, size->limits.pids);
		done(f);
	}
	assert_int_equal(RESOLVE(f, "-T", "--size", "standard-1x", "--memory", "1G", "true"), 0);
	assert_int_equal(f->request.app.limits.memory, 1ULL << 30);
	assert_int_equal(f->request.app.limits.pids, sizes_find("standard-1x")->limits.pids);
	done(f);
}

static void test_environment(void **state)
{
	struct fixture *f = *state;

	setenv("DYNO_TEST_CALLER", "from the caller", 1);
	assert_int_equal(RESOLVE(f, "-T", "-e", "A=1", "--env", "DYNO_TEST_CALLER", "-eBOTH=line", "--env-file",
	                         f->file, "-e", "A=2", "-e", "EMPTY=", "true"),
	                 0);
	assert_true(has_var(f, "A=2"));
	assert_false(has_var(f, "A=1"));
	assert_true(has_var(f, "DYNO_TEST_CALLER=from the caller"));
	assert_true(has_var(f, "FROM_FILE=1"));
	assert_true(has_var(f, "BOTH=line"));
	assert_true(has_var(f, "EMPTY="));
	done(f);
	unsetenv("DYNO_TEST_CALLER");
	assert_int_equal(RESOLVE(f, "-T", "-e", "DYNO_TEST_CALLER", "true"), -EINVAL);
	assert_non_null(strstr(f->err.text, "DYNO_TEST_CALLER"));
	done(f);
}

static void test_a_secret_is_never_repeated(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RESOLVE(f, "-T", "-e", "9BAD=s3cret", "true"), -EINVAL);
	assert_null(strstr(f->err.text, "s3cret"));
	assert_null(strstr(f->err.remedy, "s3cret"));
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "-e", "s3 cret", "true"), -EINVAL);
	assert_null(strstr(f->err.text, "s3 cret"));
	done(f);
}

static void test_terminal_gets_the_callers_TERM(void **state)
{
	struct fixture *f = *state;

	setenv("TERM", "test-term", 1);
	assert_int_equal(RESOLVE(f, "-t", "true"), 0);
	assert_true(f->request.shape.tty);
	assert_true(has_var(f, "TERM=test-term"));
	done(f);
	assert_int_equal(RESOLVE(f, "-t", "-e", "TERM=mine", "true"), 0);
	assert_true(has_var(f, "TERM=mine"));
	assert_false(has_var(f, "TERM=test-term"));
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "true"), 0);
	assert_false(has_var(f, "TERM=test-term"));
	done(f);
}

static void test_shell_lines(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RESOLVE(f, "-T", "echo $PORT"), 0);
	assert_string_equal(f->request.app.argv[0], "/bin/bash");
	assert_non_null(strstr(f->request.app.argv[2], "\necho $PORT"));
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "echo", "$PORT"), 0);
	assert_string_equal(f->request.app.argv[0], "echo");
	done(f);
}

static void test_slugs_that_are_refused(void **state)
{
	struct fixture *f = *state;
	char link[80];

	assert_int_equal(RESOLVE(f, "--slug", "/", "true"), -EINVAL);
	assert_non_null(strstr(f->err.text, "root directory"));
	done(f);
	assert_int_equal(RESOLVE(f, "--slug", "/usr/..", "true"), -EINVAL);
	done(f);
	assert_int_equal(RESOLVE(f, "--slug", "/nonexistent/slug", "true"), -ENOENT);
	done(f);
	assert_int_equal(RESOLVE(f, "--slug", f->file, "true"), -ENOTDIR);
	assert_non_null(strstr(f->err.text, "not a directory"));
	done(f);
	assert_int_equal(RESOLVE(f, "--slug", "", "true"), -EINVAL);
	done(f);
	setenv("HOME", f->slug, 1);
	assert_int_equal(RESOLVE(f, "true"), -EINVAL);
	assert_non_null(strstr(f->err.text, "home directory"));
	done(f);
	/* and by any other name */
	snprintf(link, sizeof(link), "%s.link", f->slug);
	assert_int_equal(symlink(f->slug, link), 0);
	setenv("HOME", link, 1);
	assert_int_equal(RESOLVE(f, "true"), -EINVAL);
	done(f);
	setenv("HOME", "/nonexistent", 1);
	assert_int_equal(RESOLVE(f, "-T", "--slug", link, "true"), 0);
	assert_string_equal(f->request.app.slug, f->slug);
	done(f);
	unlink(link);
}

static void test_mistakes_are_refused(void **state)
{
	static const char *const bad[][4] = {
		{ "--port=0", "true" },
		{ "--port=65536", "true" },
		{ "--port=80x", "true" },
		{ "--port=", "true" },
		{ "--port=-1", "true" },
		{ "--port= 80", "true" },
		{ "--memory=10x", "true" },
		{ "--memory=0", "true" },
		{ "--memory=4K", "true" },
		{ "--memory=-1M", "true" },
		{ "--memory=99999999T", "true" },
		{ "--scratch-size=4K", "true" },
		{ "--pids=0", "true" },
		{ "--pids=1", "true" },
		{ "--pids=x", "true" },
		{ "--cpus=0", "true" },
		{ "--cpus=1.2345", "true" },
		{ "--nofile=3", "true" },
		{ "--net=public", "true" },
		{ "--size=huge", "true" },
		{ "--timeline=xml", "true" },
		{ "--grace=30x", "true" },
		{ "--name=", "true" },
		{ "--name=a b", "true" },
		{ "--name=../x", "true" },
		{ "--name=.web", "true" },
		{ "--name=web/1", "true" },
		{ "--workdir=app", "true" },
		{ "--stack=/nonexistent", "true" },
		{ "--scratch-dir=/nonexistent", "true" },
		{ "--slgu=.", "true" },
		{ "-Z", "true" },
		{ "--tty=yes", "true" },
		{ "--tty", "--no-tty", "true" },
		{ "--no-init", "--tty", "true" },
		{ "--env==x", "true" },
		{ "--env=A B=x", "true" },
		{ "--env-file=/nonexistent", "true" },
		{ "--quiet" },
		{ "" },
		{ "--slug" },
		{ "--keep=/usr", "true" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int code = resolve(f, bad[i]);

		if (code >= 0 || !f->err.text[0] || strchr(f->err.text, '\n'))
			fail_msg("%s %s: code %d, text \"%s\"", bad[i][0], bad[i][1] ? bad[i][1] : "", code,
			         f->err.text);
		done(f);
	}
}

static void test_suggestion(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RESOLVE(f, "--memroy=1G", "true"), -EINVAL);
	assert_non_null(
		strstr(f->err.text[0] && strstr(f->err.text, "--memory") ? f->err.text : f->err.remedy, "--memory"));
	done(f);
}

static void test_long_names(void **state)
{
	struct fixture *f = *state;
	char name[80];

	memset(name, 'a', sizeof(name));
	name[63] = '\0';
	assert_int_equal(RESOLVE(f, "-T", "--name", name, "true"), 0);
	done(f);
	name[63] = 'a';
	name[64] = '\0';
	assert_int_equal(RESOLVE(f, "-T", "--name", name, "true"), -EINVAL);
	done(f);
}

static void test_ports(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RESOLVE(f, "-T", "-p", "auto", "true"), 0);
	assert_in_range(f->request.app.port, 10000, 59999);
	assert_true(f->request.shape.watch);
	assert_int_equal(f->request.app.boot_timeout_ms, 0);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "-p", "auto", "--net", "host", "true"), 0);
	assert_true(f->request.app.port > 0);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "true"), 0);
	assert_false(f->request.shape.watch);
	done(f);
	for (size_t i = 0; i < 5; i++) {
		static const char *const wrong[] = { "0", "65536", "http", "-1", "Auto" };

		assert_int_equal(RESOLVE(f, "-T", "-p", wrong[i], "true"), -EINVAL);
		assert_non_null(strstr(f->err.text, i < 2 ? "not within 1 and 65535" : "neither a port nor auto"));
		done(f);
	}
}

static void test_published(void **state)
{
	struct fixture *f = *state;
	char here[PATH_MAX];

	assert_int_equal(RESOLVE(f, "-T", "-p", "5000", "--publish", "8080", "--publish", "[::]:80", "true"), 0);
	assert_string_equal(f->request.app.publish[0], "8080");
	assert_string_equal(f->request.app.publish[1], "[::]:80");
	assert_null(f->request.app.publish[2]);
	assert_int_equal(f->request.app.boot_timeout_ms, 60000);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "--publish", "0", "true"), 0);
	assert_in_range(f->request.app.port, 10000, 59999);
	done(f);
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(RESOLVE(f, "-T", "--publish-unix", "web.sock", "true"), 0);
	assert_memory_equal(f->request.app.publish_unix, here, strlen(here));
	assert_string_equal(f->request.app.publish_unix + strlen(here), "/web.sock");
	assert_true(f->request.app.port > 0);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "--publish", "80", "--net", "none", "true"), -EINVAL);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "--publish", "80", "--publish", "80", "true"), -EINVAL);
	assert_non_null(strstr(f->err.text, "published twice"));
	done(f);
}

static void test_boot_timeout(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RESOLVE(f, "-T", "-n", "web.1", "-p", "5000", "true"), 0);
	assert_int_equal(f->request.app.boot_timeout_ms, 60000);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "-n", "web.1", "true"), 0);
	assert_int_equal(f->request.app.boot_timeout_ms, 0);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "-n", "web.x", "-p", "5000", "true"), 0);
	assert_int_equal(f->request.app.boot_timeout_ms, 0);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "-n", "web.1", "-p", "5000", "--boot-timeout", "0", "true"), 0);
	assert_int_equal(f->request.app.boot_timeout_ms, 0);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "-p", "5000", "--boot-timeout", "1500ms", "true"), 0);
	assert_int_equal(f->request.app.boot_timeout_ms, 1500);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "--boot-timeout", "1s", "true"), -EINVAL);
	assert_non_null(strstr(f->err.remedy, "--port auto"));
	done(f);
}

static void test_egress(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(RESOLVE(f, "-T", "--egress", "10.0.0.0/8", "--allow-host", "5432,6379", "true"), 0);
	assert_string_equal(f->request.app.egress, "10.0.0.0/8");
	assert_string_equal(f->request.app.allow_host, "5432,6379");
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "--egress", "10.0.0.1/8", "true"), -EINVAL);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "--allow-host", "0", "true"), -EINVAL);
	done(f);
	assert_int_equal(RESOLVE(f, "-T", "--egress", "deny", "--net", "host", "true"), -EINVAL);
	done(f);
}

static void test_an_app_is_named_before_the_command(void **state)
{
	static const struct {
		const char *argv[8];
		const char *variable;
		bool of_app;
	} rows[] = {
		{ { "run", "web" }, NULL, false },
		{ { "run", "-a", "shop", "web" }, NULL, true },
		{ { "run", "-ashop", "web" }, NULL, true },
		{ { "run", "--app=shop", "web" }, NULL, true },
		{ { "run", "-s", "standard-2x", "--app", "shop", "web" }, NULL, true },
		{ { "run", "-x", "--detached", "-a", "shop", "web" }, NULL, true },
		/* those of the command are none of ours, nor are values */
		{ { "run", "ls", "-a" }, NULL, false },
		{ { "run", "--", "-a" }, NULL, false },
		{ { "run", "--slug", "-a", "ls" }, NULL, false },
		{ { "run", "-s", "dir", "ls", "-a" }, NULL, false },
		{ { "run", "-Ti", "--timeline", "ls", "-a" }, NULL, false },
		/* the variable says it where no option speaks against it */
		{ { "run", "web" }, "shop", true },
		{ { "run", "web" }, "", false },
		{ { "run", "--net", "none", "--size=eco", "-x", "--", "web" }, "shop", true },
		{ { "run", "--slug", ".", "--", "web" }, "shop", false },
		{ { "run", "-s", ".", "web" }, "shop", false },
		{ { "run", "--dry-run", "web" }, "shop", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *argv[8];
		int argc = 0;

		for (; rows[i].argv[argc]; argc++)
			argv[argc] = (char *)(uintptr_t)rows[i].argv[argc];
		if (rows[i].variable)
			setenv("DYNO_APP", rows[i].variable, 1);
		else
			unsetenv("DYNO_APP");
		if (run_is_of_app(argc, argv) != rows[i].of_app)
			fail_msg("row %zu: %s %s", i, argv[1], argc > 2 ? argv[2] : "");
	}
	unsetenv("DYNO_APP");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_everything_lands_in_its_place, setup, teardown),
		cmocka_unit_test(test_an_app_is_named_before_the_command),
		cmocka_unit_test_setup_teardown(test_sizes_are_those_of_the_table, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_secret_is_never_repeated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_terminal_gets_the_callers_TERM, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shell_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slugs_that_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mistakes_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_suggestion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_published, setup, teardown),
		cmocka_unit_test_setup_teardown(test_boot_timeout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_egress, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
