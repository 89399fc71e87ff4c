/* SPDX-License-Identifier: Apache-2.0 */
/* bench_judge.c - `dyno bench`: from samples to what is reported of them, and how far it can be trusted */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/bench.h"

/* above these the numbers are doubted aloud */
#define SPREAD_MAX 0.35
#define DRIFT_MAX 0.10
#define LOAD_MAX_PER_CPU 0.5
#define ROUNDS_FEW 20

void bench_note(struct bench *bench, const char *fmt, ...)
{
	va_list args;

	if (bench->note_count == BENCH_NOTES_MAX)
		return;
	va_start(args, fmt);
	(void)vsnprintf(bench->notes[bench->note_count++], sizeof(bench->notes[0]), fmt, args);
	va_end(args);
}

const char *bench_until_words(const struct bench_plan *plan, char *buf, size_t size)
{
	if (plan->until == BENCH_UNTIL_HTTP)
		(void)text_format(buf, size, "answer to GET %.60s", plan->path);
	else
		(void)text_copy(buf, size, plan->until == BENCH_UNTIL_EXEC ? "first instruction" : "listening");
	return buf;
}

void bench_how(const struct bench *bench, char *buf, size_t size)
{
	static const char *const ends[] = {
		[BENCH_UNTIL_EXEC] =
			"the first instruction of a tiny program in the command's place, which stamps the clock, "
			"for everybody alike",
		[BENCH_UNTIL_LISTEN] =
			"the moment at which a connection to $PORT is accepted; one is tried every 0.1 ms, for "
			"everybody alike",
		[BENCH_UNTIL_HTTP] =
			"the first bytes of an answer with a status below 500; a connection is tried every 0.1 ms, "
			"for everybody alike",
	};
	const struct bench_plan *plan = bench->plan;

	buf[0] = '\0';
	(void)text_append(
		buf, size,
		"From just before the launch to %s. %u at a time, in rounds in which everybody launches once, in an "
		"order that rotates; %u warm-up rounds. ",
		ends[plan->until], plan->concurrency, plan->warmup);
	if (plan->until == BENCH_UNTIL_LISTEN && plan->blind)
		(void)text_append(buf, size, "Dynos cannot be reached from here: theirs is the moment of listen(2). ");
	(void)text_append(buf, size, "Ratios are of medians%s, to the first line, with 95 %% confidence intervals: %s.",
	                  plan->concurrency > 1 ? " of the rounds' medians" : "", BENCH_RESAMPLED);
}

/** by_round() - the median of each round's launches, into @ret */
static void by_round(const struct bench_contender *contender, unsigned rounds, double *ret)
{
	double turn[BENCH_CONCURRENCY_MAX];
	size_t at = 0;

	for (unsigned round = 0; round < rounds; round++) {
		size_t count = 0;

		for (; at < contender->count && contender->samples[at].round == round; at++)
			turn[count++] = contender->samples[at].us;
		ret[round] = stats_median(turn, count);
	}
}

/** doubt_some() - one note on all contenders of which @value is beyond @most; @sign: it may be less */
static void doubt_some(struct bench *bench, const char *what, double (*value)(const struct stats_summary *),
                       double most, bool sign)
{
	char text[sizeof(bench->notes[0])] = "";

	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_contender *contender = &bench->contenders[i];
		double found = value(&contender->summary);

		if (contender->count >= ROUNDS_FEW && fabs(found) > most)
			(void)text_append(text, sizeof(text), sign ? "%s%s %+.0f %%" : "%s%s %.0f %%",
			                  text[0] ? "; " : "", contender->label, found * 100);
	}
	if (text[0])
		bench_note(bench, "%s: %s", what, text);
}

/** drift_of() - for doubt_some() */
static double drift_of(const struct stats_summary *summary)
{
	return summary->drift;
}

/** spread_of() - the same */
static double spread_of(const struct stats_summary *summary)
{
	return summary->spread;
}

