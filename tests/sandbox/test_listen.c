/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_listen.c - the moment at which an app listens, as `dyno run` tells it: every way to come to listen, and none (R10)
 *
 * The probe prints the clock before and after its listen(2); the stamp on the timeline must lie between. On a network without
 * other machines ("none") the loopback is as good as any address, so what is told about it is tried on a private one.
 */
#include <inttypes.h>
#include <signal.h>

#include "tests/sandbox/lifecycle_support.h"

#define READY "listens on "

/** run_at() - a dyno on @net with $PORT 5000 that runs @commands of the probe, NULL-terminated; the timeline goes to a file */
static void run_at(struct fixture *f, struct process *p, const char *net, const char *const *commands)
{
	const char *argv[40] = { "run",
		                 "--net",
		                 net,
		                 "-p",
		                 "5000",
		                 "--timeline=json",
		                 "--timeline-file",
		                 support_path(f, "timeline"),
		                 "--slug",
		                 f->slug,
		                 "--",
		                 "/app/probe" };
	size_t used = 12;

	for (; *commands; commands++)
		argv[used++] = *commands;
	argv[used] = NULL;
	launch_run(f, p, argv);
}

#define RUN(f, p, net, ...) run_at(f, p, net, ARGV(__VA_ARGS__))

/** stamp() - CLOCK_MONOTONIC of the phase "listening" on the timeline, 0 when it has none */
static uint64_t stamp(const struct fixture *f)
{
	const char *text = support_read(support_path(f, "timeline"));
	const char *requested = text ? strstr(text, "\"requested_monotonic_ns\":") : NULL;
	const char *phase = text ? strstr(text, "\"phase\":\"listening\"") : NULL;
	const char *at = phase ? strstr(phase, "\"at_ns\":") : NULL;

	if (!requested || !at)
		return 0;
	return strtoull(strchr(requested, ':') + 1, NULL, 10) + strtoull(strchr(at, ':') + 1, NULL, 10);
}

/** assert_exact() - it listened, told where, and the stamp is that of the (first) call */
static void assert_exact(const struct fixture *f, const struct process *p, const char *address)
{
	const char *before = process_value(p, "before"), *after = process_value(p, "after");
	uint64_t ns = stamp(f);

	assert_exit(p, 0);
	assert_value(p, "result", "OK");
	assert_says(p, support_format(READY "%s after ", address));
	assert_true(before && after);
	if (ns < strtoull(before, NULL, 10) || ns > strtoull(after, NULL, 10))
		FAIL("stamp %" PRIu64 " is not between %s and %s\n", ns, before, after);
}

static void test_the_stamp_is_exact(struct fixture *f)
{
	struct process *p = life_process(0);

	RUN(f, p, "none", "listen-at", "0.0.0.0", "5000");
	assert_exact(f, p, "0.0.0.0:5000");
	RUN(f, p, "none", "listen-at", "0.0.0.0", "5000", "150");
	assert_exact(f, p, "0.0.0.0:5000");
	RUN(f, p, "none", "listen-at", "127.0.0.1", "5000");
	assert_exact(f, p, "127.0.0.1:5000");
}

static void test_without_an_init(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, "run", "--no-init", "--net", "none", "-p", "5000", "--timeline=json", "--timeline-file",
	     support_path(f, "timeline"), "--slug", f->slug, "--", "/app/probe", "listen-at", "0.0.0.0", "5000");
	assert_exact(f, p, "0.0.0.0:5000");
}

static void test_threads_forks_and_passed_sockets(struct fixture *f)
{
	struct process *p = life_process(0);

	RUN(f, p, "none", "listen-thread", "0.0.0.0", "5000");
	assert_exact(f, p, "0.0.0.0:5000");
	RUN(f, p, "none", "listen-passed", "0.0.0.0", "5000");
	assert_exact(f, p, "0.0.0.0:5000");
	RUN(f, p, "none", "listen-forks", "0.0.0.0", "5000", "5");
	assert_exit(p, 0);
	/* told once, however many there are */
	assert_says(p, READY "0.0.0.0:5000 after ");
	assert_null(strstr(strstr(p->err, READY) + 1, READY));
}

