/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_library.c - libdyno as its users have it: include/dyno.h and nothing else
 *
 * Linked twice, with libdyno.so and with libdyno.a (test_library_static).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/utsname.h>

#include "host_fixture.h"

static const struct dyno_shape quiet = { .stack = "host", .net = DYNO_NET_NONE };

/** app_of() - an app with @argv and no input or output */
static struct dyno_app app_of(const struct fixture *f, const char *const *argv)
{
	return (struct dyno_app){ .argv = argv, .fds = { f->null, f->null, STDERR_FILENO } };
}

/** start() - prepare and start, or fail the test */
static struct dyno *start(struct fixture *f, const struct dyno_shape *shape, const struct dyno_app *app)
{
	struct dyno_sandbox *sandbox;
	struct dyno_error err = { 0 };
	struct dyno *dyno;

	if (dyno_prepare(f->host, shape, app, 0, &sandbox, &err) < 0)
		fail_msg("prepare: %s: %s", err.step, err.text);
	if (dyno_start(sandbox, app, &dyno, &err) < 0)
		fail_msg("start: %s: %s", err.step, err.text);
	return dyno;
}

/** next() - wait for the next event, which must be of @type */
static struct dyno_event next(struct dyno *dyno, enum dyno_event_type type)
{
	struct pollfd fd = { .fd = dyno_fd(dyno), .events = POLLIN };
	struct dyno_event event = { .type = DYNO_EVENT_NONE };
	struct dyno_error err;

	while (event.type == DYNO_EVENT_NONE) {
		assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
		assert_int_equal(dyno_next_event(dyno, &event, &err), 0);
	}
	if (event.type != type)
		fail_msg("event %d instead of %d: %s %s", (int)event.type, (int)type, event.error.text, event.reason);
	return event;
}

/** run() - one command from start to end. Return: its last event */
static struct dyno_event run(struct fixture *f, const struct dyno_shape *shape, const char *const *argv)
{
	const struct dyno_app app = app_of(f, argv);
	struct dyno *dyno = start(f, shape, &app);
	struct dyno_event event;

	next(dyno, DYNO_EVENT_UP);
	event = next(dyno, DYNO_EVENT_EXITED);
	assert_null(dyno_destroy(dyno));
	return event;
}

static void life_of_a_dyno(void **state)
{
	struct fixture *f = *state;
	const struct dyno_app app = app_of(f, SHELL("exit 3"));
	struct dyno *dyno = start(f, &quiet, &app);
	const uint64_t *ns = dyno_boot(dyno)->ns;
	struct dyno_event event;

	assert_int_equal(strncmp(dyno_name(dyno), "run.", 4), 0);
	assert_string_equal(dyno_address(dyno), "");
	assert_int_equal(dyno_terminal(dyno), -1);
	assert_true(dyno_pid(dyno) > 0);
	next(dyno, DYNO_EVENT_UP);
	for (int phase = 0; phase <= DYNO_PHASE_EXEC; phase++) {
		assert_non_null(dyno_phase_name((enum dyno_phase)phase));
		/* what is attached late is attached by nobody here */
		if (phase == DYNO_PHASE_ATTACHED)
			continue;
		assert_true(ns[phase] >= ns[DYNO_PHASE_REQUESTED]);
		assert_true(ns[phase] <= ns[DYNO_PHASE_EXEC]);
	}
	assert_int_equal(ns[DYNO_PHASE_LISTENING], 0);
	assert_true(ns[DYNO_PHASE_CLAIMED] <= ns[DYNO_PHASE_CLONED]);
	assert_true(ns[DYNO_PHASE_IDENTITY] <= ns[DYNO_PHASE_CONFINED]);
	event = next(dyno, DYNO_EVENT_EXITED);
	assert_true(WIFEXITED(event.status));
	assert_int_equal(WEXITSTATUS(event.status), 3);
	assert_string_equal(event.reason, "");
	/* the last event was the last, and asking on harms nobody */
	assert_int_equal(dyno_next_event(dyno, &event, NULL), 0);
	assert_int_equal(event.type, DYNO_EVENT_NONE);
	assert_int_equal(dyno_signal(dyno, SIGTERM, false), -ESRCH);
	assert_int_equal(dyno_kill(dyno), 0);
	assert_null(dyno_destroy(dyno));
}

