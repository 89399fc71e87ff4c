/* SPDX-License-Identifier: Apache-2.0 */
/* test_fd.c - base/fd: a write that a signal interrupts */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"

#define TEXT "536870912"

static int reader = -1;
static volatile sig_atomic_t signals;

/** drain() - a signal comes, and from then on there is room in the pipe */
static void drain(int signo)
{
	char buf[4096];

	(void)signo;
	signals++;
	while (read(reader, buf, sizeof(buf)) > 0)
		;
}

static void test_a_signal_does_not_end_a_write(void **state)
{
	/* no SA_RESTART: the kernel is to give up, as the files of cgroups do in any case */
	const struct sigaction action = { .sa_handler = drain };
	const struct itimerval soon = { .it_value = { .tv_usec = 20000 } };
	char dir[] = "/tmp/dyno-fd.XXXXXX", path[64], buf[64] = "";
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/pipe", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0 && fd >= 0);
	while (write(fd, buf, sizeof(buf)) > 0)
		;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(fd_write_text(AT_FDCWD, path, TEXT), 0);
	assert_int_equal(signals, 1);
	assert_int_equal(read(reader, buf, sizeof(buf)), strlen(TEXT));
	assert_memory_equal(buf, TEXT, strlen(TEXT));
	fd_close(fd);
	fd_close(reader);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_signal_does_not_end_a_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
