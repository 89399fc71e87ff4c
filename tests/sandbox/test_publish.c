/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_publish.c - a web dyno's port as this machine has it: reachable where it was published and nowhere else, refused where it
 * cannot be, and nothing of it left afterwards
 *
 * "This machine" is a network namespace of the test's own (world.h), so the whole packet filter is ours to compare.
 */
#include "tests/sandbox/lifecycle_support.h"
#include "tests/sandbox/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define PORT 5000
#define PATIENCE_MS 3000

/** union place - where a client connects */
union place {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	struct sockaddr_un un;
};

/** read_place() - an IPv4 address, an IPv6 address, or a path. Return: its size */
static socklen_t read_place(const char *where, uint16_t port, union place *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (where[0] == '/') {
		ret->un.sun_family = AF_UNIX;
		snprintf(ret->un.sun_path, sizeof(ret->un.sun_path), "%s", where);
		return sizeof(ret->un);
	}
	if (strchr(where, ':')) {
		ret->six.sin6_family = AF_INET6;
		ret->six.sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, where, &ret->six.sin6_addr), 1);
		return sizeof(ret->six);
	}
	ret->four.sin_family = AF_INET;
	ret->four.sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, where, &ret->four.sin_addr), 1);
	return sizeof(ret->four);
}

/** dial() - connect to @where from here. Return: descriptor or negative errno */
static int dial(const char *where, uint16_t port)
{
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	union place place;
	socklen_t size = read_place(where, port, &place);
	int fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, &place.any, size) == 0)
		return fd;
	size = (socklen_t)errno;
	close(fd);
	return -(int)size;
}

/** ask() - a round trip with the app at @where. Return: what it answered, or the name of what failed */
static const char *ask(const char *where, uint16_t port)
{
	static char answer[128];
	int fd = dial(where, port);
	ssize_t length;

	if (fd < 0)
		return strerrorname_np(-fd);
	(void)send(fd, "hello\n", 6, MSG_NOSIGNAL);
	length = recv(fd, answer, sizeof(answer) - 1, 0);
	if (length < 0)
		snprintf(answer, sizeof(answer), "%s", strerrorname_np(errno));
	else
		answer[length] = '\0';
	close(fd);
	answer[strcspn(answer, "\n")] = '\0';
	return answer;
}

#define assert_answers(where, port) assert_answer(where, port, "peer=", __LINE__)
#define assert_silent(where, port, code) assert_answer(where, port, code, __LINE__)

/** assert_answer() - what comes back from @where begins with @text */
static void assert_answer(const char *where, uint16_t port, const char *text, int line)
{
	const char *answer = ask(where, port);

	if (strncmp(answer, text, strlen(text)) != 0)
		FAIL("line %d: %s port %u: '%s', not '%s'\n", line, where, (unsigned)port, answer, text);
}

/** begin() - a machine of our own; skip where the launching user has no private network */
static void begin(struct fixture *f)
{
	world_make(f);
	if (strcmp(life_net(f), "private") != 0) {
		world_drop();
		support_skip(f, "no private network for this user");
	}
}

/** start_web() - start web.@number of the echo server bound to @bind, with more options; wait until it listens */
static void start_web(struct fixture *f, struct process *p, const char *name, const char *bind,
                      const char *const *options)
{
	const char *argv[32] = { "run", "--net", "private", "-n", name, "-p", "5000", "--slug", f->slug };
	size_t count = 9;

	while (*options && count < 24)
		argv[count++] = *options++;
	argv[count++] = "--";
	argv[count++] = "/app/probe";
	argv[count++] = "echo";
	argv[count++] = bind;
	argv[count++] = "5000";
	argv[count] = NULL;
	launch_start(f, p, &(struct launch){ .argv = argv });
	if (!launch_expect(p, "listens on")) {
		print_error("%s%s\n", p->out, p->err);
		FAIL("%s does not listen\n", name);
	}
}

#define OPTIONS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/** refuse() - a dyno with these options is not launched, in one line that holds @text */
static void refuse(struct fixture *f, int code, const char *text, const char *const *options)
{
	struct process *p = life_process(2);
	const char *argv[32] = { "run", "--net", "private", "-p", "5000", "--slug", f->slug };
	size_t count = 7;

	while (*options && count < 24)
		argv[count++] = *options++;
	argv[count++] = "--";
	argv[count++] = "/app/probe";
	argv[count++] = "exit";
	argv[count++] = "0";
	argv[count] = NULL;
	launch_run(f, p, argv);
	assert_refusal(p, code, text);
}

