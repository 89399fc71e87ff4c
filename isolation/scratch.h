/* SPDX-License-Identifier: Apache-2.0 */
/**
 * scratch.h - the writable layer: born empty, bounded, discarded by the kernel
 *
 * One tmpfs (or one directory on disk) per dyno holds everything that is not the stack or the slug:
 *
 *     upper/   what the app wrote under /app (overlay upper layer), work/ its overlay work directory
 *     tmp/ vartmp/ shm/   /tmp, /var/tmp and /dev/shm
 *     hosts    the dyno's /etc/hosts
 *     root/ lower/ stack/ empty places on which the new root and lower layers are staged
 *     masked, masked.d/   an unreadable file and directory, bound over what /proc should not show
 *
 * One superblock instead of five saves 40 us each and gives one limit for all. Who discards it: the launcher keeps the
 * only descriptor that outlives the dyno's mount namespace, to count what is lost; when the launcher closes it, or dies however it
 * dies, the kernel frees every byte. A disk directory is removed by its launcher, or by dyno_gc() from the slot's claim.
 */
#ifndef ISOLATION_SCRATCH_H
#define ISOLATION_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dyno.h"

#define SCRATCH_DEFAULT_SIZE (512ULL << 20)
#define SCRATCH_MIN_SIZE (1ULL << 20)

/**
 * scratch_open() - make the tmpfs (parent as root; child rootless, as a superblock of its user namespace)
 * Return: descriptor of its root, or negative errno
 */
int scratch_open(uint64_t size, struct dyno_error *err);

/**
 * scratch_open_disk() - make directory "dyno-@slot" below @dir and limit it to @size by a project quota (quotactl_fd(2))
 * Refuses a filesystem without project quotas: a limit that is not held is no limit.
 * Return: descriptor of its root, or negative errno
 */
int scratch_open_disk(const char *dir, unsigned slot, uint64_t size, struct dyno_error *err);

/** scratch_remove_disk() - remove directory "dyno-@slot" below @dir with all it holds. 0 if there is none */
int scratch_remove_disk(const char *dir, unsigned slot);

/**
 * scratch_layout_child() - make the places listed above
 * @hosts: text of /etc/hosts
 * @owner: host id that owns the writable ones; (uid_t)-1 rootless, where everything is the caller's anyway
 */
int scratch_layout_child(int scratch, const char *hosts, uid_t owner, struct dyno_error *err);

/**
 * scratch_slug() - a detached, read-only clone of the slug's tree with its owner turned into the dyno's user (either half)
 * @slug:     absolute path on the host
 * @idmap_fd: user namespace for the slug's owner, -1 rootless
 * Should: run while the host's tree is still all there, in a child before scratch_stage_child().
 * Return: descriptor; -EOPNOTSUPP, without an error record, when the slug's filesystem has no idmapped mounts: scratch_copy_slug();
 *         or negative errno
 */
int scratch_slug(const char *slug, int idmap_fd, struct dyno_error *err);

/**
 * scratch_copy_slug() - a detached copy of it, with owners translated as the map would (either half)
 * Slower by the size of the slug, right everywhere; dyno doctor tells. The copy lives on a tmpfs of its own, and in the memory of the
 * caller's cgroup.
 * @owner: the dyno's user
 * Return: descriptor, or negative errno
 */
int scratch_copy_slug(const char *slug, uid_t owner, struct dyno_error *err);

/**
 * scratch_stage_child() - attach scratch where the old root has its /proc, and make it the working directory
 * The old root, and this with it, is detached by the pivot. Layers of overlays are named relative to it from here on: no
 * path with a comma, colon or symlink is ever parsed.
 */
int scratch_stage_child(int scratch, struct dyno_error *err);

/**
 * scratch_attach_child() - attach /tmp, /var/tmp, /dev/shm and /etc/hosts
 * @rootfd: the new root, attached
 * @idmap_fd: the dyno's user namespace, -1 rootless
 */
int scratch_attach_child(int scratch, int rootfd, int idmap_fd, struct dyno_error *err);

/**
 * scratch_attach_app_child() - attach /app: the slug under the writable layer
 * @slug: clone of scratch_slug(), -1 for the writable layer alone
 * Should: have scratch, staged, as the working directory.
 */
int scratch_attach_app_child(int scratch, int rootfd, int slug, bool rootless, struct dyno_error *err);

/**
 * scratch_app() - the mount for /app of a scratch that was never staged, by descriptors alone (parent half)
 * @scratch: a detached mount of its own. Before Linux 6.15 a layer must be a mount of the caller's namespace: -EINVAL
 * @slug:    clone of scratch_slug(), -1 for none
 * Return: descriptor of a detached mount, or negative errno
 */
int scratch_app(int scratch, int slug, struct dyno_error *err);

/** scratch_rename() - other text for /etc/hosts (parent half) */
int scratch_rename(int scratch, const char *hosts, struct dyno_error *err);

/** scratch_full() - 1 when the layer has no room left, which is the usual reason of an app that ended badly */
int scratch_full(int scratch);

#endif /* ISOLATION_SCRATCH_H */
