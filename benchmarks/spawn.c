/* SPDX-License-Identifier: Apache-2.0 */
/**
 * spawn.c - how long from the request to the first instruction of a program, for several ways to start it
 *
 * Usage: spawn [-n RUNS] [-w WARMUP] [-g GAP_US] [-j FILE] LABEL COMMAND [ARG...] [--- LABEL COMMAND [ARG...]]...
 *
 * Each command ends up executing first.c, which prints CLOCK_MONOTONIC as its first act. The clock starts just before
 * posix_spawn of the command. The commands take turns, one launch each per round, so that a noisy moment of the machine
 * hits them alike; the order rotates by one each round, so that nobody always follows the same neighbour. Ratios are to
 * the first command's median. A launch that fails ends the run: a number of something that did not work is no number.
 * "@NS=PATH" as a command's first word launches it from that mount namespace: entered before the clock starts, left after.
 * "@RUN@" in an argument becomes a number that differs in each launch (crun and runc want a fresh container name).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define COMMANDS_MAX 24
#define ARGS_MAX 64
#define RUN_MARK "@RUN@"
#define NS_MARK "@NS="

/** struct contender - one way to start the program, and its launches in microseconds; @ns: mount namespace or -1 */
struct contender {
	const char *label;
	char **argv;
	int ns;
	double *first;
	double *whole;
};

/** struct options - what the command line said */
struct options {
	int runs;
	int warmup;
	useconds_t gap_us;
	const char *json;
};

static const struct options defaults = { .runs = 200, .warmup = 5, .gap_us = 300 };

/** now_ns() - CLOCK_MONOTONIC, the clock of first.c */
static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/** number_run() - replace the mark in one argument; the result is in @buf when there was one */
static char *number_run(char *arg, unsigned run, char *buf, size_t size)
{
	char *mark = strstr(arg, RUN_MARK);

	if (!mark)
		return arg;
	(void)snprintf(buf, size, "%.*s%u-%u%s", (int)(mark - arg), arg, (unsigned)getpid(), run,
	               mark + strlen(RUN_MARK));
	return buf;
}

/** read_stamp() - what the program printed, up to its end. Return: nanoseconds, or -EIO */
static int64_t read_stamp(int fd)
{
	char text[64];
	size_t size = 0;
	char *end;

	for (;;) {
		ssize_t got = read(fd, text + size, sizeof(text) - 1 - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		size += (size_t)got;
		if (size == sizeof(text) - 1)
			return -EIO;
	}
	text[size] = '\0';
	long long stamp = strtoll(text, &end, 10);
	return end != text && *end == '\n' && stamp > 0 ? stamp : -EIO;
}

/**
 * launch() - start one command once and wait for its end
 * @ret_first: microseconds to the program's stamp; @ret_whole: to the end of the command, cleaning up included
 * Return: 0, or negative errno when it did not start, print a stamp or end with 0
 */
static int launch(const struct contender *contender, unsigned run, double *ret_first, double *ret_whole)
{
	_cleanup_close_ int in = -1;
	_cleanup_close_ int out = -1;
	char names[ARGS_MAX][64];
	char *argv[ARGS_MAX + 1];
	posix_spawn_file_actions_t actions;
	int pipes[2];
	int status;
	pid_t pid;
	int i;

	for (i = 0; contender->argv[i]; i++)
		argv[i] = number_run(contender->argv[i], run, names[i], sizeof(names[i]));
	argv[i] = NULL;
	if (!argv[0])
		return -EINVAL;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	in = pipes[0];
	out = pipes[1];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);

	int64_t start = now_ns();
	int code = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code != 0)
		return -code;
	(void)fd_close(TAKE_FD(out));
	int64_t stamp = read_stamp(in);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_whole = (double)(now_ns() - start) / 1e3;
	if (stamp < 0 || status != 0)
		return stamp < 0 ? (int)stamp : -ECHILD;
	*ret_first = (double)(stamp - start) / 1e3;
	return 0;
}

