/* SPDX-License-Identifier: Apache-2.0 */
/* bench_svg.c - see bench_svg.h */
#include "cli/app/bench_svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"

#define WIDTH 860
#define LEFT 150
#define RIGHT 20
#define ROW 46
#define BOTTOM 34
#define DOTS_MAX 1200
#define STEPS_MAX 400
#define BINS 30
/* a linear axis would press the fast ones into its first pixels */
#define LOG_FROM 15.0

/** struct axis - of times in microseconds, from @left over @width */
struct axis {
	double low, high;
	bool log;
	double left, width;
};

void html_text(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		int more = *at < 0x80 ? 0 : *at >= 0xf0 ? 3 : *at >= 0xe0 ? 2 : *at >= 0xc2 ? 1 : -1;
		bool good = more >= 0 && *at < 0xf5 && (*at >= ' ' || *at == '\n');

		for (int i = 1; i <= more && good; i++)
			good = (at[i] & 0xc0) == 0x80;
		if (!good)
			fputc('?', out);
		else if (*at == '&')
			fputs("&amp;", out);
		else if (*at == '<')
			fputs("&lt;", out);
		else if (*at == '>')
			fputs("&gt;", out);
		else if (*at == '"')
			fputs("&quot;", out);
		else
			(void)fwrite(at, 1, (size_t)more + 1, out);
		at += good ? more + 1 : 1;
	}
}

/** place() - of @us on the axis; what is beyond stands at its end */
static double place(const struct axis *axis, double us)
{
	double share;

	if (us <= axis->low)
		return axis->left;
	if (us >= axis->high)
		return axis->left + axis->width;
	share = axis->log ? log(us / axis->low) / log(axis->high / axis->low)
	                  : (us - axis->low) / (axis->high - axis->low);
	return axis->left + share * axis->width;
}

/** tick() - a line with the time below it */
static void tick(FILE *out, const struct axis *axis, double us, double top, double bottom)
{
	const char *unit = us >= 1e6 ? "s" : us >= 1e3 ? "ms" : "\xc2\xb5s";
	double shown = us >= 1e6 ? us / 1e6 : us >= 1e3 ? us / 1e3 : us;

	fprintf(out,
	        "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
	        "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\">%g %s</text>\n",
	        place(axis, us), place(axis, us), top, bottom, place(axis, us), bottom + 16, shown, unit);
}

/** draw_axis() - ticks at round times: 1, 2 and 5 of each power of ten, or equal steps */
static void draw_axis(FILE *out, const struct axis *axis, double top, double bottom)
{
	double step = stats_nice_ceiling((axis->high - axis->low) / (axis->width > 400 ? 8 : 4));

	if (!axis->log) {
		for (int i = (int)ceil(axis->low / step); i * step <= axis->high; i++)
			tick(out, axis, i * step, top, bottom);
		return;
	}
	for (int power = (int)floor(log10(axis->low)); pow(10, power) <= axis->high; power++)
		for (int i = 1; i <= 5; i = i == 2 ? 5 : i + 1)
			if (pow(10, power) * i >= axis->low && pow(10, power) * i <= axis->high)
				tick(out, axis, pow(10, power) * i, top, bottom);
}

/** common_axis() - one on which all launches of all contenders find a place */
static struct axis common_axis(const struct bench *bench)
{
	struct axis axis = { .left = LEFT, .width = WIDTH - LEFT - RIGHT };
	double most = 0, least = 0, usual = 0;

	for (size_t i = 0; i < bench->count; i++) {
		const struct stats_summary *summary = &bench->contenders[i].summary;

		if (bench->contenders[i].count == 0)
			continue;
		least = least == 0 || summary->min < least ? summary->min : least;
		most = summary->max > most ? summary->max : most;
		usual = summary->p99 > usual ? summary->p99 : usual;
	}
	axis.log = least > 0 && usual > LOG_FROM * least;
	axis.low = axis.log ? least * 0.9 : 0;
	axis.high = axis.log ? most * 1.05 : usual * 1.05;
	if (!(axis.high > axis.low))
		axis.high = axis.low + 1;
	return axis;
}

/** open_svg() - with a text for those who cannot see it */
static void open_svg(FILE *out, double width, double height, const char *title)
{
	fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n", width, height, title);
}

