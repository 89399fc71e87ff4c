/* SPDX-License-Identifier: Apache-2.0 */
/**
 * verb.h - the verbs of the command: one table for the dispatch, the help, the manual and the completions
 *
 * A verb is one file with one option table and one function. The struct that its options land in begins with a
 * `bool help`, set by --help.
 */
#ifndef CLI_VERB_H
#define CLI_VERB_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/options.h"

/** enum verb_operand - what the operands of a verb are, for the completions */
enum verb_operand {
	VERB_OPERAND_NONE,
	VERB_OPERAND_COMMAND,      /* COMMAND [ARG...] */
	VERB_OPERAND_DYNO_COMMAND, /* NAME COMMAND [ARG...] */
	VERB_OPERAND_DYNOS,        /* NAME... */
	VERB_OPERAND_VERB,         /* a verb */
	VERB_OPERAND_SHELL,        /* bash, zsh or fish */
	VERB_OPERAND_LAUNCHER,     /* what is asked of a launcher */
	VERB_OPERAND_DIRECTORY,    /* DIR */
};

/**
 * struct verb - one row
 * @usage:   operands as the help shows them
 * @summary: one line without a final stop
 * @about:   paragraphs for the manual, separated by newlines; plain text
 * @hidden:  not listed; for the Makefile
 * @main:    argv[0] is the verb. @requested_ns: CLOCK_MONOTONIC at the start of main. Return: exit code
 */
struct verb {
	const char *name;
	const char *usage;
	const char *summary;
	const char *about;
	const struct option_spec *specs;
	enum verb_operand operand;
	bool hidden;
	int (*main)(int argc, char **argv, uint64_t requested_ns);
};

#define VERBS_MAX 64

/** verbs - all of a program's, `dyno` with those that the other program has; the last has no name */
extern const struct verb verbs[];

/** verb_find() - the verb called @name, NULL if there is none */
const struct verb *verb_find(const char *name);

/** verb_unknown() - complain about @name and suggest the nearest verb. Return: EXIT_USAGE */
int verb_unknown(const char *name);

/** verb_help() - print the help of @verb */
void verb_help(FILE *out, const struct verb *verb);

/** verb_help_all() - print the list of verbs */
void verb_help_all(FILE *out);

#define VERB_CONTINUE (-1)

/**
 * verb_parse() - read the options of a verb into @into; serves --help and complains about mistakes
 * Return: VERB_CONTINUE, or the exit code to end with
 */
int verb_parse(const char *name, int argc, char **argv, void *into, int *ret_first_operand);

/** verb_parse_alone() - the same for a verb without operands */
int verb_parse_alone(const char *name, int argc, char **argv, void *into);

/** dyno_name_check() - @name can be the name of a dyno. Return: 0 or -EINVAL with the rule in @err */
int dyno_name_check(const char *name, struct dyno_error *err);

/** The option that every verb has; its field comes first. */
#define VERB_HELP_SPEC                                                                                                 \
	{                                                                                                              \
		.name = "help", .letter = 'h', .type = OPTION_FLAG, .offset = 0, .help = "show this help"              \
	}

/* the verbs, each in the file of its name */
extern const struct option_spec run_specs[], exec_specs[], ps_specs[], stop_specs[], gc_specs[], launcher_specs[],
	doctor_specs[], plain_specs[];
int run_main(int argc, char **argv, uint64_t requested_ns);
int exec_main(int argc, char **argv, uint64_t requested_ns);
int ps_main(int argc, char **argv, uint64_t requested_ns);
int stop_main(int argc, char **argv, uint64_t requested_ns);
int gc_main(int argc, char **argv, uint64_t requested_ns);
int launcher_main(int argc, char **argv, uint64_t requested_ns);
int doctor_main(int argc, char **argv, uint64_t requested_ns);
int version_main(int argc, char **argv, uint64_t requested_ns);
int help_main(int argc, char **argv, uint64_t requested_ns);
int completion_main(int argc, char **argv, uint64_t requested_ns);
int manual_main(int argc, char **argv, uint64_t requested_ns);

#endif /* CLI_VERB_H */
