/* SPDX-License-Identifier: Apache-2.0 */
/* test_export.c - dyno export: files for supervisors, and the dynos that these would start */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sandbox/app_support.h"

#define SECRET "s3cret"
#define ANALYZE "/usr/bin/systemd-analyze"

/** shop() - an app with a secret */
static void shop(struct fixture *f, struct process *p)
{
	app_place(f, "Procfile",
	          "web: ./probe listen\nrelease: true\nmy_worker: ./probe env -- trap\nclock: ./probe say tick\n");
	app_place(f, ".env", "SHAPE=" SECRET "2\n");
	assert_int_equal(APP(f, p, "config:set", "KEY=" SECRET), 0);
}

/** text_of() - a file that was written below directory @where; fails the test when it is not there, or tells the secret */
static const char *text_of(const struct fixture *f, const struct process *p, const char *where, const char *name)
{
	const char *text = support_read(support_format("%s/%s", support_path(f, where), name));

	if (!text)
		FAIL("no %s\n", name);
	assert_that(p, !strstr(text, SECRET));
	return text;
}

static void test_systemd_gets_units_that_it_takes(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *units = support_path(f, "units"), *text;

	shop(f, p);
	assert_int_equal(APP(f, p, "export", "systemd", units, "-m", "web=2,my_worker=1", "-u", "daemon", "-t", "7s",
	                     "-s", "my_worker=standard-2x"),
	                 0);
	assert_says(p, support_format("writing: %s/%s.target\n", units, app_name()));
	text = text_of(f, p, "units", support_format("%s.target", app_name()));
	assert_that(p, strstr(text, support_format("Wants=%s-web.2.service\n", app_name())));
	assert_that(p, !strstr(text, "clock"));
	text = text_of(f, p, "units", support_format("%s-web.2.service", app_name()));
	assert_that(p, strstr(text, "\"--as\" \"web.2\" \"--port\" \"5001\""));
	assert_that(p, strstr(text, "User=daemon\n"));
	assert_that(p, strstr(text, "TimeoutStopSec=12\n"));
	assert_that(p, strstr(text, support_format("PartOf=%s.target\n", app_name())));
	/* foreman's rule: release has its hundred ports */
	text = text_of(f, p, "units", support_format("%s-my_worker.1.service", app_name()));
	assert_that(p, strstr(text, "\"--port\" \"5200\" \"--size\" \"standard-2x\""));
	if (access(ANALYZE, X_OK) < 0)
		return;
	launch_program(f, p, ANALYZE,
	               ARGV("verify", "--man=no", support_format("%s/%s-web.2.service", units, app_name()),
	                    support_format("%s/%s.target", units, app_name())));
	assert_exit(p, 0);
	assert_silent_on(p, app_name());
}

static void test_an_exported_dyno_is_that_of_dyno_start(struct fixture *f)
{
	struct process *p = life_process(0), *q = life_process(1);
	const char *services = support_path(f, "services");

	shop(f, p);
	assert_int_equal(APP(f, p, "export", "runit", services, "-l", support_path(f, "log's")), 0);
	assert_that(p, strstr(text_of(f, p, "services", support_format("%s-web-1/run", app_name())),
	                      "--as web.1 --port 5000"));
	assert_that(p, strstr(text_of(f, p, "services", support_format("%s-web-1/log/run", app_name())), "svlogd -tt"));
	/* what runit would do */
	launch_start(f, q,
	             &(struct launch){ .program = support_format("%s/%s-my_worker-1/run", services, app_name()),
	                               .argv = ARGV(NULL) });
	assert_that(q, launch_expect(q, "ready="));
	assert_says(q, "DYNO=my_worker.1\n");
	assert_says(q, "PORT=5200\n");
	assert_says(q, "KEY=" SECRET "\n");
	assert_says(q, "SHAPE=" SECRET "2\n");
	/* it has the name that dyno start gives it */
	DYNO(f, p, "ps", "-q");
	assert_says(p, support_format("%s.my_worker.1\n", app_name()));
	assert_int_equal(launch_stop(f, q), 0);
	launch_program(f, p, "/bin/sh", ARGV("-n", support_format("%s/%s-web-1/log/run", services, app_name())));
	assert_exit(p, 0);
}

static void test_supervisord_gets_one_file(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *text;

	shop(f, p);
	assert_int_equal(APP(f, p, "export", "supervisord", support_path(f, "conf.d"), "-m", "my_worker=1,clock=2"), 0);
	text = text_of(f, p, "conf.d", support_format("%s.conf", app_name()));
	assert_that(p, strstr(text, support_format("[program:%s-clock-2]\ncommand=\"", app_name())));
	assert_that(p, strstr(text, support_format("[group:%s]\nprograms=%s-my_worker-1,%s-clock-1,%s-clock-2\n",
	                                           app_name(), app_name(), app_name(), app_name())));
	assert_that(p, strstr(text, "stopwaitsecs=35\n"));
}

static void test_what_cannot_be_exported_is_told(struct fixture *f)
{
	static const struct {
		const char *words[6];
		int code;
		const char *says;
	} rows[] = {
		{ { "systemd" }, 2, "export takes a format" },
		{ { "sytemd", "/x" }, 2, "did you mean systemd" },
		{ { "upstart", "/x" }, 2, "there are systemd, supervisord and runit" },
		{ { "systemd", "/x", "-m", "wbe=1" }, 2, "did you mean web?" },
		{ { "systemd", "/x", "-m", "web=0" }, 2, "nothing to run" },
		{ { "systemd", "/x", "-u", "a\nExecStart=b" }, 2, "cannot be the name of a user" },
		{ { "systemd", "/x", "-l", "logs" }, 2, "no absolute path" },
		{ { "systemd", "/x", "-e", "/nonexistent" }, 2, "/nonexistent" },
		{ { "systemd", "/nonexistent/x" }, 125, "cannot make the directory /nonexistent/x" },
	};
	struct process *p = life_process(0);

	shop(f, p);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *argv[8] = { "export" };

		memcpy(argv + 1, rows[i].words, sizeof(rows[i].words));
		app_verb(f, p, argv);
		assert_refusal(p, rows[i].code, rows[i].says);
	}
	assert_that(p, !support_exists("/x"));
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_systemd_gets_units_that_it_takes, AS_BOTH),
	SANDBOX_TEST(test_an_exported_dyno_is_that_of_dyno_start, AS_BOTH),
	SANDBOX_TEST(test_supervisord_gets_one_file, AS_BOTH),
	SANDBOX_TEST(test_what_cannot_be_exported_is_told, AS_BOTH),
};

SANDBOX_MAIN("export", tests)
