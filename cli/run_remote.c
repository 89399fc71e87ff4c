/* SPDX-License-Identifier: Apache-2.0 */
/**
 * run_remote.c - see run_back.h: a dyno whose launcher is another process
 *
 * The way to a running app is short here: connect, one packet, wait for UP. Nothing of the host is probed, no table is
 * read. The dyno belongs to the connection, so it ends with this process, however that ends.
 *
 * A dyno of a launcher sees what the launcher sees, and runs where the launcher runs. So a launcher is taken without being
 * asked for only where that makes no difference: same user, same view of files and network, same share of the CPUs.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/message.h"
#include "cli/report.h"
#include "cli/run_back.h"
#include "dyno-launcher.h"

#define GONE_MS 30000 /* to take a dyno down takes milliseconds; this is a launcher that hangs */

/**
 * struct remote - a dyno of a launcher's
 * @start:    number of the request that started it
 * @asked:    the launcher was named by the caller: there is no other way
 * @ended:    its last event but GONE came
 * @gone:     everything of it was taken down
 * @event:    scratch space for the next event
 * @up:       what was told when it came up; @back points into it
 * @published: its places, each ended by NUL
 */
struct remote {
	struct run_back back;
	struct dyno_launcher *launcher;
	uint64_t start;
	bool asked;
	bool ended;
	bool gone;
	struct dyno_launcher_event event;
	char name[64];
	char notice[sizeof(((struct dyno_launcher_event *)NULL)->notice)];
	char address[sizeof(((struct dyno_launcher_event *)NULL)->address)];
	char published[sizeof(((struct dyno_launcher_event *)NULL)->published)];
	struct dyno_timeline boot;
	struct dyno_discarded discarded;
};

/** remote_know() - note what an event tells of the dyno itself, whichever event it is */
static void remote_know(struct remote *remote)
{
	const struct dyno_launcher_event *event = &remote->event;

	if (event->name[0] && !remote->back.name) {
		(void)text_copy(remote->name, sizeof(remote->name), event->name);
		remote->back.name = remote->name;
	}
	if (event->timeline.ns[DYNO_PHASE_REQUESTED] != 0)
		remote->boot = event->timeline;
}

/** remote_up() - the app runs: what the loop tells about it */
static void remote_up(struct remote *remote)
{
	struct dyno_launcher_event *event = &remote->event;
	char *place, *rest = remote->published;
	size_t count = 0;

	(void)text_copy(remote->notice, sizeof(remote->notice), event->notice);
	(void)text_copy(remote->address, sizeof(remote->address), event->address);
	(void)text_copy(remote->published, sizeof(remote->published), event->published);
	while (count < RUN_BACK_PLACES && (place = strsep(&rest, " ")))
		if (*place)
			remote->back.places[count++] = place;
	remote->back.terminal = event->terminal;
	event->terminal = -1;
}

/**
 * remote_refused() - a request was not done; only that for the dyno itself matters, the others come too late for it
 * Whatever the reason, nothing was started: to launch it here gives the dyno, or the same reason in its own words. One
 * without number is about the connection.
 */
static int remote_refused(const struct remote *remote, struct dyno_event *ret)
{
	if ((remote->event.id != remote->start && remote->event.id != 0) || remote->back.name)
		return 0;
	if (!remote->asked)
		return RUN_BACK_COLD;
	ret->type = DYNO_EVENT_FAILED;
	ret->error = remote->event.error;
	return 0;
}

