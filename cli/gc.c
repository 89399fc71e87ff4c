/* SPDX-License-Identifier: Apache-2.0 */
/* gc.c - `dyno gc`: clean up after launchers that were killed */
#include "cli/message.h"
#include "cli/verb.h"
#include "dyno.h"
#include "launcher/launcher.h"

struct gc_given {
	bool help;
	bool quiet;
};

const struct option_spec gc_specs[] = {
	{ .name = "quiet",
	  .letter = 'q',
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct gc_given, quiet),
	  .help = "say nothing but errors" },
	VERB_HELP_SPEC,
	{ 0 },
};

int gc_main(int argc, char **argv, uint64_t requested_ns)
{
	struct gc_given given = { 0 };
	struct dyno_host *host = NULL;
	struct dyno_error err = { 0 };
	int code = verb_parse_alone("gc", argc, argv, &given);
	int count;

	(void)requested_ns;
	if (code != VERB_CONTINUE)
		return code;
	count = dyno_host_open(&host, &err);
	if (count == 0)
		count = dyno_gc(host, &err);
	host = dyno_host_close(host);
	/* Its socket stays in nobody's way. */
	(void)launcher_sweep();
	if (count < 0)
		return message_error(NULL, &err);
	if (!given.quiet)
		printf("cleaned up after %d dyno%s\n", count, count == 1 ? "" : "s");
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_DYNO_FAILED;
}
