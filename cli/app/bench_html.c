/* SPDX-License-Identifier: Apache-2.0 */
/* bench_html.c - `dyno bench`: the report as one page that needs nothing but itself: no script, no font, no image */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/app/bench_svg.h"

/* Contenders are c0 to c9 and phases p1 to p12, told apart by people who see colours differently (after Okabe and Ito) */
static const char style[] =
	":root{color-scheme:light dark;--ink:#1c2024;--soft:#5c666f;--page:#fff;--card:#f6f7f9;--line:#d9dee3;"
	"--0:#0072b2;--1:#d55e00;--2:#009e73;--3:#8e5bb5;--4:#b8860b;--5:#3f8fd0;--6:#c2578f;--7:#6b7680;--8:#7a9a01;"
	"--9:#a0522d;--10:#2aa198;--11:#586e75;--12:#e0a100}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5af;--page:#14171a;--card:#1d2125;--line:#343a41;"
	"--0:#56b4e9;--1:#ff8c42;--2:#2fcf9f;--3:#bd93e6;--4:#e3bb4a;--5:#8cc4ff;--6:#f294c3;--7:#aab4bd;--8:#b5d334;"
	"--9:#d98e63;--10:#5fd7cd;--11:#9fb4bb;--12:#ffd166}}\n"
	"body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:920px;margin:2rem auto;"
	"padding:0 1rem}h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}"
	"code{font-size:.9em;overflow-wrap:anywhere}p,li,dd{color:var(--soft)}.lead{margin:0;color:var(--ink)}"
	"table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
	"th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}"
	"th:first-child,td:first-child{text-align:left}thead th{color:var(--soft);font-weight:600;font-size:.85rem}"
	".scroll{overflow-x:auto}svg{display:block;width:100%;height:auto;background:var(--card);border-radius:8px}"
	"text{font:12px system-ui,sans-serif;fill:var(--ink)}.tick{text-anchor:middle;fill:var(--soft)}"
	".name{text-anchor:end}.grid{stroke:var(--line);stroke-width:1}.dots{opacity:.45}.box{fill-opacity:.18;stroke-width:1}"
	".median{stroke:var(--ink);stroke-width:2}.curve{stroke-width:2;stroke-linejoin:round}"
	".legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.5rem 0;font-size:.85rem}.legend i{display:inline-block;"
	"width:.8em;height:.8em;border-radius:2px;margin-right:.4em}.grid2{display:grid;gap:1rem;"
	"grid-template-columns:repeat(auto-fit,minmax(300px,1fr))}figure{margin:0}figcaption{font-size:.9rem}"
	".notes{border-left:4px solid var(--4);padding:.3rem 1rem;background:var(--card)}.notes p{margin:.2rem 0}"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;font-size:.9rem}dt{font-weight:600}dd{margin:0}\n";

/** print_styles() - the sheet, and the classes that give each contender and phase its colour */
static void print_styles(FILE *out)
{
	fputs("<style>\n", out);
	fputs(style, out);
	for (int i = 0; i < BENCH_CONTENDERS_MAX; i++)
		fprintf(out,
		        ".c%d{fill:var(--%d);stroke:none;background:var(--%d)}.box.c%d{stroke:var(--%d)}"
		        ".curve.c%d{fill:none;stroke:var(--%d)}\n",
		        i, i, i, i, i, i, i);
	for (int i = DYNO_PHASE_REQUESTED + 1; i <= DYNO_PHASE_COUNT; i++)
		fprintf(out, ".p%d{fill:var(--%d);background:var(--%d);stroke:var(--card)}\n", i, i, i);
	fputs("</style>\n", out);
}

/** print_command() - as it was given, words apart */
static void print_command(FILE *out, const struct bench_plan *plan)
{
	fputs("<code>", out);
	for (size_t i = 0; plan->request.app.argv[i]; i++) {
		fputs(i ? " " : "", out);
		html_text(out, plan->request.app.argv[i]);
	}
	fputs("</code>", out);
}

/** print_head() - everything before the table */
static void print_head(FILE *out, const struct bench *bench)
{
	const struct bench_plan *plan = bench->plan;
	char until[80];

	(void)bench_until_words(plan, until, sizeof(until));
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>dyno bench: request to ",
	      out);
	html_text(out, until);
	fputs("</title>\n", out);
	print_styles(out);
	fputs("</head>\n<body>\n<h1>Request to ", out);
	html_text(out, until);
	fputs("</h1>\n<p class=\"lead\">", out);
	print_command(out, plan);
	fprintf(out, ", %u rounds, %u at a time</p>\n", bench->rounds, plan->concurrency);
	if (bench->note_count > 0)
		fputs("<div class=\"notes\">\n", out);
	for (size_t i = 0; i < bench->note_count; i++) {
		fputs("<p>", out);
		html_text(out, bench->notes[i]);
		fputs("</p>\n", out);
	}
	if (bench->note_count > 0)
		fputs("</div>\n", out);
}

/** print_time() - a cell */
static void print_time(FILE *out, double us)
{
	char text[16];

	fprintf(out, "<td>%s</td>", units_format_ns((uint64_t)(us * 1000 + 0.5), text, sizeof(text)));
}

