/* SPDX-License-Identifier: Apache-2.0 */
/* group.h - a group of this machine by name or number, without the name services of the C library */
#ifndef CLI_GROUP_H
#define CLI_GROUP_H

#include "dyno.h"

#define GROUP_FILE "/etc/group"

/**
 * group_find() - the number of group @text
 * getgrnam(3) would load shared objects behind our back, which a static program cannot (cli/start.c): so a name is looked for
 * in @file alone. Groups of a directory service are to be given by number.
 */
int group_find(const char *file, const char *text, gid_t *ret, struct dyno_error *err);

#endif /* CLI_GROUP_H */
