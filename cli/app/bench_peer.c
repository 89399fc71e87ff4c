/* SPDX-License-Identifier: Apache-2.0 */
/**
 * bench_peer.c - `dyno bench`: other ways to start the same command, from a bare process to an engine
 *
 * Command lines (bench_words.c) are made before the first launch, so that only their execution is on the clock.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/app/bench_peer.h"

#define END_MS 5000
#define LATE_MS 10000

/**
 * struct peer_state - of one contender
 * @made: commands are there, for the verification or (then @for_verify is false) for the rest
 */
struct peer_state {
	const struct peer *peer;
	bool made, for_verify;
	struct command *commands;
};

/** docker_image() - import the root as an image, which the keeper removes */
static int docker_image(const struct bench_plan *plan, struct dyno_error *err)
{
	struct bench_words tar = { 0 }, import = { 0 };
	int code;

	bench_word(&tar, "tar");
	bench_word(&tar, "-C%s/root", plan->home);
	bench_word(&tar, "-cf%s/root.tar", plan->home);
	bench_word(&tar, ".");
	bench_word(&import, "docker");
	bench_word(&import, "import");
	bench_word(&import, "%s/root.tar", plan->home);
	bench_word(&import, "dyno-bench-%d", (int)getpid());
	code = tar.failed || import.failed ? -ENOMEM : bench_run_quietly(tar.items);
	if (code == 0)
		code = bench_run_quietly(import.items);
	bench_words_done(&tar);
	bench_words_done(&import);
	return code < 0 ? error_set(err, code, "bench", "no image could be imported (does the daemon run?)") : 0;
}

/** peer_files() - what this runtime needs on disk */
static int peer_files(const struct bench_contender *contender, struct dyno_error *err)
{
	const struct bench_plan *plan = contender->plan;
	char root[PATH_MAX + 8];
	int code = 0;

	if (plan->home[0] == '\0')
		return 0;
	(void)text_format(root, sizeof(root), "%s/root", plan->home);
	if (access(root, F_OK) < 0)
		code = bench_root_make(root, err);
	if (code == 0 && strcmp(contender->name, "docker") == 0)
		code = docker_image(plan, err);
	return code;
}

/** peer_kind_open() - see struct bench_kind */
static int peer_kind_open(struct bench_contender *contender, struct dyno_host *host, struct dyno_error *err)
{
	struct peer_state *state = calloc(1, sizeof(*state));
	char program[PATH_MAX];

	(void)host;
	contender->state = state;
	if (!state)
		return error_set(err, -ENOMEM, "bench", "no memory for a contender");
	state->peer = peer_find(contender->name);
	(void)text_copy(contender->label, sizeof(contender->label), state->peer->label);
	(void)text_format(contender->what, sizeof(contender->what), "%s%s", state->peer->what,
	                  peer_shares_network(contender->plan) ? "; this machine's network" : "");
	if (state->peer->program &&
	    bench_find_program(state->peer->program, getenv("PATH"), program, sizeof(program)) < 0)
		return error_set(err, -ENOENT, "bench", "not installed");
	state->commands = calloc(contender->plan->concurrency, sizeof(*state->commands));
	if (!state->commands)
		return error_set(err, -ENOMEM, "bench", "no memory for a contender");
	return peer_files(contender, err);
}

/** drop_commands() - free all of them */
static void drop_commands(struct bench_contender *contender)
{
	struct peer_state *state = contender->state;

	for (unsigned i = 0; state->commands && i < contender->plan->concurrency; i++) {
		bench_words_done(&state->commands[i].words);
		bench_words_done(&state->commands[i].env);
	}
	state->made = false;
}

/** make_command() - of launch @index */
static int make_command(struct bench_contender *contender, unsigned index, struct dyno_error *err)
{
	struct peer_state *state = contender->state;
	struct command *command = &state->commands[index];
	int code = 0;

	peer_environment(contender->plan, index, &command->env);
	if (state->peer->program)
		code = bench_find_program(state->peer->program, getenv("PATH"), command->program,
		                          sizeof(command->program));
	if (code == 0)
		code = state->peer->words(contender, index, command, err);
	if (code == 0 && (command->words.failed || command->env.failed))
		code = error_set(err, -E2BIG, "bench", "the command or its environment has too many words");
	return code;
}

/** peer_kind_steady() - see struct bench_kind: here the commands are made, and made anew after the verification */
static int peer_kind_steady(struct bench_contender *contender, struct dyno_error *err)
{
	struct peer_state *state = contender->state;
	int code = 0;

	if (state->made && state->for_verify == contender->verify)
		return 0;
	drop_commands(contender);
	for (unsigned i = 0; i < contender->plan->concurrency && code == 0; i++)
		code = make_command(contender, i, err);
	state->made = code == 0;
	state->for_verify = contender->verify;
	return code;
}