/** print_table() - medians, quantiles, ratios */
static void print_table(FILE *out, const struct bench *bench)
{
	bool first = true;

	fputs("<h2>Times</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th></th><th>median</th><th>min</th><th>p90</th>"
	      "<th>p99</th><th>x first</th><th>95 % interval</th></tr></thead>\n<tbody>\n",
	      out);
	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_contender *contender = &bench->contenders[i];
		const struct stats_ratio *ratio = &contender->ratio;

		if (contender->count == 0)
			continue;
		fputs("<tr><td>", out);
		html_text(out, contender->label);
		fputs("</td>", out);
		print_time(out, contender->summary.median);
		print_time(out, contender->summary.min);
		print_time(out, contender->summary.p90);
		print_time(out, contender->summary.p99);
		fprintf(out, "<td>%.3g</td>", ratio->value);
		/* to itself */
		if (first)
			fputs("<td></td></tr>\n", out);
		else
			fprintf(out, "<td>%.3g to %.3g</td></tr>\n", ratio->low, ratio->high);
		first = false;
	}
	fputs("</tbody>\n</table></div>\n", out);
}

/** print_plots() - all of them */
static void print_plots(FILE *out, const struct bench *bench)
{
	bool phases = false;

	for (size_t i = 0; i < bench->count; i++)
		phases = phases || (bench->contenders[i].dyno && bench->contenders[i].count > 0);
	fputs("<h2>Every launch</h2>\n", out);
	svg_launches(out, bench);
	fputs("<p>A dot is a launch; the box holds the middle half, the line is the median. Dots at the right edge may be "
	      "slower than the axis is long.</p>\n<h2>Share of launches that took at most so long</h2>\n",
	      out);
	svg_cumulative(out, bench);
	if (phases) {
		fputs("<h2>Where the time of a dyno goes</h2>\n", out);
		svg_phases(out, bench);
		fputs("<p>Medians of what each phase added; they need not add up to the median of the whole. What was done "
		      "before the request took no time of it.</p>\n",
		      out);
	}
	fputs("<h2>Histograms</h2>\n<div class=\"grid2\">\n", out);
	for (size_t i = 0; i < bench->count; i++) {
		if (bench->contenders[i].count == 0)
			continue;
		fputs("<figure>\n", out);
		svg_histogram(out, bench, i);
		fputs("<figcaption>", out);
		html_text(out, bench->contenders[i].label);
		fputs(", from the fastest to the 99th percentile</figcaption>\n</figure>\n", out);
	}
	fputs("</div>\n", out);
}

/** print_fact() - one row of the list */
static void print_fact(FILE *out, const char *name, const char *value)
{
	fputs("<dt>", out);
	html_text(out, name);
	fputs("</dt><dd>", out);
	html_text(out, value);
	fputs("</dd>\n", out);
}

/** print_method() - who took part, how it was done, on what */
static void print_method(FILE *out, const struct bench *bench)
{
	const struct bench_machine *machine = &bench->machine;
	char text[1200], memory[16];

	fputs("<h2>Contenders</h2>\n<dl>\n", out);
	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_contender *contender = &bench->contenders[i];

		(void)text_format(text, sizeof(text), "%s%s", contender->left_out[0] ? "left out: " : "",
		                  contender->left_out[0] ? contender->left_out : contender->what);
		print_fact(out, contender->label[0] ? contender->label : contender->name, text);
	}
	fputs("</dl>\n<h2>Method</h2>\n<p>", out);
	bench_how(bench, text, sizeof(text));
	html_text(out, text);
	fputs("</p>\n<h2>Machine</h2>\n<dl>\n", out);
	print_fact(out, "when", machine->date);
	print_fact(out, "kernel", machine->kernel);
	(void)text_format(text, sizeof(text), "%u x %s%s", machine->cpus, machine->cpu,
	                  machine->virtual ? ", in a virtual machine" : "");
	print_fact(out, "CPUs", text);
	print_fact(out, "memory", units_format_size(machine->memory, memory, sizeof(memory)));
	print_fact(out, "cgroups", machine->cgroups);
	if (machine->governor[0])
		print_fact(out, "frequency governor", machine->governor);
	print_fact(out, "user", machine->user);
	(void)text_format(text, sizeof(text), "%.2f before, %.2f after", machine->load_before, machine->load_after);
	print_fact(out, "load", text);
	print_fact(out, "dyno", DYNO_VERSION);
	fputs("</dl>\n", out);
}

int bench_report_html(const struct bench *bench, const char *path, struct dyno_error *err)
{
	FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	int bad;

	if (!out)
		return error_set(err, -errno, "bench", "cannot write %.200s:", path);
	print_head(out, bench);
	print_table(out, bench);
	print_plots(out, bench);
	print_method(out, bench);
	fputs("</body>\n</html>\n", out);
	bad = out == stdout ? fflush(out) : fclose(out);
	return bad ? error_set(err, -errno, "bench", "cannot write %.200s:", path) : 0;
}
