/* SPDX-License-Identifier: Apache-2.0 */
/* births.c - see births.h */
#include "benchmarks/births.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "benchmarks/support.h"

#define READY_MS 60000
#define END_MS 20000
#define PORT 5000

/** complain() - Return: the error's code */
static int complain(const char *what, const struct dyno_error *err)
{
	(void)fprintf(stderr, "bench: %s: %s: %s\n", what, err->step, err->text);
	return err->code < 0 ? err->code : -EIO;
}

int cradle_open(struct cradle *cradle, const char *slug)
{
	struct dyno_error err = { 0 };

	cradle->slug = slug;
	cradle->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (cradle->null < 0)
		return -errno;
	return dyno_host_open(&cradle->host, &err) < 0 ? complain("host", &err) : 0;
}

void cradle_close(struct cradle *cradle)
{
	cradle->host = dyno_host_close(cradle->host);
	cradle->null = fd_close(cradle->null);
}

/** shape_of() - what the sandboxes of a way have in common */
static struct dyno_shape shape_of(const struct birth *birth)
{
	return (struct dyno_shape){ .stack = "host", .net = birth->net };
}

/** open_pool() - Return: 0, or negative errno after a message */
static int open_pool(struct cradle *cradle, struct birth *birth)
{
	const struct dyno_pool_config config = {
		.shape = shape_of(birth),
		.slug = birth->late ? NULL : cradle->slug,
		.parts = birth->parts,
		.min = cradle->depth,
		.max = cradle->depth,
	};
	struct dyno_error err = { 0 };

	return dyno_pool_open(cradle->host, &config, &birth->pool, &err) < 0 ? complain(birth->label, &err) : 0;
}

int birth_park(struct cradle *cradle, struct birth *birth)
{
	const char *const argv[] = { "/app/first", NULL };
	const struct dyno_app app = { .slug = cradle->slug,
		                      .argv = argv,
		                      .fds = { cradle->null, cradle->null, cradle->null } };
	const struct dyno_shape shape = shape_of(birth);
	struct dyno_error err = { 0 };
	int r = dyno_prepare(cradle->host, &shape, birth->late ? NULL : &app, 0, &birth->parked, &err);

	return r < 0 ? complain(birth->label, &err) : 0;
}

int birth_ready(struct cradle *cradle, struct birth *birth)
{
	int r = 0;

	if (birth->from == FROM_PARKED && !birth->parked) {
		r = birth_park(cradle, birth);
		/* dyno_prepare() does not wait for the child's road: a parked one has walked it */
		pause_us(5000);
	}
	if (birth->from != FROM_POOL)
		return 0;
	if (!birth->pool)
		r = open_pool(cradle, birth);
	if (r == 0)
		r = dyno_pool_wait(birth->pool, cradle->depth, READY_MS);
	if (r < 0) {
		struct dyno_pool_stats stats = { 0 };

		if (birth->pool)
			dyno_pool_stats(birth->pool, &stats);
		(void)fprintf(stderr, "bench: %s: %u of %u ready: %s\n", birth->label, stats.ready, cradle->depth,
		              stats.error.text);
	}
	return r;
}

void birth_done(struct birth *birth)
{
	birth->pool = dyno_pool_close(birth->pool);
	birth->parked = birth->parked ? dyno_sandbox_destroy(birth->parked) : NULL;
}

/** start() - by the call that this way is about */
static int start(struct cradle *cradle, struct birth *birth, const struct dyno_app *app, uint64_t begin,
                 struct dyno **ret, struct dyno_error *err)
{
	const struct dyno_shape shape = shape_of(birth);
	struct dyno_sandbox *sandbox = TAKE_PTR(birth->parked);
	int r = 0;

	if (birth->from == FROM_POOL)
		return dyno_pool_start(birth->pool, app, begin, ret, err);
	if (birth->from == FROM_PARKED)
		dyno_sandbox_requested(sandbox, begin);
	else
		r = dyno_prepare(cradle->host, &shape, app, begin, &sandbox, err);
	return r < 0 ? r : dyno_start(sandbox, app, ret, err);
}

int birth_start(struct cradle *cradle, struct birth *birth, const char *const argv[], int out, uint64_t begin,
                struct dyno **ret)
{
	const enum dyno_birth wanted = birth->from == FROM_NOTHING ? DYNO_BIRTH_COLD
	                               : birth->parts              ? DYNO_BIRTH_POOLED
	                                                           : DYNO_BIRTH_WARM;
	const char *const publish[] = { "0", NULL };
	const struct dyno_app app = { .slug = cradle->slug,
		                      .argv = argv,
		                      .port = PORT,
		                      .publish = birth->publish ? publish : NULL,
		                      .fds = { cradle->null, out, STDERR_FILENO } };
	struct dyno_error err = { 0 };

	if (start(cradle, birth, &app, begin, ret, &err) < 0)
		return complain(birth->label, &err);
	if (dyno_birth(*ret) == wanted)
		return 0;
	(void)fprintf(stderr, "bench: %s: born %s\n", birth->label, dyno_birth_name(dyno_birth(*ret)));
	*ret = dyno_destroy(*ret);
	return -EIO;
}

int birth_end(struct dyno *dyno)
{
	struct pollfd fd = { .fd = dyno_fd(dyno), .events = POLLIN };
	struct dyno_event event = { 0 };
	struct dyno_error err = { 0 };

	while (event.type != DYNO_EVENT_EXITED) {
		if (poll(&fd, 1, END_MS) != 1)
			return -ETIMEDOUT;
		if (dyno_next_event(dyno, &event, &err) < 0)
			return complain(dyno_name(dyno), &err);
		if (event.type == DYNO_EVENT_FAILED)
			return complain(dyno_name(dyno), &event.error);
	}
	return event.status == 0 ? 0 : -ECHILD;
}

int birth_once(struct cradle *cradle, struct birth *birth, const char *program, double *ret_first, double *ret_whole)
{
	const char *const argv[] = { program, NULL };
	_cleanup_close_ int in = -1;
	_cleanup_close_ int out = -1;
	struct dyno *dyno;
	uint64_t begin;
	int64_t stamp;
	int pipes[2], r;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	in = pipes[0];
	out = pipes[1];
	begin = clock_ns();
	r = birth_start(cradle, birth, argv, out, begin, &dyno);
	if (r < 0)
		return r;
	(void)fd_close(TAKE_FD(out));
	r = birth_end(dyno);
	stamp = read_stamp(in);
	dyno_destroy(dyno);
	*ret_whole = (double)(clock_ns() - begin) / 1e3;
	if (r < 0 || stamp < 0)
		return r < 0 ? r : (int)stamp;
	*ret_first = (double)(stamp - (int64_t)begin) / 1e3;
	return 0;
}
