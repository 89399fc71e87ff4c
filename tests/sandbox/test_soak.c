/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_soak.c - a thousand launches, several at a time, by many commands and by one long-lived process: nothing adds up
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "include/dyno.h"
#include "tests/sandbox/lifecycle_support.h"

#define LAUNCHES 1000
#define AT_ONCE 4

/** start_silent() - `dyno @argv` with its streams at /dev/null, so that thousands need no pipes. Return: process */
static pid_t start_silent(const struct fixture *f, const char *const *argv)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid;
	if (geteuid() == 0 && f->rootless &&
	    (setgroups(0, NULL) < 0 || setresgid(f->uid, f->uid, f->uid) < 0 || setresuid(f->uid, f->uid, f->uid) < 0))
		_exit(98);
	if (chdir(f->dir) < 0 || setenv("XDG_RUNTIME_DIR", f->run, 1) < 0 || setenv("HOME", f->dir, 1) < 0)
		_exit(98);
	for (int fd = 0; fd < 3; fd++)
		if (dup2(open("/dev/null", O_RDWR | O_CLOEXEC), fd) < 0)
			_exit(98);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(99);
}

/** wait_launch() - wait for the end of one of @pids; others are what a command left behind to close a socket for it */
static pid_t *wait_launch(pid_t pids[AT_ONCE], int *ret_status)
{
	for (;;) {
		pid_t pid = waitpid(-1, ret_status, 0);

		assert_true(pid > 0);
		for (size_t i = 0; i < AT_ONCE; i++)
			if (pids[i] == pid)
				return &pids[i];
	}
}

/** soak() - @count launches of `dyno @argv`, AT_ONCE at a time; each ends with 7 */
static void soak(const struct fixture *f, const char *const *argv, unsigned count)
{
	unsigned started = 0, wrong = 0;
	pid_t pids[AT_ONCE];
	int status;

	for (; started < AT_ONCE; started++) {
		pids[started] = start_silent(f, argv);
		assert_true(pids[started] > 0);
	}
	for (unsigned ended = 0; ended < count; ended++) {
		pid_t *pid = wait_launch(pids, &status);

		if (!WIFEXITED(status) || WEXITSTATUS(status) != 7) {
			print_error("launch %u ended with %x\n", ended, (unsigned)status);
			wrong++;
		}
		*pid = 0;
		if (started < count) {
			started++;
			*pid = start_silent(f, argv);
			assert_true(*pid > 0);
		}
	}
	assert_int_equal(wrong, 0);
	life_assert_clean(f, "after all launches, without gc");
}

