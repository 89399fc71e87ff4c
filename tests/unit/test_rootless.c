/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_rootless.c - a dyno's port without privilege: what pasta carries, what it does not, and when it ends
 *
 * As root the tests become an ordinary user first, on a "host" of their own with a tun device for everybody; as an ordinary
 * user they run where they are. Without pasta or the device they skip.
 */
#include <signal.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "netns_fixture.h"

#define NOBODY 65534
#define INSIDE_ONLY_PORT 5001 /* the dyno listens here too, and nobody publishes it */
#define HOST_ONLY_PORT 5002   /* the host listens here, on its loopback */

/** ordinary_user() - give up root, and what a machine may lack; skip where pasta cannot run */
static void ordinary_user(void)
{
	if (geteuid() == 0) {
		own_host();
		CHECK(unshare(CLONE_NEWNS) == 0);
		CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
		CHECK(mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == 0);
		CHECK(mknod("/mnt/tun", S_IFCHR | 0600, makedev(10, 200)) == 0 && chmod("/mnt/tun", 0666) == 0);
		if (mount("/mnt/tun", "/dev/net/tun", NULL, MS_BIND, NULL) < 0)
			_exit(FIXTURE_SKIPPED);
		CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
		CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
	}
	if (access("/dev/net/tun", R_OK | W_OK) < 0 || access("/usr/bin/pasta", X_OK) < 0)
		_exit(FIXTURE_SKIPPED);
}

/** serve() - say "x" to everybody who connects to either port, for ever */
static _Noreturn void serve(void)
{
	struct pollfd servers[] = { { .fd = listen_in(-1, PORT), .events = POLLIN },
		                    { .fd = listen_in(-1, INSIDE_ONLY_PORT), .events = POLLIN } };

	while (poll(servers, 2, -1) > 0) {
		int fd = accept(servers[servers[0].revents ? 0 : 1].fd, NULL, NULL);

		if (fd >= 0)
			(void)!write(fd, "x", 1);
		close(fd);
	}
	_exit(1);
}

/** map_ids() - the dyno's user is 1000 inside and the caller outside, as rootless dynos have it */
static void map_ids(uid_t uid, gid_t gid)
{
	char map[32];

	CHECK(fd_write_text(AT_FDCWD, "/proc/self/setgroups", "deny") == 0);
	snprintf(map, sizeof(map), "1000 %u 1", uid);
	CHECK(fd_write_text(AT_FDCWD, "/proc/self/uid_map", map) == 0);
	snprintf(map, sizeof(map), "1000 %u 1", gid);
	CHECK(fd_write_text(AT_FDCWD, "/proc/self/gid_map", map) == 0);
}

/** start_dyno() - a child in namespaces of its own that serves both ports; it dies with us. Return: its pid */
static pid_t start_dyno(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int ready[2];
	char byte;
	pid_t pid;

	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
			_exit(FIXTURE_SKIPPED);
		map_ids(uid, gid);
		CHECK(network_loopback_child(NULL) == 0);
		CHECK(write(ready[1], "x", 1) == 1);
		serve();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		_exit(FIXTURE_SKIPPED); /* no user namespaces for this user */
	close(ready[0]);
	return pid;
}

/** answers() - somebody behind 127.0.0.1:@port says "x"; a connection alone would prove that pasta listens, no more */
static bool answers(uint16_t port)
{
	struct sockaddr_in in = endpoint("127.0.0.1", port);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 5 };
	char byte = 0;

	CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)) < 0)
		return false;
	return read(fd, &byte, 1) == 1 && byte == 'x';
}

/** attach() - network_attach() for a fresh dyno */
static int attach(pid_t dyno, uint16_t port, struct network *ret, struct dyno_error *err)
{
	struct network_host *host = NULL;
	int r;

	CHECK(network_host_open(true, &host, err) == 0);
	r = network_attach(host, DYNO_NET_PRIVATE, dyno, port, ret, err);
	network_host_close(host);
	return r;
}

/** look_out() - from inside the dyno nothing of the host is reached, but its own port is */
static void look_out(void *data)
{
	pid_t dyno = *(pid_t *)data;
	char path[64];
	int user, net;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", dyno);
	user = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", dyno);
	net = open(path, O_RDONLY | O_CLOEXEC);
	CHECK(setns(user, CLONE_NEWUSER) == 0 && setns(net, CLONE_NEWNET) == 0);
	CHECK(answers(PORT));
	CHECK(!answers(HOST_ONLY_PORT));
	/* the addresses that pasta was told about lead nowhere: its device is down */
	CHECK(reach("172.29.0.1", HOST_ONLY_PORT, NULL) == -ENETUNREACH);
	CHECK(reach("192.0.2.1", PORT, NULL) == -ENETUNREACH);
}

