/* SPDX-License-Identifier: Apache-2.0 */
/* bench_spawn.c - `dyno bench`: command lines, and the processes that they become */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/app/bench.h"

void bench_word(struct bench_words *words, const char *fmt, ...)
{
	char *word = NULL;
	va_list args;
	int size;

	va_start(args, fmt);
	size = words->count < BENCH_WORDS_MAX ? vasprintf(&word, fmt, args) : -1;
	va_end(args);
	if (size < 0) {
		words->failed = true;
		return;
	}
	words->items[words->count++] = word;
	words->items[words->count] = NULL;
}

void bench_words_done(struct bench_words *words)
{
	while (words->count > 0)
		free(words->items[--words->count]);
	words->items[0] = NULL;
	words->failed = false;
}

/** is_program() - @path is a regular file that may be executed */
static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int bench_find_program(const char *name, const char *path, char *ret, size_t size)
{
	if (strchr(name, '/'))
		return text_copy(ret, size, name) == 0 && is_program(ret) ? 0 : -ENOENT;
	while (path) {
		size_t length = strcspn(path, ":");

		if (length > 0 && text_format(ret, size, "%.*s/%s", (int)length, path, name) > 0 && is_program(ret))
			return 0;
		path = path[length] ? path + length + 1 : NULL;
	}
	return -ENOENT;
}

/** become() - in the child: everything from the group to exec. Return: errno */
static int become(const struct bench_process *process)
{
	sigset_t none;

	/* ^C at the terminal is for us: who ends when is ours to say */
	if (setpgid(0, 0) < 0 || prctl(PR_SET_PDEATHSIG, process->death ? process->death : SIGKILL) < 0)
		return errno;
	for (int fd = 0; fd < 3; fd++)
		if (dup2(process->fds[fd], fd) < 0)
			return errno;
	if (process->files && setrlimit(RLIMIT_NOFILE, process->files) < 0)
		return errno;
	if (process->cwd && chdir(process->cwd) < 0)
		return errno;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(process->program, process->argv, process->env);
	return errno;
}

/* vfork(2), which is what posix_spawn(3) does, because that has no parent-death signal */
pid_t bench_spawn(const struct bench_process *process)
{
	volatile int code = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		code = become(process);
		_exit(127);
	}
	if (pid < 0)
		return -errno;
	if (code == 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return -code;
}

int bench_run_quietly(char *const *argv)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct bench_process process = { .argv = argv, .env = environ, .fds = { null, null, null } };
	char program[PATH_MAX];
	int status = 0;
	pid_t pid;

	if (null < 0)
		return -errno;
	if (bench_find_program(argv[0], getenv("PATH"), program, sizeof(program)) < 0)
		return -ENOENT;
	process.program = program;
	pid = bench_spawn(&process);
	if (pid < 0)
		return (int)pid;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status == 0 ? 0 : -ECHILD;
}
