/* SPDX-License-Identifier: Apache-2.0 */
/**
 * reaper.h - the thread that looks through what dynos wrote, and frees it: how long that takes is up to the app
 *
 * A dyno that has ended is the reaper's from reaper_give() to reaper_next(): nobody else touches it meanwhile.
 */
#ifndef LAUNCHER_REAPER_H
#define LAUNCHER_REAPER_H

#include <sys/queue.h>

#include "dyno.h"

struct reaper;

/**
 * struct reaping - a dyno that is being looked through
 * @dyno:      the dyno
 * @discarded: what it wrote, when it comes back
 */
struct reaping {
	STAILQ_ENTRY(reaping) next;
	struct dyno *dyno;
	struct dyno_discarded discarded;
};

/** reaper_open() - start the thread; it takes no signal. Return: 0 or negative errno */
int reaper_open(struct reaper **ret);
/** reaper_fd() - readable when reaper_next() has something */
int reaper_fd(const struct reaper *reaper);
/** reaper_give() - look through @reaping->dyno; @reaping is the reaper's until it comes back */
void reaper_give(struct reaper *reaper, struct reaping *reaping);
/** reaper_next() - one that is done, or NULL; does not block */
struct reaping *reaper_next(struct reaper *reaper);
/** reaper_close() - finish what was given, and end the thread. NULL is fine. Return: NULL */
struct reaper *reaper_close(struct reaper *reaper);

#endif /* LAUNCHER_REAPER_H */
