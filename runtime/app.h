/* SPDX-License-Identifier: Apache-2.0 */
/* app.h - the last steps before execve(2): streams, session, limits, directory, signals */
#ifndef RUNTIME_APP_H
#define RUNTIME_APP_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/channel.h"

/**
 * struct app_streams - standard streams of the new process: a terminal, or three descriptors (if @given), or /dev/null
 * @job: a process group of its own in init's session, rather than a session of its own. A session's first group is
 *       orphaned, and the kernel discards SIGTSTP there (kernel/signal.c, get_signal): ^Z would do nothing
 */
struct app_streams {
	bool job;
	int terminal;
	bool given;
	int fds[3];
};

/** app_exec() - become the app. Return: negative errno with @err; only on failure */
int app_exec(const struct channel_app *app, const struct app_streams *streams, struct dyno_error *err);

/**
 * app_spawn() - start the app as a child and wait until its execve(2) succeeded or failed
 * By vfork(2): no page tables to copy, and the child's failure record is simply there when the parent goes on.
 * Return: pid, or negative errno with @err
 */
pid_t app_spawn(const struct channel_app *app, const struct app_streams *streams, struct dyno_error *err);

#endif /* RUNTIME_APP_H */
