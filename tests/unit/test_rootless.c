/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_rootless.c - a private network without privilege: what leads out of it, what does not, and when it ends
 *
 * As root the tests become an ordinary user first, on a "host" of their own that is joined to "another machine", with a tun device for everybody
 * and a helper that keeps root and does as it is told. An ordinary user cannot make such a world and skips, as does who lacks pasta, the
 * device or iproute2.
 */
#include <signal.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "netns/rootless.h"
#include "netns_fixture.h"

#define NOBODY 65534
#define PORT_OPEN 8081
#define PORT_SERVER 9000   /* on either machine, on all addresses */
#define PORT_LOOPBACK 9001 /* on the host's loopback */
#define PORT_DNS 53
#define HOST4 "203.0.113.1"
#define HOST6 "2001:db8::1"
#define OTHER4 "203.0.113.2"
#define OTHER6 "2001:db8::2"
#define FAR4 "198.51.100.7"
#define METADATA4 "169.254.169.254"
#define METADATA6 "fd00:ec2::254"
#define LATER4 "203.0.113.77" /* the host gets it while a dyno runs */
#define SLOT 17

static const struct address_range range = ADDRESS_RANGE_DEFAULT;

/* the helper that keeps root: reads lines of shell, answers with a byte */
static int admin = -1;

/** shell() - run @line as the user that we are. Return: it worked */
static bool shell(const char *line)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", line, NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/** serve_on() - answer "x" on @port of @address, for ever, in a child that dies with us */
static void serve_on(const char *address, uint16_t port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const pid_t parent = getpid();
	const int yes = 1;
	int server = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(inet_pton(AF_INET6, address, &six.sin6_addr) == 1);
	CHECK(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0);
	CHECK(bind(server, (struct sockaddr *)&six, sizeof(six)) == 0 && listen(server, 32) == 0);
	if (fork() == 0) {
		/* a parent that died before this does not count as dying */
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent);
		for (;;) {
			int fd = accept(server, NULL, NULL);
			char byte;

			if (fd >= 0 && read(fd, &byte, 1) == 1)
				(void)!write(fd, "x", 1);
			close(fd);
		}
	}
	close(server);
}

/** other_machine() - a child with a network of its own; its pid */
static pid_t other_machine(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && unshare(CLONE_NEWNET) == 0);
		CHECK(link_loopback_up() == 0);
		serve_on("::", PORT_SERVER);
		serve_on("::", PORT_DNS);
		CHECK(write(ready[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	CHECK(read(ready[0], &byte, 1) == 1);
	close(ready[0]);
	return pid;
}

/** connect_machines() - a cable between the host and the other machine, and what clouds put in front of one */
static void connect_machines(pid_t other)
{
	char line[1024];

	snprintf(line, sizeof(line),
	         "set -e; ip link add up0 type veth peer name out0 netns %d; ip link set up0 up; "
	         "ip addr add " HOST4 "/24 dev up0; ip addr add " HOST6 "/64 dev up0 nodad; "
	         "O='nsenter -t %d -n ip'; $O addr add " OTHER4 "/24 dev out0; $O addr add " OTHER6
	         "/64 dev out0 nodad; "
	         "$O addr add " FAR4 "/32 dev lo; $O addr add " METADATA4 "/32 dev lo; $O addr add " METADATA6
	         "/128 dev lo nodad; $O link set out0 up; ip route add default via " OTHER4 "; ip route add " METADATA4
	         " via " OTHER4 "; ip -6 route add default via " OTHER6 "; "
	         "ip addr add fe80::1/64 dev up0 nodad",
	         other, other);
	CHECK(shell(line));
	snprintf(line, sizeof(line), "%d", other);
	CHECK(setenv("OTHER_MACHINE", line, 1) == 0);
}

/** as_root() - have @line done */
static void as_root(const char *line)
{
	char answer = 'n';

	CHECK(write(admin, line, strlen(line)) == (ssize_t)strlen(line));
	CHECK(read(admin, &answer, 1) == 1 && answer == 'y');
}

/** make_world() - both machines, and a tun device for everybody on the first, where we are */
static void make_world(void)
{
	if (geteuid() != 0 || access("/usr/bin/pasta", X_OK) < 0 || access("/usr/bin/nsenter", X_OK) < 0 ||
	    !shell("ip -V >/dev/null 2>&1"))
		_exit(FIXTURE_SKIPPED);
	own_host();
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == 0);
	CHECK(mknod("/mnt/tun", S_IFCHR | 0600, makedev(10, 200)) == 0 && chmod("/mnt/tun", 0666) == 0);
	if (mount("/mnt/tun", "/dev/net/tun", NULL, MS_BIND, NULL) < 0)
		_exit(FIXTURE_SKIPPED);
	connect_machines(other_machine());
	serve_on("::", PORT_SERVER);
	serve_on("::ffff:127.0.0.1", PORT_LOOPBACK);
}

/** user_child() - give up root and run @body. Does not return */
static _Noreturn void user_child(void (*body)(void))
{
	/* after the credentials, which clear it */
	CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		_exit(FIXTURE_SKIPPED);
	body();
	_exit(0);
}

/** world_child() - make the world, run a test in it as an ordinary user, and keep root for what it asks us to do */
static void world_child(void *data)
{
	void (*const *body)(void) = data;
	char line[512];
	int ends[2], status = 0;
	pid_t pid;

	make_world();
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		admin = ends[0];
		user_child(*body);
	}
	close(ends[0]);
	for (ssize_t got; (got = read(ends[1], line, sizeof(line) - 1)) > 0;) {
		line[got] = '\0';
		CHECK(write(ends[1], shell(line) ? "y" : "n", 1) == 1);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : FIXTURE_FAILED);
}

