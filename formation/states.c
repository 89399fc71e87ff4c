/* SPDX-License-Identifier: Apache-2.0 */
/* states.c - see states.h */
#include "formation/states.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define NS_PER_MS 1000000ULL
#define BOOT_TIMEOUT_JAVA_MS 90000

/**
 * struct step - one cell of the table
 * @there:   false: nothing is done
 * @next:    the state after it, STAY for the same
 * @actions: see enum action
 */
struct step {
	bool there;
	enum state next;
	unsigned actions;
};

#define STAY STATE_COUNT
#define GO(next, actions)                                                                                              \
	{                                                                                                              \
		true, next, actions                                                                                    \
	}

/* A dyno that was told to leave is the place's no more: its end is no event here. */
static const struct step table[STATE_COUNT][HAPPENING_COUNT] = {
	[STATE_DOWN] = { [HAPPENING_START] = GO(STATE_STARTING, ACTION_LAUNCH) },
	[STATE_STARTING] = {
		[HAPPENING_READY] = GO(STATE_UP, 0),
		[HAPPENING_EXITED] = GO(STATE_CRASHED, ACTION_SCHEDULE),
		[HAPPENING_LATE] = GO(STAY, ACTION_KILL),
		[HAPPENING_GREEDY] = GO(STAY, ACTION_KILL),
		[HAPPENING_RESTART] = GO(STATE_STARTING, ACTION_RETIRE | ACTION_LAUNCH),
		[HAPPENING_RELEASE] = GO(STATE_STARTING, ACTION_RETIRE | ACTION_LAUNCH),
		[HAPPENING_STOP] = GO(STATE_DOWN, ACTION_RETIRE),
	},
	[STATE_UP] = {
		[HAPPENING_EXITED] = GO(STATE_CRASHED, ACTION_SCHEDULE),
		[HAPPENING_GREEDY] = GO(STAY, ACTION_KILL),
		[HAPPENING_CYCLE] = GO(STATE_STARTING, ACTION_RETIRE | ACTION_LAUNCH),
		[HAPPENING_RESTART] = GO(STATE_STARTING, ACTION_RETIRE | ACTION_LAUNCH),
		[HAPPENING_RELEASE] = GO(STATE_STARTING, ACTION_RETIRE | ACTION_LAUNCH),
		[HAPPENING_STOP] = GO(STATE_DOWN, ACTION_RETIRE),
	},
	[STATE_CRASHED] = {
		[HAPPENING_RETRY] = GO(STATE_STARTING, ACTION_LAUNCH),
		[HAPPENING_RESTART] = GO(STATE_STARTING, ACTION_LAUNCH),
		[HAPPENING_RELEASE] = GO(STATE_STARTING, ACTION_LAUNCH),
		[HAPPENING_STOP] = GO(STATE_DOWN, 0),
	},
};

static const char *const names[] = {
	[STATE_DOWN] = "down",       [STATE_STARTING] = "starting", [STATE_UP] = "up",
	[STATE_CRASHED] = "crashed", [STATE_COMPLETE] = "complete",
};

static_assert(sizeof(names) / sizeof(names[0]) == STATE_COUNT, "every state has a name");

const char *states_name(enum state state)
{
	return (size_t)state < STATE_COUNT ? names[state] : "?";
}

uint64_t rules_boot_timeout_ms(const char *language)
{
	static const struct rules rules = RULES_DEFAULT;

	return language && strcmp(language, "Java") == 0 ? BOOT_TIMEOUT_JAVA_MS : rules.boot_timeout_ms;
}

/** quiet() - no timer runs */
static void quiet(struct place_life *life)
{
	for (size_t i = 0; i < ALARM_COUNT; i++)
		life->alarm_ns[i] = ALARM_NEVER;
}

void states_begin(struct place_life *life, bool one_off, bool listens, uint64_t now_ns)
{
	*life = (struct place_life){ .one_off = one_off, .listens = listens, .since_ns = now_ns };
	quiet(life);
}

/** look_up() - the cell; that of a one-off dyno differs: nothing starts it again, so its end is the place's end */
static struct step look_up(const struct place_life *life, enum happening what)
{
	struct step step = table[life->state][what];

	if (!life->one_off || !step.there || step.next == STAY)
		return step;
	if (what == HAPPENING_RELEASE)
		return (struct step){ 0 }; /* it keeps the config that it was started with */
	if (step.next == STATE_CRASHED)
		return (struct step)GO(STATE_COMPLETE, 0);
	if (step.actions & ACTION_RETIRE)
		return (struct step)GO(STATE_COMPLETE, ACTION_RETIRE);
	return step;
}

/** crashed() - count a crash and schedule the next try */
static void crashed(struct place_life *life, enum state before, const struct rules *rules, uint64_t now_ns)
{
	const struct backoff *backoff = &rules->backoff;

	if (before == STATE_UP && now_ns - life->since_ns >= backoff->calm_ms * NS_PER_MS)
		life->crashes = 0;
	life->crashes++;
	life->alarm_ns[ALARM_RETRY] = now_ns + backoff_delay_ms(backoff, life->crashes) * NS_PER_MS;
}

void states_launched(struct place_life *life, const struct rules *rules, uint64_t now_ns)
{
	if (life->state == STATE_STARTING && life->listens && rules->boot_timeout_ms > 0)
		life->alarm_ns[ALARM_BOOT] = now_ns + rules->boot_timeout_ms * NS_PER_MS;
}

unsigned states_happen(struct place_life *life, enum happening what, const struct rules *rules, uint64_t now_ns,
                       uint32_t chance)
{
	enum state before = life->state;
	struct step step = look_up(life, what);
	uint64_t spread_ms = 0;

	if (!step.there || step.next == STAY)
		return step.actions;
	quiet(life);
	if (what == HAPPENING_RELEASE || what == HAPPENING_RESTART || what == HAPPENING_START)
		life->crashes = 0;
	if (step.next == STATE_CRASHED)
		crashed(life, before, rules, now_ns);
	if (step.next == STATE_UP && rules->cycle_ms > 0) {
		if (rules->cycle_spread_ms > 0)
			spread_ms = (uint64_t)chance * rules->cycle_spread_ms >> 32;
		life->alarm_ns[ALARM_CYCLE] = now_ns + (rules->cycle_ms + spread_ms) * NS_PER_MS;
	}
	life->state = step.next;
	life->since_ns = now_ns;
	return step.actions;
}

uint64_t states_due(const struct place_life *life)
{
	uint64_t due = ALARM_NEVER;

	for (size_t i = 0; i < ALARM_COUNT; i++)
		if (life->alarm_ns[i] < due)
			due = life->alarm_ns[i];
	return due;
}

enum happening states_expired(struct place_life *life, uint64_t now_ns)
{
	static const enum happening happens[] = {
		[ALARM_BOOT] = HAPPENING_LATE, [ALARM_RETRY] = HAPPENING_RETRY, [ALARM_CYCLE] = HAPPENING_CYCLE
	};

	for (size_t i = 0; i < ALARM_COUNT; i++) {
		if (life->alarm_ns[i] > now_ns)
			continue;
		life->alarm_ns[i] = ALARM_NEVER;
		return happens[i];
	}
	return HAPPENING_COUNT;
}
