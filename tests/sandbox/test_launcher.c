/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_launcher.c - the resident launcher: what schedulers ask of it, and what they, or anybody, may do to it
 *
 * Each test runs a launcher of its own as the launching user, and talks to it from here.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "launcher/client.h"
#include "launcher/packet.h"
#include "tests/sandbox/lifecycle_support.h"

#define WAIT_MS 20000
#define STRANGER 64321 /* nobody's id, as user and as group */

#define PACKET(text) text, sizeof(text)

/** socket_path() - where the test's launcher listens */
static const char *socket_path(const struct fixture *f)
{
	return support_path(f, "launcher.sock");
}

/** begin() - start a launcher with @options and a small pool */
static struct process *begin(struct fixture *f, const char *const *options, void (*before)(void))
{
	struct process *p = life_process(0);
	const char *argv[32] = { "launcher", "--socket", socket_path(f), "--learn", "0", "--pool", "2,net=none" };
	size_t count = 7;

	for (; *options; options++)
		argv[count++] = *options;
	launch_start(f, p, &(struct launch){ .argv = argv, .before = before });
	if (!launch_expect(p, "listens at"))
		FAIL("the launcher does not start: %s\n", p->err);
	return p;
}

/** finish() - stop the launcher, which must end well */
static void finish(struct fixture *f, struct process *p)
{
	assert_int_equal(launch_stop(f, p), 0);
}

/** reach() - a connection */
static struct dyno_launcher *reach(const struct fixture *f)
{
	struct dyno_launcher *launcher = NULL;
	struct dyno_error err = { 0 };

	if (dyno_launcher_connect(socket_path(f), &launcher, &err) < 0)
		FAIL("%s\n", err.text);
	return launcher;
}

/** next() - the next thing that is told */
static void next(struct dyno_launcher *launcher, struct dyno_launcher_event *ret)
{
	struct dyno_error err = { 0 };

	if (dyno_launcher_wait(launcher, WAIT_MS, ret, &err) < 0)
		FAIL("%s: %s\n", err.step, err.text);
}

/** expect() - the next thing that is told is @type, of request @id */
static void expect(struct dyno_launcher *launcher, enum dyno_launcher_event_type type, uint64_t id,
                   struct dyno_launcher_event *ret)
{
	next(launcher, ret);
	if (ret->type != type || ret->id != id)
		FAIL("told %u of %llu, not %u of %llu: %s: %s\n", ret->type, (unsigned long long)ret->id, type,
		     (unsigned long long)id, ret->error.step, ret->error.text);
}

/** ask() - start the probe with @argv as @name, without a network. Return: number of the request */
static uint64_t ask(struct fixture *f, struct dyno_launcher *launcher, const char *name, const char *const *argv,
                    const struct dyno_launcher_options *options)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct dyno_shape shape = { .stack = "host", .net = DYNO_NET_NONE };
	const struct dyno_app app = { .name = name, .slug = f->slug, .argv = argv, .fds = { null, null, null } };
	struct dyno_error err = { 0 };
	uint64_t id = 0;

	if (dyno_launcher_start(launcher, &shape, &app, options, &id, &err) < 0)
		FAIL("%s: %s\n", err.step, err.text);
	close(null);
	return id;
}

/** run() - the same, until it is up */
static uint64_t run(struct fixture *f, struct dyno_launcher *launcher, const char *name, const char *const *argv)
{
	struct dyno_launcher_event event;
	uint64_t id = ask(f, launcher, name, argv, NULL);

	expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	return id;
}

/** listed() - how many dynos there are */
static unsigned listed(struct dyno_launcher *launcher)
{
	struct dyno_launcher_event event;
	uint64_t id = 0;
	unsigned lines = 0;

	assert_int_equal(dyno_launcher_list(launcher, &id, NULL), 0);
	do
		next(launcher, &event);
	while (event.type != DYNO_LAUNCHER_DONE || event.id != id);
	for (const char *at = event.text; at && *at; at++)
		lines += *at == '\n';
	return lines;
}