/** doubt_births() - the pool was empty at times */
static void doubt_births(struct bench *bench, const struct bench_contender *contender)
{
	size_t cold = 0;

	for (size_t i = 0; i < contender->count; i++)
		cold += contender->samples[i].birth == DYNO_BIRTH_COLD;
	if (contender->dyno && strcmp(contender->name, "cold") != 0 && cold > 0)
		bench_note(bench, "%s: %zu of %zu dynos were born cold, because the pool had none ready",
		           contender->label, cold, contender->count);
}

/** doubt() - notes on the whole */
static void doubt(struct bench *bench)
{
	const struct bench_machine *machine = &bench->machine;

	if (bench->interrupted)
		bench_note(bench, "interrupted after %u of %u rounds", bench->rounds, bench->plan->runs);
	if (bench->rounds < ROUNDS_FEW)
		bench_note(bench, "%u rounds are few: p90, p99 and the intervals are rough", bench->rounds);
	if (machine->load_before > LOAD_MAX_PER_CPU * machine->cpus)
		bench_note(bench, "the machine was busy: load %.2f on %u CPU%s before the first round",
		           machine->load_before, machine->cpus, machine->cpus == 1 ? "" : "s");
	doubt_some(bench, "the machine changed meanwhile, second half of the launches against the first", drift_of,
	           DRIFT_MAX, true);
	doubt_some(bench, "noisy, range of the middle half of the launches over their median", spread_of, SPREAD_MAX,
	           false);
	for (size_t i = 0; i < bench->count; i++)
		doubt_births(bench, &bench->contenders[i]);
}

int bench_judge(struct bench *bench, struct dyno_error *err)
{
	size_t room = (size_t)bench->plan->runs * bench->plan->concurrency;
	_cleanup_free_ double *values = calloc(room, sizeof(double)), *work = calloc(room, sizeof(double));
	_cleanup_free_ double *base = calloc(bench->plan->runs, sizeof(double));
	bool first = true;

	if (!values || !work || !base)
		return error_set(err, -ENOMEM, "bench", "no memory for the statistics");
	for (size_t i = 0; i < bench->count; i++) {
		struct bench_contender *contender = &bench->contenders[i];

		if (contender->left_out[0] || contender->count == 0)
			continue;
		for (size_t at = 0; at < contender->count; at++)
			values[at] = contender->samples[at].us;
		stats_summarize(values, contender->count, work, &contender->summary);
		by_round(contender, bench->rounds, first ? base : work);
		if (stats_ratio(first ? base : work, base, bench->rounds, &contender->ratio) == -ENOMEM)
			return error_set(err, -ENOMEM, "bench", "no memory for the statistics");
		first = false;
	}
	doubt(bench);
	return 0;
}

double bench_phase_median(const struct bench_contender *contender, int phase, bool *ret_ahead)
{
	_cleanup_free_ double *values = calloc(contender->count + 1, sizeof(double));
	size_t ahead = 0;

	*ret_ahead = false;
	if (!values)
		return 0;
	for (size_t i = 0; i < contender->count; i++) {
		const struct bench_sample *sample = &contender->samples[i];

		values[i] = phase == DYNO_PHASE_COUNT ? sample->rest : sample->phase[phase];
		ahead += phase < DYNO_PHASE_COUNT && sample->ahead >> phase & 1;
	}
	*ret_ahead = ahead * 2 > contender->count;
	return stats_median(values, contender->count);
}

const char *bench_phase_label(const struct bench *bench, int phase)
{
	static const char *const ends[] = { [BENCH_UNTIL_EXEC] = "first instruction",
		                            [BENCH_UNTIL_LISTEN] = "connection",
		                            [BENCH_UNTIL_HTTP] = "answer" };

	return phase < DYNO_PHASE_COUNT ? dyno_phase_name((enum dyno_phase)phase) : ends[bench->plan->until];
}

bool bench_phase_seen(const struct bench *bench, int phase)
{
	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_contender *contender = &bench->contenders[i];

		for (size_t at = 0; contender->dyno && at < contender->count; at++) {
			const struct bench_sample *sample = &contender->samples[at];

			if (phase == DYNO_PHASE_COUNT ? sample->rest > 0
			                              : sample->phase[phase] > 0 || (sample->ahead >> phase & 1))
				return true;
		}
	}
	return false;
}
