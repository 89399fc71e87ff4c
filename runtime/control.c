/* SPDX-License-Identifier: Apache-2.0 */
/* control.c - see control.h: server half */
#include "runtime/control.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "runtime/channel.h"
#include "runtime/control_wire.h"
#include "runtime/host.h"
#include "runtime/running.h"

#define CLIENTS 32

/** struct client - one connection; @exec_id: the process it started, 0 for none; fd -1: free */
struct client {
	int fd;
	uint32_t exec_id;
};

/**
 * struct control - the server half, of one dyno
 * @epoll:  its own, or the caller's: then @shared, whose @data events carry
 * @packet: of the request that is being served, NULL in between: there may be thousands of us
 */
struct control {
	struct dyno_host *host;
	struct dyno *dyno;
	int epoll;
	bool shared;
	void *data;
	int listener;
	struct client clients[CLIENTS];
	struct channel_packet *packet;
};

int control_address(const struct dyno_host *host, const char *name, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	/* By descriptor: sun_path holds 108 bytes, and a state directory may be deeper than that (unix(7), BUGS). */
	return snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", host->sockets_fd, name) <
	                       (int)sizeof(ret->sun_path)
	               ? 0
	               : -ENAMETOOLONG;
}

/** listen_at() - bind the control socket of @dyno, mode 0600 by the directory's 0700 */
static int listen_at(const struct control *control)
{
	const char *name = control->dyno->sandbox->name;
	struct sockaddr_un address;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = control_address(control->host, name, &address);

	if (fd < 0)
		return -errno;
	if (r < 0)
		return r;
	/* The name's claim is ours: a socket that is there already belonged to a launcher that died. */
	(void)unlinkat(control->host->sockets_fd, name, 0);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, CLIENTS) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/** watch_for() - have epoll tell of @fd; @index: which client's it is, CLIENTS for the listener */
static int watch_for(const struct control *control, int fd, uint32_t index)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (control->shared)
		event.data.ptr = control->data;
	else
		event.data.u32 = index;
	return epoll_ctl(control->epoll, EPOLL_CTL_ADD, fd, &event);
}

/**
 * forget() - close @fd
 * Told to a shared epoll: a child that is being made has a copy for a moment, and as long as there is one, events of it come (epoll(7)).
 */
static int forget(const struct control *control, int fd)
{
	if (control->shared && fd >= 0)
		(void)epoll_ctl(control->epoll, EPOLL_CTL_DEL, fd, NULL);
	return fd_close(fd);
}

/** open_control() - control_open(), in epoll @epoll of the caller, or -1 */
static int open_control(struct dyno_host *host, struct dyno *dyno, int epoll, void *data, struct control **ret,
                        struct dyno_error *err)
{
	struct control *control = calloc(1, sizeof(*control));
	int r = fault_at("control");
	size_t i;

	if (r < 0 || !control) {
		free(control);
		return r < 0 ? error_set(err, r, "control", "injected failure at control:")
		             : error_set(err, -ENOMEM, "control", "out of memory");
	}
	control->host = host;
	control->dyno = dyno;
	for (i = 0; i < CLIENTS; i++)
		control->clients[i].fd = -1;
	control->shared = epoll >= 0;
	control->data = data;
	control->epoll = control->shared ? epoll : epoll_create1(EPOLL_CLOEXEC);
	control->listener = listen_at(control);
	if (control->epoll < 0 || control->listener < 0 || watch_for(control, control->listener, CLIENTS) < 0) {
		int code = control->listener < 0 ? control->listener : -errno;

		control_close(control);
		return error_set(err, code, "control", "cannot open the control socket:");
	}
	*ret = control;
	return 0;
}

int control_open(struct dyno_host *host, struct dyno *dyno, struct control **ret, struct dyno_error *err)
{
	return open_control(host, dyno, -1, NULL, ret, err);
}

int control_open_in(struct dyno_host *host, struct dyno *dyno, int epoll, void *data, struct control **ret,
                    struct dyno_error *err)
{
	return open_control(host, dyno, epoll, data, ret, err);
}

int control_fd(const struct control *control)
{
	return control->epoll;
}

/** drop_client() - forget a connection; its process, if any, hears SIGHUP as from a terminal that went away */
static void drop_client(struct control *control, struct client *client)
{
	if (client->exec_id != 0)
		(void)dyno_exec_signal(control->dyno, client->exec_id, SIGHUP);
	client->fd = forget(control, client->fd);
	client->exec_id = 0;
}

/** accept_client() - let in the dyno's owner and root */
static void accept_client(struct control *control)
{
	_cleanup_close_ int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t size = sizeof(peer);
	uint32_t i;

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return;
	if (peer.uid != geteuid() && peer.uid != 0)
		return;
	for (i = 0; i < CLIENTS && control->clients[i].fd >= 0; i++)
		;
	if (i == CLIENTS || watch_for(control, fd, i) < 0)
		return;
	control->clients[i].fd = TAKE_FD(fd);
}

/** refuse() - answer a request with an error */
static void refuse(const struct client *client, const struct dyno_error *error)
{
	const struct channel_message answer = { .type = CONTROL_FAILED, .error = *error };

	(void)channel_send(client->fd, &answer, NULL, NULL, 0);
}

