/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nursery.h - the thread that keeps the pools of one host full: it makes sandboxes, watches them, and destroys what is left
 *
 * A thread, because to make a sandbox takes a millisecond and nobody who asks for a dyno shall wait for that; one for all
 * pools, because two at work would only take the CPUs from those who ask. It has a dyno_host of its own, so nothing of a
 * host is shared between threads: two hosts in one process are to each other what two processes are (every lock is one of an
 * open file description, base/claim.h). It lives as long as the owner's host, because prctl(2) PR_SET_PDEATHSIG tells of
 * the end of the thread that made the child, not of its process.
 *
 * What both threads touch is behind @lock, which nobody keeps for longer than it takes to move an entry between lists:
 * never while a sandbox is made, started or destroyed.
 *
 * Descriptors: a child has copies of all of its process until it is parked. Where another thread's program waits for
 * the end of a pipe, it may come a millisecond later for that.
 */
#ifndef RUNTIME_NURSERY_H
#define RUNTIME_NURSERY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "dyno.h"
#include "runtime/demand.h"

struct dyno_pool;

/** struct seen_slug - the directory that a path led to, and who it belonged to; all 0 for none */
struct seen_slug {
	dev_t dev;
	ino_t ino;
	uid_t uid;
	gid_t gid;
};

/**
 * struct parked - one sandbox of @pool, being built or ready
 * @slug: what was attached to it: the path may lead to another directory by now, or that belong to another
 */
struct parked {
	TAILQ_ENTRY(parked) entry;
	struct dyno_pool *pool;
	struct dyno_sandbox *sandbox;
	struct seen_slug slug;
};

TAILQ_HEAD(parked_list, parked);

/**
 * struct dyno_pool - see dyno_pool_open()
 * @nursery, @host: the thread, and the owner's host
 * @config, @strings: what to keep ready, and the owned copies that it points into; bounds are in @demand
 * @ready:    oldest first
 * @building: how many are on their way; the thread's own
 * @due_ns:   when the thread is to hear of the last request; the owner's own
 * @owner_uid, @owner_gid: of the last slug of its owner's host: the next is likely to be theirs, too
 * @closed:   the owner is gone: destroy what there is, then this
 */
struct dyno_pool {
	TAILQ_ENTRY(dyno_pool) entry;
	struct nursery *nursery;
	struct dyno_host *host;
	struct dyno_pool_config config;
	char *strings;
	struct demand demand;
	struct parked_list ready;
	unsigned building;
	struct dyno_pool_stats stats;
	uint64_t due_ns;
	uid_t owner_uid;
	gid_t owner_gid;
	bool closed;
};

TAILQ_HEAD(pool_list, dyno_pool);

/**
 * struct nursery - the thread, and what it shares with the owner of its host
 * @host:     its own
 * @changed:  something became ready, for dyno_pool_wait()
 * @wake:     eventfd: there is something to do
 * @alarm:    timerfd: there will be
 * @epoll:    both, the channels of what is being built, the first processes of what is ready
 * @building: of all pools; the thread's own
 * @pools:    served in turn
 * @doomed:   to be destroyed
 * @ending:   the owner's host is being closed
 */
struct nursery {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct dyno_host *host;
	int wake;
	int alarm;
	int epoll;
	struct parked_list building;
	struct pool_list pools;
	struct parked_list doomed;
	bool ending;
};

/** nursery_begin() - start the thread, for the first pool of a host. Called by the owner */
int nursery_begin(struct nursery **ret, struct dyno_error *err);
/** nursery_end() - destroy all that is parked, and the pools, and end the thread; waits for it. NULL is fine. Return: NULL */
struct nursery *nursery_end(struct nursery *nursery);

/**
 * nursery_wake() - there is something to do at @at_ns, 0 for now; a later call may put that off
 * One system call, without lock. Who is to be woken later takes no CPU from who is being started.
 */
void nursery_wake(const struct nursery *nursery, uint64_t at_ns);

/** nursery_alive() - the first process of @parked has not died */
bool nursery_alive(const struct parked *parked);
/** nursery_release() - stop watching a ready one, which its owner takes. Must: be called with the lock */
void nursery_release(const struct nursery *nursery, const struct parked *parked);

/** pool_start_ready() - dyno_pool_start(), if a sandbox is ready; else -EAGAIN without an error record, and the pool has noted the demand */
int pool_start_ready(struct dyno_pool *pool, const struct dyno_app *app, uint64_t requested_ns, struct dyno **ret,
                     struct dyno_error *err);

#endif /* RUNTIME_NURSERY_H */
