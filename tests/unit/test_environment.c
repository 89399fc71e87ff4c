/* SPDX-License-Identifier: Apache-2.0 */
/* test_environment.c - config/environment: adding, replacing, refusing, files */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "config/environment.h"

static void keys(void **state)
{
	(void)state;
	assert_true(environment_key_valid("A", 1));
	assert_true(environment_key_valid("_", 1));
	assert_true(environment_key_valid("a_9Z", 4));
	assert_true(environment_key_valid("AB-", 2));
	assert_false(environment_key_valid("", 0));
	assert_false(environment_key_valid("9", 1));
	assert_false(environment_key_valid("A-B", 3));
	assert_false(environment_key_valid("A B", 3));
	assert_false(environment_key_valid("A=", 2));
	assert_false(environment_key_valid("\xC3\xA9", 2));
	assert_false(environment_key_valid("A\0", 2));
}

static void later_values_replace_earlier_ones(void **state)
{
	struct environment env = { 0 };

	(void)state;
	assert_int_equal(environment_set(&env, "A=1", NULL), 0);
	assert_int_equal(environment_set(&env, "AB=2", NULL), 0);
	assert_int_equal(environment_set(&env, "A=", NULL), 0);
	assert_int_equal(environment_set(&env, "B==x=", NULL), 0);
	assert_int_equal(env.count, 3);
	assert_string_equal(env.vars[0], "A=");
	assert_string_equal(env.vars[1], "AB=2");
	assert_string_equal(env.vars[2], "B==x=");
	assert_null(env.vars[3]);
	environment_done(&env);
	assert_null(env.vars);
	assert_int_equal(env.count, 0);
	environment_done(&env);
}

static void grows_and_stays_terminated(void **state)
{
	struct environment env = { 0 };
	char pair[32];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(pair, sizeof(pair), "K%d=%d", i, i);
		assert_int_equal(environment_set(&env, pair, NULL), 0);
		assert_int_equal(env.count, i + 1);
		assert_null(env.vars[env.count]);
	}
	assert_string_equal(env.vars[999], "K999=999");
	assert_string_equal(env.vars[0], "K0=0");
	environment_done(&env);
}

static void malformed_pairs_are_refused_without_repeating_them(void **state)
{
	static const char *const pairs[] = {
		"SECRET", "", "=SECRET", "9=SECRET", "A-B=SECRET", " A=SECRET", "A =SECRET"
	};
	struct environment env = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct dyno_error err = { 0 };

		assert_int_equal(environment_set(&env, pairs[i], &err), -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		assert_true(*err.text && *err.remedy);
		assert_null(strstr(err.text, "SECRET"));
		assert_null(strstr(err.remedy, "SECRET"));
	}
	assert_int_equal(env.count, 0);
	assert_int_equal(environment_set(&env, "SECRET", NULL), -EINVAL);
	environment_done(&env);
}

static void value_the_kernel_cannot_take_is_refused_by_name(void **state)
{
	size_t max = 32 * (size_t)sysconf(_SC_PAGESIZE), size = 1 << 20;
	struct environment env = { 0 };
	struct dyno_error err = { 0 };
	char *pair = malloc(size > max ? size : max + 1);

	(void)state;
	assert_non_null(pair);
	memset(pair, 'v', max);
	memcpy(pair, "KEY=", 4);
	pair[max] = '\0';
	assert_int_equal(environment_set(&env, pair, &err), -E2BIG);
	assert_non_null(strstr(err.text, "KEY"));
	assert_null(strstr(err.text, "vvvv"));
	pair[max - 1] = '\0';
	assert_int_equal(environment_set(&env, pair, NULL), 0);
	assert_int_equal(strlen(env.vars[0]), max - 1);
	environment_done(&env);
	free(pair);
}

/** load_text() - environment_load() of a file that holds @text */
static int load_text(struct environment *env, const char *text, struct dyno_error *err)
{
	char path[] = "/tmp/dyno-env-XXXXXX";
	int fd = mkstemp(path);
	int code;

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	fd_close(fd);
	code = environment_load(env, path, err);
	unlink(path);
	return code;
}

static void files_add_to_what_is_there(void **state)
{
	struct environment env = { 0 };

	(void)state;
	assert_int_equal(environment_set(&env, "A=1", NULL), 0);
	assert_int_equal(environment_set(&env, "B=2", NULL), 0);
	assert_int_equal(load_text(&env, "B='two words'\nC=3\n", NULL), 0);
	assert_int_equal(load_text(&env, "", NULL), 0);
	assert_int_equal(env.count, 3);
	assert_string_equal(env.vars[1], "B=two words");
	assert_string_equal(env.vars[2], "C=3");
	environment_done(&env);
}

static void files_are_refused_with_their_name_and_line(void **state)
{
	struct environment env = { 0 };
	struct dyno_error err = { 0 };

	(void)state;
	assert_int_equal(load_text(&env, "A=1\nSECRET\n", &err), -EINVAL);
	assert_non_null(strstr(err.text, "/tmp/dyno-env-"));
	assert_non_null(strstr(err.text, ":2: "));
	assert_null(strstr(err.text, "SECRET"));
	assert_int_equal(environment_load(&env, "/nonexistent/.env", &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/.env"));
	assert_int_equal(environment_load(&env, "/tmp", &err), -EISDIR);
	assert_int_equal(environment_load(&env, "/dev/zero", &err), -EFBIG);
	environment_done(&env);
}

static void pipes_are_read_to_their_end(void **state)
{
	struct environment env = { 0 };
	char path[64];
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(fd_write_all(pipes[1], "A=1\nB=2", 7), 0);
	fd_close(pipes[1]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pipes[0]);
	assert_int_equal(environment_load(&env, path, NULL), 0);
	fd_close(pipes[0]);
	assert_int_equal(env.count, 2);
	environment_done(&env);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),
		cmocka_unit_test(later_values_replace_earlier_ones),
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(malformed_pairs_are_refused_without_repeating_them),
		cmocka_unit_test(value_the_kernel_cannot_take_is_refused_by_name),
		cmocka_unit_test(files_add_to_what_is_there),
		cmocka_unit_test(files_are_refused_with_their_name_and_line),
		cmocka_unit_test(pipes_are_read_to_their_end),
	};

	return cmocka_run_group_tests_name("environment", tests, NULL, NULL);
}
