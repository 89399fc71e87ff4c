/* SPDX-License-Identifier: Apache-2.0 */
/* visitor.h - a process that goes where no thread of the launcher's may, does one thing there, and is gone */
#ifndef BASE_VISITOR_H
#define BASE_VISITOR_H

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

/** visitor_reap() - wait for its end, which is prompt but takes 40 us: off the launch path. Twice is fine */
void visitor_reap(pid_t *pid);

#endif /* BASE_VISITOR_H */
