/* SPDX-License-Identifier: Apache-2.0 */
/**
 * network.c - what a private network and a published port add to a cold launch, by the library
 *
 * Usage: network [-n RUNS] [-g GAP_US] SLUG
 *
 * SLUG holds first and first-glibc (first.c). The ways take turns, one launch each per round, in rotating order; the clock runs
 * from just before dyno_prepare() (or posix_spawn) to the first instruction of the program. Taking down is not on it, and the
 * kernel gets 40 ms for its part of that between two launches.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "dyno.h"

#define WARMUP 10

enum way { SPAWN, SPAWN_GLIBC, NONE, PRIVATE, PUBLISHED, WAYS };

static const char *const way_names[WAYS] = {
	[SPAWN] = "posix_spawn",
	[SPAWN_GLIBC] = "posix_spawn, static glibc",
	[NONE] = "dyno, namespace and loopback only",
	[PRIVATE] = "dyno, private network",
	[PUBLISHED] = "dyno, private network and a published port",
};

/** struct bench - what all launches share */
struct bench {
	struct dyno_host *host;
	const char *slug;
	int null;
	double *us[WAYS];
};

/** complain() - Return: -EIO */
static int complain(const struct dyno_error *err)
{
	(void)fprintf(stderr, "network: %s: %s\n", err->step, err->text);
	return -EIO;
}

/** read_stamp() - the program's first act. Return: nanoseconds, or -EIO */
static int64_t read_stamp(int fd)
{
	char text[64] = "";
	size_t used = 0;
	ssize_t n;

	while (used < sizeof(text) - 1 && (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	return used > 0 ? strtoll(text, NULL, 10) : -EIO;
}

/** end() - wait for the dyno's last event. Return: 0 or negative errno */
static int end(struct dyno *dyno)
{
	struct pollfd fd = { .fd = dyno_fd(dyno), .events = POLLIN };
	struct dyno_event event = { 0 };
	struct dyno_error err;

	while (event.type != DYNO_EVENT_EXITED) {
		if (poll(&fd, 1, 10000) != 1)
			return -ETIMEDOUT;
		if (dyno_next_event(dyno, &event, &err) < 0)
			return complain(&err);
		if (event.type == DYNO_EVENT_FAILED)
			return complain(&event.error);
	}
	return 0;
}

/** run_dyno() - one cold launch. Return: nanoseconds from @begin to the first instruction, or negative errno */
static int64_t run_dyno(const struct bench *bench, enum way way, uint64_t begin, int out, int in)
{
	const struct dyno_shape shape = { .stack = "host", .net = way == NONE ? DYNO_NET_NONE : DYNO_NET_PRIVATE };
	const char *const argv[] = { "/app/first", NULL };
	const char *const publish[] = { "0", NULL };
	const struct dyno_app app = { .slug = bench->slug,
		                      .argv = argv,
		                      .port = 5000,
		                      .publish = way == PUBLISHED ? publish : NULL,
		                      .fds = { bench->null, out, STDERR_FILENO } };
	struct dyno_sandbox *sandbox;
	struct dyno_error err;
	struct dyno *dyno;
	int64_t stamp;
	int code;

	if (dyno_prepare(bench->host, &shape, &app, begin, &sandbox, &err) < 0 ||
	    dyno_start(sandbox, &app, &dyno, &err) < 0)
		return complain(&err);
	(void)fd_close(out);
	code = end(dyno);
	stamp = read_stamp(in);
	dyno_destroy(dyno);
	return code < 0 ? code : stamp;
}

/** run_spawn() - the same of a bare program */
static int64_t run_spawn(const struct bench *bench, enum way way, int out, int in)
{
	posix_spawn_file_actions_t actions;
	char path[512];
	char *const argv[] = { path, NULL };
	int64_t stamp;
	pid_t pid;
	int code;

	(void)snprintf(path, sizeof(path), "%s/%s", bench->slug, way == SPAWN ? "first" : "first-glibc");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	code = posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	(void)fd_close(out);
	if (code != 0)
		return -code;
	stamp = read_stamp(in);
	(void)waitpid(pid, NULL, 0);
	return stamp;
}

/** launch() - one launch. Return: 0 or negative errno; @ret_us */
static int launch(const struct bench *bench, enum way way, double *ret_us)
{
	_cleanup_close_ int in = -1;
	uint64_t begin;
	int64_t stamp;
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	in = pipes[0];
	begin = clock_ns();
	stamp = way == SPAWN || way == SPAWN_GLIBC ? run_spawn(bench, way, pipes[1], in)
	                                           : run_dyno(bench, way, begin, pipes[1], in);
	if (stamp < 0)
		return (int)stamp;
	*ret_us = (double)(stamp - (int64_t)begin) / 1e3;
	return 0;
}

/** by_value() - for qsort(3) */
static int by_value(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/** report() - medians, and what the network costs in units of a spawn */
static void report(struct bench *bench, int runs)
{
	double median[WAYS];

	printf("| launch, by the library | median us | p90 |\n|---|---:|---:|\n");
	for (enum way way = 0; way < WAYS; way++) {
		qsort(bench->us[way], (size_t)runs, sizeof(double), by_value);
		median[way] = bench->us[way][runs / 2];
		printf("| %s | %.0f | %.0f |\n", way_names[way], median[way], bench->us[way][runs * 9 / 10]);
	}
	printf("\nNetwork and publication add %.0f us: %.2f of a spawn of the static program, %.2f of one with glibc "
	       "(promised: at most 1.20)\n",
	       median[PUBLISHED] - median[NONE], (median[PUBLISHED] - median[NONE]) / median[SPAWN],
	       (median[PUBLISHED] - median[NONE]) / median[SPAWN_GLIBC]);
}

/** measure() - all rounds. Return: 0 or negative errno */
static int measure(struct bench *bench, int runs, useconds_t gap_us)
{
	for (int round = -WARMUP; round < runs; round++) {
		for (int turn = 0; turn < WAYS; turn++) {
			int at = (turn + round + WARMUP) % WAYS;
			/* every other round backwards, so that nobody always follows the same neighbour */
			enum way way = (enum way)(round % 2 ? WAYS - 1 - at : at);
			double us = 0;
			int code = launch(bench, way, &us);

			if (code < 0) {
				(void)fprintf(stderr, "network: %s: %s\n", way_names[way], strerror(-code));
				return code;
			}
			if (round >= 0)
				bench->us[way][round] = us;
			usleep(gap_us);
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bench bench = { .null = open("/dev/null", O_RDWR | O_CLOEXEC) };
	useconds_t gap_us = 40000;
	struct dyno_error err;
	int runs = 100, option;

	while ((option = getopt(argc, argv, "n:g:")) != -1) {
		if (option == 'n')
			runs = (int)strtol(optarg, NULL, 10);
		else if (option == 'g')
			gap_us = (useconds_t)strtol(optarg, NULL, 10);
	}
	if (runs < 1 || optind != argc - 1) {
		(void)fprintf(stderr, "usage: network [-n RUNS] [-g GAP_US] SLUG\n");
		return 2;
	}
	bench.slug = argv[optind];
	for (enum way way = 0; way < WAYS; way++) {
		bench.us[way] = calloc((size_t)runs, sizeof(double));
		if (!bench.us[way])
			return 1;
	}
	if (dyno_host_open(&bench.host, &err) < 0)
		return complain(&err) < 0;
	if (measure(&bench, runs, gap_us) < 0)
		return 1;
	report(&bench, runs);
	dyno_host_close(bench.host);
	return 0;
}
