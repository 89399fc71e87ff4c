/* SPDX-License-Identifier: Apache-2.0 */
/**
 * test_landlock.c - a forked child enters the domain on the machine's own root and tries
 *
 * Everything here is writable but for Landlock: the tests say what is refused (EACCES) and, as important, what is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "isolation/landlock.h"

/* ABI versions that matter here */
#define USABLE 2
#define SCOPES 6

/**
 * struct world - what the parent made for the child
 * @inside:  directory below /tmp, where writing is allowed
 * @outside: directory elsewhere, writable to us, where Landlock is the only thing in the way; "" if none was found
 */
struct world {
	char inside[64];
	char outside[64];
};

/** in_child() - confine a fork and run @act there. Return: its exit code, 255 if it did not exit */
static int in_child(int (*act)(const struct world *), const struct world *world)
{
	struct dyno_error err;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || landlock_confine_child(landlock_abi(), &err) < 0)
			_exit(200);
		_exit(act(world));
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

/** errno_of() - 0 when @r is a success */
static int errno_of(int r)
{
	return r < 0 ? errno : 0;
}

/** create() - make a file below @dir. Return: 0 or errno */
static int create(const char *dir, const char *name)
{
	_cleanup_close_ int fd = -1;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return errno_of(fd);
}

static int setup(void **state)
{
	static const char *const elsewhere[] = { "/run", "/opt", "/var/lib", "/srv" };
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	snprintf(world->inside, sizeof(world->inside), "/tmp/test_landlock.XXXXXX");
	if (!mkdtemp(world->inside)) {
		free(world);
		return -1;
	}
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		snprintf(world->outside, sizeof(world->outside), "%s/test_landlock.XXXXXX", elsewhere[i]);
		if (mkdtemp(world->outside))
			break;
		world->outside[0] = '\0';
	}
	*state = world;
	return 0;
}

/** discard() - remove what the tests can have made in @dir, and @dir */
static void discard(const char *dir)
{
	static const char *const names[] = { "a/moved", "b/moved", "b/linked", "a/file", "file",
		                             "link",    "fifo",    "a",        "b" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		remove(path);
	}
	rmdir(dir);
}

static int teardown(void **state)
{
	struct world *world = *state;

	discard(world->inside);
	if (world->outside[0])
		discard(world->outside);
	free(world);
	return 0;
}

/** need() - skip on kernels without this */
static void need(int abi)
{
	if (landlock_abi() < abi) {
		print_message("needs Landlock ABI %d, this kernel has %d\n", abi, landlock_abi());
		skip();
	}
}

static int act_inside(const struct world *world)
{
	char dir[96], path[128], other[128];

	if (create(world->inside, "file") != 0)
		return 1;
	snprintf(path, sizeof(path), "%s/file", world->inside);
	if (truncate(path, 5) < 0)
		return 2;
	snprintf(path, sizeof(path), "%s/fifo", world->inside);
	if (mkfifo(path, 0600) < 0)
		return 3;
	snprintf(path, sizeof(path), "%s/link", world->inside);
	if (symlink("file", path) < 0 || unlink(path) < 0)
		return 4;
	snprintf(dir, sizeof(dir), "%s/a", world->inside);
	snprintf(path, sizeof(path), "%s/b", world->inside);
	if (mkdir(dir, 0700) < 0 || mkdir(path, 0700) < 0 || create(dir, "file") != 0)
		return 5;
	/* Between directories: what ABI 1 could not allow */
	snprintf(path, sizeof(path), "%s/a/file", world->inside);
	snprintf(other, sizeof(other), "%s/b/linked", world->inside);
	if (link(path, other) < 0)
		return 6;
	snprintf(other, sizeof(other), "%s/b/moved", world->inside);
	return rename(path, other) < 0 ? 7 : 0;
}

