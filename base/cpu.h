/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.h - which CPU works on what: a launch is work for two at a time */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <sys/types.h>

/**
 * cpu_move_away() - have @pid, which the caller has just made, run on another CPU than the caller
 * A kernel without fork balancing, as in a small virtual machine, would leave it queued behind its maker. It stays away for good:
 * for helpers. Where there is no other CPU nothing happens.
 */
void cpu_move_away(pid_t pid);

/**
 * cpu_step_aside() - leave this CPU, with what is warm in its caches, to the process that the caller has just made
 * For a maker who goes on working beside it; nothing keeps either of them from being moved again. Where there is no other CPU nothing
 * happens.
 */
void cpu_step_aside(void);

#endif /* BASE_CPU_H */
