/* SPDX-License-Identifier: Apache-2.0 */
/* launch.c - starting commands, and what they said: see support.h */
#include "tests/sandbox/support.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define EXPECT_SECONDS 20
#define FINISH_SECONDS 40

/** remember() - @pid is to be gone after the test; 0 in place of @old forgets it */
static void remember(struct fixture *f, pid_t old, pid_t pid)
{
	for (size_t i = 0; i < SUPPORT_RUNNING; i++) {
		if (f->running[i] == old) {
			f->running[i] = pid;
			return;
		}
	}
}

/** become() - in the child: the launching user, without any privilege if it is an ordinary one. Return: 0 or -1 */
static int become(const struct fixture *f)
{
	if (geteuid() != 0 || !f->rootless)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(f->uid, f->uid, f->uid) < 0 || setresuid(f->uid, f->uid, f->uid) < 0)
		return -1;
	return 0;
}

/** child_environment() - what the command is told; getenv(3) finds the first of two. INHERITED must not reach any dyno */
static char **child_environment(const struct fixture *f, const struct launch *launch)
{
	static char own[6][PATH_MAX];
	static char *env[64];
	size_t used = 0;

	for (; launch->env && launch->env[used] && used < 32; used++)
		env[used] = strdup(launch->env[used]);
	snprintf(own[0], PATH_MAX, "HOME=%s", f->dir);
	snprintf(own[1], PATH_MAX, "XDG_RUNTIME_DIR=%s", f->run);
	snprintf(own[2], PATH_MAX, "INHERITED=by-mistake");
	snprintf(own[3], PATH_MAX, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	snprintf(own[4], PATH_MAX, "ASAN_OPTIONS=%s", getenv("ASAN_OPTIONS") ? getenv("ASAN_OPTIONS") : "");
	snprintf(own[5], PATH_MAX, "UBSAN_OPTIONS=%s", getenv("UBSAN_OPTIONS") ? getenv("UBSAN_OPTIONS") : "");
	for (size_t i = 0; i < 6; i++)
		env[used++] = own[i];
	env[used] = NULL;
	return env;
}

/** child_exec() - in the child; never returns, never asserts */
__attribute__((noreturn)) static void child_exec(const struct fixture *f, const struct launch *launch, int out, int err)
{
	int in = launch->in > 0 ? launch->in : open("/dev/null", O_RDONLY | O_CLOEXEC);
	const char *program = launch->program ? launch->program : support_dyno();
	const char *const *more = launch->program ? NULL : births_options(f, launch->argv);
	const char *argv[256] = { program };
	size_t count = 1;

	for (size_t i = 0; launch->argv[i] && count < 250; i++) {
		argv[count++] = launch->argv[i];
		for (size_t j = 0; i == 0 && more && more[j]; j++)
			argv[count++] = more[j];
	}
	argv[count] = NULL;
	if (become(f) < 0 || chdir(launch->cwd ? launch->cwd : f->dir) < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(err, 2) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
		dprintf(err, "support: cannot prepare the launch: %s\n", strerror(errno));
		_exit(99);
	}
	if (launch->before)
		launch->before();
	execvpe(program, (char *const *)(uintptr_t)argv, child_environment(f, launch));
	dprintf(2, "support: cannot execute %s: %s\n", program, strerror(errno));
	_exit(99);
}

void launch_start(struct fixture *f, struct process *p, const struct launch *launch)
{
	int out[2], err[2];

	p->out_size = p->err_size = 0;
	p->out[0] = p->err[0] = '\0';
	p->code = -1;
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		FAIL("no pipe: %s\n", strerror(errno));
	fflush(NULL);
	p->pid = fork();
	if (p->pid == 0)
		child_exec(f, launch, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	if (p->pid < 0)
		FAIL("cannot fork: %s\n", strerror(errno));
	p->out_fd = out[0];
	p->err_fd = err[0];
	remember(f, 0, p->pid);
}

/** take() - what there is to read from @fd; -1 in its place at the end */
static void take(int *fd, char *text, size_t *used)
{
	char buf[16384];
	ssize_t n = read(*fd, buf, sizeof(buf));
	size_t room = SUPPORT_OUT_SIZE - 1 - *used;

	if (n <= 0) {
		if (n == 0 || errno != EINTR)
			*fd = fd_close(*fd);
		return;
	}
	/* What does not fit is read all the same: the writer must not block */
	memcpy(text + *used, buf, (size_t)n < room ? (size_t)n : room);
	*used += (size_t)n < room ? (size_t)n : room;
	text[*used] = '\0';
}

/** occurs() - @text stands at least @times in @in */
static bool occurs(const char *in, const char *text, unsigned times)
{
	for (; times > 0 && (in = strstr(in, text)); times--)
		in += strlen(text);
	return times == 0;
}

/**
 * drain() - read both streams until @text is @times in one (may be NULL), both end, or @deadline
 * Return: found or ended
 */
static bool drain(struct process *p, const char *text, unsigned times, long long deadline)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = p->out_fd, .events = POLLIN }, { .fd = p->err_fd, .events = POLLIN } };
		long long left = deadline - support_now_ms();

		if (text && (occurs(p->out, text, times) || occurs(p->err, text, times)))
			return true;
		if (p->out_fd < 0 && p->err_fd < 0)
			return !text;
		if (left <= 0)
			return false;
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return false;
		if (fds[0].revents)
			take(&p->out_fd, p->out, &p->out_size);
		if (fds[1].revents)
			take(&p->err_fd, p->err, &p->err_size);
	}
}

