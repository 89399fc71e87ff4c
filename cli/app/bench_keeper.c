/* SPDX-License-Identifier: Apache-2.0 */
/**
 * bench_keeper.c - `dyno bench`: a process that takes down what other runtimes leave, however the bench ends
 *
 * Dynos have `dyno gc`, and a plain process dies with us (PR_SET_PDEATHSIG). A container's does not: its runtime would have
 * to take it down, and a killed one cannot. So a process is forked first of all that waits for the end of a pipe which
 * we hold; then it removes containers, image and work directory. It does so at an ordinary end as well: there is one way.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/bench.h"
#include "isolation/tree.h"

const char *bench_container_name(pid_t bench, unsigned index, char buf[static 48])
{
	(void)text_format(buf, 48, "dyno-bench-%d-%u", (int)bench, index);
	return buf;
}

/** has_container() - @name leaves something that must be taken down by its own program */
static bool has_container(const char *name)
{
	return strcmp(name, "crun") == 0 || strcmp(name, "runc") == 0 || strcmp(name, "docker") == 0 ||
	       strcmp(name, "podman") == 0;
}

/** remove_containers() - all that runtime @name may have of this bench */
static void remove_containers(const struct bench_plan *plan, const char *name, pid_t bench)
{
	bool engine = strcmp(name, "docker") == 0 || strcmp(name, "podman") == 0;
	struct bench_words words = { 0 };
	char id[48], state[PATH_MAX];

	if (text_format(state, sizeof(state), "%s/state-%s", plan->home, name) < 0)
		return;
	/* who never made a container has no state */
	if (!engine && access(state, F_OK) < 0)
		return;
	for (unsigned i = 0; i < plan->concurrency; i++) {
		bench_word(&words, "%s", name);
		if (!engine)
			bench_word(&words, "--root=%s", state);
		bench_word(&words, engine ? "rm" : "delete");
		bench_word(&words, "--force");
		bench_word(&words, "%s", bench_container_name(bench, i, id));
		if (!words.failed)
			(void)bench_run_quietly(words.items);
		bench_words_done(&words);
	}
	if (strcmp(name, "docker") == 0) {
		char *const image[] = { (char[]){ "docker" }, (char[]){ "rmi" }, (char[]){ "--force" }, id, NULL };

		(void)text_format(id, sizeof(id), "dyno-bench-%d", (int)bench);
		(void)bench_run_quietly(image);
	}
}

/** remove_home() - the work directory and all in it */
static void remove_home(const char *home)
{
	_cleanup_close_ int fd = open(home, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		(void)tree_remove(fd);
	(void)rmdir(home);
}

/** keep() - the keeper: wait until nobody holds the other end of @fd, then take down */
static void keep(const struct bench_plan *plan, int fd, pid_t bench)
{
	sigset_t all;
	char byte;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_NAME, "dyno-bench-keep");
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < plan->count; i++)
		if (has_container(plan->names[i]))
			remove_containers(plan, plan->names[i], bench);
	remove_home(plan->home);
}

int bench_keeper_start(struct bench_plan *plan, struct bench_keeper *ret, struct dyno_error *err)
{
	const char *tmp = getenv("TMPDIR");
	pid_t bench = getpid();
	bool needed = false;
	int pipes[2];
	pid_t pid;

	for (size_t i = 0; i < plan->count; i++)
		needed = needed || has_container(plan->names[i]) || strcmp(plan->names[i], "nspawn") == 0;
	if (!needed)
		return 0;
	if (text_format(plan->home, sizeof(plan->home), "%s/dyno-bench.XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp") <
	            0 ||
	    !mkdtemp(plan->home)) {
		plan->home[0] = '\0';
		return error_set(err, -errno, "bench", "cannot make a work directory:");
	}
	pid = pipe2(pipes, O_CLOEXEC) < 0 ? -1 : fork();
	if (pid == 0) {
		(void)fd_close(pipes[1]);
		keep(plan, pipes[0], bench);
		_exit(0);
	}
	if (pid < 0) {
		(void)error_set(err, -errno, "bench", "cannot start a process that cleans up:");
		remove_home(plan->home);
		return err->code;
	}
	(void)fd_close(pipes[0]);
	*ret = (struct bench_keeper){ pid, pipes[1] };
	return 0;
}

void bench_keeper_end(struct bench_keeper *keeper)
{
	keeper->fd = fd_close(keeper->fd);
	while (keeper->pid > 0 && waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	keeper->pid = -1;
}
