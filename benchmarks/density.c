/* SPDX-License-Identifier: Apache-2.0 */
/**
 * density.c - what a thousand parked sandboxes cost, whether one more launch suffers, and how fast they go
 *
 * Usage: density [-n HOW_MANY] [-w LAUNCHES] [-j FILE] SLUG
 *
 * Memory is the difference of MemAvailable over their number: everything counts, the kernel's part and init included; so does
 * what others on the machine do meanwhile. The kernel frees late: each figure is read when it has stood still for a second. Each kind
 * is parked by a process of its own. A launch more is taken from the parked ones, the oldest first, and replaced; medians with FEW parked and with all.
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
#define REST_US 500000
#define RESTS 20
#define STILL_KIB 512
#define KINDS 3

/* of /proc/meminfo: the whole, and what it is made of */
static const char *const fields[] = { "MemAvailable:", "Slab:",        "Percpu:", "AnonPages:",
	                              "PageTables:",   "KernelStack:", "Shmem:" };

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static const struct birth births[KINDS] = {
	{ .label = "no network namespace", .from = FROM_POOL, .late = true, .net = DYNO_NET_HOST },
	{ .label = "network namespace", .from = FROM_POOL, .late = true, .net = DYNO_NET_NONE },
	{ .label = "private network", .from = FROM_POOL, .late = true, .net = DYNO_NET_PRIVATE },
};

/** struct density - what one kind of sandbox costs: KiB each, by field, and microseconds */
struct density {
	double kib[FIELDS];
	double few_us, all_us, bare_few_us, bare_all_us, park_us, destroy_us;
};

/** struct bench - what all share */
struct bench {
	struct cradle cradle;
	struct settings settings;
	struct birth way;
};

/** read_memory() - all fields in KiB */
static void read_memory(double ret[FIELDS])
{
	char text[4096] = "";
	const char *at;

	(void)fd_read_text(-1, "/proc/meminfo", text, sizeof(text));
	for (int i = 0; i < FIELDS; i++) {
		at = strstr(text, fields[i]);
		ret[i] = at ? strtod(at + strlen(fields[i]), NULL) : 0;
	}
}

/** settled_memory() - the same, when it stands still or does not get to */
static void settled_memory(double ret[FIELDS])
{
	double before[FIELDS];

	read_memory(ret);
	for (int i = 0; i < RESTS; i++) {
		before[0] = ret[0];
		pause_us(REST_US);
		read_memory(ret);
		if (ret[0] - before[0] < STILL_KIB && before[0] - ret[0] < STILL_KIB && i > 0)
			return;
	}
}

/**
 * launch_more() - launches from the pool, which is full again before each, in turns with bare ones
 * @ret_us, @ret_bare_us: medians. Return: 0 or negative errno
 */
static int launch_more(struct bench *bench, double *ret_us, double *ret_bare_us)
{
	int runs = bench->settings.warmup, r = 0;
	struct row warm, bare;
	char path[512];
	char *const argv[] = { path, NULL };

	(void)snprintf(path, sizeof(path), "%s/first", bench->cradle.slug);
	if (row_new(&warm, "", runs) < 0 || row_new(&bare, "", runs) < 0)
		return -ENOMEM;
	for (int i = 0; i < runs && r == 0; i++) {
		r = birth_ready(&bench->cradle, &bench->way);
		if (r == 0)
			r = birth_once(&bench->cradle, &bench->way, "/app/first", &warm.first[i], &warm.whole[i]);
		if (r == 0)
			r = birth_ready(&bench->cradle, &bench->way);
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
	unsigned count = (unsigned)bench->settings.runs;
	double before[FIELDS], after[FIELDS];
	uint64_t begin;
	int r;

	bench->cradle.depth = FEW;
	r = birth_ready(&bench->cradle, &bench->way);
	if (r == 0)
		r = launch_more(bench, &ret->few_us, &ret->bare_few_us);
	settled_memory(before);
	begin = clock_ns();
	bench->cradle.depth = count;
	if (r == 0) {
		dyno_pool_resize(bench->way.pool, count, count);
		r = birth_ready(&bench->cradle, &bench->way);
	}
	ret->park_us = (double)(clock_ns() - begin) / 1e3 / (count - FEW);
	settled_memory(after);
	for (int i = 0; i < FIELDS; i++)
		ret->kib[i] = (i == 0 ? before[i] - after[i] : after[i] - before[i]) / (count - FEW);
	if (r == 0)
		r = launch_more(bench, &ret->all_us, &ret->bare_all_us);
	begin = clock_ns();
	birth_done(&bench->way);
	cradle_close(&bench->cradle); /* waits for the pool's thread */
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

		if (r == 0)
			r = measure(bench, ret);
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

/** print_kind() - one line of the table */
static void print_kind(const char *label, const struct density *got)
{
	printf("| %s |", label);
	for (int i = 0; i < FIELDS; i++)
		printf(" %.0f |", got->kib[i]);
	printf(" %.0f | %.0f | %.2f | %.0f, %.0f | %.0f | %.0f |\n", got->few_us, got->all_us,
	       got->all_us / got->few_us, got->bare_few_us, got->bare_all_us, got->park_us, got->destroy_us);
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
	printf("| %d parked, KiB each | MemAvailable | slab | per CPU | anonymous | page tables | stacks | tmpfs "
	       "| launch with %d parked us | with all | ratio | bare then | park one us | destroy one |\n"
	       "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
	       bench.settings.runs, FEW);
	for (int i = 0; i < KINDS; i++) {
		struct density got = { 0 };

		bench.way = births[i];
		(void)fflush(stdout);
		if (in_child(&bench, argv[at], &got) < 0)
			return 1;
		print_kind(births[i].label, &got);
		(void)snprintf(labels[2 * i], sizeof(labels[0]), "KiB parked, %s", births[i].label);
		(void)snprintf(labels[2 * i + 1], sizeof(labels[0]), "one more, %s", births[i].label);
		values[2 * i] = (struct value){ labels[2 * i], got.kib[0] };
		values[2 * i + 1] = (struct value){ labels[2 * i + 1], got.all_us / got.few_us };
	}
	return values_json(bench.settings.json, values, 2 * KINDS) < 0;
}
