/* SPDX-License-Identifier: Apache-2.0 */
/* stats_export.c - see stats.h: for Prometheus and as JSON */
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"
#include "launcher/stats.h"

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

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/** json_times() - one histogram; @separator: before it */
static void json_times(FILE *out, const char *separator, const char *name, const struct histogram *histogram)
{
	fprintf(out,
	        "%s\"%s\":{\"count\":%" PRIu64 ",\"sum_ns\":%" PRIu64 ",\"median_ns\":%" PRIu64 ",\"p90_ns\":%" PRIu64
	        ",\"p99_ns\":%" PRIu64 ",\"p999_ns\":%" PRIu64 ",\"max_ns\":%" PRIu64 "}",
	        separator, name, histogram->count, histogram->sum, histogram_quantile(histogram, 500000),
	        histogram_quantile(histogram, 900000), histogram_quantile(histogram, 990000),
	        histogram_quantile(histogram, 999000), histogram->max);
}

/** json_birth() - the times of those born in one way */
static void json_birth(FILE *out, const struct stats *stats, enum dyno_birth birth)
{
	const char *separator = "";

	fprintf(out, "\"%s\":{\"up\":%" PRIu64, dyno_birth_name(birth), stats->up[birth]);
	json_times(out, ",", "boot", &stats->boots[birth]);
	json_times(out, ",", "ready", &stats->listens[birth]);
	fputs(",\"phases\":{", out);
	for (unsigned i = 0; i < DYNO_PHASE_COUNT; i++) {
		if (stats->phases[birth][i].count == 0)
			continue;
		json_times(out, separator, dyno_phase_name((enum dyno_phase)i), &stats->phases[birth][i]);
		separator = ",";
	}
	fputs("}}", out);
}

void stats_print_json(const struct stats *stats, const struct stats_now *now, FILE *out)
{
	fprintf(out,
	        "{\"pid\":%d,\"version\":\"" DYNO_VERSION "\",\"uptime_ns\":%" PRIu64
	        ",\"connections\":%u,\"dynos\":%u,\"asked\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"failed\":%" PRIu64,
	        (int)getpid(), clock_ns() - stats->started_ns, now->peers, now->dynos, stats->asked, stats->refused,
	        stats->failed);
	fprintf(out,
	        ",\"exited\":%" PRIu64 ",\"killed\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"rejected\":%" PRIu64
	        ",\"malformed\":%" PRIu64 ",\"births\":{",
	        stats->exited, stats->killed, stats->dropped, stats->rejected, stats->malformed);
	for (unsigned i = 0; i < STATS_BIRTHS; i++) {
		fputs(i > 0 ? "," : "", out);
		json_birth(out, stats, (enum dyno_birth)i);
	}
	fputc('}', out);
}