/** compare() - for qsort(3) */
static int compare(const void *left, const void *right)
{
	const double *a = left;
	const double *b = right;

	return (*a > *b) - (*a < *b);
}

/** quantile() - of sorted values: the smallest that is not below a share @q of them */
static double quantile(const double *sorted, int count, double q)
{
	int at = (int)(q * count);

	return sorted[at < count ? at : count - 1];
}

/** print_json() - every number of the table, for machines */
static int print_json(const char *path, const struct contender *all, int count, int runs)
{
	FILE *out = fopen(path, "we");

	if (!out)
		return -errno;
	(void)fprintf(out, "{\"unit\": \"us\", \"runs\": %d, \"contenders\": [", runs);
	for (int i = 0; i < count; i++) {
		const double *v = all[i].first;

		(void)fprintf(
			out,
			"%s\n  {\"label\": \"%s\", \"median\": %.1f, \"min\": %.1f, \"p90\": %.1f, \"p99\": %.1f, "
			"\"whole_median\": %.1f}",
			i ? "," : "", all[i].label, quantile(v, runs, 0.5), v[0], quantile(v, runs, 0.9),
			quantile(v, runs, 0.99), quantile(all[i].whole, runs, 0.5));
	}
	(void)fprintf(out, "\n]}\n");
	return fclose(out) == 0 ? 0 : -errno;
}

/** print_table() - Markdown, so that the report can hold it as it is */
static void print_table(const struct contender *all, int count, int runs)
{
	double base = quantile(all[0].first, runs, 0.5);

	printf("| %-44s | median us | min | p90 | p99 | x first | to its end |\n", "command");
	printf("|%s|---:|---:|---:|---:|---:|---:|\n", "---");
	for (int i = 0; i < count; i++) {
		const double *v = all[i].first;

		printf("| %-44s | %.0f | %.0f | %.0f | %.0f | %.2f | %.0f |\n", all[i].label, quantile(v, runs, 0.5),
		       v[0], quantile(v, runs, 0.9), quantile(v, runs, 0.99), quantile(v, runs, 0.5) / base,
		       quantile(all[i].whole, runs, 0.5));
	}
}

/** launch_in_ns() - launch() from the contender's mount namespace; setns(2) moves the working directory, so back to both */
static int launch_in_ns(const struct contender *contender, int home, unsigned run, double *ret_first, double *ret_whole)
{
	_cleanup_close_ int here = -1;
	int code;

	if (contender->ns < 0)
		return launch(contender, run, ret_first, ret_whole);
	here = open(".", O_PATH | O_CLOEXEC);
	if (here < 0 || setns(contender->ns, CLONE_NEWNS) < 0)
		return -errno;
	code = launch(contender, run, ret_first, ret_whole);
	return setns(home, CLONE_NEWNS) < 0 || fchdir(here) < 0 ? -errno : code;
}

/** open_namespaces() - of the commands that want one. @ret_home: our own, -1 when nobody does. Return: 0 or negative errno */
static int open_namespaces(struct contender *all, int count, int *ret_home)
{
	int home = -1;

	for (int i = 0; i < count; i++) {
		all[i].ns = -1;
		if (!all[i].argv[0] || strncmp(all[i].argv[0], NS_MARK, strlen(NS_MARK)) != 0)
			continue;
		all[i].ns = open(all[i].argv[0] + strlen(NS_MARK), O_RDONLY | O_CLOEXEC);
		all[i].argv++;
		if (all[i].ns < 0 || !all[i].argv[0])
			return all[i].ns < 0 ? -errno : -EINVAL;
		/* setns(2) of a mount namespace wants a root and working directory that nobody shares */
		if (home < 0 && unshare(CLONE_FS) < 0)
			return -errno;
		if (home < 0)
			home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
		if (home < 0)
			return -errno;
	}
	*ret_home = home;
	return 0;
}