static void test_internet_protocol_six(struct fixture *f)
{
	struct process *p = life_process(0);

	RUN(f, p, "none", "listen-at", "::", "5000");
	assert_exact(f, p, "[::]:5000");
	RUN(f, p, "none", "listen-v6only", "5000");
	assert_exact(f, p, "[::]:5000");
	RUN(f, p, "none", "listen-at", "::ffff:0.0.0.0", "5000");
	assert_exact(f, p, "0.0.0.0:5000");
}

static void test_wrong_places_are_hinted_at(struct fixture *f)
{
	struct process *p = life_process(0);

	RUN(f, p, "none", "listen-at", "0.0.0.0", "3000", "--", "listen-at", "127.0.0.1", "3001", "--", "listen-at",
	    "0.0.0.0", "3000", "--", "listen-at", "0.0.0.0", "5000", "--", "listen-at", "0.0.0.0", "3002");
	assert_exit(p, 0);
	assert_says(p, ": listens on 0.0.0.0:3000; bind 0.0.0.0:$PORT\n");
	assert_says(p, ": listens on 127.0.0.1:3001; bind 0.0.0.0:$PORT\n");
	assert_says(p, READY "0.0.0.0:5000 after ");
	/* once each, and of none when all is well */
	assert_null(strstr(strstr(p->err, ":3000;") + 1, ":3000;"));
	assert_silent_on(p, ":3002");
	assert_true(stamp(f) > 0);
	DYNO(f, p, "run", "-q", "--net", "none", "-p", "5000", "--slug", f->slug, "--", "/app/probe", "listen-at",
	     "0.0.0.0", "3000", "--", "listen-at", "0.0.0.0", "5000");
	assert_exit(p, 0);
	assert_that(p, p->err_size == 0);
}

static void test_the_loopback_alone_is_not_enough(struct fixture *f)
{
	struct process *p = life_process(0);

	if (strcmp(life_net(f), "private") != 0)
		support_skip(f, "no private network for this user");
	RUN(f, p, "private", "listen-at", "127.0.0.1", "5000", "--", "listen-at", "::1", "5000");
	assert_exit(p, 0);
	assert_says(p, ": listens on 127.0.0.1:5000; bind 0.0.0.0:$PORT\n");
	assert_says(p, ": listens on [::1]:5000; bind [::]:$PORT\n");
	assert_silent_on(p, " after ");
	assert_int_equal(stamp(f), 0);
	RUN(f, p, "private", "listen-at", "0.0.0.0", "5000");
	assert_exact(f, p, "0.0.0.0:5000");
}

static void test_other_sockets_are_as_ever(struct fixture *f)
{
	struct process *p = life_process(0);

	RUN(f, p, "none", "listen-unix", "/tmp/socket", "--", "listen-odd", "--", "listen-at", "0.0.0.0", "5000");
	assert_exit(p, 0);
	assert_value(p, "connect", "OK");
	assert_value(p, "peer", "self");
	assert_value(p, "none", "EBADF");
	assert_value(p, "pipe", "ENOTSOCK");
	assert_value(p, "udp", "EOPNOTSUPP");
	assert_value(p, "unbound-unix", "EINVAL");
	assert_value(p, "first", "OK");
	assert_value(p, "second", "EADDRINUSE");
	assert_says(p, READY "0.0.0.0:5000 after ");
	/* and by another process of the dyno's */
	START(f, p, "run", "-q", "--net", "none", "--name", "web.77", "-p", "5000", "--slug", f->slug, "--",
	      "/app/probe", "listen-at", "0.0.0.0", "5000", "--", "trap", "0");
	assert_true(launch_expect(p, "ready="));
	DYNO(f, life_process(1), "exec", "web.77", "--", "/app/probe", "listen-at", "0.0.0.0", "5001");
	assert_value(life_process(1), "result", "OK");
	assert_int_equal(launch_stop(f, p), 0);
}

