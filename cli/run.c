/* SPDX-License-Identifier: Apache-2.0 */
/**
 * run.c - `dyno run`: one dyno in the foreground
 *
 * Theory of operation. Signals become events, and the dyno is launched (run_back.h): by a resident launcher that is there, else by
 * ourselves. Then one loop waits on the dyno, signals, the control socket and the terminal, and dispatches. Nothing
 * here waits for time except the grace of a stop.
 *
 * Signals: TERM stops the dyno (TERM to all of its processes, then KILL when the grace is over); a second TERM, or an
 * INT by then, kills it at once. WINCH with a terminal changes the size of the dyno's. TSTP reaches the app, and then we
 * stop too. The others go to the app's main process; ^C, ^\ and ^Z without a terminal of its own to all of the app, as a
 * terminal would send them to a whole job. Before the app is up there is nobody to be kind to: what would stop
 * the app ends the boot, and the rest is kept for it. Who has had the app killed, and signals once more, waits no longer.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/elsewhere.h"
#include "cli/message.h"
#include "cli/plan.h"
#include "cli/report.h"
#include "cli/run_app.h"
#include "cli/run_back.h"
#include "cli/run_options.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/verb.h"

#define KILL_NS 1000000000U /* by then what was killed has ended, or its launcher hangs */

enum { WAIT_SIGNALS, WAIT_DYNO, WAIT_CONTROL, WAIT_TERMINAL, WAIT_COUNT = WAIT_TERMINAL + TERMINAL_POLLS };

/**
 * struct run - one run
 * @terminal:    kept apart, because its buffers are large and untouched without a terminal
 * @back:        the dyno, NULL before it is launched
 * @deadline_ns: when the grace of a stop is over, 0 when not stopping
 * @held:        signals that came before the app was up, bit N for signal N
 * @up:          execve succeeded
 * @timed:       the timeline was reported
 * @ended:       the last event came; @exit_code is known
 * @abandoned:   do not wait for the rest of the output
 * @hung_up:     the caller's terminal is gone
 * @forwarded:   the last signal that was passed on to the app
 * @late:        the grace of a stop was not enough
 * @killed_ns:   when we had it killed, 0 if we did not
 * @requested_ns: when the command began
 * @cause:       signal that ended the boot before the app was up
 * @reason:      why the dyno ended, when there is something to say
 */
struct run {
	const struct run_request *request;
	struct terminal *terminal;
	struct run_back *back;
	struct signals signals;
	uint64_t requested_ns;
	uint64_t deadline_ns;
	uint64_t killed_ns;
	uint64_t held;
	bool up;
	bool timed;
	bool ended;
	bool abandoned;
	bool hung_up;
	bool late;
	int forwarded;
	int cause;
	int exit_code;
	char reason[sizeof(((struct dyno_event *)NULL)->reason)];
};

/** run_name() - how messages call the dyno */
static const char *run_name(const struct run *run)
{
	return run->back && run->back->name ? run->back->name : run->request->app.name;
}

/** run_launch() - signals become events, then the dyno is asked for: of a launcher that is there, or made here */
static int run_launch(struct run *run, struct dyno_error *err)
{
	int code = signals_open(&run->signals, err);

	if (code < 0)
		return code;
	code = run_remote_launch(run->request, run->requested_ns, &run->back, err);
	if (code < 0 || run->back)
		return code;
	return run_own_launch(run->request, run->requested_ns, &run->back, err);
}

/** run_close() - take everything down */
static void run_close(struct run *run)
{
	if (run->back)
		run->back->ops->close(run->back);
	run->back = NULL;
	signals_close(&run->signals);
}

/** run_timeline() - report the boot, if asked to, once; a report that fails does not end the app */
static void run_timeline(struct run *run)
{
	struct dyno_error err = { 0 };

	if (run->request->timeline == REPORT_NONE || run->timed)
		return;
	run->timed = true;
	if (report_timeline(run->request->timeline, run_name(run), run->back->boot, run->request->given->timeline_file,
	                    &err) < 0)
		(void)message_error(run_name(run), &err);
}

/** run_kill() - end the dyno at once */
static void run_kill(struct run *run)
{
	if (run->ended)
		return;
	if (run->killed_ns == 0)
		run->killed_ns = clock_ns();
	(void)run->back->ops->kill(run->back);
}

/**
 * run_stop() - stop the dyno: TERM to all, KILL when @grace_ms are over
 * A stop during a stop can shorten the grace and never lengthens it. One before we know that the app is up is kept for it:
 * the app itself may know already, and has a right to end in order.
 */
