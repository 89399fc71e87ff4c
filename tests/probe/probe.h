/* SPDX-License-Identifier: Apache-2.0 */
/**
 * probe.h - inside the probe: the sub-commands of each file, and how they report
 *
 * A sub-command gets its own arguments (argv[0] is its name, argv[argc] NULL) and returns an exit code. It prints facts
 * as key=value lines, or what became of an attempt as result=OK or result=<name of the errno>: a test that expects a
 * refusal sees that the attempt was made.
 */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include <stddef.h>

/** struct probe_command - one sub-command */
struct probe_command {
	const char *name;
	int (*run)(int argc, char **argv);
	int min_args;
	const char *usage;
};

/* Ended by a row without a name */
extern const struct probe_command probe_facts[];
extern const struct probe_command probe_files[];
extern const struct probe_command probe_listening[];
extern const struct probe_command probe_network[];
extern const struct probe_command probe_processes[];
extern const struct probe_command probe_sockets[];
extern const struct probe_command probe_attempts[];
extern const struct probe_command probe_hostile[];

/** probe_errno() - name of errno @code, "OK" for 0 */
const char *probe_errno(int code);
/** probe_result() - print @key=OK for @r >= 0, the name of errno otherwise. Return: 0, the exit code */
int probe_result(const char *key, long r);
/** probe_number() - a number, with K, M or G; the probe exits on anything else */
unsigned long long probe_number(const char *text);
/** probe_copy() - everything from descriptor @from to @to. Return: 0 or -1 with errno */
int probe_copy(int from, int to, char *last);

#endif /* TESTS_PROBE_H */
