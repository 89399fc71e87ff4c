/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - time */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/** clock_ns() - CLOCK_MONOTONIC in nanoseconds */
uint64_t clock_ns(void);

#endif /* BASE_CLOCK_H */
