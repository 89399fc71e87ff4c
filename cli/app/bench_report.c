/* SPDX-License-Identifier: Apache-2.0 */
/**
 * bench_report.c - `dyno bench`: the report for people: table, bars, phases, doubts
 *
 * Block elements where the terminal's character set has them, colours on a terminal only (and never with NO_COLOR).
 */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/units.h"
#include "cli/app/bench.h"

#define BAR_CELLS 40
#define LABEL_WIDTH 18
#define WIDTH 100

/** struct style - how to print here */
struct style {
	bool blocks;
	const char *bold, *dim, *bar, *warn, *plain;
};

/** choose_style() - what standard output can show */
static struct style choose_style(void)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	bool colour = isatty(STDOUT_FILENO) && (!no_color || !no_color[0]) && term && strcmp(term, "dumb") != 0;
	struct style style = { .bold = "", .dim = "", .bar = "", .warn = "", .plain = "" };

	(void)setlocale(LC_CTYPE, "");
	style.blocks = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	/* numbers keep their point */
	if (colour) {
		style.bold = "\033[1m";
		style.dim = "\033[2m";
		style.bar = "\033[36m";
		style.warn = "\033[33m";
		style.plain = "\033[0m";
	}
	return style;
}

/** time_text() - @us in a fitting unit */
static char *time_text(double us, char buf[static 16])
{
	return units_format_ns((uint64_t)(us * 1000 + 0.5), buf, 16);
}

/** ratio_text() - three digits that count */
static char *ratio_text(double ratio, char buf[static 16])
{
	(void)snprintf(buf, 16, ratio < 0.1 ? "%.3f" : ratio < 10 ? "%.2f" : ratio < 100 ? "%.1f" : "%.0f", ratio);
	return buf;
}

/** print_wrapped() - @text in lines of at most WIDTH */
static void print_wrapped(const char *before, const char *text, const char *after)
{
	size_t column = 0;

	fputs(before, stdout);
	while (*text) {
		size_t length = strcspn(text, " ");

		if (column > 0 && column + 1 + length > WIDTH) {
			putchar('\n');
			column = 0;
		} else if (column > 0) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)length, text);
		column += length;
		text += length + strspn(text + length, " ");
	}
	printf("%s\n", after);
}

/** print_head() - what was measured, and where */
static void print_head(const struct bench *bench, const struct style *style)
{
	const struct bench_machine *machine = &bench->machine;
	const struct bench_plan *plan = bench->plan;
	char until[80];

	printf("%sRequest to %s%s: %u rounds, %u at a time\n", style->bold,
	       bench_until_words(plan, until, sizeof(until)), style->plain, bench->rounds, plan->concurrency);
	printf("%s%s, %u x %s%s, cgroups %s, as %s, load %.2f%s\n\n", style->dim, machine->kernel, machine->cpus,
	       machine->cpu, machine->virtual ? " (virtual)" : "", machine->cgroups, machine->user,
	       machine->load_before, style->plain);
}

/** print_table() - one line a contender */
static void print_table(const struct bench *bench, const struct style *style)
{
	char median[16], min[16], p90[16], p99[16], ratio[16], low[16], high[16], range[48];
	bool first = true;

	printf("%s%-*s %10s %10s %10s %10s %8s  %s%s\n", style->bold, LABEL_WIDTH, "", "median", "min", "p90", "p99",
	       "x first", "95 % interval", style->plain);
	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_contender *contender = &bench->contenders[i];
		const struct stats_summary *summary = &contender->summary;
		const struct stats_ratio *r = &contender->ratio;

		if (contender->count == 0)
			continue;
		(void)text_format(range, sizeof(range), "%s to %s", ratio_text(r->low, low), ratio_text(r->high, high));
		printf("%-*s %10s %10s %10s %10s %8s  %s\n", LABEL_WIDTH, contender->label,
		       time_text(summary->median, median), time_text(summary->min, min), time_text(summary->p90, p90),
		       time_text(summary->p99, p99), ratio_text(r->value, ratio), first ? "" : range);
		first = false;
	}
	putchar('\n');
}

/** print_bar() - @share of BAR_CELLS; eighths of a cell where there are blocks */
static void print_bar(double share, const struct style *style)
{
	static const char *const parts[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	int rounded = (int)(share * BAR_CELLS * 8 + 0.5);
	int eighths = rounded > 0 ? rounded : 1;
	int cells = eighths / 8;

	fputs(style->bar, stdout);
	for (int i = 0; i < cells; i++)
		fputs(style->blocks ? "█" : "#", stdout);
	if (style->blocks)
		fputs(parts[eighths % 8], stdout);
	else if (cells == 0)
		putchar('|');
	fputs(style->plain, stdout);
}

/** print_bars() - the medians, side by side */
static void print_bars(const struct bench *bench, const struct style *style)
{
	double most = 0;
	char text[16];

	for (size_t i = 0; i < bench->count; i++)
		if (bench->contenders[i].count > 0 && bench->contenders[i].summary.median > most)
			most = bench->contenders[i].summary.median;
	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_contender *contender = &bench->contenders[i];

		if (contender->count == 0)
			continue;
		printf("%-*s ", LABEL_WIDTH, contender->label);
		print_bar(most > 0 ? contender->summary.median / most : 0, style);
		printf(" %s\n", time_text(contender->summary.median, text));
	}
	putchar('\n');
}

/** print_phases() - what each phase added to the boot of dynos, medians */
static void print_phases(const struct bench *bench, const struct style *style)
{
	char text[16];
	size_t dynos = 0;

	for (size_t i = 0; i < bench->count; i++)
		dynos += bench->contenders[i].dyno && bench->contenders[i].count > 0;
	if (dynos == 0)
		return;
	printf("%s%-*s", style->bold, LABEL_WIDTH, "added by phase");
	for (size_t i = 0; i < bench->count; i++)
		if (bench->contenders[i].dyno && bench->contenders[i].count > 0)
			printf(" %12s", bench->contenders[i].label);
	printf("%s\n", style->plain);
	for (int phase = DYNO_PHASE_REQUESTED + 1; phase <= DYNO_PHASE_COUNT; phase++) {
		if (!bench_phase_seen(bench, phase))
			continue;
		printf("  %-*s", LABEL_WIDTH - 2, bench_phase_label(bench, phase));
		for (size_t i = 0; i < bench->count; i++) {
			const struct bench_contender *contender = &bench->contenders[i];
			bool ahead = false;
			double us;

			if (!contender->dyno || contender->count == 0)
				continue;
			us = bench_phase_median(contender, phase, &ahead);
			printf(" %12s", ahead ? "ahead" : us > 0 ? time_text(us, text) : "-");
		}
		putchar('\n');
	}
	printf("%sMedians of each; they need not add up. \"ahead\": done before the request.%s\n\n", style->dim,
	       style->plain);
}

void bench_report_text(const struct bench *bench)
{
	struct style style = choose_style();
	char how[1200];

	print_head(bench, &style);
	print_table(bench, &style);
	print_bars(bench, &style);
	print_phases(bench, &style);
	for (size_t i = 0; i < bench->count; i++)
		if (bench->contenders[i].count > 0)
			printf("%s%s: %s%s\n", style.dim, bench->contenders[i].label, bench->contenders[i].what,
			       style.plain);
	bench_how(bench, how, sizeof(how));
	print_wrapped(style.dim, how, style.plain);
	for (size_t i = 0; i < bench->note_count; i++)
		printf("%snote: %s%s\n", style.warn, bench->notes[i], style.plain);
}
