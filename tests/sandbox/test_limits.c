/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_limits.c - a fork bomb, a memory hog, a scratch filler and a log flood each hurt their own dyno only, which ends
 * with a reason that names the limit, while a neighbour goes on answering
 *
 * Memory, processes and CPU time of a whole dyno are held by cgroups, which root has. Without any, as an ordinary user
 * mostly is, each process is limited instead: that is the last test.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "tests/sandbox/lifecycle_support.h"

#define MIB (1024L * 1024)

/* a quiet dyno of the fixture's slug without network */
#define RUN(f, ...) ARGV("run", "-q", "--net", "none", "--slug", (f)->slug, __VA_ARGS__)

/** need_cgroups() - leave the test where nothing limits a whole dyno */
static void need_cgroups(struct fixture *f)
{
	if (!life_has_cgroups(f))
		support_skip(f, "no cgroups that may be written: limits hold for each process only");
}

/** start_neighbour() - another dyno of the same slug */
static void start_neighbour(struct fixture *f, struct process *p)
{
	launch_start(f, p, &(struct launch){ .argv = RUN(f, "--name", "neighbour.1", "--", "/app/probe", "trap") });
	assert_true(launch_expect(p, "ready="));
}

/** ask_neighbour() - it can start a process, use memory and write */
static void ask_neighbour(struct fixture *f)
{
	struct process *p = life_process(2);

	DYNO(f, p, "exec", "neighbour.1", "--", "/app/probe", "hog", "8M", "--", "fill", "/tmp/x", "1M", "--", "unlink",
	     "/tmp/x", "--", "say", "fine");
	assert_exit(p, 0);
	assert_says(p, "touched=8388608");
	assert_says(p, "fine");
}

/** hurt() - run @argv beside a neighbour that is asked meanwhile and afterwards; its streams are in process 0 */
static struct process *hurt(struct fixture *f, const char *const *argv)
{
	struct process *p = life_process(0), *neighbour = life_process(1);

	start_neighbour(f, neighbour);
	launch_start(f, p, &(struct launch){ .argv = argv });
	ask_neighbour(f);
	launch_finish(f, p);
	ask_neighbour(f);
	assert_int_equal(launch_stop(f, neighbour), 0);
	return p;
}

static void test_a_fork_bomb_hurts_itself(struct fixture *f)
{
	struct process *p;

	need_cgroups(f);
	p = hurt(f, RUN(f, "--pids", "40", "--", "/app/probe", "forkbomb", "100000", "--", "exit", "1"));
	assert_exit(p, 1);
	assert_value(p, "result", "EAGAIN");
	assert_in_range(process_number(p, "forked"), 30, 40);
	assert_non_null(strstr(life_message(p), "process limit 40 reached"));
}

static void test_a_fork_bomb_of_a_shell_ends_with_its_dyno(struct fixture *f)
{
	struct process *p = life_process(0), *neighbour = life_process(1);

	need_cgroups(f);
	start_neighbour(f, neighbour);
	/* the classic; it never ends by itself */
	launch_start(f, p,
	             &(struct launch){ .argv = RUN(f, "--name", "bomb.1", "--pids", "64", "--grace", "1s", "--",
	                                           "echo go; b() { b | b & }; b 2>/dev/null; ./probe trap") });
	assert_true(launch_expect(p, "go"));
	for (int i = 0; i < 5; i++)
		ask_neighbour(f);
	kill(p->pid, SIGTERM);
	launch_finish(f, p);
	assert_that(p, p->code != 125);
	ask_neighbour(f);
	assert_int_equal(launch_stop(f, neighbour), 0);
}

static void test_a_memory_hog_hurts_itself(struct fixture *f)
{
	struct process *p;

	need_cgroups(f);
	p = hurt(f, RUN(f, "--memory", "48M", "--", "/app/probe", "hog", "400M"));
	assert_exit(p, 128 + SIGKILL);
	assert_says(p, "touched=16777216");
	assert_silent_on(p, "touched=67108864");
	assert_non_null(strstr(life_message(p), "memory limit 48.0 MiB reached"));
}

static void test_what_a_dyno_writes_counts_as_its_memory(struct fixture *f)
{
	struct process *p;

	need_cgroups(f);
	/* the scratch is larger than the memory: the tmpfs is charged to the dyno, not to the launcher */
	p = hurt(f, RUN(f, "--memory", "48M", "--scratch-size", "1G", "--", "/app/probe", "fill", "/tmp/big", "400M"));
	assert_exit(p, 128 + SIGKILL);
	assert_non_null(strstr(life_message(p), "memory limit 48.0 MiB reached"));
}