/** measure() - all rounds. Return: 0, or negative errno after saying which command failed */
static int measure(struct contender *all, int count, int home, const struct options *options)
{
	for (int round = -options->warmup; round < options->runs; round++) {
		for (int turn = 0; turn < count; turn++) {
			struct contender *contender = &all[(turn + round + options->warmup) % count];
			double first = 0, whole = 0;
			int code = launch_in_ns(contender, home, (unsigned)(round + options->warmup), &first, &whole);

			if (code < 0) {
				(void)fprintf(stderr, "spawn: %s: %s\n", contender->label, strerror(-code));
				return code;
			}
			if (round >= 0) {
				contender->first[round] = first;
				contender->whole[round] = whole;
			}
			/* lets the last one's asynchronous clean-up begin, not end: a launcher that leaves work pays for it */
			usleep(options->gap_us);
		}
	}
	return 0;
}

/** split_commands() - cut argv at each "---" into labelled commands. Return: how many, or -EINVAL */
static int split_commands(char **argv, struct contender *ret)
{
	int count = 0;

	while (*argv) {
		char **end = argv;

		while (*end && strcmp(*end, "---") != 0)
			end++;
		if (end - argv < 2 || end - argv > ARGS_MAX || count == COMMANDS_MAX)
			return -EINVAL;
		ret[count].label = argv[0];
		ret[count].argv = argv + 1;
		count++;
		argv = *end ? end + 1 : end;
		*end = NULL;
	}
	return count;
}

/** parse_options() - up to the first label. Return: index of that label, or -EINVAL */
static int parse_options(int argc, char **argv, struct options *ret)
{
	int option;

	*ret = defaults;
	while ((option = getopt(argc, argv, "+n:w:g:j:")) != -1) {
		long value = option == 'j' ? 0 : strtol(optarg ? optarg : "", NULL, 10);

		if (value < 0 || value > 1000000)
			return -EINVAL;
		switch (option) {
		case 'n': ret->runs = (int)value; break;
		case 'w': ret->warmup = (int)value; break;
		case 'g': ret->gap_us = (useconds_t)value; break;
		case 'j': ret->json = optarg; break;
		default: return -EINVAL;
		}
	}
	return ret->runs > 0 && optind < argc ? optind : -EINVAL;
}

/** main() - parse, measure, sort, print */
int main(int argc, char **argv)
{
	struct contender all[COMMANDS_MAX];
	struct options options;
	int at = parse_options(argc, argv, &options);
	int count = at < 0 ? at : split_commands(argv + at, all);
	int home = -1;

	if (count <= 0) {
		(void)fprintf(stderr, "usage: spawn [-n RUNS] [-w WARMUP] [-g GAP_US] [-j FILE] LABEL COMMAND [ARG...] "
		                      "[--- LABEL COMMAND [ARG...]]...\n");
		return 2;
	}
	for (int i = 0; i < count; i++) {
		all[i].first = calloc((size_t)options.runs, sizeof(double));
		all[i].whole = calloc((size_t)options.runs, sizeof(double));
		if (!all[i].first || !all[i].whole)
			return 1;
	}
	int code = open_namespaces(all, count, &home);
	if (code < 0) {
		(void)fprintf(stderr, "spawn: mount namespace: %s\n", strerror(-code));
		return 1;
	}
	if (measure(all, count, home, &options) < 0)
		return 1;
	for (int i = 0; i < count; i++) {
		qsort(all[i].first, (size_t)options.runs, sizeof(double), compare);
		qsort(all[i].whole, (size_t)options.runs, sizeof(double), compare);
	}
	print_table(all, count, options.runs);
	if (options.json && print_json(options.json, all, count, options.runs) < 0) {
		(void)fprintf(stderr, "spawn: cannot write %s\n", options.json);
		return 1;
	}
	return 0;
}