static void test_a_flood_is_served(struct fixture *f)
{
	struct process *p = life_process(0);

	RUN(f, p, "none", "listen-flood", "300", "--", "listen-at", "0.0.0.0", "5000", "--", "listen-flood", "300");
	assert_exit(p, 0);
	assert_value(p, "flood", "OK");
	assert_says(p, READY "0.0.0.0:5000 after ");
	/* and a stop in the middle of one is none the slower */
	START(f, p, "run", "-q", "--net", "none", "-p", "5000", "--grace", "200ms", "--slug", f->slug, "--",
	      "/app/probe", "say", "begun", "--", "listen-flood", "1G");
	assert_true(launch_expect(p, "begun"));
	assert_int_equal(launch_stop(f, p), 128 + SIGTERM);
}

static void test_r10_boot_timeout(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, "run", "-q", "--net", "none", "-p", "5000", "--boot-timeout", "300ms", "--slug", f->slug, "--",
	     "/app/probe", "listen-at", "0.0.0.0", "3000", "--", "sleep");
	assert_exit(p, 128 + SIGKILL);
	assert_says(p,
	            "R10 (Boot timeout): nothing listened on $PORT (5000) within 300 ms; it listens on 0.0.0.0:3000; "
	            "bind 0.0.0.0:$PORT\n");
	DYNO(f, p, "run", "--no-init", "--net", "none", "-p", "5000", "--boot-timeout", "100ms", "--timeline", "--slug",
	     f->slug, "--", "/app/probe", "sleep");
	assert_exit(p, 128 + SIGKILL);
	assert_says(p, "R10 (Boot timeout): nothing listened on $PORT (5000) within 100 ms\n");
	/* the timeline comes all the same, without the phase that never was */
	assert_says(p, "  exec  ");
	assert_silent_on(p, "  listening  ");
	/* who listens in time may stay as long as it likes, and who ends by itself has its own reasons */
	DYNO(f, p, "run", "-q", "--net", "none", "-p", "5000", "--boot-timeout", "500ms", "--slug", f->slug, "--",
	     "/app/probe", "listen-at", "0.0.0.0", "5000", "--", "sleep", "1", "--", "exit", "3");
	assert_exit(p, 3);
	assert_silent_on(p, "R10");
	DYNO(f, p, "run", "-q", "--net", "none", "-p", "5000", "--boot-timeout", "20s", "--slug", f->slug, "--",
	     "/app/probe", "exit", "4");
	assert_exit(p, 4);
	assert_silent_on(p, "R10");
}

static void test_nobody_waits_without_a_port(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, "run", "--net", "none", "--name", "web.77", "--timeline", "--slug", f->slug, "--", "/app/probe",
	     "listen-at", "0.0.0.0", "5000");
	assert_exit(p, 0);
	assert_silent_on(p, READY);
	assert_says(p, "  exec  ");
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_the_stamp_is_exact, AS_BOTH),
	SANDBOX_TEST(test_without_an_init, AS_BOTH),
	SANDBOX_TEST(test_threads_forks_and_passed_sockets, AS_BOTH),
	SANDBOX_TEST(test_internet_protocol_six, AS_BOTH),
	SANDBOX_TEST(test_wrong_places_are_hinted_at, AS_BOTH),
	SANDBOX_TEST(test_the_loopback_alone_is_not_enough, AS_BOTH),
	SANDBOX_TEST(test_other_sockets_are_as_ever, AS_BOTH),
	SANDBOX_TEST(test_a_flood_is_served, AS_BOTH),
	SANDBOX_TEST(test_r10_boot_timeout, AS_BOTH),
	SANDBOX_TEST(test_nobody_waits_without_a_port, AS_BOTH),
};

SANDBOX_MAIN("listen", tests)
