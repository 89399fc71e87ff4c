/* SPDX-License-Identifier: Apache-2.0 */
/**
 * mounts.h - the few mount primitives, all by file descriptor (fsopen(2), open_tree(2), mount_setattr(2), move_mount(2))
 *
 * A mount is made detached, configured while nobody can see it, and attached once, onto a directory resolved beneath
 * the new root with symlinks refused (openat2(2), RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). So no path that an image or an
 * app controls is ever resolved twice, and none is resolved outside the new root. Nothing here allocates: all of it may
 * run between clone and exec.
 */
#ifndef ISOLATION_MOUNTS_H
#define ISOLATION_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

#include "dyno.h"

/** struct mount_option - one fsconfig(2) string; @value NULL makes it a flag. A list ends with a NULL @key */
struct mount_option {
	const char *key;
	const char *value;
};

/** struct mount_layer - an option that is a descriptor (for an overlay: Linux 6.13). A list ends with a NULL @key */
struct mount_layer {
	const char *key;
	int fd;
};

/**
 * mounts_new() - a new filesystem instance, detached
 * @attr: MOUNT_ATTR_* of the mount
 * Return: descriptor of the mount's root (usable with *at(2) calls), or negative errno
 */
int mounts_new(const char *type, const struct mount_option *options, uint64_t attr, struct dyno_error *err);

/** mounts_new_layers() - the same with @layers, NULL for none */
int mounts_new_layers(const char *type, const struct mount_option *options, const struct mount_layer *layers,
                      uint64_t attr, struct dyno_error *err);

/**
 * mounts_clone() - a detached copy of one existing mount, from @path down, without mounts below it
 * @attr:     MOUNT_ATTR_* to set
 * @idmap_fd: user namespace whose maps translate owners, -1 for none
 * Return: descriptor, -EINVAL when @idmap_fd was given and the filesystem cannot do it, or negative errno. No error
 *         record is filled: callers have fallbacks.
 */
int mounts_clone(int dirfd, const char *path, uint64_t attr, int idmap_fd);

/** mounts_clone_all() - the same with all mounts below @path, each with the same attributes */
int mounts_clone_all(int dirfd, const char *path, uint64_t attr, int idmap_fd);

/** mounts_allow_devices() - let device nodes of detached mount @fd work, whatever the mount that it was cloned from says */
int mounts_allow_devices(int fd);

/** mounts_resolve() - O_PATH descriptor of @path beneath @rootfd, no symlink followed. Return: descriptor or negative errno */
int mounts_resolve(int rootfd, const char *path);

/** mounts_attach() - attach detached mount @fd at @path beneath @rootfd; "" is @rootfd itself */
int mounts_attach(int fd, int rootfd, const char *path, struct dyno_error *err);

/**
 * mounts_bind() - mounts_clone_all() and mounts_attach() in one
 * A filesystem without idmapped mounts is bound without: owners then show as nobody, which costs looks but no safety.
 */
int mounts_bind(int from_dirfd, const char *from, uint64_t attr, int idmap_fd, int rootfd, const char *path,
                struct dyno_error *err);

/**
 * mounts_below() - look for a filesystem mounted below directory @path, which a clone of the one mount would not show
 * Reads mountinfo: 40 us for 20 mounts.
 * @ret_place: its mount point, as mountinfo writes it
 * Return: 1 if there is one, 0 if not, or negative errno
 */
int mounts_below(const char *path, char *ret_place, size_t size);

/** mounts_table() - a descriptor by which mounts_table_changed() knows; negative errno. Not for the launch path of one dyno */
int mounts_table(void);
/** mounts_table_changed() - something was mounted or unmounted in this namespace since the last call, or it cannot be known */
bool mounts_table_changed(int table);

/** mounts_private_child() - stop every mount of this namespace from telling the host's about changes */
int mounts_private_child(struct dyno_error *err);

/**
 * mounts_pivot_child() - make the mount whose root is @rootfd the root, and detach the old one with all below it
 * Should: run when everything is attached. Mustn't: leave a descriptor of the old root open past close_range.
 */
int mounts_pivot_child(int rootfd, struct dyno_error *err);

#endif /* ISOLATION_MOUNTS_H */
