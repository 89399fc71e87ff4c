/* SPDX-License-Identifier: Apache-2.0 */
/* test_skeleton.c - isolation/skeleton: made once, made anew when a source changes, whole whoever else makes it */
#include "tests/unit/directory_fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/sysmacros.h>

#include "isolation/stack.h"

#define BUILDERS 6

static const struct stack_kind bound = { "host", true, "nameserver 127.0.0.1\n" };

/** host_kind() - the kind that who runs the tests can make: device nodes need privilege */
static struct stack_kind host_kind(void)
{
	struct stack_kind kind = bound;

	kind.rootless = geteuid() != 0;
	return kind;
}

/** count_entries() - names in the directory */
static unsigned count_entries(const struct directory *d)
{
	DIR *dir = opendir(d->path);
	const struct dirent *entry;
	unsigned count = 0;

	while (dir && (entry = readdir(dir)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (dir)
		closedir(dir);
	return count;
}

/** has() - @path below skeleton @name is there with @mode. A message tells what is instead */
static bool has(const struct directory *d, const char *name, const char *path, mode_t mode)
{
	char full[256];
	struct stat st = { 0 };

	snprintf(full, sizeof(full), "%s/%s", name, path);
	if (fstatat(d->fd, full, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mode == mode)
		return true;
	print_error("%s has mode %o, not %o\n", path, st.st_mode, mode);
	return false;
}

/** check_skeleton() - the places on which everything is mounted are there, whatever the umask was */
static void check_skeleton(const struct directory *d, const char *name, const struct stack_kind *kind)
{
	static const char *const places[] = { ".",   "app", "dev", "etc",     "proc",   "run",
		                              "sys", "tmp", "var", "var/tmp", "dev/pts" };
	static const char *const nodes[] = {
		"dev/null", "dev/zero", "dev/full", "dev/random", "dev/urandom", "dev/tty"
	};
	bool host = stack_is_host(kind->stack);
	char path[96], text[64];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		assert_true(has(d, name, places[i], S_IFDIR | 0755));
	assert_true(has(d, name, "dev/shm", S_IFDIR | 01777));
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		assert_true(has(d, name, nodes[i], (kind->rootless ? S_IFREG : S_IFCHR) | 0666));
	assert_true(has(d, name, "dev/ptmx", S_IFLNK | 0777));
	assert_true(has(d, name, "etc/hosts", S_IFREG | 0644));
	snprintf(path, sizeof(path), "%s/etc/resolv.conf", name);
	assert_true(fd_read_text(d->fd, path, text, sizeof(text)) >= 0);
	assert_string_equal(text, kind->resolv_conf);
	snprintf(path, sizeof(path), "%s/etc/passwd", name);
	assert_int_equal(faccessat(d->fd, path, F_OK, 0), host ? 0 : -1);
	snprintf(path, sizeof(path), "%s/etc/shadow", name);
	assert_int_equal(faccessat(d->fd, path, F_OK, 0), -1);
	snprintf(path, sizeof(path), "%s/usr", name);
	assert_int_equal(faccessat(d->fd, path, F_OK, 0), host ? 0 : -1);
}

static void complete_under_any_umask(void **state)
{
	const struct directory *d = *state;
	const struct stack_kind kind = host_kind();
	mode_t before = umask(077);
	char name[32];

	assert_int_equal(stack_skeleton(d->fd, &kind, name, NULL), 0);
	assert_int_equal(umask(before), 077);
	check_skeleton(d, name, &kind);
	assert_int_equal(count_entries(d), 1);
}

static void rootless_variant(void **state)
{
	const struct directory *d = *state;
	char name[32];

	/* by root too: the kind says what it is for, not who makes it */
	assert_int_equal(stack_skeleton(d->fd, &bound, name, NULL), 0);
	check_skeleton(d, name, &bound);
}

static void device_nodes_are_the_right_ones(void **state)
{
	const struct directory *d = *state;
	const struct stack_kind kind = { "host", false, "" };
	char name[32], path[64];
	struct dyno_error err = { 0 };
	struct stat ours, theirs;

	if (geteuid() != 0) {
		assert_int_equal(stack_skeleton(d->fd, &kind, name, &err), -EPERM);
		assert_non_null(strstr(err.text, "/dev/null"));
		/* nothing half-made is left, and nothing under the right name */
		assert_int_equal(count_entries(d), 0);
		return;
	}
	assert_int_equal(stack_skeleton(d->fd, &kind, name, NULL), 0);
	snprintf(path, sizeof(path), "%s/dev/null", name);
	assert_int_equal(fstatat(d->fd, path, &ours, 0), 0);
	assert_int_equal(stat("/dev/null", &theirs), 0);
	assert_int_equal(ours.st_rdev, theirs.st_rdev);
	assert_int_equal(ours.st_rdev, makedev(1, 3));
}

static void made_once(void **state)
{
	const struct directory *d = *state;
	char first[32], second[32];
	struct stat before, after;

	assert_int_equal(stack_skeleton(d->fd, &bound, first, NULL), 0);
	assert_int_equal(fstatat(d->fd, first, &before, 0), 0);
	assert_int_equal(stack_skeleton(d->fd, &bound, second, NULL), 0);
	assert_string_equal(first, second);
	assert_int_equal(fstatat(d->fd, second, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(count_entries(d), 1);
}

static void kinds_have_names_of_their_own(void **state)
{
	const struct directory *d = *state;
	struct stack_kind kind = bound;
	char host[32], resolv[32], dir[32], other[32];

	assert_int_equal(stack_skeleton(d->fd, &bound, host, NULL), 0);
	kind.resolv_conf = "nameserver 127.0.0.2\n";
	assert_int_equal(stack_skeleton(d->fd, &kind, resolv, NULL), 0);
	assert_string_not_equal(host, resolv);
	kind = bound;
	kind.stack = "/srv/stack";
	assert_int_equal(stack_skeleton(d->fd, &kind, dir, NULL), 0);
	assert_string_not_equal(host, dir);
	check_skeleton(d, dir, &kind);
	/* of the stack itself nothing is in it: one does for all directories */
	kind.stack = "/srv/another";
	assert_int_equal(stack_skeleton(d->fd, &kind, other, NULL), 0);
	assert_string_equal(dir, other);
	/* what dynos may stand on stays */
	assert_int_equal(count_entries(d), 3);
}

/** act_changed_source() - in mounts of its own: another file where the host's is */
static int act_changed_source(const struct directory *d)
{
	char before[32], after[32], again[32], source[96];
	int fd;

	if (own_mounts() < 0)
		return 77;
	fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(source, sizeof(source), "%s/source", d->path);
	EXPECT(fd_create_text(AT_FDCWD, source, 0644, "another cache") == 0);
	EXPECT(stack_skeleton(fd, &bound, before, NULL) == 0);
	EXPECT(mount(source, "/etc/ld.so.cache", NULL, MS_BIND, NULL) == 0);
	EXPECT(stack_skeleton(fd, &bound, after, NULL) == 0);
	EXPECT(strcmp(before, after) != 0);
	/* the same file with another content */
	EXPECT(fd_write_text(AT_FDCWD, source, "yet another cache, longer") == 0);
	EXPECT(stack_skeleton(fd, &bound, again, NULL) == 0);
	EXPECT(strcmp(again, after) != 0 && strcmp(again, before) != 0);
	EXPECT(umount2("/etc/ld.so.cache", MNT_DETACH) == 0);
	EXPECT(stack_skeleton(fd, &bound, again, NULL) == 0);
	EXPECT(strcmp(again, before) == 0);
	return 0;
}

static void changed_source_gives_another(void **state)
{
	int code;

	if (access("/etc/ld.so.cache", F_OK) < 0)
		SKIP_BECAUSE("this machine has no /etc/ld.so.cache to replace");
	code = in_child(act_changed_source, *state);
	if (code == 77)
		SKIP_BECAUSE("this user may make no user namespace to mount in");
	assert_int_equal(code, 0);
}

static void processes_at_once(void **state)
{
	const struct directory *d = *state;
	const struct stack_kind kind = host_kind();
	pid_t pids[BUILDERS];
	char name[32];
	int go[2];

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	for (int i = 0; i < BUILDERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			char byte;

			close(go[1]);
			(void)!read(go[0], &byte, 1);
			_exit(stack_skeleton(d->fd, &kind, name, NULL) == 0 ? 0 : 1);
		}
		assert_true(pids[i] > 0);
	}
	close(go[0]);
	close(go[1]);
	for (int i = 0; i < BUILDERS; i++) {
		int status = -1;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(count_entries(d), 1);
	assert_int_equal(stack_skeleton(d->fd, &kind, name, NULL), 0);
	check_skeleton(d, name, &kind);
}

/** build_in_thread() - Return: NULL on success */
static void *build_in_thread(void *data)
{
	const struct directory *d = data;
	const struct stack_kind kind = host_kind();
	char name[32];

	return stack_skeleton(d->fd, &kind, name, NULL) == 0 ? NULL : data;
}

static void threads_at_once(void **state)
{
	struct directory *d = *state;
	const struct stack_kind kind = host_kind();
	mode_t before = umask(027);
	pthread_t threads[BUILDERS];
	char name[32];

	for (int i = 0; i < BUILDERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, build_in_thread, d), 0);
	for (int i = 0; i < BUILDERS; i++) {
		void *failed = d;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	/* the umask is the process's: nobody may have touched it */
	assert_int_equal(umask(before), 027);
	assert_int_equal(count_entries(d), 1);
	assert_int_equal(stack_skeleton(d->fd, &kind, name, NULL), 0);
	check_skeleton(d, name, &kind);
}

/** half_made() - leave what a killed builder with thread id @id leaves */
static void half_made(const struct directory *d, pid_t id)
{
	char path[64];

	snprintf(path, sizeof(path), ".new-%d", id);
	assert_int_equal(mkdirat(d->fd, path, 0700), 0);
	snprintf(path, sizeof(path), ".new-%d/dev", id);
	assert_int_equal(mkdirat(d->fd, path, 0755), 0);
	snprintf(path, sizeof(path), ".new-%d/dev/null", id);
	assert_int_equal(fd_create_text(d->fd, path, 0666, "trap"), 0);
}

static void half_made_ones_are_not_taken(void **state)
{
	const struct directory *d = *state;
	const struct stack_kind kind = host_kind();
	char name[32];

	half_made(d, gettid());
	half_made(d, 999999999);
	assert_int_equal(stack_skeleton(d->fd, &kind, name, NULL), 0);
	check_skeleton(d, name, &kind);
	/* ours was removed; the other may belong to a process of another namespace that is at it */
	assert_int_equal(count_entries(d), 2);
}

static void builders_killed_at_any_time(void **state)
{
	const struct directory *d = *state;
	struct stack_kind kind = host_kind();
	char name[32], conf[64];

	for (int i = 0; i < 20; i++) {
		int status;
		pid_t pid;

		snprintf(conf, sizeof(conf), "nameserver 127.0.0.%d\n", i);
		kind.resolv_conf = conf;
		pid = fork();
		if (pid == 0)
			_exit(stack_skeleton(d->fd, &kind, name, NULL) == 0 ? 0 : 1);
		usleep((useconds_t)i * 150);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		/* under its name there is a whole one or none: then it is made now */
		assert_int_equal(stack_skeleton(d->fd, &kind, name, NULL), 0);
		check_skeleton(d, name, &kind);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		DIRECTORY_TEST(complete_under_any_umask),
		DIRECTORY_TEST(rootless_variant),
		DIRECTORY_TEST(device_nodes_are_the_right_ones),
		DIRECTORY_TEST(made_once),
		DIRECTORY_TEST(kinds_have_names_of_their_own),
		DIRECTORY_TEST(changed_source_gives_another),
		DIRECTORY_TEST(processes_at_once),
		DIRECTORY_TEST(threads_at_once),
		DIRECTORY_TEST(half_made_ones_are_not_taken),
		DIRECTORY_TEST(builders_killed_at_any_time),
	};

	return cmocka_run_group_tests_name("skeleton", tests, NULL, NULL);
}