/** peer_kind_launch() - see struct bench_kind */
static int peer_kind_launch(struct bench_launch *launch, struct dyno_error *err)
{
	const struct bench_plan *plan = launch->contender->plan;
	const struct peer_state *state = launch->contender->state;
	const struct command *command = &state->commands[launch->index];
	const struct bench_process process = {
		.program = command->program,
		.argv = command->words.items,
		.env = state->peer->own_env ? environ : command->env.items,
		.cwd = state->peer->program ? NULL : plan->request.app.slug,
		.fds = { plan->null_fd, launch->out_fd, launch->said_fd },
		.files = &plan->files,
		.death = state->peer->ending == END_TERM ? SIGTERM : SIGKILL,
	};
	pid_t pid = bench_spawn(&process);

	if (pid < 0)
		return error_set(err, (int)pid, "bench", "cannot execute %s:", command->words.items[0]);
	launch->pid = pid;
	launch->pid_fd = pidfd_open(pid, 0);
	launch->port = plan->ports[launch->index];
	launch->place = plan->until == BENCH_UNTIL_EXEC ? 0 : htonl(INADDR_LOOPBACK);
	return 0;
}

/** pid_file() - where a runtime has written the PID of its container's first process. Return: 0, -ENOENT when it does not */
static int pid_file(const struct bench_launch *launch, char *buf, size_t size)
{
	const struct peer_state *state = launch->contender->state;

	if (state->peer->ending != END_INIT)
		return -ENOENT;
	return text_format(buf, size, "%s/%s-%u/pid", launch->contender->plan->home, launch->contender->name,
	                   launch->index) < 0
	               ? -ENAMETOOLONG
	               : 0;
}

/** end_now() - have it end: see enum ending */
static void end_now(const struct bench_launch *launch)
{
	const struct peer_state *state = launch->contender->state;
	char path[PATH_MAX + 48], text[24], id[48];
	uint64_t pid;

	if (state->peer->ending == END_CONTAINER) {
		char engine[16];
		char *const argv[] = { engine, (char[]){ "rm" }, (char[]){ "--force" }, id, NULL };

		(void)text_copy(engine, sizeof(engine), state->peer->program);
		(void)bench_container_name(getpid(), launch->index, id);
		(void)bench_run_quietly(argv);
		return;
	}
	if (pid_file(launch, path, sizeof(path)) == 0 && fd_read_text(AT_FDCWD, path, text, sizeof(text)) > 0 &&
	    units_number(text, 2, INT32_MAX, &pid) == 0 && kill((pid_t)pid, SIGKILL) == 0)
		return;
	(void)kill(-launch->pid, state->peer->ending == END_TERM ? SIGTERM : SIGKILL);
}

/** gone() - wait for its end, so many milliseconds */
static bool gone(const struct bench_launch *launch, int timeout_ms)
{
	struct pollfd end = { .fd = launch->pid_fd, .events = POLLIN };

	return poll(&end, 1, timeout_ms) > 0;
}

/** peer_kind_finish() - see struct bench_kind */
static void peer_kind_finish(struct bench_launch *launch)
{
	bool by_itself = launch->contender->plan->until == BENCH_UNTIL_EXEC && launch->state == BENCH_READY &&
	                 !launch->contender->verify;
	char path[PATH_MAX + 48];

	if (launch->pid <= 0)
		return;
	if (!by_itself || !gone(launch, END_MS))
		end_now(launch);
	if (!gone(launch, LATE_MS))
		(void)kill(-launch->pid, SIGKILL);
	/* what it left in its group, before its own end frees the number */
	(void)kill(-launch->pid, SIGKILL);
	while (waitpid(launch->pid, NULL, 0) < 0 && errno == EINTR)
		;
	/* the next launch's may be read before it is written */
	if (pid_file(launch, path, sizeof(path)) == 0)
		(void)unlink(path);
	launch->pid = -1;
	launch->pid_fd = fd_close(launch->pid_fd);
}

/** peer_kind_close() - see struct bench_kind; containers and files are the keeper's */
static void peer_kind_close(struct bench_contender *contender)
{
	struct peer_state *state = contender->state;

	if (!state)
		return;
	drop_commands(contender);
	free(state->commands);
	free(state);
	contender->state = NULL;
}

const struct bench_kind bench_peer_kind = {
	.open = peer_kind_open,
	.steady = peer_kind_steady,
	.launch = peer_kind_launch,
	.finish = peer_kind_finish,
	.close = peer_kind_close,
};
