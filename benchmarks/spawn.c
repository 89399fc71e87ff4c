/* SPDX-License-Identifier: Apache-2.0 */
/**
 * spawn.c - how long from the request to the first instruction of a program, for several ways to start it
 *
 * Usage: spawn [-n RUNS] [-w WARMUP] [-g GAP_US] [-j FILE] LABEL COMMAND [ARG...] [--- LABEL COMMAND [ARG...]]...
 *
 * Each command ends up executing first.c, which prints CLOCK_MONOTONIC as its first act. The clock starts just before
 * posix_spawn of the command. The commands take turns, one launch each per round, so that a noisy moment of the machine
 * hits them alike, in an order that chance deals for each round. Ratios are to the first command's median. A launch that
 * fails ends the run: a number of something that did not work is no number.
 * "@NS=PATH" as a command's first word launches it from that mount namespace: entered before the clock starts, left after.
 * "@REST=US" as its first word gives the machine that long after each launch: a resident launcher makes the next sandbox then.
 * "@RUN@" in an argument becomes a number that differs in each launch (crun and runc want a fresh container name).
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "benchmarks/support.h"

#define COMMANDS_MAX 24
#define ARGS_MAX 64
#define RUN_MARK "@RUN@"
#define NS_MARK "@NS="
#define REST_MARK "@REST="

/** struct contender - one way to start the program; @ns: mount namespace or -1; @rest_us: what the machine gets after it */
struct contender {
	char **argv;
	int ns;
	useconds_t rest_us;
};

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

/** launch() - launch_command() with the mark replaced */
static int launch(const struct contender *contender, unsigned run, double *ret_first, double *ret_whole)
{
	char names[ARGS_MAX][64];
	char *argv[ARGS_MAX + 1];
	int i;

	for (i = 0; contender->argv[i]; i++)
		argv[i] = number_run(contender->argv[i], run, names[i], sizeof(names[i]));
	argv[i] = NULL;
	return launch_command(argv, ret_first, ret_whole);
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

/**
 * rest() - after a launch by @at: let the machine do what it has to, and then wake it up
 * Caches and CPUs that were idle for long make the next launch 1.3 to 1.5 times slower: each way is to follow a launch, none a rest.
 */
static int rest(struct contender *all, int at, int home, const struct settings *settings)
{
	double first, whole;
	int code;

	pause_us(all[at].rest_us);
	code = launch_in_ns(&all[0], home, 0, &first, &whole);
	pause_us(settings->gap_us);
	return code;
}

/** measure() - all rounds. Return: 0, or negative errno after saying which command failed */
static int measure(struct contender *all, struct row *rows, int count, int home, const struct settings *settings)
{
	int turns[COMMANDS_MAX];

	for (int round = -settings->warmup; round < settings->runs; round++) {
		deal_turns(turns, count);
		for (int turn = 0; turn < count; turn++) {
			int at = turns[turn];
			double first = 0, whole = 0;
			int code = launch_in_ns(&all[at], home, (unsigned)(round + settings->warmup), &first, &whole);

			if (code < 0) {
				(void)fprintf(stderr, "spawn: %s: %s\n", rows[at].label, strerror(-code));
				return code;
			}
			if (round >= 0) {
				rows[at].first[round] = first;
				rows[at].whole[round] = whole;
			}
			/* lets its asynchronous clean-up begin, not end */
			pause_us(settings->gap_us);
			code = all[at].rest_us > 0 ? rest(all, at, home, settings) : 0;
			if (code < 0)
				return code;
		}
	}
	return 0;
}

/** split_commands() - cut argv at each "---" into labelled commands. Return: how many, or negative errno */
static int split_commands(char **argv, int runs, struct contender *ret, struct row *ret_rows)
{
	int count = 0;

	while (*argv) {
		char **end = argv;

		while (*end && strcmp(*end, "---") != 0)
			end++;
		if (end - argv < 2 || end - argv > ARGS_MAX || count == COMMANDS_MAX)
			return -EINVAL;
		if (row_new(&ret_rows[count], argv[0], runs) < 0)
			return -ENOMEM;
		ret[count] = (struct contender){ .argv = argv + 1 };
		if (strncmp(argv[1], REST_MARK, strlen(REST_MARK)) == 0) {
			ret[count].rest_us = (useconds_t)strtol(argv[1] + strlen(REST_MARK), NULL, 10);
			ret[count].argv++;
		}
		count++;
		argv = *end ? end + 1 : end;
		*end = NULL;
	}
	return count;
}

/** main() - parse, measure, sort, print */
int main(int argc, char **argv)
{
	struct settings settings = { .runs = 200, .warmup = 5, .gap_us = 300 };
	struct contender all[COMMANDS_MAX];
	struct row rows[COMMANDS_MAX];
	int at = settings_read(argc, argv, &settings);
	int count = at < 0 ? at : split_commands(argv + at, settings.runs, all, rows);
	int home = -1, code;

	if (count <= 0) {
		(void)fprintf(stderr, "usage: spawn [-n RUNS] [-w WARMUP] [-g GAP_US] [-j FILE] LABEL COMMAND [ARG...] "
		                      "[--- LABEL COMMAND [ARG...]]...\n");
		return 2;
	}
	code = open_namespaces(all, count, &home);
	if (code < 0) {
		(void)fprintf(stderr, "spawn: mount namespace: %s\n", strerror(-code));
		return 1;
	}
	if (measure(all, rows, count, home, &settings) < 0)
		return 1;
	rows_print(rows, count, settings.runs);
	code = rows_json(settings.json, rows, count, settings.runs);
	if (code < 0) {
		(void)fprintf(stderr, "spawn: cannot write %s: %s\n", settings.json, strerror(-code));
		return 1;
	}
	return 0;
}
