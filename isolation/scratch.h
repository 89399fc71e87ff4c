/* SPDX-License-Identifier: Apache-2.0 */
/**
 * scratch.h - the writable layer: born empty, bounded, discarded by the kernel
 *
 * One tmpfs (or one directory on disk) per dyno holds everything that is not the stack or the slug:
 *
 *     root/    skeleton of the dyno's /: mount points, generated /etc, device nodes; mounted read-only
 *     upper/   what the app wrote under /app (overlay upper layer), work/ its overlay work directory
 *     tmp/ vartmp/ shm/   /tmp, /var/tmp and /dev/shm
 *     lower/ stack/       empty places on which lower layers are staged while the overlay is made
 *     masked, masked.d/   an unreadable file and directory, bound over what /proc should not show
 *
 * One superblock instead of five saves 40 us each and gives one limit for all. Who discards it: the launcher keeps the
 * only descriptor that outlives the dyno's mount namespace, to count what is lost; when the launcher closes it, or dies however it
 * dies, the kernel frees every byte. A disk directory is removed by its launcher, or by dyno_gc() from the slot's claim.
 */
#ifndef ISOLATION_SCRATCH_H
#define ISOLATION_SCRATCH_H

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
 * scratch_layout_child() - make the directories listed above
 * @owner: host id that owns the writable ones; (uid_t)-1 rootless, where everything is the caller's anyway
 */
int scratch_layout_child(int scratch, uid_t owner, struct dyno_error *err);

/**
 * scratch_attach_child() - attach /app (slug under the writable layer), /tmp, /var/tmp and /dev/shm
 * @rootfd:   the new root, attached
 * @slug:     absolute path on the host, NULL for none
 * @idmap_fd: user namespace for the slug's owner, -1 rootless
 * @owner:    as above; owner of a copy when the slug's filesystem has no idmapped mounts
 */
int scratch_attach_child(int scratch, int rootfd, const char *slug, int idmap_fd, uid_t owner, struct dyno_error *err);

/** scratch_full() - 1 when the layer has no room left, which is the usual reason of an app that ended badly */
int scratch_full(int scratch);

#endif /* ISOLATION_SCRATCH_H */
