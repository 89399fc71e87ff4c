/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_cve_files.c - how the sandboxes of others were broken by way of files and mounts, tried on this one
 *
 * The attacker owns a stack or a slug, which is made of whatever it likes, and may change it while a dyno is made of it.
 * The victim is a directory of the host: whatever happens, it stays as it was, and nothing is mounted on the machine.
 */
#include "tests/sandbox/support.h"

#include <errno.h>
#include <ftw.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Seconds at most: the way is by descriptors, so a hundred thousand rounds would show no more */
#define RACE_LAUNCHES 25
#define RACE_MS "500"
/* exchanges, at least: an emulated machine takes its time for them */
#define RACE_FLIPS "101"

/* The places of a root filesystem on which something is mounted, or in which something is made */
static const char *const places[] = { "app", "bin",  "dev", "etc", "lib", "lib64", "proc",
	                              "run", "sbin", "sys", "tmp", "usr", "var" };

/** make_stack() - an empty operating system; the probe needs none */
static const char *make_stack(struct fixture *f)
{
	const char *stack = support_path(f, "stack");

	support_mkdir(f, stack, 0755);
	for (size_t i = 0; i < COUNT(places); i++)
		support_mkdir(f, support_format("%s/%s", stack, places[i]), 0755);
	return stack;
}

/** make_victim() - a directory of the host that everyone could change, with what runtimes look for in a root */
static const char *make_victim(struct fixture *f)
{
	static const char *const names[] = { "null", "pts", "shm", "tmp", "sys", "self", "hosts", "passwd", "upper" };
	const char *victim = support_path(f, "victim");

	support_mkdir(f, victim, 0777);
	for (size_t i = 0; i < COUNT(names); i++)
		support_mkdir(f, support_format("%s/%s", victim, names[i]), 0777);
	support_write(support_format("%s/file", victim), "precious\n", 0666);
	return victim;
}

/** replace() - a symlink to @target in the place of directory @name of the stack */
static void replace(const char *stack, const char *name, const char *target)
{
	const char *path = support_format("%s/%s", stack, name);

	support_remove(path);
	assert_int_equal(symlink(target, path), 0);
}

/** run_stack() - a dyno of this stack, which says that it ran and how it is confined */
static int run_stack(struct fixture *f, struct process *p, const char *stack)
{
	return DYNO(f, p, "run", "-q", "--net", "none", "--stack", stack, "--slug", f->slug, "--", "/app/probe", "caps",
	            "--", "write", "/tmp/x", "x", "--", "say", "ran");
}

/** assert_refused_or_confined() - it did not start, or it is as powerless as any other */
static void assert_refused_or_confined(const struct process *p)
{
	if (p->code == 0) {
		assert_says(p, "ran");
		assert_value(p, "Seccomp", "2");
		assert_value(p, "NoNewPrivs", "1");
		assert_value(p, "CapEff", "0000000000000000");
		assert_value(p, "Uid", "1000\t1000\t1000\t1000");
	} else {
		assert_silent_on(p, "ran");
		assert_that(p, p->code == 125 && strstr(p->err, "dyno: "));
	}
}

/** host_text() - a kernel setting that a redirected write would change */
static const char *host_text(const char *path)
{
	const char *text = support_read(path);

	return support_format("%s", text ? text : "");
}

static void test_a_plain_stack_works(struct fixture *f)
{
	static struct process p;

	run_stack(f, &p, make_stack(f));
	assert_exit(&p, 0);
	assert_says(&p, "ran");
	assert_value(&p, "result", "OK");
}

/* CVE-2019-16884, CVE-2019-19921, CVE-2023-27561, CVE-2023-28642 (runc, crun): a /proc that is none swallows confinement */
static void test_cve_2023_28642(struct fixture *f)
{
	static const char *const targets[] = { "/tmp", "tmp", "../victim", "/proc", "/app/fake", "." };
	const char *stack = make_stack(f), *victim = make_victim(f);
	uint64_t before = machine_digest(victim);
	static struct process p;

	support_mkdir(f, support_format("%s/fake", f->slug), 0755);
	for (size_t i = 0; i < COUNT(targets); i++) {
		replace(stack, "proc", targets[i]);
		run_stack(f, &p, stack);
		assert_refused_or_confined(&p);
	}
	replace(stack, "proc", victim);
	run_stack(f, &p, stack);
	assert_refused_or_confined(&p);
	assert_true(before == machine_digest(victim));
}

/* CVE-2026-41579 (runc), CVE-2026-47766 (crun): /dev and its like are symlinks, and devices are made where they lead */
static void test_cve_2026_41579(struct fixture *f)
{
	const char *victim = make_victim(f);
	const char *const targets[] = { victim, "../victim", "/", "..", "/../../../../../../../../dev", "/etc" };
	uint64_t before = machine_digest(victim), etc = machine_digest("/etc");
	static struct process p;
	struct stat dev, after;

	assert_int_equal(stat("/dev/null", &dev), 0);
	for (size_t i = 0; i < COUNT(targets); i++) {
		for (size_t place = 0; place < COUNT(places); place++) {
			const char *stack = make_stack(f);

			replace(stack, places[place], targets[i]);
			run_stack(f, &p, stack);
			assert_refused_or_confined(&p);
			support_remove(stack);
		}
	}
	assert_int_equal(stat("/dev/null", &after), 0);
	assert_true(dev.st_ino == after.st_ino && dev.st_ctim.tv_sec == after.st_ctim.tv_sec);
	assert_true(before == machine_digest(victim));
	assert_true(etc == machine_digest("/etc"));
}

