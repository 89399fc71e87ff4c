/* SPDX-License-Identifier: Apache-2.0 */
/* test_drains.c - dyno start --drain https://...: what a web server on loopback, with a certificate of its own, is sent (contract 4.9) */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/sandbox/lifecycle_support.h"

#define PYTHON "/usr/bin/python3"
#define SECRET "s3cret"

/** serve() - start a receiver that answers with @statuses first, NULL-terminated. Return: its port */
static const char *serve(struct fixture *f, struct process *p, const char *const *statuses)
{
	const char *place = support_path(f, "receiver"), *script = support_path(f, "drain_server.py"), *argv[16];
	const char *source = getenv("DYNO_SOURCE");
	size_t count = 0;

	if (access(PYTHON, X_OK) < 0 || access("/usr/bin/openssl", X_OK) < 0)
		support_skip(f, "python3 and openssl");
	support_mkdir(f, place, 0755);
	support_copy(support_format("%s/tests/sandbox/drain_server.py", source ? source : "."), script, 0755);
	argv[count++] = script;
	argv[count++] = place;
	while (*statuses && count < 15)
		argv[count++] = *statuses++;
	argv[count] = NULL;
	launch_start(f, p, &(struct launch){ .program = PYTHON, .argv = argv });
	assert_that(p, launch_expect(p, "port=") && launch_expect(p, "\n"));
	return support_format("%lu", process_number(p, "port"));
}

/** begin() - start the app with a drain to @port, and trust in @ca unless it is NULL */
static void begin(struct fixture *f, struct process *p, const char *port, const char *ca)
{
	const char *url = support_format("https://user:" SECRET "@127.0.0.1:%s/logs?key=" SECRET, port);

	support_write(support_format("%s/Procfile", f->slug),
	              "worker: ./probe say one; ./probe say two; ./probe trap\n", 0644);
	launch_start(
		f, p,
		&(struct launch){ .argv = ARGV("start", "--net", "none", "--drain", url, ca ? "--drain-ca" : NULL, ca),
	                          .cwd = f->slug,
	                          .env = ARGV(support_format("DYNO_DATA_DIR=%s", support_path(f, "data")),
	                                      support_format("DYNO_APP=drains-%d", (int)getpid())) });
	assert_that(p, launch_expect(p, "app[worker.1]: ready="));
}

/** count_of() - how often @text is in @all */
static unsigned count_of(const char *all, const char *text)
{
	unsigned count = 0;

	for (; (all = strstr(all, text)); all += strlen(text))
		count++;
	return count;
}

static void test_a_drain_gets_all_lines_over_https(struct fixture *f)
{
	struct process *receiver = life_process(0), *app = life_process(1);
	const char *port = serve(f, receiver, ARGV("503"));

	begin(f, app, port, support_path(f, "receiver/cert.pem"));
	/* what was refused for a while is sent again */
	assert_that(app, launch_expect(app, "heroku[logplex]: drain https://127.0.0.1"));
	assert_says(app, "HTTP status 503");
	assert_that(receiver, launch_expect(receiver, "app worker.1 - - two"));
	assert_int_equal(launch_stop(f, app), 0);
	/* with the last line of all */
	assert_that(receiver, launch_expect(receiver, "heroku worker.1 - - State changed from up to down"));
	(void)launch_stop(f, receiver);
	assert_says(receiver, "status=204 path=/logs?key=" SECRET " type=application/logplex-1 counted=True");
	assert_says(receiver, "token=d. auth=Basic dXNlcjpzM2NyZXQ= bounded=True");
	assert_silent_on(receiver, "counted=False");
	assert_says(receiver, "<190>1 ");
	assert_says(receiver, "<158>1 ");
	assert_int_equal(count_of(receiver->out, "app worker.1 - - one"), 1);
	/* user, password and query are nobody's business */
	assert_silent_on(app, SECRET);
}

static void test_a_drain_that_is_not_who_it_says_gets_nothing(struct fixture *f)
{
	struct process *receiver = life_process(0), *app = life_process(1);
	const char *port = serve(f, receiver, ARGV(NULL));

	begin(f, app, port, NULL);
	assert_that(app, launch_expect(app, "heroku[logplex]: Error L14 (Certificate error) -> https://127.0.0.1"));
	assert_int_equal(launch_stop(f, app), 0);
	(void)launch_stop(f, receiver);
	assert_silent_on(receiver, "status=");
	assert_silent_on(app, SECRET);
}

static void test_what_a_drain_refuses_is_counted(struct fixture *f)
{
	struct process *receiver = life_process(0), *app = life_process(1);
	const char *port = serve(f, receiver, ARGV("404"));

	begin(f, app, port, support_path(f, "receiver/cert.pem"));
	assert_that(receiver, launch_expect(receiver, "Error L10 (output buffer overflow): "));
	assert_int_equal(launch_stop(f, app), 0);
	assert_says(app, "HTTP status 404");
	(void)launch_stop(f, receiver);
}

static void test_a_drain_that_is_none_is_refused_without_its_secrets(struct fixture *f)
{
	const char *url = "http://user:" SECRET "@127.0.0.1/";
	struct process *p = life_process(0);

	support_write(support_format("%s/Procfile", f->slug), "worker: ./probe trap\n", 0644);
	launch_start(f, p,
	             &(struct launch){ .argv = ARGV("start", "--net", "none", "--drain", url),
	                               .cwd = f->slug,
	                               .env = ARGV(support_format("DYNO_DATA_DIR=%s", support_path(f, "data"))) });
	launch_finish(f, p);
	assert_refusal(p, 2, "--drain takes syslog://HOST:PORT or https://HOST[:PORT]/PATH");
	assert_silent_on(p, SECRET);
	launch_start(f, p,
	             &(struct launch){ .argv = ARGV("start", "--net", "none", "--drain", "https://127.0.0.1/",
	                                            "--drain-ca", "/nonexistent"),
	                               .cwd = f->slug,
	                               .env = ARGV(support_format("DYNO_DATA_DIR=%s", support_path(f, "data"))) });
	launch_finish(f, p);
	assert_refusal(p, 2, "cannot read the certificates of /nonexistent");
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_a_drain_gets_all_lines_over_https, AS_BOTH),
	SANDBOX_TEST(test_a_drain_that_is_not_who_it_says_gets_nothing, AS_BOTH),
	SANDBOX_TEST(test_what_a_drain_refuses_is_counted, AS_BOTH),
	SANDBOX_TEST(test_a_drain_that_is_none_is_refused_without_its_secrets, AS_BOTH),
};

SANDBOX_MAIN("drains", tests)
