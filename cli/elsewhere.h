/* SPDX-License-Identifier: Apache-2.0 */
/**
 * elsewhere.h - verbs that the second program has
 *
 * `dyno` is static and small, for its start is part of each launch. What needs libraries (JSON, later SQLite and TLS) is
 * in dyno-app, which `dyno VERB` executes, as git does with its own programs. It is looked for beside `dyno`: in
 * libexec/dyno (where make puts both) and in ../libexec/dyno (where make install does). No variable leads elsewhere.
 */
#ifndef CLI_ELSEWHERE_H
#define CLI_ELSEWHERE_H

#include <stdint.h>

/** elsewhere_main() - become the second program, in the shape of a verb. Return: only when that fails, EXIT_DYNO_FAILED */
int elsewhere_main(int argc, char **argv, uint64_t requested_ns);

#endif /* CLI_ELSEWHERE_H */
