/* SPDX-License-Identifier: Apache-2.0 */
/* test_isolation.c - what a dyno cannot do and cannot see. Two dynos side by side: test_neighbours.c */
#include "tests/sandbox/support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const char none[] = "0000000000000000";

/** assert_powerless() - all that `probe caps` must say, of whatever started it */
static void assert_powerless(const struct process *p)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		assert_value(p, sets[i], none);
	assert_value(p, "NoNewPrivs", "1");
	assert_value(p, "Seccomp", "2");
	assert_value(p, "Uid", "1000\t1000\t1000\t1000");
	assert_value(p, "Gid", "1000\t1000\t1000\t1000");
}

static void test_no_power_is_left(struct fixture *f)
{
	static struct process p;

	PROBE(f, &p, "caps", "--", "ids");
	assert_exit(&p, 0);
	assert_powerless(&p);
	/* user_namespaces(7): who may not setgroups(2) keeps its groups; those without a number inside are nobody's */
	if (!f->rootless)
		assert_value(&p, "groups", "");
	DYNO(f, &p, "run", "-q", "--net", "none", "--no-init", "--slug", f->slug, "--", "/app/probe", "caps");
	assert_exit(&p, 0);
	assert_powerless(&p);
}

static void test_exec_has_no_power_either(struct fixture *f)
{
	static struct process dyno, p;
	char key[32], inside[32];

	START(f, &dyno, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "ns",
	      "--", "trap");
	assert_that(&dyno, launch_expect(&dyno, "ready="));
	DYNO(f, &p, "exec", "web.1", "--", "/app/probe", "caps", "--", "fds", "--", "ns", "--", "env");
	assert_exit(&p, 0);
	assert_powerless(&p);
	assert_value(&p, "DYNO", "web.1");
	assert_no_value(&p, "INHERITED");
	assert_no_value(&p, "fd.3");
	for (size_t i = 0; i < 7; i++) {
		static const char *const names[] = { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" };

		snprintf(key, sizeof(key), "ns.%s", names[i]);
		snprintf(inside, sizeof(inside), "%lu", process_number(&dyno, key));
		assert_value(&p, key, inside);
	}
	launch_stop(f, &dyno);
}

/** open_many() - in the launching process: a hundred descriptors that an exec would inherit, directories among them */
static void open_many(void)
{
	for (int i = 0; i < 50; i++) {
		(void)!open("/", O_RDONLY | O_DIRECTORY);
		(void)!open("/dev/null", O_RDWR);
	}
}

/** count_descriptors() - lines of `probe fds` */
static unsigned count_descriptors(const struct process *p)
{
	unsigned count = 0;

	for (const char *at = p->out; (at = strstr(at, "fd.")); at++)
		count++;
	return count;
}

static void test_only_the_standard_streams_are_open(struct fixture *f)
{
	static const char *const init[] = { "--grace=1s", "--no-init" };
	static struct process p;

	for (size_t i = 0; i < 2; i++) {
		const char *const *argv = ARGV("run", "-q", init[i], "--net", "none", "--slug", f->slug, "--",
		                               "/app/probe", "fds");

		launch_start(f, &p, &(struct launch){ .argv = argv, .before = open_many });
		assert_int_equal(launch_finish(f, &p), 0);
		assert_that(&p, count_descriptors(&p) == 3);
		assert_that(&p, process_value(&p, "fd.0") && process_value(&p, "fd.1") && process_value(&p, "fd.2"));
	}
}

static void test_namespaces_are_its_own(struct fixture *f)
{
	static const char *const names[] = { "cgroup", "ipc", "mnt", "net", "pid", "user", "uts" };
	static struct process p;

	PROBE(f, &p, "ns");
	assert_exit(&p, 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat st;

		assert_int_equal(stat(support_format("/proc/self/ns/%s", names[i]), &st), 0);
		assert_that(&p, process_number(&p, support_format("ns.%s", names[i])) != st.st_ino);
	}
}

/** known_mount() - a place where a dyno may have a mount */
static bool known_mount(const char *place)
{
	static const char *const exact[] = { "/",
		                             "/app",
		                             "/tmp",
		                             "/var/tmp",
		                             "/usr",
		                             "/proc",
		                             "/etc/ssl",
		                             "/etc/alternatives",
		                             "/etc/ld.so.cache",
		                             "/etc/localtime",
		                             "/etc/hosts",
		                             "/etc/hostname",
		                             "/etc/resolv.conf",
		                             "/bin",
		                             "/sbin",
		                             "/lib",
		                             "/lib32",
		                             "/lib64",
		                             "/libx32",
		                             "/sys/devices/system/cpu",
		                             "/dev" };

	for (size_t i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		if (strcmp(place, exact[i]) == 0)
			return true;
	/* What is mounted below the host's /usr belongs to the stack */
	return strncmp(place, "/dev/", 5) == 0 || strncmp(place, "/proc/", 6) == 0 || strncmp(place, "/usr/", 5) == 0;
}

static void test_no_mount_of_the_host_is_left(struct fixture *f)
{
	static struct process p;
	unsigned roots = 0, mounts = 0;
	char place[256];

	PROBE(f, &p, "mounts");
	assert_exit(&p, 0);
	for (const char *at = p.out; (at = strstr(at, "mount.")); at++) {
		assert_int_equal(sscanf(at, "mount.%255[^=]", place), 1);
		assert_that(&p, known_mount(place));
		roots += strcmp(place, "/") == 0;
		mounts++;
	}
	assert_that(&p, mounts > 5);
	/* A stacked pivot once left the host's root under the dyno's own: it showed as a second mount on "/" */
	assert_that(&p, roots == 1);
}

static void test_above_the_root_is_the_root(struct fixture *f)
{
	static struct process p;
	const char *first, *second;

	PROBE(f, &p, "stat", "/", "--", "stat", "/../../..", "--", "readdir", "/..");
	first = strstr(p.out, "result=OK");
	second = first ? strstr(first, "mode=") : NULL;
	assert_that(&p, second && strncmp(p.out, second, (size_t)(first - p.out)) == 0);
	assert_silent_on(&p, "entry=home");
	assert_silent_on(&p, "entry=root");
	PROBE(f, &p, "exists", "/root", "/home", "/var/lib", "/var/log", "/srv", "/opt", "/mnt", "/media", "/boot",
	      "/etc/shadow", "/etc/gshadow", "/etc/ssh", "/etc/sudoers", "/app/probe", "/var/run/docker.sock",
	      "/run/dyno", f->dir);
	assert_value(&p, "exists./app/probe", "yes");
	for (const char *at = p.out; (at = strstr(at, "=yes")); at++)
		assert_true(at - p.out >= 10 && strncmp(at - 10, "/app/probe", 10) == 0);
}

/* Tries that must be refused, as arguments of the probe: command, path, and text to write if any */
struct denied {
	const char *command, *path, *text;
};

/** assert_all_denied() - one dyno for each try: every one is made, and refused */
static void assert_all_denied(struct fixture *f, const struct denied *tries, size_t count)
{
	static struct process p;

	for (size_t i = 0; i < count; i++) {
		if (tries[i].text)
			PROBE(f, &p, tries[i].command, tries[i].path, tries[i].text, "--", "say", "ran");
		else
			PROBE(f, &p, tries[i].command, tries[i].path, "--", "say", "ran");
		assert_says(&p, "ran");
		assert_refused(&p, "result");
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_system_is_read_only(struct fixture *f)
{
	static const struct denied tries[] = {
		{ "write", "/x", "x" },
		{ "write", "/usr/x", "x" },
		{ "write", "/usr/bin/x", "x" },
		{ "write", "/etc/x", "x" },
		{ "poke", "/etc/passwd", "x" },
		{ "poke", "/etc/hosts", "x" },
		{ "write", "/dev/x", "x" },
		{ "write", "/var/x", "x" },
		{ "write", "/run/x", "x" },
		{ "write", "/proc/x", "x" },
		{ "unlink", "/usr/bin/env", NULL },
		{ "unlink", "/etc/passwd", NULL },
		{ "mkdir", "/usr/d", NULL },
		{ "rmdir", "/tmp", NULL },
		{ "rename", "/etc", "/tmp/etc" },
		{ "chmod", "/usr/bin", "777" },
		{ "chmod", "/", "777" },
		{ "link", "/usr/bin/env", "/tmp/env" },
		{ "symlink", "/", "/usr/l" },
		{ "poke", "/etc/ld.so.cache", "x" },
	};

	assert_all_denied(f, tries, COUNT(tries));
}

static void test_proc_is_masked(struct fixture *f)
{
	static const char *const hidden[] = { "kcore",         "keys",       "timer_list",  "kmsg",
		                              "sysrq-trigger", "interrupts", "sched_debug", "latency_stats" };
	static const struct denied tries[] = {
		{ "poke", "/proc/sysrq-trigger", "h" },
		{ "poke", "/proc/sys/kernel/core_pattern", "|/app/probe" },
		{ "poke", "/proc/sys/kernel/hostname", "mine" },
		{ "poke", "/proc/sys/kernel/modprobe", "/app/probe" },
		{ "poke", "/proc/sys/kernel/ns_last_pid", "7" },
		{ "poke", "/proc/sys/vm/overcommit_memory", "1" },
		{ "poke", "/proc/sys/net/ipv4/ip_forward", "1" },
		{ "poke", "/proc/sys/user/max_user_namespaces", "99999" },
		{ "poke", "/proc/sys/fs/binfmt_misc/register", ":x:E::y::/app/probe:" },
		{ "poke", "/proc/irq/default_smp_affinity", "1" },
		{ "poke", "/proc/self/uid_map", "0 0 1" },
		{ "poke", "/proc/self/attr/exec", "unconfined" },
		{ "poke", "/proc/1/oom_score_adj", "-1000" },
		{ "poke", "/proc/self/oom_score_adj", "-1000" },
	};
	static struct process p;

	for (size_t i = 0; i < COUNT(hidden); i++) {
		PROBE(f, &p, "say", "begin", "--", "read", support_format("/proc/%s", hidden[i]), "--", "say", "end");
		/* Root in a dyno's place is nobody: EACCES; where the file is its own it is empty. Never content */
		assert_that(&p, process_value(&p, "result") &&
		                        (strstr(p.out, "begin\nresult=E") || strstr(p.out, "begin\nresult=OK\nend")));
	}
	assert_all_denied(f, tries, COUNT(tries));
	PROBE(f, &p, "readdir", "/proc/acpi", "--", "read", "/proc/self/comm");
	assert_no_value(&p, "entry");
	assert_says(&p, "probe");
}

static void test_sys_holds_only_what_runtimes_read(struct fixture *f)
{
	static const struct denied tries[] = {
		{ "poke", "/sys/devices/system/cpu/cpu0/online", "0" },
		{ "write", "/sys/x", "x" },
		{ "write", "/sys/devices/system/cpu/x", "x" },
		{ "readdir", "/sys/fs/cgroup", NULL },
		{ "readdir", "/sys/kernel", NULL },
		{ "readdir", "/sys/class", NULL },
		{ "read", "/sys/devices/virtual/dmi/id/product_uuid", NULL },
	};
	static struct process p;

	PROBE(f, &p, "readdir", "/sys", "--", "readdir", "/sys/devices", "--", "readdir", "/sys/devices/system");
	assert_string_equal(p.out, "entry=devices\nresult=OK\nentry=system\nresult=OK\nentry=cpu\nresult=OK\n");
	PROBE(f, &p, "read", "/sys/devices/system/cpu/online");
	assert_value(&p, "result", "OK");
	assert_all_denied(f, tries, COUNT(tries));
}

static void test_devices_are_few_and_work(struct fixture *f)
{
	static const char *const known[] = { "null", "zero", "full",  "random", "urandom", "tty",    "ptmx",   "pts",
		                             "shm",  "fd",   "stdin", "stdout", "stderr",  "mqueue", "console" };
	static const struct denied tries[] = { { "read", "/dev/kmsg", NULL },
		                               { "read", "/dev/mem", NULL },
		                               { "read", "/dev/vda", NULL },
		                               { "read", "/dev/loop-control", NULL } };
	static struct process p;
	char name[64];

	PROBE(f, &p, "readdir", "/dev");
	for (const char *at = p.out; (at = strstr(at, "entry=")); at++) {
		bool found = false;

		assert_int_equal(sscanf(at, "entry=%63s", name), 1);
		for (size_t i = 0; i < COUNT(known); i++)
			found |= strcmp(name, known[i]) == 0;
		assert_that(&p, found);
	}
	PROBE(f, &p, "poke", "/dev/null", "gone");
	assert_value(&p, "result", "OK");
	PROBE(f, &p, "head", "/dev/null", "8");
	assert_value(&p, "bytes", "0");
	PROBE(f, &p, "head", "/dev/zero", "16");
	assert_value(&p, "bytes", "16");
	assert_value(&p, "nonzero", "0");
	PROBE(f, &p, "head", "/dev/urandom", "64");
	assert_value(&p, "bytes", "64");
	assert_value(&p, "nonzero", "1");
	PROBE(f, &p, "poke", "/dev/full", "x");
	assert_value(&p, "result", "ENOSPC");
	PROBE(f, &p, "write", "/dev/shm/x", "x", "--", "stat", "/dev/null");
	assert_value(&p, "result", "OK");
	assert_value(&p, "rdev", "1:3");
	/* No terminal: there is none to open, and none of the launcher's */
	PROBE(f, &p, "head", "/dev/tty", "1");
	assert_refused(&p, "result");
	PROBE(f, &p, "mknod", "/tmp/sda", "8", "0");
	assert_refused(&p, "result");
	PROBE(f, &p, "mknod", "/dev/shm/mem", "1", "1");
	assert_refused(&p, "result");
	assert_all_denied(f, tries, COUNT(tries));
}

static void test_setuid_bits_are_inert(struct fixture *f)
{
	static const char *const owners[] = { "/app/suid-root", "/app/suid-user" };
	static struct process p;

	support_copy(support_probe(), support_format("%s/suid-root", f->slug), 0755);
	support_copy(support_probe(), support_format("%s/suid-user", f->slug), 0755);
	assert_int_equal(chown(support_format("%s/suid-user", f->slug), 65534, 65534), 0);
	assert_int_equal(chmod(support_format("%s/suid-root", f->slug), 06755), 0);
	assert_int_equal(chmod(support_format("%s/suid-user", f->slug), 06755), 0);
	for (size_t i = 0; i < 2; i++) {
		PROBE(f, &p, "setuid", owners[i]);
		assert_exit(&p, 0);
		assert_value(&p, "euid", "1000");
		assert_value(&p, "suid", "1000");
		assert_value(&p, "egid", "1000");
	}
	/* And one that the dyno makes itself */
	PROBE(f, &p, "chmod", "/app/probe", "6755", "--", "setuid", "/app/probe");
	assert_value(&p, "euid", "1000");
}

static void test_nobody_else_can_be_become(struct fixture *f)
{
	static const char *const calls[] = { "setuid", "setreuid", "setresuid", "setgid", "setgroups" };
	static const char *const users[] = { "0", "1", "65534" };
	static struct process p;

	for (size_t u = 0; u < COUNT(users); u++) {
		PROBE(f, &p, "become", users[u]);
		for (size_t i = 0; i < COUNT(calls); i++)
			assert_refused(&p, calls[i]);
		assert_value(&p, "euid", "1000");
		assert_value(&p, "egid", "1000");
	}
}

static void test_no_mount_and_no_namespace(struct fixture *f)
{
	static const char *const mounts[] = { "mount",  "remount",   "umount",     "pivot_root",   "chroot",
		                              "fsopen", "open_tree", "move_mount", "mount_setattr" };
	static const char *const spaces[] = { "clone.user",  "clone3.user",  "setns.user",    "unshare.user",
		                              "unshare.mnt", "unshare.net",  "unshare.pid",   "unshare.uts",
		                              "unshare.ipc", "unshare.time", "unshare.cgroup" };
	static struct process p;

	PROBE(f, &p, "mountattempt", "--", "userns");
	assert_exit(&p, 0);
	for (size_t i = 0; i < COUNT(mounts); i++)
		assert_value(&p, mounts[i], "EPERM");
	for (size_t i = 0; i < COUNT(spaces); i++)
		assert_value(&p, spaces[i], strcmp(spaces[i], "clone3.user") == 0 ? "ENOSYS" : "EPERM");
}

static void test_sockets_are_plain_ones(struct fixture *f)
{
	static const char *const refused[] = { "inet-raw", "inet6-raw", "packet", "vsock",
		                               "alg",      "netfilter", "uevent", "bluetooth" };
	static struct process p;

	PROBE(f, &p, "rawsock");
	assert_exit(&p, 0);
	for (size_t i = 0; i < COUNT(refused); i++)
		assert_refused(&p, support_format("socket.%s", refused[i]));
	assert_value(&p, "socket.inet-stream", "OK");
}

static void test_keyring_is_its_own(struct fixture *f)
{
	static struct process p;

	PROBE(f, &p, "keyctl");
	assert_exit(&p, 0);
	assert_refused(&p, "keyctl");
	assert_refused(&p, "add_key");
	assert_refused(&p, "request_key");
}

static void test_hostname_is_its_own(struct fixture *f)
{
	static struct process p;
	char before[256], after[256];

	assert_int_equal(gethostname(before, sizeof(before)), 0);
	/* 170 is sethostname(2) on x86-64; the probe prints what it says */
	DYNO(f, &p, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "syscall",
	     "170", "evil", "4", "--", "ids");
	assert_exit(&p, 0);
	assert_value(&p, "result", "EPERM");
	/* A sandbox that was parked has the name of its slot, which nobody has the power to change without root */
	if (!f->rootless || !births_asked() || strcmp(births_asked(), "warm") != 0)
		assert_value(&p, "hostname", "web-1");
	assert_int_equal(gethostname(after, sizeof(after)), 0);
	assert_string_equal(before, after);
}

static void test_init_is_out_of_reach(struct fixture *f)
{
	static const char *const ways[] = { "ptrace",    "vm_readv",   "open.environ", "open.mem", "open.maps",
		                            "open.auxv", "open.stack", "open.syscall", "link.exe", "link.root",
		                            "link.cwd",  "link.fd/0",  "link.fd/3" };
	static struct process p;

	PROBE(f, &p, "peek", "1", "--", "kill", "KILL", "1", "--", "kill", "STOP", "1", "--", "pids", "--", "exit",
	      "42");
	for (size_t i = 0; i < COUNT(ways); i++)
		assert_refused(&p, ways[i]);
	assert_that(&p, process_value(&p, "pid.1") != NULL);
	/* KILL and STOP reached nobody: init is there to report the code */
	assert_exit(&p, 42);
}

static const char tools[] =
	"for try in 'su -c id' 'sudo -n id' 'mount -t tmpfs x /tmp' 'umount /proc' 'unshare -U id' 'unshare -Ur id' "
	"'unshare -m id' 'nsenter -t 1 -m id' 'nsenter -t 1 -a id' 'chroot / id' 'ping -c1 -W1 127.0.0.1' "
	"'apt-get install -y hello' 'dpkg --configure -a' 'hostname evil' 'sysctl -w kernel.panic=1' "
	"'modprobe dummy' 'ip link add x type dummy' 'chown 0 /app' 'date -s 2001-01-01' 'mknod /tmp/n c 1 3' "
	"'swapoff -a' 'losetup /dev/loop0 /app/probe' 'setpriv --reuid 0 id' 'kill -9 1'; do "
	"  if out=$($try </dev/null 2>/dev/null); then echo \"succeeded: $try\"; fi; "
	"  case $out in *uid=0*) echo \"became root: $try\";; esac; "
	"done; echo tried-all";

static void test_tools_of_administration_fail(struct fixture *f)
{
	static struct process p;
	uint64_t packages = machine_digest("/var/lib/dpkg");

	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "--", "sh", "-c", tools);
	assert_exit(&p, 0);
	assert_says(&p, "tried-all");
	/* kill(2) of PID 1 succeeds and does nothing: test_init_is_out_of_reach */
	assert_string_equal(p.out, "succeeded: kill -9 1\ntried-all\n");
	assert_true(packages == machine_digest("/var/lib/dpkg"));
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_no_power_is_left, AS_BOTH),
	SANDBOX_TEST(test_exec_has_no_power_either, AS_BOTH),
	SANDBOX_TEST(test_only_the_standard_streams_are_open, AS_BOTH),
	SANDBOX_TEST(test_namespaces_are_its_own, AS_BOTH),
	SANDBOX_TEST(test_no_mount_of_the_host_is_left, AS_BOTH),
	SANDBOX_TEST(test_above_the_root_is_the_root, AS_BOTH),
	SANDBOX_TEST(test_system_is_read_only, AS_BOTH),
	SANDBOX_TEST(test_proc_is_masked, AS_BOTH),
	SANDBOX_TEST(test_sys_holds_only_what_runtimes_read, AS_BOTH),
	SANDBOX_TEST(test_devices_are_few_and_work, AS_BOTH),
	SANDBOX_TEST(test_setuid_bits_are_inert, AS_BOTH | BY_ROOT),
	SANDBOX_TEST(test_nobody_else_can_be_become, AS_BOTH),
	SANDBOX_TEST(test_no_mount_and_no_namespace, AS_BOTH),
	SANDBOX_TEST(test_sockets_are_plain_ones, AS_BOTH),
	SANDBOX_TEST(test_keyring_is_its_own, AS_BOTH),
	SANDBOX_TEST(test_hostname_is_its_own, AS_BOTH),
	SANDBOX_TEST(test_init_is_out_of_reach, AS_BOTH),
	SANDBOX_TEST(test_tools_of_administration_fail, AS_BOTH),
};

SANDBOX_MAIN("isolation", tests)
