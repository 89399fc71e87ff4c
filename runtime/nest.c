/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nest.c - see nest.h
 *
 * Theory of operation. A namespace is made by somebody who moves into it, and no thread of the launcher's may: so a visitor does
 * (base/visitor.h), who shares memory and descriptors with it, walks the child's own steps (child_build()), and is gone.
 */
#include "runtime/nest.h"

#include <errno.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/visitor.h"
#include "runtime/child.h"

#define STEP "nest"

/** struct order - what the builder is told, and what it tells: @nest, or @code and @err */
struct order {
	struct child *plan;
	struct nest nest;
	int code;
	struct dyno_error err;
};

/** build() - the builder's road */
static int build(struct order *order, struct dyno_error *err)
{
	/* Opened now: where this ends there is no /proc. */
	_cleanup_close_ int self = namespaces_self_child(err);
	int r = self < 0 ? self : namespaces_leave_child(err);

	if (r == 0)
		r = child_build(order->plan, err);
	return r < 0 ? r : namespaces_keep_child(self, order->nest.spaces, err);
}

/** builder_main() - the builder; shares the launcher's memory, which waits for its end */
static int builder_main(void *data)
{
	struct order *order = data;

	order->code = build(order, &order->err);
	return 0;
}

int nest_build(struct child *plan, struct nest *ret, struct dyno_error *err)
{
	struct order order = { .plan = plan, .nest = NEST_NULL, .code = -ECHILD };
	pid_t builder;
	int code = visitor_run(builder_main, &order, &builder);

	if (code < 0 || order.code == -ECHILD)
		order.code = error_set(&order.err, code < 0 ? code : -ECHILD, STEP, "cannot start the builder:");
	visitor_reap(&builder);
	child_build_done(plan);
	if (order.code == 0) {
		*ret = order.nest;
		ret->detached = plan->tree >= 0;
		return ret->detached ? plan->tree : plan->scratch;
	}
	fd_close(plan->tree);
	fd_close(plan->scratch);
	nest_done(&order.nest);
	if (err)
		*err = order.err;
	return order.code;
}

void nest_done(struct nest *nest)
{
	for (int i = 0; i < NAMESPACES_KEPT; i++)
		nest->spaces[i] = fd_close(nest->spaces[i]);
}

bool nest_ready(const struct nest *nest)
{
	return nest->spaces[0] >= 0;
}