/** in_world() - run @body as an ordinary user on a machine of our own */
static void in_world(void (*body)(void))
{
	int code = in_child(world_child, &body);

	if (code == FIXTURE_SKIPPED)
		skip();
	assert_int_equal(code, 0);
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

/** start_dyno() - a child in namespaces of its own that serves PORT; it dies with us. Return: its pid */
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
		CHECK(link_loopback_up() == 0);
		serve_on("::", PORT);
		CHECK(write(ready[1], "x", 1) == 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		_exit(FIXTURE_SKIPPED); /* no user namespaces for this user */
	close(ready[0]);
	return pid;
}

/**
 * answers() - somebody behind @address:@port says "x"; a connection alone would prove that pasta listens, no more
 * The client speaks first: the pasta of Debian 12 does not complete a connection from outside before that.
 */
static bool answers(const char *address, uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	const bool four = inet_pton(AF_INET, address, &in.sin_addr) == 1;
	_cleanup_close_ int fd = socket(four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 3 };
	char byte = 0;

	CHECK(four || inet_pton(AF_INET6, address, &six.sin6_addr) == 1);
	if (IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr))
		six.sin6_scope_id = if_nametoindex(LINK_INSIDE) ? if_nametoindex(LINK_INSIDE) : LINK_LOOPBACK_INDEX;
	CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0);
	errno = 0;
	if (connect(fd, four ? (struct sockaddr *)&in : (struct sockaddr *)&six, four ? sizeof(in) : sizeof(six)) < 0)
		return false;
	return send(fd, "?", 1, MSG_NOSIGNAL) == 1 && read(fd, &byte, 1) == 1 && byte == 'x';
}

/** refused() - nobody answers, and we are told so at once; a packet that is lost counts as a failure of the walls */
static bool refused(const char *address, uint16_t port)
{
	return !answers(address, port) && (errno == ECONNREFUSED || errno == ENETUNREACH || errno == EHOSTUNREACH);
}

/** struct guest - a dyno with its network, or what became of it */
struct guest {
	pid_t pid;
	struct network network;
	struct dyno_error err;
	int code;
	int fds;
};

