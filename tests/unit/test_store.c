/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - the store is kept whole whoever is killed, belongs to one user, and says what is wrong with it */
#include "tests/unit/store_fixture.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

/* ---- others at the same store ----------------------------------------------------------------------------------- */

/** readable() - @fd becomes readable within @ms */
static bool readable(int fd, int ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, ms) == 1;
}

/** change_and_die() - in a child: a release, then the worst of ends */
static int change_and_die(const struct directory *d)
{
	struct config_store *store = NULL;
	unsigned number = 0;

	EXPECT(config_store_open(d->path, true, &store, NULL) == 0);
	EXPECT(set(store, "A=2", &number, NULL) == 1);
	(void)raise(SIGKILL);
	return 0;
}

/** change_and_wait() - in a child: a release, then hold on to the store */
static int change_and_wait(const struct directory *d)
{
	struct config_store *store = NULL;
	unsigned number = 0;

	EXPECT(config_store_open(d->path, true, &store, NULL) == 0);
	EXPECT(set(store, "A=3", &number, NULL) == 1);
	(void)pause();
	return 0;
}

static void changes_of_others_are_heard_of(void **state)
{
	struct config_store *store = must_open(*state);
	struct dyno_error err = { 0 };
	int fd = config_store_watch(store, &err);
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(config_store_watch(store, &err), fd);
	assert_int_equal(config_store_changed(store, &err), 0);
	must_set(store, "A=1", 1);
	/* one's own do not count */
	assert_int_equal(config_store_changed(store, &err), 0);
	assert_false(readable(fd, 0));
	assert_int_equal(in_child(change_and_die, *state), 255);
	assert_true(readable(fd, 2000));
	assert_int_equal(config_store_changed(store, &err), 1);
	expect_current(store, 2, "A=2");
	assert_int_equal(config_store_changed(store, &err), 0);
	assert_false(readable(fd, 0));
	/* and from somebody who keeps it open */
	pid = fork();
	if (pid == 0)
		_exit(change_and_wait(*state));
	while (config_store_changed(store, &err) == 0)
		assert_true(readable(fd, 2000));
	expect_current(store, 3, "A=3");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	config_store_close(store);
}

/** change_often() - in a child: ten releases, each with a config var of its own */
static int change_often(const struct directory *d, int who)
{
	for (int i = 0; i < 10; i++) {
		struct config_store *store = NULL;
		struct dyno_error err = { 0 };
		char pair[32];
		unsigned number = 0;

		(void)text_format(pair, sizeof(pair), "K%d_%d=1", who, i);
		if (config_store_open(d->path, true, &store, &err) < 0 || set(store, pair, &number, &err) != 1) {
			dprintf(STDERR_FILENO, "%s\n", err.text);
			return 1;
		}
		config_store_close(store);
	}
	return 0;
}

