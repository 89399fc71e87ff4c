/* SPDX-License-Identifier: Apache-2.0 */
/* cpu.h - which CPU works on what: a launch is work for two at a time */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <sched.h>
#include <sys/types.h>

/**
 * cpu_move_away() - have @pid, which the caller has just made, run on another CPU than the caller
 * A kernel without fork balancing, as in a small virtual machine, would leave it queued behind its maker. It stays away for good:
 * for helpers. Where there is no other CPU nothing happens.
 */
void cpu_move_away(pid_t pid);

/**
 * cpu_send_away() - have @pid, which sleeps, wake on another CPU than the caller's, whom it would push aside there
 * @ret_all: for cpu_return(); empty where there is no other CPU, and then nothing happens
 */
void cpu_send_away(pid_t pid, cpu_set_t *ret_all);
/** cpu_return() - whoever was sent away, awake: be free to go */
void cpu_return(const cpu_set_t *all);

/**
 * struct cpu_seat - this CPU, with what is warm in its caches, which a process that is about to be made is to have while its
 * maker goes on working beside it, on another
 * @all:   the CPUs that both may use
 * @other: where the maker will go, -1 for nowhere: then nothing happens, here and in the functions below
 */
struct cpu_seat {
	cpu_set_t all;
	int other;
};

/**
 * cpu_seat_take() - before the clone: whom the caller makes next is born here
 * @other: a CPU that was working for the caller until now, or is still: one that sleeps takes a virtual machine longer to wake than
 *         is gained, and one that others use is waited for; -1 for none
 */
void cpu_seat_take(struct cpu_seat *seat, int other);
/** cpu_seat_leave() - the maker, after it: go there; nothing keeps either of them from being moved again */
void cpu_seat_leave(const struct cpu_seat *seat);
/** cpu_seat_child() - the process that was made: be free to go */
void cpu_seat_child(const struct cpu_seat *seat);

#endif /* BASE_CPU_H */
