/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c - see serve.h */
#include "formation/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "formation/requests.h"

#define CLIENTS_MAX 64
/* the whole ring as frames, and a second of everybody's lines */
#define OUT_SIZE (2U * RING_BYTES)

struct server {
	struct formation *formation;
	int listener;
	struct watcher ready;
	struct client *clients;
	unsigned count;
};

/** drop() - hang up on @client */
static void drop(struct server *server, struct client *client)
{
	for (struct client **at = &server->clients; *at; at = &(*at)->next) {
		if (*at != client)
			continue;
		*at = client->next;
		break;
	}
	log_unlisten(server->formation->log, &client->listener);
	formation_unpoll(server->formation, client->out.fd);
	sink_close(&client->out);
	server->count--;
	free(client);
}

/** on_client() - bytes came, or there is room for more. Connections end in serve_flush(), where nobody looks at them */
static void on_client(struct formation *formation, void *owner)
{
	struct client *client = owner;
	struct wire_frame frame;
	ssize_t got;
	int size;

	(void)formation;
	got = read(client->out.fd, client->in + client->used, sizeof(client->in) - client->used);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		client->used += (size_t)got;
	size = got > 0 ? wire_unpack(client->in, client->used, &frame) : -EPIPE;
	if (size < 0) {
		client->ends = true;
		client->out.used = 0;
	} else if (size > 0 && !client->follows && !client->ends && !client->waits) {
		request_serve(client, &frame);
	}
	if (size > 0 || client->used == sizeof(client->in))
		client->used = 0;
}

/** on_connect() - let in our own user and root */
static void on_connect(struct formation *formation, void *owner)
{
	struct server *server = owner;
	_cleanup_close_ int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *client;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return;
	if ((peer.uid != geteuid() && peer.uid != 0) || server->count == CLIENTS_MAX)
		return;
	client = calloc(1, sizeof(*client));
	if (!client)
		return;
	client->formation = formation;
	client->ready = (struct watcher){ on_client, client };
	if (sink_open(&client->out, TAKE_FD(fd), OUT_SIZE) < 0 ||
	    formation_poll(formation, client->out.fd, EPOLLIN, &client->ready) < 0) {
		formation_unpoll(formation, client->out.fd);
		sink_close(&client->out);
		free(client);
		return;
	}
	client->next = server->clients;
	server->clients = client;
	server->count++;
}

void serve_flush(struct server *server)
{
	struct client *next;

	for (struct client *client = server->clients; client; client = next) {
		int left = sink_flush(&client->out);
		bool more;

		/* who has just caught up is told at once: nothing else may happen for long */
		if (left >= 0 && request_overflow(client))
			left = sink_flush(&client->out);
		more = left > 0;
		next = client->next;
		if (left < 0 || (client->ends && left == 0)) {
			drop(server, client);
			continue;
		}
		if (more == client->armed)
			continue;
		client->armed = more;
		(void)formation_poll(server->formation, client->out.fd, more ? EPOLLIN | EPOLLOUT : EPOLLIN,
		                     &client->ready);
	}
}

/** address_of() - where the socket of an app is, by descriptor: sun_path is short */
static int address_of(int apps_fd, const char *app, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return text_format(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s.sock", apps_fd, app) < 0
	               ? -ENAMETOOLONG
	               : 0;
}

/** listen_at() - the socket, mode 0600 by the directory's 0700. Return: descriptor or negative errno */
static int listen_at(const struct formation *formation)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	char name[64];

	if (fd < 0)
		return -errno;
	if (address_of(formation->apps_fd, formation->setup->app, &address) < 0 ||
	    text_format(name, sizeof(name), "%s.sock", formation->setup->app) < 0)
		return -ENAMETOOLONG;
	(void)unlinkat(formation->apps_fd, name, 0);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, CLIENTS_MAX) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int serve_open(struct formation *formation, struct server **ret, struct dyno_error *err)
{
	struct server *server = calloc(1, sizeof(*server));
	int code;

	if (!server)
		return error_set(err, -ENOMEM, "serve", "no memory for the control socket");
	server->formation = formation;
	server->listener = listen_at(formation);
	server->ready = (struct watcher){ on_connect, server };
	code = server->listener < 0 ? server->listener
	                            : formation_poll(formation, server->listener, EPOLLIN, &server->ready);
	if (code < 0) {
		fd_close(server->listener);
		free(server);
		return error_set(err, code, "serve", "cannot open the control socket of the app:");
	}
	*ret = server;
	return 0;
}

struct server *serve_close(struct server *server)
{
	char name[64];

	if (!server)
		return NULL;
	while (server->clients) {
		(void)sink_flush(&server->clients->out);
		drop(server, server->clients);
	}
	if (text_format(name, sizeof(name), "%s.sock", server->formation->setup->app) > 0)
		(void)unlinkat(server->formation->apps_fd, name, 0);
	fd_close(server->listener);
	free(server);
	return NULL;
}
