/* SPDX-License-Identifier: Apache-2.0 */
/* tree.h - whole directory trees, by descriptor: copy and remove. No symlink is followed, no allocation is made */
#ifndef ISOLATION_TREE_H
#define ISOLATION_TREE_H

#include <sys/types.h>

#include "isolation/identity.h"

/**
 * tree_copy() - copy everything below directory @from into the empty directory @to
 * Regular files, directories and symlinks with mode and modification time; other kinds (devices, sockets, fifos, and so
 * overlay whiteouts) are left out.
 * @owners: how owners are translated; NULL leaves the copies to the caller
 * Return: 0 or negative errno (-ELOOP for a tree deeper than 128 levels)
 */
int tree_copy(int from, int to, const struct identity_owners *owners);

/** tree_copy_file() - copy the regular file @path, links followed, to the new file @name below directory @to */
int tree_copy_file(const char *path, int to, const char *name);

/** tree_remove() - remove everything below directory @dir, however deep, not @dir itself */
int tree_remove(int dir);

#endif /* ISOLATION_TREE_H */