static void test_a_scratch_filler_hurts_itself(struct fixture *f)
{
	static const char *const places[] = { "/app/big", "/tmp/big", "/var/tmp/big", "/dev/shm/big" };
	struct process *p;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		p = hurt(f, RUN(f, "--scratch-size", "4M", "--", "/app/probe", "fill", places[i], "64M", "--", "exit",
		                "1"));
		assert_exit(p, 1);
		assert_value(p, "result", "ENOSPC");
		assert_non_null(strstr(life_message(p), "scratch limit 4.0 MiB reached"));
	}
}

static void test_the_places_share_one_limit(struct fixture *f)
{
	struct process *p = life_process(0);

	launch_start(f, p,
	             &(struct launch){ .argv = RUN(f, "--scratch-size", "8M", "--", "/app/probe", "fill", "/app/a",
	                                           "3M", "--", "fill", "/tmp/b", "3M", "--", "fill", "/dev/shm/c", "3M",
	                                           "--", "exit", "0") });
	launch_finish(f, p);
	assert_exit(p, 0);
	assert_says(p, "result=ENOSPC");
}

static void test_a_scratch_of_many_empty_files_is_limited(struct fixture *f)
{
	static const char script[] = "for i in {1..200000}; do : > /tmp/$i || break; done 2>/dev/null; "
				     "n=(/tmp/*); echo made=${#n[@]}";
	struct process *p = life_process(0);

	/* inodes cost kernel memory, too */
	launch_start(f, p, &(struct launch){ .argv = RUN(f, "--scratch-size", "1M", "--", script) });
	launch_finish(f, p);
	assert_exit(p, 0);
	assert_that(p, process_number(p, "made") < 200000);
}

/** flood() - `yes` into a regular file of the caller */
static long flood(struct fixture *f, struct process *p)
{
	const char *log = support_path(f, "log");
	struct process *neighbour = life_process(1);
	struct stat st;

	support_write(log, "", 0666);
	start_neighbour(f, neighbour);
	/* the shell that redirects is ours: the dyno gets the file as its standard output */
	launch_start(f, p,
	             &(struct launch){ .program = "/bin/sh",
	                               .argv = ARGV("-c", "exec \"$0\" \"$@\" > log", support_dyno(), "run", "-q",
	                                            "--net", "none", "--slug", f->slug, "--scratch-size", "4M", "--",
	                                            "exec yes flooding") });
	launch_finish(f, p);
	ask_neighbour(f);
	assert_int_equal(launch_stop(f, neighbour), 0);
	assert_int_equal(stat(log, &st), 0);
	return (long)st.st_size;
}

static void test_a_log_flood_into_a_file_ends_at_the_limit(struct fixture *f)
{
	struct process *p = life_process(0);
	long size = flood(f, p);

	assert_exit(p, 128 + SIGXFSZ);
	assert_in_range(size, 1, 4 * MIB);
	assert_non_null(strstr(life_message(p), "file size limit 4.0 MiB reached"));
}

static void test_a_log_flood_into_a_pipe_waits_for_its_reader(struct fixture *f)
{
	struct process *p = life_process(0), *neighbour = life_process(1);
	int waiting = 0;

	start_neighbour(f, neighbour);
	launch_start(f, p, &(struct launch){ .argv = RUN(f, "--", "exec yes flooding") });
	/* nobody reads: the pipe's 64 KiB are full, and the flood stands still */
	for (int i = 0; i < 5000 && (ioctl(p->out_fd, FIONREAD, &waiting) < 0 || waiting < 60000); i++)
		life_sleep_us(1000);
	ask_neighbour(f);
	assert_int_equal(ioctl(p->out_fd, FIONREAD, &waiting), 0);
	assert_in_range(waiting, 60000, 65536);
	kill(p->pid, SIGTERM);
	launch_finish(f, p);
	assert_exit(p, 128 + SIGTERM);
	assert_int_equal(launch_stop(f, neighbour), 0);
}

