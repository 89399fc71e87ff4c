/* SPDX-License-Identifier: Apache-2.0 */
/* peer.c - see peer.h */
#include "launcher/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "launcher/resident.h"
#include "launcher/verbs.h"

/* Of one peer, before the others have their turn: its requests wait in its socket */
#define REQUESTS_A_ROUND 16

/* Dynos that may boot at a time: more do not boot any sooner */
#define BOOTS_MAX 256

/* Of an answer: the rest is its head */
#define REPORT_INLINE (PROTOCOL_PACKET_MAX - 256)

/* ---- letting in -------------------------------------------------------------------------------------------------- */

/** in_group() - the process at @fd belongs to @group, as its own group or one of its others */
static bool in_group(int fd, const struct ucred *who, gid_t group)
{
	_cleanup_free_ gid_t *groups = NULL;
	socklen_t size = 0;

	if (group == (gid_t)-1)
		return false;
	if (who->gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE)
		return false;
	groups = malloc(size);
	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return false;
	for (size_t i = 0; i < size / sizeof(gid_t); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/** reject() - one clear error to who may not connect, or cannot be served */
static void reject(struct launcher *launcher, int fd, const struct dyno_error *error)
{
	struct protocol_writer writer;

	protocol_begin(&writer, launcher->out, sizeof(launcher->out), "ERROR", 0);
	protocol_add_error(&writer, error);
	(void)packet_send(fd, writer.data, writer.used, NULL, 0);
	launcher->stats.rejected++;
}

/** admit_peer() - may the process at @fd connect? Return: 0, with @ret filled in, or negative errno */
static int admit_peer(struct launcher *launcher, int fd, struct peer *ret, struct dyno_error *err)
{
	socklen_t size = sizeof(ret->who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &ret->who, &size) < 0)
		return error_set(err, -errno, "peer", "cannot tell who connects:");
	ret->trusted = ret->who.uid == geteuid() || ret->who.uid == 0;
	if (!ret->trusted && !in_group(fd, &ret->who, launcher->config.group)) {
		error_set(err, -EACCES, "peer", "user %u may not use this launcher", ret->who.uid);
		error_remedy(err, "its own user, root and the group that it was given may: dyno launcher --group");
		return -EACCES;
	}
	if (launcher->peer_count >= launcher->config.peers_max)
		return error_set(err, -EAGAIN, "peer", "%u connections are all that this launcher takes",
		                 launcher->config.peers_max);
	return launcher->stops > 0 ? error_set(err, -ESHUTDOWN, "peer", "the launcher is stopping") : 0;
}

/** make_peer() - who connected at @fd, if they may. Return: 0, or negative errno: @fd is still the caller's */
static int make_peer(struct launcher *launcher, int fd, struct dyno_error *err)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	int r;

	if (!peer)
		return error_set(err, -ENOMEM, "peer", "out of memory");
	r = admit_peer(launcher, fd, peer, err);
	if (r == 0) {
		peer->source = (struct source){ SOURCE_PEER, peer };
		peer->events = EPOLLIN;
		r = launcher_watch(launcher, fd, &peer->source, peer->events);
		if (r < 0)
			error_set(err, r, "peer", "cannot serve one more:");
	}
	if (r < 0) {
		free(peer);
		return r;
	}
	peer->launcher = launcher;
	peer->fd = fd;
	STAILQ_INIT(&peer->queue);
	LIST_INSERT_HEAD(&launcher->peers, peer, next);
	launcher->peer_count++;
	return 0;
}

/** add_peer() - serve who connected at @fd, which is taken */
static void add_peer(struct launcher *launcher, int fd)
{
	struct dyno_error err = { 0 };

	if (make_peer(launcher, fd, &err) == 0)
		return;
	reject(launcher, fd, &err);
	fd_close(fd);
}

