/* SPDX-License-Identifier: Apache-2.0 */
/* world.c - see world.h */
#include "tests/sandbox/world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define SETTLE_MS 5000
#define SNAPSHOT_SIZE 65536

/* what of this machine must be the same afterwards; counters and ages, and what it says to itself, left out */
#define SNAPSHOT                                                                                                       \
	"ip -o link | sed 's/^[0-9]*: //; s/ .*//'; ip -o addr | sed 's/^[0-9]*: //'; "                                \
	"ip route show table all; ip -6 route show table all; ip rule; "                                               \
	"! command -v nft >/dev/null || nft list ruleset; "                                                            \
	"grep . /proc/sys/net/ipv4/conf/*/forwarding /proc/sys/net/ipv6/conf/*/forwarding "                            \
	"/proc/sys/net/ipv6/conf/*/force_forwarding 2>/dev/null; "                                                     \
	"! command -v conntrack >/dev/null || conntrack -L 2>/dev/null | "                                             \
	"grep -v 'src=\\(172[.]29[^ ]*\\) dst=\\1 ' | grep -o '[A-Z_]* src=.*172[.]29.*' || true"

/* one process, one world */
static struct {
	int home;
	int places[2];
	pid_t holder;
	char resolver[PATH_MAX];
	char before[SNAPSHOT_SIZE];
} world = { .home = -1, .places = { -1, -1 } };

/** enter() - move this process into a network namespace */
static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		FAIL("cannot change the network namespace: %s\n", strerror(errno));
}

