/* SPDX-License-Identifier: Apache-2.0 */
/* skeleton.h - the entries of a dyno's root, for stack.c; the parent half of stack.h is in skeleton.c */
#ifndef ISOLATION_SKELETON_H
#define ISOLATION_SKELETON_H

/** skeleton_merged - directories that are links into /usr on a merged system, and real ones elsewhere; NULL-terminated */
extern const char *const skeleton_merged[];

#endif /* ISOLATION_SKELETON_H */
