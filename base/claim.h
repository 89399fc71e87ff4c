/* SPDX-License-Identifier: Apache-2.0 */
/**
 * claim.h - lock-owned claim files: who holds the lock owns the thing, and a dead owner holds no lock
 *
 * A claim is a file in a 0700 directory with an open-file-description write lock (fcntl(2), F_OFD_SETLK) on it. The
 * kernel drops the lock when the last descriptor of that description closes, however its owner died; whoever then finds
 * the lock free may clean up what the file names. Testing (F_OFD_GETLK) takes no lock, so that a reader never makes an
 * owner fail.
 */
#ifndef BASE_CLAIM_H
#define BASE_CLAIM_H

#include <stddef.h>

#include "dyno.h"

/**
 * claim_take() - create or take over claim @name in directory @dirfd
 * Safe against a concurrent claim_drop() (the file is compared with the locked descriptor after locking).
 * Return: the claim's descriptor (O_CLOEXEC); -EBUSY when somebody holds it; or negative errno
 */
int claim_take(int dirfd, const char *name);

/** claim_held() - 1 when somebody holds the claim, 0 when it is stale, -ENOENT when there is none */
int claim_held(int dirfd, const char *name);

/** claim_drop() - remove the file and close @fd, in the order that leaves no moment in which two can own it. Return: -1 */
int claim_drop(int dirfd, const char *name, int fd);

/**
 * claim_take_slot() - take any free one of the numbered claims "0" to "@slots-1"
 * Starts at a place that differs between processes, so that many callers seldom meet.
 * @ret_slot: the number
 * Return: descriptor, -ENOSPC when all are held, or negative errno
 */
int claim_take_slot(int dirfd, unsigned slots, unsigned *ret_slot);

#endif /* BASE_CLAIM_H */
