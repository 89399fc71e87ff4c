/* SPDX-License-Identifier: Apache-2.0 */
/**
 * completion.c - `dyno completion SHELL`: completion scripts from the verb and option tables
 *
 * Hidden; the Makefile runs it when it installs. The parts about options come from base/options; here is what is around them: verbs and
 * operands.
 */
#include <string.h>

#include "cli/message.h"
#include "cli/verb.h"

struct completion_given {
	bool help;
};

/** put_function() - name of the function that options_print_completion() makes for verb @name */
static void put_function(FILE *out, const char *name)
{
	fputs("_dyno_", out);
	for (; *name; name++)
		fputc(*name == '-' || *name == ':' ? '_' : *name, out);
}

/** bash_operands() - the shell's case branch that completes operands of kind @operand into COMPREPLY */
static const char *bash_operands(enum verb_operand operand)
{
	switch (operand) {
	case VERB_OPERAND_NONE: return ":";
	case VERB_OPERAND_COMMAND: return "_dyno_words \"$(compgen -c -- \"$word\")\" \"$word\"";
	case VERB_OPERAND_DYNO_COMMAND:
	case VERB_OPERAND_DYNOS: return "_dyno_words \"$(dyno ps -q 2>/dev/null)\" \"$word\"";
	case VERB_OPERAND_VERB: return "_dyno_words \"$verbs\" \"$word\"";
	case VERB_OPERAND_SHELL: return "_dyno_words \"bash zsh fish\" \"$word\"";
	case VERB_OPERAND_LAUNCHER: return "_dyno_words \"stats pool stop reload\" \"$word\"";
	case VERB_OPERAND_DIRECTORY: return "mapfile -t COMPREPLY < <(compgen -d -- \"$word\")";
	}
	return ":";
}

/** print_bash() - the script for bash */
static void print_bash(FILE *out)
{
	fputs("# bash completion for dyno\n\n"
	      "_dyno_words() {\n"
	      "\tmapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$2\")\n"
	      "}\n\n",
	      out);
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!verb->hidden)
			options_print_completion(out, OPTION_SHELL_BASH, "dyno", verb->name, verb->specs);
	fputs("\n_dyno() {\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} verbs='",
	      out);
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!verb->hidden)
			fprintf(out, "%s%s", verb == verbs ? "" : " ", verb->name);
	fputs("'\n"
	      "\tlocal verb=${COMP_WORDS[1]} at=1\n"
	      "\tCOMPREPLY=()\n"
	      "\t# bash splits config:set into three words, and replaces the last\n"
	      "\twhile [[ ${COMP_WORDS[at+1]-} == : ]]; do\n"
	      "\t\tverb+=:${COMP_WORDS[at+2]-}\n"
	      "\t\t((at += 2))\n"
	      "\tdone\n"
	      "\tif ((COMP_CWORD <= at)); then\n"
	      "\t\t_dyno_words \"$verbs --help --version\" \"$verb\"\n"
	      "\t\tif ((at > 1)); then\n"
	      "\t\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"${verb%\"${verb##*:}\"}\"}\")\n"
	      "\t\tfi\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\t# bash splits --net=no into three words\n"
	      "\tif [[ $word == = ]]; then\n"
	      "\t\tword='' previous=$previous=\n"
	      "\telif [[ $previous == = ]]; then\n"
	      "\t\tprevious=${COMP_WORDS[COMP_CWORD-2]}=\n"
	      "\tfi\n"
	      "\tcase $verb in\n",
	      out);
	for (const struct verb *verb = verbs; verb->name; verb++) {
		if (verb->hidden)
			continue;
		fprintf(out, "\t%s) ", verb->name);
		put_function(out, verb->name);
		fprintf(out, " \"$word\" \"$previous\" || %s ;;\n", bash_operands(verb->operand));
	}
	fputs("\tesac\n"
	      "}\n\n"
	      "complete -o bashdefault -o default -F _dyno dyno\n",
	      out);
}

/** zsh_operands() - specifications for _arguments of operands of kind @operand */
static const char *zsh_operands(enum verb_operand operand)
{
	switch (operand) {
	case VERB_OPERAND_NONE: return "";
	case VERB_OPERAND_COMMAND: return " '(-)1:command:_command_names -e' '*::argument:_normal'";
	case VERB_OPERAND_DYNO_COMMAND:
		return " '1:dyno:_dyno_names' '(-)2:command:_command_names -e' '*::argument:_normal'";
	case VERB_OPERAND_DYNOS: return " '*:dyno:_dyno_names'";
	case VERB_OPERAND_VERB: return " '1:verb:_dyno_verbs'";
	case VERB_OPERAND_SHELL: return " '1:shell:(bash zsh fish)'";
	case VERB_OPERAND_LAUNCHER: return " '1:question:(stats pool stop reload)' '*:: :'";
	case VERB_OPERAND_DIRECTORY: return " '1:directory:_files -/'";
	}
	return "";
}

