/* SPDX-License-Identifier: Apache-2.0 */
/* reason.h - why a dyno ended: which of its limits it hit */
#ifndef RUNTIME_REASON_H
#define RUNTIME_REASON_H

#include "runtime/running.h"

/** reason_of() - one sentence into @buf, or "" when no limit was hit and no signal ended it. @status: as waitpid(2) */
void reason_of(const struct dyno *dyno, int status, char *buf, size_t size);

#endif /* RUNTIME_REASON_H */