/** admit() - a dyno for the policy of @app */
static void admit(const struct dyno_app *app, struct guest *ret)
{
	struct policy policy;

	*ret = (struct guest){ .network = NETWORK_NULL };
	ret->pid = start_dyno();
	ret->fds = open_fds();
	ret->network.slot = SLOT;
	CHECK(policy_read(app, DYNO_NET_PRIVATE, &policy, &ret->err) == 0);
	CHECK(rootless_open(ret->pid, &ret->network, &ret->err) == 0);
	if (policy.publish_count > 0)
		CHECK(publish_reserve(&policy, &ret->network.publish, &ret->err) == 0);
	ret->code = rootless_start(&range, false, &ret->network, &policy, &ret->network.helper, &ret->err);
	if (ret->code < 0)
		fprintf(stderr, "note: %s (%s)\n", ret->err.text, ret->err.remedy);
}

/** dismiss() - end the dyno and its network; nothing is left of either */
static void dismiss(struct guest *guest)
{
	publish_release(&guest->network.publish);
	guest->network.helper = rootless_stop(guest->network.helper);
	guest->network.user = fd_close(guest->network.user);
	guest->network.fd = fd_close(guest->network.fd);
	CHECK(open_fds() == guest->fds);
	CHECK(kill(guest->pid, SIGKILL) == 0 && waitpid(guest->pid, NULL, 0) == guest->pid);
}

/** inside() - run @body in the guest's namespaces. Return: it was content */
static bool inside(const struct guest *guest, void (*body)(void *))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		CHECK(setns(guest->network.user, CLONE_NEWUSER) == 0 && setns(guest->network.fd, CLONE_NEWNET) == 0);
		body(NULL);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/** outside_ok() - the controls: what is refused inside is there to be reached from the host */
static void outside_ok(void)
{
	CHECK(answers(OTHER4, PORT_SERVER) && answers(OTHER6, PORT_SERVER) && answers(FAR4, PORT_SERVER));
	CHECK(answers(METADATA4, PORT_SERVER) && answers(METADATA6, PORT_SERVER));
	CHECK(answers(HOST4, PORT_SERVER) && answers(HOST6, PORT_SERVER));
	CHECK(answers("127.0.0.1", PORT_SERVER) && answers("127.0.0.1", PORT_LOOPBACK));
}

/** no_host() - nothing of the host is reached, by whatever address */
static void no_host(void)
{
	CHECK(refused(HOST4, PORT_SERVER) && refused(HOST6, PORT_SERVER));
	CHECK(refused("127.0.0.1", PORT_SERVER) && refused("::1", PORT_SERVER));
	CHECK(refused("172.29.0.69", PORT_SERVER) && refused("172.29.0.2", PORT_SERVER));
	CHECK(refused("172.29.63.254", PORT_SERVER) && refused("172.29.63.254", PORT_DNS) &&
	      refused("fe80::1", PORT_SERVER));
	CHECK(refused(METADATA4, PORT_SERVER) && refused(METADATA6, PORT_SERVER));
	CHECK(refused("0.0.0.0", PORT_SERVER) && refused("::ffff:" HOST4, PORT_SERVER));
}

static void look_allow(void *data)
{
	(void)data;
	CHECK(answers("127.0.0.1", PORT) && answers("::1", PORT) && answers("172.29.0.70", PORT));
	CHECK(answers(OTHER4, PORT_SERVER) && answers(FAR4, PORT_SERVER) && answers(OTHER6, PORT_SERVER));
	CHECK(answers(METADATA4, PORT_DNS)); /* the resolver of a cloud */
	CHECK(refused("127.0.0.1", PORT_LOOPBACK));
	no_host();
}

static void look_later(void *data)
{
	(void)data;
	_exit(answers(OTHER4, PORT_SERVER) && refused(LATER4, PORT_SERVER) ? 0 : FIXTURE_FAILED);
}

static void allow_child(void)
{
	struct guest guest;

	outside_ok();
	admit(&(struct dyno_app){ .port = PORT }, &guest);
	CHECK(guest.code == 0 && guest.network.helper > 0);
	CHECK(inside(&guest, look_allow));
	as_root("ip addr add " LATER4 "/24 dev up0");
	CHECK(answers(LATER4, PORT_SERVER));
	/* the keeper is told by the kernel, and needs a processor */
	for (int i = 0; i < 100 && !inside(&guest, look_later); i++)
		(void)usleep(20000);
	CHECK(inside(&guest, look_later));
	dismiss(&guest);
}

