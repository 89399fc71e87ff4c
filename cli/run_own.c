/* SPDX-License-Identifier: Apache-2.0 */
/* run_own.c - see run_back.h: a dyno whose launcher is this process */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "cli/message.h"
#include "cli/report.h"
#include "cli/run_back.h"

/** struct own - a dyno of ours, and what it takes to serve others who ask for something of it */
struct own {
	struct run_back back;
	struct dyno_host *host;
	struct dyno *dyno;
	struct control *control;
};

/** own_know() - the app is up: what the loop tells about it */
static void own_know(struct own *own)
{
	own->back.notice = dyno_notice(own->dyno);
	own->back.address = dyno_address(own->dyno);
	own->back.terminal = dyno_terminal(own->dyno);
	for (size_t i = 0; i < RUN_BACK_PLACES; i++) {
		own->back.places[i] = dyno_published(own->dyno, i);
		if (!own->back.places[i])
			break;
	}
}

/** own_next() - see struct run_back_ops; what `dyno exec` started is between the control socket and the dyno */
static int own_next(struct run_back *back, struct dyno_event *ret, struct dyno_error *err)
{
	struct own *own = (struct own *)back;
	int code;

	while ((code = dyno_next_event(own->dyno, ret, err)) == 0) {
		switch (ret->type) {
		case DYNO_EVENT_EXEC_UP:
		case DYNO_EVENT_EXEC_FAILED:
		case DYNO_EVENT_EXEC_EXITED: control_event(own->control, ret); break;
		case DYNO_EVENT_UP: own_know(own); return 0;
		default: return 0;
		}
	}
	return code;
}

/** own_control() - see struct run_back_ops */
static int own_control(struct run_back *back, enum control_request_type *ret, int64_t *ret_grace_ms)
{
	return control_serve(((struct own *)back)->control, ret, ret_grace_ms);
}

/** own_signal() - see struct run_back_ops */
static int own_signal(struct run_back *back, int signo, bool all)
{
	return dyno_signal(((struct own *)back)->dyno, signo, all);
}

/** own_kill() - see struct run_back_ops */
static int own_kill(struct run_back *back)
{
	return dyno_kill(((struct own *)back)->dyno);
}

/** own_settled() - whoever starts a dyno sweeps up after launchers that were killed */
static void own_settled(struct run_back *back)
{
	(void)dyno_gc(((struct own *)back)->host, NULL);
}

/** own_left() - see struct run_back_ops; a report that fails is no failure of the run */
static int own_left(struct run_back *back, const struct run_given *given, struct dyno_error *err)
{
	struct dyno *dyno = ((struct own *)back)->dyno;
	struct dyno_error untold = { 0 };
	int code = given->keep ? dyno_keep(dyno, given->keep, err) : 0;

	if (code == 0 && !given->quiet && report_discarded(dyno, given->diff, given->keep, &untold) < 0)
		(void)message_error(back->name, &untold);
	return code;
}

/** own_close() - see struct run_back_ops; what was not made yet is NULL */
static void own_close(struct run_back *back)
{
	struct own *own = (struct own *)back;

	/* The name is given back while the socket is ours no more; who waits for the end hears of it when all is gone. */
	control_unlisten(own->control);
	own->dyno = dyno_destroy(own->dyno);
	own->control = control_close(own->control);
	own->host = dyno_host_close(own->host);
	free(own);
}

static const struct run_back_ops own_ops = {
	.next = own_next,
	.control = own_control,
	.signal = own_signal,
	.kill = own_kill,
	.settled = own_settled,
	.left = own_left,
	.close = own_close,
};

/** own_start() - from the request to a started dyno */
static int own_start(struct own *own, const struct run_request *request, uint64_t requested_ns, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = NULL;
	int code = dyno_host_open(&own->host, err);

	if (code == 0)
		code = dyno_prepare(own->host, &request->shape, &request->app, requested_ns, &sandbox, err);
	if (code == 0)
		code = dyno_start(sandbox, &request->app, &own->dyno, err);
	if (code == 0)
		code = control_open(own->host, own->dyno, &own->control, err);
	return code;
}

int run_own_launch(const struct run_request *request, uint64_t requested_ns, struct run_back **ret,
                   struct dyno_error *err)
{
	struct own *own = calloc(1, sizeof(*own));
	int code;

	if (!own)
		return error_set(err, -ENOMEM, "run", "no memory for a dyno");
	own->back = (struct run_back){ .ops = &own_ops, .fd = -1, .control_fd = -1, .terminal = -1 };
	code = own_start(own, request, requested_ns, err);
	if (code < 0) {
		own_close(&own->back);
		return code;
	}
	own->back.fd = dyno_fd(own->dyno);
	own->back.control_fd = control_fd(own->control);
	own->back.name = dyno_name(own->dyno);
	own->back.boot = dyno_boot(own->dyno);
	*ret = &own->back;
	return 0;
}
