/* SPDX-License-Identifier: Apache-2.0 */
/**
 * support.h - what the benchmarks share: one launch of a command, statistics, tables
 *
 * A row is one way to do something, with one number for each time it was done. What a program measured it prints as a
 * Markdown table, and writes as JSON for report.py, which holds the claims.
 */
#ifndef BENCHMARKS_SUPPORT_H
#define BENCHMARKS_SUPPORT_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/**
 * struct row - microseconds of each run
 * @first: to the first instruction of the program
 * @whole: to the end of it all; NULL where nobody asks
 */
struct row {
	const char *label;
	double *first;
	double *whole;
};

/** struct settings - what each of the programs is told: how many runs, rounds to warm up, the pause between two launches, where JSON goes */
struct settings {
	int runs;
	int warmup;
	useconds_t gap_us;
	const char *json;
};

/** settings_read() - options -n, -w, -g, -j up to the first word that is none. Return: index of that word, or -EINVAL */
int settings_read(int argc, char **argv, struct settings *settings);

/** row_new() - memory for @runs numbers, kept to the end of the program. Return: 0 or -ENOMEM */
int row_new(struct row *row, const char *label, int runs);

/**
 * launch_command() - start a command once, its output in a pipe, and wait for its end
 * @ret_first: microseconds from just before posix_spawn to what the program printed as its first act (first.c)
 * @ret_whole: to the end of the command, cleaning up included
 * Return: 0, or negative errno when it did not start, print a stamp or end with 0
 */
int launch_command(char *const argv[], double *ret_first, double *ret_whole);

/** read_stamp() - what first.c printed, up to the end of it. Return: nanoseconds, or negative errno */
int64_t read_stamp(int fd);

/** pause_us() - sleep; lets the last launch's clean-up begin */
void pause_us(useconds_t us);

/**
 * deal_turns() - who comes when in a round: 0 to @count - 1 into @ret, by chance, so that nobody always follows the same neighbour
 * What a launch leaves behind, such as network namespaces that the kernel takes down for milliseconds, falls on the next ones: on all
 * alike then. Each run of a program deals the same rounds.
 */
void deal_turns(int *ret, int count);

/** sort_values() - smallest first */
void sort_values(double *values, int count);
/** quantile() - of sorted values: the smallest that is not below a share @q of them */
double quantile(const double *sorted, int count, double q);
/** row_median() - of a row as yet unsorted, or sorted already: sorts it */
double row_median(struct row *row, int runs);

/** rows_print() - all rows as a Markdown table, ratios to the first; sorts them */
void rows_print(struct row *rows, int count, int runs);
/** rows_json() - the same for report.py, into @path; NULL is nowhere. Return: 0 or negative errno */
int rows_json(const char *path, const struct row *rows, int count, int runs);

/** struct value - one number of its own */
struct value {
	const char *label;
	double value;
};

/** values_json() - single numbers for report.py. Return: 0 or negative errno */
int values_json(const char *path, const struct value *values, int count);

#endif /* BENCHMARKS_SUPPORT_H */
