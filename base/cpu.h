/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.h - which CPU works on what: a launch is work for two at a time */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <sched.h>
#include <stdbool.h>
#include <sys/types.h>

/**
 * cpu_move_away() - have @pid, which the caller has just made, run on another CPU than the caller
 * A kernel without fork balancing, as in a small virtual machine, would leave it queued behind its maker. It stays away for good:
 * for helpers. Where there is no other CPU nothing happens.
 */
void cpu_move_away(pid_t pid);

/**
 * struct cpu_seat - this CPU, with what is warm in its caches, which a process that is about to be made is to have while its
 * maker goes on working beside it
 * @all:   the CPUs that both may use
 * @taken: the caller is bound to its CPU: whom it makes is born there
 */
struct cpu_seat {
	cpu_set_t all;
	bool taken;
};

/** cpu_seat_take() - before the clone. Where there is no other CPU nothing happens, here and in the two below */
void cpu_seat_take(struct cpu_seat *seat);
/** cpu_seat_leave() - the maker, after it: go elsewhere; nothing keeps either of them from being moved again */
void cpu_seat_leave(struct cpu_seat *seat);
/** cpu_seat_child() - the process that was made: be free to go */
void cpu_seat_child(const struct cpu_seat *seat);

#endif /* BASE_CPU_H */
