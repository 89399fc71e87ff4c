/* SPDX-License-Identifier: Apache-2.0 */
/**
 * launch.c - one command in a dyno, by the public API of libdyno and nothing else
 *
 *     launch COMMAND [ARGUMENT...]
 *
 * Prints what the boot cost and how the command ended, on standard error, and exits as a shell would: with the command's
 * own status, 128+n for a signal, 127 when there is no such command, 126 when it cannot be executed or started.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dyno.h>

/** complain() - tell why a call failed, and what to do about it */
static int complain(const struct dyno_error *err)
{
	fprintf(stderr, "launch: %s: %s\n", err->step, err->text);
	if (err->remedy[0])
		fprintf(stderr, "launch: %s\n", err->remedy);
	return err->code == -ENOENT ? 127 : 126;
}

/** print_timeline() - what each phase cost since the one before */
static void print_timeline(const struct dyno_timeline *timeline)
{
	uint64_t last = timeline->ns[DYNO_PHASE_REQUESTED];
	int phase;

	for (phase = DYNO_PHASE_REQUESTED + 1; phase < DYNO_PHASE_COUNT; phase++) {
		uint64_t now = timeline->ns[phase];

		if (now == 0)
			continue;
		/* parent and child work at the same time: a phase may be over before the one that is told first */
		fprintf(stderr, "%+8.3f ms  %s\n", ((double)now - (double)last) / 1e6,
		        dyno_phase_name((enum dyno_phase)phase));
		last = now;
	}
}

/** report_end() - how the main process ended. Return: exit status of the same meaning */
static int report_end(struct dyno *dyno, const struct dyno_event *event)
{
	struct dyno_discarded discarded;
	int code = WIFSIGNALED(event->status) ? 128 + WTERMSIG(event->status) : WEXITSTATUS(event->status);

	fprintf(stderr, "%s ended with %d%s%s\n", dyno_name(dyno), code, event->reason[0] ? ": " : "", event->reason);
	if (dyno_discarded(dyno, &discarded, NULL, NULL, NULL) == 0)
		fprintf(stderr, "discarded %llu files, %llu bytes\n", (unsigned long long)discarded.files,
		        (unsigned long long)discarded.bytes);
	return code;
}

/** next() - one event of the dyno. Return: exit status when it was the last, -1 else */
static int next(struct dyno *dyno)
{
	struct dyno_event event;
	struct dyno_error err;

	if (dyno_next_event(dyno, &event, &err) < 0)
		return complain(&err);
	switch (event.type) {
	case DYNO_EVENT_UP:
		fprintf(stderr, "%s is up, pid %d\n", dyno_name(dyno), (int)dyno_pid(dyno));
		print_timeline(dyno_boot(dyno));
		return -1;
	case DYNO_EVENT_FAILED: return complain(&event.error);
	case DYNO_EVENT_EXITED: return report_end(dyno, &event);
	default: return -1;
	}
}

/** serve() - the event loop: the dyno, and signals to pass on. Return: exit status */
static int serve(struct dyno *dyno, int signals)
{
	struct pollfd fds[2] = { { .fd = dyno_fd(dyno), .events = POLLIN }, { .fd = signals, .events = POLLIN } };
	int code = -1;

	while (code < 0) {
		struct signalfd_siginfo info;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return 126;
		if (fds[1].revents && read(signals, &info, sizeof(info)) == sizeof(info))
			(void)dyno_signal(dyno, (int)info.ssi_signo, false);
		if (fds[0].revents)
			code = next(dyno);
	}
	return code;
}

/** launch() - prepare a sandbox, start the command in it, see it through. Return: exit status */
static int launch(struct dyno_host *host, const char *const *argv, int signals)
{
	const struct dyno_shape shape = { .stack = "host", .net = DYNO_NET_NONE };
	const struct dyno_app app = { .argv = argv, .fds = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO } };
	struct dyno_sandbox *sandbox;
	struct dyno_error err;
	struct dyno *dyno;
	int code;

	if (dyno_prepare(host, &shape, &app, 0, &sandbox, &err) < 0)
		return complain(&err);
	/* the sandbox is ready and waits, for as long as you like */
	if (dyno_start(sandbox, &app, &dyno, &err) < 0)
		return complain(&err);
	code = serve(dyno, signals);
	dyno_destroy(dyno);
	return code;
}

int main(int argc, char **argv)
{
	struct dyno_host *host;
	struct dyno_error err;
	sigset_t mask;
	int signals;
	int code;

	if (argc < 2) {
		fprintf(stderr, "usage: launch COMMAND [ARGUMENT...]\n");
		return 126;
	}
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	if (signals < 0 || dyno_host_open(&host, &err) < 0)
		return signals < 0 ? 126 : complain(&err);
	code = launch(host, (const char *const *)argv + 1, signals);
	dyno_host_close(host);
	close(signals);
	return code;
}
