/* SPDX-License-Identifier: Apache-2.0 */
/**
 * states.h - the life of one place in a formation ("web.1"): states and what is to be done at each event
 *
 * A place outlives the dynos that fill it one after another. What happens to it comes as events; the table says
 * the next state and the actions; its timers say when the next event is due. Pure: nothing is done here, time and chance
 * are given, so that a test of a day takes as long as its assertions.
 */
#ifndef FORMATION_STATES_H
#define FORMATION_STATES_H

#include <stdbool.h>
#include <stdint.h>

#include "formation/backoff.h"

/** enum state - as Heroku's ps and logs call them */
enum state {
	STATE_DOWN,     /* not wanted */
	STATE_STARTING, /* its dyno boots, or waits for its turn */
	STATE_UP,       /* runs; a web dyno: listens */
	STATE_CRASHED,  /* its dyno ended by itself; the next try comes */
	STATE_COMPLETE, /* a one-off dyno, ended */
	STATE_COUNT,
};

/** enum happening - what can happen to a place */
enum happening {
	HAPPENING_START,   /* it is wanted */
	HAPPENING_READY,   /* its dyno is up */
	HAPPENING_EXITED,  /* its dyno ended, or could not be started */
	HAPPENING_LATE,    /* it did not listen in time: R10 */
	HAPPENING_GREEDY,  /* it vastly exceeds its memory: R15 */
	HAPPENING_RETRY,   /* a crashed one's wait is over */
	HAPPENING_CYCLE,   /* it has run for a day */
	HAPPENING_RESTART, /* somebody asked for it */
	HAPPENING_RELEASE, /* code or config changed */
	HAPPENING_STOP,    /* it is wanted no more */
	HAPPENING_COUNT,
};

/** what is to be done; a set of bits, to be done in this order */
enum action {
	ACTION_RETIRE = 1,   /* TERM to its dyno, which is not this place's any more */
	ACTION_KILL = 2,     /* KILL to its dyno, whose end will be told */
	ACTION_SCHEDULE = 4, /* it crashed: the next try was scheduled */
	ACTION_LAUNCH = 8,   /* start a dyno */
};

/** enum alarm - timers of a place */
enum alarm { ALARM_BOOT, ALARM_RETRY, ALARM_CYCLE, ALARM_COUNT };

#define ALARM_NEVER UINT64_MAX

/**
 * struct rules - numbers of a formation
 * @boot_timeout_ms: for a place that has to listen; 0 for ever
 * @cycle_ms:        life of a dyno, 0 for ever; @cycle_spread_ms: at most that is added, by chance
 * @grace_ms:        between TERM and KILL
 * @kill_percent:    of its memory quota, where a dyno is killed: R15
 * @backoff:         of crashes
 */
struct rules {
	uint64_t boot_timeout_ms;
	uint64_t cycle_ms;
	uint64_t cycle_spread_ms;
	uint64_t grace_ms;
	unsigned kill_percent;
	struct backoff backoff;
};

/** RULES_DEFAULT - Heroku's (dyno-startup-behavior, dyno-restarts, dyno-shutdown-behavior, dyno-memory-behavior) */
#define RULES_DEFAULT                                                                                                  \
	{                                                                                                              \
		.boot_timeout_ms = 60000, .cycle_ms = 24ULL * 60 * 60 * 1000, .cycle_spread_ms = 216ULL * 60 * 1000,   \
		.grace_ms = 30000, .kill_percent = 200, .backoff = BACKOFF_DEFAULT                                     \
	}

/** rules_boot_timeout_ms() - by default, of an app in @language (config/detect.h), which may be NULL: those in Java have longer */
uint64_t rules_boot_timeout_ms(const char *language);

/**
 * struct place_life - state and timers of a place
 * @one_off:  it ends with its dyno
 * @listens:  it is up when its dyno listens
 * @since_ns: of this state
 * @crashes:  in a row
 * @alarm_ns: when each timer is due
 */
struct place_life {
	enum state state;
	bool one_off;
	bool listens;
	uint64_t since_ns;
	unsigned crashes;
	uint64_t alarm_ns[ALARM_COUNT];
};

/** states_name() - "starting" */
const char *states_name(enum state state);

/** states_begin() - a place that is down */
void states_begin(struct place_life *life, bool one_off, bool listens, uint64_t now_ns);

/**
 * states_happen() - @what happens to @life
 * @chance: any number, for the spread of cycles
 * Return: actions to be taken, 0 for none
 */
unsigned states_happen(struct place_life *life, enum happening what, const struct rules *rules, uint64_t now_ns,
                       uint32_t chance);

/** states_launched() - the dyno of ACTION_LAUNCH was started only now: its time for listening begins here */
void states_launched(struct place_life *life, const struct rules *rules, uint64_t now_ns);

/** states_due() - when the next of its timers is due, ALARM_NEVER for none */
uint64_t states_due(const struct place_life *life);

/** states_expired() - a timer is due at @now_ns: it is taken down. Return: what happens, HAPPENING_COUNT when none is */
enum happening states_expired(struct place_life *life, uint64_t now_ns);

#endif /* FORMATION_STATES_H */
