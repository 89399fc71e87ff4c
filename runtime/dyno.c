/* SPDX-License-Identifier: Apache-2.0 */
/* dyno.c - start, events, signals and end of a dyno; see dyno.h */
#include "runtime/running.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/text.h"
#include "runtime/channel.h"
#include "runtime/host.h"
#include "runtime/reason.h"
#include "runtime/registry.h"
#include "runtime/spec.h"

/** poll_for() - dyno_fd() is readable when @fd is */
static int poll_for(const struct dyno *dyno, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(dyno->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/** poll_begin() - one epoll descriptor over channel and pidfd */
static int poll_begin(struct dyno *dyno)
{
	int r;

	dyno->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (dyno->epoll < 0)
		return -errno;
	r = poll_for(dyno, dyno->sandbox->channel);
	return r < 0 ? r : poll_for(dyno, dyno->sandbox->pidfd);
}

/** adopt_app() - limits of the app; what prepare had to know must be what it was told */
static int adopt_app(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno_error *err)
{
	if (app->slug && strcmp(app->slug, sandbox->slug) != 0) {
		error_set(err, -ENOTSUP, "start", "slug %s was not known when the sandbox was prepared", app->slug);
		error_remedy(err, "give the app to dyno_prepare()");
		return -ENOTSUP;
	}
	return sandbox_limit(sandbox, &app->limits, err);
}

/** send_start() - the one message that makes a sandbox a dyno */
static int send_start(struct dyno *dyno, const struct dyno_app *app, struct dyno_error *err)
{
	const struct dyno_sandbox *sandbox = dyno->sandbox;
	const struct channel_message message = { .type = CHANNEL_START };
	bool no_cgroup = !cgroup_holds(&sandbox->host->cgroups, CGROUP_MEMORY);
	_cleanup_free_ void *blob = NULL;
	size_t size;
	struct dyno_app bounded = *app;
	int r;

	bounded.limits = sandbox->limits;
	r = channel_app_pack(&bounded, (const char *const *)dyno->env, sandbox->shape.scratch_size, no_cgroup, &blob,
	                     &size);

	if (r == 0)
		r = channel_send_app(sandbox->channel, &message, blob, size, sandbox->shape.tty ? NULL : app->fds);
	if (blob)
		explicit_bzero(blob, size);
	/* EPIPE: the child failed meanwhile and its error record waits in the channel. */
	return r < 0 && r != -EPIPE ? error_set(err, r, "start", "cannot send the app to its sandbox:") : 0;
}

/** publish() - let other processes find the dyno; after the start, because nothing waits for it */
static int publish(struct dyno *dyno, const struct dyno_app *app)
{
	const struct dyno_sandbox *sandbox = dyno->sandbox;
	struct registry_entry entry = {
		.slot = sandbox->slot,
		.launcher = getpid(),
		.pid = sandbox->pid,
		.started = (uint64_t)time(NULL),
		.net = sandbox->shape.net,
		.port = app->port,
	};

	(void)text_copy(entry.name, sizeof(entry.name), sandbox->name);
	(void)text_copy(entry.address, sizeof(entry.address), sandbox->network.address);
	snprintf(entry.command, sizeof(entry.command), "%.100s", app->argv[0]);
	snprintf(entry.slug, sizeof(entry.slug), "%.255s", sandbox->slug);
	if (sandbox->shape.scratch_dir)
		snprintf(entry.scratch_dir, sizeof(entry.scratch_dir), "%.255s", sandbox->shape.scratch_dir);
	dyno->entry = entry;
	return registry_publish(sandbox->slot_fd, &entry);
}

/** start_dyno() - the steps of dyno_start() that can fail */
static int start_dyno(struct dyno *dyno, const struct dyno_app *app, struct dyno_error *err)
{
	int r = fault_at("start");

	if (r < 0)
		return error_set(err, r, "start", "injected failure at start:");
	r = spec_check_app(app, err);
	if (r == 0 && !dyno->sandbox->shape.tty)
		r = spec_check_streams(app->fds, err);
	if (r == 0)
		r = adopt_app(dyno->sandbox, app, err);
	if (r == 0 && spec_environment(app, dyno->sandbox->name, &dyno->env) < 0)
		r = error_set(err, -ENOMEM, "start", "out of memory");
	if (r == 0)
		r = send_start(dyno, app, err);
	if (r < 0)
		return r;
	r = poll_begin(dyno);
	if (r == 0)
		r = publish(dyno, app);
	if (r < 0)
		return error_set(err, r, "start", "cannot register the dyno:");
	/* Off the path: the holders of the user namespaces were killed long ago. */
	identity_done(&dyno->sandbox->identity);
	return 0;
}

int dyno_start(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno **ret, struct dyno_error *err)
{
	struct dyno *dyno = calloc(1, sizeof(*dyno));
	int r;

	if (!dyno) {
		dyno_sandbox_destroy(sandbox);
		return error_set(err, -ENOMEM, "start", "out of memory");
	}
	dyno->sandbox = sandbox;
	dyno->epoll = dyno->terminal = -1;
	dyno->watch = (struct watch)WATCH_NULL;
	dyno->boot_timeout_ms = app->boot_timeout_ms;
	r = start_dyno(dyno, app, err);
	if (r < 0) {
		dyno_destroy(dyno);
		return r;
	}
	*ret = dyno;
	return 0;
}

int dyno_fd(const struct dyno *dyno)
{
	return dyno->epoll;
}

/** on_parked() - the sandbox was ready: its stamps, and descriptors that only it could make */
static int on_parked(struct dyno *dyno, struct channel_packet *packet, struct dyno_error *err)
{
	const struct dyno_sandbox *sandbox = dyno->sandbox;
	unsigned at = 0;
	size_t i;

	for (i = 0; i < DYNO_PHASE_COUNT; i++)
		if (packet->message.timeline.ns[i])
			dyno->sandbox->timeline.ns[i] = packet->message.timeline.ns[i];
	if (packet->message.flags & CHANNEL_HAS_TERMINAL)
		dyno->terminal = TAKE_FD(packet->fds[at++]);
	if (packet->message.flags & CHANNEL_HAS_SCRATCH)
		dyno->sandbox->scratch = TAKE_FD(packet->fds[at++]);
	if (packet->message.flags & CHANNEL_HAS_NOTIFY)
		return watch_begin(&dyno->watch, TAKE_FD(packet->fds[at]), sandbox->shape.net, dyno->entry.port, err);
	return 0;
}

/**
 * on_up() - the main process runs
 * Only now its listening may be told, though the thread may have seen it: events come in the order of life.
 */
static int on_up(struct dyno *dyno, uint64_t ns, struct dyno_event *ret, struct dyno_error *err)
{
	struct watch *watch = &dyno->watch;
	int r = 0;

	dyno->state = DYNO_RUNNING;
	dyno->sandbox->timeline.ns[DYNO_PHASE_EXEC] = ns;
	ret->type = DYNO_EVENT_UP;
	dyno->entry.boot_ns = ns - dyno->sandbox->timeline.ns[DYNO_PHASE_REQUESTED];
	/* The dyno is known already; without its boot time if this fails. */
	(void)registry_publish(dyno->sandbox->slot_fd, &dyno->entry);
	if (!watch->running)
		return 0;
	if (dyno->boot_timeout_ms > 0)
		r = watch_arm(watch, ns, dyno->boot_timeout_ms, err);
	if (r == 0)
		r = poll_for(dyno, watch->reports);
	if (r == 0 && watch->timer >= 0)
		r = poll_for(dyno, watch->timer);
	return r < 0 ? error_set(err, r, "watch", "cannot wait for the app's listening:") : 0;
}

/** on_listening() - a socket of the app's listens: the first on its port makes the dyno ready */
static void on_listening(struct dyno *dyno, const struct watch_report *report, struct dyno_event *ret)
{
	ret->type = DYNO_EVENT_LISTENING;
	watch_describe(&dyno->watch, report, &ret->listen);
	if (report->where == DYNO_LISTEN_READY)
		dyno->sandbox->timeline.ns[DYNO_PHASE_LISTENING] = report->seen.ns;
}

/** look_at_watch() - what the watch has to say: a socket listens, or the time for that is over */
static void look_at_watch(struct dyno *dyno, struct dyno_event *ret)
{
	struct watch_report report;
	int r = watch_next(&dyno->watch, &report);

	if (r > 0)
		on_listening(dyno, &report, ret);
	else if (watch_expired(&dyno->watch))
		(void)dyno_kill(dyno); /* R10: the end is told when it comes */
	if (r == -EPIPE && dyno->watch.reports >= 0)
		dyno->watch.reports = fd_close(dyno->watch.reports);
}

/** on_exited() - the main process ended */
static void on_exited(struct dyno *dyno, int status, struct dyno_event *ret)
{
	dyno->state = DYNO_ENDED;
	dyno->reported = true;
	dyno->status = status;
	ret->type = DYNO_EVENT_EXITED;
	ret->status = status;
	/* What init reported is true now, but its last processes die with it: wait, so that the counters are final. */
	(void)sandbox_reap(dyno->sandbox);
	reason_of(dyno, status, ret->reason, sizeof(ret->reason));
}

/** on_packet() - one packet of the init */
static int on_packet(struct dyno *dyno, struct channel_packet *packet, struct dyno_event *ret, struct dyno_error *err)
{
	const struct channel_message *message = &packet->message;

	switch (message->type) {
	case CHANNEL_PARKED: return on_parked(dyno, packet, err);
	case CHANNEL_UP: return on_up(dyno, message->ns, ret, err);
	case CHANNEL_FAILED:
		dyno->state = DYNO_ENDED;
		ret->type = DYNO_EVENT_FAILED;
		ret->error = message->error;
		break;
	case CHANNEL_EXITED: on_exited(dyno, message->value, ret); break;
	case CHANNEL_STOPPED:
		ret->type = DYNO_EVENT_STOPPED;
		ret->status = message->value;
		break;
	default: break;
	}
	return 0;
}

/** on_exec_packet() - one packet of the init about a process of dyno_exec() */
static void on_exec_packet(struct channel_packet *packet, struct dyno_event *ret)
{
	const struct channel_message *message = &packet->message;

	ret->exec_id = message->id;
	ret->status = message->value;
	if (message->type == CHANNEL_UP) {
		ret->type = DYNO_EVENT_EXEC_UP;
		ret->terminal = TAKE_FD(packet->fds[0]);
	} else if (message->type == CHANNEL_FAILED) {
		ret->type = DYNO_EVENT_EXEC_FAILED;
		ret->error = message->error;
	} else if (message->type == CHANNEL_EXITED) {
		ret->type = DYNO_EVENT_EXEC_EXITED;
	}
}

/** on_stillborn() - the first process died before the app was up, and could not say why: the dyno failed, not the app */
static void on_stillborn(const struct dyno *dyno, struct dyno_event *ret)
{
	char reason[sizeof(ret->reason)];

	reason_of(dyno, dyno->status, reason, sizeof(reason));
	ret->type = DYNO_EVENT_FAILED;
	if (reason[0])
		error_set(&ret->error, -ECHILD, "boot", "the first process died before the app was up: %s", reason);
	else
		error_set(&ret->error, -ECHILD, "boot", "the first process gave up before the app was up");
}

/** on_silence() - the channel is at its end: without init that is the execve; else the first process died */
static int on_silence(struct dyno *dyno, struct dyno_event *ret, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = dyno->sandbox;
	struct pollfd pidfd = { .fd = sandbox->pidfd, .events = POLLIN };

	/* Confined and silent: it executed. Not yet confined: it died. */
	if (sandbox->shape.no_init && dyno->state == DYNO_STARTING && sandbox->timeline.ns[DYNO_PHASE_CONFINED]) {
		(void)epoll_ctl(dyno->epoll, EPOLL_CTL_DEL, sandbox->channel, NULL);
		return on_up(dyno, clock_ns(), ret, err);
	}
	if (poll(&pidfd, 1, sandbox->shape.no_init && dyno->state == DYNO_RUNNING ? 0 : -1) <= 0)
		return 0;
	dyno->status = sandbox_reap(sandbox);
	if (dyno->state == DYNO_STARTING) {
		dyno->state = DYNO_ENDED;
		on_stillborn(dyno, ret);
		return 0;
	}
	dyno->state = DYNO_ENDED;
	ret->type = DYNO_EVENT_EXITED;
	ret->status = dyno->status;
	if (dyno->status < 0) {
		/* Unknown is not success: wait(2), NOTES on a SIGCHLD that is ignored. */
		ret->status = W_EXITCODE(255, 0);
		snprintf(ret->reason, sizeof(ret->reason),
		         "unknown: somebody else waited for it, or SIGCHLD is ignored");
		return 0;
	}
	reason_of(dyno, dyno->status, ret->reason, sizeof(ret->reason));
	return 0;
}

/** read_channel() - packets until one is an event, or there are no more. Return: 1, 0 at the end, or negative errno */
static int read_channel(struct dyno *dyno, struct dyno_event *ret, struct dyno_error *err)
{
	_cleanup_free_ struct channel_packet *packet = malloc(sizeof(*packet));
	int r = 1;

	if (!packet)
		return error_set(err, -ENOMEM, "event", "out of memory");
	while (r > 0 && ret->type == DYNO_EVENT_NONE) {
		int done = 0;

		r = channel_receive(dyno->sandbox->channel, packet, false);
		if (r > 0 && packet->message.id != 0)
			on_exec_packet(packet, ret);
		else if (r > 0)
			done = on_packet(dyno, packet, ret, err);
		if (r > 0)
			channel_close_fds(packet);
		if (done < 0)
			return done;
	}
	if (r < 0 && r != -EAGAIN)
		return error_set(err, r, "event", "cannot read the dyno's channel:");
	return r == 0 ? 0 : 1;
}

int dyno_next_event(struct dyno *dyno, struct dyno_event *ret, struct dyno_error *err)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->terminal = -1;
	if (dyno->state == DYNO_ENDED)
		return 0;
	r = read_channel(dyno, ret, err);
	if (r == 0)
		r = on_silence(dyno, ret, err);
	if (r < 0)
		return r;
	if (ret->type == DYNO_EVENT_NONE && dyno->state == DYNO_RUNNING)
		look_at_watch(dyno, ret);
	return 0;
}

const struct dyno_timeline *dyno_boot(const struct dyno *dyno)
{
	return &dyno->sandbox->timeline;
}

const char *dyno_notice(const struct dyno *dyno)
{
	const struct cgroup_host *cgroups = &dyno->sandbox->host->cgroups;

	return cgroup_holds(cgroups, CGROUP_MEMORY) && cgroup_holds(cgroups, CGROUP_PIDS) ? "" : cgroups->why;
}

const char *dyno_name(const struct dyno *dyno)
{
	return dyno->sandbox->name;
}

const char *dyno_address(const struct dyno *dyno)
{
	return dyno->sandbox->network.address;
}

pid_t dyno_pid(const struct dyno *dyno)
{
	return dyno->sandbox->pid;
}

int dyno_terminal(const struct dyno *dyno)
{
	return dyno->terminal;
}

int dyno_signal(struct dyno *dyno, int signo, bool all)
{
	const struct channel_message message = { .type = CHANNEL_SIGNAL, .id = all ? CHANNEL_ALL : 0, .value = signo };

	if (signo < 1 || signo >= NSIG)
		return -EINVAL;
	if (dyno->state == DYNO_ENDED)
		return -ESRCH;
	if (dyno->sandbox->shape.no_init)
		return pidfd_send_signal(dyno->sandbox->pidfd, signo, NULL, 0) < 0 ? -errno : 0;
	return channel_send(dyno->sandbox->channel, &message, NULL, NULL, 0);
}

int dyno_exec(struct dyno *dyno, const struct dyno_app *app, bool tty, uint32_t *ret_id, struct dyno_error *err)
{
	const struct dyno_sandbox *sandbox = dyno->sandbox;
	struct channel_message message = { .type = CHANNEL_EXEC, .id = dyno->next_exec + 1 };
	bool no_cgroup = !cgroup_holds(&sandbox->host->cgroups, CGROUP_MEMORY);
	_cleanup_free_ char **env = NULL;
	_cleanup_free_ void *blob = NULL;
	struct dyno_app bounded = *app;
	size_t size;
	int r;

	/* Before we know that it is up, too: the app may know already, and the channel keeps the order */
	if (dyno->state == DYNO_ENDED || sandbox->shape.no_init) {
		error_set(err, -ENOTSUP, "exec", "%s cannot take another process", sandbox->name);
		error_remedy(err, "it must run, and not have been started with --no-init");
		return -ENOTSUP;
	}
	message.flags = tty ? CHANNEL_WANT_TERMINAL : 0;
	r = spec_check_exec(app, err);
	if (r == 0 && !tty)
		r = spec_check_streams(app->fds, err);
	if (r < 0)
		return r;
	r = spec_merge_environment(dyno->env, app->env, &env);
	bounded.limits = sandbox->limits;
	if (r == 0)
		r = channel_app_pack(&bounded, (const char *const *)env, sandbox->shape.scratch_size, no_cgroup, &blob,
		                     &size);
	if (r == 0)
		r = channel_send_app(sandbox->channel, &message, blob, size, tty ? NULL : app->fds);
	if (r < 0)
		return error_set(err, r, "exec", "cannot send the command to %s:", sandbox->name);
	*ret_id = ++dyno->next_exec;
	return 0;
}

int dyno_exec_signal(struct dyno *dyno, uint32_t id, int signo)
{
	const struct channel_message message = { .type = CHANNEL_SIGNAL, .id = id, .value = signo };

	if (id == 0 || signo < 1 || signo >= NSIG)
		return -EINVAL;
	return channel_send(dyno->sandbox->channel, &message, NULL, NULL, 0);
}

int dyno_kill(struct dyno *dyno)
{
	if (dyno->sandbox->pid <= 0)
		return 0;
	/* PID 1 of the namespace: the kernel kills all others with it (pid_namespaces(7)), and no fork can escape that. */
	return pidfd_send_signal(dyno->sandbox->pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH ? -errno : 0;
}

struct dyno *dyno_destroy(struct dyno *dyno)
{
	if (!dyno)
		return NULL;
	fd_close(dyno->epoll);
	fd_close(dyno->terminal);
	dyno_sandbox_destroy(dyno->sandbox);
	watch_end(&dyno->watch);
	free(dyno->env);
	free(dyno);
	return NULL;
}
