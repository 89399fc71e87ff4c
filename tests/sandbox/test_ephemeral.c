/* SPDX-License-Identifier: Apache-2.0 */
/* test_ephemeral.c - what a dyno writes is its own and gone when it ends; the slug is bit for bit what it was */
#include "tests/sandbox/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static void test_writes_are_gone_after_a_restart(struct fixture *f)
{
	static const char *const paths[] = { "/app/x", "/app/lib/x", "/tmp/x", "/var/tmp/x", "/dev/shm/x" };
	static struct process p;
	uint64_t before = machine_digest(f->slug);

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		PROBE(f, &p, "write", paths[i], "text", "--", "read", paths[i]);
		assert_exit(&p, 0);
		assert_says(&p, "result=OK\ntext\nresult=OK");
		PROBE(f, &p, "exists", paths[i], "/app/probe");
		assert_value(&p, support_format("exists.%s", paths[i]), "no");
		assert_value(&p, "exists./app/probe", "yes");
		assert_false(support_exists(support_format("%s%s", f->slug, paths[i] + strlen("/app"))));
	}
	assert_true(before == machine_digest(f->slug));
}

static void contract_4_1_slug_files_are_writable_and_restored(struct fixture *f)
{
	static struct process p;
	uint64_t before = machine_digest(f->slug);

	PROBE(f, &p, "append", "/app/lib/code", "and more", "--", "read", "/app/lib/code", "--", "write",
	      "/app/Procfile", "replaced", "--", "truncate", "/app/lib/deep/data", "3", "--", "read",
	      "/app/lib/deep/data");
	assert_exit(&p, 0);
	assert_says(&p, "the code\nand more\nresult=OK");
	assert_says(&p, "the\nresult=OK");
	PROBE(f, &p, "read", "/app/lib/code", "--", "read", "/app/Procfile", "--", "read", "/app/lib/deep/data");
	assert_string_equal(p.out, "the code\nresult=OK\nweb: ./probe listen\nresult=OK\nthe data\nresult=OK\n");
	assert_true(before == machine_digest(f->slug));
}

/** kernel_is() - this kernel is @major.@minor or later */
static bool kernel_is(int major, int minor)
{
	struct utsname name;
	int have[2] = { 0 };

	return uname(&name) == 0 && sscanf(name.release, "%d.%d", &have[0], &have[1]) == 2 &&
	       (have[0] > major || (have[0] == major && have[1] >= minor));
}

static void contract_4_1_deleted_slug_files_return(struct fixture *f)
{
	static struct process p;
	uint64_t before = machine_digest(f->slug);

	/* Before Linux 6.6 a tmpfs cannot keep an unprivileged overlay's mark of a removed directory (dyno doctor says so). */
	if (f->rootless && !kernel_is(6, 6)) {
		PROBE(f, &p, "unlink", "/app/lib/deep/data", "--", "rmdir", "/app/lib/deep");
		assert_string_equal(p.out, "result=OK\nresult=EIO\n");
		assert_true(before == machine_digest(f->slug));
		return;
	}
	PROBE(f, &p, "unlink", "/app/lib/code", "--", "unlink", "/app/lib/deep/data", "--", "rmdir", "/app/lib/deep",
	      "--", "unlink", "/app/link", "--", "exists", "/app/lib/code", "/app/lib/deep", "/app/link");
	assert_string_equal(p.out, "result=OK\nresult=OK\nresult=OK\nresult=OK\nexists./app/lib/code=no\n"
	                           "exists./app/lib/deep=no\nexists./app/link=no\n");
	PROBE(f, &p, "exists", "/app/lib/code", "/app/lib/deep/data", "/app/link", "--", "readlink", "/app/link");
	assert_string_equal(p.out, "exists./app/lib/code=yes\nexists./app/lib/deep/data=yes\nexists./app/link=yes\n"
	                           "target=lib/code\nresult=OK\n");
	assert_true(before == machine_digest(f->slug));
}

static void test_renamed_slug_directories_return(struct fixture *f)
{
	static struct process p;
	uint64_t before = machine_digest(f->slug);

	/* rename(2) of a lower directory is EXDEV without redirect_dir: programs then copy. Either way it comes back */
	PROBE(f, &p, "rename", "/app/lib", "/app/moved", "--", "rename", "/app/Procfile", "/app/Moved", "--", "read",
	      "/app/Moved");
	assert_says(&p, "web: ./probe listen");
	PROBE(f, &p, "exists", "/app/lib/code", "/app/moved", "/app/Moved", "/app/Procfile");
	assert_string_equal(p.out, "exists./app/lib/code=yes\nexists./app/moved=no\nexists./app/Moved=no\n"
	                           "exists./app/Procfile=yes\n");
	assert_true(before == machine_digest(f->slug));
}

