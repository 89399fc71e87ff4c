/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ahead.h - a new network namespace with its loopback up, made by a helper on another CPU while the launcher does something else
 *
 * Making a network namespace is the longest single system call of a launch (350 us here, of 1,200), and depends on nothing:
 * it is started first and fetched when it is needed. Its loopback comes up, 50 us, while somebody enters it already.
 */
#ifndef NETNS_AHEAD_H
#define NETNS_AHEAD_H

#include <stdbool.h>
#include <sys/types.h>

#include "dyno.h"

/**
 * struct ahead - a namespace in the making
 * @helper: the process at it, 0 for none
 * @caller: who began it
 * @taken:  somebody does it: the helper when it got to run, or else the caller
 * @cpu:    where the helper began, -1 until then
 * @fd:     the namespace, written by the helper, -1 until then
 * @state:  a futex: whether @fd or @code is there, and the kernel's word that the helper is gone
 * @code:   0 or the negative errno with which it failed, at the namespace or, with @fd, at the loopback
 */
struct ahead {
	pid_t helper;
	pid_t caller;
	_Atomic bool taken;
	volatile int cpu;
	volatile int fd;
	_Atomic unsigned state;
	volatile int code;
};

/**
 * ahead_begin() - start making a namespace; @ahead must stay where it is until ahead_end()
 * The helper shares memory and descriptors with the caller (CLONE_VM, CLONE_FILES) and touches nothing but @ahead. Where
 * it cannot be had, @ahead stays empty and the namespace is to be made by the caller: nothing is lost but time.
 */
void ahead_begin(struct ahead *ahead);

/**
 * ahead_fetch() - the namespace, as soon as it is there: its loopback may still be down
 * Return: its descriptor, or the negative errno of the helper's failure; -ENOENT when there was none or it did not get to run yet, as on a
 * busy machine: the caller then makes the namespace itself, and the helper will find nothing to do
 */
int ahead_fetch(struct ahead *ahead);

/**
 * ahead_end() - wait for the helper's end, once nothing else is left to be done beside it: then the loopback is up
 * Return: 0, also without a helper, or the negative errno with which it failed after ahead_fetch() gave a namespace
 */
int ahead_end(struct ahead *ahead);

#endif /* NETNS_AHEAD_H */
