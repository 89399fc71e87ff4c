/* SPDX-License-Identifier: Apache-2.0 */
/* test_launcher_faults.c - what peers, or anybody, may do to the resident launcher, and what it has too little of */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launcher/launcher.h"
#include "launcher/packet.h"
#include "tests/sandbox/launcher_support.h"

#define STRANGER 64321 /* nobody's id, as user and as group */

/** refused() - send a packet of @size bytes with @count of @fds: it is refused with an error that holds @says */
static void refused(struct dyno_launcher *launcher, const char *data, size_t size, const int *fds, unsigned count,
                    const char *says)
{
	struct dyno_launcher_event event;

	assert_int_equal(packet_send(dyno_launcher_fd(launcher), data, size, fds, count), 0);
	launcher_next(launcher, &event);
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
	struct process *p = launcher_begin(f, ARGV("--grace", "0"), NULL);
	struct dyno_launcher *bystander = launcher_reach(f), *launcher = launcher_reach(f);
	uint64_t id = launcher_up(f, bystander, NULL, ARGV("/app/probe", "sleep"));
	struct dyno_launcher_event event;
	char *huge = calloc(1, PROTOCOL_PACKET_MAX + 1);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		refused(launcher, cases[i].data, cases[i].size, NULL, 0, cases[i].says);
		if (!cases[i].ends)
			continue;
		assert_int_equal(dyno_launcher_wait(launcher, LAUNCHER_WAIT_MS, &event, NULL), -EPIPE);
		dyno_launcher_close(launcher);
		launcher = launcher_reach(f);
	}
	assert_non_null(huge);
	strcpy(huge, "DYNO/1 HELLO 5");
	refused(launcher, huge, PROTOCOL_PACKET_MAX + 1, NULL, 0, "longer than");
	free(huge);
	assert_int_equal(launcher_listed(bystander), 1);
	assert_int_equal(dyno_launcher_kill(bystander, NULL, id, &id, NULL), 0);
	launcher_settle(bystander, 0);
	dyno_launcher_close(launcher);
	dyno_launcher_close(bystander);
	launcher_finish(f, p);
}

static void test_descriptors_of_the_wrong_kind(struct fixture *f)
{
	struct process *p = launcher_begin(f, ARGV("--grace", "0"), NULL);
	struct dyno_launcher *launcher = launcher_reach(f);
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
	assert_int_equal(launcher_listed(launcher), 0);
	close(file);
	close(slug);
	close(directory);
	close(removed);
	dyno_launcher_close(launcher);
	launcher_finish(f, p);
}

static void test_a_killed_launcher_leaves_nothing_that_gc_does_not_remove(struct fixture *f)
{
	struct process *p = launcher_begin(f, ARGV("--grace", "20"), NULL), *gc = life_process(1);
	struct dyno_launcher *launcher = launcher_reach(f);
	struct dyno_launcher_event event;

	for (int i = 0; i < 5; i++)
		(void)launcher_up(f, launcher, NULL, ARGV("/app/probe", "sleep"));
	kill(p->pid, SIGKILL);
	launch_finish(f, p);
	while (dyno_launcher_wait(launcher, LAUNCHER_WAIT_MS, &event, NULL) == 0)
		;
	dyno_launcher_close(launcher);
	assert_int_equal(life_reap(), 0);
	DYNO(f, gc, "gc");
	assert_exit(gc, 0);
	life_assert_clean(f, "after gc");
	/* and its socket is in nobody's way */
	p = launcher_begin(f, ARGV("--grace", "0"), NULL);
	launcher_finish(f, p);
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
		launcher_next(launcher, &event);
		assert_int_equal(event.type, DYNO_LAUNCHER_REFUSED);
		answered++;
	}
	return answered;
}

static void test_ten_thousand_requests_at_once(struct fixture *f)
{
	struct process *p = launcher_begin(f, ARGV("--grace", "0"), NULL);
	struct dyno_launcher *launcher = launcher_reach(f);

	assert_int_equal(flood(launcher, 10000), 10000);
	assert_int_equal(launcher_listed(launcher), 0);
	dyno_launcher_close(launcher);
	launcher_finish(f, p);
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
		launcher_next(launcher, ret);
	while (ret->id != id || ret->type == DYNO_LAUNCHER_GONE);
}