/* CVE-2025-31133 (runc): masking mounts the image's /dev/null, which is a symlink to a kernel setting */
static void test_cve_2025_31133(struct fixture *f)
{
	const char *stack = make_stack(f), *pattern = host_text("/proc/sys/kernel/core_pattern");
	static struct process p;

	assert_int_equal(symlink("/proc/sys/kernel/core_pattern", support_format("%s/dev/null", stack)), 0);
	DYNO(f, &p, "run", "-q", "--net", "none", "--stack", stack, "--slug", f->slug, "--", "/app/probe", "poke",
	     "/dev/null", "|/app/probe", "--", "stat", "/dev/null", "--", "poke", "/proc/sys/kernel/core_pattern",
	     "|/app/probe", "--", "poke", "/proc/sysrq-trigger", "s", "--", "head", "/proc/kcore", "16", "--", "say",
	     "ran");
	assert_string_equal(pattern, host_text("/proc/sys/kernel/core_pattern"));
	if (p.code == 0) {
		assert_says(&p, "ran");
		assert_value(&p, "rdev", "1:3");
		assert_silent_on(&p, "bytes=16");
	}
}

/* CVE-2025-52565 (runc): /dev/pts or /dev/console is swapped before the terminal is bound */
static void test_cve_2025_52565(struct fixture *f)
{
	const char *stack = make_stack(f), *victim = make_victim(f);
	uint64_t before = machine_digest(victim);
	static struct process p;

	assert_int_equal(symlink(victim, support_format("%s/dev/pts", stack)), 0);
	assert_int_equal(symlink("/proc/sysrq-trigger", support_format("%s/dev/console", stack)), 0);
	assert_int_equal(symlink("/proc/kcore", support_format("%s/dev/ptmx", stack)), 0);
	DYNO(f, &p, "run", "-q", "-t", "--net", "none", "--stack", stack, "--slug", f->slug, "--", "/app/probe", "tty",
	     "--", "say", "ran");
	if (p.code == 0) {
		assert_says(&p, "ran");
		assert_says(&p, "isatty.0=1");
		assert_says(&p, "ttyname.0=/dev/pts/0");
	}
	assert_true(before == machine_digest(victim));
}

/** races() - @attacker is at it still */
static bool races(const struct process *attacker)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)attacker->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

/** race_stack() - exchange @name of the stack with a symlink to the victim while dyno after dyno is made of it */
static void race_stack(struct fixture *f, const char *name)
{
	const char *stack = make_stack(f), *victim = make_victim(f);
	const char *link = support_format("%s/%s.link", stack, name);
	const char *const *flip = ARGV("flip", support_format("%s/%s", stack, name), link, RACE_MS, RACE_FLIPS);
	uint64_t before = machine_digest(victim);
	static struct process attacker, p;

	assert_int_equal(symlink(victim, link), 0);
	launch_start(f, &attacker, &(struct launch){ .argv = flip, .program = support_probe() });
	for (int i = 0; i < RACE_LAUNCHES || races(&attacker); i++) {
		run_stack(f, &p, stack);
		assert_refused_or_confined(&p);
	}
	assert_int_equal(launch_finish(f, &attacker), 0);
	assert_that(&attacker, process_number(&attacker, "flips") > 100);
	assert_true(before == machine_digest(victim));
	support_remove(stack);
	support_remove(victim);
}

/* CVE-2021-30465 (runc): a directory becomes a symlink between the check and the mount on it */
static void test_cve_2021_30465(struct fixture *f)
{
	race_stack(f, "tmp");
	race_stack(f, "dev");
}

/* CVE-2024-45310 (runc): a directory becomes a symlink while mount points are made in it; empty files on the host */
static void test_cve_2024_45310(struct fixture *f)
{
	race_stack(f, "etc");
	race_stack(f, "var");
}

/* CVE-2025-52881 (runc): writes to /proc (labels, sysctls) are led elsewhere by what is mounted meanwhile */
static void test_cve_2025_52881(struct fixture *f)
{
	const char *pattern = host_text("/proc/sys/kernel/core_pattern");
	const char *userns = host_text("/proc/sys/user/max_user_namespaces");

	race_stack(f, "proc");
	race_stack(f, "sys");
	assert_string_equal(pattern, host_text("/proc/sys/kernel/core_pattern"));
	assert_string_equal(userns, host_text("/proc/sys/user/max_user_namespaces"));
}

