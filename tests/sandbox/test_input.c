/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_input.c - bad input and a machine that refuses: one clear line, the right exit code, nothing left
 *
 * Nothing of this machine is changed: what it refuses is taken away from the launching process alone, by limits, filters
 * and namespaces of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/sandbox/lifecycle_support.h"

#define EXIT_TROUBLE 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127
#define EXIT_USAGE 2

/** struct refusal - `dyno run` with these options and `/app/probe exit 0` is refused; @says: in the message */
struct refusal {
	const char *options[4];
	const char *says;
};

/** refuse_all() - every row is refused with @code */
static void refuse_all(struct fixture *f, const struct refusal *rows, size_t count, int code)
{
	struct process *p = life_process(0);

	for (size_t i = 0; i < count; i++) {
		const char *argv[16] = { "run", "-q", "--net", "none", "--slug", f->slug };
		size_t used = 6;

		for (size_t o = 0; o < 4 && rows[i].options[o]; o++)
			argv[used++] = rows[i].options[o];
		argv[used++] = "--";
		argv[used++] = "/app/probe";
		argv[used++] = "exit";
		argv[used++] = "0";
		launch_run(f, p, argv);
		assert_refusal(p, code, rows[i].says);
	}
}

#define REFUSE_ALL(f, rows, code) refuse_all(f, rows, sizeof(rows) / sizeof((rows)[0]), code)

static void test_options_that_are_wrong(struct fixture *f)
{
	static const struct refusal rows[] = {
		{ { "--memroy", "512M" }, "did you mean --memory?" },
		{ { "--prot", "5000" }, "did you mean --port?" },
		{ { "--frobnicate" }, "'--frobnicate'" },
		{ { "-Z" }, "'-Z'" },
		{ { "--memory", "512Q" }, "'512Q'" },
		{ { "--memory", "lots" }, "'lots'" },
		{ { "--memory", "-1" }, "'-1'" },
		{ { "--memory", "99999999999G" }, "'99999999999G'" },
		{ { "--scratch-size", "1,5G" }, "'1,5G'" },
		{ { "--scratch-size", "1" }, "out of range" },
		{ { "--port", "0" }, "'0'" },
		{ { "--port", "65536" }, "'65536'" },
		{ { "--port", "80x" }, "'80x'" },
		{ { "--port", "" }, "--port" },
		{ { "--env", "1A=x" }, "name of an environment variable" },
		{ { "--env", "=x" }, "name of an environment variable" },
		{ { "--env", "A B=x" }, "name of an environment variable" },
		{ { "--env", "NOT_THERE_AT_ALL" }, "NOT_THERE_AT_ALL" },
		{ { "--env-file", "/nonexistent/env" }, "/nonexistent/env" },
		{ { "--net", "bridge" }, "bridge" },
		{ { "--size", "standard-3x" }, "standard-3x" },
		{ { "--cpus", "0" }, "'0'" },
		{ { "--cpus", "two" }, "'two'" },
		{ { "--pids", "0" }, "'0'" },
		{ { "--nofile", "2" }, "'2'" },
		{ { "--grace", "soon" }, "'soon'" },
		{ { "--name", "a/b" }, "'a/b'" },
		{ { "--name", ".." }, "'..'" },
		{ { "--name", "" }, "--name" },
		{ { "--workdir", "relative" }, "relative" },
		{ { "--tty", "--no-tty" }, "--no-tty" },
		{ { "--tty", "--no-init" }, "--no-init" },
		{ { "--stack", "/nonexistent" }, "/nonexistent" },
		{ { "--stack", "/etc/passwd" }, "not a directory" },
		{ { "--scratch-dir", "/nonexistent" }, "/nonexistent" },
	};

	REFUSE_ALL(f, rows, EXIT_USAGE);
}

static void test_limits_below_what_works(struct fixture *f)
{
	static const struct refusal rows[] = {
		{ { "--memory", "4095K" }, "at least 4.0 MiB" },
		{ { "--pids", "1" }, "from 2" },
		{ { "--nofile", "15" }, "from 16" },
		{ { "--scratch-size", "1023K" }, "at least 1.0 MiB" },
		{ { "--cpus", "0.001" }, "at least 0.010" },
	};
	/* The limits of the whole dyno need cgroups, which an ordinary user may not have */
	static const struct {
		const char *option, *value;
		bool cgroup;
	} least[] = {
		{ "--memory", "4M", true },  { "--pids", "2", true },           { "--cpus", "0.01", true },
		{ "--nofile", "16", false }, { "--scratch-size", "1M", false },
	};
	struct process *p = life_process(0);
	bool cgroups = life_has_cgroups(f);

	REFUSE_ALL(f, rows, EXIT_USAGE);
	/* and the least that is accepted does work */
	for (size_t i = 0; i < sizeof(least) / sizeof(least[0]); i++) {
		if (least[i].cgroup && !cgroups)
			continue;
		DYNO(f, p, "run", "-q", "--net", "none", "--slug", f->slug, least[i].option, least[i].value, "--",
		     "/app/probe", "exit", "3");
		assert_exit(p, 3);
	}
}