static void test_a_thousand_launches_leave_nothing(struct fixture *f)
{
	soak(f, ARGV(support_dyno(), "run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "exit", "7"),
	     LAUNCHES);
}

static void test_launches_with_a_network_leave_nothing(struct fixture *f)
{
	const char *net = life_net(f);

	soak(f, ARGV(support_dyno(), "run", "-q", "--net", net, "--slug", f->slug, "--", "/app/probe", "exit", "7"),
	     LAUNCHES / 4);
}

/* ---- one process, by the library ------------------------------------------------------------------------------------ */

/** struct look - what one long-lived process holds */
struct look {
	unsigned descriptors;
	unsigned mappings;
	long resident_kib;
};

/** count_entries() - of a directory */
static unsigned count_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/** count_lines() - of a file of /proc */
static unsigned count_lines(const char *path)
{
	FILE *in = fopen(path, "re");
	unsigned count = 0;
	int c;

	while (in && (c = fgetc(in)) != EOF)
		count += c == '\n';
	if (in)
		fclose(in);
	return count;
}

/** look() - at ourselves */
static struct look look(void)
{
	struct look now = {
		.descriptors = count_entries("/proc/self/fd"),
		.mappings = count_lines("/proc/self/maps"),
	};
	long pages = 0;
	FILE *in = fopen("/proc/self/statm", "re");

	if (in && fscanf(in, "%*d %ld", &pages) != 1)
		pages = 0;
	if (in)
		fclose(in);
	now.resident_kib = pages * (sysconf(_SC_PAGESIZE) / 1024);
	return now;
}

/** launch() - one more dyno. Return: it, or NULL */
static struct dyno *launch(struct dyno_host *host, const char *slug)
{
	static const char *const argv[] = { "/app/probe", "exit", "7", NULL };
	static const char *const env[] = { "KEY=value", NULL };
	const struct dyno_shape shape = { .stack = "host", .net = DYNO_NET_NONE };
	const struct dyno_app app = { .slug = slug, .argv = argv, .env = env, .fds = { 0, 1, 2 } };
	struct dyno_sandbox *sandbox = NULL;
	struct dyno_error err = { 0 };
	struct dyno *dyno = NULL;

	if (dyno_prepare(host, &shape, &app, 0, &sandbox, &err) < 0 || dyno_start(sandbox, &app, &dyno, &err) < 0)
		fprintf(stderr, "launch: %s: %s\n", err.step, err.text);
	return dyno;
}

/** finish() - wait for the end of @dyno and free it. Return: 0 when it ended with 7 */
static int finish(struct dyno *dyno)
{
	struct dyno_event event = { 0 };
	struct dyno_error err = { 0 };
	int result = -1;

	while (event.type != DYNO_EVENT_EXITED && event.type != DYNO_EVENT_FAILED) {
		struct pollfd fd = { .fd = dyno_fd(dyno), .events = POLLIN };

		if (poll(&fd, 1, 20000) <= 0 || dyno_next_event(dyno, &event, &err) < 0)
			break;
	}
	if (event.type == DYNO_EVENT_EXITED && WIFEXITED(event.status) && WEXITSTATUS(event.status) == 7)
		result = 0;
	else
		fprintf(stderr, "event %d status %x: %s\n", (int)event.type, (unsigned)event.status, event.error.text);
	dyno_destroy(dyno);
	return result;
}

/** judge() - what was gathered between two looks with equally many dynos. Return: exit code */
static int judge(const struct look *before, const struct look *after)
{
	fprintf(stderr, "descriptors %u to %u, mappings %u to %u, resident %ld to %ld KiB\n", before->descriptors,
	        after->descriptors, before->mappings, after->mappings, before->resident_kib, after->resident_kib);
	if (after->descriptors != before->descriptors)
		return 7;
#if defined(__SANITIZE_ADDRESS__)
	/* It keeps what is freed for a while, to catch late uses, and finds leaks itself */
	return 0;
#endif
	/* the allocator may grow once; hundreds of launches that leak a page each would show */
	if (after->mappings > before->mappings + 4 || after->resident_kib > before->resident_kib + 512)
		return 8;
	/* the library reaps what it makes, also what has no exit signal (__WALL) */
	return waitpid(-1, NULL, WNOHANG | __WALL) == -1 ? 0 : 9;
}

/** soak_inside() - in a child: @count launches by one process, AT_ONCE at a time. Return: exit code */
static int soak_inside(const struct fixture *f, unsigned count)
{
	struct dyno *dynos[AT_ONCE] = { NULL };
	struct dyno_error err = { 0 };
	struct dyno_host *host = NULL;
	struct look before = { 0 }, after = { 0 };

	if (dyno_host_open(&host, &err) < 0)
		return fprintf(stderr, "host: %s\n", err.text), 2;
	for (unsigned i = 0; i < count + AT_ONCE; i++) {
		struct dyno **dyno = &dynos[i % AT_ONCE];

		if (*dyno && finish(*dyno) < 0)
			return 3;
		*dyno = NULL;
		/* as many at the second look as at the first, when what is made once was made */
		if (i == 4 * AT_ONCE)
			before = look();
		if (i == count)
			after = look();
		if (i < count)
			*dyno = launch(host, f->slug);
		if (i < count && !*dyno)
			return 4;
	}
	dyno_host_close(host);
	return judge(&before, &after);
}

static void test_a_process_that_launches_many_dynos_gathers_nothing(struct fixture *f)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && f->rootless &&
		    (setgroups(0, NULL) < 0 || setresgid(f->uid, f->uid, f->uid) < 0 ||
		     setresuid(f->uid, f->uid, f->uid) < 0))
			_exit(98);
		/* a process that changed its user is not its own to look at or to map ids for, until it says so (prctl(2)) */
		if (prctl(PR_SET_DUMPABLE, 1) < 0 || setenv("XDG_RUNTIME_DIR", f->run, 1) < 0 || chdir(f->dir) < 0)
			_exit(98);
		_exit(soak_inside(f, 300));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_a_thousand_launches_leave_nothing, AS_BOTH),
	SANDBOX_TEST(test_launches_with_a_network_leave_nothing, AS_BOTH),
	SANDBOX_TEST(test_a_process_that_launches_many_dynos_gathers_nothing, AS_BOTH),
};

SANDBOX_MAIN("soak", tests)
