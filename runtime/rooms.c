/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rooms.c - see rooms.h
 *
 * Theory of operation. A namespace is made by somebody who moves into it, and no thread of the launcher's may: so a visitor does
 * (base/visitor.h), who shares memory and descriptors with it, walks the child's own steps (child_build()), and is gone.
 */
#include "runtime/rooms.h"

#include <errno.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/visitor.h"
#include "runtime/child.h"

#define STEP "rooms"

/** struct order - what the builder is told, and what it tells: @rooms, or @code and @err */
struct order {
	struct child *plan;
	struct rooms rooms;
	int code;
	struct dyno_error err;
};

/** build() - the builder's road */
static int build(struct order *order, struct dyno_error *err)
{
	/* Opened now: where this ends there is no /proc. */
	_cleanup_close_ int self = namespaces_self_child(err);
	int r = self < 0 ? self : namespaces_leave_child(order->plan->template >= 0, err);

	if (r == 0)
		r = child_build(order->plan, err);
	return r < 0 ? r : namespaces_keep_child(self, order->rooms.spaces, err);
}

/** builder_main() - the builder; shares the launcher's memory, which waits for its end */
static int builder_main(void *data)
{
	struct order *order = data;

	order->code = build(order, &order->err);
	return 0;
}

int rooms_build(struct child *plan, struct rooms *ret, struct dyno_error *err)
{
	struct order order = { .plan = plan, .rooms = ROOMS_NULL, .code = -ECHILD };
	pid_t builder;
	int code = visitor_run(builder_main, &order, &builder);

	if (code < 0 || order.code == -ECHILD)
		order.code = error_set(&order.err, code < 0 ? code : -ECHILD, STEP, "cannot start the builder:");
	visitor_reap(&builder);
	child_build_done(plan);
	if (order.code == 0) {
		*ret = order.rooms;
		return 0;
	}
	plan->tree = fd_close(plan->tree);
	rooms_done(&order.rooms);
	if (err)
		*err = order.err;
	return order.code;
}

void rooms_done(struct rooms *rooms)
{
	for (int i = 0; i < NAMESPACES_KEPT; i++)
		rooms->spaces[i] = fd_close(rooms->spaces[i]);
}

bool rooms_ready(const struct rooms *rooms)
{
	return rooms->spaces[0] >= 0;
}
