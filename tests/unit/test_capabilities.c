/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_capabilities.c - a forked child drops everything and reads what the kernel says; the parent asserts on its
 * status
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "isolation/capabilities.h"

/** run() - run @child in a fork. Return: its exit code, or 255 if it did not exit */
static int run(int (*child)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(child());
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

/** may_test() - skip where nothing can be dropped */
static void may_test(void)
{
	if (geteuid() != 0 || prctl(PR_CAPBSET_READ, 8 /* CAP_SETPCAP */, 0, 0, 0) != 1) {
		print_message("needs CAP_SETPCAP: run as root or in a user namespace\n");
		skip();
	}
}

/** status_has() - @line stands in /proc/self/status */
static int status_has(const char *line)
{
	char buf[8192];

	return fd_read_text(AT_FDCWD, "/proc/self/status", buf, sizeof(buf)) > 0 && strstr(buf, line) != NULL;
}

/** all_empty() - 0 when all five sets are empty and no_new_privs is set, else the number of what is not */
static int all_empty(void)
{
	static const char *const lines[] = {
		"CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n",
		"CapBnd:\t0000000000000000\n", "CapAmb:\t0000000000000000\n", "NoNewPrivs:\t1\n",
	};

	for (int i = 0; i < 6; i++) {
		if (!status_has(lines[i]))
			return i + 1;
	}
	return 0;
}

static int child_drops(void)
{
	struct dyno_error err;

	if (capabilities_drop_child(&err) < 0)
		return 100;
	return all_empty();
}

static int child_stays_powerless(void)
{
	if (child_drops() != 0)
		return 100;
	/* Still user id 0: it must be worth nothing, and no way may lead back */
	if (socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 1) >= 0 || errno != EPERM)
		return 1;
	if (prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) == 0)
		return 2;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0)
		return 3;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 10, 0, 0) == 0)
		return 4;
	if (prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
		return 5;
	return 0;
}

static int child_stays_powerless_over_exec(void)
{
	if (child_drops() != 0)
		return 100;
	/* The classic way back: execve(2) as user 0 refills permitted, unless NOROOT is set */
	execl("/bin/grep", "grep", "-q", "CapPrm:\t0000000000000000", "/proc/self/status", (char *)NULL);
	return 101;
}

static int child_keeps_then_drops(void)
{
	struct dyno_error err;

	if (capabilities_keep_child(&err) < 0)
		return 100;
	if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0)
		return 101;
	if (capabilities_drop_child(&err) < 0)
		return 102;
	return all_empty();
}

static int child_fails_closed(void)
{
	struct dyno_error err;

	if (setresuid(1000, 1000, 1000) < 0)
		return 100;
	if (capabilities_drop_child(&err) != -EPERM)
		return 1;
	return strcmp(err.step, "capabilities") == 0 && strstr(err.text, "securebits") ? 0 : 2;
}

static int child_in_user_namespace(void)
{
	/* Entering refills the bounding set: the drop must work there too, where only namespaced capabilities exist */
	if (unshare(CLONE_NEWUSER) < 0)
		return 77;
	return child_drops();
}

static void test_every_set_is_empty(void **state)
{
	(void)state;
	may_test();
	assert_int_equal(run(child_drops), 0);
}

static void test_no_way_back(void **state)
{
	(void)state;
	may_test();
	assert_int_equal(run(child_stays_powerless), 0);
}

static void test_exec_as_root_gains_nothing(void **state)
{
	(void)state;
	may_test();
	assert_int_equal(run(child_stays_powerless_over_exec), 0);
}

static void test_kept_over_change_of_user(void **state)
{
	(void)state;
	may_test();
	assert_int_equal(run(child_keeps_then_drops), 0);
}

static void test_without_power_is_an_error(void **state)
{
	(void)state;
	may_test();
	assert_int_equal(run(child_fails_closed), 0);
}

static void test_inside_user_namespace(void **state)
{
	int code = run(child_in_user_namespace);

	(void)state;
	if (code == 77) {
		print_message("user namespaces are not available here\n");
		skip();
	}
	assert_int_equal(code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_set_is_empty),         cmocka_unit_test(test_no_way_back),
		cmocka_unit_test(test_exec_as_root_gains_nothing), cmocka_unit_test(test_kept_over_change_of_user),
		cmocka_unit_test(test_without_power_is_an_error),  cmocka_unit_test(test_inside_user_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