/** remote_event() - the event at hand as the loop knows it. Return: 0 or RUN_BACK_COLD */
static int remote_event(struct remote *remote, struct dyno_event *ret)
{
	const struct dyno_launcher_event *event = &remote->event;

	*ret = (struct dyno_event){ .type = DYNO_EVENT_NONE, .terminal = -1, .status = event->status };
	if (event->type == DYNO_LAUNCHER_REFUSED)
		return remote_refused(remote, ret);
	if (event->type == DYNO_LAUNCHER_NOTHING || event->type == DYNO_LAUNCHER_DONE || event->id != remote->start)
		return 0;
	remote_know(remote);
	switch (event->type) {
	case DYNO_LAUNCHER_UP:
		remote_up(remote);
		ret->type = DYNO_EVENT_UP;
		break;
	case DYNO_LAUNCHER_FAILED:
		remote->ended = true;
		ret->type = DYNO_EVENT_FAILED;
		ret->error = event->error;
		break;
	case DYNO_LAUNCHER_LISTENING:
		ret->type = DYNO_EVENT_LISTENING;
		ret->listen = event->listen;
		ret->error = event->error;
		break;
	case DYNO_LAUNCHER_STOPPED: ret->type = DYNO_EVENT_STOPPED; break;
	case DYNO_LAUNCHER_EXITED:
		remote->ended = true;
		ret->type = DYNO_EVENT_EXITED;
		(void)text_copy(ret->reason, sizeof(ret->reason), event->reason);
		break;
	case DYNO_LAUNCHER_GONE:
		remote->gone = true;
		remote->discarded = event->discarded;
		break;
	default: break; /* newer than we are */
	}
	return 0;
}

/** remote_next() - see struct run_back_ops */
static int remote_next(struct run_back *back, struct dyno_event *ret, struct dyno_error *err)
{
	struct remote *remote = (struct remote *)back;
	int code;

	do {
		code = dyno_launcher_next(remote->launcher, &remote->event, err);
		if (code == -EPIPE || code == -ECONNRESET)
			error_set(err, code, "launcher", "the launcher went away, and its dynos with it");
		if (code < 0)
			return code;
		code = remote_event(remote, ret);
	} while (code == 0 && ret->type == DYNO_EVENT_NONE && remote->event.type != DYNO_LAUNCHER_NOTHING);
	return code;
}

/** remote_signal() - see struct run_back_ops */
static int remote_signal(struct run_back *back, int signo, bool all)
{
	struct remote *remote = (struct remote *)back;
	uint64_t id;

	return dyno_launcher_signal(remote->launcher, NULL, remote->start, signo, all, &id, NULL);
}

/** remote_kill() - see struct run_back_ops */
static int remote_kill(struct run_back *back)
{
	struct remote *remote = (struct remote *)back;
	uint64_t id;

	return dyno_launcher_kill(remote->launcher, NULL, remote->start, &id, NULL);
}

/** remote_wait_gone() - wait until nothing is left of the dyno: who ran it may look, or take its name again */
static void remote_wait_gone(struct remote *remote)
{
	struct dyno_event event;

	while (remote->ended && !remote->gone) {
		if (dyno_launcher_wait(remote->launcher, GONE_MS, &remote->event, NULL) < 0)
			return;
		(void)remote_event(remote, &event);
	}
}

/** remote_left() - see struct run_back_ops; to keep it, or to list it, is not asked of launchers */
static int remote_left(struct run_back *back, const struct run_given *given, struct dyno_error *err)
{
	struct remote *remote = (struct remote *)back;
	char line[1024];

	(void)err;
	remote_wait_gone(remote);
	if (!given->quiet && report_discarded_line(&remote->discarded, NULL, line, sizeof(line)) != 0)
		message_line("%s", line);
	return 0;
}

/** remote_close() - see struct run_back_ops; to hang up ends a dyno that still runs */
static void remote_close(struct run_back *back)
{
	struct remote *remote = (struct remote *)back;

	remote_wait_gone(remote);
	fd_close(back->terminal);
	dyno_launcher_close(remote->launcher);
	free(remote);
}

static const struct run_back_ops remote_ops = {
	.next = remote_next,
	.signal = remote_signal,
	.kill = remote_kill,
	.left = remote_left,
	.close = remote_close,
};

