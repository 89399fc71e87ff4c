/* SPDX-License-Identifier: Apache-2.0 */
/* operands.c - see operands.h */
#include "cli/app/operands.h"

#include <stdbool.h>
#include <string.h>

#include "cli/verb.h"

int operands_parse(const char *verb, int argc, char **argv, void *into, int *ret_count)
{
	int count = 0, at = 0;

	/* each round goes on behind the operand that ended the one before */
	while (at < argc) {
		int first = argc - at;
		int code = verb_parse(verb, argc - at, argv + at, into, &first);
		bool ended = code == VERB_CONTINUE && first > 1 && strcmp(argv[at + first - 1], "--") == 0;

		if (code != VERB_CONTINUE)
			return code;
		at += first;
		do
			if (at < argc)
				argv[++count] = argv[at];
		while (ended && ++at < argc);
	}
	*ret_count = count;
	return VERB_CONTINUE;
}
