/* SPDX-License-Identifier: Apache-2.0 */
/* test_command.c - config/command: which command is a shell line, and what runs it */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/command.h"

static void one_word_with_syntax_is_a_shell_line(void **state)
{
	static const char *const shell[] = {
		"python3 app.py", "a\tb", "a\nb", "a|b", "a&",  "a;b", "(a)",   "$APP", "`a`", "a>b", "a<b", "'a'",
		"\"a\"",          "a\\b", "*",    "a?",  "[a]", "~/a", "{a,b}", "#",    " ",   "!a",
	};
	static const char *const plain[] = { "node", "./bin/web",  "/usr/bin/env", "a.b-c_d+e,f:g@h%i=j^k",
		                             "",     "caf\xC3\xA9" };

	(void)state;
	for (size_t i = 0; i < sizeof(shell) / sizeof(*shell); i++)
		assert_true(command_is_shell((const char *const[]){ shell[i], NULL }));
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		assert_false(command_is_shell((const char *const[]){ plain[i], NULL }));
}

static void several_words_are_run_as_given(void **state)
{
	(void)state;
	assert_false(command_is_shell((const char *const[]){ NULL }));
	assert_false(command_is_shell((const char *const[]){ "echo", "$HOME; ls", NULL }));
	assert_false(command_is_shell((const char *const[]){ "a b", "c", NULL }));
}

static void shell_runs_profiles_then_the_line(void **state)
{
	char **argv = NULL;
	const char *scripts, *profile, *line;

	(void)state;
	assert_int_equal(command_shell("exec web # comment", &argv), 0);
	assert_string_equal(argv[0], "/bin/bash");
	assert_string_equal(argv[1], "-c");
	assert_null(argv[3]);
	scripts = strstr(argv[2], "/app/.profile.d/*.sh");
	profile = strstr(argv[2], ". /app/.profile;");
	line = strstr(argv[2], "\nexec web # comment");
	assert_non_null(scripts);
	assert_non_null(profile);
	assert_non_null(line);
	assert_true(scripts < profile && profile < line);
	assert_string_equal(line, "\nexec web # comment");
	free(argv);
}

static void huge_line_is_kept_whole(void **state)
{
	size_t size = 1 << 20;
	char *line = malloc(size + 1);
	char **argv = NULL;

	(void)state;
	assert_non_null(line);
	memset(line, 'x', size);
	line[size] = '\0';
	assert_int_equal(command_shell(line, &argv), 0);
	assert_string_equal(strrchr(argv[2], '\n') + 1, line);
	free(argv);
	free(line);
}

/** run() - exit status of @line as the dyno's bash runs it; on this machine there is no /app, so no profile either */
static int run(const char *line)
{
	char **argv = NULL;
	int status = -1;
	pid_t pid;

	assert_int_equal(command_shell(line, &argv), 0);
	pid = fork();
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(99);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	free(argv);
	return status;
}

static void bash_takes_the_line(void **state)
{
	(void)state;
	if (access("/bin/bash", X_OK) < 0 || access("/app/.profile", F_OK) == 0 || access("/app/.profile.d", F_OK) == 0)
		skip();
	assert_int_equal(WEXITSTATUS(run("exit 7")), 7);
	assert_int_equal(WEXITSTATUS(run("exit $?")), 0);
	assert_int_equal(WEXITSTATUS(run("exit ${#profile}")), 0);
	assert_int_equal(WEXITSTATUS(run("x=3; exit $x # done")), 3);
	assert_int_equal(WEXITSTATUS(run("read -r n <<E\n5\nE\nexit $n")), 5);
	/* The last simple command replaces bash: its parent is this process, number $PPID to the shell. */
	assert_int_equal(WEXITSTATUS(run("sh -c 'test $PPID = '$PPID")), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_word_with_syntax_is_a_shell_line),
		cmocka_unit_test(several_words_are_run_as_given),
		cmocka_unit_test(shell_runs_profiles_then_the_line),
		cmocka_unit_test(huge_line_is_kept_whole),
		cmocka_unit_test(bash_takes_the_line),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