static void contract_4_1_modes_times_links_and_attributes_are_restored(struct fixture *f)
{
	static const char *const names[] = { "probe", "lib/code", "lib", "hard", "link" };
	const struct timespec old[2] = { { .tv_sec = 86400 }, { .tv_sec = 1000000000, .tv_nsec = 123456789 } };
	static struct process before, after;
	const char *code = support_format("%s/lib/code", f->slug);
	bool attributes = lsetxattr(code, "user.note", "kept", 4, 0) == 0;
	uint64_t digest;

	assert_int_equal(link(code, support_format("%s/hard", f->slug)), 0);
	assert_int_equal(utimensat(AT_FDCWD, code, old, 0), 0);
	assert_int_equal(chmod(support_format("%s/lib", f->slug), 02751), 0);
	digest = machine_digest(f->slug);
	PROBE(f, &before, "times", "/app/probe", "/app/lib/code", "/app/lib", "/app/hard", "/app/link", "--",
	      "getxattr", "/app/lib/code", "user.note", "--", "chmod", "/app/lib/code", "777", "--", "chmod",
	      "/app/lib", "700", "--", "append", "/app/lib/code", "x", "--", "unlink", "/app/hard", "--", "setxattr",
	      "/app/probe", "user.note", "new");
	assert_value(&before, "times./app/lib/code", "100640 1000000000.123456789 2");
	assert_value(&before, "times./app/lib", process_value(&before, "times./app/lib"));
	if (attributes)
		assert_value(&before, "value", "kept");
	PROBE(f, &after, "times", "/app/probe", "/app/lib/code", "/app/lib", "/app/hard", "/app/link", "--", "getxattr",
	      "/app/lib/code", "user.note", "--", "getxattr", "/app/probe", "user.note");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *key = support_format("times./app/%s", names[i]);

		assert_that(&before, process_value(&before, key) != NULL);
		assert_value(&after, key, process_value(&before, key));
	}
	if (attributes)
		assert_value(&after, "value", "kept");
	assert_silent_on(&after, "value=new");
	assert_true(digest == machine_digest(f->slug));
}

static void contract_4_1_a_full_disk_is_enospc_in_that_dyno_only(struct fixture *f)
{
	static const char *const places[] = { "/app/big", "/tmp/big", "/var/tmp/big", "/dev/shm/big" };
	static struct process full, p;

	START(f, &full, "run", "-q", "--net", "none", "--name", "web.1", "--scratch-size", "4M", "--slug", f->slug,
	      "--", "/app/probe", "fill", "/app/big", "16M", "--", "fill", "/tmp/big", "16M", "--", "trap");
	assert_that(&full, launch_expect(&full, "ready="));
	assert_value(&full, "result", "ENOSPC");
	assert_that(&full, process_number(&full, "written") < 4 << 20);
	PROBE(f, &p, "fill", "/app/big", "6M", "--", "fill", "/tmp/big", "6M");
	assert_string_equal(p.out, "written=6291456\nresult=OK\nwritten=6291456\nresult=OK\n");
	launch_stop(f, &full);
	for (size_t i = 0; i < 4; i++) {
		DYNO(f, &p, "run", "-q", "--net", "none", "--scratch-size", "2M", "--slug", f->slug, "--", "/app/probe",
		     "fill", places[i], "8M", "--", "read", "/app/lib/code");
		assert_value(&p, "result", "ENOSPC");
		/* What is there can still be read */
		assert_says(&p, "the code");
	}
}

static void contract_4_1_diff_lists_what_was_lost(struct fixture *f)
{
	static struct process p;

	DYNO(f, &p, "run", "--diff", "--net", "none", "--slug", f->slug, "--", "/app/probe", "write", "/app/new", "x",
	     "--", "append", "/app/lib/code", "x", "--", "unlink", "/app/Procfile", "--", "mkdir", "/app/dir", "--",
	     "write", "/tmp/t", "x");
	assert_exit(&p, 0);
	assert_says(&p, "A /app/new (1 B)\n");
	assert_says(&p, "C /app/lib/code (10 B)\n");
	assert_says(&p, "D /app/Procfile\n");
	assert_says(&p, "A /app/dir\n");
	assert_says(&p, "A /tmp/t (1 B)\n");
	assert_silent_on(&p, "/app/probe");
}

static void test_summary_says_what_was_discarded(struct fixture *f)
{
	static struct process p;

	DYNO(f, &p, "run", "--net", "none", "--slug", f->slug, "--", "/app/probe", "write", "/app/a.txt", "12345", "--",
	     "fill", "/tmp/big.bin", "3M");
	assert_exit(&p, 0);
	assert_says(&p, "discarded 2 files, 3.0 MiB (largest /tmp/big.bin)");
	DYNO(f, &p, "run", "-q", "--net", "none", "--slug", f->slug, "--", "/app/probe", "write", "/app/a.txt",
	     "12345");
	assert_string_equal(p.err, "");
	DYNO(f, &p, "run", "--net", "none", "--slug", f->slug, "--", "/app/probe", "env");
	assert_silent_on(&p, "largest");
}

