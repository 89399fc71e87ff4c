/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_claim.c - base/claim: one owner at a time, and none after death
 *
 * Open-file-description locks conflict between two descriptions of one process too, so that most of it needs no fork.
 * Children report by exit status and pipe only; no assertion runs in one.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/claim.h"
#include "base/fd.h"

#define TAKERS 4
#define ROUNDS 400

/** struct fixture - a directory of its own for each test */
struct fixture {
	char path[64];
	int fd;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	strcpy(f->path, "/tmp/dyno-claim-XXXXXX");
	if (!mkdtemp(f->path)) {
		free(f);
		return -1;
	}
	f->fd = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->fd < 0 ? -1 : 0;
}

/** tear_down() - rmdir(2) fails when a test left a file, which fails the test */
static int tear_down(void **state)
{
	struct fixture *f = *state;
	int code = rmdir(f->path);

	fd_close(f->fd);
	free(f);
	return code;
}

/** hold_in_child() - a child that takes @name, says so and waits for its death */
static pid_t hold_in_child(const struct fixture *f, const char *name)
{
	int pipes[2];
	char taken = 0;
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int fd = claim_take(f->fd, name);

		if (fd < 0 || write(pipes[1], "y", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	fd_close(pipes[1]);
	assert_int_equal(read(pipes[0], &taken, 1), 1);
	fd_close(pipes[0]);
	return pid;
}

static void taken_once(void **state)
{
	const struct fixture *f = *state;
	struct stat file;
	int fd;

	assert_int_equal(claim_held(f->fd, "web.1"), -ENOENT);
	fd = claim_take(f->fd, "web.1");
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstatat(f->fd, "web.1", &file, 0), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	assert_int_equal(claim_held(f->fd, "web.1"), 1);
	assert_int_equal(claim_take(f->fd, "web.1"), -EBUSY);
	assert_int_equal(claim_held(f->fd, "web.1"), 1);
	assert_int_equal(claim_drop(f->fd, "web.1", fd), -1);
	assert_int_equal(claim_held(f->fd, "web.1"), -ENOENT);
}

static void dropping_nothing_removes_nothing(void **state)
{
	const struct fixture *f = *state;
	int fd = claim_take(f->fd, "a");

	assert_int_equal(claim_drop(f->fd, "a", -1), -1);
	assert_int_equal(claim_held(f->fd, "a"), 1);
	claim_drop(f->fd, "a", fd);
}

static void stale_claim_keeps_its_content_for_the_next_owner(void **state)
{
	const struct fixture *f = *state;
	char content[16];
	int fd = claim_take(f->fd, "a");

	assert_int_equal(fd_write_all(fd, "slot 7", 6), 0);
	fd_close(fd);
	assert_int_equal(claim_held(f->fd, "a"), 0);
	fd = claim_take(f->fd, "a");
	assert_true(fd >= 0);
	assert_int_equal(fd_read_text(f->fd, "a", content, sizeof(content)), 6);
	assert_string_equal(content, "slot 7");
	claim_drop(f->fd, "a", fd);
}

static void killed_holder_frees_the_claim(void **state)
{
	const struct fixture *f = *state;
	pid_t pid = hold_in_child(f, "a");
	int status, fd;

	assert_int_equal(claim_held(f->fd, "a"), 1);
	assert_int_equal(claim_take(f->fd, "a"), -EBUSY);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(claim_held(f->fd, "a"), 0);
	fd = claim_take(f->fd, "a");
	assert_true(fd >= 0);
	claim_drop(f->fd, "a", fd);
}

static void lock_outlives_its_taker_in_a_fork(void **state)
{
	const struct fixture *f = *state;
	int fd = claim_take(f->fd, "a");
	int status;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	fd_close(fd);
	assert_int_equal(claim_held(f->fd, "a"), 1);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_int_equal(claim_held(f->fd, "a"), 0);
	claim_drop(f->fd, "a", claim_take(f->fd, "a"));
}

static void symbolic_links_and_directories_are_refused(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(symlinkat("/tmp/nowhere", f->fd, "link"), 0);
	assert_int_equal(claim_take(f->fd, "link"), -ELOOP);
	assert_int_equal(claim_held(f->fd, "link"), -ELOOP);
	assert_int_equal(unlinkat(f->fd, "link", 0), 0);
	assert_int_equal(mkdirat(f->fd, "dir", 0700), 0);
	assert_int_equal(claim_take(f->fd, "dir"), -EISDIR);
	assert_int_equal(unlinkat(f->fd, "dir", AT_REMOVEDIR), 0);
}

static void slots_run_out_and_come_back(void **state)
{
	const struct fixture *f = *state;
	unsigned slot = 77, again = 77;
	char name[16];
	bool seen[5] = { false };
	int fds[5];

	for (int i = 0; i < 5; i++) {
		fds[i] = claim_take_slot(f->fd, 5, &slot);
		assert_true(fds[i] >= 0);
		assert_in_range(slot, 0, 4);
		assert_false(seen[slot]);
		seen[slot] = true;
		snprintf(name, sizeof(name), "%u", slot);
		assert_int_equal(claim_held(f->fd, name), 1);
	}
	assert_int_equal(claim_take_slot(f->fd, 5, &again), -ENOSPC);
	assert_int_equal(again, 77);
	assert_int_equal(claim_take_slot(f->fd, 0, &again), -ENOSPC);
	claim_drop(f->fd, name, fds[4]);
	fds[4] = claim_take_slot(f->fd, 5, &again);
	assert_int_equal(again, slot);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "%d", i);
		claim_drop(f->fd, name, -1);
		unlinkat(f->fd, name, 0);
		fd_close(fds[i]);
	}
}