void peers_accept(struct launcher *launcher)
{
	int fd;

	while ((fd = accept4(launcher->place.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
		add_peer(launcher, fd);
	if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS)
		return;
	/* They wait in the kernel, or are refused there; watched, they would keep the loop turning. */
	launcher_say(launcher, "no descriptor or memory is left for more connections: none is taken until one is free");
	(void)epoll_ctl(launcher->epoll, EPOLL_CTL_DEL, launcher->place.fd, NULL);
	launcher->accepting = false;
}

void peers_resume(struct launcher *launcher)
{
	if (launcher->accepting || launcher->place.fd < 0)
		return;
	launcher->accepting = launcher_watch(launcher, launcher->place.fd, &launcher->listener_source, EPOLLIN) == 0;
}

/* ---- answering --------------------------------------------------------------------------------------------------- */

/** update() - have epoll watch what @peer can be served of now */
static void update(struct peer *peer)
{
	const struct launcher_config *config = &peer->launcher->config;
	uint32_t events = 0;
	struct epoll_event event = { .data.ptr = &peer->source };

	/* What it asks for waits in its socket while much of what it asked for is not done, or not read, yet. */
	if (!peer->launcher->boots_full && peer->boots < config->peer_boots_max &&
	    peer->unsent <= config->peer_unsent_max / 4)
		events |= EPOLLIN;
	if (!STAILQ_EMPTY(&peer->queue))
		events |= EPOLLOUT;
	if (peer->broken || events == peer->events)
		return;
	event.events = peer->events = events;
	if (epoll_ctl(peer->launcher->epoll, EPOLL_CTL_MOD, peer->fd, &event) < 0)
		peer->broken = true;
}

void peers_throttle(struct launcher *launcher)
{
	unsigned most = launcher->boots_full ? BOOTS_MAX / 2 : BOOTS_MAX;
	struct peer *peer;

	if ((launcher->boots >= most) == launcher->boots_full)
		return;
	launcher->boots_full = !launcher->boots_full;
	for (peer = LIST_FIRST(&launcher->peers); peer; peer = LIST_NEXT(peer, next))
		update(peer);
}

/** enqueue() - keep a packet until @peer reads */
static void enqueue(struct peer *peer, const char *data, size_t size, int fd)
{
	struct outgoing *outgoing = NULL;

	if (peer->unsent + size > peer->launcher->config.peer_unsent_max) {
		launcher_say(peer->launcher, "process %d of user %u does not read what it is told: dropped",
		             (int)peer->who.pid, peer->who.uid);
		peer->launcher->stats.dropped++;
	} else {
		outgoing = malloc(sizeof(*outgoing) + size);
	}
	if (!outgoing) {
		peer->broken = true;
		return;
	}
	outgoing->fd = fd < 0 ? -1 : dup(fd);
	outgoing->size = size;
	memcpy(outgoing->data, data, size);
	STAILQ_INSERT_TAIL(&peer->queue, outgoing, next);
	peer->unsent += size;
	if (fd >= 0 && outgoing->fd < 0)
		peer->broken = true; /* without its descriptor the packet is not true */
}

void peer_send(struct peer *peer, const struct protocol_writer *writer, int fd)
{
	int r = -EAGAIN;

	if (peer->broken)
		return;
	if (STAILQ_EMPTY(&peer->queue))
		r = packet_send(peer->fd, writer->data, writer->used, &fd, fd >= 0 ? 1 : 0);
	if (r == -EAGAIN)
		enqueue(peer, writer->data, writer->used, fd);
	else if (r < 0)
		peer->broken = true;
	update(peer);
}

/** flush() - send what waited, as far as @peer reads */
static void flush(struct peer *peer)
{
	struct outgoing *outgoing;

	while ((outgoing = STAILQ_FIRST(&peer->queue))) {
		int r = packet_send(peer->fd, outgoing->data, outgoing->size, &outgoing->fd, outgoing->fd >= 0 ? 1 : 0);

		if (r == -EAGAIN)
			break;
		if (r < 0)
			peer->broken = true;
		STAILQ_REMOVE_HEAD(&peer->queue, next);
		peer->unsent -= outgoing->size;
		fd_close(outgoing->fd);
		free(outgoing);
	}
	update(peer);
}

void peer_done(struct peer *peer, uint64_t id)
{
	struct protocol_writer writer;

	protocol_begin(&writer, peer->launcher->out, sizeof(peer->launcher->out), "OK", id);
	peer_send(peer, &writer, -1);
}

void peer_refuse(struct peer *peer, uint64_t id, const struct dyno_error *error)
{
	struct protocol_writer writer;

	protocol_begin(&writer, peer->launcher->out, sizeof(peer->launcher->out), "ERROR", id);
	protocol_add_error(&writer, error);
	peer_send(peer, &writer, -1);
}

void peer_report(struct peer *peer, uint64_t id, const char *text)
{
	struct protocol_writer writer, body;
	size_t size = strlen(text) + sizeof("report=");
	_cleanup_free_ char *data = NULL;
	_cleanup_close_ int fd = -1;

	protocol_begin(&writer, peer->launcher->out, sizeof(peer->launcher->out), "OK", id);
	if (size <= REPORT_INLINE) {
		protocol_add(&writer, "report", text);
		peer_send(peer, &writer, -1);
		return;
	}
	data = malloc(size);
	if (data) {
		protocol_begin(&body, data, size, NULL, 0);
		protocol_add(&body, "report", text);
		fd = packet_body(body.data, body.used);
	}
	if (fd < 0) {
		struct dyno_error error;

		error_set(&error, fd == -1 ? -ENOMEM : fd, "report", "cannot send so long an answer:");
		peer_refuse(peer, id, &error);
		return;
	}
	protocol_add(&writer, "fds", protocol_fd_name(PROTOCOL_FD_BODY));
	peer_send(peer, &writer, fd);
}

void peer_booted(struct peer *peer)
{
	peer->boots--;
	update(peer);
}

/* ---- serving ----------------------------------------------------------------------------------------------------- */

/** serve() - the request in the launcher's packet */
static void serve(struct peer *peer)
{
	struct packet *packet = &peer->launcher->packet;
	struct dyno_error err = { 0 };
	struct request request;
	int r = request_read(&packet->head, &packet->fields, &request, &err);

	if (r == 0)
		r = verbs_serve(peer, packet, &request, &err);
	if (r < 0)
		peer_refuse(peer, packet->head.id, &err);
	request_done(&request);
}

/** receive() - one packet. Return: false when there is none, or none can be expected any more */
static bool receive(struct peer *peer)
{
	struct packet *packet = &peer->launcher->packet;
	struct dyno_error err = { 0 };
	int r = packet_receive(peer->fd, packet, &err);

	if (r > 0) {
		serve(peer);
	} else if (r < 0 && err.code < 0) {
		peer->launcher->stats.malformed++;
		peer_refuse(peer, packet->head.id, &err);
		/* Who does not speak this protocol is told so once. */
		if (packet->head.id == 0 || r == -EPROTONOSUPPORT)
			peer->broken = true;
	} else if (r != -EAGAIN) {
		peer->broken = true;
	}
	packet_done(packet);
	return r != -EAGAIN && !peer->broken;
}

void peer_event(struct peer *peer, uint32_t events)
{
	if (events & EPOLLOUT)
		flush(peer);
	for (unsigned i = 0; i < REQUESTS_A_ROUND && (peer->events & EPOLLIN); i++)
		if (!receive(peer))
			break;
	/* Not reading, so that its end would not be seen: it tells by itself (epoll_ctl(2), EPOLLHUP). */
	if (events & (EPOLLHUP | EPOLLERR) && !(peer->events & EPOLLIN))
		peer->broken = true;
}

/* ---- dropping ---------------------------------------------------------------------------------------------------- */

/** drop() - hang up, and let go of its dynos */
static void drop(struct peer *peer)
{
	struct launcher *launcher = peer->launcher;
	struct resident *resident, *next;
	struct outgoing *outgoing;

	for (resident = LIST_FIRST(&launcher->residents); resident; resident = next) {
		next = LIST_NEXT(resident, next);
		if (resident->peer == peer)
			resident_leave(resident);
	}
	while ((outgoing = STAILQ_FIRST(&peer->queue))) {
		STAILQ_REMOVE_HEAD(&peer->queue, next);
		fd_close(outgoing->fd);
		free(outgoing);
	}
	LIST_REMOVE(peer, next);
	launcher->peer_count--;
	/* A child that is being made has a copy for a moment, and as long as there is one, events of it come (epoll(7)). */
	(void)epoll_ctl(launcher->epoll, EPOLL_CTL_DEL, peer->fd, NULL);
	fd_close(peer->fd);
	free(peer);
	peers_resume(launcher);
}

void peers_bury(struct launcher *launcher)
{
	struct peer *peer, *next;

	for (peer = LIST_FIRST(&launcher->peers); peer; peer = next) {
		next = LIST_NEXT(peer, next);
		if (peer->broken)
			drop(peer);
	}
}

void peers_close(struct launcher *launcher)
{
	while (!LIST_EMPTY(&launcher->peers))
		drop(LIST_FIRST(&launcher->peers));
}
