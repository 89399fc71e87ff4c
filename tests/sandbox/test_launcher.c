/* SPDX-License-Identifier: Apache-2.0 */
/* test_launcher.c - what schedulers ask of the resident launcher */
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sandbox/launcher_support.h"

static void test_a_dyno_from_its_start_to_its_end(struct fixture *f)
{
	struct process *p = launcher_begin(f, ARGV("--grace", "20"), NULL);
	struct dyno_launcher *launcher = launcher_reach(f);
	struct dyno_launcher_event event;
	uint64_t id = launcher_ask(f, launcher, "web.1", ARGV("/app/probe", "write", "/tmp/x", "text"), NULL);

	launcher_expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	assert_string_equal(event.name, "web.1");
	assert_true(event.pid > 0 && event.terminal < 0);
	assert_true(event.timeline.ns[DYNO_PHASE_EXEC] > event.timeline.ns[DYNO_PHASE_REQUESTED]);
	launcher_expect(launcher, DYNO_LAUNCHER_EXITED, id, &event);
	assert_true(WIFEXITED(event.status) && WEXITSTATUS(event.status) == 0);
	assert_string_equal(event.reason, "");
	launcher_expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	assert_string_equal(event.name, "web.1");
	assert_int_equal(event.discarded.files, 1);
	/* its name is free again */
	id = launcher_ask(f, launcher, "web.1", ARGV("/app/probe", "kill", "9"), NULL);
	launcher_expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	launcher_expect(launcher, DYNO_LAUNCHER_EXITED, id, &event);
	launcher_expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	id = launcher_ask(f, launcher, NULL, ARGV("/app/nothing"), NULL);
	launcher_expect(launcher, DYNO_LAUNCHER_FAILED, id, &event);
	assert_int_equal(event.error.code, -ENOENT);
	launcher_expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	dyno_launcher_close(launcher);
	launcher_finish(f, p);
}

