/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_watcher.c - one thread for the listen(2) of many dynos: each is answered, and none that is hostile holds up the others
 *
 * Dynos are forked children under the filter of a watched one. Each waits for its word and listens then.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fd.h"
#include "isolation/syscalls.h"
#include "runtime/channel.h"
#include "runtime/watcher.h"

#define PATIENCE_MS 20000
#define SOON_MS 1000 /* a dyno that is held up would wait for ever */
#define MANY 40
/* Nobody else listens on 127.78.0.0/16 */
#define ADDRESS "127.78.0.1"
#define PORT 27200

/** enum kind - what a child is like: it listens once; all the time; on a socket whose lock another thread of it keeps for ever */
enum kind { GOOD, FLOOD, KEEPER };

/** struct app - one child and its record; @word: a byte there makes it listen */
struct app {
	pid_t pid;
	int word;
	struct watch_task task;
	struct watched *watched;
};

static struct watcher *watcher;

/** bound() - in the child: a socket at @port */
static int bound(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	inet_pton(AF_INET, ADDRESS, &in.sin_addr);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
		_exit(3);
	return fd;
}

/** missing_page() - in the child: memory that whoever looks at it waits for, for ever */
static void *missing_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	long fd = syscall(SYS_userfaultfd, 0);
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	range.range.start = (uintptr_t)page;
	range.range.len = 4096;
	if (fd < 0 || page == MAP_FAILED || ioctl((int)fd, UFFDIO_API, &api) < 0 ||
	    ioctl((int)fd, UFFDIO_REGISTER, &range) < 0)
		_exit(4);
	return page;
}

/** keep_lock() - a thread of the child: the kernel takes the socket's lock, and then reads the options (net/ipv4/ip_sockglue.c) */
static void *keep_lock(void *data)
{
	(void)setsockopt(*(int *)data, IPPROTO_IP, IP_OPTIONS, missing_page(), 40);
	return NULL;
}

/** child_main() - all of the child */
__attribute__((noreturn)) static void child_main(enum kind kind, uint16_t port, int channel, int word)
{
	const struct channel_message message = { .type = CHANNEL_PARKED };
	int notify = -1, fd = bound(port);
	struct dyno_error err;
	pthread_t thread;
	char byte;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (kind == KEEPER && pthread_create(&thread, NULL, keep_lock, &fd) != 0)
		_exit(5);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscalls_confine_child(&notify, &err) < 0 ||
	    channel_send(channel, &message, NULL, &notify, 1) < 0)
		_exit(1);
	(void)close(notify);
	if (read(word, &byte, 1) != 1)
		_exit(2);
	(void)listen(fd, 5);
	while (kind == FLOOD && listen(fd, 5) == 0)
		;
	(void)pause();
	_exit(0);
}

/** start() - a child of this kind, watched from now on */
static struct app start(enum kind kind, uint16_t port)
{
	static struct channel_packet packet;
	struct app app = { .task = { .port = port } };
	int ends[2], words[2];

	assert_int_equal(channel_pair(ends), 0);
	assert_int_equal(pipe2(words, O_CLOEXEC), 0);
	app.pid = fork();
	assert_true(app.pid >= 0);
	if (app.pid == 0) {
		(void)close(words[1]);
		child_main(kind, port, ends[1], words[0]);
	}
	fd_close(ends[1]);
	fd_close(words[0]);
	app.word = words[1];
	assert_int_equal(channel_receive(ends[0], &packet, true), 1);
	assert_int_equal(packet.fd_count, 1);
	fd_close(ends[0]);
	app.task.notify = packet.fds[0];
	app.task.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	app.task.loopback = true;
	assert_int_equal(watcher_add(&watcher, &app.task, &app.watched), 0);
	return app;
}

/** say_go() - let it listen */
static void say_go(const struct app *app)
{
	assert_int_equal(write(app->word, "x", 1), 1);
}

/** assert_told() - it listens, and that is told within @ms */
static void assert_told(const struct app *app, int ms)
{
	struct pollfd come = { .fd = app->task.event, .events = POLLIN };
	struct watch_report report;

	assert_int_equal(poll(&come, 1, ms), 1);
	assert_int_equal(watcher_take(watcher, app->watched, &report), 1);
	assert_int_equal(report.where, DYNO_LISTEN_READY);
	assert_int_equal(report.seen.at.port, app->task.port);
	assert_int_equal(watcher_take(watcher, app->watched, &report), 0);
	assert_int_equal(poll(&come, 1, 0), 0);
}

/** end() - the child ends, and then the watch of it */
static void end(struct app *app)
{
	(void)kill(app->pid, SIGKILL);
	assert_int_equal(waitpid(app->pid, NULL, 0), app->pid);
	watcher_drop(watcher, app->watched);
	fd_close(app->task.event);
	fd_close(app->word);
}

