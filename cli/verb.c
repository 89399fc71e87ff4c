/* SPDX-License-Identifier: Apache-2.0 */
/* verb.c - see verb.h */
#include "cli/verb.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/message.h"
#include "runtime/spec.h"

/** plain_options - what a verb without options of its own is told */
struct plain_options {
	bool help;
};

const struct option_spec plain_specs[] = { VERB_HELP_SPEC, { 0 } };

const struct verb verbs[] = {
	{ .name = "run",
	  .usage = "[OPTION]... [--] COMMAND [ARG...]",
	  .summary = "run a command in a dyno of its own, in the foreground",
	  .about =
	          "The app's directory (the slug) appears at /app, writable. Whatever the dyno writes, there or anywhere "
	          "else, lands in a layer of its own that is discarded when the command ends.\n"
	          "COMMAND and its arguments are executed as given. A single COMMAND that holds white space or shell "
	          "syntax is run by the stack's bash, after .profile.d/*.sh and .profile of the app.\n"
	          "With a private network and a port, the address at which this machine reaches the app is printed at "
	          "start.",
	  .specs = run_specs,
	  .operand = VERB_OPERAND_COMMAND,
	  .main = run_main },
	{ .name = "exec",
	  .usage = "[OPTION]... NAME [--] COMMAND [ARG...]",
	  .summary = "run one more command inside a running dyno",
	  .about = "The command is started by the dyno's own first process, behind the same confinement as the app.",
	  .specs = exec_specs,
	  .operand = VERB_OPERAND_DYNO_COMMAND,
	  .main = exec_main },
	{ .name = "ps",
	  .usage = "[OPTION]...",
	  .summary = "list the running dynos",
	  .about = "Shows the program's name of each dyno, never its arguments or config vars, for they may be secret.",
	  .specs = ps_specs,
	  .main = ps_main },
	{ .name = "stop",
	  .usage = "[OPTION]... NAME...",
	  .summary = "stop dynos and wait for their end",
	  .about = "Every process of the dyno gets SIGTERM, and SIGKILL when the time of grace is over.",
	  .specs = stop_specs,
	  .operand = VERB_OPERAND_DYNOS,
	  .main = stop_main },
	{ .name = "gc",
	  .usage = "",
	  .summary = "clean up after launchers that were killed",
	  .about = "Every start does the same on its way; nothing of a running dyno is touched.",
	  .specs = gc_specs,
	  .main = gc_main },
	{ .name = "doctor",
	  .usage = "[OPTION]...",
	  .summary = "tell what this machine gives, what is missing and how to get it",
	  .about = "Exits with 0 when dynos can run here for the calling user, and with 1 otherwise.",
	  .specs = doctor_specs,
	  .main = doctor_main },
	{ .name = "version", .usage = "", .summary = "print the version", .specs = plain_specs, .main = version_main },
	{ .name = "help",
	  .usage = "[VERB]",
	  .summary = "explain a verb",
	  .specs = plain_specs,
	  .operand = VERB_OPERAND_VERB,
	  .main = help_main },
	{ .name = "completion",
	  .usage = "bash|zsh|fish",
	  .summary = "print a completion script",
	  .specs = plain_specs,
	  .operand = VERB_OPERAND_SHELL,
	  .hidden = true,
	  .main = completion_main },
	{ .name = "man",
	  .usage = "",
	  .summary = "print the manual page",
	  .specs = plain_specs,
	  .hidden = true,
	  .main = manual_main },
	{ 0 },
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (strcmp(verb->name, name) == 0)
			return verb;
	return NULL;
}

int verb_unknown(const char *name)
{
	const char *names[sizeof(verbs) / sizeof(verbs[0])] = { NULL };
	size_t count = 0;
	const char *closest;

	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!verb->hidden)
			names[count++] = verb->name;
	if (name[0] == '-') {
		message_line("dyno: unknown option '%s' (options follow their verb, as in: dyno run %s)", name, name);
		return EXIT_USAGE;
	}
	closest = text_closest(name, names);
	if (closest)
		message_line("dyno: unknown verb '%s' (did you mean %s?)", name, closest);
	else
		message_line("dyno: unknown verb '%s' (dyno help lists them; dyno run -- %s runs a command)", name,
		             name);
	return EXIT_USAGE;
}

void verb_help(FILE *out, const struct verb *verb)
{
	fprintf(out, "usage: dyno %s%s%s\n\n%s\n\noptions:\n", verb->name, verb->usage[0] ? " " : "", verb->usage,
	        verb->summary);
	options_print_help(out, verb->specs);
}

void verb_help_all(FILE *out)
{
	fputs("usage: dyno VERB [OPTION]... [OPERAND]...\n\nverbs:\n", out);
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!verb->hidden)
			fprintf(out, "  %-10s %s\n", verb->name, verb->summary);
	fputs("\ndyno VERB --help explains one; dyno doctor tells whether dynos can run here\n", out);
}

int verb_parse(const char *name, int argc, char **argv, void *into, int *ret_first_operand)
{
	const struct verb *verb = verb_find(name);
	struct dyno_error err = { 0 };
	int code = options_parse(verb->specs, argc, argv, into, ret_first_operand, &err);

	if (code == -EINVAL)
		return message_usage(&err);
	if (code < 0)
		return message_error(NULL, &err);
	if (!*(const bool *)into)
		return VERB_CONTINUE;
	verb_help(stdout, verb);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}

int verb_parse_alone(const char *name, int argc, char **argv, void *into)
{
	int first = argc;
	int code = verb_parse(name, argc, argv, into, &first);

	if (code != VERB_CONTINUE || first == argc)
		return code;
	message_line("dyno: %s takes no operand, but '%s' was given", name, argv[first]);
	return EXIT_USAGE;
}

int dyno_name_check(const char *name, struct dyno_error *err)
{
	if (spec_name_valid(name))
		return 0;
	error_set(err, -EINVAL, "name", "'%s' cannot be the name of a dyno", name);
	error_remedy(err, "letters, digits, '.', '_' and '-', at most %d, as in web.1", SPEC_NAME_MAX);
	return -EINVAL;
}

int version_main(int argc, char **argv, uint64_t requested_ns)
{
	struct plain_options given = { 0 };
	int code = verb_parse_alone("version", argc, argv, &given);

	(void)requested_ns;
	if (code != VERB_CONTINUE)
		return code;
	puts("dyno " DYNO_VERSION);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}

int help_main(int argc, char **argv, uint64_t requested_ns)
{
	struct plain_options given = { 0 };
	int first = argc;
	int code = verb_parse("help", argc, argv, &given, &first);
	const struct verb *verb;

	(void)requested_ns;
	if (code != VERB_CONTINUE)
		return code;
	if (first == argc) {
		verb_help_all(stdout);
		return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
	}
	verb = verb_find(argv[first]);
	if (!verb)
		return verb_unknown(argv[first]);
	verb_help(stdout, verb);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}
