/* SPDX-License-Identifier: Apache-2.0 */
/* measure.c - see measure.h */
#include "formation/measure.h"

#include "isolation/cgroup.h"
#include "runtime/running.h"

#define MIB (1024.0 * 1024.0)

void measure(const struct body *body, struct measured *ret)
{
	const struct cgroup *group = &body->dyno->sandbox->group;
	struct cgroup_usage usage = { 0 };

	(void)cgroup_usage(group, &usage);
	*ret = (struct measured){ .memory = cgroup_own_memory(group),
		                  .pids = usage.pids,
		                  .cpu_usec = usage.cpu_usec,
		                  .hits = usage.memory_hits };
}

/** metrics() - as log-runtime-metrics tells them; what a cgroup does not know is not made up */
static void metrics(struct body *body, const struct measured *now, uint64_t passed_ns)
{
	uint64_t cpu_ns = (now->cpu_usec - body->cpu_usec) * 1000;

	body->cpu_usec = now->cpu_usec;
	formation_say(body->formation, body->label,
	              "source=%s dyno=%s sample#memory_total=%.2fMB sample#memory_quota=%.2fMB sample#processes=%llu "
	              "sample#cpu=%.1f%%",
	              body->label, dyno_name(body->dyno), (double)now->memory / MIB, (double)body->quota / MIB,
	              (unsigned long long)now->pids, passed_ns ? 100.0 * (double)cpu_ns / (double)passed_ns : 0.0);
}

/** measure_one() - what @body has, and what follows from it */
static void measure_one(struct formation *formation, struct body *body, uint64_t passed_ns)
{
	const struct rules *rules = &formation->setup->rules;
	struct measured now;
	double percent;

	measure(body, &now);
	if (formation->setup->metrics)
		metrics(body, &now, passed_ns);
	if (body->quota == 0 || now.memory == 0)
		return;
	percent = 100.0 * (double)now.memory / (double)body->quota;
	if (percent > 100)
		formation_say(formation, body->label, "Process running mem=%.0fM(%.1f%%)", (double)now.memory / MIB,
		              percent);
	if (body->place && (now.hits > 0 || percent >= rules->kill_percent)) {
		body->greedy = true;
		formation_happens(formation, body->place, HAPPENING_GREEDY);
	} else if (percent > 100) {
		formation_say(formation, body->label, "Error R14 (Memory quota exceeded)");
	}
}

void measure_all(struct formation *formation)
{
	uint64_t passed_ns = formation->now.ns - formation->sampled_ns;

	formation->sampled_ns = formation->now.ns;
	for (struct body *body = formation->bodies; body; body = body->next)
		if (body->up && body->end == BODY_RUNS)
			measure_one(formation, body, passed_ns);
}
