/* SPDX-License-Identifier: Apache-2.0 */
/**
 * births.h - the ways in which the library makes a dyno, for the benchmarks
 *
 * A way is first made ready (what is there before the request: nothing, a pool, a sandbox parked by hand), then launched once.
 */
#ifndef BENCHMARKS_BIRTHS_H
#define BENCHMARKS_BIRTHS_H

#include <stdbool.h>
#include <stdint.h>

#include "dyno.h"

/** enum from - what is there before the request */
enum from {
	FROM_NOTHING, /* dyno_prepare() and dyno_start() */
	FROM_POOL,    /* a pool: of parts, of sandboxes for any slug, or for one */
	FROM_PARKED,  /* a sandbox that dyno_prepare() parked, without a pool's thread */
};

/**
 * struct birth - one way
 * @key: short name on the command line
 * @late: the slug comes with the request
 * @parts: pool of parts
 * @pool, @parked: made by birth_ready()
 */
struct birth {
	const char *key;
	const char *label;
	enum from from;
	enum dyno_net net;
	bool publish;
	bool late;
	bool parts;
	struct dyno_pool *pool;
	struct dyno_sandbox *parked;
};

/** struct cradle - what all launches of a program share; @depth: how many a pool keeps ready */
struct cradle {
	struct dyno_host *host;
	const char *slug;
	int null;
	unsigned depth;
};

/** cradle_open() - @slug holds first and first-glibc. Return: 0, or negative errno after a message */
int cradle_open(struct cradle *cradle, const char *slug);
void cradle_close(struct cradle *cradle);

/** birth_park() - by hand, one sandbox, into @birth; does not wait until it is. Return: 0, or negative errno after a message */
int birth_park(struct cradle *cradle, struct birth *birth);

/** birth_ready() - make what is there before the request, and wait for it. Return: 0, or negative errno after a message */
int birth_ready(struct cradle *cradle, struct birth *birth);
void birth_done(struct birth *birth);

/**
 * birth_start() - the request itself
 * @argv: the command; @out: its standard output; @begin: when the request came
 * Return: 0, or negative errno after a message, also when it was not born in the way that is measured
 */
int birth_start(struct cradle *cradle, struct birth *birth, const char *const argv[], int out, uint64_t begin,
                struct dyno **ret);

/** birth_end() - wait for the end of a dyno. Return: 0, or negative errno after a message */
int birth_end(struct dyno *dyno);

/** birth_once() - birth_start() of a stamp program, its stamp, birth_end() and destroy. @ret_first, @ret_whole: us. Return: 0 or negative errno */
int birth_once(struct cradle *cradle, struct birth *birth, const char *program, double *ret_first, double *ret_whole);

#endif /* BENCHMARKS_BIRTHS_H */
