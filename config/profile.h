/* SPDX-License-Identifier: Apache-2.0 */
/* profile.h - .profile and .profile.d/[*].sh, which a dyno's shell reads before the command */
#ifndef CONFIG_PROFILE_H
#define CONFIG_PROFILE_H

#include <stddef.h>

#include "config/mistakes.h"

#define PROFILE_SIZE_MAX (1U << 20)

/**
 * profile_check() - have bash parse a script without executing it (bash -n), in an empty environment
 * Also finds what bash takes for text: CR LF at the end of a line. No line of the script is repeated in a message.
 * @m: hears of every mistake that bash tells
 * Return: 0, -EINVAL (see @m), -ENOENT when there is no /bin/bash, or another negative errno
 */
int profile_check(const char *text, size_t size, struct mistakes *m);

#endif /* CONFIG_PROFILE_H */