static void boot_timeout(void **state)
{
	struct fixture *f = *state;
	const struct dyno_shape watched = { .stack = "host", .net = DYNO_NET_NONE, .watch = true };
	struct dyno_app app = app_of(f, SHELL("exec sleep 60"));
	struct dyno_event event;
	struct dyno *dyno;

	app.port = 5000;
	app.boot_timeout_ms = 100;
	dyno = start(f, &watched, &app);
	next(dyno, DYNO_EVENT_UP);
	event = next(dyno, DYNO_EVENT_EXITED);
	assert_true(WIFSIGNALED(event.status));
	assert_int_equal(WTERMSIG(event.status), SIGKILL);
	assert_string_equal(event.reason, "R10 (Boot timeout): nothing listened on $PORT (5000) within 100 ms");
	assert_int_equal(dyno_boot(dyno)->ns[DYNO_PHASE_LISTENING], 0);
	assert_null(dyno_published(dyno, 0));
	dyno_destroy(dyno);
}

static void streams_and_environment(void **state)
{
	struct fixture *f = *state;
	struct dyno_app app = app_of(f, SHELL("read line; echo $line $DYNO $PORT $A $HOME; pwd"));
	char text[128] = { 0 };
	struct dyno *dyno;
	int in[2], out[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	app.name = "library.1";
	app.port = 5001;
	app.env = VECTOR("A=b", "DYNO=x");
	app.workdir = "/tmp";
	app.fds[0] = in[0];
	app.fds[1] = out[1];
	dyno = start(f, &quiet, &app);
	assert_string_equal(dyno_name(dyno), "library.1");
	close(in[0]);
	close(out[1]);
	next(dyno, DYNO_EVENT_UP);
	assert_int_equal(write(in[1], "hello\n", 6), 6);
	close(in[1]);
	next(dyno, DYNO_EVENT_EXITED);
	dyno_destroy(dyno);
	/* the dyno is gone, and with it every other writer */
	assert_true(read(out[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "hello library.1 5001 b /app\n/tmp\n");
	assert_int_equal(read(out[0], text, 1), 0);
	close(out[0]);
}

static void failing_apps(void **state)
{
	static const struct {
		const char *command, *workdir;
		int code;
	} cases[] = {
		{ "/no/such/command", NULL, -ENOENT },
		{ "no-such-command", NULL, -ENOENT },
		{ "/etc/passwd", NULL, -EACCES },
		{ "/usr", NULL, -EACCES },
		{ "/bin/true", "/no/such/directory", -ENOENT },
	};
	struct fixture *f = *state;

	for (int no_init = 0; no_init < 2; no_init++) {
		struct dyno_shape shape = quiet;

		shape.no_init = no_init;
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct dyno_app app = app_of(f, VECTOR(cases[i].command));
			struct dyno_event event;
			struct dyno *dyno;

			app.workdir = cases[i].workdir;
			dyno = start(f, &shape, &app);
			event = next(dyno, DYNO_EVENT_FAILED);
			assert_int_equal(event.error.code, cases[i].code);
			assert_non_null(
				strstr(event.error.text, cases[i].workdir ? cases[i].workdir : cases[i].command));
			assert_int_equal(dyno_next_event(dyno, &event, NULL), 0);
			assert_int_equal(event.type, DYNO_EVENT_NONE);
			dyno_destroy(dyno);
		}
	}
}

static void bad_specs(void **state)
{
	struct fixture *f = *state;
	const struct dyno_app good = app_of(f, SHELL("exit"));
	const struct dyno_shape no_stack = { 0 };
	struct dyno_app bad = good;
	struct dyno_sandbox *sandbox = NULL;
	struct dyno *dyno = NULL;
	struct dyno_error err = { 0 };

	assert_int_equal(dyno_prepare(f->host, &no_stack, &good, 0, &sandbox, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	bad.argv = NULL;
	assert_int_equal(dyno_prepare(f->host, &quiet, &bad, 0, &sandbox, &err), -EINVAL);
	bad = good;
	bad.name = "run.7";
	assert_int_equal(dyno_prepare(f->host, &quiet, &bad, 0, &sandbox, NULL), -EINVAL);
	assert_null(sandbox);
	/* another slug than prepare was told of; the sandbox is consumed */
	assert_int_equal(dyno_prepare(f->host, &quiet, &good, 0, &sandbox, &err), 0);
	bad = good;
	bad.slug = f->dir;
	assert_int_equal(dyno_start(sandbox, &bad, &dyno, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, f->dir));
	assert_null(dyno);
}

/** attaches_late() - a slug can be attached to a parked sandbox: as root, on Linux 6.15 and newer */
static bool attaches_late(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%d.%d", &major, &minor), 2);
	return geteuid() == 0 && (major > 6 || (major == 6 && minor >= 15));
}

/** start_late() - start @app in a sandbox that was parked without it. Return: what dyno_start() returned */
static int start_late(struct fixture *f, const struct dyno_app *app, struct dyno **ret, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox;

	assert_int_equal(dyno_prepare(f->host, &quiet, NULL, 0, &sandbox, err), 0);
	dyno_sandbox_requested(sandbox, 0);
	return dyno_start(sandbox, app, ret, err);
}

static void slugs_that_come_late(void **state)
{
	/* clang-format off */
	static const char *const look[] = {
		"sh", "-c", "test $(cat /app/here) = slug || exit 2; test $(hostname) = late-1 || exit 3; grep -q late-1 /etc/hosts || exit 4;"
		            "echo mine >/app/here && mkdir /app/d && mv /app/here /app/d/ || exit 5; ! touch /new 2>/dev/null || exit 6;"
		            "test $DYNO = late.1 || exit 7; test $(grep -c ' /app ' /proc/self/mountinfo) = 1 || exit 8; exit 9", NULL };
	/* clang-format on */
	struct fixture *f = *state;
	struct dyno_app app = app_of(f, look);
	struct dyno_error err = { 0 };
	char path[sizeof(f->dir) + 8];
	struct dyno *dyno;
	FILE *file;

	snprintf(path, sizeof(path), "%s/here", f->dir);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs("slug\n", file) >= 0 && fclose(file) == 0);
	app.slug = f->dir;
	app.name = "late.1";
	/* twice: the second finds nothing of the first */
	for (int i = 0; i < 2; i++) {
		int r = start_late(f, &app, &dyno, &err);

		if (!attaches_late()) {
			assert_int_equal(r, -ENOTSUP);
			continue;
		}
		if (r < 0)
			fail_msg("%s: %s", err.step, err.text);
		assert_int_equal(dyno_birth(dyno), DYNO_BIRTH_WARM);
		next(dyno, DYNO_EVENT_UP);
		assert_int_equal(WEXITSTATUS(next(dyno, DYNO_EVENT_EXITED).status), 9);
		assert_true(dyno_boot(dyno)->ns[DYNO_PHASE_CLAIMED] < dyno_boot(dyno)->ns[DYNO_PHASE_REQUESTED]);
		assert_true(dyno_boot(dyno)->ns[DYNO_PHASE_ATTACHED] > dyno_boot(dyno)->ns[DYNO_PHASE_REQUESTED]);
		dyno_destroy(dyno);
	}
	app.slug = "/nowhere";
	assert_true(start_late(f, &app, &dyno, &err) < 0);
}

static void signals(void **state)
{
	struct fixture *f = *state;
	const struct dyno_app app = app_of(f, SHELL("trap 'exit 7' USR1; sleep 60 & wait"));
	const struct dyno_app stopping = app_of(f, SHELL("kill -STOP $$; exit 5"));
	struct dyno *dyno = start(f, &quiet, &app);
	struct dyno_event event;

	next(dyno, DYNO_EVENT_UP);
	assert_int_equal(dyno_signal(dyno, 0, false), -EINVAL);
	assert_int_equal(dyno_signal(dyno, 1000, false), -EINVAL);
	assert_int_equal(dyno_signal(dyno, SIGTERM, true), 0);
	event = next(dyno, DYNO_EVENT_EXITED);
	assert_true(WIFSIGNALED(event.status) && WTERMSIG(event.status) == SIGTERM);
	dyno_destroy(dyno);

	dyno = start(f, &quiet, &app);
	next(dyno, DYNO_EVENT_UP);
	assert_int_equal(dyno_kill(dyno), 0);
	event = next(dyno, DYNO_EVENT_EXITED);
	assert_true(WIFSIGNALED(event.status) && WTERMSIG(event.status) == SIGKILL);
	dyno_destroy(dyno);

	dyno = start(f, &quiet, &stopping);
	next(dyno, DYNO_EVENT_UP);
	assert_int_equal(next(dyno, DYNO_EVENT_STOPPED).status, SIGSTOP);
	assert_int_equal(dyno_signal(dyno, SIGCONT, false), 0);
	assert_int_equal(WEXITSTATUS(next(dyno, DYNO_EVENT_EXITED).status), 5);
	dyno_destroy(dyno);
}

static void two_in_one_loop(void **state)
{
	struct fixture *f = *state;
	static const char *const scripts[] = { "exit 11", "exit 12" };
	struct dyno *dynos[2];
	int codes[2] = { -1, -1 };
	bool up[2] = { false };

	for (int i = 0; i < 2; i++) {
		const struct dyno_app app = app_of(f, SHELL(scripts[i]));

		dynos[i] = start(f, &quiet, &app);
	}
	assert_string_not_equal(dyno_name(dynos[0]), dyno_name(dynos[1]));
	while (codes[0] < 0 || codes[1] < 0) {
		struct pollfd fds[2];

		for (int i = 0; i < 2; i++)
			fds[i] = (struct pollfd){ .fd = codes[i] < 0 ? dyno_fd(dynos[i]) : -1, .events = POLLIN };
		assert_true(poll(fds, 2, PATIENCE_MS) > 0);
		for (int i = 0; i < 2; i++) {
			struct dyno_event event;

			if (!fds[i].revents)
				continue;
			assert_int_equal(dyno_next_event(dynos[i], &event, NULL), 0);
			assert_int_not_equal(event.type, DYNO_EVENT_FAILED);
			if (event.type == DYNO_EVENT_UP)
				up[i] = true;
			if (event.type == DYNO_EVENT_EXITED)
				codes[i] = WEXITSTATUS(event.status);
		}
	}
	assert_true(up[0] && up[1]);
	assert_int_equal(codes[0], 11);
	assert_int_equal(codes[1], 12);
	dyno_destroy(dynos[0]);
	dyno_destroy(dynos[1]);
}

static void names_are_unique(void **state)
{
	struct fixture *f = *state;
	struct dyno_app app = app_of(f, SHELL("exec sleep 60"));
	struct dyno_sandbox *other;
	struct dyno_error err = { 0 };
	struct dyno *dyno;

	app.name = "library.1";
	dyno = start(f, &quiet, &app);
	assert_int_equal(dyno_prepare(f->host, &quiet, &app, 0, &other, &err), -EBUSY);
	assert_non_null(strstr(err.text, "library.1"));
	assert_true(err.remedy[0] != '\0');
	dyno_destroy(dyno); /* running, and not even up for sure */
	dyno = start(f, &quiet, &app);
	next(dyno, DYNO_EVENT_UP);
	dyno_destroy(dyno);
}

static void parked_sandboxes(void **state)
{
	struct fixture *f = *state;
	struct dyno_app app = app_of(f, SHELL("test $DYNO = \"$0\" || exit 4; exit 6"));
	struct dyno_sandbox *sandboxes[3];
	struct dyno *dyno;

	for (int i = 0; i < 3; i++)
		assert_int_equal(dyno_prepare(f->host, &quiet, NULL, 0, &sandboxes[i], NULL), 0);
	assert_null(dyno_sandbox_destroy(sandboxes[1]));
	assert_null(dyno_sandbox_destroy(NULL));
	assert_null(dyno_destroy(NULL));
	assert_null(dyno_host_close(NULL));
	assert_int_equal(dyno_start(sandboxes[2], &app, &dyno, NULL), 0);
	next(dyno, DYNO_EVENT_UP);
	assert_int_equal(WEXITSTATUS(next(dyno, DYNO_EVENT_EXITED).status), 4);
	dyno_destroy(dyno);
	dyno_sandbox_destroy(sandboxes[0]);
}

static void without_init(void **state)
{
	struct fixture *f = *state;
	struct dyno_shape shape = quiet;

	shape.no_init = true;
	assert_int_equal(WEXITSTATUS(run(f, &shape, SHELL("test $$ = 1 && exit 9")).status), 9);
}

static void terminal(void **state)
{
	struct fixture *f = *state;
	struct dyno_shape shape = quiet;
	const struct dyno_app app = app_of(f, SHELL("test -t 0 && test -t 1 && read a && echo got $a"));
	char text[256] = { 0 };
	size_t used = 0;
	struct dyno *dyno;
	struct pollfd fd;

	shape.tty = true;
	dyno = start(f, &shape, &app);
	next(dyno, DYNO_EVENT_UP);
	fd = (struct pollfd){ .fd = dyno_terminal(dyno), .events = POLLIN };
	assert_true(fd.fd >= 0);
	assert_int_equal(fcntl(fd.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(fd.fd, "abc\n", 4), 4);
	while (!strstr(text, "got abc")) {
		ssize_t got;

		assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
		got = read(fd.fd, text + used, sizeof(text) - 1 - used);
		assert_true(got > 0);
		used += (size_t)got;
	}
	assert_int_equal(next(dyno, DYNO_EVENT_EXITED).status, 0);
	dyno_destroy(dyno);
}

static void one_more_process(void **state)
{
	struct fixture *f = *state;
	struct dyno_app app = app_of(f, SHELL("exec sleep 60"));
	struct dyno_app more = app_of(f, SHELL("test \"$A$B\" = 12 && test $DYNO = library.2 && exit 21"));
	struct dyno_error err = { 0 };
	struct dyno_event event;
	uint32_t first = 0, second = 0, third = 0;
	struct dyno *dyno;

	app.name = "library.2";
	app.env = VECTOR("A=1");
	more.env = VECTOR("B=2");
	dyno = start(f, &quiet, &app);
	/* the app may be up before we know: the order is kept */
	assert_int_equal(dyno_exec(dyno, &more, false, &first, NULL), 0);
	next(dyno, DYNO_EVENT_UP);
	assert_int_equal(next(dyno, DYNO_EVENT_EXEC_UP).exec_id, first);
	event = next(dyno, DYNO_EVENT_EXEC_EXITED);
	assert_int_equal(event.exec_id, first);
	assert_int_equal(WEXITSTATUS(event.status), 21);

	more.argv = VECTOR("/no/such/command");
	assert_int_equal(dyno_exec(dyno, &more, false, &second, NULL), 0);
	assert_int_not_equal(first, second);
	event = next(dyno, DYNO_EVENT_EXEC_FAILED);
	assert_int_equal(event.exec_id, second);
	assert_int_equal(event.error.code, -ENOENT);
	more.argv = VECTOR("");
	assert_int_equal(dyno_exec(dyno, &more, false, &second, &err), -EINVAL);

	more.argv = SHELL("test -t 0 && exec sleep 60");
	assert_int_equal(dyno_exec(dyno, &more, true, &third, NULL), 0);
	event = next(dyno, DYNO_EVENT_EXEC_UP);
	assert_true(event.terminal >= 0);
	assert_int_equal(fcntl(event.terminal, F_GETFD), FD_CLOEXEC);
	assert_int_equal(dyno_exec_signal(dyno, 0, SIGTERM), -EINVAL);
	assert_int_equal(dyno_exec_signal(dyno, third, SIGTERM), 0);
	close(event.terminal);
	event = next(dyno, DYNO_EVENT_EXEC_EXITED);
	assert_int_equal(event.exec_id, third);
	assert_true(WIFSIGNALED(event.status));
	/* the main process never noticed */
	assert_int_equal(dyno_signal(dyno, SIGTERM, false), 0);
	assert_int_equal(WTERMSIG(next(dyno, DYNO_EVENT_EXITED).status), SIGTERM);
	assert_int_equal(dyno_exec(dyno, &more, false, &first, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "library.2"));
	dyno_destroy(dyno);
}

/** struct listing - what dyno_discarded() told */
struct listing {
	char text[1024];
};

static void list_each(void *data, char what, const char *path, uint64_t bytes)
{
	struct listing *list = data;
	size_t used = strlen(list->text);

	snprintf(list->text + used, sizeof(list->text) - used, "%c %s %llu\n", what, path, (unsigned long long)bytes);
}

/** make_slug() - a slug of two files below the fixture's directory */
static void make_slug(const struct fixture *f, char path[96])
{
	static const char *const names[] = { "kept", "gone" };
	char file[128];

	snprintf(path, 96, "%s/slug", f->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(chmod(f->dir, 0755), 0);
	for (int i = 0; i < 2; i++) {
		int fd;

		snprintf(file, sizeof(file), "%s/%s", path, names[i]);
		fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
		assert_int_equal(write(fd, "original", 8), 8);
		close(fd);
	}
}

static void what_is_left(void **state)
{
	static const char script[] = "echo changed > kept; rm gone; mkdir d; echo 123456789 > d/new; echo x > /tmp/t";
	struct fixture *f = *state;
	struct dyno_app app = app_of(f, SHELL(script));
	struct dyno_discarded discarded;
	struct listing list = { "" };
	struct dyno_error err = { 0 };
	char slug[96], kept[96], file[128];
	struct dyno *dyno;
	struct stat st;

	make_slug(f, slug);
	snprintf(kept, sizeof(kept), "%s/kept", f->dir);
	app.slug = slug;
	dyno = start(f, &quiet, &app);
	assert_int_equal(dyno_discarded(dyno, &discarded, NULL, NULL, &err), -EBUSY);
	assert_int_equal(dyno_keep(dyno, kept, NULL), -EBUSY);
	next(dyno, DYNO_EVENT_UP);
	assert_int_equal(next(dyno, DYNO_EVENT_EXITED).status, 0);
	assert_int_equal(dyno_discarded(dyno, &discarded, list_each, &list, &err), 0);
	assert_int_equal(discarded.files, 3);
	assert_int_equal(discarded.deleted, 1);
	assert_int_equal(discarded.bytes, 8 + 10 + 2);
	assert_string_equal(discarded.largest, "/app/d/new");
	assert_int_equal(discarded.largest_bytes, 10);
	assert_non_null(strstr(list.text, "C /app/kept 8\n"));
	assert_non_null(strstr(list.text, "D /app/gone 0\n"));
	assert_non_null(strstr(list.text, "A /app/d/new 10\n"));
	assert_non_null(strstr(list.text, "A /tmp/t 2\n"));
	assert_int_equal(dyno_keep(dyno, kept, &err), 0);
	snprintf(file, sizeof(file), "%s/app/d/new", kept);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 10);
	assert_int_equal(st.st_uid, geteuid());
	assert_int_equal(dyno_keep(dyno, kept, &err), -EEXIST);
	assert_true(err.remedy[0] != '\0');
	dyno_destroy(dyno);
	/* and the slug is as it was */
	snprintf(file, sizeof(file), "%s/gone", slug);
	assert_int_equal(stat(file, &st), 0);
}

static void nothing_leaks(void **state)
{
	struct fixture *f = *state;
	unsigned before;

	/* from the second on a host keeps what the next one needs */
	for (int i = 0; i < 3; i++)
		(void)run(f, &quiet, SHELL("exit 0"));
	before = count_descriptors();
	for (int i = 0; i < 50; i++) {
		struct dyno_app app = app_of(f, VECTOR(i % 5 ? "/bin/true" : "/no/such/command"));
		struct dyno *dyno = start(f, &quiet, &app);

		/* some are gone before they are up */
		if (i % 7 != 0)
			next(dyno, i % 5 ? DYNO_EVENT_UP : DYNO_EVENT_FAILED);
		dyno_destroy(dyno);
	}
	(void)run(f, &quiet, SHELL("exit 0"));
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
}

static void callers_who_ignore_children(void **state)
{
	struct fixture *f = *state;
	struct dyno_shape shape = quiet;
	void (*before)(int) = signal(SIGCHLD, SIG_IGN);
	struct dyno_event with, without;

	/* the kernel then reaps by itself, and waitpid(2) has nothing to tell */
	with = run(f, &shape, SHELL("exit 3"));
	shape.no_init = true;
	without = run(f, &shape, SHELL("exit 4"));
	(void)signal(SIGCHLD, before);
	assert_int_equal(WEXITSTATUS(with.status), 3);
	/* unknown, said so, and no success */
	assert_int_equal(WEXITSTATUS(without.status), 255);
	assert_non_null(strstr(without.reason, "SIGCHLD"));
}

static void private_network(void **state)
{
	struct fixture *f = *state;
	const struct dyno_shape shape = { .stack = "host", .net = DYNO_NET_PRIVATE };
	const struct dyno_app app = app_of(f, SHELL("exit 0"));
	struct dyno *dyno;

	if (geteuid() != 0) {
		print_message("%s: only root gives a dyno an address\n", __func__);
		skip();
	}
	dyno = start(f, &shape, &app);
	assert_true(strchr(dyno_address(dyno), '.') != NULL);
	next(dyno, DYNO_EVENT_UP);
	dyno_destroy(dyno);
}

static void collector(void **state)
{
	struct fixture *f = *state;
	const struct dyno_app app = app_of(f, SHELL("exec sleep 60"));
	struct dyno *dyno = start(f, &quiet, &app);
	struct dyno_error err;

	next(dyno, DYNO_EVENT_UP);
	assert_true(dyno_gc(f->host, &err) >= 0);
	assert_int_equal(dyno_signal(dyno, SIGTERM, false), 0);
	next(dyno, DYNO_EVENT_EXITED);
	dyno_destroy(dyno);
}

/** example() - run examples/library's program on @script, stopping it when it says "is up" if @stop. Return: exit code */
static int example(const char *command, const char *script, bool stop, char *text, size_t size)
{
	const char *build = getenv("DYNO_BUILD");
	char path[512];
	size_t used = 0;
	ssize_t got;
	int err[2], status = -1;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/examples/launch", build ? build : "build");
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(err[1], STDERR_FILENO);
		execl(path, path, command, "-c", script, (char *)NULL);
		_exit(99);
	}
	close(err[1]);
	memset(text, 0, size);
	while ((got = read(err[0], text + used, size - 1 - used)) > 0) {
		used += (size_t)got;
		if (stop && strstr(text, "is up"))
			kill(pid, SIGTERM);
		stop = stop && !strstr(text, "is up");
	}
	close(err[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_example(void **state)
{
	char text[4096];

	(void)state;
	assert_int_equal(example("/bin/sh", "exit 3", false, text, sizeof(text)), 3);
	assert_non_null(strstr(text, " is up"));
	assert_non_null(strstr(text, "  exec\n"));
	assert_non_null(strstr(text, "ended with 3"));
	assert_non_null(strstr(text, "discarded 0 files"));
	assert_int_equal(example("/no/such/command", "", false, text, sizeof(text)), 127);
	assert_int_equal(example("/etc/passwd", "", false, text, sizeof(text)), 126);
	assert_int_equal(example("/bin/sh", "exec sleep 60", true, text, sizeof(text)), 128 + SIGTERM);
}

#define LIBRARY_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LIBRARY_TEST(life_of_a_dyno),   LIBRARY_TEST(streams_and_environment),
		LIBRARY_TEST(boot_timeout),     LIBRARY_TEST(failing_apps),
		LIBRARY_TEST(bad_specs),        LIBRARY_TEST(signals),
		LIBRARY_TEST(two_in_one_loop),  LIBRARY_TEST(names_are_unique),
		LIBRARY_TEST(parked_sandboxes), LIBRARY_TEST(slugs_that_come_late),
		LIBRARY_TEST(without_init),     LIBRARY_TEST(terminal),
		LIBRARY_TEST(one_more_process), LIBRARY_TEST(what_is_left),
		LIBRARY_TEST(nothing_leaks),    LIBRARY_TEST(callers_who_ignore_children),
		LIBRARY_TEST(private_network),  LIBRARY_TEST(collector),
		cmocka_unit_test(the_example),
	};

	return cmocka_run_group_tests_name("library", tests, NULL, NULL);
}
