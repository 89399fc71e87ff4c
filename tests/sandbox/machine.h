/* SPDX-License-Identifier: Apache-2.0 */
/* machine.h - what a machine looks like from outside of all dynos, so that before and after can be compared */
#ifndef TESTS_SANDBOX_MACHINE_H
#define TESTS_SANDBOX_MACHINE_H

#include <stddef.h>
#include <stdint.h>

/** struct machine - a sorted list of facts, a line each */
struct machine {
	char **facts;
	size_t count;
};

/**
 * machine_look() - mounts, our descriptors and children, and what is left of dynos that run no more: links, cgroups,
 * state files. What belongs to a dyno that runs (its claim is held) is no fact, so that others may run dynos meanwhile.
 * @state: state directory; another than root's is an ordinary user's, who makes no links
 */
void machine_look(struct machine *ret, const char *state);
/** machine_differences() - how many facts are new in @after or gone from it; each is printed when @say */
size_t machine_differences(const struct machine *before, const struct machine *after, int say);
/** machine_forget() - free the facts */
void machine_forget(struct machine *machine);

/** machine_digest() - one number for a whole tree: names, content, modes, owners, times (but atime), links, xattrs */
uint64_t machine_digest(const char *path);

#endif /* TESTS_SANDBOX_MACHINE_H */
