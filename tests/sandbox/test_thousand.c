/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_thousand.c - a thousand web dynos at once: all answer at their published ports, none is slower to start for the others that are
 * there, and nothing of them is left, whether they are stopped or their launcher is killed
 *
 * Processes launch them by the library, EACH of them: in one alone a fork would become slower with each descriptor and thread it has
 * for the dynos before, which is not the network's doing. DYNO_COUNT changes how many dynos.
 */
#include "tests/sandbox/world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "include/dyno.h"

#define COUNT 1000
#define EACH 20
#define LAUNCHERS 100
#define FIRST_PORT 20000
#define START_MS 20000
#define TENTH 10 /* starts whose median is taken at both ends */

/**
 * struct launcher - what the launching process tells, in memory that it shares with the test
 * @first: number of its first dyno
 * @started: how many dynos listen
 * @start_ns: how long each took, from the request to listening
 */
struct launcher {
	pid_t pid;
	int stop;
	unsigned first;
	unsigned count;
	volatile unsigned started;
	volatile bool failed;
	char why[640];
	uint64_t start_ns[EACH];
};

/** tell() - why the launcher gave up. Return: -1 */
static int tell(struct launcher *launcher, const struct dyno_error *err, const char *what)
{
	snprintf(launcher->why, sizeof(launcher->why), "dyno %u: %s: %s: %s", launcher->first + launcher->started, what,
	         err->step, err->text);
	return -1;
}

/** listens() - wait until the app listens. Return: 0 or -1 */
static int listens(struct launcher *launcher, struct dyno *dyno)
{
	struct pollfd fd = { .fd = dyno_fd(dyno), .events = POLLIN };
	struct dyno_event event = { 0 };
	struct dyno_error err = { 0 };

	while (event.type != DYNO_EVENT_LISTENING) {
		if (poll(&fd, 1, START_MS) != 1)
			return tell(launcher, &err, "does not listen");
		if (dyno_next_event(dyno, &event, &err) < 0)
			return tell(launcher, &err, "no event");
		if (event.type == DYNO_EVENT_FAILED || event.type == DYNO_EVENT_EXITED)
			return tell(launcher, &event.error, event.reason);
	}
	return event.error.code < 0 ? tell(launcher, &event.error, "listening") : 0;
}

/** be_done() - let the host do what it does when nobody waits, as the event loop of a launcher would. Return: 0 or -1 */
static int be_done(struct launcher *launcher, struct dyno *dyno)
{
	struct pollfd fd = { .fd = dyno_fd(dyno), .events = POLLIN };
	struct dyno_event event;
	struct dyno_error err = { 0 };

	while (poll(&fd, 1, 0) == 1)
		if (dyno_next_event(dyno, &event, &err) < 0 || event.type == DYNO_EVENT_EXITED)
			return tell(launcher, &err, "does not go on");
	return 0;
}

/** launch() - dyno number @index, until it listens. Return: 0 or -1 */
static int launch(struct launcher *launcher, struct dyno_host *host, const char *slug, unsigned index,
                  struct dyno **ret)
{
	const struct dyno_shape shape = {
		.stack = "host", .net = DYNO_NET_PRIVATE, .watch = true, .scratch_size = 4 << 20
	};
	const char *const argv[] = { "/app/probe", "echo", "::", "5000", NULL };
	char port[16];
	const char *const publish[] = { port, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct dyno_app app = {
		.slug = slug, .argv = argv, .port = 5000, .publish = publish, .fds = { null, null, null }
	};
	uint64_t begin = clock_ns();
	struct dyno_sandbox *sandbox;
	struct dyno_error err = { 0 };
	int code;

	snprintf(port, sizeof(port), "%u", FIRST_PORT + launcher->first + index);
	code = dyno_prepare(host, &shape, &app, begin, &sandbox, &err);
	if (code == 0)
		code = dyno_start(sandbox, &app, ret, &err);
	close(null);
	if (code < 0)
		return tell(launcher, &err, "start");
	code = listens(launcher, *ret);
	launcher->start_ns[index] = clock_ns() - begin;
	if (code == 0)
		code = be_done(launcher, *ret);
	return code;
}

/** launcher_main() - the launching process: start all, wait for the word, stop all. Return: exit code */
static int launcher_main(struct launcher *launcher, const char *slug, int stop)
{
	struct dyno **dynos = calloc(launcher->count, sizeof(struct dyno *));
	struct dyno_host *host;
	struct dyno_error err;
	char word;

	if (!dynos || dyno_host_open(&host, &err) < 0)
		return 1;
	for (unsigned i = 0; i < launcher->count; i++) {
		if (launch(launcher, host, slug, i, &dynos[i]) < 0) {
			launcher->failed = true;
			break;
		}
		launcher->started = i + 1;
	}
	while (read(stop, &word, 1) < 0 && errno == EINTR)
		;
	for (unsigned i = 0; i < launcher->count; i++)
		dyno_destroy(dynos[i]);
	dyno_host_close(host);
	free(dynos);
	return 0;
}

/** start_launcher() - fork it, and wait until all its dynos listen; fails the test when one does not */
static struct launcher *start_launcher(const struct fixture *f, unsigned first, unsigned count)
{
	struct launcher *launcher = mmap(NULL, sizeof(*launcher), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	                                 -1, 0);
	int stop[2] = { -1, -1 };
	pid_t pid;

