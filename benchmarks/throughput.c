/* SPDX-License-Identifier: Apache-2.0 */
/**
 * throughput.c - launches a second, beside bare spawns a second; and whether the last of many is as fast as the first
 *
 * Usage: throughput [-n LAUNCHES_IN_A_ROW] [-w ROUNDS] [-g LAUNCHES_A_ROUND] [-j FILE] SLUG [WAY...]
 *
 * One thread launches; FLIGHT dynos (or bare processes) may run at once, and each is taken down before its place is given away: taking
 * down is in the figure. Rounds of all ways take turns; a ratio is the median of the ratios of one round. What a pool keeps ready
 * is used up many times in a round, so that it is the pool's refill, on the same CPUs, that counts. The program is the one without
 * a C library.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "benchmarks/births.h"
#include "benchmarks/support.h"
#include "tests/sandbox/machine.h"

#define FLIGHT 8
#define ROUNDS_MAX 64
#define STATE "/run/dyno"

static const struct birth births[] = {
	{ .key = "host", .label = "cold, no network namespace", .net = DYNO_NET_HOST },
	{ .key = "none", .label = "cold, network namespace", .net = DYNO_NET_NONE },
	{ .key = "private", .label = "cold, private network", .net = DYNO_NET_PRIVATE },
	{ .key = "pool-host",
	  .label = "pool, no network namespace, any slug",
	  .from = FROM_POOL,
	  .net = DYNO_NET_HOST,
	  .late = true },
	{ .key = "known", .label = "pool, private network, slug known", .from = FROM_POOL, .net = DYNO_NET_PRIVATE },
	{ .key = "late",
	  .label = "pool, private network, any slug",
	  .from = FROM_POOL,
	  .net = DYNO_NET_PRIVATE,
	  .late = true },
};

enum { BIRTHS = sizeof(births) / sizeof(births[0]) };

/** struct bench - @rate: launches a second, [0] bare */
struct bench {
	struct cradle cradle;
	struct settings settings;
	struct birth ways[BIRTHS];
	int count;
	double rate[BIRTHS + 1][ROUNDS_MAX];
};