/** same_place() - /proc/@pid/@what is the same object as ours; false when it may not be looked at */
static bool same_place(pid_t pid, const char *what)
{
	char theirs[64], ours[64];
	struct stat a, b;

	(void)text_format(theirs, sizeof(theirs), "/proc/%d/%s", (int)pid, what);
	(void)text_format(ours, sizeof(ours), "/proc/self/%s", what);
	return stat(theirs, &a) == 0 && stat(ours, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/** same_share() - @pid has our priority and runs on the CPUs we run on: nice(1), taskset(1) */
static bool same_share(pid_t pid)
{
	cpu_set_t theirs, ours;

	return getpriority(PRIO_PROCESS, (id_t)pid) == getpriority(PRIO_PROCESS, 0) &&
	       sched_getaffinity(pid, sizeof(theirs), &theirs) == 0 && sched_getaffinity(0, sizeof(ours), &ours) == 0 &&
	       CPU_EQUAL(&theirs, &ours);
}

/**
 * remote_equal() - a dyno of the launcher behind @fd is like one of ours
 * One in a PID namespace that we cannot see into has number 0.
 */
static bool remote_equal(int fd)
{
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0 && peer.uid == geteuid() &&
	       same_place(peer.pid, "ns/mnt") && same_place(peer.pid, "ns/net") && same_place(peer.pid, "root") &&
	       same_share(peer.pid);
}

/** remote_start() - reach the launcher and ask it. Return: 0, or negative errno when it did not come to that */
static int remote_start(struct remote *remote, const struct run_request *request, uint64_t requested_ns,
                        struct dyno_error *err)
{
	const struct run_given *given = request->given;
	const struct dyno_launcher_options options = {
		.requested_ns = requested_ns,
		.grace_ms = (int64_t)given->grace_ms,
		.kill_on_hangup = true, /* as the dyno of a launcher that is killed: see run_own.c */
	};
	struct dyno_app app = request->app;
	struct winsize size;
	int code = dyno_launcher_connect(given->launcher, &remote->launcher, err);

	if (request->shape.tty &&
	    (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)) {
		app.rows = size.ws_row;
		app.columns = size.ws_col;
	}
	if (code == 0 && !remote->asked && !remote_equal(dyno_launcher_fd(remote->launcher)))
		code = -EXDEV;
	if (code == 0)
		code = dyno_launcher_start(remote->launcher, &request->shape, &app, &options, &remote->start, err);
	return code;
}

/** remote_served() - a launcher can do all that @request asks for */
static int remote_served(const struct run_request *request, struct dyno_error *err)
{
	const struct run_given *given = request->given;

	if (given->keep || given->diff || given->scratch_dir || given->label)
		return error_set(
			err, -ENOTSUP, "launcher",
			"no launcher is asked for --keep, --diff, --scratch-dir or --label: use --no-launcher");
	return 0;
}

int run_remote_launch(const struct run_request *request, uint64_t requested_ns, struct run_back **ret,
                      struct dyno_error *err)
{
	const struct run_given *given = request->given;
	bool asked = given->launcher;
	struct dyno_error *why = asked ? err : NULL;
	struct remote *remote;
	int code;

	*ret = NULL;
	if (given->no_launcher)
		return 0;
	code = remote_served(request, why);
	if (code < 0)
		return asked ? code : 0;
	remote = calloc(1, sizeof(*remote));
	if (!remote)
		return asked ? error_set(err, -ENOMEM, "launcher", "no memory for a dyno") : 0;
	remote->back = (struct run_back){ .ops = &remote_ops, .fd = -1, .control_fd = -1, .terminal = -1 };
	remote->back.boot = &remote->boot;
	remote->back.notice = remote->notice;
	remote->back.address = remote->address;
	remote->asked = asked;
	code = remote_start(remote, request, requested_ns, why);
	if (code < 0) {
		remote_close(&remote->back);
		return asked ? code : 0;
	}
	remote->back.fd = dyno_launcher_fd(remote->launcher);
	*ret = &remote->back;
	return 0;
}
