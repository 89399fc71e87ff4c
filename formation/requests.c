/* SPDX-License-Identifier: Apache-2.0 */
/* requests.c - see requests.h */
#include "formation/requests.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "formation/body.h"
#include "formation/measure.h"

#define US_PER_S 1000000ULL
#define NUMBER_SIZE 24

/** send_words() - one frame */
static void send_words(struct client *client, const char *const *words, size_t count)
{
	char frame[WIRE_FRAME_MAX];
	size_t size = wire_pack(frame, sizeof(frame), words, count, NULL, 0);

	if (size > 0)
		(void)sink_add(&client->out, frame, size, client->formation->now.wall_us);
}

/** done() - the request was served; @text for people */
static void done(struct client *client, const char *text)
{
	send_words(client, (const char *const[]){ "done", text }, 2);
	client->ends = true;
}

/** failed() - it was not */
static void failed(struct client *client, const struct dyno_error *err)
{
	send_words(client, (const char *const[]){ "failed", err->text, err->remedy }, 3);
	client->ends = true;
}

/** unknown_dyno() - there is no dyno or type @name */
static void unknown_dyno(struct client *client, const char *name)
{
	struct dyno_error err = { 0 };

	error_set(&err, -ENOENT, "request", "the app has no dyno '%.140s'", name);
	error_remedy(&err, "dyno ps -a %s lists them", client->formation->setup->app);
	failed(client, &err);
}

/** send_type() - how many of a process type there are to be */
static void send_type(struct client *client, const struct plan_type *type)
{
	char quantity[NUMBER_SIZE];

	(void)text_format(quantity, sizeof(quantity), "%u", type->quantity);
	send_words(client, (const char *const[]){ "type", type->name, quantity, plan_size_label(type), type->command },
	           5);
}

/** send_dyno() - a place and its body; see struct live_dyno of the client for the order */
static void send_dyno(struct client *client, const struct place *place)
{
	const struct formation *formation = client->formation;
	uint64_t retry_ns = place->life.alarm_ns[ALARM_RETRY];
	struct measured measured = { 0 };
	char since[NUMBER_SIZE], retry[NUMBER_SIZE] = "", memory[NUMBER_SIZE], cpu[NUMBER_SIZE], pids[NUMBER_SIZE];
	char pid[NUMBER_SIZE] = "", quota[NUMBER_SIZE];
	const char *where = place->body ? dyno_published(place->body->dyno, 0) : NULL;

	if (place->body) {
		measure(place->body, &measured);
		(void)text_format(pid, sizeof(pid), "%d", (int)dyno_pid(place->body->dyno));
	}
	if (retry_ns != ALARM_NEVER)
		(void)text_format(retry, sizeof(retry), "%" PRIu64,
		                  retry_ns > formation->now.ns ? (retry_ns - formation->now.ns) / 1000000 : 0);
	(void)text_format(since, sizeof(since), "%" PRIu64, place->since_us);
	(void)text_format(memory, sizeof(memory), "%" PRIu64, measured.memory);
	(void)text_format(quota, sizeof(quota), "%" PRIu64, place->body ? place->body->quota : 0);
	(void)text_format(cpu, sizeof(cpu), "%" PRIu64, measured.cpu_usec);
	(void)text_format(pids, sizeof(pids), "%" PRIu64, measured.pids);
	send_words(client,
	           (const char *const[]){ "dyno", place->label, place->type ? place->type->name : "",
	                                  states_name(place->life.state), since, retry,
	                                  place->body ? dyno_name(place->body->dyno) : "", pid, where ? where : "",
	                                  memory, quota, cpu, pids, formation_command(place) },
	           14);
}

/** serve_ps() - all types and dynos */
static void serve_ps(struct client *client)
{
	struct formation *formation = client->formation;

	for (size_t i = 0; i < formation->recipe.plan.count; i++)
		send_type(client, &formation->recipe.plan.types[i]);
	for (const struct place *place = formation->places; place; place = place->next)
		send_dyno(client, place);
	done(client, formation->phase == PHASE_STOPS ? "stopping" : "");
}

/** log_api() - a line about the app, as Heroku's API logs them: @before and @text */
static void log_api(struct formation *formation, const char *before, const char *text)
{
	char buf[2100];
	struct logline line = { .wall_us = formation->now.wall_us, .dyno = "api", .text = buf };
	int length = text_format(buf, sizeof(buf), "%s%s", before, text);

	line.length = length < 0 ? 0 : (size_t)length;
	log_add(formation->log, &line);
}

/** keep_scale() - the next start is to have the same */
static void keep_scale(struct formation *formation)
{
	const struct formation_setup *setup = formation->setup;
	struct dyno_error err = { 0 };

	if (setup->keep && setup->keep(setup->data, &formation->recipe.plan, &err) < 0)
		log_api(formation, "The scale is not kept for the next start: ", err.text);
}