/** settle() - wait until @count dynos are left */
static void settle(struct dyno_launcher *launcher, unsigned count)
{
	for (int i = 0; i < 400 && listed(launcher) != count; i++)
		life_sleep_us(25000);
	assert_int_equal(listed(launcher), count);
}

static void test_a_dyno_from_its_start_to_its_end(struct fixture *f)
{
	struct process *p = begin(f, ARGV("--grace", "20"), NULL);
	struct dyno_launcher *launcher = reach(f);
	struct dyno_launcher_event event;
	uint64_t id = ask(f, launcher, "web.1", ARGV("/app/probe", "write", "/tmp/x", "text"), NULL);

	expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	assert_string_equal(event.name, "web.1");
	assert_true(event.pid > 0 && event.terminal < 0);
	assert_true(event.timeline.ns[DYNO_PHASE_EXEC] > event.timeline.ns[DYNO_PHASE_REQUESTED]);
	expect(launcher, DYNO_LAUNCHER_EXITED, id, &event);
	assert_true(WIFEXITED(event.status) && WEXITSTATUS(event.status) == 0);
	assert_string_equal(event.reason, "");
	expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	assert_string_equal(event.name, "web.1");
	assert_int_equal(event.discarded.files, 1);
	/* its name is free again */
	id = ask(f, launcher, "web.1", ARGV("/app/probe", "kill", "9"), NULL);
	expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	expect(launcher, DYNO_LAUNCHER_EXITED, id, &event);
	expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	id = ask(f, launcher, NULL, ARGV("/app/nothing"), NULL);
	expect(launcher, DYNO_LAUNCHER_FAILED, id, &event);
	assert_int_equal(event.error.code, -ENOENT);
	expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	dyno_launcher_close(launcher);
	finish(f, p);
}

