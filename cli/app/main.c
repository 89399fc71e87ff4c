/* SPDX-License-Identifier: Apache-2.0 */
/**
 * main.c - dyno-app, the second program: verbs that need more than a launch may cost
 *
 * `dyno VERB` executes it; see cli/elsewhere.h. Each verb is in the file of its name.
 */
#include <string.h>

#include "base/clock.h"
#include "cli/app/options.h"
#include "cli/guard.h"
#include "cli/message.h"
#include "cli/verb.h"

const struct verb verbs[] = {
#define APP_VERB(word, label, words, kind, line, text)                                                                 \
	{ .name = (label),                                                                                             \
	  .usage = (words),                                                                                            \
	  .summary = (line),                                                                                           \
	  .about = (text),                                                                                             \
	  .specs = word##_specs,                                                                                       \
	  .operand = (kind),                                                                                           \
	  .main = word##_main },
#include "cli/app/verbs.def"
#undef APP_VERB
	{ 0 },
};

/**
 * main() - the second program
 * Return: the verb's exit code; see enum exit_code
 */
int main(int argc, char **argv)
{
	uint64_t requested_ns = clock_ns();
	const struct verb *verb;

	if (guard_start() < 0)
		return EXIT_DYNO_FAILED;
	if (argc < 2) {
		message_line("dyno-app: executed by dyno VERB; dyno help lists the verbs");
		return EXIT_USAGE;
	}
	verb = verb_find(argv[1]);
	if (!verb)
		return verb_unknown(argv[1]);
	return verb->main(argc - 1, argv + 1, requested_ns);
}