static int act_outside(const struct world *world)
{
	char path[128];

	/* The sentinel: this child can still write where it may */
	if (create(world->inside, "file") != 0)
		return 100;
	if (create(world->outside, "file") != EACCES)
		return 1;
	snprintf(path, sizeof(path), "%s/a", world->outside);
	if (errno_of(mkdir(path, 0700)) != EACCES)
		return 2;
	if (errno_of(rmdir(world->outside)) != EACCES)
		return 3;
	snprintf(path, sizeof(path), "%s/link", world->outside);
	if (errno_of(symlink("/", path)) != EACCES)
		return 4;
	/* Reading stays free */
	return open(world->outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 ? 5 : 0;
}

static int act_devices(const struct world *world)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	char path[128];
	int r;

	if (fd < 0 || write(fd, "x", 1) != 1)
		return 1;
	/* ENOTTY is the driver speaking; EACCES would be Landlock */
	if (ioctl(fd, TCGETS, path) == 0 || errno != ENOTTY)
		return 2;
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && (ioctl(fd, TIOCGPTN, &r) < 0 || ioctl(fd, TIOCSPTLCK, &(int){ 0 }) < 0))
		return 3;
	if (fd_write_text(AT_FDCWD, "/proc/self/comm", "confined") < 0)
		return 4;
	/* A whiteout is the one node that needs no capability: even that is refused */
	snprintf(path, sizeof(path), "%s/node", world->inside);
	return errno_of(mknod(path, S_IFCHR | 0600, 0)) == EACCES ? 0 : 5;
}

/** abstract_address() - a name in the abstract namespace that is ours. Return: its length */
static socklen_t abstract_address(struct sockaddr_un *address, pid_t pid)
{
	int used;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	used = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "test_landlock.%d", (int)pid);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)used);
}

/** abstract_try() - connect to the abstract name of process @pid. Return: 0 or errno */
static int abstract_try(pid_t pid)
{
	struct sockaddr_un address;
	socklen_t length = abstract_address(&address, pid);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return errno_of(connect(fd, (struct sockaddr *)&address, length));
}

/** abstract_listen() - listen under the abstract name of this process */
static int abstract_listen(void)
{
	struct sockaddr_un address;
	socklen_t length = abstract_address(&address, getpid());
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 1) < 0))
		return fd_close(fd);
	return fd;
}

static int act_scopes(const struct world *world)
{
	pid_t pid;
	int status;

	(void)world;
	if (abstract_try(getppid()) != EPERM)
		return 1;
	if (errno_of(kill(getppid(), 0)) != EPERM)
		return 2;
	/* Among ourselves both work */
	if (abstract_listen() < 0 || abstract_try(getpid()) != 0)
		return 3;
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	if (kill(pid, SIGKILL) < 0 || waitpid(pid, &status, 0) != pid)
		return 4;
	return 0;
}

static void test_may_write_inside(void **state)
{
	need(USABLE);
	assert_int_equal(in_child(act_inside, *state), 0);
}

static void test_may_not_write_elsewhere(void **state)
{
	const struct world *world = *state;

	need(USABLE);
	if (!world->outside[0]) {
		print_message("no directory outside /tmp is writable to this user\n");
		skip();
	}
	assert_int_equal(in_child(act_outside, world), 0);
}

static void test_devices_work(void **state)
{
	need(USABLE);
	assert_int_equal(in_child(act_devices, *state), 0);
}

static void test_scopes(void **state)
{
	_cleanup_close_ int fd = abstract_listen();

	need(SCOPES);
	assert_true(fd >= 0);
	assert_int_equal(in_child(act_scopes, *state), 0);
}

static void test_without_landlock_nothing_happens(void **state)
{
	struct dyno_error err;

	(void)state;
	/* ABI 1 cannot allow renames between directories; 0 is a kernel without */
	assert_int_equal(landlock_confine_child(0, &err), 0);
	assert_int_equal(landlock_confine_child(1, &err), 0);
	assert_int_equal(access("/tmp", W_OK), 0);
}

static int act_older(const struct world *world)
{
	/* Nested in the first domain: what matters is that the kernel accepts the ruleset of each older ABI */
	for (int abi = USABLE; abi <= landlock_abi(); abi++) {
		struct dyno_error err;

		if (landlock_confine_child(abi, &err) < 0)
			return abi;
	}
	return create(world->inside, "file") != 0 ? 100 : 0;
}

static void test_rulesets_of_older_kernels(void **state)
{
	need(USABLE);
	assert_int_equal(in_child(act_older, *state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_may_write_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_may_not_write_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_scopes, setup, teardown),
		cmocka_unit_test(test_without_landlock_nothing_happens),
		cmocka_unit_test_setup_teardown(test_rulesets_of_older_kernels, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
