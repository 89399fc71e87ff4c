/* SPDX-License-Identifier: Apache-2.0 */
/* bench_svg.h - `dyno bench`: the plots of its page, as inline SVG whose colours are the page's CSS variables */
#ifndef CLI_APP_BENCH_SVG_H
#define CLI_APP_BENCH_SVG_H

#include <stdio.h>

#include "cli/app/bench.h"

/** html_text() - print @text so that it means itself in HTML; what is no UTF-8 becomes '?' */
void html_text(FILE *out, const char *text);

/** svg_launches() - every launch as a dot, with box and median; one row a contender */
void svg_launches(FILE *out, const struct bench *bench);
/** svg_cumulative() - the share of launches that took at most so long; one line a contender */
void svg_cumulative(FILE *out, const struct bench *bench);
/** svg_histogram() - of contender @at alone, on a scale of its own */
void svg_histogram(FILE *out, const struct bench *bench, size_t at);
/** svg_phases() - what each phase added to the boot of dynos, stacked; nothing without dynos */
void svg_phases(FILE *out, const struct bench *bench);

#endif /* CLI_APP_BENCH_SVG_H */
