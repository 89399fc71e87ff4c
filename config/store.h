/* SPDX-License-Identifier: Apache-2.0 */
/**
 * store.h - what is kept of apps beyond their dynos: one SQLite database for all apps of a user
 *
 * It is DIRECTORY/apps.db, of mode 0600, in a directory of mode 0700 that nobody else may write to; what others own or could
 * read is refused, never mended in silence. The database is in WAL mode, synced at each commit: whoever is killed, and
 * whenever the power fails, it holds the old or the new state, never half. Its schema has a number (PRAGMA user_version);
 * an older one is brought up to date when it is opened, a newer one is refused.
 *
 * What is in it: config/release.h (config vars, a release for each change) and config/setting.h (the rest, no releases).
 *
 * Only the second program links this; neither `dyno` nor libdyno knows SQLite. One store is for one thread, and must
 * not be used in a forked child.
 */
#ifndef CONFIG_STORE_H
#define CONFIG_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "dyno.h"

/** struct config_store - an open database */
struct config_store;

/**
 * config_store_directory() - where the caller's store is: $DYNO_DATA_DIR, or as root /var/lib/dyno, or else
 * $XDG_DATA_HOME/dyno or $HOME/.local/share/dyno
 * Return: 0, -EINVAL when a variable is no absolute path or HOME is not set, -ENAMETOOLONG
 */
int config_store_directory(char *buf, size_t size, struct dyno_error *err);

/**
 * config_store_open() - open the store in @directory
 * @directory: NULL for config_store_directory()
 * @create:    make directory and database if there are none
 * @ret:       to be given to config_store_close()
 * Return: 0, -ENOENT (not @create, and there is none: no app has config vars or settings), -EPERM when others could read or own
 * it, -EBADMSG when it is damaged or no store, -EPROTO when a newer dyno wrote it, -EROFS, -EBUSY, or another
 * negative errno
 */
int config_store_open(const char *directory, bool create, struct config_store **ret, struct dyno_error *err);

/** config_store_close() - NULL is fine */
void config_store_close(struct config_store *store);

/**
 * config_store_watch() - a descriptor that becomes readable when somebody else may have changed the store
 * Nothing is polled, and no change is missed: inotify tells of the end of each other user of the file, by kill -9 too,
 * and of each commit of those who keep it open. It may be readable for no reason: ask config_store_changed().
 * Return: the descriptor, which @store keeps and closes, or negative errno
 */
int config_store_watch(struct config_store *store, struct dyno_error *err);

/**
 * config_store_changed() - empty the descriptor of config_store_watch(), and tell whether another user changed the store
 * since the last call (the first: since it was opened). Changes made through @store itself do not count.
 * Return: 1, 0, or negative errno
 */
int config_store_changed(struct config_store *store, struct dyno_error *err);

#endif /* CONFIG_STORE_H */