/** claimable() - we could listen at 127.0.0.1:@port ourselves, as any server whose last connections are not forgotten yet */
static bool claimable(uint16_t port)
{
	const int on = 1;
	union place place;
	socklen_t size = read_place("127.0.0.1", port, &place);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	return bind(fd, &place.any, size) == 0 && listen(fd, 8) == 0;
}

/** claimable_soon() - the same, when the launcher's relay is gone too, which dies with it */
static bool claimable_soon(uint16_t port)
{
	for (int i = 0; i < 1000 && !claimable(port); i++)
		life_sleep_us(1000);
	return claimable(port);
}

/** an app that speaks IPv4 only, as most do: the packet filter for IPv4, the relay for IPv6 and the unix socket */
static void test_app_of_one_family(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *path = support_path(f, "web.sock");
	struct stat st;

	begin(f);
	start_web(f, p, "pub.1", "0.0.0.0", OPTIONS("--publish", "8080", "--publish-unix", path));
	assert_says(p, "http://127.0.0.1:8080");
	assert_says(p, "unix:");
	assert_answers("127.0.0.1", 8080);
	assert_answers("::1", 8080);
	assert_answers(path, 0);
	assert_silent("127.0.0.1", 8081, "ECONNREFUSED");
	assert_silent(WORLD_HOST4, 8080, "ECONNREFUSED");
	assert_silent(WORLD_HOST6, 8080, "ECONNREFUSED");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_uid, f->uid);
	launch_stop(f, p);
	assert_silent("127.0.0.1", 8080, "ECONNREFUSED");
	assert_silent("::1", 8080, "ECONNREFUSED");
	assert_false(support_exists(path));
	assert_true(claimable(8080));
	world_drop();
}

/** an app for both families: no relay where the packet filter leads to it. The peer it sees tells which it was */
static void test_app_of_both_families(struct fixture *f)
{
	struct process *p = life_process(0);

	begin(f);
	start_web(f, p, "pub.1", "::", OPTIONS("--publish", "8080"));
	assert_answers("127.0.0.1", 8080);
	assert_answers("::1", 8080);
	if (!f->rootless)
		assert_non_null(strchr(ask("::1", 8080), ':'));
	launch_stop(f, p);
	assert_true(claimable(8080));
	world_drop();
}

static void test_addresses(struct fixture *f)
{
	struct process *p = life_process(0);

	begin(f);
	start_web(f, p, "pub.1",
	          "::", OPTIONS("--publish", WORLD_HOST4 ":8080", "--publish", "[" WORLD_HOST6 "]:8081"));
	assert_says(p, "http://" WORLD_HOST4 ":8080");
	assert_says(p, "http://[" WORLD_HOST6 "]:8081");
	assert_answers(WORLD_HOST4, 8080);
	assert_answers(WORLD_HOST6, 8081);
	assert_silent("127.0.0.1", 8080, "ECONNREFUSED");
	assert_silent("::1", 8081, "ECONNREFUSED");
	launch_stop(f, p);
	start_web(f, p, "pub.1", "::", OPTIONS("--publish", "0.0.0.0:8080", "--publish", "[::]:8080"));
	assert_answers(WORLD_HOST4, 8080);
	assert_answers(WORLD_HOST6, 8080);
	assert_answers("127.0.0.1", 8080);
	assert_answers("::1", 8080);
	launch_stop(f, p);
	world_drop();
}

static void test_free_port(struct fixture *f)
{
	struct process *p = life_process(0), *other = life_process(1);
	const char *text = "http://127.0.0.1:";
	unsigned port, second;

	begin(f);
	start_web(f, p, "pub.1", "0.0.0.0", OPTIONS("--publish", "0"));
	start_web(f, other, "pub.2", "0.0.0.0", OPTIONS("--publish", "0"));
	assert_says(p, text);
	assert_says(other, text);
	port = (unsigned)atoi(strstr(p->err, text) + strlen(text));
	second = (unsigned)atoi(strstr(other->err, text) + strlen(text));
	assert_true(port > 0 && port < 65536 && second > 0 && second < 65536 && port != second);
	assert_answers("127.0.0.1", (uint16_t)port);
	assert_answers("::1", (uint16_t)port);
	assert_answers("127.0.0.1", (uint16_t)second);
	launch_stop(f, p);
	launch_stop(f, other);
	world_drop();
}

