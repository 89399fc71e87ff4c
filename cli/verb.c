/* SPDX-License-Identifier: Apache-2.0 */
/* verb.c - see verb.h */
#include "cli/verb.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/message.h"
#include "runtime/spec.h"

const struct verb *verb_find(const char *name)
{
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (strcmp(verb->name, name) == 0)
			return verb;
	return NULL;
}

int verb_unknown(const char *name)
{
	const char *names[VERBS_MAX + 1] = { NULL };
	size_t count = 0;
	const char *closest;

	for (const struct verb *verb = verbs; verb->name && count < VERBS_MAX; verb++)
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
	int width = 0;

	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!verb->hidden && (int)strlen(verb->name) > width)
			width = (int)strlen(verb->name);
	fputs("usage: dyno VERB [OPTION]... [OPERAND]...\n\nverbs:\n", out);
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!verb->hidden)
			fprintf(out, "  %-*s %s\n", width, verb->name, verb->summary);
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