static void test_a_slug_that_is_none(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *file = support_path(f, "file"), *closed = support_path(f, "closed");

	support_write(file, "", 0644);
	support_mkdir(f, closed, 0);
	DYNO(f, p, "run", "--slug", "/nonexistent/app", "--", "true");
	assert_refusal(p, EXIT_USAGE, "/nonexistent/app: No such file or directory");
	DYNO(f, p, "run", "--slug", file, "--", "true");
	assert_refusal(p, EXIT_USAGE, "is not a directory");
	DYNO(f, p, "run", "--slug", "/", "--", "true");
	assert_refusal(p, EXIT_USAGE, "root directory");
	/* support.c tells the command that f->dir is the home directory */
	DYNO(f, p, "run", "--slug", f->dir, "--", "true");
	assert_refusal(p, EXIT_USAGE, "home directory");
	DYNO(f, p, "run", "--", "true");
	assert_refusal(p, EXIT_USAGE, "home directory");
	if (f->uid == 0)
		return;
	DYNO(f, p, "run", "--slug", closed, "--", "true");
	assert_refusal(p, EXIT_USAGE, "Permission denied");
}

static void test_a_command_that_cannot_be_run(struct fixture *f)
{
	static const struct {
		const char *command;
		int code;
		const char *says;
	} rows[] = {
		{ "./missing", EXIT_NOT_FOUND, "./missing: command not found" },
		{ "missing-program", EXIT_NOT_FOUND, "missing-program: command not found" },
		{ "/app/Procfile/x", EXIT_NOT_FOUND, "command not found" },
		{ "./Procfile", EXIT_NOT_EXECUTABLE, "Permission denied" },
		{ "/app", EXIT_NOT_EXECUTABLE, "/app" },
		{ "./garbage", EXIT_NOT_EXECUTABLE, "./garbage" },
		{ "./lost", EXIT_NOT_FOUND, "its interpreter" },
	};
	struct process *p = life_process(0);

	support_write(support_format("%s/garbage", f->slug), "\177ELF and no more\n", 0755);
	support_write(support_format("%s/lost", f->slug), "#!/nonexistent/interpreter\n", 0755);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		DYNO(f, p, "run", "-q", "--net", "none", "--slug", f->slug, "--", rows[i].command);
		assert_refusal(p, rows[i].code, rows[i].says);
		DYNO(f, p, "run", "-q", "--no-init", "--net", "none", "--slug", f->slug, "--", rows[i].command);
		assert_refusal(p, rows[i].code, rows[i].says);
	}
	DYNO(f, p, "run", "--slug", f->slug);
	assert_refusal(p, EXIT_USAGE, "no command was given");
	DYNO(f, p, "run", "--slug", f->slug, "--", "");
	assert_refusal(p, EXIT_USAGE, "the command is empty");
	DYNO(f, p, "run", "-q", "--slug", f->slug, "--net", "none", "--workdir", "/nonexistent", "--", "/app/probe",
	     "ids");
	assert_refusal(p, EXIT_TROUBLE, "/nonexistent");
}

static void test_verbs_that_are_wrong(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, "runn");
	assert_refusal(p, EXIT_USAGE, "did you mean run?");
	DYNO(f, p, "--memory", "1G");
	assert_refusal(p, EXIT_USAGE, "--memory");
	DYNO(f, p, "exec");
	assert_refusal(p, EXIT_USAGE, "exec needs");
	DYNO(f, p, "exec", "web.9", "--", "true");
	assert_refusal(p, EXIT_TROUBLE, "no dyno named web.9 is running");
	DYNO(f, p, "stop");
	assert_refusal(p, EXIT_USAGE, "stop takes");
	DYNO(f, p, "stop", "web.9");
	assert_refusal(p, EXIT_TROUBLE, "no dyno named web.9 is running");
	DYNO(f, p, "stop", "../../etc/passwd");
	assert_refusal(p, EXIT_TROUBLE, "cannot be the name of a dyno");
	DYNO(f, p, "ps", "extra");
	assert_refusal(p, EXIT_USAGE, "'extra'");
}