/** put_described() - an entry of _describe, in which a colon ends the name */
static void put_described(FILE *out, const struct verb *verb)
{
	fputs("\t\t'", out);
	for (const char *c = verb->name; *c; c++)
		fprintf(out, "%s%c", *c == ':' ? "\\" : "", *c);
	fprintf(out, ":%s'\n", verb->summary);
}

/** print_zsh() - the script for zsh; it is autoloaded under the name _dyno */
static void print_zsh(FILE *out)
{
	fputs("#compdef dyno\n\n"
	      "_dyno_names() {\n"
	      "\tlocal -a names\n"
	      "\tnames=(${(f)\"$(dyno ps -q 2>/dev/null)\"})\n"
	      "\tcompadd -a names\n"
	      "}\n\n"
	      "_dyno_verbs() {\n"
	      "\tlocal -a verbs\n"
	      "\tverbs=(\n",
	      out);
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!verb->hidden)
			put_described(out, verb);
	fputs("\t)\n"
	      "\t_describe verb verbs\n"
	      "}\n\n",
	      out);
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!verb->hidden)
			options_print_completion(out, OPTION_SHELL_ZSH, "dyno", verb->name, verb->specs);
	fputs("\n_dyno() {\n"
	      "\tif ((CURRENT == 2)); then\n"
	      "\t\t_dyno_verbs\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tshift words\n"
	      "\t((CURRENT--))\n"
	      "\tcase $words[1] in\n",
	      out);
	for (const struct verb *verb = verbs; verb->name; verb++) {
		if (verb->hidden)
			continue;
		fprintf(out, "\t%s) ", verb->name);
		put_function(out, verb->name);
		fprintf(out, "%s ;;\n", zsh_operands(verb->operand));
	}
	fputs("\tesac\n"
	      "}\n\n"
	      "_dyno \"$@\"\n",
	      out);
}

/** fish_operands() - arguments of fish's complete for operands of kind @operand, NULL for none */
static const char *fish_operands(enum verb_operand operand)
{
	switch (operand) {
	case VERB_OPERAND_NONE: return NULL;
	case VERB_OPERAND_COMMAND: return "-x -a '(__fish_complete_subcommand --fcs-skip=2)'";
	case VERB_OPERAND_DYNO_COMMAND:
	case VERB_OPERAND_DYNOS: return "-x -a '(dyno ps -q 2>/dev/null)'";
	case VERB_OPERAND_VERB: return "-x -a \"$__dyno_verbs\"";
	case VERB_OPERAND_SHELL: return "-x -a 'bash zsh fish'";
	case VERB_OPERAND_LAUNCHER: return "-x -a 'stats pool stop reload'";
	case VERB_OPERAND_DIRECTORY: return "-x -a '(__fish_complete_directories)'";
	}
	return NULL;
}

/** print_fish() - the script for fish */
static void print_fish(FILE *out)
{
	fputs("# fish completion for dyno\n\nset -g __dyno_verbs", out);
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!verb->hidden)
			fprintf(out, " %s", verb->name);
	fputs("\n\n", out);
	for (const struct verb *verb = verbs; verb->name; verb++)
		if (!verb->hidden)
			fprintf(out,
			        "complete -c dyno -n \"not __fish_seen_subcommand_from $__dyno_verbs\" -f -a %s -d '%s'\n",
			        verb->name, verb->summary);
	for (const struct verb *verb = verbs; verb->name; verb++) {
		const char *operands = fish_operands(verb->operand);

		if (verb->hidden)
			continue;
		fputc('\n', out);
		options_print_completion(out, OPTION_SHELL_FISH, "dyno", verb->name, verb->specs);
		if (operands)
			fprintf(out, "complete -c dyno -n '__fish_seen_subcommand_from %s' %s\n", verb->name, operands);
	}
}

int completion_main(int argc, char **argv, uint64_t requested_ns)
{
	struct completion_given given = { 0 };
	int first = argc;
	int code = verb_parse("completion", argc, argv, &given, &first);
	const char *shell = first + 1 == argc ? argv[first] : "";

	(void)requested_ns;
	if (code != VERB_CONTINUE)
		return code;
	if (strcmp(shell, "bash") == 0) {
		print_bash(stdout);
	} else if (strcmp(shell, "zsh") == 0) {
		print_zsh(stdout);
	} else if (strcmp(shell, "fish") == 0) {
		print_fish(stdout);
	} else {
		message_line("dyno: completion takes one operand: bash, zsh or fish");
		return EXIT_USAGE;
	}
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}
