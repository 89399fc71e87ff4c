/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_cve.c - how the sandboxes of others were broken, tried on this one: processes, descriptors, terminals, powers
 *
 * Attacks by way of files and mounts are in test_cve_files.c. Left out are those on what a dyno does not have: a user
 * option of exec (CVE-2026-30892), volumes, container configuration files, checkpoint images. What leaks by environment
 * and between dynos has no number: test_environment.c and test_neighbours.c.
 */
#include "tests/sandbox/support.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/** assert_privileged_copy_refuses() - @copy is a dyno command with a bit or capability that nobody should give it */
static void assert_privileged_copy_refuses(struct fixture *f, const char *copy)
{
	static struct process p;

	launch_program(f, &p, copy,
	               ARGV("run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "say", "ran"));
	assert_exit(&p, 125);
	assert_silent_on(&p, "ran");
	launch_program(f, &p, copy, ARGV("version"));
	assert_that(&p, p.code == 0 || p.code == 125);
}

/* CVE-2016-8659, CVE-2020-5291, CVE-2026-41163 (bubblewrap): a set-user-id helper lends its power to its caller */
static void test_cve_2026_41163(struct fixture *f)
{
	static const struct vfs_cap_data caps = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data = { { .permitted = 1u << CAP_SYS_ADMIN } },
	};
	const char *suid = support_path(f, "dyno-suid"), *capable = support_path(f, "dyno-capable");

	support_copy(support_dyno(), suid, 04755);
	assert_privileged_copy_refuses(f, suid);
	support_copy(support_dyno(), capable, 0755);
	assert_int_equal(setxattr(capable, "security.capability", &caps, sizeof(caps), 0), 0);
	assert_privileged_copy_refuses(f, capable);
}

/** assert_no_push() - no way of `probe tiocsti` got through, and it is our filter that says so, not the kernel's EIO */
static void assert_no_push(const struct process *p)
{
	static const char *const ways[] = { "TIOCSTI", "TIOCSTI+32", "TIOCLINUX", "TIOCLINUX+32" };

	for (size_t i = 0; i < COUNT(ways); i++)
		assert_says(p, support_format("%s=EPERM", ways[i]));
}

/* CVE-2017-5226 (bubblewrap), CVE-2019-10063 (flatpak): keys pushed into the caller's terminal */
static void test_cve_2017_5226(struct fixture *f)
{
	const char *const *own = ARGV("run", "-q", "-t", "--net", "none", "--slug", f->slug, "--", "/app/probe",
	                              "tiocsti");
	const char *const *callers = ARGV("run", "-q", "-T", "-i", "--net", "none", "--slug", f->slug, "--",
	                                  "/app/probe", "tiocsti");
	static struct process p;
	int master, slave, waiting = -1;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	launch_start(f, &p, &(struct launch){ .argv = own });
	assert_int_equal(launch_finish(f, &p), 0);
	assert_no_push(&p);
	launch_start(f, &p, &(struct launch){ .argv = callers, .in = slave });
	assert_int_equal(launch_finish(f, &p), 0);
	assert_no_push(&p);
	assert_int_equal(ioctl(slave, FIONREAD, &waiting), 0);
	assert_int_equal(waiting, 0);
	close(slave);
	close(master);
}

/* CVE-2019-5736 (runc): a process that enters shows its binary under /proc/PID/exe, and it is overwritten */
static void test_cve_2019_5736(struct fixture *f)
{
	static struct process dyno, p;
	uint64_t before = machine_digest(support_dyno());
	unsigned entered = 0;

	START(f, &dyno, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "say",
	      "ready", "--", "proc-open-exe", "3");
	assert_that(&dyno, launch_expect(&dyno, "ready"));
	/* As often as there is time for */
	while (entered < 40 && DYNO(f, &p, "exec", "web.1", "--", "/bin/true") == 0)
		entered++;
	assert_that(&p, entered >= 5);
	assert_int_equal(launch_finish(f, &dyno), 0);
	assert_that(&dyno, process_number(&dyno, "tries") > 100);
	assert_value(&dyno, "opened", "0");
	assert_true(before == machine_digest(support_dyno()));
}

/* CVE-2021-43784 (runc): lengths around 2^16 overflow in the message that starts the app */
static void test_cve_2021_43784(struct fixture *f)
{
	static const size_t sizes[] = { 4095, 4096, 65535, 65536, 65537, 100000 };
	static char value[131072];
	static struct process p;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		memset(value, 'v', sizes[i]);
		value[sizes[i]] = '\0';
		DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "-e", support_format("BIG=%s", value),
		     "--", "/app/probe", "env");
		assert_exit(&p, 0);
		assert_that(&p, process_value(&p, "BIG") && strcmp(process_value(&p, "BIG"), value) == 0);
		DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "args", value);
		assert_exit(&p, 0);
		assert_that(&p, process_value(&p, "arg.1") && strcmp(process_value(&p, "arg.1"), value) == 0);
	}
}

