/* SPDX-License-Identifier: Apache-2.0 */
/* reaper.c - see reaper.h */
#include "launcher/reaper.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/thread.h"
#include "runtime/running.h"

STAILQ_HEAD(reapings, reaping);

/**
 * struct reaper - the thread and its two queues
 * @ready: counts what is in @done
 */
struct reaper {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct reapings given;
	struct reapings done;
	bool closing;
	int ready;
};

/**
 * reap() - what is slow of a dyno's end, and touches nothing that dynos share: its files
 * The last descriptor of scratch frees them all.
 */
static void reap(struct reaping *reaping)
{
	struct dyno_sandbox *sandbox = reaping->dyno->sandbox;

	/* Not to know the totals is no trouble of anybody's: they stay 0. */
	(void)dyno_discarded(reaping->dyno, &reaping->discarded, NULL, NULL, NULL);
	if (!sandbox->shape.scratch_dir)
		sandbox->scratch = fd_close(sandbox->scratch);
}

/** run() - the thread */
static void *run(void *data)
{
	struct reaper *reaper = data;
	const uint64_t one = 1;

	(void)pthread_mutex_lock(&reaper->lock);
	for (;;) {
		struct reaping *reaping = STAILQ_FIRST(&reaper->given);

		if (!reaping && reaper->closing)
			break;
		if (!reaping) {
			(void)pthread_cond_wait(&reaper->more, &reaper->lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&reaper->given, next);
		(void)pthread_mutex_unlock(&reaper->lock);
		reap(reaping);
		(void)pthread_mutex_lock(&reaper->lock);
		STAILQ_INSERT_TAIL(&reaper->done, reaping, next);
		(void)!write(reaper->ready, &one, sizeof(one));
	}
	(void)pthread_mutex_unlock(&reaper->lock);
	return NULL;
}

int reaper_open(struct reaper **ret)
{
	struct reaper *reaper = calloc(1, sizeof(*reaper));
	int r;

	if (!reaper)
		return -ENOMEM;
	STAILQ_INIT(&reaper->given);
	STAILQ_INIT(&reaper->done);
	reaper->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reaper->ready < 0) {
		r = -errno;
		free(reaper);
		return r;
	}
	(void)pthread_mutex_init(&reaper->lock, NULL);
	(void)pthread_cond_init(&reaper->more, NULL);
	r = thread_start(&reaper->thread, 0, run, reaper);
	if (r < 0) {
		fd_close(reaper->ready);
		free(reaper);
		return r;
	}
	*ret = reaper;
	return 0;
}

int reaper_fd(const struct reaper *reaper)
{
	return reaper->ready;
}

void reaper_give(struct reaper *reaper, struct reaping *reaping)
{
	(void)pthread_mutex_lock(&reaper->lock);
	STAILQ_INSERT_TAIL(&reaper->given, reaping, next);
	(void)pthread_cond_signal(&reaper->more);
	(void)pthread_mutex_unlock(&reaper->lock);
}

struct reaping *reaper_next(struct reaper *reaper)
{
	struct reaping *reaping;
	uint64_t count;

	(void)pthread_mutex_lock(&reaper->lock);
	reaping = STAILQ_FIRST(&reaper->done);
	if (reaping)
		STAILQ_REMOVE_HEAD(&reaper->done, next);
	else
		(void)!read(reaper->ready, &count, sizeof(count));
	(void)pthread_mutex_unlock(&reaper->lock);
	return reaping;
}

struct reaper *reaper_close(struct reaper *reaper)
{
	if (!reaper)
		return NULL;
	(void)pthread_mutex_lock(&reaper->lock);
	reaper->closing = true;
	(void)pthread_cond_signal(&reaper->more);
	(void)pthread_mutex_unlock(&reaper->lock);
	(void)pthread_join(reaper->thread, NULL);
	(void)pthread_cond_destroy(&reaper->more);
	(void)pthread_mutex_destroy(&reaper->lock);
	fd_close(reaper->ready);
	free(reaper);
	return NULL;
}