static void test_keep_saves_what_was_written(struct fixture *f)
{
	static struct process p;
	const char *kept = support_path(f, "kept");
	uint64_t before = machine_digest(f->slug);

	DYNO(f, &p, "run", "--keep", kept, "--net", "none", "--slug", f->slug, "--", "/app/probe", "write", "/app/x",
	     "one", "--", "write", "/tmp/y", "two", "--", "append", "/app/lib/code", "three");
	assert_exit(&p, 0);
	assert_string_equal(support_read(support_format("%s/app/x", kept)), "one");
	assert_string_equal(support_read(support_format("%s/tmp/y", kept)), "two");
	assert_string_equal(support_read(support_format("%s/app/lib/code", kept)), "the code\nthree");
	DYNO(f, &p, "run", "--keep", kept, "--net", "none", "--slug", f->slug, "--", "/app/probe", "say",
	     "it-ran-anyway");
	assert_that(&p, p.code != 0);
	assert_silent_on(&p, "it-ran-anyway");
	assert_string_equal(support_read(support_format("%s/app/x", kept)), "one");
	assert_true(before == machine_digest(f->slug));
}

static void test_keep_does_not_follow_what_the_app_planted(struct fixture *f)
{
	static struct process p;
	const char *victim = support_path(f, "victim");
	const char *kept = support_path(f, "kept");
	struct stat st;

	support_mkdir(f, victim, 0777);
	DYNO(f, &p, "run", "--keep", kept, "--net", "none", "--slug", f->slug, "--", "/app/probe", "symlink", victim,
	     "/app/out", "--", "symlink", "/etc/passwd", "/tmp/passwd", "--", "chmod", "/app/probe", "6755", "--",
	     "say", "it-ran-anyway");
	assert_exit(&p, 0);
	assert_says(&p, "ran");
	assert_int_equal(lstat(support_format("%s/app/out", kept), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(lstat(support_format("%s/tmp/passwd", kept), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	/* A set-user-id file that the app made must not become one of the launching user's */
	assert_int_equal(lstat(support_format("%s/app/probe", kept), &st), 0);
	assert_int_equal(st.st_mode & 06000, 0);
	assert_int_equal(rmdir(victim), 0);
}

static void test_a_killed_launcher_leaves_nothing_written(struct fixture *f)
{
	static struct process dyno, p;
	uint64_t before = machine_digest(f->slug);

	START(f, &dyno, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "write",
	      "/app/x", "x", "--", "append", "/app/lib/code", "x", "--", "fill", "/tmp/x", "1M", "--", "trap");
	assert_that(&dyno, launch_expect(&dyno, "ready="));
	kill(dyno.pid, SIGKILL);
	assert_int_equal(launch_finish(f, &dyno), 128 + SIGKILL);
	DYNO(f, &p, "gc");
	assert_exit(&p, 0);
	assert_true(before == machine_digest(f->slug));
	DYNO(f, &p, "run", "-q", "--net", "none", "--name", "web.1", "--slug", f->slug, "--", "/app/probe", "exists",
	     "/app/x", "/tmp/x");
	assert_value(&p, "exists./app/x", "no");
	assert_value(&p, "exists./tmp/x", "no");
}

static void test_a_changed_slug_is_seen_by_the_next_dyno(struct fixture *f)
{
	static struct process p;

	PROBE(f, &p, "read", "/app/lib/code");
	assert_says(&p, "the code");
	support_write(support_format("%s/lib/code", f->slug), "newer code\n", 0644);
	PROBE(f, &p, "read", "/app/lib/code");
	assert_says(&p, "newer code");
}

static void test_app_owns_all_it_is_given(struct fixture *f)
{
	static const char *const paths[] = { "/app", "/app/probe", "/app/lib", "/app/lib/code" };
	static struct process p;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		PROBE(f, &p, "stat", paths[i]);
		assert_value(&p, "uid", "1000");
		assert_value(&p, "gid", "1000");
	}
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_writes_are_gone_after_a_restart, AS_BOTH),
	SANDBOX_TEST(contract_4_1_slug_files_are_writable_and_restored, AS_BOTH),
	SANDBOX_TEST(contract_4_1_deleted_slug_files_return, AS_BOTH),
	SANDBOX_TEST(test_renamed_slug_directories_return, AS_BOTH),
	SANDBOX_TEST(contract_4_1_modes_times_links_and_attributes_are_restored, AS_BOTH),
	SANDBOX_TEST(contract_4_1_a_full_disk_is_enospc_in_that_dyno_only, AS_BOTH),
	SANDBOX_TEST(contract_4_1_diff_lists_what_was_lost, AS_BOTH),
	SANDBOX_TEST(test_summary_says_what_was_discarded, AS_BOTH),
	SANDBOX_TEST(test_keep_saves_what_was_written, AS_BOTH),
	SANDBOX_TEST(test_keep_does_not_follow_what_the_app_planted, AS_BOTH),
	SANDBOX_TEST(test_a_killed_launcher_leaves_nothing_written, AS_BOTH | BY_RUN),
	SANDBOX_TEST(test_a_changed_slug_is_seen_by_the_next_dyno, AS_BOTH),
	SANDBOX_TEST(test_app_owns_all_it_is_given, AS_BOTH),
};

SANDBOX_MAIN("ephemeral", tests)