static void run_stop(struct run *run, uint64_t grace_ms)
{
	uint64_t deadline_ns = clock_ns() + grace_ms * 1000000;

	if (run->ended)
		return;
	if (run->deadline_ns == 0) {
		if (run->up)
			(void)run->back->ops->signal(run->back, SIGTERM, true);
		else
			run->held |= 1ULL << SIGTERM;
		run->deadline_ns = deadline_ns;
	} else if (deadline_ns < run->deadline_ns) {
		run->deadline_ns = deadline_ns;
	}
}

/** run_suspend() - stop together with the app, and continue together with it */
static void run_suspend(struct run *run)
{
	terminal_suspend(run->terminal);
	(void)run->back->ops->signal(run->back, SIGCONT, true); /* ^Z stopped a whole job */
}

/** run_signal_early() - a signal before the app is up is kept for it; the same one again ends the boot */
static void run_signal_early(struct run *run, int signo)
{
	switch (signo) {
	case SIGTERM:
	case SIGINT:
	case SIGHUP:
	case SIGQUIT:
		if (run->held >> signo & 1) {
			run->cause = signo;
			run_kill(run);
		} else if (signo == SIGTERM) {
			run_stop(run, run->request->given->grace_ms);
		} else {
			run->held |= 1ULL << signo;
		}
		break;
	case SIGCONT: run->held &= ~(1ULL << SIGTSTP); break;
	default: run->held |= 1ULL << signo;
	}
}

/**
 * run_given_up() - signal @signo says that nobody wants to wait: after the end for output, or for an end that does not come
 * A kill takes milliseconds, but the launcher that is to see to it may be stopped itself.
 */
static bool run_given_up(struct run *run, int signo)
{
	bool late = run->killed_ns != 0 && clock_ns() - run->killed_ns > KILL_NS;

	if (!run->ended && !late)
		return false;
	run->abandoned = signo == SIGTERM || signo == SIGINT || signo == SIGHUP || signo == SIGQUIT;
	if (run->abandoned && !run->ended)
		run->exit_code = EXIT_SIGNALLED + (run->cause ? run->cause : SIGKILL);
	return true;
}

/** run_signal() - act on signal @signo that was sent to us; @key: from the keyboard */
static void run_signal(struct run *run, int signo, bool key)
{
	bool tty = run->request->shape.tty;

	if (run_given_up(run, signo))
		return;
	if (!run->up) {
		run_signal_early(run, signo);
		return;
	}
	if (run->deadline_ns != 0 && (signo == SIGTERM || signo == SIGINT)) {
		run_kill(run);
		return;
	}
	switch (signo) {
	case SIGTERM: run_stop(run, run->request->given->grace_ms); return;
	case SIGWINCH:
		terminal_resize(run->terminal);
		if (tty)
			return; /* the kernel tells the app when the size of its terminal changes */
		break;
	case SIGCONT: terminal_resume(run->terminal); break;
	default: break;
	}
	run->forwarded = signo;
	(void)run->back->ops->signal(run->back, signo, key);
	/* With a terminal the app decides: if it stops, DYNO_EVENT_STOPPED follows, and we with it. */
	if (signo == SIGTSTP && !tty)
		run_suspend(run);
}

/** run_up() - the app runs: say where, how fast, and join the terminals */
static void run_up(struct run *run)
{
	const struct run_request *request = run->request;
	struct dyno_error err = { 0 };

	run->up = true;
	if (!request->given->quiet)
		report_places(run->back->places, run->back->address, request->app.port);
	if (!request->given->quiet && run->back->notice[0])
		message_line("dyno: %s: limits hold for each process, not for the dyno: %s", run_name(run),
		             run->back->notice);
	/* The boot of one that is watched ends when it listens. */
	if (!request->shape.watch)
		run_timeline(run);
	if (run->back->ops->settled)
		run->back->ops->settled(run->back);
	terminal_init(run->terminal, request->shape.tty ? run->back->terminal : -1);
	if (terminal_raw(run->terminal, &err) < 0)
		(void)message_error(run_name(run), &err);
	for (int signo = 1; run->held >> signo; signo++)
		if (signo == SIGTERM && run->held >> signo & 1)
			(void)run->back->ops->signal(run->back, SIGTERM, true); /* its grace runs already */
		else if (run->held >> signo & 1)
			run_signal(run, signo, false);
	run->held = 0;
}

