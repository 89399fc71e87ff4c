/* SPDX-License-Identifier: Apache-2.0 */
/**
 * relay_carry.c - see relay_carry.h
 *
 * A connection has two ends, the client and the app, and two flows, one each way. A flow takes bytes out of its source into a
 * pipe and out of that into its target, by splice(2), so that they are never copied to us. It holds a pipe only while there are
 * bytes in it. One that reads slowly holds up its own flow and nobody else's.
 *
 * All descriptors are watched edge-triggered, once: an end notes that it became readable or writable, and a flow goes on until
 * the kernel says that it is not any more. A flow that could go on for ever yields after FLOW_ROUNDS and stands in a queue, so the
 * others have their turn; nothing is polled. Listeners are watched level-triggered, and not at all while there is no room for what they would give.
 */
#include "netns/relay_carry.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/relay.h"

#define CHUNK 65536U     /* what a pipe holds */
#define FLOW_ROUNDS 16   /* chunks of one flow before the others have their turn */
#define ACCEPT_ROUNDS 64 /* connections accepted before the others have their turn */
#define EVENTS 64
#define PIPES_KEPT 64     /* of those that no flow holds */
#define FDS_CONNECTION 6U /* two ends, and a pipe for each flow */
#define FDS_OWN (32U + 2 * PIPES_KEPT)
#define RETRY_MS 100 /* after the machine had no room for a connection */

struct connection;

/**
 * struct end - one socket of a connection
 * @of: its connection; NULL for a listener
 * @readable, @writable: the kernel did not say otherwise yet
 */
struct end {
	struct connection *of;
	int fd;
	bool readable;
	bool writable;
};

/**
 * struct flow - one direction
 * @pipe:  -1 while it holds nothing
 * @held:  bytes in the pipe
 * @ended: nothing more comes from the source
 * @done:  and the target knows
 */
struct flow {
	int pipe[2];
	size_t held;
	bool ended;
	bool done;
};

/**
 * struct connection - a client, the app, and what flows between; flow N has its source in end N
 * @next:       in the list of free, of queued or of dead ones
 * @connecting: the app has not taken it yet
 * @queued:     in the queue of those that have more to do
 * @dead:       closed; in the list of dead ones until nothing can name it any more
 */
struct connection {
	struct connection *next;
	struct end ends[2];
	struct flow flows[2];
	bool connecting;
	bool queued;
	bool dead;
};

/** struct relay - all there is */
struct relay {
	int epoll;
	struct sockaddr_in to;
	size_t listener_count;
	struct end listeners[RELAY_LISTENERS_MAX];
	struct connection *fresh, *fresh_end; /* never used: their pages were not touched yet */
	struct connection *free;
	struct connection *queue;
	struct connection *dead;
	size_t pipe_count;
	int pipes[PIPES_KEPT][2];
	bool paused; /* the listeners are not watched */
	bool full;   /* because the machine had no room */
};

/** set_option() - an option that helps and need not work: unix sockets have few */
static void set_option(int fd, int level, int option)
{
	const int on = 1;

	(void)setsockopt(fd, level, option, &on, sizeof(on));
}

/** watch_listeners() - watch the listeners, or not */
static void watch_listeners(struct relay *relay, bool wanted)
{
	size_t i;

	for (i = 0; i < relay->listener_count; i++) {
		struct epoll_event event = { .events = wanted ? EPOLLIN : 0, .data.ptr = &relay->listeners[i] };

		(void)epoll_ctl(relay->epoll, EPOLL_CTL_MOD, relay->listeners[i].fd, &event);
	}
	relay->paused = !wanted;
	if (wanted)
		relay->full = false;
}

/** flow_take_pipe() - a pipe for @flow. Return: it has one */
static bool flow_take_pipe(struct relay *relay, struct flow *flow)
{
	if (flow->pipe[0] >= 0)
		return true;
	if (relay->pipe_count > 0) {
		relay->pipe_count--;
		flow->pipe[0] = relay->pipes[relay->pipe_count][0];
		flow->pipe[1] = relay->pipes[relay->pipe_count][1];
		return true;
	}
	return pipe2(flow->pipe, O_NONBLOCK | O_CLOEXEC) == 0;
}

/** flow_drop_pipe() - give the pipe back; one that still holds bytes is of no use to others */
static void flow_drop_pipe(struct relay *relay, struct flow *flow)
{
	if (flow->pipe[0] < 0)
		return;
	if (flow->held == 0 && relay->pipe_count < PIPES_KEPT) {
		relay->pipes[relay->pipe_count][0] = flow->pipe[0];
		relay->pipes[relay->pipe_count][1] = flow->pipe[1];
		relay->pipe_count++;
	} else {
		(void)close(flow->pipe[0]);
		(void)close(flow->pipe[1]);
	}
	flow->pipe[0] = flow->pipe[1] = -1;
	flow->held = 0;
}

