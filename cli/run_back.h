/* SPDX-License-Identifier: Apache-2.0 */
/**
 * run_back.h - a dyno as `dyno run` sees it, whoever owns it
 *
 * The loop of run.c supervises a dyno by what is declared here alone. Two stand behind it: this process as the dyno's
 * launcher (run_own.c), and a resident launcher at the other end of a socket (run_remote.c). What the user sees comes
 * from the loop, and so is the same for both.
 */
#ifndef CLI_RUN_BACK_H
#define CLI_RUN_BACK_H

#include "cli/run_options.h"
#include "netns/policy.h"
#include "runtime/control.h"

#define RUN_BACK_PLACES (POLICY_PUBLISH_MAX + 1) /* and a unix socket */

/** RUN_BACK_COLD - what next() returns when a launcher does not take the request: nothing was started, do it yourself */
#define RUN_BACK_COLD 1

struct run_back;

/**
 * struct run_back_ops - what can be asked of either
 * @next:    as dyno_next_event(), without EXEC events. Return: 0, RUN_BACK_COLD or negative errno
 * @control: as control_serve()
 * @signal, @kill: as dyno_signal() and dyno_kill()
 * @settled: the app is up and nobody waits: time for what can wait; NULL for nothing
 * @left:    of an exited dyno: keep and report what it wrote, as was asked. Return: 0, or what ends the run with a failure
 * @close:   take everything down and free it
 */
struct run_back_ops {
	int (*next)(struct run_back *back, struct dyno_event *ret, struct dyno_error *err);
	int (*control)(struct run_back *back, enum control_request_type *ret, int64_t *ret_grace_ms);
	int (*signal)(struct run_back *back, int signo, bool all);
	int (*kill)(struct run_back *back);
	void (*settled)(struct run_back *back);
	int (*left)(struct run_back *back, const struct run_given *given, struct dyno_error *err);
	void (*close)(struct run_back *back);
};

/**
 * struct run_back - the head of either's own struct
 * @fd:       readable when next() has something to say
 * @control_fd: readable when control() has, -1 where others' requests are no concern of ours
 * @name:     NULL before it is known
 * @notice, @address, @places, @boot, @terminal: as dyno_notice(), ... of dyno.h have them, from DYNO_EVENT_UP on;
 *            @places ends with NULL
 */
struct run_back {
	const struct run_back_ops *ops;
	int fd;
	int control_fd;
	int terminal;
	const char *name;
	const char *notice;
	const char *address;
	const char *places[RUN_BACK_PLACES + 1];
	const struct dyno_timeline *boot;
};

/**
 * run_own_launch() - launch it ourselves: probe the host, prepare, start, open the control socket
 * @requested_ns: when the command began
 */
int run_own_launch(const struct run_request *request, uint64_t requested_ns, struct run_back **ret,
                   struct dyno_error *err);

/**
 * run_remote_launch() - ask a resident launcher for it, if there is one that can give what was asked for
 * Does not wait for its answer. Every reason not to ask is silent, since the other way gives the same, only later; but not
 * when the caller named the launcher.
 * @ret: NULL when nobody was asked
 * Return: 0, or why the launcher that was named was not asked
 */
int run_remote_launch(const struct run_request *request, uint64_t requested_ns, struct run_back **ret,
                      struct dyno_error *err);

#endif /* CLI_RUN_BACK_H */