/** rows_of() - how many contenders have something to show */
static size_t rows_of(const struct bench *bench, bool dynos)
{
	size_t rows = 0;

	for (size_t i = 0; i < bench->count; i++)
		rows += bench->contenders[i].count > 0 && (!dynos || bench->contenders[i].dyno);
	return rows;
}

/** sorted_times() - of @contender, to be freed; NULL without memory */
static double *sorted_times(const struct bench_contender *contender)
{
	double *values = calloc(contender->count, sizeof(*values));

	for (size_t i = 0; values && i < contender->count; i++)
		values[i] = contender->samples[i].us;
	if (values)
		stats_sort(values, contender->count);
	return values;
}

/** draw_row() - dots, box from quartile to quartile, median */
static void draw_row(FILE *out, const struct axis *axis, const struct bench_contender *contender, size_t colour,
                     double middle)
{
	_cleanup_free_ double *values = sorted_times(contender);
	size_t stride = contender->count / DOTS_MAX + 1;
	double low, high, median;

	fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%.1f\">", LEFT - 10, middle + 4);
	html_text(out, contender->label);
	fputs("</text>\n", out);
	if (!values)
		return;
	fprintf(out, "<g class=\"dots c%zu\">\n", colour);
	for (size_t i = 0; i < contender->count; i += stride)
		/* neighbours in time land apart, and the page is the same each time it is made */
		fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\"/>", place(axis, contender->samples[i].us),
		        middle - 13 + (double)(i / stride * 61 % 27));
	low = place(axis, stats_quantile(values, contender->count, 0.25));
	high = place(axis, stats_quantile(values, contender->count, 0.75));
	median = place(axis, contender->summary.median);
	fprintf(out,
	        "</g>\n<rect class=\"box c%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"28\" rx=\"3\"/>"
	        "<line class=\"median\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>\n",
	        colour, low, middle - 14, high - low > 1 ? high - low : 1, median, median, middle - 17, middle + 17);
}

void svg_launches(FILE *out, const struct bench *bench)
{
	struct axis axis = common_axis(bench);
	double bottom = (double)rows_of(bench, false) * ROW + 10;
	size_t row = 0;

	open_svg(out, WIDTH, bottom + BOTTOM, "every launch, by contender");
	draw_axis(out, &axis, 0, bottom);
	for (size_t i = 0; i < bench->count; i++)
		if (bench->contenders[i].count > 0)
			draw_row(out, &axis, &bench->contenders[i], i, (double)row++ * ROW + ROW / 2.0 + 5);
	fputs("</svg>\n", out);
}

/** draw_curve() - the cumulative share of one contender as a line of at most STEPS_MAX points */
static void draw_curve(FILE *out, const struct axis *axis, const struct bench_contender *contender, size_t colour,
                       double height)
{
	_cleanup_free_ double *values = sorted_times(contender);
	size_t steps = contender->count < STEPS_MAX ? contender->count : STEPS_MAX;

	if (!values)
		return;
	fprintf(out, "<polyline class=\"curve c%zu\" points=\"%.1f,%.1f", colour, place(axis, values[0]), height);
	for (size_t i = 1; i <= steps; i++) {
		double share = (double)i / (double)steps;

		fprintf(out, " %.1f,%.1f", place(axis, stats_quantile(values, contender->count, share)),
		        height * (1 - share) + 8 * share);
	}
	fputs("\"/>\n", out);
}

void svg_cumulative(FILE *out, const struct bench *bench)
{
	struct axis axis = common_axis(bench);
	double height = 220;

	open_svg(out, WIDTH, height + BOTTOM, "share of launches that took at most so long");
	draw_axis(out, &axis, 0, height);
	for (int percent = 0; percent <= 100; percent += 25) {
		double y = height - (height - 8) * percent / 100;

		fprintf(out,
		        "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
		        "<text class=\"name\" x=\"%d\" y=\"%.1f\">%d %%</text>\n",
		        LEFT, WIDTH - RIGHT, y, y, LEFT - 10, y + 4, percent);
	}
	for (size_t i = 0; i < bench->count; i++)
		if (bench->contenders[i].count > 0)
			draw_curve(out, &axis, &bench->contenders[i], i, height);
	fputs("</svg>\n<p class=\"legend\">", out);
	for (size_t i = 0; i < bench->count; i++) {
		if (bench->contenders[i].count == 0)
			continue;
		fprintf(out, "<span><i class=\"c%zu\"></i>", i);
		html_text(out, bench->contenders[i].label);
		fputs("</span> ", out);
	}
	fputs("</p>\n", out);
}

