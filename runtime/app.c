/* SPDX-License-Identifier: Apache-2.0 */
/* app.c - see app.h */
#include "runtime/app.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "isolation/rlimits.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/** vector() - a table of the blob as the pointers that it holds now (see channel_app_open()) */
static char **vector(const struct channel_app *app, uint64_t offset)
{
	return (char **)(uintptr_t)((uintptr_t)app + offset);
}

/** place_streams() - 0, 1 and 2 */
static int place_streams(const struct app_streams *streams, struct dyno_error *err)
{
	int fd;

	for (fd = 0; fd < 3; fd++) {
		int from = streams->terminal >= 0 ? streams->terminal : streams->given ? streams->fds[fd] : fd;

		/* dup3(2) with equal numbers is EINVAL; what stands there already is init's /dev/null, without CLOEXEC. */
		if (from != fd && dup3(from, fd, 0) < 0)
			return error_set(err, -errno, "streams", "cannot place stream %d:", fd);
	}
	if (streams->terminal < 0)
		return 0;
	/* SIGTTOU, which a group in the background gets for it, is blocked still. */
	if (streams->job ? tcsetpgrp(0, getpgrp()) < 0 : ioctl(0, TIOCSCTTY, 0) < 0)
		return error_set(err, -errno, "terminal", "cannot become the terminal's job:");
	return 0;
}

/** size_terminal() - as large as that of whoever asked, before the app can look */
static void size_terminal(const struct channel_app *app, const struct app_streams *streams)
{
	const struct winsize size = { .ws_row = app->rows, .ws_col = app->columns };

	if (streams->terminal >= 0 && size.ws_row > 0)
		(void)ioctl(streams->terminal, TIOCSWINSZ, &size);
}

/** enter_workdir() - chdir, and make sure that it is inside the root: a leaked descriptor's is not (CVE-2024-21626) */
static int enter_workdir(const struct channel_app *app, struct dyno_error *err)
{
	const char *workdir = (const char *)app + app->workdir;
	char cwd[PATH_MAX];

	if (chdir(workdir) < 0)
		return error_set(err, -errno, "workdir", "cannot enter %s:", workdir);
	if (!getcwd(cwd, sizeof(cwd)) || cwd[0] != '/')
		return error_set(err, -ENOENT, "workdir", "%s is outside the dyno's root", workdir);
	return 0;
}

/** path_of() - PATH as the app's environment has it */
static const char *path_of(char **env)
{
	for (; *env; env++)
		if (text_starts(*env, "PATH="))
			return *env + 5;
	return DEFAULT_PATH;
}

/** exec_path() - execvpe(3) without its allocation and its fallback to a shell. Return: negative errno */
static int exec_path(char **argv, char **env)
{
	const char *dir = path_of(env);
	int code = -ENOENT;
	char file[PATH_MAX];

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, env);
		return -errno;
	}
	while (dir) {
		const char *colon = strchr(dir, ':');
		int length = colon ? (int)(colon - dir) : (int)strlen(dir);

		if (text_format(file, sizeof(file), "%.*s/%s", length, dir, argv[0]) > 0) {
			execve(file, argv, env);
			if (errno != ENOENT && errno != ENOTDIR)
				code = -errno;
			if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
				return code;
		}
		dir = colon ? colon + 1 : NULL;
	}
	return code;
}

/** explain_exec() - one sentence for each way in which execve(2) fails */
static int explain_exec(int code, const char *file, struct dyno_error *err)
{
	struct stat st;

	if (code == -ENOENT && strchr(file, '/') && stat(file, &st) == 0) {
		error_set(err, code, "exec",
		          "cannot run %s: its interpreter (#! line or ELF loader) is not in the dyno", file);
		error_remedy(err, "use a --stack that has it, or a static program");
	} else if (code == -ENOENT || code == -ENOTDIR) {
		error_set(err, code, "exec", "%s: command not found in the dyno", file);
		error_remedy(err, "/app holds the slug and /usr the stack; nothing else of this machine is there");
	} else if (code == -E2BIG) {
		error_set(err, code, "exec", "%s: arguments and environment are over the kernel's limit:", file);
		error_remedy(err, "a single one may have 128 KiB, all together a quarter of the stack limit");
	} else if (code == -ENOMEM || code == -EAGAIN) {
		error_set(err, code, "exec", "cannot run %s within the dyno's limits:", file);
		error_remedy(err, "raise --memory or --pids");
	} else {
		error_set(err, code, "exec", "cannot run %s:", file);
	}
	return code;
}

int app_exec(const struct channel_app *app, const struct app_streams *streams, struct dyno_error *err)
{
	char **argv = vector(app, app->argv);
	sigset_t none;
	int r = fault_at("exec");

	if (r < 0)
		return error_set(err, r, "exec", "injected failure at exec:");
	if (streams->job)
		(void)setpgid(0, 0);
	else
		(void)setsid(); /* EPERM when init itself becomes the app: it leads a session already */
	size_terminal(app, streams);
	r = place_streams(streams, err);
	if (r == 0)
		r = enter_workdir(app, err);
	if (r == 0)
		r = rlimits_apply_child(&app->limits, app->file_size, app->no_cgroup, err);
	if (r < 0)
		return r;
	(void)umask(022);
	/* CLOEXEC rather than close: in a vfork child the channel must stay open for the parent, whose table is its own. */
	if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return error_set(err, -errno, "exec", "cannot close descriptors:");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	r = exec_path(argv, vector(app, app->env));
	return explain_exec(r, argv[0], err);
}

pid_t app_spawn(const struct channel_app *app, const struct app_streams *streams, struct dyno_error *err)
{
	/* The child writes it, in memory that is ours too: nothing that a compiler could keep to itself. */
	static cpu_set_t everywhere;
	volatile int code = 0;
	pid_t pid;

	CPU_ZERO(&everywhere);
	pid = vfork();
	if (pid == 0) {
		/* Our execve(2) wakes init in the middle: on this CPU that would cost 30 us. To a parked runner it does not happen: not done there. */
		cpu_send_away(getppid(), &everywhere);
		code = app_exec(app, streams, err);
		_exit(127);
	}
	cpu_return(&everywhere);
	if (pid < 0) {
		code = error_set(err, -errno, "start", "cannot start a process in the dyno:");
		error_remedy(err, "the process limit may be too low: raise --pids");
		return code;
	}
	if (code < 0) {
		(void)waitpid(pid, NULL, 0);
		return code;
	}
	return pid;
}