static void test_nofile_is_exact(struct fixture *f)
{
	static const char script[] = "for i in {10..80}; do eval \"exec $i</dev/null\" || { echo refused=$i; exit; }; "
				     "done 2>/dev/null";
	struct process *p = life_process(0);

	launch_start(f, p, &(struct launch){ .argv = RUN(f, "--nofile", "64", "--", "/app/probe", "limits") });
	launch_finish(f, p);
	assert_exit(p, 0);
	assert_value(p, "limit.nofile", "64 64");
	launch_start(f, p, &(struct launch){ .argv = RUN(f, "--nofile", "64", "--", script) });
	launch_finish(f, p);
	assert_says(p, "refused=64");
}

static void test_cpus_is_a_ceiling(struct fixture *f)
{
	struct process *p = life_process(0);
	long long start;

	need_cgroups(f);
	start = life_ms();
	launch_start(f, p, &(struct launch){ .argv = RUN(f, "--cpus", "0.1", "--", "/app/probe", "spin", "0.15") });
	launch_finish(f, p);
	assert_exit(p, 0);
	/* 150 ms of CPU time at a tenth: 1.5 s if the kernel were exact, and never less than half of it */
	assert_that(p, life_ms() - start >= 750);
}

static void test_sizes_are_limits(struct fixture *f)
{
	struct process *p = life_process(0);

	need_cgroups(f);
	launch_start(f, p,
	             &(struct launch){ .argv = RUN(f, "--size", "standard-1x", "--", "/app/probe", "forkbomb", "100000",
	                                           "--", "exit", "0") });
	launch_finish(f, p);
	assert_exit(p, 0);
	assert_in_range(process_number(p, "forked"), 240, 256);
	assert_non_null(strstr(life_message(p), "process limit 256 reached"));
	/* an option of its own overrides the size's */
	launch_start(f, p,
	             &(struct launch){ .argv = RUN(f, "--size", "standard-1x", "--pids", "20", "--", "/app/probe",
	                                           "forkbomb", "100000", "--", "exit", "0") });
	launch_finish(f, p);
	assert_in_range(process_number(p, "forked"), 10, 20);
}

static void test_without_cgroups_each_process_is_limited(struct fixture *f)
{
	struct process *p;

	if (life_has_cgroups(f))
		support_skip(f, "this user has cgroups of his own: limits hold for the whole dyno");
	p = hurt(f, RUN(f, "--memory", "48M", "--", "/app/probe", "hog", "400M", "--", "exit", "1"));
	assert_exit(p, 1);
	assert_value(p, "result", "ENOMEM");
	p = hurt(f, RUN(f, "--pids", "40", "--", "/app/probe", "forkbomb", "100000", "--", "exit", "1"));
	assert_exit(p, 1);
	assert_value(p, "result", "EAGAIN");
	assert_in_range(process_number(p, "forked"), 1, 40);
	/* and what nothing can stand in for is refused */
	p = hurt(f, RUN(f, "--cpus", "0.5", "--", "/app/probe", "exit", "0"));
	assert_refusal(p, 125, "nothing here can limit cpu");
}

static const struct sandbox_test tests[] = {
	SANDBOX_TEST(test_a_fork_bomb_hurts_itself, AS_ROOT),
	SANDBOX_TEST(test_a_fork_bomb_of_a_shell_ends_with_its_dyno, AS_ROOT),
	SANDBOX_TEST(test_a_memory_hog_hurts_itself, AS_ROOT),
	SANDBOX_TEST(test_what_a_dyno_writes_counts_as_its_memory, AS_ROOT),
	SANDBOX_TEST(test_a_scratch_filler_hurts_itself, AS_BOTH),
	SANDBOX_TEST(test_the_places_share_one_limit, AS_BOTH),
	SANDBOX_TEST(test_a_scratch_of_many_empty_files_is_limited, AS_BOTH),
	SANDBOX_TEST(test_a_log_flood_into_a_file_ends_at_the_limit, AS_BOTH),
	SANDBOX_TEST(test_a_log_flood_into_a_pipe_waits_for_its_reader, AS_BOTH),
	SANDBOX_TEST(test_nofile_is_exact, AS_BOTH),
	SANDBOX_TEST(test_cpus_is_a_ceiling, AS_ROOT),
	SANDBOX_TEST(test_sizes_are_limits, AS_ROOT),
	SANDBOX_TEST(test_without_cgroups_each_process_is_limited, AS_USER),
};

SANDBOX_MAIN("limits", tests)
