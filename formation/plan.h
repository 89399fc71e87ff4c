/* SPDX-License-Identifier: Apache-2.0 */
/**
 * plan.h - what an app wants to run: its process types, how many dynos of each, of which size, at which port
 *
 * Words that change it, as `heroku ps:scale` and foreman's -m take them:
 *
 *     web=2   worker+1   worker-1   web=2:standard-2x   all=1
 */
#ifndef FORMATION_PLAN_H
#define FORMATION_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/procfile.h"
#include "config/sizes.h"

#define PLAN_QUANTITY_MAX 1000
/* foreman's rule: each type has a hundred ports */
#define PLAN_PORTS_A_TYPE 100

/**
 * struct plan_type - one process type
 * @port: of its first dyno; the others follow
 * @scaled, @resized: its quantity, its size was asked for since plan_make() or plan_settle()
 */
struct plan_type {
	char *name;
	char *command;
	unsigned quantity;
	struct size size;
	unsigned port;
	bool scaled;
	bool resized;
};

/** struct plan - in the order of the Procfile; without `release`, which is run once; owned */
struct plan {
	struct plan_type *types;
	size_t count;
	char *release;
};

/**
 * plan_make() - a plan of the types of a Procfile, none of any yet
 * @base_port: foreman's -p: port of the first type
 */
int plan_make(const struct procfile *file, unsigned base_port, struct plan *ret, struct dyno_error *err);
void plan_done(struct plan *plan);

/** plan_find() - the type called @name (of @length bytes), NULL when there is none */
struct plan_type *plan_find(const struct plan *plan, const char *name, size_t length);

/** plan_unknown() - complain that there is no type @name, naming the nearest. Return: -EINVAL */
int plan_unknown(const struct plan *plan, const char *name, struct dyno_error *err);

/**
 * plan_scale() - change quantities (and sizes) as @word says; all or nothing
 * @word: "web=2", "web+1", "web-1", "web=2:standard-2x"; several separated by commas. "all=1" is of the types that are not
 *        named besides
 */
int plan_scale(struct plan *plan, const char *word, struct dyno_error *err);

/** plan_resize() - change sizes: "web=standard-2x", or "standard-2x" for all types */
int plan_resize(struct plan *plan, const char *word, struct dyno_error *err);

/** plan_settle() - what was asked for so far is nothing that somebody has to be told of: see struct plan_type */
void plan_settle(struct plan *plan);

/** plan_told() - "web@2:Standard-1X worker@1:Standard-1X", cut where @buf ends */
void plan_told(const struct plan *plan, char *buf, size_t size);

/** plan_check() - ports are within range, and each size fits this machine of @memory bytes (0: unknown) */
int plan_check(const struct plan *plan, uint64_t memory, struct dyno_error *err);

/** plan_total() - dynos of all types */
unsigned plan_total(const struct plan *plan);

/** plan_memory() - quotas of all dynos together, in bytes */
uint64_t plan_memory(const struct plan *plan);

/** plan_port() - $PORT of dyno number @index (from 1) of @type */
unsigned plan_port(const struct plan_type *type, unsigned index);

/** plan_is_web() - dynos of this type are reached from outside, and up when they listen */
bool plan_is_web(const struct plan_type *type);

/** plan_same_size() - dynos of both have the same limits, called the same */
bool plan_same_size(const struct plan_type *a, const struct plan_type *b);

/** plan_limits() - of a dyno of @type */
struct dyno_limits plan_limits(const struct plan_type *type);

/** plan_size_label() - "Standard-1X" */
const char *plan_size_label(const struct plan_type *type);

#endif /* FORMATION_PLAN_H */