bool launch_expect(struct process *p, const char *text)
{
	return launch_expect_times(p, text, 1);
}

bool launch_expect_times(struct process *p, const char *text, unsigned times)
{
	return drain(p, text, times, support_now_ms() + EXPECT_SECONDS * 1000LL);
}

int launch_finish(struct fixture *f, struct process *p)
{
	int status = 0;

	if (!drain(p, NULL, 0, support_now_ms() + FINISH_SECONDS * 1000LL)) {
		print_error("the command did not end within %d s\n", FINISH_SECONDS);
		kill(p->pid, SIGKILL);
		drain(p, NULL, 0, support_now_ms() + 2000);
	}
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->out_fd = fd_close(p->out_fd);
	p->err_fd = fd_close(p->err_fd);
	remember(f, p->pid, 0);
	p->pid = 0;
	p->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return p->code;
}

int launch_stop(struct fixture *f, struct process *p)
{
	kill(p->pid, SIGTERM);
	return launch_finish(f, p);
}

int launch_run(struct fixture *f, struct process *p, const char *const *argv)
{
	launch_start(f, p, &(struct launch){ .argv = argv });
	return launch_finish(f, p);
}

int launch_program(struct fixture *f, struct process *p, const char *program, const char *const *argv)
{
	launch_start(f, p, &(struct launch){ .argv = argv, .program = program });
	return launch_finish(f, p);
}

/* ---- what was said ------------------------------------------------------------------------------------------------ */

const char *process_value(const struct process *p, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = p->out; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, key, length) == 0 && line[length] == '=')
			return support_format("%.*s", (int)strcspn(line + length + 1, "\n"), line + length + 1);
	}
	return NULL;
}

unsigned long process_number(const struct process *p, const char *key)
{
	const char *value = process_value(p, key);

	support_assert_that(p, value != NULL, key, __FILE__, __LINE__);
	return value ? strtoul(value, NULL, 0) : 0;
}

/** give_up() - show what the command said, then fail the test */
static void give_up(const struct process *p, const char *file, int line)
{
	print_error("exit code: %d\nstandard output:\n%.8000s\nstandard error:\n%.4000s\n", p->code, p->out, p->err);
	_fail(file, line);
}

void support_assert_exit(const struct process *p, int expected, const char *file, int line)
{
	if (p->code != expected) {
		print_error("expected exit code %d\n", expected);
		give_up(p, file, line);
	}
}

void support_assert_value(const struct process *p, const char *key, const char *expected, const char *file, int line)
{
	const char *value = process_value(p, key);

	if (!value || strcmp(value, expected) != 0) {
		print_error("expected %s=%s, there is %s\n", key, expected, value ? value : "none");
		give_up(p, file, line);
	}
}

void support_assert_no_value(const struct process *p, const char *key, const char *file, int line)
{
	if (process_value(p, key)) {
		print_error("expected no %s, there is %s\n", key, process_value(p, key));
		give_up(p, file, line);
	}
}

void support_assert_refused(const struct process *p, const char *key, const char *file, int line)
{
	const char *value = process_value(p, key);

	if (!value || value[0] != 'E') {
		print_error("expected %s to be refused, there is %s\n", key, value ? value : "no such line");
		give_up(p, file, line);
	}
}

void support_assert_says(const struct process *p, const char *text, bool wanted, const char *file, int line)
{
	if ((strstr(p->out, text) || strstr(p->err, text)) != wanted) {
		print_error("expected %s\"%s\"\n", wanted ? "" : "no ", text);
		give_up(p, file, line);
	}
}

void support_assert_that(const struct process *p, bool condition, const char *text, const char *file, int line)
{
	if (!condition) {
		print_error("expected %s\n", text);
		give_up(p, file, line);
	}
}
