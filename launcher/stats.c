/* SPDX-License-Identifier: Apache-2.0 */
/* stats.c - see stats.h: what is noted, and told to people. To programs: stats_export.c */
#include "launcher/stats.h"

#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"

/** took() - how long @phase took: since the latest stamp before it, from the request on; 0: it was no part of this boot */
static uint64_t took(const struct dyno_timeline *timeline, unsigned phase)
{
	uint64_t end = timeline->ns[phase], begin = timeline->ns[DYNO_PHASE_REQUESTED];

	/* What was prepared ahead is stamped before the request. */
	if (phase == DYNO_PHASE_REQUESTED || end <= begin)
		return 0;
	for (unsigned i = 0; i < DYNO_PHASE_COUNT; i++)
		if (timeline->ns[i] > begin && timeline->ns[i] < end)
			begin = timeline->ns[i];
	return end - begin;
}

/** note() - @phase of @timeline, if it happened */
static void note(struct stats *stats, enum dyno_birth birth, const struct dyno_timeline *timeline, unsigned phase)
{
	uint64_t ns = took(timeline, phase);

	if (ns > 0)
		histogram_add(&stats->phases[birth][phase], ns);
}

void stats_up(struct stats *stats, enum dyno_birth birth, const struct dyno_timeline *timeline)
{
	stats->up[birth]++;
	histogram_add(&stats->boots[birth], timeline->ns[DYNO_PHASE_EXEC] - timeline->ns[DYNO_PHASE_REQUESTED]);
	for (unsigned i = 0; i < DYNO_PHASE_LISTENING; i++)
		note(stats, birth, timeline, i);
}

void stats_listening(struct stats *stats, enum dyno_birth birth, const struct dyno_timeline *timeline)
{
	histogram_add(&stats->listens[birth], timeline->ns[DYNO_PHASE_LISTENING] - timeline->ns[DYNO_PHASE_REQUESTED]);
	note(stats, birth, timeline, DYNO_PHASE_LISTENING);
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

/** print_row() - one line of a table of times */
static void print_row(FILE *out, const char *name, const struct histogram *histogram)
{
	static const uint32_t quantiles[] = { 500000, 900000, 990000, 999000 };
	char text[16];

	if (histogram->count == 0)
		return;
	fprintf(out, "  %-11s %9" PRIu64, name, histogram->count);
	for (unsigned i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++)
		fprintf(out, "  %9s", units_format_ns(histogram_quantile(histogram, quantiles[i]), text, sizeof(text)));
	fprintf(out, "  %9s\n", units_format_ns(histogram->max, text, sizeof(text)));
}

/** print_birth() - the times of those born in one way */
static void print_birth(FILE *out, const struct stats *stats, enum dyno_birth birth)
{
	if (stats->up[birth] == 0)
		return;
	fprintf(out, "\n%-13s %9s  %9s  %9s  %9s  %9s  %9s\n", dyno_birth_name(birth), "count", "median", "p90", "p99",
	        "p99.9", "max");
	print_row(out, "boot", &stats->boots[birth]);
	print_row(out, "until ready", &stats->listens[birth]);
	for (unsigned i = 0; i < DYNO_PHASE_COUNT; i++)
		print_row(out, dyno_phase_name((enum dyno_phase)i), &stats->phases[birth][i]);
}

void stats_print(const struct stats *stats, const struct stats_now *now, FILE *out)
{
	fprintf(out, "launcher %d (dyno " DYNO_VERSION ") for %" PRIu64 " s: %u connections, %u dynos\n", (int)getpid(),
	        (clock_ns() - stats->started_ns) / 1000000000, now->peers, now->dynos);
	fprintf(out,
	        "starts: %" PRIu64 " asked for, %" PRIu64 " refused, %" PRIu64 " failed; up: %" PRIu64 " cold, %" PRIu64
	        " pooled, %" PRIu64 " warm\n",
	        stats->asked, stats->refused, stats->failed, stats->up[DYNO_BIRTH_COLD], stats->up[DYNO_BIRTH_POOLED],
	        stats->up[DYNO_BIRTH_WARM]);
	fprintf(out, "ends: %" PRIu64 " exited, %" PRIu64 " of them killed when their grace was over\n", stats->exited,
	        stats->killed);
	fprintf(out,
	        "peers: %" PRIu64 " dropped that did not read, %" PRIu64 " rejected, %" PRIu64 " malformed packets\n",
	        stats->dropped, stats->rejected, stats->malformed);
	for (unsigned i = 0; i < STATS_BIRTHS; i++)
		print_birth(out, stats, (enum dyno_birth)i);
}