static void slot_of_a_dead_holder_is_taken_over(void **state)
{
	const struct fixture *f = *state;
	pid_t pid = hold_in_child(f, "0");
	unsigned slot = 77;
	int status, fd;

	assert_int_equal(claim_take_slot(f->fd, 1, &slot), -ENOSPC);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	fd = claim_take_slot(f->fd, 1, &slot);
	assert_true(fd >= 0);
	assert_int_equal(slot, 0);
	claim_drop(f->fd, "0", fd);
}

static void unusable_directory_is_told(void **state)
{
	unsigned slot;

	(void)state;
	assert_int_equal(claim_take(-1, "a"), -EBADF);
	assert_int_equal(claim_held(-1, "a"), -EBADF);
	assert_int_equal(claim_take_slot(-1, 3, &slot), -EBADF);
}

/**
 * race() - take and drop one claim again and again, and watch for a second owner
 * While owner, nobody else may create @witness: O_EXCL tells.
 * Return: exit status, 0 when there was never a second owner and at least one turn was ours
 */
static int race(const struct fixture *f)
{
	int turns = 0;

	for (int i = 0; i < ROUNDS || turns == 0; i++) {
		int fd = claim_take(f->fd, "contended");
		int witness;

		if (fd == -EBUSY)
			continue;
		if (fd < 0)
			return 2;
		witness = openat(f->fd, "witness", O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (witness < 0)
			return 3;
		fd_close(witness);
		if (unlinkat(f->fd, "witness", 0) < 0)
			return 4;
		/* Every third time die in a manner of speaking: leave the file, drop only the lock. */
		if (++turns % 3 == 0)
			fd_close(fd);
		else
			claim_drop(f->fd, "contended", fd);
	}
	return 0;
}

static void concurrent_takers_never_own_it_together(void **state)
{
	const struct fixture *f = *state;
	pid_t pids[TAKERS];

	for (int i = 0; i < TAKERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(race(f));
		assert_true(pids[i] > 0);
	}
	for (int i = 0; i < TAKERS; i++) {
		int status = -1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	unlinkat(f->fd, "contended", 0);
}

#define CLAIM_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CLAIM_TEST(taken_once),
		CLAIM_TEST(dropping_nothing_removes_nothing),
		CLAIM_TEST(stale_claim_keeps_its_content_for_the_next_owner),
		CLAIM_TEST(killed_holder_frees_the_claim),
		CLAIM_TEST(lock_outlives_its_taker_in_a_fork),
		CLAIM_TEST(symbolic_links_and_directories_are_refused),
		CLAIM_TEST(slots_run_out_and_come_back),
		CLAIM_TEST(slot_of_a_dead_holder_is_taken_over),
		CLAIM_TEST(unusable_directory_is_told),
		CLAIM_TEST(concurrent_takers_never_own_it_together),
	};

	return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
