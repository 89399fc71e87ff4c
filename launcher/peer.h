/* SPDX-License-Identifier: Apache-2.0 */
/**
 * peer.h - who is connected: letting in, answering, and dropping who does not read
 */
#ifndef LAUNCHER_PEER_H
#define LAUNCHER_PEER_H

#include "launcher/server.h"

/** peers_accept() - let in who waits, if they may; pauses when no descriptor is left for more */
void peers_accept(struct launcher *launcher);
/**
 * peers_throttle() - the number of dynos that boot has changed: take no request from anybody while there are too many
 * Until it is up a dyno holds three times the descriptors of one that runs; and what is asked for later is no sooner there.
 */
void peers_throttle(struct launcher *launcher);
/** peers_resume() - let in again, if that was paused: something was freed */
void peers_resume(struct launcher *launcher);

/** peer_event() - serve @peer, of which epoll says @events */
void peer_event(struct peer *peer, uint32_t events);

/**
 * peer_send() - the packet in @writer, with @fd (-1: none; not taken), as field "fds" of it says
 * What cannot be sent at once waits, within the peer's bound; who exceeds it is dropped at the end of the round.
 */
void peer_send(struct peer *peer, const struct protocol_writer *writer, int fd);
/** peer_done() - the request @id was done */
void peer_done(struct peer *peer, uint64_t id);
/** peer_report() - the same, with a text, however long */
void peer_report(struct peer *peer, uint64_t id, const char *text);
/** peer_refuse() - it was not */
void peer_refuse(struct peer *peer, uint64_t id, const struct dyno_error *error);
/** peer_booted() - one of its dynos is up, or failed: it may ask for more */
void peer_booted(struct peer *peer);

/** peers_bury() - at the end of a round: drop the broken ones, whose dynos stop unless they were detached */
void peers_bury(struct launcher *launcher);
/** peers_close() - drop all */
void peers_close(struct launcher *launcher);

#endif /* LAUNCHER_PEER_H */
