/* SPDX-License-Identifier: Apache-2.0 */
/* stats.h - what the launcher counts, and how long boots took, by birth and phase */
#ifndef LAUNCHER_STATS_H
#define LAUNCHER_STATS_H

#include <stdio.h>

#include "dyno.h"
#include "launcher/histogram.h"

#define STATS_BIRTHS 3 /* enum dyno_birth */

/**
 * struct stats - since the launcher began; zeroed to begin with
 * @started_ns: CLOCK_MONOTONIC, when that was
 * @asked:   starts that were asked for; @refused: those of them that left nothing
 * @failed:  that could not be booted; @up: that ran, by birth; @exited: that ran and ended
 * @killed:  that did not stop within their grace
 * @dropped: peers that did not read; @rejected: that may not connect; @malformed: packets that were no requests
 * @boots:   from the request to exec; @listens: to listening; @phases: each phase since the stamp before it
 */
struct stats {
	uint64_t started_ns;
	uint64_t asked, refused, failed, exited, killed;
	uint64_t up[STATS_BIRTHS];
	uint64_t dropped, rejected, malformed;
	struct histogram boots[STATS_BIRTHS];
	struct histogram listens[STATS_BIRTHS];
	struct histogram phases[STATS_BIRTHS][DYNO_PHASE_COUNT];
};

/** struct stats_now - what there is at this moment */
struct stats_now {
	unsigned peers;
	unsigned dynos;
};

/** stats_up() - a dyno of @birth is up: note its phases as far as they are stamped */
void stats_up(struct stats *stats, enum dyno_birth birth, const struct dyno_timeline *timeline);
/** stats_listening() - it listens */
void stats_listening(struct stats *stats, enum dyno_birth birth, const struct dyno_timeline *timeline);

/** stats_print() - for people */
void stats_print(const struct stats *stats, const struct stats_now *now, FILE *out);
/** stats_print_json() - as the beginning of a JSON object, which pools_print_json() ends */
void stats_print_json(const struct stats *stats, const struct stats_now *now, FILE *out);
/** stats_print_prometheus() - as https://prometheus.io/docs/instrumenting/exposition_formats/ wants it */
void stats_print_prometheus(const struct stats *stats, const struct stats_now *now, FILE *out);

#endif /* LAUNCHER_STATS_H */
