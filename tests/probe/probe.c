/* SPDX-License-Identifier: Apache-2.0 */
/**
 * probe.c - what a dyno looks like from inside: one static program with sub-commands, for the sandbox tests
 *
 * probe COMMAND [ARGUMENT]... [-- COMMAND [ARGUMENT]...]...
 *
 * Several commands run one after the other in the same process, so that one dyno answers many questions. The exit code
 * is that of the last one; 64 for wrong usage.
 */
#include "probe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 64

static const struct probe_command *const rooms[] = { probe_facts,     probe_files,   probe_listening, probe_network,
	                                             probe_processes, probe_sockets, probe_attempts,  probe_hostile };

const char *probe_errno(int code)
{
	const char *name = code == 0 ? "OK" : strerrorname_np(code);

	return name ? name : "UNKNOWN";
}

int probe_result(const char *key, long r)
{
	printf("%s=%s\n", key, probe_errno(r < 0 ? errno : 0));
	return 0;
}

unsigned long long probe_number(const char *text)
{
	static const char units[] = "KMG";
	char *end;
	unsigned long long number = strtoull(text, &end, 0);
	const char *unit = *end ? strchr(units, *end) : NULL;

	if (end == text || (*end && (!unit || end[1]))) {
		fprintf(stderr, "probe: not a number: %s\n", text);
		exit(EXIT_USAGE);
	}
	return unit ? number << (10 * (unit - units + 1)) : number;
}

int probe_copy(int from, int to, char *last)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0) {
		for (ssize_t done = 0; done < n;) {
			ssize_t w = write(to, buf + done, (size_t)(n - done));

			if (w < 0)
				return -1;
			done += w;
		}
		*last = buf[n - 1];
	}
	return n < 0 ? -1 : 0;
}

/** usage() - list the commands */
static int usage(void)
{
	fprintf(stderr, "usage: probe COMMAND [ARGUMENT]... [-- COMMAND [ARGUMENT]...]...\n");
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		for (const struct probe_command *c = rooms[i]; c->name; c++)
			fprintf(stderr, "  %s %s\n", c->name, c->usage);
	}
	return EXIT_USAGE;
}

/** find() - the command of this name, NULL if there is none */
static const struct probe_command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		for (const struct probe_command *c = rooms[i]; c->name; c++) {
			if (strcmp(c->name, name) == 0)
				return c;
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int code = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return usage();
	for (int first = 1; first < argc;) {
		const struct probe_command *command = find(argv[first]);
		int end = first;

		while (end < argc && strcmp(argv[end], "--") != 0)
			end++;
		if (!command || end - first - 1 < command->min_args)
			return usage();
		argv[end] = NULL;
		code = command->run(end - first, argv + first);
		first = end + 1;
	}
	return code;
}