static void test_a_terminal(struct fixture *f)
{
	struct process *p = begin(f, ARGV("--grace", "20"), NULL);
	struct dyno_launcher *launcher = reach(f);
	const struct dyno_shape shape = { .stack = "host", .net = DYNO_NET_NONE, .tty = true };
	const struct dyno_app app = {
		.slug = f->slug, .argv = ARGV("/app/probe", "tty"), .rows = 33, .columns = 99, .fds = { -1, -1, -1 }
	};
	struct dyno_launcher_event event;
	char text[1024];
	size_t used = 0;
	ssize_t got;
	uint64_t id;

	assert_int_equal(dyno_launcher_start(launcher, &shape, &app, NULL, &id, NULL), 0);
	expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	assert_true(event.terminal >= 0);
	while ((got = read(event.terminal, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	close(event.terminal);
	assert_non_null(strstr(text, "pts/0"));
	expect(launcher, DYNO_LAUNCHER_EXITED, id, &event);
	expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	dyno_launcher_close(launcher);
	finish(f, p);
}

/** refused() - send a packet of @size bytes with @count of @fds: it is refused with an error that holds @says */
static void refused(struct dyno_launcher *launcher, const char *data, size_t size, const int *fds, unsigned count,
                    const char *says)
{
	struct dyno_launcher_event event;

	assert_int_equal(packet_send(dyno_launcher_fd(launcher), data, size, fds, count), 0);
	next(launcher, &event);
	if (event.type != DYNO_LAUNCHER_REFUSED || !strstr(event.error.text, says))
		FAIL("%.40s: told %u, %s, not \"%s\"\n", data, event.type, event.error.text, says);
}

static void test_malformed_packets(struct fixture *f)
{
	static const struct {
		const char *data;
		size_t size;
		const char *says;
		bool ends; /* the connection */
	} cases[] = {
		{ PACKET("GET / HTTP/1.1"), "does not begin", true },
		{ PACKET("DYNO/2 HELLO 3"), "version 2", true },
		{ PACKET("DYNO/1 HELLO"), "number", true },
		{ PACKET("DYNO/1 DANCE 3"), "DANCE", false },
		{ PACKET("DYNO/1 START 3\0argv"), "KEY=VALUE", false },
		{ PACKET("DYNO/1 START 3\0color=red"), "color", false },
		{ PACKET("DYNO/1 START 3"), "command", false },
		{ PACKET("DYNO/1 START 3\0argv=/app/probe\0fds=stdin"), "1 descriptors, and 0", false },
		{ PACKET("DYNO/1 STOP 3"), "which dyno", false },
		{ PACKET("DYNO/1 STOP 3\0dyno=web.9"), "no such dyno", false },
		{ PACKET("DYNO/1 SIGNAL 3\0start=77\0signal=1"), "no such dyno", false },
		{ PACKET("DYNO/1 POOL 3\0pool=99\0min=1\0max=2"), "no pool 99", false },
	};
	struct process *p = begin(f, ARGV("--grace", "0"), NULL);
	struct dyno_launcher *bystander = reach(f), *launcher = reach(f);
	uint64_t id = run(f, bystander, NULL, ARGV("/app/probe", "sleep"));
	struct dyno_launcher_event event;
	char *huge = calloc(1, PROTOCOL_PACKET_MAX + 1);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		refused(launcher, cases[i].data, cases[i].size, NULL, 0, cases[i].says);
		if (!cases[i].ends)
			continue;
		assert_int_equal(dyno_launcher_wait(launcher, WAIT_MS, &event, NULL), -EPIPE);
		dyno_launcher_close(launcher);
		launcher = reach(f);
	}
	assert_non_null(huge);
	strcpy(huge, "DYNO/1 HELLO 5");
	refused(launcher, huge, PROTOCOL_PACKET_MAX + 1, NULL, 0, "longer than");
	free(huge);
	assert_int_equal(listed(bystander), 1);
	assert_int_equal(dyno_launcher_kill(bystander, NULL, id, &id, NULL), 0);
	settle(bystander, 0);
	dyno_launcher_close(launcher);
	dyno_launcher_close(bystander);
	finish(f, p);
}

static void test_descriptors_of_the_wrong_kind(struct fixture *f)
{
	struct process *p = begin(f, ARGV("--grace", "0"), NULL);
	struct dyno_launcher *launcher = reach(f);
	const char *gone = support_path(f, "gone");
	int file = open(support_probe(), O_RDONLY | O_CLOEXEC), slug = open(f->slug, O_PATH | O_CLOEXEC);
	int directory = open(f->slug, O_RDONLY | O_CLOEXEC), removed, many[8];

	support_mkdir(f, gone, 0755);
	removed = open(gone, O_RDONLY | O_CLOEXEC);
	support_remove(gone);
	for (size_t i = 0; i < 8; i++)
		many[i] = file;
	refused(launcher, PACKET("DYNO/1 START 1\0argv=a\0fds=slug"), &file, 1, "not a directory");
	refused(launcher, PACKET("DYNO/1 START 2\0argv=a\0fds=slug"), &slug, 1, "not opened");
	refused(launcher, PACKET("DYNO/1 START 3\0argv=a\0fds=slug"), &removed, 1, "removed");
	refused(launcher, PACKET("DYNO/1 START 4\0argv=a\0net=none\0fds=stdin"), &directory, 1, "is a directory");
	refused(launcher, PACKET("DYNO/1 START 5\0argv=a\0fds=body"), &file, 1, "sealed");
	refused(launcher, PACKET("DYNO/1 START 6\0argv=a\0tty=1\0fds=stdin"), &file, 1, "terminal");
	refused(launcher, PACKET("DYNO/1 START 7\0argv=a\0fds=slug,slug"), many, 2, "twice");
	refused(launcher, PACKET("DYNO/1 START 8\0argv=a\0fds=slug"), many, 8, "8 came");
	refused(launcher, PACKET("DYNO/1 LIST 9\0fds=slug"), &directory, 1, "takes no descriptor");
	assert_int_equal(listed(launcher), 0);
	close(file);
	close(slug);
	close(directory);
	close(removed);
	dyno_launcher_close(launcher);
	finish(f, p);
}

static void test_the_end_of_a_peer_is_that_of_its_dynos(struct fixture *f)
{
	struct process *p = begin(f, ARGV("--grace", "20"), NULL);
	struct dyno_launcher *launcher = reach(f), *watcher = reach(f);
	struct dyno_launcher_event event;
	uint64_t id, subscription;

	assert_int_equal(dyno_launcher_subscribe(watcher, &subscription, NULL), 0);
	expect(watcher, DYNO_LAUNCHER_DONE, subscription, &event);
	id = ask(f, launcher, "left.1", ARGV("/app/probe", "sleep"), &(struct dyno_launcher_options){ .detach = true });
	expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	expect(watcher, DYNO_LAUNCHER_UP, subscription, &event);
	id = ask(f, launcher, "web.1", ARGV("/app/probe", "sleep"), NULL);
	expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	expect(watcher, DYNO_LAUNCHER_UP, subscription, &event);
	/* one more whose answer nobody reads */
	(void)ask(f, launcher, "web.2", ARGV("/app/probe", "sleep"), NULL);
	dyno_launcher_close(launcher);
	settle(watcher, 1);
	assert_int_equal(dyno_launcher_stop(watcher, "left.1", 0, 20000, &id, NULL), 0);
	settle(watcher, 0);
	dyno_launcher_close(watcher);
	finish(f, p);
}

static void test_a_dyno_of_a_launcher_is_reached_as_any_other(struct fixture *f)
{
	struct process *p = begin(f, ARGV("--grace", "20"), NULL), *other = life_process(1);
	struct dyno_launcher *launcher = reach(f);
	struct dyno_launcher_event event;
	uint64_t id = run(f, launcher, "web.1", ARGV("/app/probe", "sleep"));

	DYNO(f, other, "ps", "-q");
	assert_says(other, "web.1");
	DYNO(f, other, "exec", "web.1", "--", "/app/probe", "say", "here");
	assert_exit(other, 0);
	assert_says(other, "here");
	DYNO(f, other, "stop", "web.1");
	assert_exit(other, 0);
	expect(launcher, DYNO_LAUNCHER_EXITED, id, &event);
	assert_true(WIFSIGNALED(event.status) && WTERMSIG(event.status) == SIGTERM);
	assert_string_equal(event.reason, "");
	expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	dyno_launcher_close(launcher);
	finish(f, p);
}

static void test_a_killed_launcher_leaves_nothing_that_gc_does_not_remove(struct fixture *f)
{
	struct process *p = begin(f, ARGV("--grace", "20"), NULL), *gc = life_process(1);
	struct dyno_launcher *launcher = reach(f);
	struct dyno_launcher_event event;

	for (int i = 0; i < 5; i++)
		(void)run(f, launcher, NULL, ARGV("/app/probe", "sleep"));
	kill(p->pid, SIGKILL);
	launch_finish(f, p);
	while (dyno_launcher_wait(launcher, WAIT_MS, &event, NULL) == 0)
		;
	dyno_launcher_close(launcher);
	assert_int_equal(life_reap(), 0);
	DYNO(f, gc, "gc");
	assert_exit(gc, 0);
	life_assert_clean(f, "after gc");
	/* and its socket is in nobody's way */
	p = begin(f, ARGV("--grace", "0"), NULL);
	finish(f, p);
}

/** flood() - send @count packets, and read what is answered meanwhile. Return: answers */
static unsigned flood(struct dyno_launcher *launcher, unsigned count)
{
	struct dyno_launcher_event event;
	unsigned sent = 0, answered = 0;
	char data[64];

	while (answered < count) {
		int length = snprintf(data, sizeof(data), "DYNO/1 START %u", sent + 1);

		if (sent < count && packet_send(dyno_launcher_fd(launcher), data, (size_t)length + 1, NULL, 0) == 0) {
			sent++;
			continue;
		}
		next(launcher, &event);
		assert_int_equal(event.type, DYNO_LAUNCHER_REFUSED);
		answered++;
	}
	return answered;
}

static void test_ten_thousand_requests_at_once(struct fixture *f)
{
	struct process *p = begin(f, ARGV("--grace", "0"), NULL);
	struct dyno_launcher *launcher = reach(f);

	assert_int_equal(flood(launcher, 10000), 10000);
	assert_int_equal(listed(launcher), 0);
	dyno_launcher_close(launcher);
	finish(f, p);
}

#define CLIENTS 10
#define EACH 20

static void test_two_hundred_dynos_of_ten_clients(struct fixture *f)
{
	struct process *p = begin(f, ARGV("--grace", "20"), NULL);
	struct dyno_launcher *clients[CLIENTS];
	unsigned up = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = reach(f);
	for (unsigned i = 0; i < CLIENTS * EACH; i++)
		(void)ask(f, clients[i % CLIENTS], NULL, ARGV("/app/probe", "sleep"), NULL);
	for (unsigned i = 0; i < CLIENTS * EACH; i++) {
		struct dyno_launcher_event event;

		next(clients[i % CLIENTS], &event);
		up += event.type == DYNO_LAUNCHER_UP;
	}
	assert_int_equal(up, CLIENTS * EACH);
	assert_int_equal(listed(clients[0]), CLIENTS * EACH);
	for (unsigned i = 1; i < CLIENTS; i++)
		dyno_launcher_close(clients[i]);
	settle(clients[0], EACH);
	dyno_launcher_close(clients[0]);
	finish(f, p);
}

static void few_descriptors(void)
{
	const struct rlimit limit = { 120, 120 };

	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/** answer() - what became of start @id; what is told of others is passed over */
static void answer(struct dyno_launcher *launcher, uint64_t id, struct dyno_launcher_event *ret)
{
	do
		next(launcher, ret);
	while (ret->id != id || ret->type == DYNO_LAUNCHER_GONE);
}

static void test_no_descriptor_is_left(struct fixture *f)
{
	struct process *p = begin(f, ARGV("--grace", "20"), few_descriptors);
	struct dyno_launcher *launcher = reach(f);
	struct dyno_launcher_event event;
	unsigned up = 0, failures = 0;
	uint64_t id, first = 0;

	for (unsigned i = 0; i < 40; i++) {
		id = ask(f, launcher, NULL, ARGV("/app/probe", "sleep"), NULL);
		answer(launcher, id, &event);
		if (event.type == DYNO_LAUNCHER_UP) {
			first = first ? first : id;
			up++;
			continue;
		}
		failures++;
		if (event.error.code != -EMFILE)
			FAIL("%d %s: %s (%s)\n", event.error.code, event.error.step, event.error.text,
			     event.error.remedy);
	}
	assert_true(up > 0 && failures > 0);
	settle(launcher, up);
	assert_int_equal(dyno_launcher_kill(launcher, NULL, first, &id, NULL), 0);
	settle(launcher, up - 1);
	dyno_launcher_close(launcher);
	finish(f, p);
}

static void test_reload_and_stop(struct fixture *f)
{
	struct process *p = begin(f, ARGV("--grace", "20"), NULL), *second = life_process(1);
	struct dyno_launcher *launcher = reach(f);
	struct dyno_launcher_event event;
	uint64_t id = run(f, launcher, NULL, ARGV("/app/probe", "sleep"));

	DYNO(f, second, "launcher", "--socket", socket_path(f));
	assert_true(second->code != 0);
	assert_says(second, "another launcher listens");
	assert_int_equal(kill(p->pid, SIGHUP), 0);
	assert_int_equal(listed(launcher), 1);
	finish(f, p);
	expect(launcher, DYNO_LAUNCHER_EXITED, id, &event);
	expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	assert_int_equal(dyno_launcher_wait(launcher, WAIT_MS, &event, NULL), -EPIPE);
	dyno_launcher_close(launcher);
	assert_false(support_exists(socket_path(f)));
}

/** stranger_tries() - in a child that is another user: what START with @fields says. Return: errno of the refusal, 0 for none */
static int stranger_tries(const char *path, const char *slug, const char *data, size_t size)
{
	struct dyno_launcher *launcher;
	struct dyno_launcher_event event;
	int fd = open(slug, O_RDONLY | O_CLOEXEC);

	if (dyno_launcher_connect(path, &launcher, NULL) < 0)
		return 255;
	if (packet_send(dyno_launcher_fd(launcher), data, size, &fd, 1) < 0 ||
	    dyno_launcher_wait(launcher, WAIT_MS, &event, NULL) < 0)
		return 254;
	return event.type == DYNO_LAUNCHER_REFUSED ? -event.error.code : 0;
}

/** stranger() - stranger_tries() as STRANGER, in the group @group */
static int stranger(struct fixture *f, gid_t group, const char *slug, const char *data, size_t size)
{
	const char *path = socket_path(f);
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgroups(1, &group) < 0 || setresgid(group, group, group) < 0 ||
		    setresuid(STRANGER, STRANGER, STRANGER) < 0)
			_exit(253);
		_exit(stranger_tries(path, slug, data, size));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_members_of_the_group_have_less_power(struct fixture *f)
{
#define FIELDS "DYNO/1 START 1\0argv=/app/probe\0argv=sleep\0fds=slug\0"
	struct process *p = begin(f, ARGV("--grace", "0", "--group", "64321"), NULL);
	const char *own = support_path(f, "own");

	support_mkdir(f, own, 0755);
	support_copy(support_probe(), support_format("%s/probe", own), 0755);
	assert_int_equal(chown(own, STRANGER, STRANGER), 0);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "net=none")), 0);
	assert_int_equal(stranger(f, STRANGER, f->slug, PACKET(FIELDS "net=none")), EACCES);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "net=host")), EACCES);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "stack=/srv")), EACCES);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "scratch_dir=/var/tmp")), EACCES);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "publish_unix=/tmp/x\0port=5000")), EACCES);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "publish=80\0port=5000\0watch=1")), EACCES);
	/* who is not in the group does not even reach the socket */
	assert_int_equal(stranger(f, STRANGER + 1, own, PACKET(FIELDS "net=none")), 255);
	finish(f, p);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_a_dyno_from_its_start_to_its_end, AS_BOTH),
	SANDBOX_TEST(test_a_terminal, AS_BOTH),
	SANDBOX_TEST(test_malformed_packets, AS_BOTH),
	SANDBOX_TEST(test_descriptors_of_the_wrong_kind, AS_BOTH),
	SANDBOX_TEST(test_the_end_of_a_peer_is_that_of_its_dynos, AS_BOTH),
	SANDBOX_TEST(test_a_dyno_of_a_launcher_is_reached_as_any_other, AS_BOTH),
	SANDBOX_TEST(test_a_killed_launcher_leaves_nothing_that_gc_does_not_remove, AS_BOTH),
	SANDBOX_TEST(test_ten_thousand_requests_at_once, AS_BOTH),
	SANDBOX_TEST(test_two_hundred_dynos_of_ten_clients, AS_BOTH),
	SANDBOX_TEST(test_no_descriptor_is_left, AS_BOTH),
	SANDBOX_TEST(test_reload_and_stop, AS_BOTH),
	SANDBOX_TEST(test_members_of_the_group_have_less_power, AS_ROOT),
};

SANDBOX_MAIN("launcher", tests)
