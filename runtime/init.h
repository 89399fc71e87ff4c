/* SPDX-License-Identifier: Apache-2.0 */
/**
 * init.h - PID 1 of a dyno: parked first, then it starts the app, reaps, forwards signals, and reports
 *
 * It runs under the same confinement as the app, is not dumpable, and holds nothing but its channel, a signalfd, and (until the start)
 * the terminal. Its death is the dyno's end: the kernel kills every process of the PID namespace.
 */
#ifndef RUNTIME_INIT_H
#define RUNTIME_INIT_H

#include <signal.h>
#include <stdbool.h>

#include "runtime/channel.h"
#include "runtime/child.h"

#define INIT_EXECS 64 /* processes of dyno_exec() that may run at once in one dyno */

/** struct init_exec - a process started by CHANNEL_EXEC; @pid 0: free */
struct init_exec {
	uint32_t id;
	pid_t pid;
};

/** struct init_parked - the launcher is to know: @message, with the @count @fds, which are init's until then; @shed: what else to drop */
struct init_parked {
	struct channel_message message;
	int fds[3];
	unsigned count;
	const struct shed *shed;
};

/**
 * struct init - state of PID 1
 * @main_pid: the app, 0 before the start
 * @no_init:  become the app instead of starting it
 * @parked:   the news of a sandbox that is ready; @told: they are on their way
 * @ruleset, @landlock_abi: where /app comes late: the Landlock rules to be entered when it is there; -1 otherwise
 */
struct init {
	int channel;
	int signal_fd;
	int terminal;
	pid_t main_pid;
	bool no_init;
	int ruleset;
	int landlock_abi;
	struct init_parked parked;
	bool told;
	struct init_exec execs[INIT_EXECS];
};

/** init_reset_signals() - default dispositions for all signals, all blocked: the launcher's choices are not the app's */
void init_reset_signals(void);

/** init_hide_title() - overwrite the inherited command line and environment, which other processes of the dyno could read */
void init_hide_title(void);

/**
 * init_begin() - drop every descriptor that the dyno must not have, and tell the launcher that the sandbox is parked
 * That can wait for one who sent the start without waiting: each word to him wakes him, and so the app comes first.
 */
void init_begin(struct init *init, const struct child *child);

/** init_main() - wait for the start, then serve until the app ends. Does not return */
__attribute__((noreturn)) void init_main(struct init *init);

#endif /* RUNTIME_INIT_H */