/** change_plan() - apply all words, or none of them; sizes fit a machine of @memory bytes. Return: 0 or negative errno */
static int change_plan(struct plan *plan, const struct wire_frame *frame, uint64_t memory,
                       int (*change)(struct plan *plan, const char *word, struct dyno_error *err),
                       struct dyno_error *err)
{
	_cleanup_free_ struct plan_type *before = calloc(plan->count ? plan->count : 1, sizeof(*before));
	int code = 0;

	if (!before)
		return error_set(err, -ENOMEM, "scale", "no memory for the formation");
	memcpy(before, plan->types, plan->count * sizeof(*before));
	for (size_t i = 1; i < frame->count && code == 0; i++)
		code = change(plan, frame->words[i], err);
	if (code == 0)
		code = plan_check(plan, memory, err);
	if (code < 0)
		memcpy(plan->types, before, plan->count * sizeof(*before));
	return code;
}

/** scaled() - act on a plan that was changed; @before: its types as they were */
static void scaled(struct client *client, const struct plan_type *before)
{
	struct formation *formation = client->formation;
	const struct plan *plan = &formation->recipe.plan;
	char text[2048];

	plan_told(plan, text, sizeof(text));
	log_api(formation, "Scaled to ", text);
	keep_scale(formation);
	for (struct place *place = formation->places; place; place = place->next)
		if (place->type && !plan_same_size(place->type, &before[place->type - plan->types]))
			formation_happens(formation, place, HAPPENING_RESTART);
	formation_fit(formation);
	done(client, text);
}

/** serve_scale() - scale and type: dynos whose size changes are restarted with it */
static void serve_scale(struct client *client, const struct wire_frame *frame, bool sizes)
{
	struct plan *plan = &client->formation->recipe.plan;
	struct plan_type *before = calloc(plan->count + 1, sizeof(*before));
	struct dyno_error err = { 0 };
	int code = -ENOMEM;

	if (before) {
		memcpy(before, plan->types, plan->count * sizeof(*before));
		code = change_plan(plan, frame, client->formation->setup->memory, sizes ? plan_resize : plan_scale,
		                   &err);
	} else {
		error_set(&err, code, "scale", "no memory for the formation");
	}
	if (code < 0)
		failed(client, &err);
	else
		scaled(client, before);
	free(before);
}

/** serve_restart() - restart or stop what @name means: a dyno, a type, or everything. One-off dynos only end */
static void serve_restart(struct client *client, const char *name, bool stop)
{
	struct formation *formation = client->formation;
	char text[LABEL_SIZE + 40];
	unsigned count = 0;

	for (struct place *place = formation->places; place; place = place->next) {
		bool meant = name ? strcmp(place->label, name) == 0 ||
		                             (place->type && strcmp(place->type->name, name) == 0)
		                  : place->type != NULL;

		if (!meant)
			continue;
		count++;
		formation_happens(formation, place, stop && place->life.one_off ? HAPPENING_STOP : HAPPENING_RESTART);
	}
	if (count == 0 && name) {
		unknown_dyno(client, name);
		return;
	}
	(void)text_format(text, sizeof(text), "%u", count);
	done(client, text);
}

/** command_of() - what @line runs: of a process type its command, with what follows behind it. Return: NULL without memory */
static char *command_of(const struct plan *plan, const char *line)
{
	size_t word = strcspn(line, " ");
	const struct plan_type *type = plan_find(plan, line, word);
	char *command = NULL;

	if (!type)
		return strdup(line);
	return asprintf(&command, "%s%s", type->command, line + word) < 0 ? NULL : command;
}

/**
 * read_run() - size and variables of a one-off dyno, from the third word of @frame on
 * @ret_vars: the app's config vars and these; empty when there are none. Return: 0 or negative errno
 */
static int read_run(const struct formation *formation, const struct wire_frame *frame, struct size *ret_size,
                    struct environment *ret_vars, struct dyno_error *err)
{
	const struct environment *vars = &formation->recipe.vars;
	struct plan_type type = { 0 };
	struct plan plan = { .types = &type, .count = 1 };
	int code = 0;

	if (frame->count > 2 && frame->words[2][0])
		code = plan_resize(&plan, frame->words[2], err);
	for (size_t i = 0; frame->count > 3 && i < vars->count && code == 0; i++)
		code = environment_set(ret_vars, vars->vars[i], err);
	for (size_t i = 3; i < frame->count && code == 0; i++)
		code = environment_set(ret_vars, frame->words[i], err);
	*ret_size = type.size;
	return code;
}