/** run_listening() - a socket of the app's listens: say since when it is ready, or what keeps it from being so */
static void run_listening(struct run *run, const struct dyno_event *event)
{
	const struct dyno_timeline *boot = run->back->boot;
	bool ready = event->listen.where == DYNO_LISTEN_READY;
	char took[16];

	if (!run->request->given->quiet && event->listen.hint[0])
		message_line("dyno: %s: %s", run_name(run), event->listen.hint);
	if (!ready)
		return;
	units_format_ns(boot->ns[DYNO_PHASE_LISTENING] - boot->ns[DYNO_PHASE_REQUESTED], took, sizeof(took));
	if (!run->request->given->quiet)
		message_line("dyno: %s: listens on %s after %s", run_name(run), event->listen.address, took);
	if (event->error.code < 0)
		(void)message_error(run_name(run), &event->error);
	run_timeline(run);
}

/** run_failed() - the dyno could not be started. A boot that was ended by a signal is no failure worth a message */
static void run_failed(struct run *run, const struct dyno_event *event)
{
	run->ended = true;
	if (run->cause || run->late) {
		run->exit_code = EXIT_SIGNALLED + (run->cause ? run->cause : SIGKILL);
		return;
	}
	run_timeline(run);
	run->exit_code = message_error(run_name(run), &event->error);
}

/**
 * run_exited() - the app ended: note how, and why if the caller does not know already
 * Who asked for the end by a stop or a signal needs no line that it came.
 */
static void run_exited(struct run *run, const struct dyno_event *event)
{
	int signo = WIFSIGNALED(event->status) ? WTERMSIG(event->status) : 0;
	bool key = run->request->shape.tty && (signo == SIGINT || signo == SIGQUIT);
	bool asked = run->cause || key || (signo != 0 && (run->deadline_ns != 0 || signo == run->forwarded));

	run->ended = true;
	run_timeline(run); /* of one that never listened */
	run->exit_code = run->cause ? EXIT_SIGNALLED + run->cause : message_status(event->status);
	if (run->late)
		(void)text_copy(run->reason, sizeof(run->reason),
		                "did not stop within its time of grace and was killed");
	else if (!asked)
		(void)text_copy(run->reason, sizeof(run->reason), event->reason);
}

/** run_event() - act on one event of the dyno */
static void run_event(struct run *run, struct dyno_event *event)
{
	switch (event->type) {
	case DYNO_EVENT_NONE: break;
	case DYNO_EVENT_LISTENING: run_listening(run, event); break;
	case DYNO_EVENT_UP: run_up(run); break;
	case DYNO_EVENT_FAILED: run_failed(run, event); break;
	case DYNO_EVENT_EXITED: run_exited(run, event); break;
	case DYNO_EVENT_EXEC_UP:
	case DYNO_EVENT_EXEC_FAILED:
	case DYNO_EVENT_EXEC_EXITED: break; /* the back's */
	case DYNO_EVENT_STOPPED:
		if (run->request->shape.tty)
			run_suspend(run);
		break;
	}
}

/** run_anew() - the launcher did not take the request: launch it ourselves, unless its end was asked for by now */
static int run_anew(struct run *run, struct dyno_error *err)
{
	run->back->ops->close(run->back);
	run->back = NULL;
	if (run->killed_ns == 0)
		return run_own_launch(run->request, run->requested_ns, &run->back, err);
	run->ended = true;
	run->exit_code = EXIT_SIGNALLED + (run->cause ? run->cause : SIGKILL);
	return 0;
}

/** run_events() - act on all events that are there */
static int run_events(struct run *run, struct dyno_error *err)
{
	struct dyno_event event;
	int code;

	do {
		code = run->back->ops->next(run->back, &event, err);
		if (code == RUN_BACK_COLD)
			return run_anew(run, err);
		if (code < 0)
			return code;
		run_event(run, &event);
	} while (event.type != DYNO_EVENT_NONE && !run->ended);
	return 0;
}

/** run_control() - serve what other commands ask of the dyno */
static void run_control(struct run *run)
{
	enum control_request_type type = CONTROL_NOTHING;
	int64_t grace_ms = -1;

	/* A client that breaks the protocol is dropped by the server; it is no trouble of ours. */
	if (run->back->ops->control(run->back, &type, &grace_ms) < 0)
		return;
	if (type == CONTROL_KILL) {
		run->cause = run->up ? 0 : SIGKILL;
		run_kill(run);
	} else if (type == CONTROL_STOP) {
		run_stop(run, grace_ms < 0 ? run->request->given->grace_ms : (uint64_t)grace_ms);
	}
}

/** run_timeout() - milliseconds until the grace is over, rounded up; -1 when there is nothing to wait for */
static int run_timeout(const struct run *run)
{
	uint64_t now_ns;

	if (run->deadline_ns == 0 || run->ended || run->late)
		return -1;
	now_ns = clock_ns();
	return now_ns < run->deadline_ns ? (int)((run->deadline_ns - now_ns + 999999) / 1000000) : 0;
}