/** spawn_bare() - @count bare processes, FLIGHT at once. Return: 0 or negative errno */
static int spawn_bare(const struct bench *bench, int count)
{
	posix_spawn_file_actions_t actions;
	char path[512];
	char *const argv[] = { path, NULL };
	int running = 0, r = 0;
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/first", bench->cradle.slug);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, bench->cradle.null, STDOUT_FILENO);
	for (int i = 0; i < count && r == 0; i++) {
		if (running == FLIGHT && waitpid(-1, NULL, 0) > 0)
			running--;
		r = -posix_spawn(&pid, path, &actions, NULL, argv, environ);
		running += r == 0;
	}
	while (running > 0 && waitpid(-1, NULL, 0) > 0)
		running--;
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

/** land() - wait until one of @flight is over, and take it down. Return: its place, or negative errno */
static int land(struct dyno **flight)
{
	struct pollfd fds[FLIGHT];
	int r;

	for (int i = 0; i < FLIGHT; i++)
		fds[i] = (struct pollfd){ .fd = flight[i] ? dyno_fd(flight[i]) : -1, .events = POLLIN };
	for (;;) {
		if (poll(fds, FLIGHT, 20000) < 1)
			return -ETIMEDOUT;
		for (int i = 0; i < FLIGHT; i++) {
			struct dyno_event event = { 0 };
			struct dyno_error err;

			r = fds[i].revents ? dyno_next_event(flight[i], &event, &err) : 0;
			if (r < 0 || event.type == DYNO_EVENT_FAILED)
				return -EIO;
			if (event.type != DYNO_EVENT_EXITED)
				continue;
			flight[i] = dyno_destroy(flight[i]);
			return i;
		}
	}
}

/** spawn_dynos() - @count dynos, FLIGHT at once. Return: 0 or negative errno */
static int spawn_dynos(struct bench *bench, struct birth *way, int count)
{
	const char *const argv[] = { "/app/first", NULL };
	struct dyno *flight[FLIGHT] = { NULL };
	int r = 0;

	for (int i = 0; i < count && r >= 0; i++) {
		int at = i < FLIGHT ? i : land(flight);

		r = at;
		if (r >= 0 && way->from == FROM_POOL)
			r = dyno_pool_wait(way->pool, 1, 20000);
		if (r >= 0)
			r = birth_start(&bench->cradle, way, argv, bench->cradle.null, clock_ns(), &flight[at]);
	}
	for (int i = 0; i < FLIGHT; i++) {
		if (flight[i] && r >= 0)
			r = birth_end(flight[i]);
		flight[i] = dyno_destroy(flight[i]);
	}
	return r;
}

/** measure() - all rounds. Return: 0 or negative errno */
static int measure(struct bench *bench)
{
	int each = (int)bench->settings.gap_us, r = 0;

	for (int round = 0; round < bench->settings.warmup; round++) {
		for (int at = 0; at <= bench->count && r >= 0; at++) {
			struct birth *way = at > 0 ? &bench->ways[at - 1] : NULL;
			uint64_t begin;

			if (way)
				r = birth_ready(&bench->cradle, way);
			begin = clock_ns();
			if (r >= 0)
				r = way ? spawn_dynos(bench, way, each) : spawn_bare(bench, each);
			bench->rate[at][round] = each * 1e9 / (double)(clock_ns() - begin);
			if (r < 0)
				(void)fprintf(stderr, "throughput: %s: %s\n", way ? way->label : "bare", strerror(-r));
			if (way)
				birth_done(way);
		}
	}
	return r;
}

/** in_a_row() - one launch after the other; @ret_fifths: medians of each fifth. Return: 0 or negative errno */
static int in_a_row(struct bench *bench, double ret_fifths[5])
{
	struct birth way = births[1];
	int count = bench->settings.runs, fifth = count / 5, r = 0;
	double *us = calloc((size_t)count, sizeof(double)), whole;

	if (!us || fifth < 1)
		r = -EINVAL;
	for (int i = 0; i < count && r >= 0; i++)
		r = birth_once(&bench->cradle, &way, "/app/first", &us[i], &whole);
	for (int i = 0; i < 5 && r >= 0; i++) {
		sort_values(us + i * fifth, fifth);
		ret_fifths[i] = quantile(us + i * fifth, fifth, 0.5);
	}
	free(us);
	return r;
}

/** print() - rates, ratios, and what became of a long row */
static int print(struct bench *bench, const double *fifths, size_t left)
{
	int rounds = bench->settings.warmup;
	struct value values[BIRTHS + 3];
	char labels[BIRTHS][96];

	printf("| launches a second, %d at once | median of %d rounds | ratio to bare |\n|---|---:|---:|\n", FLIGHT,
	       rounds);
	for (int at = 0; at <= bench->count; at++) {
		double ratios[ROUNDS_MAX];

		for (int i = 0; i < rounds; i++)
			ratios[i] = bench->rate[at][i] / bench->rate[0][i];
		sort_values(ratios, rounds);
		if (at > 0) {
			(void)snprintf(labels[at - 1], sizeof(labels[0]), "throughput ratio: %s",
			               bench->ways[at - 1].label);
			values[at - 1] = (struct value){ labels[at - 1], quantile(ratios, rounds, 0.5) };
		}
	}
	for (int at = 0; at <= bench->count; at++) {
		sort_values(bench->rate[at], rounds);
		printf("| %s | %.0f | %.3f |\n", at ? bench->ways[at - 1].label : "posix_spawn",
		       quantile(bench->rate[at], rounds, 0.5), at ? values[at - 1].value : 1.0);
	}
	printf("\n%d launches in a row, network namespace: medians of the fifths %.0f, %.0f, %.0f, %.0f, %.0f us; "
	       "%zu things left behind\n",
	       bench->settings.runs, fifths[0], fifths[1], fifths[2], fifths[3], fifths[4], left);
	values[bench->count] = (struct value){ "last fifth / first fifth", fifths[4] / fifths[0] };
	values[bench->count + 1] = (struct value){ "left behind", (double)left };
	return values_json(bench->settings.json, values, bench->count + 2);
}

/** choose() - the ways asked for by key; all without any */
static void choose(struct bench *bench, char **keys)
{
	for (int i = 0; i < BIRTHS; i++) {
		char **key = keys;

		while (*key && strcmp(*key, births[i].key) != 0)
			key++;
		if (!*keys || *key)
			bench->ways[bench->count++] = births[i];
	}
}

/** main() - rates, then the long row, with a look at the machine before and after */
int main(int argc, char **argv)
{
	static struct bench bench = { .settings = { .runs = 5000, .warmup = 5, .gap_us = 400 } };
	int at = settings_read(argc, argv, &bench.settings);
	struct machine before, after;
	double fifths[5] = { 0 };
	size_t left;
	int r;

	if (at < 0 || at >= argc || bench.settings.warmup < 1 || bench.settings.warmup > ROUNDS_MAX) {
		(void)fprintf(stderr,
		              "usage: throughput [-n IN_A_ROW] [-w ROUNDS] [-g EACH] [-j FILE] SLUG [WAY...]\n");
		return 2;
	}
	choose(&bench, argv + at + 1);
	bench.cradle.depth = FLIGHT;
	machine_look(&before, STATE);
	r = cradle_open(&bench.cradle, argv[at]);
	if (r >= 0)
		r = measure(&bench);
	if (r >= 0)
		r = in_a_row(&bench, fifths);
	cradle_close(&bench.cradle);
	machine_look(&after, STATE);
	left = machine_differences(&before, &after, true);
	return r < 0 || print(&bench, fifths, left) < 0;
}
