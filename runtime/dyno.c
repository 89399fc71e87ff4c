/* SPDX-License-Identifier: Apache-2.0 */
/* dyno.c - start, signals and end of a dyno; see dyno.h. What happens to it: events.c */
#include "runtime/running.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/text.h"
#include "runtime/channel.h"
#include "runtime/host.h"
#include "runtime/late.h"
#include "runtime/registry.h"
#include "runtime/spec.h"

/** adopt_app() - make the sandbox the app's: what is missing of it, and its limits */
static int adopt_app(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno_error *err)
{
	int r = 0;

	if (sandbox->pid == 0)
		r = sandbox_complete(sandbox, app, err);
	else if (sandbox->late)
		r = late_adopt(sandbox, app, err);
	else if (app->slug && strcmp(app->slug, sandbox->slug) != 0)
		r = late_refuse(app, err);
	return r < 0 ? r : sandbox_bound(sandbox->host, &sandbox->group, &app->limits, &sandbox->limits, err);
}

/** admit() - give the network end its app, before it runs */
static int admit(struct dyno *dyno, const struct dyno_app *app, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = dyno->sandbox;
	enum dyno_net net = sandbox->shape.net;
	int r = policy_read(app, net, &dyno->policy, err);

	if (r < 0 || net != DYNO_NET_PRIVATE)
		return r;
	r = sandbox_note(sandbox, app->publish_unix, err);
	if (r < 0)
		return r;
	r = network_admit(sandbox->host->network, net, &dyno->policy, &sandbox->network, err);
	if (r == -EADDRINUSE)
		registry_name_owner(sandbox->host, &dyno->policy, err);
	/* The caller's; by now there is a socket. */
	dyno->policy.publish_unix = NULL;
	return r;
}

/**
 * send_start() - the one message that makes a sandbox a dyno
 * One whose /app is still to be attached can wake up and read it meanwhile.
 */
static int send_start(struct dyno *dyno, const struct dyno_app *app, struct dyno_error *err)
{
	const struct dyno_sandbox *sandbox = dyno->sandbox;
	const struct channel_message message = {
		.type = CHANNEL_START,
		.flags = sandbox->no_app ? CHANNEL_APP_COMES : 0,
	};
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

/** complete() - what the sandbox is still to be given from outside; it is attached by one process while another sees to the network */
static int complete(struct dyno *dyno, const struct dyno_app *app, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = dyno->sandbox;
	struct attach attach = { .app = -1 };
	int r = sandbox->late ? late_attach(sandbox, &attach, err) : 0, end;

	if (r == 0)
		r = admit(dyno, app, err);
	end = late_end(sandbox, &attach, r == 0 ? err : NULL);
	return r < 0 ? r : end;
}

/** launch() - the last steps before the app runs, with its START at the earliest moment */
static int launch(struct dyno *dyno, const struct dyno_app *app, struct dyno_error *err)
{
	const struct channel_message attached = { .type = CHANNEL_ATTACHED };
	struct dyno_sandbox *sandbox = dyno->sandbox;
	int r = sandbox->no_app ? send_start(dyno, app, err) : 0;

	if (r == 0)
		r = complete(dyno, app, err);
	if (r < 0)
		return r;
	if (!sandbox->no_app)
		return send_start(dyno, app, err);
	r = channel_send(sandbox->channel, &attached, NULL, NULL, 0);
	return r < 0 && r != -EPIPE ? error_set(err, r, "start", "cannot reach the sandbox:") : 0;
}

/** describe() - what other processes are to find of the dyno when it is up */
static void describe(struct dyno *dyno, const struct dyno_app *app)
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
	registry_note_network(&entry, &sandbox->network);
	snprintf(entry.command, sizeof(entry.command), "%.100s", app->argv[0]);
	snprintf(entry.slug, sizeof(entry.slug), "%.255s", sandbox->slug);
	if (sandbox->shape.scratch_dir)
		snprintf(entry.scratch_dir, sizeof(entry.scratch_dir), "%.255s", sandbox->shape.scratch_dir);
	dyno->entry = entry;
}

/** start_dyno() - the steps of dyno_start() that can fail */
static int start_dyno(struct dyno *dyno, const struct dyno_app *app, struct dyno_error *err)
{
	int r = fault_at("start");

	if (r < 0)
		return error_set(err, r, "start", "injected failure at start:");
	if (!dyno->sandbox->shape.tty)
		r = spec_check_streams(app->fds, err);
	if (r == 0)
		r = adopt_app(dyno->sandbox, app, err);
	if (r == 0 && spec_environment(app, dyno->sandbox->name, &dyno->env) < 0)
		r = error_set(err, -ENOMEM, "start", "out of memory");
	if (r == 0)
		r = launch(dyno, app, err);
	if (r < 0)
		return r;
	/* The less from here on, the better: what becomes the app may be waiting for our CPU. The rest is done when it is up. */
	r = events_begin(dyno);
	if (r < 0)
		return error_set(err, r, "start", "cannot wait for the dyno:");
	describe(dyno, app);
	return dyno->sandbox->parked ? events_parked(dyno, err) : 0;
}

int dyno_start(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno **ret, struct dyno_error *err)
{
	int r = spec_check_app(&sandbox->shape, app, err);

	if (r < 0) {
		dyno_sandbox_destroy(sandbox);
		return r;
	}
	return dyno_start_checked(sandbox, app, ret, err);
}

int dyno_start_checked(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno **ret,
                       struct dyno_error *err)
{
	struct dyno *dyno = calloc(1, sizeof(*dyno));
	int r;

	if (!dyno) {
		dyno_sandbox_destroy(sandbox);
		return error_set(err, -ENOMEM, "start", "out of memory");
	}
	dyno->sandbox = sandbox;
	dyno->epoll = dyno->chores = -1;
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

const struct dyno_timeline *dyno_boot(const struct dyno *dyno)
{
	return &dyno->sandbox->timeline;
}

const char *dyno_notice(const struct dyno *dyno)
{
	const struct cgroup_host *cgroups = &dyno->sandbox->host->cgroups;

	return cgroup_holds(cgroups, CGROUP_MEMORY) && cgroup_holds(cgroups, CGROUP_PIDS) ? "" : cgroups->why;
}

enum dyno_birth dyno_birth(const struct dyno *dyno)
{
	return dyno->sandbox->birth;
}

const char *dyno_name(const struct dyno *dyno)
{
	return dyno->sandbox->name;
}

const char *dyno_address(const struct dyno *dyno)
{
	return dyno->sandbox->network.address;
}

const char *dyno_published(const struct dyno *dyno, size_t index)
{
	const struct publish *publish = &dyno->sandbox->network.publish;

	if (index < publish->count)
		return publish->texts[index];
	return index == publish->count && publish->unix_path[0] ? publish->unix_path : NULL;
}

pid_t dyno_pid(const struct dyno *dyno)
{
	return dyno->sandbox->pid;
}

int dyno_terminal(const struct dyno *dyno)
{
	return dyno->sandbox->terminal;
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
	fd_close(dyno->chores);
	dyno_sandbox_destroy(dyno->sandbox);
	watch_end(&dyno->watch);
	free(dyno->env);
	free(dyno);
	return NULL;
}
