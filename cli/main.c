/* SPDX-License-Identifier: Apache-2.0 */
/**
 * main.c - the dyno command: stamp, guard, dispatch
 *
 * Reading order: main(), then the verb of interest in the file of its name (run.c first).
 */
#include <string.h>

#include "base/clock.h"
#include "cli/guard.h"
#include "cli/message.h"
#include "cli/verb.h"

/**
 * main() - the dyno command
 * Return: the verb's exit code; see enum exit_code
 */
int main(int argc, char **argv)
{
	uint64_t requested_ns = clock_ns();
	const struct verb *verb;

	if (guard_start() < 0)
		return EXIT_DYNO_FAILED;
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		verb = verb_find("help");
	else if (strcmp(argv[1], "--version") == 0)
		verb = verb_find("version");
	else
		verb = verb_find(argv[1]);
	if (!verb)
		return verb_unknown(argv[1]);
	if (argc < 2)
		return verb->main(argc, argv, requested_ns);
	return verb->main(argc - 1, argv + 1, requested_ns);
}