/**
 * connection_close() - both ends, and what flows
 * @reset: tell them that this is no end in order, as the kernel would (RST)
 */
static void connection_close(struct relay *relay, struct connection *connection, bool reset)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	unsigned i;

	if (connection->dead)
		return;
	for (i = 0; i < 2; i++) {
		flow_drop_pipe(relay, &connection->flows[i]);
		if (connection->ends[i].fd < 0)
			continue;
		if (reset)
			(void)setsockopt(connection->ends[i].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		(void)close(connection->ends[i].fd);
		connection->ends[i].fd = -1;
	}
	connection->dead = true;
	if (connection->queued)
		return; /* buried when its turn comes */
	connection->next = relay->dead;
	relay->dead = connection;
}

/** flow_read() - from the source into the pipe. Return: 0, or -1 when the source is broken */
static int flow_read(struct relay *relay, struct flow *flow, struct end *from)
{
	ssize_t length;

	if (!flow_take_pipe(relay, flow))
		return -1;
	length = splice(from->fd, NULL, flow->pipe[1], NULL, CHUNK, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	if (length > 0)
		flow->held += (size_t)length;
	else if (length == 0)
		flow->ended = true;
	else if (errno != EAGAIN)
		return errno == EINTR ? 0 : -1;
	else if (flow->held == 0)
		from->readable = false; /* else it may be the pipe that is full */
	return 0;
}

/** flow_write() - from the pipe into the target. Return: 0, or -1 when the target is broken */
static int flow_write(struct relay *relay, struct flow *flow, const struct end *from, struct end *to)
{
	ssize_t length = splice(flow->pipe[0], NULL, to->fd, NULL, flow->held, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);

	if (length > 0) {
		flow->held -= (size_t)length;
		return 0;
	}
	if (length < 0 && errno == EAGAIN) {
		to->writable = false;
		return 0;
	}
	if (length < 0 && errno == EINTR)
		return 0;
	if (length == 0 || errno != EPIPE)
		return -1;
	/* The target wants no more, and may still have something to say: what is for it is dropped. */
	flow_drop_pipe(relay, flow);
	(void)shutdown(from->fd, SHUT_RD);
	flow->ended = true;
	return 0;
}

/** flow_move() - flow number @i goes on for a while. Return: -1 broken, 0 it waits or is done, 1 it could go on */
static int flow_move(struct relay *relay, struct connection *connection, unsigned i)
{
	struct flow *flow = &connection->flows[i];
	struct end *from = &connection->ends[i], *to = &connection->ends[1 - i];
	int round;

	for (round = 0; round < FLOW_ROUNDS && !flow->done; round++) {
		if (!flow->ended && from->readable && flow_read(relay, flow, from) < 0)
			return -1;
		if (flow->held > 0 && to->writable && flow_write(relay, flow, from, to) < 0)
			return -1;
		if (flow->held > 0 && !to->writable)
			return 0;
		if (flow->held > 0)
			continue;
		flow_drop_pipe(relay, flow);
		if (flow->ended) {
			(void)shutdown(to->fd, SHUT_WR);
			flow->done = true;
		} else if (!from->readable) {
			return 0;
		}
	}
	return !flow->done;
}

/** connection_move() - both flows go on; close what is done or broken, queue what could go on */
static void connection_move(struct relay *relay, struct connection *connection)
{
	int one, other = 0;

	if (connection->dead || connection->connecting)
		return;
	one = flow_move(relay, connection, 0);
	if (one >= 0)
		other = flow_move(relay, connection, 1);
	if (one < 0 || other < 0) {
		connection_close(relay, connection, true);
	} else if (connection->flows[0].done && connection->flows[1].done) {
		connection_close(relay, connection, false);
	} else if ((one > 0 || other > 0) && !connection->queued) {
		connection->queued = true;
		connection->next = relay->queue;
		relay->queue = connection;
	}
}

/** connection_event() - something happened at one end */
static void connection_event(struct relay *relay, struct end *end, uint32_t events)
{
	struct connection *connection = end->of;

	if (connection->dead)
		return;
	if (events & EPOLLERR) { /* a reset, or nobody took the connection */
		connection_close(relay, connection, true);
		return;
	}
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
		end->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP))
		end->writable = true;
	if (end == &connection->ends[1] && events & (EPOLLOUT | EPOLLHUP))
		connection->connecting = false;
	connection_move(relay, connection);
}

/** connection_watch() - watch both ends. Return: 0, or -1 */
static int connection_watch(const struct relay *relay, struct connection *connection)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		struct end *end = &connection->ends[i];
		struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = end };

		if (epoll_ctl(relay->epoll, EPOLL_CTL_ADD, end->fd, &event) < 0)
			return -1;
	}
	return 0;
}

