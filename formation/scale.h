/* SPDX-License-Identifier: Apache-2.0 */
/**
 * scale.h - how many dynos of which size an app was scaled to, kept over starts as settings of it
 *
 * Setting "scale.TYPE" is a number, "size.TYPE" the name of a dyno size. A type that was never scaled has neither: what app.json
 * says of it holds, or the default.
 */
#ifndef FORMATION_SCALE_H
#define FORMATION_SCALE_H

#include "config/store.h"
#include "formation/plan.h"

/** scale_keep() - keep what was asked for in @plan (see plan_settle()), all of it or nothing */
int scale_keep(struct config_store *store, const char *app, const struct plan *plan, struct dyno_error *err);

/** scale_recall() - put what was kept into @plan; types that the app has no more are passed over */
int scale_recall(struct config_store *store, const char *app, struct plan *plan, struct dyno_error *err);

/** scale_check() - @value is one that setting @key, one of these, can have. Return: 0 or -EINVAL */
int scale_check(const char *key, const char *value, struct dyno_error *err);

#endif /* FORMATION_SCALE_H */
