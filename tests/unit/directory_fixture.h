/* SPDX-License-Identifier: Apache-2.0 */
/**
 * directory_fixture.h - a directory of its own for each test, and children that report by exit status
 *
 * Children never use a cmocka assertion: EXPECT() prints what failed and returns.
 */
#ifndef TESTS_UNIT_DIRECTORY_FIXTURE_H
#define TESTS_UNIT_DIRECTORY_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "isolation/tree.h"

/** struct directory - where one test works; removed after it */
struct directory {
	char path[64];
	int fd;
};

/* For children: say what is not so and end with status 1 */
#define EXPECT(condition)                                                                                              \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			dprintf(STDERR_FILENO, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition,       \
			        errno);                                                                                \
			return 1;                                                                                      \
		}                                                                                                      \
	} while (0)

/* Leave the test by name, with the reason on standard output */
#define SKIP_BECAUSE(...)                                                                                              \
	do {                                                                                                           \
		print_message("%s: ", __func__);                                                                       \
		print_message(__VA_ARGS__);                                                                            \
		print_message("\n");                                                                                   \
		skip();                                                                                                \
	} while (0)

static inline int directory_set_up(void **state)
{
	struct directory *d = calloc(1, sizeof(*d));

	if (!d)
		return -1;
	/* /tmp, not TMPDIR: paths of sockets are short */
	strcpy(d->path, "/tmp/dyno-unit-XXXXXX");
	if (!mkdtemp(d->path)) {
		free(d);
		return -1;
	}
	d->fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = d;
	return d->fd < 0 ? -1 : 0;
}

static inline int directory_tear_down(void **state)
{
	struct directory *d = *state;
	int r;

	/* a test may have read it to its end */
	(void)lseek(d->fd, 0, SEEK_SET);
	r = tree_remove(d->fd);
	fd_close(d->fd);
	if (rmdir(d->path) < 0)
		r = -errno;
	free(d);
	return r;
}

/** directory_open() - make directory @name below @d and open it */
static inline int directory_open(const struct directory *d, const char *name)
{
	if (mkdirat(d->fd, name, 0755) < 0 && errno != EEXIST)
		return -1;
	return openat(d->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/** in_child() - run @act in a fork. Return: its exit status, 255 when it did not exit */
static inline int in_child(int (*act)(const struct directory *d), const struct directory *d)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(act(d));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

/** own_mounts() - in a child: a mount namespace in which we may mount, whoever we are. Return: 0 or negative errno */
static inline int own_mounts(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[32];

	if (uid == 0)
		return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	snprintf(map, sizeof(map), "0 %u 1\n", uid);
	if (fd_write_text(AT_FDCWD, "/proc/self/uid_map", map) < 0 ||
	    fd_write_text(AT_FDCWD, "/proc/self/setgroups", "deny") < 0)
		return -EPERM;
	snprintf(map, sizeof(map), "0 %u 1\n", gid);
	return fd_write_text(AT_FDCWD, "/proc/self/gid_map", map);
}

/** count_descriptors() - open descriptors of this process */
static inline unsigned count_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

#define DIRECTORY_TEST(test) cmocka_unit_test_setup_teardown(test, directory_set_up, directory_tear_down)

#endif /* TESTS_UNIT_DIRECTORY_FIXTURE_H */