/** has_room() - there is a connection to be had */
static bool has_room(const struct relay *relay)
{
	return relay->free || relay->fresh < relay->fresh_end;
}

/** connection_take() - one that is free. Must: only be called when there is room */
static struct connection *connection_take(struct relay *relay)
{
	struct connection *connection = relay->free;

	if (!connection)
		return relay->fresh++;
	relay->free = connection->next;
	return connection;
}

/** connection_open() - begin to connect the client @fd with the app */
static void connection_open(struct relay *relay, int fd)
{
	struct connection *connection = connection_take(relay);
	int app = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*connection = (struct connection){
		.ends = { { .of = connection, .fd = fd }, { .of = connection, .fd = app } },
		.flows = { { .pipe = { -1, -1 } }, { .pipe = { -1, -1 } } },
		.connecting = true,
	};
	/* Bytes leave as they came, and a peer that went without a word is found out. */
	set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE);
	set_option(app, IPPROTO_TCP, TCP_NODELAY);
	set_option(app, SOL_SOCKET, SO_KEEPALIVE);
	if (app < 0 ||
	    (connect(app, (const struct sockaddr *)&relay->to, sizeof(relay->to)) < 0 && errno != EINPROGRESS) ||
	    connection_watch(relay, connection) < 0)
		connection_close(relay, connection, true);
}

/** accept_some() - take what waits at a listener, as far as there is room */
static void accept_some(struct relay *relay, int listener)
{
	int round, fd;

	for (round = 0; round < ACCEPT_ROUNDS; round++) {
		if (!has_room(relay)) {
			watch_listeners(relay, false);
			return;
		}
		fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			connection_open(relay, fd);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == ECONNABORTED || errno == EINTR)
			continue;
		/* The machine is out of descriptors or memory. What waits stays in the backlog, and epoll would tell of it for ever. */
		watch_listeners(relay, false);
		relay->full = true;
		return;
	}
}

/** run_queue() - those that had more to do have another turn */
static void run_queue(struct relay *relay)
{
	struct connection *connection = relay->queue, *next;

	relay->queue = NULL;
	for (; connection; connection = next) {
		next = connection->next;
		connection->queued = false;
		if (connection->dead) {
			connection->next = relay->dead;
			relay->dead = connection;
		} else {
			connection_move(relay, connection);
		}
	}
}

/** bury() - closed connections are free again: no event that was fetched can name them any more */
static void bury(struct relay *relay)
{
	bool any = relay->dead != NULL;

	while (relay->dead) {
		struct connection *connection = relay->dead;

		relay->dead = connection->next;
		connection->next = relay->free;
		relay->free = connection;
	}
	if (any && relay->paused)
		watch_listeners(relay, true);
}

/** run() - the loop; returns when it cannot wait any more */
static void run(struct relay *relay)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int timeout = relay->queue ? 0 : relay->full ? RETRY_MS : -1;
		int count = epoll_wait(relay->epoll, events, EVENTS, timeout), i;

		if (count < 0 && errno != EINTR)
			return;
		for (i = 0; i < count; i++) {
			struct end *end = events[i].data.ptr;

			if (end->of)
				connection_event(relay, end, events[i].events);
			else if (!relay->paused)
				accept_some(relay, end->fd);
		}
		if (count == 0 && relay->full && !relay->queue)
			watch_listeners(relay, true);
		run_queue(relay);
		bury(relay);
	}
}

/** make_room() - as many connections as the limit of open files allows. Return: 0, or -1 */
static int make_room(struct relay *relay)
{
	size_t count = RELAY_CONNECTIONS_MAX;
	struct connection *all;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FDS_OWN + count * FDS_CONNECTION)
		count = files.rlim_cur > FDS_OWN + FDS_CONNECTION ? (files.rlim_cur - FDS_OWN) / FDS_CONNECTION : 1;
	all = mmap(NULL, count * sizeof(*all), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return -1;
	relay->fresh = all;
	relay->fresh_end = all + count;
	return 0;
}

void relay_carry(const int *listeners, size_t count, const struct sockaddr_in *to)
{
	struct relay relay = { .epoll = epoll_create1(EPOLL_CLOEXEC), .to = *to };
	size_t i;

	if (relay.epoll < 0 || count > RELAY_LISTENERS_MAX || make_room(&relay) < 0)
		return;
	for (i = 0; i < count; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &relay.listeners[i] };

		relay.listeners[i].fd = listeners[i];
		relay.listener_count = i + 1;
		/* The flag is the socket's, not the descriptor's: who else has it does not accept. */
		if (fcntl(listeners[i], F_SETFL, O_RDWR | O_NONBLOCK) < 0 ||
		    epoll_ctl(relay.epoll, EPOLL_CTL_ADD, listeners[i], &event) < 0)
			return;
	}
	run(&relay);
}
