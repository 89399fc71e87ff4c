/* SPDX-License-Identifier: Apache-2.0 */
/**
 * server.h - the launcher's own objects, for the files of its server half
 *
 * One event loop owns all of them (launcher.c). A struct source stands first in, or is part of, whatever can become
 * readable; epoll gives it back. What ends within a round of the loop is marked and freed when the round is over, because
 * another event of the same round may still name it.
 */
#ifndef LAUNCHER_SERVER_H
#define LAUNCHER_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "launcher/launcher.h"
#include "launcher/packet.h"
#include "launcher/place.h"
#include "launcher/pools.h"
#include "launcher/reaper.h"
#include "launcher/request.h"
#include "launcher/stats.h"
#include "runtime/control.h"

/** enum source_type - what became readable */
enum source_type {
	SOURCE_NONE, /* what it was part of has ended */
	SOURCE_LISTENER,
	SOURCE_SIGNALS,
	SOURCE_TIMER,
	SOURCE_REAPER,
	SOURCE_PEER,
	SOURCE_DYNO,
	SOURCE_CONTROL,
};

/** struct source - one thing that epoll watches; @owner: the launcher, peer or resident */
struct source {
	enum source_type type;
	void *owner;
};

/** struct outgoing - a packet that waits until its peer reads; @fd: travels with it, owned, -1 without */
struct outgoing {
	STAILQ_ENTRY(outgoing) next;
	int fd;
	size_t size;
	char data[];
};

STAILQ_HEAD(outgoings, outgoing);

/**
 * struct peer - one connection
 * @trusted: the launcher's own user or root, not just a member of its group
 * @subscription: number of its SUBSCRIBE, 0 for none
 * @unsent:  bytes in @queue
 * @events:  what epoll watches
 * @boots:   its dynos that are not up yet; @dynos: all of them
 * @broken:  to be dropped at the end of the round
 */
struct peer {
	struct source source;
	struct launcher *launcher;
	LIST_ENTRY(peer) next;
	int fd;
	struct ucred who;
	bool trusted;
	bool broken;
	uint32_t events;
	uint64_t subscription;
	struct outgoings queue;
	size_t unsent;
	unsigned boots;
	unsigned dynos;
};

/** enum resident_state - how far a dyno has come */
enum resident_state {
	RESIDENT_BOOTING,
	RESIDENT_UP,
	RESIDENT_ENDED,  /* its reaper looks through what it wrote */
	RESIDENT_REAPED, /* to be destroyed when there is time */
};

/**
 * struct resident - a dyno in the launcher
 * @peer:    whose it is; NULL when it was detached and its peer went away
 * @id:      number of the START
 * @uid:     who started it
 * @control: NULL until it is up and there was time
 * @queued:  among the launcher's chores
 * @deadline_ns: end of its grace, 0 when it is not being stopped
 * @held:    signals that came before it was up, bit N - 1 for signal N
 * @sent:    signals that were sent to it, likewise
 * @late:    the grace was not enough
 */
struct resident {
	struct source source;
	struct source control_source;
	struct launcher *launcher;
	LIST_ENTRY(resident) next;
	STAILQ_ENTRY(resident) chore;
	bool queued;
	struct peer *peer;
	uid_t uid;
	uint64_t id;
	enum resident_state state;
	bool detach;
	bool kill_on_hangup;
	bool tty;
	bool late;
	struct dyno *dyno;
	struct control *control;
	uint64_t grace_ms;
	uint64_t deadline_ns;
	uint64_t held;
	uint64_t sent;
	struct reaping reaping;
};

LIST_HEAD(peers, peer);
LIST_HEAD(residents, resident);
STAILQ_HEAD(chores, resident);

/**
 * struct launcher - see launcher.h
 * @null:     /dev/null, for streams that a peer leaves out
 * @accepting: the listener is watched
 * @due_ns:   when the timer fires, 0 when it does not
 * @boots:    dynos that are not up yet; @boots_full: too many, no request is taken
 * @chores:   dynos that wait for something that has time: a control socket, their end
 * @rounds:   of the loop since a chore was last done
 * @stops:    TERM and INT that came
 * @packet:   the request that is being served; @out: the answer that is being written
 */
struct launcher {
	struct launcher_config config;
	struct dyno_host *host;
	struct place place;
	struct pools *pools;
	struct reaper *reaper;
	struct stats stats;
	struct source listener_source, signal_source, timer_source, reaper_source;
	int epoll;
	int signals;
	int timer;
	int null;
	bool accepting;
	bool reload;
	uint64_t due_ns;
	struct chores chores;
	unsigned chore_count;
	unsigned rounds;
	unsigned stops;
	struct peers peers;
	unsigned peer_count;
	struct residents residents;
	unsigned resident_count;
	unsigned boots;
	bool boots_full;
	struct packet packet;
	char out[PROTOCOL_PACKET_MAX];
};

/** launcher_say() - tell the administrator */
void launcher_say(const struct launcher *launcher, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** launcher_watch() - have epoll watch @fd for @source. Return: 0 or negative errno */
int launcher_watch(const struct launcher *launcher, int fd, struct source *source, uint32_t events);
/** launcher_due() - the timer is to fire at @ns at the latest */
void launcher_due(struct launcher *launcher, uint64_t ns);

#endif /* LAUNCHER_SERVER_H */