void svg_histogram(FILE *out, const struct bench *bench, size_t at)
{
	const struct bench_contender *contender = &bench->contenders[at];
	_cleanup_free_ double *values = sorted_times(contender);
	struct axis axis = { .left = 8, .width = 384, .low = contender->summary.min, .high = contender->summary.p99 };
	double height = 110, bar = axis.width / BINS;
	uint32_t bins[BINS], most = 1;

	if (!(axis.high > axis.low))
		axis.high = axis.low + 1;
	if (!values)
		return;
	stats_histogram(values, contender->count, axis.low, axis.high, BINS, bins);
	for (size_t i = 0; i < BINS; i++)
		most = bins[i] > most ? bins[i] : most;
	open_svg(out, 400, height + BOTTOM, "histogram");
	draw_axis(out, &axis, 0, height);
	for (size_t i = 0; i < BINS; i++) {
		double tall = (height - 8) * bins[i] / most;

		if (bins[i] > 0)
			fprintf(out,
			        "<rect class=\"bin c%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">"
			        "<title>%u</title></rect>",
			        at, axis.left + bar * (double)i, height - tall, bar - 1, tall, bins[i]);
	}
	fputs("\n</svg>\n", out);
}

/** draw_stack() - the phases of one contender one after the other. @scale: pixels for a microsecond */
static void draw_stack(FILE *out, const struct bench *bench, const struct bench_contender *contender, double scale,
                       double top)
{
	double x = LEFT;
	char text[16];

	fprintf(out, "<text class=\"name\" x=\"%d\" y=\"%.1f\">", LEFT - 10, top + 20);
	html_text(out, contender->label);
	fputs("</text>\n", out);
	for (int phase = DYNO_PHASE_REQUESTED + 1; phase <= DYNO_PHASE_COUNT; phase++) {
		bool ahead;
		double us = bench_phase_median(contender, phase, &ahead), width = us * scale;

		if (us <= 0)
			continue;
		fprintf(out,
		        "<rect class=\"p%d\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"30\"><title>%s %s</title></rect>\n",
		        phase, x, top, width, bench_phase_label(bench, phase),
		        units_format_ns((uint64_t)(us * 1000), text, sizeof(text)));
		x += width;
	}
}

void svg_phases(FILE *out, const struct bench *bench)
{
	struct axis axis = { .left = LEFT, .width = WIDTH - LEFT - RIGHT };
	double bottom = (double)rows_of(bench, true) * ROW + 6;
	size_t row = 0;

	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_contender *contender = &bench->contenders[i];
		double whole = 0;
		bool ahead;

		for (int phase = DYNO_PHASE_REQUESTED + 1; contender->dyno && phase <= DYNO_PHASE_COUNT; phase++)
			whole += contender->count > 0 ? bench_phase_median(contender, phase, &ahead) : 0;
		axis.high = whole > axis.high ? whole : axis.high;
	}
	if (!(axis.high > 0))
		return;
	axis.high *= 1.02;
	open_svg(out, WIDTH, bottom + BOTTOM, "what each phase added to the boot of a dyno");
	draw_axis(out, &axis, 0, bottom);
	for (size_t i = 0; i < bench->count; i++)
		if (bench->contenders[i].dyno && bench->contenders[i].count > 0)
			draw_stack(out, bench, &bench->contenders[i], axis.width / axis.high, (double)row++ * ROW + 8);
	fputs("</svg>\n<p class=\"legend\">", out);
	for (int phase = DYNO_PHASE_REQUESTED + 1; phase <= DYNO_PHASE_COUNT; phase++)
		if (bench_phase_seen(bench, phase))
			fprintf(out, "<span><i class=\"p%d\"></i>%s</span> ", phase, bench_phase_label(bench, phase));
	fputs("</p>\n", out);
}
