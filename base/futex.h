/* SPDX-License-Identifier: Apache-2.0 */
/**
 * futex.h - sleep until another process that shares this memory changes a word of it (futex(2)), without errno: see base/raw.h
 *
 * Not FUTEX_PRIVATE_FLAG: the kernel's own wake-up at the end of a process (CLONE_CHILD_CLEARTID) is not private either.
 */
#ifndef BASE_FUTEX_H
#define BASE_FUTEX_H

#include <linux/futex.h>

#include "base/raw.h"

/** futex_sleep() - until woken, if @word is @value still; may return early */
static inline void futex_sleep(_Atomic unsigned *word, unsigned value)
{
	(void)raw_syscall(SYS_futex, (long)word, FUTEX_WAIT, (long)value, 0);
}

/** futex_tell() - @word becomes @value, and who sleeps on it wakes */
static inline void futex_tell(_Atomic unsigned *word, unsigned value)
{
	*word = value;
	(void)raw_syscall(SYS_futex, (long)word, FUTEX_WAKE, 1, 0);
}

#endif /* BASE_FUTEX_H */