/** serve_exec() - start the process that @packet describes */
static void serve_exec(struct control *control, struct client *client)
{
	struct channel_packet *packet = control->packet;
	bool tty = (packet->message.flags & CHANNEL_WANT_TERMINAL) != 0;
	struct dyno_app app = { 0 };
	struct dyno_error error = { 0 };
	struct channel_app *blob;
	size_t mapping, size = packet->message.blob_size;

	blob = client->exec_id == 0 ? channel_app_open(packet, &mapping) : NULL;
	if (!blob || (!tty && packet->fd_count < 3)) {
		error_set(&error, -EPROTO, "exec", "malformed exec request");
	} else {
		app.argv = (const char *const *)((uintptr_t)blob + blob->argv);
		app.env = (const char *const *)((uintptr_t)blob + blob->env);
		app.workdir = (const char *)blob + blob->workdir;
		app.rows = blob->rows;
		app.columns = blob->columns;
		memcpy(app.fds, packet->fds, sizeof(app.fds));
		(void)dyno_exec(control->dyno, &app, tty, &client->exec_id, &error);
	}
	if (blob)
		channel_app_close(blob, size, mapping);
	if (error.code < 0)
		refuse(client, &error);
}

/** serve_client() - one request of one client */
static void serve_client(struct control *control, struct client *client, enum control_request_type *ret,
                         int64_t *ret_grace_ms)
{
	const struct channel_message *message = &control->packet->message;
	int r = channel_receive(client->fd, control->packet, false);

	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		drop_client(control, client);
		return;
	}
	if (message->type == CONTROL_ASK_STOP) {
		*ret = message->flags & CONTROL_NOW ? CONTROL_KILL : CONTROL_STOP;
		*ret_grace_ms = message->value;
	} else if (message->type == CONTROL_ASK_EXEC) {
		serve_exec(control, client);
	} else if (message->type == CONTROL_ASK_SIGNAL && client->exec_id != 0) {
		(void)dyno_exec_signal(control->dyno, client->exec_id, message->value);
	}
	channel_close_fds(control->packet);
}

/** serve_ready() - what epoll says is ready */
static int serve_ready(struct control *control, enum control_request_type *ret, int64_t *ret_grace_ms)
{
	struct epoll_event events[8];
	int count = epoll_wait(control->epoll, events, 8, 0);
	int i;

	for (i = 0; i < count; i++) {
		uint32_t at = events[i].data.u32;

		if (at == CLIENTS)
			accept_client(control);
		else if (control->clients[at].fd >= 0)
			serve_client(control, &control->clients[at], ret, ret_grace_ms);
	}
	return count < 0 && errno != EINTR ? -errno : 0;
}

/** serve_all() - whoever has something to say: a shared epoll tells only that somebody has */
static void serve_all(struct control *control, enum control_request_type *ret, int64_t *ret_grace_ms)
{
	for (size_t i = 0; i < CLIENTS; i++)
		if (control->clients[i].fd >= 0)
			serve_client(control, &control->clients[i], ret, ret_grace_ms);
	accept_client(control);
}

int control_serve(struct control *control, enum control_request_type *ret, int64_t *ret_grace_ms)
{
	int r = 0;

	*ret = CONTROL_NOTHING;
	*ret_grace_ms = -1;
	control->packet = malloc(sizeof(*control->packet));
	if (!control->packet)
		return -ENOMEM;
	if (control->shared)
		serve_all(control, ret, ret_grace_ms);
	else
		r = serve_ready(control, ret, ret_grace_ms);
	free(control->packet);
	control->packet = NULL;
	return r;
}

void control_event(struct control *control, struct dyno_event *event)
{
	struct channel_message answer = { .type = CONTROL_FAILED, .value = event->status, .error = event->error };
	_cleanup_close_ int terminal = TAKE_FD(event->terminal);
	size_t i;

	if (event->type == DYNO_EVENT_EXEC_UP)
		answer = (struct channel_message){ .type = CONTROL_UP };
	else if (event->type == DYNO_EVENT_EXEC_EXITED)
		answer = (struct channel_message){ .type = CONTROL_EXITED, .value = event->status };
	for (i = 0; i < CLIENTS; i++) {
		struct client *client = &control->clients[i];

		if (client->fd < 0 || client->exec_id != event->exec_id)
			continue;
		(void)channel_send(client->fd, &answer, NULL, &terminal, terminal >= 0 ? 1 : 0);
		if (answer.type != CONTROL_UP)
			client->exec_id = 0;
	}
}

void control_unlisten(struct control *control)
{
	if (!control || control->listener < 0)
		return;
	(void)unlinkat(control->host->sockets_fd, control->dyno->sandbox->name, 0);
	control->listener = forget(control, control->listener);
	/* Nobody is served any more: what clients say would only keep the caller's loop turning. */
	for (size_t i = 0; control->shared && i < CLIENTS; i++)
		if (control->clients[i].fd >= 0)
			(void)epoll_ctl(control->epoll, EPOLL_CTL_DEL, control->clients[i].fd, NULL);
}

struct control *control_close(struct control *control)
{
	size_t i;

	if (!control)
		return NULL;
	control_unlisten(control);
	for (i = 0; i < CLIENTS; i++)
		(void)forget(control, control->clients[i].fd);
	if (!control->shared)
		fd_close(control->epoll);
	free(control);
	return NULL;
}
