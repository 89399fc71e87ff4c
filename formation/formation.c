/* SPDX-License-Identifier: Apache-2.0 */
/* formation.c - see formation.h: places, and what happens to them */
#include "formation/formation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/text.h"
#include "formation/body.h"
#include "formation/inside.h"

#define NS_PER_MS 1000000ULL
#define RELEASE_LIMIT_NS (3600ULL * 1000 * NS_PER_MS) /* https://devcenter.heroku.com/articles/release-phase */
#define ONE_OFF_FIRST 1000
#define ONE_OFF_COUNT 9000

/** chance() - any number */
static uint32_t chance(void)
{
	uint32_t number = 0;

	(void)!getrandom(&number, sizeof(number), GRND_NONBLOCK);
	return number;
}

const char *formation_command(const struct place *place)
{
	if (place->command)
		return place->command;
	return place->type ? place->type->command : "";
}

struct place *formation_find(struct formation *formation, const char *label)
{
	for (struct place *place = formation->places; place; place = place->next)
		if (strcmp(place->label, label) == 0)
			return place;
	return NULL;
}

const struct body *formation_predecessor(const struct formation *formation, const struct place *place)
{
	for (const struct body *body = formation->bodies; body; body = body->next)
		if (body->published && strcmp(body->label, place->label) == 0)
			return body;
	return NULL;
}

void formation_launch(struct formation *formation, struct place *place)
{
	struct plan_type none = { .size = place->size };
	struct dyno_limits limits = plan_limits(place->type ? place->type : &none);
	const struct formation_recipe *recipe = place->release ? &formation->coming : &formation->recipe;
	const struct environment *vars = place->vars.count > 0 ? &place->vars : &recipe->vars;
	struct dyno_error err = { 0 };

	if (place->life.listens && formation_predecessor(formation, place)) {
		place->waits = true;
		return;
	}
	place->waits = false;
	formation_say(formation, place->label, "Starting process with command `%s`", formation_command(place));
	if (body_launch(formation, place, formation_command(place), &limits, vars, &err) == 0) {
		states_launched(&place->life, &formation->setup->rules, formation->now.ns);
		return;
	}
	formation_say(formation, place->label, "%s%s%s%s", err.text, err.remedy[0] ? " (" : "", err.remedy,
	              err.remedy[0] ? ")" : "");
	formation_happens(formation, place, HAPPENING_EXITED);
}

/** tell_happening() - what the platform says before it acts */
static void tell_happening(struct formation *formation, const struct place *place, enum happening what)
{
	if (what == HAPPENING_CYCLE)
		formation_say(formation, place->label, "Cycling");
	else if (what == HAPPENING_RESTART || what == HAPPENING_RELEASE)
		formation_say(formation, place->label, "Restarting");
	else if (what == HAPPENING_LATE)
		formation_say(
			formation, place->label,
			"Error R10 (Boot timeout) -> Web process failed to bind to $PORT within %g seconds of launch",
			(double)formation->setup->rules.boot_timeout_ms / 1000);
	else if (what == HAPPENING_GREEDY)
		formation_say(formation, place->label, "Error R15 (Memory quota vastly exceeded)");
}

void formation_happens(struct formation *formation, struct place *place, enum happening what)
{
	enum state before = place->life.state;
	unsigned actions;

	/* what the table does not know is not told either; and a one-off dyno is never restarted */
	if (place->life.one_off ? what != HAPPENING_RESTART && what != HAPPENING_RELEASE : before != STATE_DOWN)
		tell_happening(formation, place, what);
	actions = states_happen(&place->life, what, &formation->setup->rules, formation->now.ns, chance());
	if (place->life.state != before) {
		place->since_us = formation->now.wall_us;
		if (before != STATE_DOWN)
			formation_say(formation, place->label, "State changed from %s to %s", states_name(before),
			              states_name(place->life.state));
	}
	if (place->life.state != STATE_STARTING)
		place->waits = false;
	if (actions & ACTION_RETIRE && place->body)
		body_retire(place->body);
	if (actions & ACTION_KILL && place->body) {
		formation_say(formation, place->label, "Stopping process with SIGKILL");
		body_kill(place->body);
	}
	if (actions & ACTION_LAUNCH)
		formation_launch(formation, place);
}

/** place_new() - one more, down. Return: NULL without memory */
static struct place *place_new(struct formation *formation, struct plan_type *type, unsigned index)
{
	struct place *place = calloc(1, sizeof(*place)), **last = &formation->places;

	if (!place)
		return NULL;
	place->type = type;
	place->index = index;
	place->limit_ns = ALARM_NEVER;
	place->since_us = formation->now.wall_us;
	place->code = -1;
	if (type)
		(void)text_format(place->label, sizeof(place->label), "%s.%u", type->name, index);
	states_begin(&place->life, !type, type && plan_is_web(type) && formation->setup->net != DYNO_NET_NONE,
	             formation->now.ns);
	while (*last)
		last = &(*last)->next;
	*last = place;
	return place;
}

/** place_free() - forget @place, which has no body */
static void place_free(struct formation *formation, struct place *place)
{
	for (struct place **at = &formation->places; *at; at = &(*at)->next) {
		if (*at != place)
			continue;
		*at = place->next;
		break;
	}
	if (place->body)
		place->body->place = NULL;
	free(place->command);
	environment_done(&place->vars);
	free(place);
}

struct place *formation_one_off(struct formation *formation, const char *kind, const char *command)
{
	struct place *place = place_new(formation, NULL, 0);