/* CVE-2022-0185, CVE-2022-25636 (kernel): code of the kernel that a user namespace opens to everyone */
static void test_cve_2022_0185(struct fixture *f)
{
	static const char *const keys[] = { "fsopen",      "move_mount",   "open_tree",        "clone.user",
		                            "clone3.user", "unshare.user", "socket.netfilter", "socket.packet" };
	static struct process p;

	PROBE(f, &p, "mountattempt", "--", "userns", "--", "rawsock", "--", "say", "ran");
	assert_says(&p, "ran");
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_refused(&p, keys[i]);
	/* 431 fsconfig, 432 fsmount, 433 fspick, 321 bpf, 298 perf_event_open, 425 io_uring_setup, 323 userfaultfd */
	for (const char *const *call = ARGV("431", "432", "433", "321", "298", "425", "323"); *call; call++) {
		PROBE(f, &p, "syscall", *call, "-1", "0", "0", "0", "0");
		/* With these arguments the kernel itself says EBADF, EFAULT or EINVAL */
		assert_that(&p, process_value(&p, "result") && (strcmp(process_value(&p, "result"), "EPERM") == 0 ||
		                                                strcmp(process_value(&p, "result"), "ENOSYS") == 0));
	}
}

/* CVE-2022-0492 (kernel): release_agent of a cgroup v1 tree runs a program as root of the host */
static void test_cve_2022_0492(struct fixture *f)
{
	static struct process p;

	PROBE(f, &p, "userns", "--", "mountattempt", "--", "mounts", "--", "exists", "/sys/fs/cgroup", "/app/probe");
	assert_value(&p, "unshare.user", "EPERM");
	assert_value(&p, "unshare.cgroup", "EPERM");
	assert_value(&p, "mount", "EPERM");
	assert_silent_on(&p, "=cgroup");
	assert_value(&p, "exists./sys/fs/cgroup", "no");
	assert_value(&p, "exists./app/probe", "yes");
}

/** inherit_capabilities() - in the launching process: everything inheritable and ambient */
static void inherit_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		_exit(98);
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].inheritable = data[i].permitted;
	if (syscall(SYS_capset, &header, data) < 0)
		_exit(98);
	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
		(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
}

/* CVE-2022-29162 (runc), CVE-2022-27650 (crun): exec leaves capabilities inheritable */
static void test_cve_2022_29162(struct fixture *f)
{
	static const char *const sets[] = { "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb" };
	const char *const *run = ARGV("run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--",
	                              "/app/probe", "caps", "--", "trap");
	const char *const *exec = ARGV("exec", "web.1", "--", "/app/probe", "caps");
	static struct process dyno, p;

	launch_start(f, &dyno, &(struct launch){ .argv = run, .before = inherit_capabilities });
	assert_that(&dyno, launch_expect(&dyno, "ready="));
	launch_start(f, &p, &(struct launch){ .argv = exec, .before = inherit_capabilities });
	assert_int_equal(launch_finish(f, &p), 0);
	for (size_t i = 0; i < COUNT(sets); i++) {
		assert_value(&dyno, sets[i], "0000000000000000");
		assert_value(&p, sets[i], "0000000000000000");
	}
	launch_stop(f, &dyno);
}

/* CVE-2023-25809 (runc): without a cgroup namespace of its own a container writes to the user's cgroups */
static void test_cve_2023_25809(struct fixture *f)
{
	static const char *const nets[] = { "none", "host" };
	static struct process p;
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/cgroup", &st), 0);
	for (size_t i = 0; i < COUNT(nets); i++) {
		DYNO(f, &p, "run", "-q", "--net", nets[i], "--slug", f->slug, "--", "/app/probe", "ns", "--", "mkdir",
		     "/sys/fs/cgroup/x", "--", "read", "/proc/self/cgroup", "--", "mounts");
		assert_exit(&p, 0);
		assert_that(&p, process_number(&p, "ns.cgroup") != st.st_ino);
		assert_refused(&p, "result");
		assert_silent_on(&p, "=cgroup");
	}
}

