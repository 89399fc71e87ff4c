/* SPDX-License-Identifier: Apache-2.0 */
/**
 * runner.c - see runner.h
 *
 * Two processes on one memory, and one thread-local storage: they take turns. Until the runner's end of the pipe is closed, by its
 * execve(2) or its end, init sleeps in poll(2) on that pipe and nothing else.
 */
#include "runtime/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "runtime/app.h"

/* app_exec() has some 10 KiB of path buffers */
#define RUNNER_STACK 32768

/** runner_main() - wait for the START, and become the app. Return: exit status, for clone(2): it shares init's memory, and runs no exit(3) */
static int runner_main(void *data)
{
	struct runner *runner = data;
	struct channel_packet *packet = &runner->packet;
	struct app_streams streams = { .job = true, .terminal = runner->terminal };

	do {
		if (channel_receive(runner->channel, packet, true) <= 0)
			return 125; /* the launcher died: init sees us go, and follows */
	} while (packet->message.type != CHANNEL_START);
	memcpy(streams.fds, packet->fds, sizeof(streams.fds));
	streams.given = (packet->message.flags & CHANNEL_WITH_STREAMS) != 0;
	runner->app = channel_app_open(packet, &runner->mapping);
	runner->started = true;
	if (runner->app)
		(void)app_exec(runner->app, &streams, &runner->error); /* returns only on failure */
	else
		error_set(&runner->error, -EPROTO, "start", "malformed start message");
	runner->failed = true;
	return 127;
}

int runner_park(struct runner *runner, int channel, int terminal)
{
	static char stack[RUNNER_STACK] __attribute__((aligned(16)));
	int ends[2], code;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	runner->channel = channel;
	runner->terminal = terminal;
	runner->pid = clone(runner_main, stack + sizeof(stack), CLONE_VM | SIGCHLD, runner);
	code = -errno;
	fd_close(ends[1]);
	if (runner->pid < 0) {
		runner->pid = 0;
		fd_close(ends[0]);
		return code;
	}
	runner->gone = ends[0];
	return 0;
}

void runner_done(struct runner *runner)
{
	if (runner->app)
		channel_app_close(runner->app, runner->packet.message.blob_size, runner->mapping);
	runner->app = NULL;
	runner->gone = fd_close(runner->gone);
}