/** serve_run() - a one-off dyno whose output goes to the log: a process type's command, or a command line */
static void serve_run(struct client *client, const struct wire_frame *frame)
{
	struct formation *formation = client->formation;
	_cleanup_free_ char *command = command_of(&formation->recipe.plan, frame->words[1]);
	bool up = formation->recipe.plan.types != NULL;
	struct environment vars = { 0 };
	struct size size = { .name = "" };
	struct dyno_error err = { 0 };
	int code = read_run(formation, frame, &size, &vars, &err);
	struct place *place = code == 0 && command && up ? formation_one_off(formation, "run", command) : NULL;

	if (!place) {
		environment_done(&vars);
		if (code == 0)
			error_set(&err, -EAGAIN, "run", up ? "no memory for another dyno" : "the app is not up yet");
		failed(client, &err);
		return;
	}
	place->size = size;
	place->vars = vars;
	formation_happens(formation, place, HAPPENING_START);
	done(client, place->label);
}

void request_line(struct client *client, const struct logline *line)
{
	char wall[NUMBER_SIZE], frame[WIRE_FRAME_MAX];
	size_t size;

	(void)text_format(wall, sizeof(wall), "%" PRIu64, line->wall_us);
	size = wire_pack(frame, sizeof(frame), (const char *const[]){ "line", wall, logline_source(line), line->dyno },
	                 4, line->text, line->length);
	/* the frame's words end with a NUL: the text must hold none */
	for (size_t i = size > line->length ? size - line->length - 1 : size; i + 1 < size; i++)
		if (frame[i] == '\0')
			frame[i] = '?';
	if (size > 0)
		(void)sink_add(&client->out, frame, size, line->wall_us);
}

/** hear() - a line, for a client that follows */
static void hear(struct log_listener *listener, const struct logline *line)
{
	request_line((struct client *)((char *)listener - offsetof(struct client, listener)), line);
}

bool request_overflow(struct client *client)
{
	uint64_t since_us = 0;
	uint64_t dropped = sink_report(&client->out, &since_us);
	char text[160], since[40];
	struct logline line = {
		.wall_us = client->formation->now.wall_us, .platform = true, .dyno = "logplex", .text = text
	};
	int length;

	if (dropped == 0)
		return false;
	(void)logline_time(since_us, since, sizeof(since));
	length = text_format(text, sizeof(text),
	                     "Error L11 (Tail buffer overflow): %" PRIu64 " messages dropped since %s", dropped, since);
	line.length = length < 0 ? 0 : (size_t)length;
	request_line(client, &line);
	return true;
}

/** serve_logs() - the last @count lines, and all that follow if it wants them */
static void serve_logs(struct client *client, const char *count, bool follow)
{
	struct formation_log *log = client->formation->log;
	uint64_t lines = RING_LINES;

	(void)units_number(count, 0, RING_LINES, &lines);
	for (size_t i = log->ring.count > lines ? log->ring.count - lines : 0; i < log->ring.count; i++) {
		struct logline line;

		ring_get(&log->ring, i, &line);
		request_line(client, &line);
	}
	if (!follow) {
		done(client, "");
		return;
	}
	send_words(client, (const char *const[]){ "now" }, 1);
	client->follows = true;
	client->listener.hear = hear;
	log_listen(log, &client->listener);
}

/** serve_quit() - stop everything; the end is told by hanging up */
static void serve_quit(struct client *client, bool now)
{
	client->waits = true;
	formation_stop(client->formation, now);
}

void request_serve(struct client *client, const struct wire_frame *frame)
{
	const char *verb = frame->words[0], *first = frame->words[1];
	struct dyno_error err = { 0 };

	if (strcmp(verb, "ps") == 0) {
		serve_ps(client);
	} else if (strcmp(verb, "logs") == 0) {
		serve_logs(client, first ? first : "", frame->count > 2 && strcmp(frame->words[2], "follow") == 0);
	} else if (strcmp(verb, "quit") == 0) {
		serve_quit(client, first && strcmp(first, "now") == 0);
	} else if (client->formation->phase != PHASE_RUNS) {
		error_set(&err, -EBUSY, "request", "the app is being stopped");
		failed(client, &err);
	} else if (strcmp(verb, "scale") == 0 || strcmp(verb, "type") == 0) {
		serve_scale(client, frame, strcmp(verb, "type") == 0);
	} else if (strcmp(verb, "restart") == 0) {
		serve_restart(client, first, false);
	} else if (strcmp(verb, "stop") == 0 && first) {
		serve_restart(client, first, true);
	} else if (strcmp(verb, "run") == 0 && first) {
		serve_run(client, frame);
	} else if (strcmp(verb, "release") == 0) {
		formation_release(client->formation);
		done(client, "");
	} else {
		error_set(&err, -EPROTO, "request", "the formation does not know what '%.20s' is", verb);
		error_remedy(&err, "was it started by another version of dyno?");
		failed(client, &err);
	}
}
