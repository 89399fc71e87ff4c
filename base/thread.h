/* SPDX-License-Identifier: Apache-2.0 */
/* thread.h - threads of the library's own, in somebody else's process */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stddef.h>

/**
 * thread_start() - start @main with a stack of @stack bytes (0: the usual 8 MiB), and with all signals blocked: they are for the caller's threads
 * Return: 0 or negative errno
 */
int thread_start(pthread_t *ret, size_t stack, void *(*main)(void *), void *data);

#endif /* BASE_THREAD_H */
