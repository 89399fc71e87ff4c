/* SPDX-License-Identifier: Apache-2.0 */
/* bench_peer.h - `dyno bench`: the table of other runtimes */
#ifndef CLI_APP_BENCH_PEER_H
#define CLI_APP_BENCH_PEER_H

#include "cli/app/bench.h"

/** struct command - of one launch of a turn */
struct command {
	char program[PATH_MAX];
	struct bench_words words, env;
};

/** enum ending - how a launch is ended that does not end by itself */
enum ending {
	END_KILL,      /* kill its process group: the rest dies with it */
	END_TERM,      /* ask the process to end: it takes the container down, and killed it could not */
	END_INIT,      /* kill the container's first process, whose PID is in a file: the runtime then cleans up */
	END_CONTAINER, /* have the engine remove the container */
};

/**
 * struct peer - one other runtime
 * @program: NULL for none
 * @words:   add the words before the command's own
 * @own_env: it is told the environment in its own way and runs with ours
 */
struct peer {
	const char *name;
	const char *program;
	const char *label;
	const char *what;
	enum ending ending;
	bool own_env;
	int (*words)(const struct bench_contender *contender, unsigned index, struct command *command,
	             struct dyno_error *err);
};

/** peer_find() - the runtime called @name, NULL when there is none */
const struct peer *peer_find(const char *name);
/** peer_environment() - the dyno's, with the port of launch @index */
void peer_environment(const struct bench_plan *plan, unsigned index, struct bench_words *env);
/** peer_shares_network() - launches of others are in this machine's network */
bool peer_shares_network(const struct bench_plan *plan);

#endif /* CLI_APP_BENCH_PEER_H */