static void publish_child(void *data)
{
	struct network network = NETWORK_NULL;
	struct dyno_error err = { 0 };
	pid_t dyno;
	int fds;

	(void)data;
	ordinary_user();
	dyno = start_dyno();
	listen_in(-1, HOST_ONLY_PORT);
	fds = open_fds();
	CHECK(!answers(PORT));
	CHECK(attach(dyno, PORT, &network, &err) == 0);
	CHECK(network.helper > 0 && strcmp(network.address, "127.0.0.1") == 0 && open_fds() == fds);
	CHECK(answers(PORT)); /* ready means ready: no second attempt here */
	CHECK(!answers(INSIDE_ONLY_PORT));
	CHECK(in_child(look_out, &dyno) == 0);
	network_close(NULL, &network);
	CHECK(network.helper == 0 && !answers(PORT));
	CHECK(kill(dyno, SIGKILL) == 0 && waitpid(dyno, NULL, 0) == dyno);
	CHECK(waitpid(-1, NULL, 0) < 0 && errno == ECHILD);
}

static void test_one_port_is_published_and_nothing_else(void **state)
{
	(void)state;
	expect(publish_child);
}

static void taken_child(void *data)
{
	struct network network = NETWORK_NULL;
	struct dyno_error err = { 0 };
	pid_t dyno;
	int fds;

	(void)data;
	ordinary_user();
	dyno = start_dyno();
	listen_in(-1, PORT);
	fds = open_fds();
	CHECK(attach(dyno, PORT, &network, &err) == -EIO);
	CHECK(strstr(err.text, "5000") && strstr(err.remedy, "127.0.0.1:5000") && network.helper == 0);
	CHECK(open_fds() == fds);
	CHECK(kill(dyno, SIGKILL) == 0 && waitpid(-1, NULL, 0) == dyno);
	CHECK(waitpid(-1, NULL, 0) < 0 && errno == ECHILD);
}

static void test_taken_port_is_told(void **state)
{
	(void)state;
	expect(taken_child);
}

static void missing_child(void *data)
{
	struct network network = NETWORK_NULL;
	struct dyno_error err = { 0 };
	pid_t dyno;

	(void)data;
	ordinary_user();
	dyno = start_dyno();
	CHECK(setenv("PATH", "/nowhere", 1) == 0);
	CHECK(attach(dyno, PORT, &network, &err) == -ENOENT);
	CHECK(strstr(err.remedy, "passt") && strstr(err.remedy, "--net none") && network.helper == 0);
	CHECK(attach(dyno, 0, &network, &err) == 0 && network.helper == 0 && network.address[0] == '\0');
	CHECK(kill(dyno, SIGKILL) == 0 && waitpid(-1, NULL, 0) == dyno);
	CHECK(attach(dyno, PORT, &network, &err) == -ENOENT && strstr(err.text, "/proc/"));
}

static void test_missing_pasta_is_told(void **state)
{
	(void)state;
	expect(missing_child);
}

static void killed_child(void *data)
{
	struct network network = NETWORK_NULL;
	struct dyno_error err = { 0 };
	pid_t launcher, helper = 0;
	int report[2], status;

	(void)data;
	ordinary_user();
	/* orphans come to us, so that their end can be waited for */
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && pipe2(report, O_CLOEXEC) == 0);
	launcher = fork();
	CHECK(launcher >= 0);
	if (launcher == 0) {
		CHECK(attach(start_dyno(), PORT, &network, &err) == 0);
		CHECK(write(report[1], &network.helper, sizeof(helper)) == sizeof(helper));
		pause();
	}
	close(report[1]);
	if (read(report[0], &helper, sizeof(helper)) != sizeof(helper)) {
		CHECK(waitpid(launcher, &status, 0) == launcher);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : FIXTURE_FAILED);
	}
	CHECK(kill(launcher, SIGKILL) == 0 && waitpid(launcher, NULL, 0) == launcher);
	CHECK(waitpid(helper, &status, 0) == helper && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_pasta_dies_with_its_launcher(void **state)
{
	(void)state;
	expect(killed_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_port_is_published_and_nothing_else),
		cmocka_unit_test(test_taken_port_is_told),
		cmocka_unit_test(test_missing_pasta_is_told),
		cmocka_unit_test(test_pasta_dies_with_its_launcher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
