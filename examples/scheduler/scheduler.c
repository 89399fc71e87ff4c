/* SPDX-License-Identifier: Apache-2.0 */
/**
 * scheduler.c - a scheduler's first lines: many dynos by a resident launcher, and how each of them came and went
 *
 *     scheduler [-s SOCKET] COUNT COMMAND [ARGUMENT...]
 *
 * Asks for COUNT dynos of COMMAND without waiting for any, then reads what becomes of them from one descriptor. Exits
 * with 0 when all of them did.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <dyno-launcher.h>

/**
 * struct tally - how it goes
 * @asked:  dynos asked for, @over: those of which nothing more will be heard, @failed: of them, those that did not exit with 0
 * @births: how they were born
 */
struct tally {
	unsigned asked, over, failed;
	unsigned births[DYNO_BIRTH_WARM + 1];
};

/** complain() - tell why something failed, and what to do about it. Return: exit status of a failure */
static int complain(const struct dyno_error *err)
{
	fprintf(stderr, "scheduler: %s: %s%s%s\n", err->step, err->text, err->remedy[0] ? "; " : "", err->remedy);
	return 1;
}

/** up() - a dyno runs: tell how long its boot took, from the request to the first instruction of its command */
static void up(const struct dyno_launcher_event *event, struct tally *tally)
{
	const uint64_t *ns = event->timeline.ns;

	tally->births[event->birth]++;
	printf("%-12s %-6s %8.3f ms  pid %d\n", event->name, dyno_birth_name(event->birth),
	       (double)(ns[DYNO_PHASE_EXEC] - ns[DYNO_PHASE_REQUESTED]) / 1e6, (int)event->pid);
}

/** tell() - one event */
static void tell(const struct dyno_launcher_event *event, struct tally *tally)
{
	switch (event->type) {
	case DYNO_LAUNCHER_UP: up(event, tally); break;
	case DYNO_LAUNCHER_EXITED:
		tally->failed += event->status != 0;
		if (event->reason[0])
			printf("%-12s %s\n", event->name, event->reason);
		break;
	case DYNO_LAUNCHER_REFUSED:
		tally->over++; /* nothing was started, and nothing follows */
		__attribute__((fallthrough));
	case DYNO_LAUNCHER_FAILED:
		tally->failed++;
		(void)complain(&event->error);
		break;
	case DYNO_LAUNCHER_GONE: tally->over++; break;
	default: break;
	}
}

/** next() - wait for one event. Return: 0, or 1 when the launcher went away */
static int next(struct dyno_launcher *launcher, struct tally *tally)
{
	struct dyno_launcher_event event;
	struct dyno_error err;

	if (dyno_launcher_wait(launcher, -1, &event, &err) < 0)
		return complain(&err);
	tell(&event, tally);
	return 0;
}

/** schedule() - ask for @count dynos, and see them through. Return: exit status */
static int schedule(struct dyno_launcher *launcher, unsigned count, const char *const *argv)
{
	const struct dyno_shape shape = { .stack = "host", .net = DYNO_NET_NONE };
	/* standard input is nobody's: a descriptor of -1 is /dev/null in the dyno */
	const struct dyno_app app = { .argv = argv, .fds = { -1, STDOUT_FILENO, STDERR_FILENO } };
	const struct dyno_launcher_options options = { .grace_ms = -1 };
	struct tally tally = { 0 };
	struct dyno_error err;

	while (tally.over < count) {
		uint64_t id;
		int code = 1;

		if (tally.asked < count) {
			code = dyno_launcher_start(launcher, &shape, &app, &options, &id, &err);
			if (code < 0 && code != -EAGAIN)
				return complain(&err);
		}
		if (code == 0)
			tally.asked++;
		else if (next(launcher, &tally) != 0) /* all asked for, or the launcher wants to be read first */
			return 1;
	}
	printf("%u dynos: %u warm, %u pooled, %u cold; %u failed\n", count, tally.births[DYNO_BIRTH_WARM],
	       tally.births[DYNO_BIRTH_POOLED], tally.births[DYNO_BIRTH_COLD], tally.failed);
	return tally.failed != 0;
}

int main(int argc, char **argv)
{
	const char *socket = NULL;
	struct dyno_launcher *launcher;
	struct dyno_error err;
	int first = 1, code;

	if (argc > 2 && strcmp(argv[1], "-s") == 0) {
		socket = argv[2];
		first = 3;
	}
	if (argc < first + 2 || atoi(argv[first]) < 1) {
		fprintf(stderr, "usage: scheduler [-s SOCKET] COUNT COMMAND [ARGUMENT...]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (dyno_launcher_connect(socket, &launcher, &err) < 0)
		return complain(&err);
	code = schedule(launcher, (unsigned)atoi(argv[first]), (const char *const *)argv + first + 1);
	dyno_launcher_close(launcher);
	return code;
}