/* The same with the slug itself, which is looked up by the launcher */
static void test_cve_2021_30465_slug(struct fixture *f)
{
	const char *victim = make_victim(f), *link = support_path(f, "slug.link");
	const char *const *flip = ARGV("flip", f->slug, link, RACE_MS, RACE_FLIPS);
	static struct process attacker, p;
	uint64_t before = machine_digest(victim);

	assert_int_equal(symlink(victim, link), 0);
	launch_start(f, &attacker, &(struct launch){ .argv = flip, .program = support_probe() });
	for (int i = 0; i < RACE_LAUNCHES || races(&attacker); i++) {
		/* A slug or the victim as slug: the caller named both. What is written must reach neither */
		DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "write", "/app/x", "x",
		     "--", "unlink", "/app/file", "--", "append", "/app/Procfile", "x");
		assert_that(&p, p.code == 0 || p.code == 125 || p.code == 127 || p.code == 2);
	}
	assert_int_equal(launch_finish(f, &attacker), 0);
	assert_that(&attacker, process_number(&attacker, "flips") > 100);
	assert_true(before == machine_digest(victim));
}

/* CVE-2021-26910 (firejail): root puts the overlay together in a place of the user's, full of symlinks */
static void test_cve_2021_26910(struct fixture *f)
{
	const char *evil = support_path(f, "evil"), *victim = make_victim(f);
	const char *const *env = ARGV(support_format("XDG_RUNTIME_DIR=%s", evil));
	const char *const *argv = ARGV("run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "say",
	                               "ran");
	uint64_t before = machine_digest(victim);
	static struct process p;

	support_mkdir(f, evil, 0700);
	assert_int_equal(symlink(victim, support_format("%s/dyno", evil)), 0);
	launch_start(f, &p, &(struct launch){ .argv = argv, .env = env });
	launch_finish(f, &p);
	/* As root the directory is not asked for; as a user a planted one is refused */
	if (f->rootless) {
		assert_exit(&p, 125);
		assert_silent_on(&p, "ran");
	}
	assert_true(before == machine_digest(victim));
}

/* The same on the writable layer's place on a disk: symlinks where its directory will be */
static void test_cve_2021_26910_scratch(struct fixture *f)
{
	const char *disk = support_path(f, "disk"), *victim = make_victim(f);
	uint64_t before = machine_digest(victim);
	static struct process p;

	support_mkdir(f, disk, 0777);
	for (int slot = 0; slot < 4096; slot++)
		assert_int_equal(symlink(victim, support_format("%s/dyno-%d", disk, slot)), 0);
	DYNO(f, &p, "run", "-q", "--net", "none", "--scratch-dir", disk, "--slug", f->slug, "--", "/app/probe", "write",
	     "/app/x", "x", "--", "say", "ran");
	assert_that(&p, p.code == 0 || p.code == 125 || p.code == 2);
	assert_true(before == machine_digest(victim));
	assert_false(support_exists(support_format("%s/upper/x", victim)));
}

/* CVE-2021-3493, CVE-2023-0386 (kernel): an overlay copies set-user-id bits and capabilities up */
static void test_cve_2023_0386(struct fixture *f)
{
	static const char caps[] = "\1\0\0\2\0\0\40\0\0\0\0\0\0\0\0\0\0\0\0\0";
	static struct process p;

	support_copy(support_probe(), support_format("%s/suid", f->slug), 06755);
	assert_int_equal(chown(support_format("%s/suid", f->slug), f->uid, f->uid), 0);
	assert_int_equal(chmod(support_format("%s/suid", f->slug), 06755), 0);
	PROBE(f, &p, "append", "/app/suid", "x", "--", "chmod", "/app/suid", "6755", "--", "setxattr", "/app/suid",
	      "security.capability", caps, "--", "setuid", "/app/suid");
	assert_exit(&p, 0);
	assert_says(&p, "result=OK\nresult=OK\nresult=E");
	assert_value(&p, "euid", "1000");
	PROBE(f, &p, "setuid", "/app/suid", "caps");
	assert_value(&p, "CapEff", "0000000000000000");
	PROBE(f, &p, "userns", "--", "mountattempt");
	assert_value(&p, "unshare.user", "EPERM");
	assert_value(&p, "unshare.mnt", "EPERM");
	assert_value(&p, "mount", "EPERM");
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_a_plain_stack_works, AS_BOTH),    SANDBOX_TEST(test_cve_2023_28642, AS_BOTH),
	SANDBOX_TEST(test_cve_2026_41579, AS_BOTH),         SANDBOX_TEST(test_cve_2025_31133, AS_BOTH),
	SANDBOX_TEST(test_cve_2025_52565, AS_BOTH),         SANDBOX_TEST(test_cve_2021_30465, AS_BOTH),
	SANDBOX_TEST(test_cve_2021_30465_slug, AS_BOTH),    SANDBOX_TEST(test_cve_2024_45310, AS_BOTH),
	SANDBOX_TEST(test_cve_2025_52881, AS_BOTH),         SANDBOX_TEST(test_cve_2021_26910, AS_BOTH),
	SANDBOX_TEST(test_cve_2021_26910_scratch, AS_BOTH), SANDBOX_TEST(test_cve_2023_0386, AS_BOTH | BY_ROOT),
};

SANDBOX_MAIN("cve by files", tests)
