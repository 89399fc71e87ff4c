/* SPDX-License-Identifier: Apache-2.0 */
/**
 * options.h - one typed table of options drives parsing, --help, the man page and shell completion
 *
 * Each verb declares a plain struct for what it is told, and a table that says which option lands in which field:
 *
 *     struct stop_options { bool all; uint64_t grace; struct option_list env; int format; bool help; };
 *
 *     static const struct option_spec stop_specs[] = {
 *             { .name = "all", .letter = 'a', .type = OPTION_FLAG, .offset = offsetof(struct stop_options, all),
 *               .help = "stop every dyno" },
 *             { .name = "grace", .type = OPTION_DURATION, .metavar = "TIME", .min = 1, .max = 3600000,
 *               .offset = offsetof(struct stop_options, grace), .help = "time between TERM and KILL" },
 *             { 0 },
 *     };
 *
 *     struct stop_options given = { .grace = 30000, .format = -1 };    the defaults are what stands there before
 *     code = options_parse(stop_specs, argc, argv, &given, &first, err);
 *
 * What each type writes to its field, and what .min and .max bound (.max 0: no upper bound):
 *
 *     type             field               accepts                             bounds
 *     FLAG             bool                no value; sets true                 -
 *     STRING           const char *        anything; points into argv          length in bytes (.min = 1: not empty)
 *     SIZE             uint64_t            units_size(): 512M                  bytes
 *     PORT             uint16_t            units_port(): 1 to 65535            -
 *     NUMBER           uint64_t            units_number()                      the number
 *     CPUS             uint64_t            units_cpus(): 0.5                   thousandths
 *     DURATION         uint64_t            units_duration(): 30s               milliseconds
 *     CHOICE           int                 one word of .choices                - (the word's place, from 0)
 *     OPTIONAL_CHOICE  int                 the same; 0 without a value         -
 *     LIST             struct option_list  anything, any number of times       length of each in bytes
 *
 * An option given twice: the last one counts (a LIST keeps all). "Not given" is whatever the field held before, so give
 * OPTIONAL_CHOICE fields -1. An OPTIONAL_CHOICE takes a value only when attached (--timeline=json, -Tjson), because
 * what follows may be an operand.
 *
 * A metavar of DIR or FILE makes the shells complete paths. Texts are plain: each printer quotes for its own language.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "dyno.h"

enum option_type {
	OPTION_FLAG,
	OPTION_STRING,
	OPTION_SIZE,
	OPTION_PORT,
	OPTION_NUMBER,
	OPTION_CPUS,
	OPTION_DURATION,
	OPTION_CHOICE,
	OPTION_OPTIONAL_CHOICE,
	OPTION_LIST,
	OPTION_TYPE_COUNT,
};

/**
 * struct option_spec - one option; a table of them ends with a zeroed one
 * @name:    long name without dashes; every option has one
 * @letter:  short name, 0 for none
 * @type:    what it takes and where that goes, see above
 * @metavar: what the help calls the value; NULL for the type's own word (SIZE, PORT, N, TIME, the choices)
 * @choices: for CHOICE and OPTIONAL_CHOICE: "private|none|host"
 * @offset:  offsetof() the field in the verb's options
 * @min, @max: bounds of the value, see above; 0 in @max for none
 * @help:    one sentence without capital and final stop
 */
struct option_spec {
	const char *name;
	char letter;
	enum option_type type;
	const char *metavar;
	const char *choices;
	size_t offset;
	uint64_t min;
	uint64_t max;
	const char *help;
};

/** struct option_list - values of a LIST: @items point into argv and end with NULL; NULL itself while there are none */
struct option_list {
	const char **items;
	size_t count;
};

/**
 * options_parse() - read @argv into the struct at @into
 * As GNU's: --name value, --name=value, -n value, -nvalue, -abc for flags, "--" ends the options. Stops at the first
 * operand, for what follows belongs to the command to be run; "-" is an operand. Allocates for LIST only.
 * @argv: argv[0] is skipped, as the verb's name
 * @into: defaults filled in; on failure partly written, and to be given to options_done() all the same
 * @ret_first_operand: place in @argv of the first operand, @argc when there is none
 * @err:  one line that names the option, what was given and what is accepted; a LIST's value is never repeated, since
 *        --env may carry a secret
 * Return: 0, -EINVAL for wrong usage, -ENOMEM
 */
int options_parse(const struct option_spec *specs, int argc, char *const *argv, void *into, int *ret_first_operand,
                  struct dyno_error *err);

/** options_done() - free what options_parse() allocated in @into (the LISTs) and zero it; @into may be untouched */
void options_done(const struct option_spec *specs, void *into);

/** options_print_help() - the option lines of --help, two spaces in, help text in a column of its own, 80 wide */
void options_print_help(FILE *out, const struct option_spec *specs);

/** options_print_man() - a roff fragment (man(7) macros): one .TP per option, to stand under a heading of the caller */
void options_print_man(FILE *out, const struct option_spec *specs);

enum option_shell {
	OPTION_SHELL_BASH,
	OPTION_SHELL_ZSH,
	OPTION_SHELL_FISH,
	OPTION_SHELL_COUNT,
};

/**
 * options_print_completion() - what a completion script of @program needs for the options of @verb
 *
 * bash: a function _PROGRAM_VERB WORD PREVIOUS, which sets COMPREPLY. WORD is the one being completed and PREVIOUS the
 *       one before it. bash makes three words of "--net=no"; the caller undoes that: WORD is then "no" and PREVIOUS
 *       "--net=". Returns 1, with COMPREPLY empty, when WORD is neither an option nor the value of one: an operand.
 * zsh:  a function _PROGRAM_VERB [SPEC...], which calls _arguments with the options and with the SPECs given to it, for
 *       the operands, e.g. _dyno_run '*::command:_normal'. Options after the first operand are not offered.
 * fish: lines of `complete -c PROGRAM -n '__fish_seen_subcommand_from VERB' ...`.
 *
 * @program, @verb: letters, digits, "-", ":" and "_"; "-" and ":" become "_" in names of functions
 */
void options_print_completion(FILE *out, enum option_shell shell, const char *program, const char *verb,
                              const struct option_spec *specs);

#endif /* BASE_OPTIONS_H */
