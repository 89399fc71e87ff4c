/* SPDX-License-Identifier: Apache-2.0 */
/**
 * cgroup_file.h - reading the kernel's cgroup files, and killing what a list of processes names
 *
 * Private to isolation/cgroup*.c. Directory descriptors may be O_PATH.
 */
#ifndef ISOLATION_CGROUP_FILE_H
#define ISOLATION_CGROUP_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_NS_PER_MS 1000000ULL

/** cgroup_text_key() - the number after @key and a space, at the start of a line of @text. Return: 0 or -ENOENT */
int cgroup_text_key(const char *text, const char *key, uint64_t *ret);

/** cgroup_text_has() - @word stands in the space-separated list @text */
bool cgroup_text_has(const char *text, const char *word);

/** cgroup_file_number() - a file that holds one number; 0 when it is missing, malformed or "max" */
uint64_t cgroup_file_number(int dirfd, const char *name);

/** cgroup_file_key() - a number of a flat-keyed file; 0 when the file or the key is missing */
uint64_t cgroup_file_key(int dirfd, const char *name, const char *key);

/**
 * cgroup_procs_kill() - SIGKILL every process that @dirfd's cgroup.procs lists now
 * Return: how many there were (also those of a foreign PID namespace, listed as 0 and left alone), or negative errno
 */
int cgroup_procs_kill(int dirfd);

/**
 * cgroup_procs_wait() - wait until @dirfd's cgroup.procs is empty
 * @deadline: CLOCK_MONOTONIC nanoseconds
 * Return: 0, -ETIMEDOUT, or negative errno
 */
int cgroup_procs_wait(int dirfd, uint64_t deadline);

/** cgroup_clock_left() - milliseconds until @deadline for poll(2), rounded up, 0 when it has passed */
int cgroup_clock_left(uint64_t deadline);

#endif /* ISOLATION_CGROUP_FILE_H */