static void changes_at_once_are_all_kept(void **state)
{
	const struct directory *d = *state;
	struct config_release release = { 0 };
	struct config_store *store;
	struct dyno_error err = { 0 };
	pid_t pids[6];

	/* none has made the store: they do it at once, too */
	for (int i = 0; i < 6; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(change_often(d, i));
	}
	for (int i = 0; i < 6; i++) {
		int status = -1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	store = must_open(d);
	assert_int_equal(config_release_current(store, "app", &release, &err), 0);
	assert_int_equal(release.number, 60);
	assert_int_equal(release.vars.count, 60);
	config_release_done(&release);
	config_store_close(store);
}

/** struct shared - what a writer that is killed has told: the last release that it was told of */
struct shared {
	volatile unsigned told;
};

/** any_below() - a number that nobody foresees */
static unsigned any_below(unsigned bound)
{
	unsigned number = 0;

	assert_int_equal(getrandom(&number, sizeof(number), 0), sizeof(number));
	return number % bound;
}

/** write_until_killed() - in a child: releases in which three config vars and a setting are alike */
static void write_until_killed(const struct directory *d, struct shared *shared)
{
	struct config_store *store = NULL;
	char text[3][32];
	const char *const pairs[] = { text[0], text[1], text[2], NULL };
	unsigned number = shared->told;

	if (config_store_open(d->path, true, &store, NULL) < 0)
		_exit(1);
	for (;;) {
		for (size_t i = 0; i < 3; i++)
			(void)text_format(text[i], sizeof(text[i]), "%c=%u", "ABC"[i], number + 1);
		if (config_release_change(store, "app", &(struct config_change){ .set = pairs }, &number, NULL) != 1)
			_exit(2);
		shared->told = number;
	}
}

/** expect_whole() - after a kill: the release that was told of or the one that was under way, whole. Return: its number */
static unsigned expect_whole(const struct directory *d, unsigned told)
{
	struct config_store *store = must_open(d);
	struct config_release release = { 0 };
	struct dyno_error err = { 0 };
	char number[16];

	assert_int_equal(config_release_current(store, "app", &release, &err), 0);
	assert_in_range(release.number, told, told + 1);
	assert_int_equal(release.vars.count, release.number > 0 ? 3 : 0);
	(void)text_format(number, sizeof(number), "%u", release.number);
	for (size_t i = 0; i < release.vars.count; i++)
		assert_string_equal(release.vars.vars[i] + 2, number);
	told = release.number;
	config_release_done(&release);
	config_store_close(store);
	return told;
}

static void a_kill_leaves_the_old_or_the_new_release(void **state)
{
	const struct directory *d = *state;
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec start, now;
	unsigned kills = 0, releases = 0;

	assert_ptr_not_equal(shared, MAP_FAILED);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		pid_t pid;

		/* every eighth begins without a store, so that its making is killed as well */
		if (kills % 8 == 0) {
			(void)unlinkat(d->fd, "apps.db", 0);
			(void)unlinkat(d->fd, "apps.db-wal", 0);
			(void)unlinkat(d->fd, "apps.db-shm", 0);
			releases += shared->told;
			shared->told = 0;
		}
		pid = fork();
		if (pid == 0)
			write_until_killed(d, shared);
		(void)usleep(any_below(12000));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		shared->told = expect_whole(d, shared->told);
		kills++;
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 3);
	print_message("%u kills among %u releases\n", kills, releases + shared->told);
	assert_true(kills > 20);
	(void)munmap(shared, sizeof(*shared));
}