static void test_a_name_that_runs_already(struct fixture *f)
{
	struct process *first = life_process(0), *second = life_process(1);

	START(f, first, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "trap");
	assert_true(launch_expect(first, "ready="));
	DYNO(f, second, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "ids");
	assert_refusal(second, EXIT_TROUBLE, "a dyno named web.1 is already running");
	/* and the first one has not noticed */
	DYNO(f, second, "exec", "web.1", "--", "/app/probe", "say", "here");
	assert_exit(second, 0);
	assert_int_equal(launch_stop(f, first), 0);
}

/** write_variables() - an env-file of @count variables V0, V1, ... of @size bytes each */
static const char *write_variables(const struct fixture *f, unsigned count, size_t size)
{
	const char *path = support_path(f, "env");
	FILE *out = fopen(path, "we");

	assert_non_null(out);
	for (unsigned i = 0; i < count; i++) {
		fprintf(out, "V%u=", i);
		for (size_t at = 0; at < size; at++)
			fputc('x', out);
		fputc('\n', out);
	}
	assert_int_equal(fclose(out), 0);
	return path;
}

static void test_a_mebibyte_of_environment_arrives(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *file = write_variables(f, 16, 65536);

	DYNO(f, p, "run", "-q", "--net", "none", "--slug", f->slug, "--env-file", file, "--",
	     "echo total=$((${#V0} + ${#V7} + ${#V15}))");
	assert_exit(p, 0);
	assert_value(p, "total", "196608");
}

static void test_arguments_over_the_kernels_limit(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *file = write_variables(f, 40, 100000);

	/* all together more than a quarter of the stack's limit */
	DYNO(f, p, "run", "-q", "--net", "none", "--slug", f->slug, "--env-file", file, "--", "/app/probe", "exit",
	     "0");
	assert_refusal(p, EXIT_TROUBLE, "over the kernel's limit");
	/* a single one more than 128 KiB */
	file = write_variables(f, 1, 140000);
	DYNO(f, p, "run", "-q", "--net", "none", "--slug", f->slug, "--env-file", file, "--", "/app/probe", "exit",
	     "0");
	assert_refusal(p, EXIT_USAGE, "the kernel takes 128.0 KiB");
}

static void close_input(void)
{
	(void)close(0);
}

static void close_output(void)
{
	(void)close(1);
}

static void close_all(void)
{
	(void)close_range(0, ~0u, 0);
}

static void test_closed_streams(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *const *argv = ARGV("run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "cat", "--",
	                               "fds", "--", "exit", "3");

	launch_start(f, p, &(struct launch){ .argv = argv, .before = close_input });
	launch_finish(f, p);
	assert_exit(p, 3);
	assert_value(p, "fd.0", "/dev/null");
	launch_start(f, p, &(struct launch){ .argv = argv, .before = close_output });
	launch_finish(f, p);
	assert_exit(p, 3);
	launch_start(f, p, &(struct launch){ .argv = argv, .before = close_all });
	launch_finish(f, p);
	assert_exit(p, 3);
}

/** mount_full() - in the child: a state directory on a file system without room for it */
static void mount_full(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("full", "/run", "tmpfs", 0, "size=4k,nr_inodes=3,mode=755") < 0)
		_exit(98);
}

static void test_no_space_for_the_state(struct fixture *f)
{
	struct process *p = life_process(0);

	launch_start(f, p,
	             &(struct launch){ .argv = ARGV("run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe",
	                                            "exit", "0"),
	                               .before = mount_full });
	launch_finish(f, p);
	assert_refusal(p, EXIT_TROUBLE, "No space left on device");
	assert_says(p, "/run/dyno");
}

static void test_no_space_in_the_scratch(struct fixture *f)
{
	struct process *p = life_process(0);

	DYNO(f, p, "run", "-q", "--net", "none", "--scratch-size", "2M", "--slug", f->slug, "--", "/app/probe", "fill",
	     "/tmp/big", "16M", "--", "exit", "1");
	assert_exit(p, 1);
	assert_value(p, "result", "ENOSPC");
	assert_non_null(strstr(life_message(p), "scratch limit 2.0 MiB reached"));
}

static void test_a_stack_without_a_shell(struct fixture *f)
{
	struct process *p = life_process(0);
	const char *stack = support_path(f, "stack");

	support_mkdir(f, stack, 0755);
	support_mkdir(f, support_format("%s/usr", stack), 0755);
	support_mkdir(f, support_format("%s/usr/bin", stack), 0755);
	DYNO(f, p, "run", "-q", "--net", "none", "--stack", stack, "--slug", f->slug, "--", "echo hello; true");
	assert_refusal(p, EXIT_NOT_FOUND, "/bin/bash");
	/* what needs no shell runs on it */
	DYNO(f, p, "run", "-q", "--net", "none", "--stack", stack, "--slug", f->slug, "--", "/app/probe", "say",
	     "hello");
	assert_exit(p, 0);
	assert_says(p, "hello");
}

