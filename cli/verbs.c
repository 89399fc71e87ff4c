/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.c - the verbs of the dyno command, and the two that are about the table itself */
#include <assert.h>

#include "cli/app/options.h"
#include "cli/elsewhere.h"
#include "cli/message.h"
#include "cli/verb.h"

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
#define APP_VERB(word, label, words, kind, line, text)                                                                 \
	{ .name = (label),                                                                                             \
	  .usage = (words),                                                                                            \
	  .summary = (line),                                                                                           \
	  .about = (text),                                                                                             \
	  .specs = word##_specs,                                                                                       \
	  .operand = (kind),                                                                                           \
	  .main = elsewhere_main },
#include "cli/app/verbs.def"
#undef APP_VERB
	{ .name = "gc",
	  .usage = "",
	  .summary = "clean up after launchers that were killed",
	  .about = "Every start does the same on its way; nothing of a running dyno is touched.",
	  .specs = gc_specs,
	  .main = gc_main },
	{ .name = "launcher",
	  .usage = "[OPTION]... [stats|pool [NUMBER MIN-MAX]|stop|reload]",
	  .summary = "start dynos for others, from sandboxes that are ready before they are asked for",
	  .about =
	          "Without an operand it runs in the foreground, listens at a unix socket, and keeps pools of parked sandboxes. "
	          "dyno run uses one of the same user that is there, and so starts at once; schedulers speak to it by libdyno's "
	          "dyno-launcher.h, or by its protocol. Its dynos are listed, stopped and entered like all others.\n"
	          "TERM stops all its dynos and ends it. HUP reads its options again, from the file of --config; dynos, "
	          "connections and the socket stay. If it is killed its dynos end with it.\n"
	          "stats tells what was started, how each dyno was born, and how long the phases of the boots took. pool lists the "
	          "pools, or gives one other bounds. stop ends the launcher and waits for that; reload is HUP.",
	  .specs = launcher_specs,
	  .operand = VERB_OPERAND_LAUNCHER,
	  .main = launcher_main },
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

static_assert(sizeof(verbs) / sizeof(verbs[0]) <= VERBS_MAX, "verb_unknown() looks at all of them");

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