static void test_no_descriptor_is_left(struct fixture *f)
{
	struct process *p = launcher_begin(f, ARGV("--grace", "20"), few_descriptors);
	struct dyno_launcher *launcher = launcher_reach(f);
	struct dyno_launcher_event event;
	unsigned up = 0, failures = 0;
	uint64_t id, first = 0;

	for (unsigned i = 0; i < 40; i++) {
		id = launcher_ask(f, launcher, NULL, ARGV("/app/probe", "sleep"), NULL);
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
	launcher_settle(launcher, up);
	assert_int_equal(dyno_launcher_kill(launcher, NULL, first, &id, NULL), 0);
	launcher_settle(launcher, up - 1);
	dyno_launcher_close(launcher);
	launcher_finish(f, p);
}

/** lazy_launcher() - in a child: a launcher that keeps little for who does not read. Never asserts */
static void lazy_launcher(struct fixture *f, int ready)
{
	struct launcher_config config = LAUNCHER_CONFIG_DEFAULTS;
	struct launcher *launcher = NULL;

	config.socket = launcher_path(f);
	config.peer_unsent_max = 16384;
	config.grace_ms = 20000;
	if (geteuid() == 0 && f->rootless &&
	    (setgroups(0, NULL) < 0 || setresgid(f->uid, f->uid, f->uid) < 0 || setresuid(f->uid, f->uid, f->uid) < 0))
		_exit(99);
	/* whose user changed without an execve(2) may not even look at itself in /proc (prctl(2), PR_SET_DUMPABLE) */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0 ||
	    setenv("XDG_RUNTIME_DIR", f->run, 1) < 0 || launcher_open(&config, &launcher, NULL) < 0 ||
	    write(ready, "r", 1) != 1)
		_exit(98);
	_exit(launcher_run(launcher, NULL) < 0 || launcher_close(launcher) ? 97 : 0);
}

static void test_who_does_not_read_is_dropped(struct fixture *f)
{
	struct dyno_launcher *deaf, *launcher;
	struct dyno_launcher_event event;
	uint64_t id, count = 0;
	int status, ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		lazy_launcher(f, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	deaf = launcher_reach(f);
	launcher = launcher_reach(f);
	assert_int_equal(dyno_launcher_subscribe(deaf, &id, NULL), 0);
	(void)launcher_ask(f, deaf, "deaf.1", ARGV("/app/probe", "sleep"), NULL);
	launcher_settle(launcher, 1);
	/* as many answers as make its requests wait */
	while (dyno_launcher_stats(deaf, DYNO_LAUNCHER_TEXT, &id, NULL) == 0)
		;
	/* and events, which are not asked for */
	for (; count < 500 && launcher_listed(launcher) > 0; count++) {
		id = launcher_ask(f, launcher, NULL, ARGV("/app/probe", "say", "x"), NULL);
		do
			launcher_next(launcher, &event);
		while (event.id != id || event.type != DYNO_LAUNCHER_GONE);
	}
	/* it was dropped, its dyno with it; nobody else was */
	assert_in_range(count, 1, 499);
	dyno_launcher_close(deaf);
	dyno_launcher_close(launcher);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/** stranger_tries() - in a child that is another user: what becomes of the START in @data. Return: 0, or errno of its refusal or failure */
static int stranger_tries(const char *path, const char *slug, const char *data, size_t size)
{
	struct dyno_launcher *launcher;
	struct dyno_launcher_event event;
	int fd = open(slug, O_RDONLY | O_CLOEXEC);

	if (dyno_launcher_connect(path, &launcher, NULL) < 0)
		return 255;
	if (packet_send(dyno_launcher_fd(launcher), data, size, &fd, 1) < 0 ||
	    dyno_launcher_wait(launcher, LAUNCHER_WAIT_MS, &event, NULL) < 0)
		return 254;
	return event.type == DYNO_LAUNCHER_UP ? 0 : -event.error.code;
}

/** stranger() - stranger_tries() as STRANGER, in the group @group */
static int stranger(struct fixture *f, gid_t group, const char *slug, const char *data, size_t size)
{
	const char *path = launcher_path(f);
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
	struct process *p = launcher_begin(f, ARGV("--grace", "0", "--group", "64321"), NULL);
	const char *own = support_path(f, "own");

	support_mkdir(f, own, 0755);
	support_copy(support_probe(), support_format("%s/probe", own), 0755);
	assert_int_equal(chown(own, STRANGER, STRANGER), 0);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "net=none")), 0);
	/* cold, too */
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "net=none\0scratch_size=67108864")), 0);
	assert_int_equal(stranger(f, STRANGER, f->slug, PACKET(FIELDS "net=none")), EACCES);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "net=host")), EACCES);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "stack=/srv")), EACCES);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "scratch_dir=/var/tmp")), EACCES);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "publish_unix=/tmp/x\0port=5000")), EACCES);
	assert_int_equal(stranger(f, STRANGER, own, PACKET(FIELDS "publish=80\0port=5000\0watch=1")), EACCES);
	/* who is not in the group does not even reach the socket */
	assert_int_equal(stranger(f, STRANGER + 1, own, PACKET(FIELDS "net=none")), 255);
	launcher_finish(f, p);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_malformed_packets, AS_BOTH),
	SANDBOX_TEST(test_descriptors_of_the_wrong_kind, AS_BOTH),
	SANDBOX_TEST(test_a_killed_launcher_leaves_nothing_that_gc_does_not_remove, AS_BOTH),
	SANDBOX_TEST(test_ten_thousand_requests_at_once, AS_BOTH),
	SANDBOX_TEST(test_no_descriptor_is_left, AS_BOTH),
	SANDBOX_TEST(test_who_does_not_read_is_dropped, AS_BOTH),
	SANDBOX_TEST(test_members_of_the_group_have_less_power, AS_ROOT),
};

SANDBOX_MAIN("launcher_faults", tests)
