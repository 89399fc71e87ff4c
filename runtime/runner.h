/* SPDX-License-Identifier: Apache-2.0 */
/**
 * runner.h - the process that becomes the app, parked beside init until the start
 *
 * A parked sandbox has all behind it but execve(2). If init waited for the start and then made a process, that process would have to be
 * made while somebody waits. So it is there already: it takes the START itself, and executes. It shares init's memory
 * (CLONE_VM) until then, so that there are no page tables to copy and to tear down, and a failure's record is simply there.
 */
#ifndef RUNTIME_RUNNER_H
#define RUNTIME_RUNNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/channel.h"

/**
 * struct runner - what init and its runner share
 * @pid:      the runner, 0 without
 * @gone:     readable when it executed, or ended; -1 without
 * @channel, @terminal: as inherited; the terminal is -1 without
 * @started:  it has taken the START
 * @failed:   it could not execute: @error says why
 * @packet:   the START; @app: in it, or in a mapping of @mapping bytes
 */
struct runner {
	pid_t pid;
	int gone;
	int channel;
	int terminal;
	volatile bool started;
	volatile bool failed;
	struct dyno_error error;
	struct channel_app *app;
	size_t mapping;
	struct channel_packet packet;
};

/**
 * runner_park() - make it
 * Mustn't: init act on the channel, or make another process, until @gone is readable.
 * Return: 0, or negative errno: then init has to start the app itself
 */
int runner_park(struct runner *runner, int channel, int terminal);

/** runner_done() - after @gone became readable: forget the app's secrets, which are in our memory */
void runner_done(struct runner *runner);

#endif /* RUNTIME_RUNNER_H */