/** a port has one owner, who is named; the one that has it goes on */
static void test_clashes(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *path = support_path(f, "web.sock");
	union place place;
	socklen_t size = read_place("127.0.0.1", 8090, &place);
	_cleanup_close_ int server = -1;

	begin(f);
	start_web(f, p, "pub.1", "0.0.0.0", OPTIONS("--publish", "8080", "--publish-unix", path));
	refuse(f, 125, "127.0.0.1:8080 is published by dyno pub.1", OPTIONS("--publish", "8080"));
	refuse(f, 125, "127.0.0.1:8080 is published by dyno pub.1", OPTIONS("--publish", "0.0.0.0:8080"));
	refuse(f, 125, "[::1]:8080 is published by dyno pub.1", OPTIONS("--publish", "[::]:8080"));
	refuse(f, 125, "web.sock is published by dyno pub.1", OPTIONS("--publish-unix", path));
	server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server, &place.any, size), 0);
	assert_int_equal(listen(server, 8), 0);
	/* an ordinary user does not see whose the sockets of others are */
	refuse(f, 125, f->rootless ? "127.0.0.1:8090 is taken by a process of uid 0" : "127.0.0.1:8090 is taken by",
	       OPTIONS("--publish", "8090"));
	if (!f->rootless)
		refuse(f, 125, support_format("(pid %d)", (int)getpid()), OPTIONS("--publish", "8090"));
	assert_answers("127.0.0.1", 8080);
	assert_answers("::1", 8080);
	assert_answers(path, 0);
	launch_stop(f, p);
	world_drop();
}

/** what cannot be: told apart, one line each, nothing launched */
static void test_bad_input(struct fixture *f)
{
	static const struct {
		int code;
		const char *text;
		const char *options[5];
	} samples[] = {
		{ 125, "203.0.113.99:8080 is no address of this machine", { "--publish", "203.0.113.99:8080" } },
		{ 125, "[2001:db8::99]:8080 is no address of this machine", { "--publish", "[2001:db8::99]:8080" } },
		{ 2, "a port is 1 to 65535, or 0", { "--publish", "65536" } },
		{ 2, "'http' is not a port", { "--publish", "http" } },
		{ 2, "'127.0.0' is not an IPv4 address", { "--publish", "127.0.0:80" } },
		{ 2, "stands in brackets", { "--publish", "::1:80" } },
		{ 2, "no port behind the IPv6 address", { "--publish", "[::1]" } },
		{ 2, "published twice", { "--publish", "8080", "--publish", "8080" } },
		{ 2, "one is part of the other", { "--publish", "8080", "--publish", "0.0.0.0:8080" } },
		{ 2, "without a network cannot be published", { "--publish", "8080", "--net", "none" } },
		{ 2, "listens there itself", { "--publish", "8080", "--net", "host" } },
		{ 125, "No such file or directory", { "--publish-unix", "/no/such/directory/web.sock" } },
		{ 125, "something else of that name", { "--publish-unix", "/dev/null" } },
		{ 2, "names a directory", { "--publish-unix", "/tmp/" } },
		{ 2, "is not a network", { "--egress", "none" } },
		{ 2, "10.0.0.0/8 for the network", { "--egress", "10.0.0.1/8" } },
		{ 2, "has 0 to 32 bits", { "--egress", "10.0.0.0/33" } },
		{ 2, "cannot be held", { "--egress", "deny", "--net", "host" } },
		{ 2, "a port is 1 to 65535", { "--allow-host", "0" } },
		{ 2, "given twice", { "--allow-host", "5432,5432" } },
		{ 2, "neither a port nor auto", { "-p", "any" } },
		{ 2, "not within 1 and 65535", { "-p", "65536" } },
	};

	begin(f);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		refuse(f, samples[i].code, samples[i].text, samples[i].options);
	world_drop();
}

/** a killed launcher: the kernel takes back the ports at once, gc the rest */
static void test_killed_launcher(struct fixture *f)
{
	struct process *p = life_process(0), *other = life_process(1);
	const char *path = support_path(f, "web.sock");

	begin(f);
	start_web(f, p, "pub.1", "0.0.0.0", OPTIONS("--publish", "8080", "--publish-unix", path));
	assert_answers("::1", 8080);
	assert_int_equal(kill(p->pid, SIGKILL), 0);
	launch_finish(f, p);
	assert_true(claimable_soon(8080));
	assert_true(support_exists(path));
	start_web(f, other, "pub.1", "0.0.0.0", OPTIONS("--publish", "8080", "--publish-unix", path));
	assert_answers("127.0.0.1", 8080);
	assert_answers("::1", 8080);
	assert_answers(path, 0);
	assert_int_equal(kill(other->pid, SIGKILL), 0);
	launch_finish(f, other);
	assert_true(claimable_soon(8080));
	DYNO(f, p, "gc");
	assert_exit(p, 0);
	assert_false(support_exists(path));
	world_drop();
}

