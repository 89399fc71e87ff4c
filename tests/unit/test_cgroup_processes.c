/* SPDX-License-Identifier: Apache-2.0 */
/* test_cgroup_processes.c - killing, freezing and waiting for what is in a group */
#include <sys/mman.h>

#include "base/clock.h"
#include "isolation/cgroup_file.h"
#include "isolation/cgroup_v1.h"
#include "isolation/cgroup_v2.h"
#include "tests/unit/cgroup_fixture.h"

/* ---- processes -------------------------------------------------------------------------------------------------- */

/** check_placed() - 0 when /proc/self/cgroup names the group as often as @data, a pointer to int, says */
static int check_placed(void *data)
{
	char text[4096];
	int count = 0;

	if (fd_read_text(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text)) < 0)
		return 1;
	for (const char *at = text; (at = strstr(at, "/" CGROUP_PREFIX "test-")); at++)
		count++;
	return count == *(int *)data ? 0 : 2;
}

static void test_child_is_in_every_group(void **state)
{
	struct fixture *f = *state;
	int trees;

	need_groups(f);
	make(f);
	trees = count_groups(&f->host, f->id);
	assert_int_equal(status_of(spawn(&f->group, check_placed, &trees)), 0);
}

/** breed() - twenty children, then sleep. Return: 3 when one could not be made */
static int breed(void *data)
{
	int *ready = data;

	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 3;
		if (pid == 0)
			sleep_forever(NULL);
	}
	return write(*ready, "x", 1) == 1 ? sleep_forever(NULL) : 4;
}

/** start_family() - a process and its twenty children in the group, all there on return. Return: PID of the first */
static pid_t start_family(struct fixture *f)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = spawn(&f->group, breed, &ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

/** any_dir() - a directory of the group with a cgroup.procs in it */
static int any_dir(const struct cgroup *group)
{
	int fd = group->v2_fd;

	for (int i = 0; fd < 0 && i < CGROUP_CONTROLLERS; i++)
		fd = group->v1_fd[i];
	return fd;
}

static void test_kill_reaches_everything(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	need_groups(f);
	make(f);
	pid = start_family(f);
	assert_int_equal(cgroup_kill(&f->group), 0);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
	assert_int_equal(cgroup_procs_wait(any_dir(&f->group), clock_ns() + 2000 * CGROUP_NS_PER_MS), 0);
}

static void test_kill_by_list_reaches_everything(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	need_groups(f);
	make(f);
	pid = start_family(f);
	assert_int_equal(cgroup_procs_kill(any_dir(&f->group)), 21);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
	if (f->group.v2_fd >= 0)
		assert_int_equal(cgroup_v2_wait_empty(f->group.v2_fd, clock_ns() + 2000 * CGROUP_NS_PER_MS), 0);
	assert_int_equal(cgroup_v1_wait_empty(f->group.v1_fd, clock_ns() + 2000 * CGROUP_NS_PER_MS), 0);
}

static void test_v1_kill_reaches_everything(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	need_groups(f);
	if (f->host.v1_fd[CGROUP_PIDS] < 0) {
		print_message("needs a v1 tree of pids\n");
		skip();
	}
	make(f);
	pid = start_family(f);
	assert_int_equal(cgroup_v1_kill(f->group.v1_fd), 0);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
	assert_int_equal(cgroup_v1_wait_empty(f->group.v1_fd, clock_ns() + 2000 * CGROUP_NS_PER_MS), 0);
}

static void test_waiting_ends_at_the_deadline(void **state)
{
	struct fixture *f = *state;
	pid_t pid;

	need_groups(f);
	make(f);
	pid = start_family(f);
	assert_int_equal(cgroup_procs_wait(any_dir(&f->group), clock_ns() + 20 * CGROUP_NS_PER_MS), -ETIMEDOUT);
	if (f->group.v2_fd >= 0)
		assert_int_equal(cgroup_v2_wait_empty(f->group.v2_fd, clock_ns() + 20 * CGROUP_NS_PER_MS), -ETIMEDOUT);
	assert_int_equal(cgroup_kill(&f->group), 0);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
}

static void test_remove_after_a_crash_needs_only_the_name(void **state)
{
	struct fixture *f = *state;
	struct cgroup_host fresh;
	pid_t pid;

	need_groups(f);
	make(f);
	pid = start_family(f);
	cgroup_done(&f->group);
	assert_int_equal(cgroup_host_open(&fresh, NULL), 0);
	assert_int_equal(cgroup_remove(&fresh, f->id, NULL), 0);
	assert_int_equal(count_groups(&fresh, f->id), 0);
	cgroup_host_done(&fresh);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
}

static void test_remove_kills_what_is_frozen(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int r;

	need_groups(f);
	make(f);
	pid = start_family(f);
	r = cgroup_freeze(&f->group, true);
	if (r == -EOPNOTSUPP) {
		print_message("needs a freezer\n");
		assert_int_equal(cgroup_kill(&f->group), 0);
		(void)status_of(pid);
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(cgroup_remove(&f->host, f->id, NULL), 0);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
}

/** count_up() - add to the counter at @data for ever */
static int count_up(void *data)
{
	volatile uint64_t *counter = data;

	while (usleep(200) == 0)
		(*counter)++;
	return 3;
}

/** moves() - true when the counter changes within @ms */
static bool moves(const volatile uint64_t *counter, unsigned ms)
{
	uint64_t from = *counter, deadline = clock_ns() + ms * CGROUP_NS_PER_MS;

	while (*counter == from && clock_ns() < deadline)
		usleep(500);
	return *counter != from;
}

static void test_freeze_stops_and_continues(void **state)
{
	struct fixture *f = *state;
	volatile uint64_t *counter;
	bool stopped = false;
	pid_t pid;

	need_groups(f);
	if (f->host.v2_fd < 0 && f->host.v1_fd[CGROUP_FREEZER] < 0)
		skip();
	make(f);
	counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(counter, MAP_FAILED);
	pid = spawn(&f->group, count_up, (void *)(uintptr_t)counter);
	assert_true(moves(counter, 2000));
	assert_int_equal(cgroup_freeze(&f->group, true), 0);
	for (int i = 0; i < 100 && !stopped; i++) /* freezing takes effect soon after */
		stopped = !moves(counter, 20);
	assert_true(stopped);
	assert_int_equal(cgroup_freeze(&f->group, false), 0);
	assert_true(moves(counter, 2000));
	assert_int_equal(cgroup_kill(&f->group), 0);
	assert_int_equal(status_of(pid), 256 + SIGKILL);
	munmap((void *)(uintptr_t)counter, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_child_is_in_every_group),         TEST(test_kill_reaches_everything),
		TEST(test_kill_by_list_reaches_everything), TEST(test_v1_kill_reaches_everything),
		TEST(test_waiting_ends_at_the_deadline),    TEST(test_remove_after_a_crash_needs_only_the_name),
		TEST(test_remove_kills_what_is_frozen),     TEST(test_freeze_stops_and_continues),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