/** shell() - run @line in @place, its output into @out when there is one. Return: exit code */
static int shell(enum world_place place, const char *line, char *out, size_t size)
{
	size_t used = 0;
	int status, pipes[2];
	pid_t pid;
	ssize_t n;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		FAIL("no pipe: %s\n", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (setns(world.places[place], CLONE_NEWNET) < 0 || (out && dup2(pipes[1], 1) < 0))
			_exit(99);
		execl("/bin/sh", "sh", "-ec", line, NULL);
		_exit(99);
	}
	close(pipes[1]);
	while (out && used < size - 1 && (n = read(pipes[0], out + used, size - 1 - used)) > 0)
		used += (size_t)n;
	if (out)
		out[used] = '\0';
	close(pipes[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

void world_shell(enum world_place place, const char *fmt, ...)
{
	char *line = NULL;
	va_list args;
	int code;

	va_start(args, fmt);
	if (vasprintf(&line, fmt, args) < 0)
		abort();
	va_end(args);
	code = shell(place, line, NULL, 0);
	if (code != 0)
		FAIL("exit code %d of: %s\n", code, line);
	free(line);
}

void world_start(struct fixture *f, struct process *p, enum world_place place, const char *const *argv)
{
	enter(world.places[place]);
	launch_start(f, p, &(struct launch){ .argv = argv, .program = support_probe() });
	enter(world.places[WORLD_HERE]);
}

void world_run(struct fixture *f, struct process *p, enum world_place place, const char *const *argv)
{
	world_start(f, p, place, argv);
	launch_finish(f, p);
}

void world_resolver(const char *text)
{
	support_write(world.resolver, text, 0644);
}

/** hold() - a process that does nothing, in a network namespace of its own: the other machine. It ends with us */
static void hold(void)
{
	char path[64];
	int ready[2];

	if (pipe2(ready, O_CLOEXEC) < 0)
		FAIL("no pipe: %s\n", strerror(errno));
	world.holder = fork();
	if (world.holder == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0)
			_exit(1);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	(void)!read(ready[0], path, 1);
	close(ready[0]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", world.holder);
	world.places[WORLD_OTHER] = open(path, O_RDONLY | O_CLOEXEC);
}

/** let_go() - back to the real machine; the two others end with their last process */
static void let_go(void)
{
	if (world.holder <= 0)
		return;
	enter(world.home);
	kill(world.holder, SIGKILL);
	waitpid(world.holder, NULL, 0);
	world.holder = 0;
	for (size_t i = 0; i < 2; i++)
		world.places[i] = fd_close(world.places[i]);
}

void world_make(struct fixture *f)
{
	/* from a test that failed */
	if (world.holder > 0) {
		let_go();
		machine_forget(&f->before);
		machine_look(&f->before, f->state);
	}
	hold();
	if (unshare(CLONE_NEWNET) < 0)
		FAIL("cannot make a network namespace: %s\n", strerror(errno));
	world.places[WORLD_HERE] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	world_shell(WORLD_HERE, "ip link set lo up; ip link add up0 type veth peer name eth0 netns %d", world.holder);
	world_shell(WORLD_OTHER,
	            "ip link set lo up; ip link set eth0 addrgenmode none up; "
	            "ip addr add " WORLD_OTHER4 "/24 dev eth0; ip addr add " WORLD_OTHER6
	            "/64 dev eth0 nodad; ip addr add " WORLD_FAR4 " dev lo; ip addr add " WORLD_FAR6
	            " dev lo; ip addr add " WORLD_METADATA4 " dev lo; ip addr add " WORLD_METADATA6
	            " dev lo; ip route add default via " WORLD_HOST4 "; ip route add default via " WORLD_HOST6);
	world_shell(WORLD_HERE,
	            "echo 0 >/proc/sys/net/ipv6/conf/up0/accept_dad; ip link set up0 up; ip addr add " WORLD_HOST4
	            "/24 dev up0; ip addr add " WORLD_HOST6 "/64 dev up0 nodad; ip route add default via " WORLD_OTHER4
	            "; ip route add default via " WORLD_OTHER6);
	for (enum world_place place = WORLD_HERE; place <= WORLD_OTHER; place++)
		world_shell(place, "echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start; "
		                   "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range");
	/* before Linux 6.17 IPv6 is forwarded on all links or on none */
	world_shell(WORLD_HERE, "[ -e /proc/sys/net/ipv6/conf/up0/force_forwarding ] || "
	                        "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
	world_resolver("nameserver " WORLD_OTHER4 "\n");
	shell(WORLD_HERE, SNAPSHOT, world.before, sizeof(world.before));
}

/** say_lines() - those of @text that are not in @other */
static void say_lines(const char *what, const char *text, const char *other)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		char *line = strndup(text, length);

		if (line && !strstr(other, line))
			printf("%s %s\n", what, line);
		free(line);
		text += length + (text[length] == '\n');
	}
}

void world_drop(void)
{
	static char now[SNAPSHOT_SIZE];
	long long deadline = support_now_ms() + SETTLE_MS;

	for (;;) {
		shell(WORLD_HERE, SNAPSHOT, now, sizeof(now));
		if (strcmp(world.before, now) == 0)
			break;
		if (support_now_ms() >= deadline) {
			say_lines("gone:", world.before, now);
			say_lines("new:", now, world.before);
			FAIL("this machine's network is not as it was before\n");
		}
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	let_go();
}

/** own_mounts() - /etc/resolv.conf and /dev/net/tun of our own. Return: 0 or -1 */
static int own_mounts(char *dir)
{
	char real[PATH_MAX];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !mkdtemp(dir))
		return -1;
	snprintf(world.resolver, sizeof(world.resolver), "%s/resolv.conf", dir);
	support_write(world.resolver, "", 0644);
	/* a link to systemd's in many a place; the servers behind its stub must be out of sight as well */
	if (access("/run/systemd/resolve", F_OK) == 0 &&
	    mount("none", "/run/systemd/resolve", "tmpfs", 0, "mode=755") < 0)
		return -1;
	if (readlink("/etc/resolv.conf", real, sizeof(real)) > 0 && access("/etc/resolv.conf", F_OK) != 0)
		close(open("/etc/resolv.conf", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	if (!realpath("/etc/resolv.conf", real) || mount(world.resolver, real, NULL, MS_BIND, NULL) < 0)
		return -1;
	if (access("/dev/net/tun", F_OK) == 0 &&
	    (mount("none", "/dev/net", "tmpfs", 0, "mode=755") < 0 ||
	     mknod("/dev/net/tun", S_IFCHR | 0666, makedev(10, 200)) < 0 || chmod("/dev/net/tun", 0666) < 0))
		return -1;
	return 0;
}

int world_main(const char *group, const struct sandbox_test *tests, size_t count)
{
	char dir[] = "/tmp/dyno-world.XXXXXX";
	int failed;

	if (geteuid() != 0)
		return sandbox_run_tests(group, tests, count);
	world.home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (world.home < 0 || own_mounts(dir) < 0) {
		fprintf(stderr, "cannot make a mount namespace with a resolv.conf of its own: %s\n", strerror(errno));
		return 1;
	}
	failed = sandbox_run_tests(group, tests, count);
	let_go();
	support_remove(dir);
	close(world.home);
	return failed;
}
