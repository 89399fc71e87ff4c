/* SPDX-License-Identifier: Apache-2.0 */
/**
 * density.c - what a thousand parked sandboxes cost, whether one more launch suffers, and how fast they go
 *
 * Usage: density [-n HOW_MANY] [-w LAUNCHES] [-j FILE] SLUG
 *
 * Memory is the difference of MemAvailable over their number: everything counts, the kernel's part and init included. Per-CPU
 * caches and what RCU frees later come on top and go off again, so each figure is read after a second of rest. Each kind is parked
 * by a process of its own. A launch more is taken from the parked ones, the oldest first, and replaced; medians with FEW parked and with all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "benchmarks/births.h"
#include "benchmarks/support.h"

#define FEW 10
#define REST_US 1000000
#define KINDS 3

static const struct birth births[KINDS] = {
	{ .label = "no network namespace", .from = FROM_PARKED, .net = DYNO_NET_HOST },
	{ .label = "network namespace", .from = FROM_PARKED, .net = DYNO_NET_NONE },
	{ .label = "private network", .from = FROM_PARKED, .net = DYNO_NET_PRIVATE },
};

/** struct density - what one kind of sandbox costs: KiB each, microseconds */
struct density {
	double kib, few_us, all_us, bare_few_us, bare_all_us, park_us, destroy_us;
};

/** struct bench - @parked: a ring of them, @oldest first */
struct bench {
	struct cradle cradle;
	struct settings settings;
	struct birth way;
	struct dyno_sandbox **parked;
	int oldest;
};

/** available_kib() - MemAvailable, after a rest */
static double available_kib(void)
{
	char text[4096];
	const char *at;

	pause_us(REST_US);
	if (fd_read_text(-1, "/proc/meminfo", text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, "MemAvailable:");
	return at ? strtod(at + strlen("MemAvailable:"), NULL) : 0;
}

/** park() - one more, in place @at. Return: 0 or negative errno */
static int park(struct bench *bench, int at)
{
	int r = birth_park(&bench->cradle, &bench->way);

	bench->parked[at] = TAKE_PTR(bench->way.parked);
	return r;
}

/**
 * launch_more() - launches from @count parked ones, in turns with bare ones
 * @ret_us, @ret_bare_us: medians. Return: 0 or negative errno
 */
static int launch_more(struct bench *bench, int count, double *ret_us, double *ret_bare_us)
{
	int runs = bench->settings.warmup, r = 0;
	struct row warm, bare;
	char path[512];
	char *const argv[] = { path, NULL };

	(void)snprintf(path, sizeof(path), "%s/first", bench->cradle.slug);
	if (row_new(&warm, "", runs) < 0 || row_new(&bare, "", runs) < 0)
		return -ENOMEM;
	for (int i = 0; i < runs && r == 0; i++) {
		int at = bench->oldest++ % count;

		bench->way.parked = TAKE_PTR(bench->parked[at]);
		r = birth_once(&bench->cradle, &bench->way, "/app/first", &warm.first[i], &warm.whole[i]);
		if (r == 0)
			r = park(bench, at);
		pause_us(3000);
		if (r == 0)
			r = launch_command(argv, &bare.first[i], &bare.whole[i]);
	}
	*ret_us = row_median(&warm, runs);
	*ret_bare_us = row_median(&bare, runs);
	return r;
}

/** measure() - park, launch, destroy; all of one kind. Return: 0 or negative errno */
static int measure(struct bench *bench, struct density *ret)
{
	int count = bench->settings.runs, r = 0;
	double before, after;
	uint64_t begin;

	for (int i = 0; i < FEW && r == 0; i++)
		r = park(bench, i);
	if (r == 0)
		r = launch_more(bench, FEW, &ret->few_us, &ret->bare_few_us);
	before = available_kib();
	begin = clock_ns();
	for (int i = FEW; i < count && r == 0; i++)
		r = park(bench, i);
	ret->park_us = (double)(clock_ns() - begin) / 1e3 / (count - FEW);
	after = available_kib();
	ret->kib = (before - after) / (count - FEW);
	bench->oldest = 0;
	if (r == 0)
		r = launch_more(bench, count, &ret->all_us, &ret->bare_all_us);
	begin = clock_ns();
	for (int i = 0; i < count; i++)
		if (bench->parked[i])
			dyno_sandbox_destroy(bench->parked[i]);
	ret->destroy_us = (double)(clock_ns() - begin) / 1e3 / count;
	return r;
}

/** in_child() - measure() one kind in a process of its own. Return: 0 or negative errno */
static int in_child(struct bench *bench, const char *slug, struct density *ret)
{
	int pipes[2], status = -1;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		int r = cradle_open(&bench->cradle, slug);

		bench->parked = calloc((size_t)bench->settings.runs, sizeof(struct dyno_sandbox *));
		if (r == 0 && bench->parked)
			r = measure(bench, ret);
		cradle_close(&bench->cradle);
		free(bench->parked);
		_exit(r < 0 || fd_write_all(pipes[1], ret, sizeof(*ret)) < 0);
	}
	(void)fd_close(pipes[1]);
	if (pid > 0)
		(void)waitpid(pid, &status, 0);
	if (status != 0 || read(pipes[0], ret, sizeof(*ret)) != (ssize_t)sizeof(*ret))
		status = -EIO;
	(void)fd_close(pipes[0]);
	return status;
}

/** main() - all kinds */
int main(int argc, char **argv)
{
	static struct bench bench = { .settings = { .runs = 1000, .warmup = 60 } };
	int at = settings_read(argc, argv, &bench.settings);
	struct value values[2 * KINDS];
	char labels[2 * KINDS][80];
	struct rlimit files;

	if (at < 0 || at != argc - 1 || bench.settings.runs <= FEW || bench.settings.warmup < 1) {
		(void)fprintf(stderr, "usage: density [-n HOW_MANY] [-w LAUNCHES] [-j FILE] SLUG\n");
		return 2;
	}
	/* a parked sandbox is a handful of descriptors of its owner's */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	printf("| %d parked | KiB each | launch with %d parked us | with all | ratio | bare then | park one us | destroy one |\n"
	       "|---|---:|---:|---:|---:|---:|---:|---:|\n",
	       bench.settings.runs, FEW);
	for (int i = 0; i < KINDS; i++) {
		struct density got = { 0 };

		bench.way = births[i];
		(void)fflush(stdout);
		if (in_child(&bench, argv[at], &got) < 0)
			return 1;
		printf("| %s | %.0f | %.0f | %.0f | %.2f | %.0f, %.0f | %.0f | %.0f |\n", births[i].label, got.kib,
		       got.few_us, got.all_us, got.all_us / got.few_us, got.bare_few_us, got.bare_all_us, got.park_us,
		       got.destroy_us);
		(void)snprintf(labels[2 * i], sizeof(labels[0]), "KiB parked, %s", births[i].label);
		(void)snprintf(labels[2 * i + 1], sizeof(labels[0]), "one more, %s", births[i].label);
		values[2 * i] = (struct value){ labels[2 * i], got.kib };
		values[2 * i + 1] = (struct value){ labels[2 * i + 1], got.all_us / got.few_us };
	}
	return values_json(bench.settings.json, values, 2 * KINDS) < 0;
}
