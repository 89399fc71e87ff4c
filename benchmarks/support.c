/* SPDX-License-Identifier: Apache-2.0 */
/* support.c - see support.h */
#include "benchmarks/support.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

int settings_read(int argc, char **argv, struct settings *settings)
{
	int option;

	while ((option = getopt(argc, argv, "+n:w:g:j:")) != -1) {
		long value = option == 'j' ? 0 : strtol(optarg ? optarg : "", NULL, 10);

		if (value < 0 || value > 1000000)
			return -EINVAL;
		switch (option) {
		case 'n': settings->runs = (int)value; break;
		case 'w': settings->warmup = (int)value; break;
		case 'g': settings->gap_us = (useconds_t)value; break;
		case 'j': settings->json = optarg; break;
		default: return -EINVAL;
		}
	}
	return settings->runs > 0 ? optind : -EINVAL;
}

int row_new(struct row *row, const char *label, int runs)
{
	row->label = label;
	row->first = calloc((size_t)runs, sizeof(double));
	row->whole = calloc((size_t)runs, sizeof(double));
	return row->first && row->whole ? 0 : -ENOMEM;
}

int64_t read_stamp(int fd)
{
	char text[64], *end;
	ssize_t size = fd_read_all(fd, text, sizeof(text));
	long long stamp;

	if (size < 0)
		return size;
	stamp = strtoll(text, &end, 10);
	return end != text && *end == '\n' && stamp > 0 ? stamp : -EIO;
}

int launch_command(char *const argv[], double *ret_first, double *ret_whole)
{
	_cleanup_close_ int in = -1;
	_cleanup_close_ int out = -1;
	posix_spawn_file_actions_t actions;
	uint64_t start;
	int64_t stamp;
	int pipes[2], status, code;
	pid_t pid;

	if (!argv[0])
		return -EINVAL;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	in = pipes[0];
	out = pipes[1];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	start = clock_ns();
	code = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code != 0)
		return -code;
	(void)fd_close(TAKE_FD(out));
	stamp = read_stamp(in);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	*ret_whole = (double)(clock_ns() - start) / 1e3;
	if (stamp < 0 || status != 0)
		return stamp < 0 ? (int)stamp : -ECHILD;
	*ret_first = (double)(stamp - (int64_t)start) / 1e3;
	return 0;
}

void pause_us(useconds_t us)
{
	const struct timespec time = { .tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000 };

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

void deal_turns(int *ret, int count)
{
	static unsigned seed = 1;

	/* Fisher and Yates, from the inside out */
	for (int i = 0; i < count; i++) {
		int at = rand_r(&seed) % (i + 1);

		ret[i] = ret[at];
		ret[at] = i;
	}
}

/** by_value() - for qsort(3) */
static int by_value(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

void sort_values(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(double), by_value);
}

double quantile(const double *sorted, int count, double q)
{
	int at = (int)(q * count);

	return sorted[at < count ? at : count - 1];
}

double row_median(struct row *row, int runs)
{
	sort_values(row->first, runs);
	sort_values(row->whole, runs);
	return quantile(row->first, runs, 0.5);
}

void rows_print(struct row *rows, int count, int runs)
{
	double base = row_median(&rows[0], runs);

	printf("| %-44s | median us | min | p90 | p99 | x first | to its end |\n", "way");
	printf("|%s|---:|---:|---:|---:|---:|---:|\n", "---");
	for (int i = 0; i < count; i++) {
		double median = row_median(&rows[i], runs);
		const double *v = rows[i].first;

		printf("| %-44s | %.0f | %.0f | %.0f | %.0f | %.2f | %.0f |\n", rows[i].label, median, v[0],
		       quantile(v, runs, 0.9), quantile(v, runs, 0.99), median / base,
		       quantile(rows[i].whole, runs, 0.5));
	}
}

int rows_json(const char *path, const struct row *rows, int count, int runs)
{
	FILE *out = path ? fopen(path, "we") : NULL;

	if (!out)
		return path ? -errno : 0;
	(void)fprintf(out, "{\"unit\": \"us\", \"runs\": %d, \"rows\": [", runs);
	for (int i = 0; i < count; i++) {
		const double *v = rows[i].first;

		(void)fprintf(
			out,
			"%s\n  {\"label\": \"%s\", \"median\": %.1f, \"min\": %.1f, \"p25\": %.1f, \"p90\": %.1f, "
			"\"p99\": %.1f, \"whole_median\": %.1f}",
			i ? "," : "", rows[i].label, quantile(v, runs, 0.5), v[0], quantile(v, runs, 0.25),
			quantile(v, runs, 0.9), quantile(v, runs, 0.99), quantile(rows[i].whole, runs, 0.5));
	}
	(void)fprintf(out, "\n]}\n");
	return fclose(out) == 0 ? 0 : -errno;
}

int values_json(const char *path, const struct value *values, int count)
{
	FILE *out = path ? fopen(path, "we") : NULL;

	if (!out)
		return path ? -errno : 0;
	(void)fprintf(out, "{\"rows\": [");
	for (int i = 0; i < count; i++)
		(void)fprintf(out, "%s\n  {\"label\": \"%s\", \"median\": %.4f}", i ? "," : "", values[i].label,
		              values[i].value);
	(void)fprintf(out, "\n]}\n");
	return fclose(out) == 0 ? 0 : -errno;
}
