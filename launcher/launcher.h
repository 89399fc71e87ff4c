/* SPDX-License-Identifier: Apache-2.0 */
/**
 * launcher.h - the resident launcher: one process that starts dynos for many callers, over a socket
 *
 *     launcher_open() -> launcher_run() -> 0: told to stop, dynos are stopped | LAUNCHER_RELOAD: SIGHUP
 *                           ^                                                         |
 *                           +---------------- launcher_reload() <---------------------+
 *     launcher_close()
 *
 * For `dyno launcher` alone: it is linked into the command, not into libdyno. It blocks signals of the whole process, so it is to
 * be opened before there are threads.
 */
#ifndef LAUNCHER_LAUNCHER_H
#define LAUNCHER_LAUNCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dyno.h"

#define LAUNCHER_POOLS_MAX 16

/**
 * struct launcher_config - how a launcher works; everything is copied where it is needed longer than the call
 * @socket:     path to listen at, NULL for the default (launcher/client.h). Not used when systemd hands over a socket
 * @group:      its members may start dynos too, with less power than the owner's; (gid_t)-1 for nobody
 * @pools, @pool_count: kept from the start; with none there are only learned ones
 * @learned_max: how many more shapes, and how many slugs, asked for repeatedly, get a pool of their own; the one unused longest makes room
 * @learned_size: the most that a learned pool holds ready
 * @grace_ms:   between TERM and KILL, for dynos that were started without a grace of their own, and when the launcher ends
 * @peers_max:  connections; @peer_dynos_max: dynos of one of them; @dynos_max: of all
 * @peer_boots_max: starts of one peer that are not up yet; its next requests wait in its socket meanwhile
 * @peer_unsent_max: bytes of events that wait for a peer; one with more is dropped
 * @say:        told, line by line, what an administrator should know (never a command line, config var or path of an app); may be NULL
 * @data:       for @say
 */
struct launcher_config {
	const char *socket;
	gid_t group;
	const struct dyno_pool_config *pools;
	unsigned pool_count;
	unsigned learned_max, learned_size;
	uint64_t grace_ms;
	unsigned peers_max, peer_dynos_max, dynos_max, peer_boots_max;
	size_t peer_unsent_max;
	void (*say)(void *data, const char *line);
	void *data;
};

/** LAUNCHER_CONFIG_DEFAULTS - what `dyno launcher` without options does; add one pool of @pools */
#define LAUNCHER_CONFIG_DEFAULTS                                                                                       \
	{                                                                                                              \
		.group = (gid_t)-1, .learned_max = 4, .learned_size = 8, .grace_ms = 30000, .peers_max = 1024,         \
		.peer_dynos_max = 4096, .dynos_max = 16384, .peer_boots_max = 64, .peer_unsent_max = 1u << 20          \
	}

/** LAUNCHER_POOL_DEFAULTS - the pool that is kept when none was asked for: this machine's stack, a private network */
#define LAUNCHER_POOL_DEFAULTS                                                                                         \
	{                                                                                                              \
		.shape = { .stack = "host", .net = DYNO_NET_PRIVATE, .watch = true }, .min = 4, .max = 16              \
	}

struct launcher;

/**
 * launcher_open() - listen, begin to fill the pools, tell systemd (NOTIFY_SOCKET) that we are ready
 * Takes the socket that systemd hands over (LISTEN_FDS) if there is one. Refuses to start beside a launcher that
 * listens at the same place (-EADDRINUSE), and takes the place of one that died.
 */
int launcher_open(const struct launcher_config *config, struct launcher **ret, struct dyno_error *err);

/** launcher_socket() - where it listens */
const char *launcher_socket(const struct launcher *launcher);

#define LAUNCHER_RELOAD 1

/**
 * launcher_run() - serve until TERM or INT, or HUP; a second TERM kills what is still stopping
 * Return: 0 when it was told to stop and every dyno has ended; LAUNCHER_RELOAD at HUP: read the configuration again and
 * call launcher_reload(), then this again; or negative errno
 */
int launcher_run(struct launcher *launcher, struct dyno_error *err);

/** launcher_reload() - work by @config from now on; dynos, connections and the socket, with its group, stay as they are */
int launcher_reload(struct launcher *launcher, const struct launcher_config *config, struct dyno_error *err);

/** launcher_close() - end every dyno that is left, and take everything down. NULL is fine. Return: NULL */
struct launcher *launcher_close(struct launcher *launcher);

/** launcher_sweep() - remove the default socket of a launcher that died. Return: 1 when there was one, 0, or negative errno */
int launcher_sweep(void);

#endif /* LAUNCHER_LAUNCHER_H */