/** entries() - of a directory of /proc/self */
static int entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = -3; /* ".", ".." and, of descriptors, the directory's own */

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void many_have_one_thread(void **state)
{
	static struct app apps[MANY];
	int before = entries("/proc/self/fd");

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		apps[i] = start(GOOD, (uint16_t)(PORT + i));
	/* ours, the one that answers, and the one that minds it */
	assert_in_range(entries("/proc/self/task") + 1, 2, 3);
	for (unsigned i = 0; i < MANY; i++)
		say_go(&apps[i]);
	for (unsigned i = 0; i < MANY; i++)
		assert_told(&apps[i], PATIENCE_MS);
	for (unsigned i = 0; i < MANY; i++)
		end(&apps[i]);
	watcher = watcher_close(watcher);
	assert_int_equal(entries("/proc/self/fd"), before);
	assert_int_equal(entries("/proc/self/task") + 1, 1);
}

static void the_end_is_told(void **state)
{
	struct app app = start(GOOD, PORT);
	struct pollfd come = { .fd = app.task.event, .events = POLLIN };
	struct watch_report report;

	(void)state;
	say_go(&app);
	assert_told(&app, PATIENCE_MS);
	(void)kill(app.pid, SIGKILL);
	assert_int_equal(poll(&come, 1, PATIENCE_MS), 1);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(watcher_take(watcher, app.watched, &report), -EPIPE);
		assert_int_equal(poll(&come, 1, 0), 1);
	}
	end(&app);
}

static void records_are_used_again(void **state)
{
	int before;

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct app one = start(GOOD, PORT), two = start(GOOD, PORT + 1);

		if (round == 0)
			before = entries("/proc/self/fd");
		assert_int_equal(entries("/proc/self/fd"), before);
		say_go(&two);
		say_go(&one);
		assert_told(&one, PATIENCE_MS);
		if (round % 2)
			assert_told(&two, PATIENCE_MS);
		end(&one);
		end(&two);
	}
}

static void a_flood_does_not_delay_others(void **state)
{
	struct app floods[4], good;
	uint64_t begin_ns;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		floods[i] = start(FLOOD, (uint16_t)(PORT + i));
		say_go(&floods[i]);
		assert_told(&floods[i], PATIENCE_MS);
	}
	good = start(GOOD, PORT + 9);
	begin_ns = clock_ns();
	say_go(&good);
	assert_told(&good, SOON_MS);
	printf("beside four that call all the time: told after %llu us\n",
	       (unsigned long long)(clock_ns() - begin_ns) / 1000);
	end(&good);
	for (unsigned i = 0; i < 4; i++)
		end(&floods[i]);
}

static void a_kept_lock_does_not_delay_others(void **state)
{
	struct app keepers[3], good;
	uint64_t begin_ns;

	(void)state;
	if (geteuid() != 0)
		skip(); /* memory that the kernel waits for is root's */
	/* what is alone when it begins to hold us up, too */
	for (unsigned i = 0; i < 3; i++) {
		keepers[i] = start(KEEPER, (uint16_t)(PORT + i));
		(void)poll(NULL, 0, 50); /* until its other thread has the lock */
		say_go(&keepers[i]);
		(void)poll(NULL, 0, 10);
	}
	for (unsigned i = 0; i < 3; i++) {
		good = start(GOOD, (uint16_t)(PORT + 9 + i));
		begin_ns = clock_ns();
		say_go(&good);
		assert_told(&good, SOON_MS);
		printf("beside three that keep locks: told after %llu us\n",
		       (unsigned long long)(clock_ns() - begin_ns) / 1000);
		end(&good);
	}
	for (unsigned i = 0; i < 3; i++) {
		struct pollfd come = { .fd = keepers[i].task.event, .events = POLLIN };

		/* it did keep the lock: else this test shows nothing */
		assert_int_equal(poll(&come, 1, 0), 0);
		end(&keepers[i]);
	}
	begin_ns = clock_ns();
	watcher = watcher_close(watcher);
	assert_true(clock_ns() - begin_ns < 5000000000ULL);
}

static void many_calls_and_a_kept_lock_end_in_any_order(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	for (int round = 0; round < 8; round++) {
		struct app keeper = start(KEEPER, PORT), flood = start(FLOOD, PORT + 1);

		(void)poll(NULL, 0, 20);
		say_go(&flood);
		say_go(&keeper);
		(void)poll(NULL, 0, round * 2);
		if (round % 2)
			end(&keeper);
		end(&flood);
		if (round % 2 == 0)
			end(&keeper);
		if (round % 3 == 0)
			watcher = watcher_close(watcher);
	}
}

static int close_watcher(void **state)
{
	(void)state;
	watcher = watcher_close(watcher_close(watcher));
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_have_one_thread),
		cmocka_unit_test_teardown(the_end_is_told, close_watcher),
		cmocka_unit_test_teardown(records_are_used_again, close_watcher),
		cmocka_unit_test_teardown(a_flood_does_not_delay_others, close_watcher),
		cmocka_unit_test_teardown(a_kept_lock_does_not_delay_others, close_watcher),
		cmocka_unit_test_teardown(many_calls_and_a_kept_lock_end_in_any_order, close_watcher),
	};

	return cmocka_run_group_tests_name("watcher", tests, NULL, NULL);
}