static void test_world_is_reached_and_this_machine_is_not(void **state)
{
	(void)state;
	in_world(allow_child);
}

static void look_deny(void *data)
{
	(void)data;
	CHECK(answers("127.0.0.1", PORT) && answers("172.29.0.70", PORT));
	CHECK(refused(OTHER4, PORT_SERVER) && refused(OTHER6, PORT_SERVER) && refused(METADATA4, PORT_DNS));
	no_host();
}

static void look_service(void *data)
{
	(void)data;
	CHECK(answers("127.0.0.1", PORT_LOOPBACK));
	look_deny(NULL);
}

static void deny_child(void)
{
	struct guest guest;

	outside_ok();
	/* nothing leads out, so nothing has to run */
	admit(&(struct dyno_app){ .port = PORT, .egress = "deny" }, &guest);
	CHECK(guest.code == 0 && guest.network.helper == 0);
	CHECK(inside(&guest, look_deny));
	dismiss(&guest);
	admit(&(struct dyno_app){ .egress = "deny" }, &guest);
	CHECK(guest.code == 0 && guest.network.helper == 0);
	dismiss(&guest);
	admit(&(struct dyno_app){ .port = PORT, .egress = "deny", .allow_host = "9001" }, &guest);
	CHECK(guest.code == 0 && guest.network.helper > 0);
	CHECK(inside(&guest, look_service));
	dismiss(&guest);
	admit(&(struct dyno_app){ .port = PORT, .allow_host = "5000" }, &guest);
	CHECK(guest.code == -EINVAL && strstr(guest.err.text, "5000") && guest.network.helper == 0);
	dismiss(&guest);
}

static void test_nothing_is_reached_but_services_that_are_allowed(void **state)
{
	(void)state;
	in_world(deny_child);
}

static void look_list(void *data)
{
	(void)data;
	CHECK(answers(OTHER4, PORT_SERVER) && answers(OTHER6, PORT_SERVER) && refused(FAR4, PORT_SERVER));
	CHECK(refused(METADATA4, PORT_DNS));
	no_host();
}

static void list_child(void)
{
	struct guest guest;

	outside_ok();
	admit(&(struct dyno_app){ .egress = "203.0.113.0/24,203.0.113.0/25,2001:db8::/64,169.254.0.0/16,127.0.0.0/8,"
	                                    "172.29.0.0/16,fd00:ec2::/64" },
	      &guest);
	CHECK(guest.code == 0);
	CHECK(inside(&guest, look_list));
	dismiss(&guest);
	/* the longest list there can be fits the packet filter's requests */
	admit(&(struct dyno_app){ .egress = "2001:db8:1::/64,2001:db8:2::/64,2001:db8:3::/64,2001:db8:4::/64,"
	                                    "2001:db8:5::/64,2001:db8:6::/64,2001:db8:7::/64,2001:db8:8::/64,"
	                                    "2001:db8:9::/64,2001:db8:a::/64,2001:db8:b::/64,2001:db8:c::/64,"
	                                    "2001:db8:11::/64,2001:db8:12::/64,2001:db8:13::/64,2001:db8:14::/64,"
	                                    "2001:db8:15::/64,2001:db8:16::/64,2001:db8:17::/64,2001:db8:18::/64,"
	                                    "2001:db8:19::/64,2001:db8:1a::/64,2001:db8:1b::/64,2001:db8:1c::/64,"
	                                    "2001:db8:21::/64,2001:db8:22::/64,2001:db8:23::/64,2001:db8:24::/64,"
	                                    "2001:db8:25::/64,2001:db8::/64,203.0.113.0/24,169.254.0.0/16" },
	      &guest);
	CHECK(guest.code == 0);
	CHECK(inside(&guest, look_list));
	dismiss(&guest);
}

static void test_only_listed_networks_are_reached(void **state)
{
	(void)state;
	in_world(list_child);
}

