/* SPDX-License-Identifier: Apache-2.0 */
/* body.c - see body.h */
#include "formation/body.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "config/command.h"
#include "formation/sink.h"
#include "runtime/spec.h"

#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL

/*
 * What a dyno may write to the log: a burst, and so much a second from then on. It is more than anybody reads, and so little that
 * a dyno that writes without end costs the formation the reading alone. A burst takes half of a reader's queue (SINK_SIZE), so that
 * what the others write at the same time has room; what stands in front of each line counts with it.
 */
#define FLOOD_BURST (SINK_SIZE / 2)
#define FLOOD_AGAIN (FLOOD_BURST / 2)
#define FLOOD_RATE (4ULL << 20)
#define FLOOD_LINE 64

/** refill() - tokens for the time that has passed */
static void refill(struct body *body)
{
	uint64_t passed = body->formation->now.ns - body->filled_ns;

	body->filled_ns = body->formation->now.ns;
	if (passed > 2 * NS_PER_S)
		passed = 2 * NS_PER_S;
	body->tokens += passed * FLOOD_RATE / NS_PER_S;
	if (body->tokens > FLOOD_BURST)
		body->tokens = FLOOD_BURST;
}

/** tell_dropped() - as Heroku tells of lines that its own buffers had no room for */
static void tell_dropped(struct body *body)
{
	char since[40];

	if (body->dropped == 0)
		return;
	(void)logline_time(body->dropped_us, since, sizeof(since));
	formation_say(body->formation, body->label, "Error L12 (Local buffer overflow): %llu messages dropped since %s",
	              (unsigned long long)body->dropped, since);
	body->dropped = 0;
}

/** on_line() - the dyno wrote a line */
static void on_line(void *data, const char *text, size_t length)
{
	struct body *body = data;
	struct formation *formation = body->formation;
	struct logline line = {
		.wall_us = formation->now.wall_us, .dyno = body->label, .text = text, .length = length
	};

	/* Who was silenced is so until half of the burst is there again: one gap, told once. */
	if (body->tokens < length + FLOOD_LINE || (body->dropped > 0 && body->tokens < FLOOD_AGAIN)) {
		if (body->dropped++ == 0)
			body->dropped_us = formation->now.wall_us;
		return;
	}
	tell_dropped(body);
	body->tokens -= length + FLOOD_LINE;
	log_add(formation->log, &line);
}