/** a client of the unix socket that comes before the app listens waits for it; a published port refuses until then */
static void test_early_clients(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *path = support_path(f, "web.sock");
	char answer[64] = "";
	int early = -1;

	begin(f);
	START(f, p, "run", "--net", "private", "-n", "pub.1", "-p", "5000", "--publish", "8080", "--publish-unix", path,
	      "--slug", f->slug, "--", "/bin/sh", "-c", "sleep 1; exec /app/probe echo 0.0.0.0 5000");
	assert_true(launch_expect(p, "http://127.0.0.1:8080"));
	early = dial(path, 0);
	assert_true(early >= 0);
	assert_int_equal(send(early, "hello\n", 6, MSG_NOSIGNAL), 6);
	assert_true(launch_expect(p, "listens on"));
	assert_true(recv(early, answer, sizeof(answer) - 1, 0) > 0);
	assert_memory_equal(answer, "peer=", 5);
	close(early);
	launch_stop(f, p);
	world_drop();
}

static void test_ps(struct fixture *f)
{
	struct process *p = life_process(0), *ps = life_process(1);

	begin(f);
	start_web(f, p, "pub.1", "0.0.0.0", OPTIONS("--publish", "8080"));
	assert_answers("127.0.0.1", 8080);
	DYNO(f, ps, "ps");
	assert_says(ps, "PUBLISHED");
	assert_says(ps, "127.0.0.1:8080 +1");
	DYNO(f, ps, "ps", "--json");
	assert_string_equal(life_json(ps->out, "print(d[0]['published'], d[0]['port'])"),
	                    "['127.0.0.1:8080', '[::1]:8080'] 5000");
	assert_string_equal(life_json(ps->out, "print(d[0]['boot_ns'] > 0, d[0]['listening_ns'] > 0)"), "True True");
	if (!f->rootless)
		assert_string_equal(life_json(ps->out, "print(d[0]['bytes_in'] > 0, d[0]['bytes_out'] > 0)"),
		                    "True True");
	launch_stop(f, p);
	world_drop();
}

/** start_faulty() - start pub.1 of the build with failure injection, published in every way */
static void start_faulty(struct fixture *f, struct process *p, const char *program, const char *fault, const char *path)
{
	launch_start(f, p,
	             &(struct launch){
			     .program = program,
			     .env = ARGV(support_format("DYNO_FAULT=%s", fault)),
			     .argv = ARGV("run", "--net", "private", "-n", "pub.1", "-p", "5000", "--publish", "8080",
	                                  "--publish-unix", path, "--slug", f->slug, "--", "/app/probe", "echo",
	                                  "0.0.0.0", "5000"),
		     });
}

/* on the way to a published dyno; the last two come when the app listens */
static const char *const steps[] = { "admit reserve", "publish",       "admit elements", "admit link", "admit publish",
	                             "admit uplink",  "admit carrier", "listening",      "relay" };

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/** each step fails: before the start there is no dyno; after it the app goes on, and what does not lead to it is told */
static void test_failures(struct fixture *f)
{
	const char *program = life_copy_program(f, "tests/dyno-faults"), *path = support_path(f, "web.sock");
	struct process *p = life_process(0);

	begin(f);
	for (size_t i = 0; i < STEPS; i++) {
		start_faulty(f, p, program, steps[i], path);
		if (i < STEPS - 2) {
			launch_finish(f, p);
			assert_refusal(p, 125, "injected failure");
		} else {
			assert_true(launch_expect(p, "injected failure"));
			assert_answers("127.0.0.1", 8080);
			launch_stop(f, p);
		}
		assert_says(p, steps[i]);
		assert_true(claimable(8080));
		assert_false(support_exists(path));
	}
	world_drop();
}

/** the launcher dies at each step */
static void test_deaths(struct fixture *f)
{
	const char *program = life_copy_program(f, "tests/dyno-faults"), *path = support_path(f, "web.sock");
	struct process *p = life_process(0);

	begin(f);
	for (size_t i = 0; i < STEPS; i++) {
		start_faulty(f, p, program, support_format("kill:%s", steps[i]), path);
		launch_finish(f, p);
		assert_exit(p, 128 + SIGILL);
		assert_true(claimable_soon(8080));
		DYNO(f, p, "gc");
		assert_exit(p, 0);
		assert_false(support_exists(path));
	}
	world_drop();
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_app_of_one_family, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_app_of_both_families, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_addresses, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_free_port, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_clashes, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_bad_input, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_killed_launcher, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_early_clients, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_ps, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_failures, AS_ROOT),
	SANDBOX_TEST(test_deaths, AS_ROOT),
};

int main(void)
{
	return world_main("publish", tests, sizeof(tests) / sizeof(tests[0]));
}