static void test_a_terminal(struct fixture *f)
{
	struct process *p = launcher_begin(f, ARGV("--grace", "20"), NULL);
	struct dyno_launcher *launcher = launcher_reach(f);
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
	launcher_expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	assert_true(event.terminal >= 0);
	while ((got = read(event.terminal, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = '\0';
	close(event.terminal);
	assert_non_null(strstr(text, "pts/0"));
	launcher_expect(launcher, DYNO_LAUNCHER_EXITED, id, &event);
	launcher_expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	dyno_launcher_close(launcher);
	launcher_finish(f, p);
}

static void test_the_end_of_a_peer_is_that_of_its_dynos(struct fixture *f)
{
	struct process *p = launcher_begin(f, ARGV("--grace", "20"), NULL);
	struct dyno_launcher *launcher = launcher_reach(f), *watcher = launcher_reach(f);
	struct dyno_launcher_event event;
	uint64_t id, subscription;

	assert_int_equal(dyno_launcher_subscribe(watcher, &subscription, NULL), 0);
	launcher_expect(watcher, DYNO_LAUNCHER_DONE, subscription, &event);
	id = launcher_ask(f, launcher, "left.1", ARGV("/app/probe", "sleep"),
	                  &(struct dyno_launcher_options){ .detach = true });
	launcher_expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	launcher_expect(watcher, DYNO_LAUNCHER_UP, subscription, &event);
	id = launcher_ask(f, launcher, "web.1", ARGV("/app/probe", "sleep"), NULL);
	launcher_expect(launcher, DYNO_LAUNCHER_UP, id, &event);
	launcher_expect(watcher, DYNO_LAUNCHER_UP, subscription, &event);
	/* one more whose answer nobody reads */
	(void)launcher_ask(f, launcher, "web.2", ARGV("/app/probe", "sleep"), NULL);
	dyno_launcher_close(launcher);
	launcher_settle(watcher, 1);
	assert_int_equal(dyno_launcher_stop(watcher, "left.1", 0, 20000, &id, NULL), 0);
	launcher_settle(watcher, 0);
	dyno_launcher_close(watcher);
	launcher_finish(f, p);
}

static void test_a_dyno_of_a_launcher_is_reached_as_any_other(struct fixture *f)
{
	struct process *p = launcher_begin(f, ARGV("--grace", "20"), NULL), *other = life_process(1);
	struct dyno_launcher *launcher = launcher_reach(f);
	struct dyno_launcher_event event;
	uint64_t id = launcher_up(f, launcher, "web.1", ARGV("/app/probe", "sleep"));

	DYNO(f, other, "ps", "-q");
	assert_says(other, "web.1");
	DYNO(f, other, "exec", "web.1", "--", "/app/probe", "say", "here");
	assert_exit(other, 0);
	assert_says(other, "here");
	DYNO(f, other, "stop", "web.1");
	assert_exit(other, 0);
	launcher_expect(launcher, DYNO_LAUNCHER_EXITED, id, &event);
	assert_true(WIFSIGNALED(event.status) && WTERMSIG(event.status) == SIGTERM);
	assert_string_equal(event.reason, "");
	launcher_expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	dyno_launcher_close(launcher);
	launcher_finish(f, p);
}

#define CLIENTS 10
#define EACH 20

static void test_two_hundred_dynos_of_ten_clients(struct fixture *f)
{
	struct process *p = launcher_begin(f, ARGV("--grace", "20"), NULL);
	struct dyno_launcher *clients[CLIENTS];
	unsigned up = 0;

	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = launcher_reach(f);
	for (unsigned i = 0; i < CLIENTS * EACH; i++)
		(void)launcher_ask(f, clients[i % CLIENTS], NULL, ARGV("/app/probe", "sleep"), NULL);
	for (unsigned i = 0; i < CLIENTS * EACH; i++) {
		struct dyno_launcher_event event;

		launcher_next(clients[i % CLIENTS], &event);
		up += event.type == DYNO_LAUNCHER_UP;
	}
	assert_int_equal(up, CLIENTS * EACH);
	assert_int_equal(launcher_listed(clients[0]), CLIENTS * EACH);
	for (unsigned i = 1; i < CLIENTS; i++)
		dyno_launcher_close(clients[i]);
	launcher_settle(clients[0], EACH);
	dyno_launcher_close(clients[0]);
	launcher_finish(f, p);
}

static void test_reload_and_stop(struct fixture *f)
{
	struct process *p = launcher_begin(f, ARGV("--grace", "20"), NULL), *second = life_process(1);
	struct dyno_launcher *launcher = launcher_reach(f);
	struct dyno_launcher_event event;
	uint64_t id = launcher_up(f, launcher, NULL, ARGV("/app/probe", "sleep"));

	DYNO(f, second, "launcher", "--socket", launcher_path(f));
	assert_true(second->code != 0);
	assert_says(second, "another launcher listens");
	assert_int_equal(kill(p->pid, SIGHUP), 0);
	assert_int_equal(launcher_listed(launcher), 1);
	launcher_finish(f, p);
	launcher_expect(launcher, DYNO_LAUNCHER_EXITED, id, &event);
	launcher_expect(launcher, DYNO_LAUNCHER_GONE, id, &event);
	assert_int_equal(dyno_launcher_wait(launcher, LAUNCHER_WAIT_MS, &event, NULL), -EPIPE);
	dyno_launcher_close(launcher);
	assert_false(support_exists(launcher_path(f)));
}

/* the socket that is handed over to a launcher */
static int handed;

static void hand_over(void)
{
	(void)dup2(handed, 3);
}

/** notified() - the launcher tells, by the socket @fd, what begins with @state */
static void notified(int fd, const char *state)
{
	char text[256];
	ssize_t got = recv(fd, text, sizeof(text) - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	if (strncmp(text, state, strlen(state)) != 0)
		FAIL("notified \"%s\", not %s\n", text, state);
}

/** bound() - a socket of @type, bound to @path, which every user may write to */
static int bound(int type, const char *path)
{
	const struct timeval patience = { .tv_sec = 20 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(path, 0777), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

static void test_a_launcher_that_systemd_starts(struct fixture *f)
{
	const char *script = support_format("LISTEN_PID=$$ LISTEN_FDS=1 exec %s launcher --learn 0 --pool 0",
	                                    support_dyno());
	const char *notify = support_path(f, "notify"), *place = launcher_path(f);
	struct process *p = life_process(0);
	struct dyno_launcher *launcher;
	struct dyno_launcher_event event;
	int fd = bound(SOCK_DGRAM, notify);
	uint64_t id;

	handed = bound(SOCK_SEQPACKET, place);
	assert_int_equal(listen(handed, 16), 0);
	/* who connects before it runs waits */
	launcher = launcher_reach(f);
	launch_start(f, p,
	             &(struct launch){ .program = "/bin/sh",
	                               .argv = ARGV("-c", script),
	                               .env = ARGV(support_format("NOTIFY_SOCKET=%s", notify)),
	                               .before = hand_over });
	notified(fd, "READY=1");
	id = launcher_up(f, launcher, NULL, ARGV("/app/probe", "sleep"));
	assert_int_equal(kill(p->pid, SIGHUP), 0);
	notified(fd, "RELOADING=1\nMONOTONIC_USEC=");
	notified(fd, "READY=1");
	assert_int_equal(launcher_listed(launcher), 1);
	assert_int_equal(dyno_launcher_kill(launcher, NULL, id, &id, NULL), 0);
	launcher_settle(launcher, 0);
	launcher_finish(f, p);
	notified(fd, "STOPPING=1");
	assert_int_equal(dyno_launcher_wait(launcher, LAUNCHER_WAIT_MS, &event, NULL), -EPIPE);
	dyno_launcher_close(launcher);
	/* the socket is systemd's: it stays */
	assert_true(support_exists(place));
	close(handed);
	close(fd);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_a_dyno_from_its_start_to_its_end, AS_BOTH),
	SANDBOX_TEST(test_a_terminal, AS_BOTH),
	SANDBOX_TEST(test_the_end_of_a_peer_is_that_of_its_dynos, AS_BOTH),
	SANDBOX_TEST(test_a_dyno_of_a_launcher_is_reached_as_any_other, AS_BOTH),
	SANDBOX_TEST(test_two_hundred_dynos_of_ten_clients, AS_BOTH),
	SANDBOX_TEST(test_reload_and_stop, AS_BOTH),
	SANDBOX_TEST(test_a_launcher_that_systemd_starts, AS_BOTH),
};

SANDBOX_MAIN("launcher", tests)
