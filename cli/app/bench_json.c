/* SPDX-License-Identifier: Apache-2.0 */
/* bench_json.c - `dyno bench`: the report for programs: one object, or one line a launch */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/app/bench.h"

/** number() - microseconds with nanoseconds behind the point: what a double holds beyond that is no measurement */
static json_t *number(double us)
{
	return json_real((double)(long long)(us * 1000 + 0.5) / 1000);
}

/** machine_object() - facts */
static json_t *machine_object(const struct bench_machine *machine)
{
	return json_pack("{s:s,s:s,s:s,s:i,s:b,s:s,s:s,s:s,s:I,s:f,s:f}", "date", machine->date, "kernel",
	                 machine->kernel, "cpu", machine->cpu, "cpus", (int)machine->cpus, "virtual", machine->virtual,
	                 "governor", machine->governor, "cgroups", machine->cgroups, "user", machine->user,
	                 "memory_bytes", (json_int_t)machine->memory, "load_before", machine->load_before, "load_after",
	                 machine->load_after);
}

/** phases_object() - medians by name */
static json_t *phases_object(const struct bench *bench, const struct bench_contender *contender)
{
	json_t *object = json_object();

	for (int phase = DYNO_PHASE_REQUESTED + 1; phase <= DYNO_PHASE_COUNT; phase++) {
		bool ahead = false;
		double us = bench_phase_median(contender, phase, &ahead);

		if (ahead)
			json_object_set_new(object, bench_phase_label(bench, phase), json_string("ahead"));
		else if (us > 0)
			json_object_set_new(object, bench_phase_label(bench, phase), number(us));
	}
	return object;
}

/** contender_object() - one of them, with every sample in the order of measurement */
static json_t *contender_object(const struct bench *bench, const struct bench_contender *contender)
{
	const struct stats_summary *summary = &contender->summary;
	const struct stats_ratio *ratio = &contender->ratio;
	json_t *samples = json_array();
	json_t *object;

	for (size_t i = 0; i < contender->count; i++)
		json_array_append_new(samples, number(contender->samples[i].us));
	object = json_pack("{s:s,s:s,s:s,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:f,s:f,s:{s:f,s:f,s:f},s:o}", "name",
	                   contender->name, "label", contender->label, "what", contender->what, "dyno", contender->dyno,
	                   "median_us", number(summary->median), "mean_us", number(summary->mean), "min_us",
	                   number(summary->min), "p90_us", number(summary->p90), "p99_us", number(summary->p99),
	                   "max_us", number(summary->max), "spread", summary->spread, "drift", summary->drift, "ratio",
	                   "value", ratio->value, "low", ratio->low, "high", ratio->high, "samples_us", samples);
	if (object && contender->dyno)
		json_object_set_new(object, "phases_us", phases_object(bench, contender));
	return object;
}

/** bench_object() - everything */
static json_t *bench_object(const struct bench *bench)
{
	const struct bench_plan *plan = bench->plan;
	json_t *contenders = json_array(), *left_out = json_array(), *notes = json_array(), *command = json_array();
	char until[80], how[1200];

	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_contender *contender = &bench->contenders[i];

		if (contender->left_out[0])
			json_array_append_new(
				left_out, json_pack("{s:s,s:s}", "name", contender->name, "why", contender->left_out));
		else
			json_array_append_new(contenders, contender_object(bench, contender));
	}
	for (size_t i = 0; i < bench->note_count; i++)
		json_array_append_new(notes, json_string(bench->notes[i]));
	for (size_t i = 0; plan->request.app.argv[i]; i++)
		json_array_append_new(command, json_string(plan->request.app.argv[i]));
	bench_how(bench, how, sizeof(how));
	return json_pack("{s:s,s:s,s:o,s:i,s:i,s:i,s:i,s:b,s:o,s:s,s:o,s:o,s:o}", "dyno", DYNO_VERSION, "until",
	                 bench_until_words(plan, until, sizeof(until)), "command", command, "runs", (int)plan->runs,
	                 "rounds", (int)bench->rounds, "warmup", (int)plan->warmup, "concurrency",
	                 (int)plan->concurrency, "interrupted", bench->interrupted, "machine",
	                 machine_object(&bench->machine), "method", how, "contenders", contenders, "left_out", left_out,
	                 "notes", notes);
}

/** open_report() - @path for writing, or standard output */
static FILE *open_report(const char *path, struct dyno_error *err)
{
	FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");

	if (!file)
		(void)error_set(err, -errno, "bench", "cannot write %.200s:", path);
	return file;
}

/** close_report() - Return: 0 or negative errno */
static int close_report(FILE *file, const char *path, struct dyno_error *err)
{
	int bad = file == stdout ? fflush(file) : fclose(file);

	return bad ? error_set(err, -errno, "bench", "cannot write %.200s:", path) : 0;
}

int bench_report_json(const struct bench *bench, const char *path, struct dyno_error *err)
{
	FILE *file = open_report(path, err);
	json_t *object;
	int bad;

	if (!file)
		return err->code;
	object = bench_object(bench);
	bad = object ? json_dumpf(object, file, JSON_INDENT(1)) : -1;
	json_decref(object);
	fputc('\n', file);
	if (close_report(file, path, err) < 0)
		return err->code;
	return bad ? error_set(err, -EINVAL, "bench", "the command is not UTF-8, as JSON must be") : 0;
}

int bench_report_csv(const struct bench *bench, const char *path, struct dyno_error *err)
{
	FILE *file = open_report(path, err);

	if (!file)
		return err->code;
	fputs("contender,round,instance,us,birth", file);
	for (int phase = DYNO_PHASE_REQUESTED + 1; phase <= DYNO_PHASE_COUNT; phase++)
		fprintf(file, ",%s_us",
		        phase < DYNO_PHASE_COUNT ? dyno_phase_name((enum dyno_phase)phase) : "to_the_end");
	fputc('\n', file);
	for (size_t i = 0; i < bench->count; i++) {
		const struct bench_contender *contender = &bench->contenders[i];

		for (size_t at = 0; at < contender->count; at++) {
			const struct bench_sample *sample = &contender->samples[at];

			fprintf(file, "%s,%u,%u,%.3f,%s", contender->name, sample->round, sample->index, sample->us,
			        contender->dyno ? dyno_birth_name(sample->birth) : "");
			for (int phase = DYNO_PHASE_REQUESTED + 1; phase <= DYNO_PHASE_COUNT; phase++)
				if (contender->dyno)
					fprintf(file, ",%.3f",
					        phase < DYNO_PHASE_COUNT ? sample->phase[phase] : sample->rest);
				else
					fputc(',', file);
			fputc('\n', file);
		}
	}
	return close_report(file, path, err);
}
