/* SPDX-License-Identifier: Apache-2.0 */
/* visitor.h - a process that goes where no thread of the launcher's may, does one thing there, and is gone */
#ifndef BASE_VISITOR_H
#define BASE_VISITOR_H

#include <stdatomic.h>
#include <sys/types.h>

/**
 * visitor_run() - run @main(@data) in a process that shares the caller's memory and descriptors, while the caller stands still
 * What is shared need not be copied: a table of a thousand descriptors is 20 us. Its working directory, root and namespaces are its own. All its
 * signals are blocked, and its exit signal is 0: the caller's SIGCHLD handling never hears of it.
 * @main: returns 0, what it has to tell is in @data; has 16 KiB of stack
 * @ret_pid: for visitor_reap(); 0 when there was none
 * Return: 0, or the negative errno of clone(2)
 */
int visitor_run(int (*main)(void *data), void *data, pid_t *ret_pid);

/**
 * visitor_begin() - the same beside the caller, whose thread-local storage it runs on: @main is left to base/raw.h and visitor_await()
 * A thread has one at a time: visitor_wait() before its next.
 */
int visitor_begin(int (*main)(void *data), void *data, pid_t *ret_pid);

/** visitor_wait() - until the one that this thread began is gone, for whatever reason */
void visitor_wait(void);

/**
 * visitor_await() - the visitor's side: wait until the caller tells it @word, not 0 (futex_tell()), and return it
 * It looks at the word for a while before it sleeps: what it waits for comes within 100 us as a rule, and a virtual CPU that was halted takes 40
 * to wake.
 */
unsigned visitor_await(_Atomic unsigned *word);

/** visitor_reap() - collect it, whose end is prompt but takes 40 us: off the launch path. Twice is fine */
void visitor_reap(pid_t *pid);

#endif /* BASE_VISITOR_H */