/**
 * run_hang_up() - the caller's terminal is gone: tell the app as the kernel would, and give it the grace of a stop
 * HUP and no TERM after it: an app that ends in order on one is not to be struck by the other meanwhile.
 */
static void run_hang_up(struct run *run)
{
	if (run->hung_up || run->ended)
		return;
	run->hung_up = true;
	if (run->deadline_ns != 0)
		return;
	(void)run->back->ops->signal(run->back, SIGHUP, true);
	run->deadline_ns = clock_ns() + run->request->given->grace_ms * 1000000;
}

/** run_wait() - wait for what comes next, and dispatch it; the dyno first, so that it is up before signals are its own */
static int run_wait(struct run *run, struct dyno_error *err)
{
	struct pollfd fds[WAIT_COUNT] = {
		[WAIT_SIGNALS] = { .fd = run->signals.fd, .events = POLLIN },
		[WAIT_DYNO] = { .fd = run->ended ? -1 : run->back->fd, .events = POLLIN },
		[WAIT_CONTROL] = { .fd = run->ended ? -1 : run->back->control_fd, .events = POLLIN },
	};
	int code = 0;
	bool key;
	int signo;

	terminal_polls(run->terminal, fds + WAIT_TERMINAL);
	if (poll(fds, WAIT_COUNT, run_timeout(run)) < 0)
		return errno == EINTR ? 0 : error_set(err, -errno, "wait", "cannot wait for the dyno:");
	if (fds[WAIT_DYNO].revents)
		code = run_events(run, err);
	if (code < 0)
		return code;
	while (fds[WAIT_SIGNALS].revents && (signo = signals_next(&run->signals, &key)) != 0)
		run_signal(run, signo, key);
	if (fds[WAIT_CONTROL].revents)
		run_control(run);
	if (terminal_relay(run->terminal, fds + WAIT_TERMINAL) < 0)
		run_hang_up(run);
	if (run->deadline_ns != 0 && !run->ended && !run->late && clock_ns() >= run->deadline_ns) {
		run->late = true;
		run_kill(run);
	}
	return 0;
}

/** run_leave() - tell what the dyno leaves behind: why it ended, what is kept, what is discarded */
static void run_leave(struct run *run)
{
	struct dyno_error err = { 0 };

	if (run->reason[0])
		message_line("dyno: %s: %s", run_name(run), run->reason);
	if (run->up && run->ended && run->back->ops->left(run->back, run->request->given, &err) < 0)
		run->exit_code = message_error(run_name(run), &err);
}

/** run_dyno() - launch, supervise, tell, take down. Return: exit code */
static int run_dyno(const struct run_request *request, uint64_t requested_ns)
{
	struct terminal terminal;
	struct run run = {
		.request = request, .terminal = &terminal, .signals = SIGNALS_NULL, .requested_ns = requested_ns
	};
	struct dyno_error err = { 0 };
	int code;

	terminal_init(&terminal, -1); /* the app's terminal comes when it is up */
	if (request->net_why.code < 0 && !request->given->quiet)
		message_line("dyno: nothing outside can be reached: %s (%s)", request->net_why.text,
		             request->net_why.remedy);
	code = run_launch(&run, &err);
	while (code == 0 && !run.abandoned && (!run.ended || !terminal_drained(&terminal)))
		code = run_wait(&run, &err);
	terminal_done(&terminal);
	if (code < 0)
		run.exit_code = message_error(run_name(&run), &err);
	else
		run_leave(&run);
	run_close(&run);
	return run.exit_code;
}

/** run_request() - validate, then do or only tell. Return: exit code */
static int run_request(const struct run_given *given, char *const *command, uint64_t requested_ns)
{
	struct run_request request;
	struct dyno_error err = { 0 };
	int code = run_options_resolve(given, command, &request, &err);

	if (code == -ENOMEM)
		code = message_error(given->name, &err);
	else if (code < 0)
		code = message_usage(&err);
	else if (given->dry_run)
		code = plan_print(stdout, &request) < 0 ? EXIT_DYNO_FAILED : EXIT_OK;
	else
		code = run_dyno(&request, requested_ns);
	run_request_done(&request);
	return code;
}

int run_main(int argc, char **argv, uint64_t requested_ns)
{
	struct run_given given = RUN_GIVEN_DEFAULTS;
	int first = argc;
	int code;

	if (run_is_of_app(argc, argv)) {
		static char elsewhere[] = "run:app";

		argv[0] = elsewhere;
		return elsewhere_main(argc, argv, requested_ns);
	}
	code = verb_parse("run", argc, argv, &given, &first);

	if (code == VERB_CONTINUE)
		code = run_request(&given, argv + first, requested_ns);
	options_done(run_specs, &given);
	return code;
}