/** read_output() - one read of what the dyno wrote. Return: whether there may be more now */
static bool read_output(struct body *body)
{
	struct formation *formation = body->formation;
	ssize_t got;

	if (body->output < 0)
		return false;
	got = read(body->output, formation->buffer, sizeof(formation->buffer));
	if (got > 0) {
		refill(body);
		splitter_feed(&body->splitter, formation->buffer, (size_t)got, on_line, body);
		return true;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	formation_unpoll(formation, body->output);
	body->output = fd_close(body->output);
	return false;
}

/** on_written() - the dyno wrote something: one read, then it is the others' turn */
static void on_written(struct formation *formation, void *owner)
{
	(void)formation;
	(void)read_output(owner);
}

/** drain() - what is left in the pipe of a dyno that has ended: no more than a pipe holds */
static void drain(struct body *body)
{
	while (read_output(body))
		;
	splitter_finish(&body->splitter, on_line, body);
	tell_dropped(body);
}

/** gone() - the dyno has ended with @status */
static void gone(struct body *body, int status)
{
	if (body->end == BODY_GONE)
		return;
	drain(body);
	body->end = BODY_GONE;
	body->events.ready = body->requests.ready = body->written.ready = NULL;
	formation_body_gone(body->formation, body, status);
}

/** on_exited() - why and how; a memory limit that the kernel had to keep is R15 */
static void on_exited(struct body *body, const struct dyno_event *event)
{
	struct formation *formation = body->formation;

	drain(body);
	if (text_starts(event->reason, "memory limit") && !body->greedy)
		formation_say(formation, body->label, "Error R15 (Memory quota vastly exceeded)");
	else if (event->reason[0] && body->end == BODY_RUNS)
		formation_say(formation, body->label, "%s", event->reason);
	gone(body, event->status);
}

/** on_event() - one event of the dyno */
static void on_event(struct body *body, struct dyno_event *event)
{
	struct formation *formation = body->formation;

	switch (event->type) {
	case DYNO_EVENT_UP:
		body->up = true;
		if (body->place && !body->place->life.listens)
			formation_happens(formation, body->place, HAPPENING_READY);
		break;
	case DYNO_EVENT_LISTENING:
		if (event->listen.hint[0])
			formation_say(formation, body->label, "%s", event->listen.hint);
		if (event->error.code < 0)
			formation_say(formation, body->label, "%s", event->error.text);
		if (event->listen.where == DYNO_LISTEN_READY && body->place && body->place->life.listens)
			formation_happens(formation, body->place, HAPPENING_READY);
		break;
	case DYNO_EVENT_FAILED:
		if (body->end == BODY_RUNS)
			formation_say(formation, body->label, "%s", event->error.text);
		gone(body, W_EXITCODE(event->error.code == -ENOENT ? 127 : 125, 0));
		break;
	case DYNO_EVENT_EXITED: on_exited(body, event); break;
	case DYNO_EVENT_EXEC_UP:
	case DYNO_EVENT_EXEC_FAILED:
	case DYNO_EVENT_EXEC_EXITED: control_event(body->control, event); break;
	case DYNO_EVENT_NONE:
	case DYNO_EVENT_STOPPED: break;
	}
}

/** on_events() - something happened to the dyno */
static void on_events(struct formation *formation, void *owner)
{
	struct body *body = owner;
	struct dyno_error err = { 0 };
	struct dyno_event event;

	do {
		if (dyno_next_event(body->dyno, &event, &err) < 0) {
			formation_say(formation, body->label, "%s", err.text);
			body_kill(body);
			gone(body, W_EXITCODE(125, 0));
			return;
		}
		on_event(body, &event);
	} while (event.type != DYNO_EVENT_NONE && body->end != BODY_GONE);
}

/** on_request() - somebody asks something of this one dyno, such as dyno exec or dyno stop */
static void on_request(struct formation *formation, void *owner)
{
	struct body *body = owner;
	enum control_request_type type = CONTROL_NOTHING;
	int64_t grace_ms = -1;

	/* A client that breaks the protocol is dropped by the server; it is no trouble of ours. */
	if (control_serve(body->control, &type, &grace_ms) < 0 || type == CONTROL_NOTHING)
		return;
	if (body->place)
		formation_happens(formation, body->place, HAPPENING_RESTART);
	if (type == CONTROL_KILL)
		body_kill(body);
	else if (grace_ms >= 0 && body->end == BODY_ASKED)
		body->deadline_ns = formation->now.ns + (uint64_t)grace_ms * NS_PER_MS;
}

/** make_env() - config vars and $PORT of a dyno that is no web dyno; pointers only, to be freed */
static const char **make_env(const struct environment *vars, const char *port)
{
	const char **env = calloc(vars->count + 2, sizeof(*env));
	size_t used = 0;

	if (!env)
		return NULL;
	for (size_t i = 0; i < vars->count; i++)
		if (!port || !text_starts(vars->vars[i], "PORT="))
			env[used++] = vars->vars[i];
	if (port)
		env[used++] = port;
	return env;
}

/** make_pipe() - what the dyno writes to. Return: 0 or negative errno */
static int make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* The dyno is another user, and programs open /dev/stdout anew (nginx does): that is the pipe's own mode. */
	(void)fchmod(ends[1], 0622);
	return fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

/** start_dyno() - prepare and start; a name that is still the predecessor's is replaced by one that is free */
static int start_dyno(struct body *body, const struct dyno_shape *shape, struct dyno_app *app, struct dyno_error *err)
{
	struct dyno_host *host = body->formation->host;
	struct dyno_sandbox *sandbox = NULL;
	int code = dyno_prepare(host, shape, app, 0, &sandbox, err);

	if (code == -EBUSY && app->name) {
		app->name = NULL;
		code = dyno_prepare(host, shape, app, 0, &sandbox, err);
	}
	if (code == 0)
		code = dyno_start(sandbox, app, &body->dyno, err);
	return code < 0 ? code : control_open(host, body->dyno, &body->control, err);
}

/** poll_body() - wait for all that can happen to it */
static int poll_body(struct body *body)
{
	struct formation *formation = body->formation;
	int code;

	body->events = (struct watcher){ on_events, body };
	body->requests = (struct watcher){ on_request, body };
	body->written = (struct watcher){ on_written, body };
	code = formation_poll(formation, dyno_fd(body->dyno), EPOLLIN, &body->events);
	if (code == 0)
		code = formation_poll(formation, control_fd(body->control), EPOLLIN, &body->requests);
	return code < 0 ? code : formation_poll(formation, body->output, EPOLLIN, &body->written);
}

/** struct launch - what a dyno is started with, while it is started */
struct launch {
	struct dyno_shape shape;
	struct dyno_app app;
	char name[LABEL_SIZE];
	char port[16];
	const char *publish[2];
	char **argv;
	const char **env;
};

/** describe() - make shape and app of what the place wants. Return: 0 or negative errno */
static int describe(const struct formation *formation, struct body *body, const char *command,
                    const struct environment *vars, struct launch *ret)
{
	const struct formation_setup *setup = formation->setup;
	const struct place *place = body->place;
	bool web = place->life.listens;
	char *number = strchr(ret->port, '=');

	ret->port[0] = '\0';
	if (place->type &&
	    text_format(ret->port, sizeof(ret->port), "PORT=%u", plan_port(place->type, place->index)) > 0)
		number = ret->port + strlen("PORT=");
	ret->shape = (struct dyno_shape){ .stack = setup->stack, .net = setup->net, .watch = web };
	ret->app = (struct dyno_app){ .label = body->label, .slug = setup->slug, .egress = setup->egress };
	ret->app.allow_host = setup->net == DYNO_NET_PRIVATE ? setup->allow_host : NULL;
	if (text_format(ret->name, sizeof(ret->name), "%s.%s", setup->app, body->label) > 0 &&
	    spec_name_valid(ret->name))
		ret->app.name = ret->name;
	if (web && number) {
		ret->app.port = (uint16_t)plan_port(place->type, place->index);
		ret->app.egress = setup->egress_web ? setup->egress_web : setup->egress;
		ret->publish[0] = number;
		body->published = setup->publish && setup->net == DYNO_NET_PRIVATE;
		if (body->published)
			ret->app.publish = ret->publish;
	}
	ret->env = make_env(vars, ret->port[0] && !web ? ret->port : NULL);
	if (!ret->env || command_shell(command, &ret->argv) < 0)
		return -ENOMEM;
	ret->app.env = ret->env;
	ret->app.argv = (const char *const *)ret->argv;
	return 0;
}

/** launch() - the steps that can fail; the body is freed by the caller then */
static int launch(struct body *body, const char *command, const struct dyno_limits *limits,
                  const struct environment *vars, struct dyno_error *err)
{
	struct formation *formation = body->formation;
	struct launch made = { 0 };
	int ends[2] = { -1, -1 };
	int code = make_pipe(ends);

	body->output = ends[0];
	if (code < 0)
		error_set(err, code, "output", "cannot make a pipe for the output:");
	else if ((code = describe(formation, body, command, vars, &made)) < 0)
		error_set(err, code, "launch", "no memory for a dyno");
	if (code == 0) {
		body->quota = limits->memory;
		made.app.limits = *limits;
		made.app.limits.memory = limits->memory / 100 * formation->setup->rules.kill_percent;
		made.app.fds[0] = formation->null_fd;
		made.app.fds[1] = made.app.fds[2] = ends[1];
		code = start_dyno(body, &made.shape, &made.app, err);
	}
	fd_close(ends[1]);
	free(made.argv);
	free(made.env);
	if (code == 0 && (code = poll_body(body)) < 0)
		error_set(err, code, "launch", "cannot wait for a dyno:");
	return code;
}

int body_launch(struct formation *formation, struct place *place, const char *command, const struct dyno_limits *limits,
                const struct environment *vars, struct dyno_error *err)
{
	struct body *body = calloc(1, sizeof(*body));
	int code;

	if (!body)
		return error_set(err, -ENOMEM, "launch", "no memory for a dyno");
	body->formation = formation;
	body->place = place;
	body->output = -1;
	body->tokens = FLOOD_BURST;
	body->filled_ns = formation->now.ns;
	(void)text_copy(body->label, sizeof(body->label), place->label);
	code = launch(body, command, limits, vars, err);
	if (code < 0) {
		body->end = BODY_GONE;
		body_free(body);
		return code;
	}
	body->next = formation->bodies;
	formation->bodies = body;
	place->body = body;
	return 0;
}

void body_retire(struct body *body)
{
	struct formation *formation = body->formation;

	if (body->place)
		body->place->body = NULL;
	body->place = NULL;
	if (body->end != BODY_RUNS)
		return;
	formation_say(formation, body->label, "Stopping all processes with SIGTERM");
	(void)dyno_signal(body->dyno, SIGTERM, true);
	body->end = BODY_ASKED;
	body->deadline_ns = formation->now.ns + formation->setup->rules.grace_ms * NS_PER_MS;
}

void body_kill(struct body *body)
{
	if (body->end == BODY_KILLED || body->end == BODY_GONE)
		return;
	body->end = BODY_KILLED;
	(void)dyno_kill(body->dyno);
}

uint64_t body_due(const struct body *body)
{
	uint64_t due = body->end == BODY_ASKED ? body->deadline_ns : ALARM_NEVER;
	uint64_t missing = body->tokens < FLOOD_AGAIN ? FLOOD_AGAIN - body->tokens : 0;
	uint64_t told = body->filled_ns + missing * NS_PER_S / FLOOD_RATE;

	return body->dropped > 0 && told < due ? told : due;
}

void body_expire(struct body *body)
{
	struct formation *formation = body->formation;

	/* the flood may have ended: nobody waits for the dyno's next line to hear of those that are missing */
	if (body->dropped > 0) {
		refill(body);
		if (body->tokens >= FLOOD_AGAIN)
			tell_dropped(body);
	}
	if (body->end != BODY_ASKED || formation->now.ns < body->deadline_ns)
		return;
	formation_say(formation, body->label,
	              "Error R12 (Exit timeout) -> At least one process failed to exit within %g seconds of SIGTERM",
	              (double)formation->setup->rules.grace_ms / 1000);
	formation_say(formation, body->label, "Stopping remaining processes with SIGKILL");
	body_kill(body);
}

void body_free(struct body *body)
{
	if (body->dyno)
		formation_unpoll(body->formation, dyno_fd(body->dyno));
	if (body->control)
		formation_unpoll(body->formation, control_fd(body->control));
	formation_unpoll(body->formation, body->output);
	/* The name is given back while the socket is ours no more; who waits for the end hears of it when all is gone. */
	control_unlisten(body->control);
	body->dyno = dyno_destroy(body->dyno);
	body->control = control_close(body->control);
	fd_close(body->output);
	free(body->splitter.held);
	free(body);
}