static void published_child(void)
{
	static const char *const publish[] = { HOST4 ":8081", "8082", NULL };
	struct guest guest;

	admit(&(struct dyno_app){ .port = PORT, .publish = publish, .egress = "deny" }, &guest);
	CHECK(guest.code == 0 && guest.network.helper > 0);
	CHECK(answers(HOST4, PORT_OPEN)); /* ready means ready: no second attempt here */
	CHECK(!answers("127.0.0.1", PORT_OPEN) && !answers(HOST4, PORT) && !answers("127.0.0.1", PORT));
	as_root("test x = \"$(nsenter -t $OTHER_MACHINE -n bash -c \"exec 3<>/dev/tcp/" HOST4
	        "/8081; printf '?' >&3; head -c 1 <&3\")\"");
	CHECK(inside(&guest, look_deny));
	/* the reservation still holds */
	CHECK(publish_reserve(&(struct policy){ .publish_count = 1, .publish = { guest.network.publish.at[0] } },
	                      &(struct publish)PUBLISH_NULL, NULL) == -EADDRINUSE);
	dismiss(&guest);
	CHECK(!answers(HOST4, PORT_OPEN));
}

static void test_published_address_is_shared_with_pasta(void **state)
{
	(void)state;
	in_world(published_child);
}

static void missing_child(void)
{
	struct guest guest;

	CHECK(rootless_usable(NULL) == 0);
	as_root("chmod 600 /dev/net/tun");
	admit(&(struct dyno_app){ .port = PORT }, &guest);
	CHECK(guest.code == -EACCES && strstr(guest.err.text, "/dev/net/tun") &&
	      strstr(guest.err.remedy, "--net none"));
	dismiss(&guest);
	CHECK(setenv("PATH", "/nowhere", 1) == 0);
	admit(&(struct dyno_app){ .port = PORT }, &guest);
	CHECK(guest.code == -ENOENT && strstr(guest.err.remedy, "passt") && strstr(guest.err.remedy, "--net none"));
	dismiss(&guest);
	/* what needs neither does without */
	admit(&(struct dyno_app){ .port = PORT, .egress = "deny" }, &guest);
	CHECK(guest.code == 0 && guest.network.helper == 0);
	dismiss(&guest);
	CHECK(rootless_open(guest.pid, &guest.network, &guest.err) == -ENOENT && strstr(guest.err.text, "/proc/"));
}

static void test_what_is_missing_is_told(void **state)
{
	(void)state;
	in_world(missing_child);
}

static void offline_child(void)
{
	struct guest guest;

	as_root("ip link del up0");
	admit(&(struct dyno_app){ .port = PORT }, &guest);
	CHECK(guest.code == 0 && guest.network.helper > 0);
	dismiss(&guest);
}

static void test_host_without_a_network_is_no_obstacle(void **state)
{
	(void)state;
	in_world(offline_child);
}

static void killed_child(void)
{
	struct guest guest;
	pid_t launcher, helper = 0;
	int report[2], status, left = 0;

	/* orphans come to us, so that their end can be waited for */
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 && pipe2(report, O_CLOEXEC) == 0);
	launcher = fork();
	CHECK(launcher >= 0);
	if (launcher == 0) {
		admit(&(struct dyno_app){ .port = PORT }, &guest);
		CHECK(guest.code == 0);
		CHECK(write(report[1], &guest.network.helper, sizeof(helper)) == sizeof(helper));
		pause();
	}
	close(report[1]);
	CHECK(read(report[0], &helper, sizeof(helper)) == sizeof(helper));
	CHECK(kill(launcher, SIGKILL) == 0 && waitpid(launcher, NULL, 0) == launcher);
	CHECK(waitpid(helper, &status, 0) == helper && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* the keeper, the dyno and its server */
	while (left < 3 && waitpid(-1, NULL, 0) > 0)
		left++;
	CHECK(left == 3);
}

static void test_all_die_with_their_launcher(void **state)
{
	(void)state;
	in_world(killed_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_world_is_reached_and_this_machine_is_not),
		cmocka_unit_test(test_nothing_is_reached_but_services_that_are_allowed),
		cmocka_unit_test(test_only_listed_networks_are_reached),
		cmocka_unit_test(test_published_address_is_shared_with_pasta),
		cmocka_unit_test(test_what_is_missing_is_told),
		cmocka_unit_test(test_host_without_a_network_is_no_obstacle),
		cmocka_unit_test(test_all_die_with_their_launcher),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
