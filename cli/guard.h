/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - what both programs make sure of before they look at their arguments */
#ifndef CLI_GUARD_H
#define CLI_GUARD_H

/** guard_start() - sane streams and signals, and no borrowed power. Return: 0, or negative errno after a message */
int guard_start(void);

#endif /* CLI_GUARD_H */