/** open_directories() - in the launching process: what CVE-2024-21626 needs to be left open */
static void open_directories(void)
{
	for (int i = 0; i < 100; i++)
		(void)!open(i % 2 ? "/" : "/proc", O_RDONLY | O_DIRECTORY);
}

/* CVE-2024-21626 (runc): a working directory that is a leaked descriptor of the host */
static void test_cve_2024_21626(struct fixture *f)
{
	static struct process dyno, p;

	for (int fd = 3; fd < 64; fd += fd < 20 ? 1 : 7) {
		const char *place = support_format("/proc/self/fd/%d", fd);
		const char *const *argv = ARGV("run", "-q", "--net", "none", "--workdir", place, "--slug", f->slug,
		                               "--", "/app/probe", "say", "ran");

		launch_start(f, &p, &(struct launch){ .argv = argv, .before = open_directories });
		launch_finish(f, &p);
		assert_that(&p, p.code != 0);
		assert_silent_on(&p, "ran");
	}
	START(f, &dyno, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "trap");
	assert_that(&dyno, launch_expect(&dyno, "ready="));
	for (int fd = 3; fd < 16; fd++) {
		const char *place = support_format("/proc/self/fd/%d", fd);
		const char *const *argv = ARGV("exec", "--workdir", place, "web.1", "--", "/app/probe", "say", "ran");

		launch_start(f, &p, &(struct launch){ .argv = argv, .before = open_directories });
		launch_finish(f, &p);
		assert_that(&p, p.code != 0);
		assert_silent_on(&p, "ran");
	}
	launch_stop(f, &dyno);
	PROBE(f, &p, "escape-fds");
	assert_value(&p, "directories", "0");
}

/** directory_as_error() - in the launching process: standard error is a directory */
static void directory_as_error(void)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	(void)dup2(fd, STDERR_FILENO);
	close(fd);
}

/** assert_no_way_out() - what @argv starts is refused with a reason, or finds nothing of the host */
static void assert_no_way_out(struct fixture *f, const char *const *argv, int in, void (*before)(void))
{
	static struct process p;

	launch_start(f, &p, &(struct launch){ .argv = argv, .in = in, .before = before });
	launch_finish(f, &p);
	assert_silent_on(&p, "=yes");
	assert_silent_on(&p, "/bin/");
	if (p.code == 0)
		assert_says(&p, "directories=");
	else
		/* Where standard error is the directory, the reason is lost with it */
		assert_that(&p, p.code == 125 || p.code == 2);
}

/* The same by a standard stream: a directory given as one must not lead out */
static void test_cve_2024_21626_by_standard_stream(struct fixture *f)
{
	const char *const *run = ARGV("run", "-q", "-T", "-i", "--net", "none", "--slug", f->slug, "--", "/app/probe",
	                              "escape-fds", "--", "read", "/proc/self/fd/0/etc/passwd", "--", "read",
	                              "/proc/self/fd/2/etc/passwd");
	const char *const *exec = ARGV("exec", "-T", "-i", "web.1", "--", "/app/probe", "escape-fds", "--", "read",
	                               "/proc/self/fd/0/etc/passwd", "--", "read", "/proc/self/fd/2/etc/passwd");
	static struct process dyno;
	int in = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(in >= 0);
	START(f, &dyno, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "trap");
	assert_that(&dyno, launch_expect(&dyno, "ready="));
	assert_no_way_out(f, run, in, NULL);
	assert_no_way_out(f, run, 0, directory_as_error);
	assert_no_way_out(f, exec, in, NULL);
	assert_no_way_out(f, exec, 0, directory_as_error);
	launch_stop(f, &dyno);
	close(in);
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_cve_2026_41163, AS_USER | BY_ROOT),
	SANDBOX_TEST(test_cve_2017_5226, AS_BOTH),
	SANDBOX_TEST(test_cve_2019_5736, AS_BOTH),
	SANDBOX_TEST(test_cve_2021_43784, AS_BOTH),
	SANDBOX_TEST(test_cve_2022_0185, AS_BOTH),
	SANDBOX_TEST(test_cve_2022_0492, AS_BOTH),
	SANDBOX_TEST(test_cve_2022_29162, AS_BOTH),
	SANDBOX_TEST(test_cve_2023_25809, AS_BOTH),
	SANDBOX_TEST(test_cve_2024_21626, AS_BOTH),
	SANDBOX_TEST(test_cve_2024_21626_by_standard_stream, AS_BOTH),
};

SANDBOX_MAIN("cve", tests)
