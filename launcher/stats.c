/* SPDX-License-Identifier: Apache-2.0 */
/* stats.c - see stats.h */
#include "launcher/stats.h"

#include <inttypes.h>

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
	fprintf(out, "launcher for %" PRIu64 " s: %u connections, %u dynos\n",
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

/* ---- Prometheus -------------------------------------------------------------------------------------------------- */

/** print_metric() - a number with its two lines of description */
static void print_metric(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name, value);
}

/** print_buckets() - one histogram; @labels: those that tell it from its brothers */
static void print_buckets(FILE *out, const char *name, const char *labels, const struct histogram *histogram)
{
	/* microseconds: the bounds that a boot may be judged by */
	static const unsigned bounds[] = { 50,     100,    200,     300,     500,     750,      1000,     1500,
		                           2000,   3000,   5000,    7500,    10000,   20000,    50000,    100000,
		                           250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000 };

	for (unsigned i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		fprintf(out, "%s_bucket{%s,le=\"%g\"} %" PRIu64 "\n", name, labels, bounds[i] / 1e6,
		        histogram_up_to(histogram, bounds[i] * 1000ULL));
	fprintf(out, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n", name, labels, histogram->count);
	fprintf(out, "%s_sum{%s} %.9f\n", name, labels, (double)histogram->sum / 1e9);
	fprintf(out, "%s_count{%s} %" PRIu64 "\n", name, labels, histogram->count);
}

/** print_histograms() - one metric, of all births */
static void print_histograms(FILE *out, const char *name, const char *help, const struct histogram *histograms)
{
	char labels[64];

	fprintf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
	for (unsigned i = 0; i < STATS_BIRTHS; i++) {
		(void)snprintf(labels, sizeof(labels), "birth=\"%s\"", dyno_birth_name((enum dyno_birth)i));
		if (histograms[i].count > 0)
			print_buckets(out, name, labels, &histograms[i]);
	}
}

/** print_phases() - the phases of all births */
static void print_phases(FILE *out, const struct stats *stats)
{
	static const char name[] = "dyno_boot_phase_seconds";
	char labels[96];

	fprintf(out, "# HELP %s How long each phase of a boot took.\n# TYPE %s histogram\n", name, name);
	for (unsigned i = 0; i < STATS_BIRTHS; i++) {
		for (unsigned j = 0; j < DYNO_PHASE_COUNT; j++) {
			if (stats->phases[i][j].count == 0)
				continue;
			(void)snprintf(labels, sizeof(labels), "birth=\"%s\",phase=\"%s\"",
			               dyno_birth_name((enum dyno_birth)i), dyno_phase_name((enum dyno_phase)j));
			print_buckets(out, name, labels, &stats->phases[i][j]);
		}
	}
}

void stats_print_prometheus(const struct stats *stats, const struct stats_now *now, FILE *out)
{
	print_metric(out, "dyno_launcher_connections", "gauge", "Connections of peers.", now->peers);
	print_metric(out, "dyno_launcher_dynos", "gauge", "Dynos that run, boot or end.", now->dynos);
	print_metric(out, "dyno_starts_total", "counter", "Dynos that were asked for.", stats->asked);
	print_metric(out, "dyno_starts_refused_total", "counter", "Starts that were refused.", stats->refused);
	print_metric(out, "dyno_starts_failed_total", "counter", "Dynos that could not be booted.", stats->failed);
	print_metric(out, "dyno_exits_total", "counter", "Dynos that ran and ended.", stats->exited);
	print_metric(out, "dyno_kills_total", "counter", "Dynos killed at the end of their grace.", stats->killed);
	print_metric(out, "dyno_peers_dropped_total", "counter", "Peers that did not read.", stats->dropped);
	print_metric(out, "dyno_peers_rejected_total", "counter", "Peers that were not let in.", stats->rejected);
	print_metric(out, "dyno_packets_malformed_total", "counter", "Packets that were no requests.",
	             stats->malformed);
	fprintf(out, "# HELP dyno_up_total Dynos that came up.\n# TYPE dyno_up_total counter\n");
	for (unsigned i = 0; i < STATS_BIRTHS; i++)
		fprintf(out, "dyno_up_total{birth=\"%s\"} %" PRIu64 "\n", dyno_birth_name((enum dyno_birth)i),
		        stats->up[i]);
	print_histograms(out, "dyno_boot_seconds", "From the request to exec.", stats->boots);
	print_histograms(out, "dyno_ready_seconds", "From the request to listening.", stats->listens);
	print_phases(out, stats);
}