	assert_true(launcher != MAP_FAILED && pipe2(stop, O_CLOEXEC) == 0);
	launcher->first = first;
	launcher->count = count;
	fflush(NULL);
	/* not straight into what both see: the child would write its 0 there */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(stop[1]);
		_exit(launcher_main(launcher, f->slug, stop[0]));
	}
	close(stop[0]);
	launcher->pid = pid;
	launcher->stop = stop[1];
	while (launcher->started < launcher->count && !launcher->failed && waitpid(pid, NULL, WNOHANG) == 0)
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	return launcher;
}

/** end_launcher() - stop its dynos, or with @kill_it leave them to gc. Return: it had started all */
static bool end_launcher(struct launcher *launcher, bool kill_it)
{
	bool all = !launcher->failed && launcher->started == launcher->count;

	if (kill_it)
		kill(launcher->pid, SIGKILL);
	/* a word, since the end of the pipe is held by the launchers that came after */
	if (!kill_it)
		(void)!write(launcher->stop, "x", 1);
	close(launcher->stop);
	waitpid(launcher->pid, NULL, 0);
	if (!all)
		print_error("%u of %u dynos: %s\n", launcher->started, launcher->count, launcher->why);
	munmap(launcher, sizeof(*launcher));
	return all;
}

/** answers() - somebody is there at 127.0.0.1:@port who answers as the probe's server does */
static bool answers(unsigned port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
		                        .sin_port = htons((uint16_t)port),
		                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64] = "";
	bool ok;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	ok = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 && send(fd, "hello\n", 6, MSG_NOSIGNAL) == 6 &&
	     recv(fd, text, sizeof(text) - 1, 0) > 0 && strncmp(text, "peer=", 5) == 0;
	close(fd);
	return ok;
}

/** by_value() - for qsort(3) */
static int by_value(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/** struct times - of ten starts, microseconds */
struct times {
	double median, fastest;
};

/** times_of() - ten starts, from @first on */
static struct times times_of(const struct launcher *launcher, unsigned first)
{
	const size_t middle = TENTH / 2;
	uint64_t ns[TENTH];

	memcpy(ns, launcher->start_ns + first, sizeof(ns));
	qsort(ns, TENTH, sizeof(*ns), by_value);
	return (struct times){ (double)(ns[middle - 1] + ns[middle]) / 2e3, (double)ns[0] / 1e3 };
}

/** say_times() - how long a start took when few others were there, and when all were */
static void say_times(const struct fixture *f, struct launcher *const *launchers, unsigned used, unsigned count,
                      long long ms)
{
	/* the very first makes what all share */
	const struct times first = times_of(launchers[0], TENTH / 2);
	const struct times last = times_of(launchers[used - 1], launchers[used - 1]->count - TENTH);

	printf("%s: %u dynos in %lld ms; request to listening: near the 10th %.0f us, the last ten %.0f us, ratio %.2f; the fastest "
	       "of each ten %.0f and %.0f us, ratio %.2f\n",
	       f->name, count, ms, first.median, last.median, last.median / first.median, first.fastest, last.fastest,
	       last.fastest / first.fastest);
}

/** thousand() - all there at once, and all answering. @kill_them: end by killing the launchers */
static void thousand(struct fixture *f, bool kill_them)
{
	const char *given = getenv("DYNO_COUNT");
	unsigned count = given && atoi(given) > 0 && atoi(given) <= EACH * LAUNCHERS ? (unsigned)atoi(given) : COUNT;
	static struct launcher *launchers[LAUNCHERS];
	static struct process p;
	long long begin = support_now_ms();
	unsigned used = 0, silent = 0;
	bool all = true;

	world_make(f);
	for (unsigned first = 0; first < count; first += EACH)
		launchers[used++] = start_launcher(f, first, count - first < EACH ? count - first : EACH);
	begin = support_now_ms() - begin;
	for (unsigned i = 0; i < count; i++)
		silent += !answers(FIRST_PORT + i);
	if (launchers[used - 1]->count > TENTH)
		say_times(f, launchers, used, count, begin);
	/* A connection is over when both have said so: what is said to a dyno that is gone is said again, and tracked as new */
	nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL);
	begin = support_now_ms();
	for (unsigned i = 0; i < used; i++)
		all = end_launcher(launchers[i], kill_them) && all;
	if (kill_them) {
		DYNO(f, &p, "gc");
		assert_exit(&p, 0);
	}
	printf("%s: gone after %lld ms\n", f->name, support_now_ms() - begin);
	if (silent > 0 || !all)
		FAIL("%u dynos did not answer\n", silent);
	world_drop();
}

static void test_all_answer_and_leave_nothing(struct fixture *f)
{
	thousand(f, false);
}

static void test_killed_launcher_leaves_nothing_after_gc(struct fixture *f)
{
	thousand(f, true);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_all_answer_and_leave_nothing, AS_ROOT),
	SANDBOX_TEST(test_killed_launcher_leaves_nothing_after_gc, AS_ROOT),
};

int main(void)
{
	return world_main("thousand", tests, sizeof(tests) / sizeof(tests[0]));
}