/** reach() - execute @sql on the file of the store in @d, as somebody with another program would */
static void reach(const struct directory *d, const char *sql)
{
	char path[PATH_MAX];
	sqlite3 *db = NULL;

	assert_true(text_format(path, sizeof(path), "%s/apps.db", d->path) > 0);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- what is no good store -------------------------------------------------------------------------------------- */

/** expect_refusal() - the store in @d cannot be opened, with a message that has @says in it */
static void expect_refusal(const struct directory *d, int code, const char *says)
{
	struct config_store *store = NULL;
	struct dyno_error err = { 0 };

	assert_int_equal(config_store_open(d->path, true, &store, &err), code);
	assert_null(store);
	if (!strstr(err.text, says))
		fail_msg("'%s' does not say '%s'", err.text, says);
}

static void the_store_is_the_callers_alone(void **state)
{
	const struct directory *d = *state;
	struct dyno_error err = { 0 };
	struct config_store *store = NULL;
	struct stat st;

	assert_int_equal(config_store_open(d->path, false, &store, &err), -ENOENT);
	store = must_open(d);
	must_set(store, "A=1", 1);
	for (size_t i = 0; i < 3; i++) {
		static const char *const names[] = { "apps.db", "apps.db-wal", "apps.db-shm" };

		assert_int_equal(fstatat(d->fd, names[i], &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	config_store_close(store);
	assert_int_equal(fchmodat(d->fd, "apps.db", 0640, 0), 0);
	expect_refusal(d, -EPERM, "others than you may use");
	assert_int_equal(fchmodat(d->fd, "apps.db", 0600, 0), 0);
	assert_int_equal(fchmod(d->fd, 0770), 0);
	expect_refusal(d, -EPERM, "others than you may write to");
	assert_int_equal(fchmod(d->fd, 0755), 0);
	config_store_close(must_open(d));
	if (geteuid() == 0) {
		assert_int_equal(fchownat(d->fd, "apps.db", 12345, 12345, 0), 0);
		expect_refusal(d, -EPERM, "belongs to user 12345");
	}
	assert_int_equal(renameat(d->fd, "apps.db", d->fd, "elsewhere"), 0);
	assert_int_equal(symlinkat("elsewhere", d->fd, "apps.db"), 0);
	expect_refusal(d, -EPERM, "is no regular file");
}

static void directories_are_made_for_nobody_else(void **state)
{
	const struct directory *d = *state;
	struct config_store *store = NULL;
	struct dyno_error err = { 0 };
	char path[PATH_MAX];
	struct stat st;

	assert_true(text_format(path, sizeof(path), "%s/share/dyno", d->path) > 0);
	assert_int_equal(config_store_open(path, true, &store, &err), 0);
	config_store_close(store);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(text_append(path, sizeof(path), "/apps.db/x") > 0);
	assert_int_equal(config_store_open(path, true, &store, &err), -ENOTDIR);
	/* where it is */
	assert_int_equal(setenv("DYNO_DATA_DIR", d->path, 1), 0);
	assert_int_equal(config_store_directory(path, sizeof(path), &err), 0);
	assert_string_equal(path, d->path);
	assert_int_equal(setenv("DYNO_DATA_DIR", "relative", 1), 0);
	assert_int_equal(config_store_directory(path, sizeof(path), &err), -EINVAL);
	assert_int_equal(unsetenv("DYNO_DATA_DIR"), 0);
	assert_int_equal(setenv("HOME", "/nowhere/u", 1), 0);
	assert_int_equal(setenv("XDG_DATA_HOME", "relative", 1), 0);
	assert_int_equal(config_store_directory(path, sizeof(path), &err), 0);
	assert_string_equal(path, geteuid() == 0 ? "/var/lib/dyno" : "/nowhere/u/.local/share/dyno");
	assert_int_equal(setenv("XDG_DATA_HOME", "/data", 1), 0);
	assert_int_equal(config_store_directory(path, sizeof(path), &err), 0);
	assert_string_equal(path, geteuid() == 0 ? "/var/lib/dyno" : "/data/dyno");
}

static void what_is_no_store_is_told(void **state)
{
	const struct directory *d = *state;
	struct config_store *store;

	assert_int_equal(
		fd_create_text(d->fd, "apps.db", 0600, "This is no database, whatever its name may say about it"), 0);
	expect_refusal(d, -EBADMSG, "is damaged");
	assert_int_equal(unlinkat(d->fd, "apps.db", 0), 0);
	reach(d, "CREATE TABLE bookmarks (url TEXT)");
	assert_int_equal(fchmodat(d->fd, "apps.db", 0600, 0), 0);
	expect_refusal(d, -EBADMSG, "is no config store of dyno");
	assert_int_equal(unlinkat(d->fd, "apps.db", 0), 0);
	store = must_open(d);
	must_set(store, "A=1", 1);
	config_store_close(store);
	reach(d, "PRAGMA user_version = 99");
	expect_refusal(d, -EPROTO, "has schema 99");
}

/** next_number() - the same damage each time (Numerical Recipes' generator; its high bits are the better ones) */
static uint32_t next_number(uint32_t *number)
{
	*number = *number * 1664525 + 1013904223;
	return *number >> 8;
}

static void damage_is_told_and_does_no_harm(void **state)
{
	const struct directory *d = *state;
	struct config_store *store = must_open(d);
	static char whole[1 << 20];
	ssize_t size;
	unsigned told = 0;
	uint32_t number = 20;
	int fd;

	for (unsigned i = 1; i <= 20; i++) {
		char pair[600];

		memset(pair, 'v', sizeof(pair));
		(void)text_format(pair, 16, "K%u=", i);
		pair[strlen(pair)] = 'v';
		pair[sizeof(pair) - 1] = '\0';
		must_set(store, pair, i);
	}
	config_store_close(store);
	fd = openat(d->fd, "apps.db", O_RDWR | O_CLOEXEC);
	size = pread(fd, whole, sizeof(whole), 0);
	assert_in_range(size, 4096, sizeof(whole) - 1);
	for (int round = 0; round < 150; round++) {
		struct config_release release = { 0 };
		struct dyno_error err = { 0 };
		int code;

		for (int i = 0; i < 20; i++) {
			char byte = (char)next_number(&number);

			assert_int_equal(pwrite(fd, &byte, 1, (off_t)(next_number(&number) % (uint32_t)size)), 1);
		}
		code = config_store_open(d->path, false, &store, &err);
		if (code == 0) {
			code = config_release_current(store, "app", &release, &err);
			config_release_done(&release);
			config_store_close(store);
		}
		told += code < 0;
		assert_true(code == 0 || err.text[0]);
		assert_int_equal(pwrite(fd, whole, (size_t)size, 0), size);
		assert_int_equal(ftruncate(fd, size), 0);
	}
	fd_close(fd);
	/* the rest hit a value, or nothing: SQLite has no checksums */
	print_message("%u of 150 told\n", told);
	assert_true(told > 30);
	store = must_open(d);
	config_store_close(store);
}

/** full_disk() - in a child: a change for which there is no room leaves what was */
static int full_disk(const struct directory *d)
{
	struct config_store *store = NULL;
	struct config_release release = { 0 };
	struct dyno_error err = { 0 };
	char pair[30000];
	unsigned number = 0;
	int code = 1;

	EXPECT(own_mounts() == 0);
	EXPECT(mount("none", d->path, "tmpfs", 0, "size=256k,mode=700") == 0);
	EXPECT(config_store_open(d->path, true, &store, &err) == 0);
	memset(pair, 'x', sizeof(pair));
	pair[sizeof(pair) - 1] = '\0';
	for (int i = 0; i < 50 && code == 1; i++) {
		(void)text_format(pair, 16, "A=%d", i);
		pair[strlen(pair)] = 'x';
		code = set(store, pair, &number, &err);
	}
	EXPECT(code == -ENOSPC);
	EXPECT(strstr(err.text, "No space left on device") != NULL);
	EXPECT(config_release_current(store, "app", &release, &err) == 0);
	EXPECT(release.number == number && release.vars.count == 1);
	config_release_done(&release);
	config_store_close(store);
	return 0;
}

/** read_only() - in a child: one clear line, whether the file system or the file may not be written */
static int read_only(const struct directory *d)
{
	struct config_store *store = NULL;
	struct dyno_error err = { 0 };
	unsigned number = 0;
	int code;

	EXPECT(own_mounts() == 0);
	EXPECT(mount(d->path, d->path, NULL, MS_BIND, NULL) == 0);
	EXPECT(mount(NULL, d->path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) == 0);
	code = config_store_open(d->path, true, &store, &err);
	if (code == 0)
		code = set(store, "A=2", &number, &err);
	EXPECT(code == -EROFS);
	EXPECT(strstr(err.text, "Read-only file system") != NULL);
	config_store_close(store);
	return 0;
}

static void a_full_disk_keeps_what_was(void **state)
{
	assert_int_equal(in_child(full_disk, *state), 0);
}

static void what_cannot_be_written_is_told(void **state)
{
	const struct directory *d = *state;
	struct config_store *store = must_open(d);
	struct dyno_error err = { 0 };
	unsigned number = 0;

	must_set(store, "A=1", 1);
	config_store_close(store);
	assert_int_equal(in_child(read_only, d), 0);
	if (geteuid() == 0)
		return;
	assert_int_equal(fchmodat(d->fd, "apps.db", 0400, 0), 0);
	assert_int_equal(config_store_open(d->path, true, &store, &err), 0);
	expect_current(store, 1, "A=1");
	assert_int_equal(set(store, "A=2", &number, &err), -EROFS);
	config_store_close(store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(changes_of_others_are_heard_of),
		DIRECTORY_TEST(changes_at_once_are_all_kept),
		DIRECTORY_TEST(a_kill_leaves_the_old_or_the_new_release),
		DIRECTORY_TEST(the_store_is_the_callers_alone),
		DIRECTORY_TEST(directories_are_made_for_nobody_else),
		DIRECTORY_TEST(what_is_no_store_is_told),
		DIRECTORY_TEST(damage_is_told_and_does_no_harm),
		DIRECTORY_TEST(a_full_disk_keeps_what_was),
		DIRECTORY_TEST(what_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