/** deny() - in the child: system call @number fails with @code from now on */
static void deny(unsigned number, unsigned code)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog all = { .len = sizeof(program) / sizeof(program[0]), .filter = program };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) < 0)
		_exit(98);
}

static void deny_clone3_eperm(void)
{
	deny(SYS_clone3, EPERM);
}

static void deny_clone3_enosys(void)
{
	deny(SYS_clone3, ENOSYS);
}

static void deny_mounts(void)
{
	deny(SYS_move_mount, EPERM);
}

/** no_user_namespaces() - in the child: enter a user namespace in which none may be made, as nobody special in it */
static void no_user_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];

	if (prctl(PR_SET_DUMPABLE, 1) < 0 || unshare(CLONE_NEWUSER) < 0)
		_exit(98);
	snprintf(map, sizeof(map), "%u %u 1\n", uid, uid);
	if (fd_write_text(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 ||
	    fd_write_text(AT_FDCWD, "/proc/self/uid_map", map) < 0)
		_exit(98);
	snprintf(map, sizeof(map), "%u %u 1\n", gid, gid);
	/* The limit is the new namespace's own (user_namespaces(7)); the capability to set it goes with the exec */
	if (fd_write_text(AT_FDCWD, "/proc/self/gid_map", map) < 0 ||
	    fd_write_text(AT_FDCWD, "/proc/sys/user/max_user_namespaces", "0") < 0)
		_exit(98);
}

/** no_processes() - in the child: no further process for this user */
static void no_processes(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_NPROC, &none) < 0)
		_exit(98);
}

/** launch_refused() - a plain launch after @before fails with one line that holds @says */
static void launch_refused(struct fixture *f, void (*before)(void), const char *says)
{
	struct process *p = life_process(0);

	launch_start(f, p,
	             &(struct launch){ .argv = ARGV("run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe",
	                                            "exit", "0"),
	                               /* the sanitizer's look for leaks needs a process of its own */
	                               .env = ARGV("ASAN_OPTIONS=detect_leaks=0"),
	                               .before = before });
	launch_finish(f, p);
	assert_refusal(p, EXIT_TROUBLE, says);
	assert_that(p, strchr(p->err, '(') != NULL); /* what to do about it */
}

static void test_a_machine_that_refuses_namespaces_is_told_apart(struct fixture *f)
{
	launch_refused(f, deny_clone3_eperm, "Operation not permitted");
	launch_refused(f, deny_clone3_enosys, "Function not implemented");
}

static void test_a_machine_that_refuses_mounts(struct fixture *f)
{
	struct process *p = life_process(0);

	launch_start(f, p,
	             &(struct launch){ .argv = ARGV("run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe",
	                                            "exit", "0"),
	                               .before = deny_mounts });
	launch_finish(f, p);
	assert_refusal(p, EXIT_TROUBLE, "Operation not permitted");
}

static void test_no_user_namespace_left(struct fixture *f)
{
	launch_refused(f, no_user_namespaces, "_namespaces is reached");
}

static void test_no_process_left(struct fixture *f)
{
	launch_refused(f, no_processes, "Resource temporarily unavailable");
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_options_that_are_wrong, AS_BOTH),
	SANDBOX_TEST(test_limits_below_what_works, AS_BOTH),
	SANDBOX_TEST(test_a_slug_that_is_none, AS_BOTH),
	SANDBOX_TEST(test_a_command_that_cannot_be_run, AS_BOTH),
	SANDBOX_TEST(test_verbs_that_are_wrong, AS_BOTH),
	SANDBOX_TEST(test_a_name_that_runs_already, AS_BOTH),
	SANDBOX_TEST(test_a_mebibyte_of_environment_arrives, AS_BOTH),
	SANDBOX_TEST(test_arguments_over_the_kernels_limit, AS_BOTH),
	SANDBOX_TEST(test_closed_streams, AS_BOTH),
	SANDBOX_TEST(test_no_space_for_the_state, AS_ROOT),
	SANDBOX_TEST(test_no_space_in_the_scratch, AS_BOTH),
	SANDBOX_TEST(test_a_stack_without_a_shell, AS_BOTH),
	SANDBOX_TEST(test_a_machine_that_refuses_namespaces_is_told_apart, AS_BOTH),
	SANDBOX_TEST(test_a_machine_that_refuses_mounts, AS_BOTH),
	SANDBOX_TEST(test_no_user_namespace_left, AS_USER),
	SANDBOX_TEST(test_no_process_left, AS_USER),
};

SANDBOX_MAIN("input", tests)
