/* SPDX-License-Identifier: Apache-2.0 */
/**
 * host_fixture.h - tests of libdyno: an open host, and a directory of the test's own
 *
 * After each test this process has the descriptors and children that it had before.
 */
#ifndef TESTS_UNIT_HOST_FIXTURE_H
#define TESTS_UNIT_HOST_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dyno.h"

#define PATIENCE_MS 20000
#define VECTOR(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SHELL(script) VECTOR("/bin/sh", "-c", script)

/** struct fixture - a host, a directory, and what the process had before; @slug: for those who make one */
struct fixture {
	struct dyno_host *host;
	char dir[64];
	char slug[80];
	int null;
	unsigned descriptors;
};

/** count_descriptors() - of this process, by /proc/self/fd */
static inline unsigned count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

static inline int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dyno_error err;

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/dyno-host-XXXXXX");
	f->descriptors = count_descriptors();
	f->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (!mkdtemp(f->dir) || chmod(f->dir, 0755) < 0 || dyno_host_open(&f->host, &err) < 0) {
		free(f);
		return -1;
	}
	*state = f;
	return 0;
}

/** tear_down() - fails when a test left something */
static inline int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[96];
	int r = 0;

	dyno_host_close(f->host);
	close(f->null);
	if (count_descriptors() != f->descriptors) {
		print_error("%u descriptors before, %u after\n", f->descriptors, count_descriptors());
		r = -1;
	}
	if (waitpid(-1, NULL, WNOHANG | __WALL) != -1) {
		print_error("a child is left\n");
		r = -1;
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	if (system(command) != 0)
		r = -1;
	free(f);
	return r;
}

#endif /* TESTS_UNIT_HOST_FIXTURE_H */