	if (!place)
		return NULL;
	place->command = strdup(command);
	if (!place->command) {
		place_free(formation, place);
		return NULL;
	}
	do
		(void)text_format(place->label, sizeof(place->label), "%s.%u", kind,
		                  ONE_OFF_FIRST + chance() % ONE_OFF_COUNT);
	while (formation_find(formation, place->label) != place);
	return place;
}

void formation_fit(struct formation *formation)
{
	struct plan *plan = &formation->recipe.plan;
	struct place *next;

	for (struct place *place = formation->places; place; place = next) {
		next = place->next;
		if (!place->type || place->index <= place->type->quantity)
			continue;
		formation_happens(formation, place, HAPPENING_STOP);
		place_free(formation, place);
	}
	for (size_t i = 0; i < plan->count; i++) {
		for (unsigned index = 1; index <= plan->types[i].quantity; index++) {
			char label[LABEL_SIZE];
			struct place *place;

			(void)text_format(label, sizeof(label), "%s.%u", plan->types[i].name, index);
			if (formation_find(formation, label))
				continue;
			place = place_new(formation, &plan->types[i], index);
			if (place)
				formation_happens(formation, place, HAPPENING_START);
			else
				formation_say(formation, label, "no memory for another dyno");
		}
	}
}

/** adopt() - the coming recipe is the current one: the same numbers of dynos, of commands and config that are new */
static void adopt(struct formation *formation)
{
	struct formation_recipe old = formation->recipe;
	struct place *next;

	formation->recipe = formation->coming;
	formation->coming = (struct formation_recipe){ 0 };
	formation->releases = false;
	for (size_t i = 0; i < formation->recipe.plan.count; i++) {
		struct plan_type *type = &formation->recipe.plan.types[i];
		const struct plan_type *before = plan_find(&old.plan, type->name, strlen(type->name));

		if (before) {
			type->quantity = before->quantity;
			type->size = before->size;
		}
	}
	for (struct place *place = formation->places; place; place = next) {
		next = place->next;
		if (!place->type)
			continue;
		place->type = plan_find(&formation->recipe.plan, place->type->name, strlen(place->type->name));
		if (place->type)
			continue;
		formation_happens(formation, place, HAPPENING_STOP);
		place_free(formation, place);
	}
	formation_recipe_done(&old);
	for (struct place *place = formation->places; place; place = next) {
		next = place->next;
		if (place->type)
			formation_happens(formation, place, HAPPENING_RELEASE);
	}
	formation_fit(formation);
}

/** release_ended() - the release process has ended with exit code @code, -1 when it could not be started */
static void release_ended(struct formation *formation, int code)
{
	bool first = !formation->recipe.plan.types;

	if (formation->phase != PHASE_RUNS)
		return;
	if (code == 0) {
		adopt(formation);
	} else {
		formation_recipe_done(&formation->coming);
		formation->releases = false;
		formation_say(formation, "release", "Release command failed: %s",
		              first ? "nothing is started" : "the formation stays as it is");
		if (first) {
			formation->failed = true;
			formation_stop(formation, false);
		}
	}
	if (formation->again && formation->phase == PHASE_RUNS) {
		formation->again = false;
		formation_release(formation);
	}
}

/** begin_release() - run the release process of the coming recipe, or go on without one */
static void begin_release(struct formation *formation)
{
	struct place *place;

	if (!formation->coming.plan.release) {
		adopt(formation);
		return;
	}
	place = formation_one_off(formation, "release", formation->coming.plan.release);
	if (!place) {
		release_ended(formation, -1);
		return;
	}
	place->release = true;
	place->limit_ns = formation->now.ns + RELEASE_LIMIT_NS;
	formation_happens(formation, place, HAPPENING_START);
}

void formation_begin(struct formation *formation)
{
	formation->phase = PHASE_RUNS;
	formation->releases = true;
	begin_release(formation);
}

void formation_release(struct formation *formation)
{
	struct dyno_error err = { 0 };

	if (formation->phase != PHASE_RUNS)
		return;
	if (formation->releases) {
		formation->again = true;
		return;
	}
	if (formation->setup->reload(formation->setup->data, &formation->coming, &err) < 0) {
		formation_say(formation, "release", "%s: the formation stays as it is", err.text);
		return;
	}
	formation->releases = true;
	begin_release(formation);
}

void formation_body_gone(struct formation *formation, struct body *body, int status)
{
	struct place *place = body->place;
	int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);

	formation_say(formation, body->label, "Process exited with status %d", code);
	body->place = NULL;
	if (!place)
		return;
	place->body = NULL;
	place->code = code;
	formation_happens(formation, place, HAPPENING_EXITED);
}

void formation_reap(struct formation *formation)
{
	struct place *next;

	for (struct place *place = formation->places; place; place = next) {
		bool release = place->release;
		int code = place->code;

		next = place->next;
		if (place->life.state != STATE_COMPLETE)
			continue;
		place_free(formation, place);
		if (!release)
			continue;
		release_ended(formation, code);
		next = formation->places; /* much may have changed */
	}
}

void formation_stop(struct formation *formation, bool now)
{
	formation->phase = PHASE_STOPS;
	for (struct place *place = formation->places; place; place = place->next)
		formation_happens(formation, place, HAPPENING_STOP);
	for (struct body *body = formation->bodies; now && body; body = body->next)
		body_kill(body);
}
