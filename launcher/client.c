/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - requests to a launcher; see dyno-launcher.h. What it answers: answers.c */
#include "launcher/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "launcher/address.h"
#include "launcher/connection.h"
#include "launcher/request.h"
#include "runtime/host.h"

#define STEP "launcher"

int launcher_socket_path(char *buf, size_t size)
{
	int r = host_state_dir(buf, size);

	return r < 0 ? r : text_append(buf, size, "/launcher.sock") < 0 ? -ENAMETOOLONG : 0;
}

/** connect_to() - a connection to the launcher at @path. Return: descriptor or negative errno */
static int connect_to(const char *path)
{
	_cleanup_close_ int fd = -1, directory = -1;
	struct sockaddr_un address;
	int r;

	/* Most often there is none, and a socket that is made for nothing is 20 us of a launch. */
	if (access(path, F_OK) < 0)
		return -errno;
	/* One that was stopped (SIGSTOP) accepts nobody: connect(2) would wait for it once its backlog is full. */
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = fd < 0 ? -errno : address_of(path, &address, &directory);
	if (r < 0)
		return r;
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : TAKE_FD(fd);
}

/** check_owner() - who listens there is of this user or root: nobody else is to be told config vars */
static int check_owner(int fd)
{
	struct ucred who;
	socklen_t size = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		return -errno;
	return who.uid == 0 || who.uid == geteuid() ? 0 : -EPERM;
}

int dyno_launcher_connect(const char *path, struct dyno_launcher **ret, struct dyno_error *err)
{
	struct dyno_launcher *launcher;
	char own[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r = path ? 0 : launcher_socket_path(own, sizeof(own));

	if (r == 0)
		fd = connect_to(path ? path : own);
	r = r < 0 ? r : fd < 0 ? fd : path ? 0 : check_owner(fd);
	if (r < 0) {
		error_set(err, r, STEP, "cannot reach the launcher at %s:", path ? path : own);
		if (r == -ENOENT || r == -ECONNREFUSED)
			error_remedy(err, "start one: dyno launcher");
		return r;
	}
	launcher = malloc(sizeof(*launcher));
	if (!launcher)
		return error_set(err, -ENOMEM, STEP, "out of memory");
	/* All but the 64 KiB of a packet: 16 pages that most never need, 20 us of a launch. */
	memset(launcher, 0, offsetof(struct dyno_launcher, packet.data));
	launcher->fd = TAKE_FD(fd);
	*ret = launcher;
	return 0;
}

struct dyno_launcher *dyno_launcher_close(struct dyno_launcher *launcher)
{
	if (!launcher)
		return NULL;
	fd_close(launcher->fd);
	free(launcher->text);
	free(launcher);
	return NULL;
}

int dyno_launcher_fd(const struct dyno_launcher *launcher)
{
	return launcher->fd;
}

/** struct parcel - descriptors that travel with a request, and how the field "fds" names them */
struct parcel {
	int fds[PROTOCOL_FD_COUNT];
	unsigned count;
	char names[64];
};

/** pack() - one more of them */
static void pack(struct parcel *parcel, enum protocol_fd name, int fd)
{
	(void)text_append(parcel->names, sizeof(parcel->names), "%s%s", parcel->count > 0 ? "," : "",
	                  protocol_fd_name(name));
	parcel->fds[parcel->count++] = fd;
}

/** send_body() - a request whose fields, @size bytes at @data, do not fit in a packet */
static int send_body(struct dyno_launcher *launcher, const struct request *request, struct parcel *parcel, uint64_t id)
{
	char head[256];
	struct protocol_writer writer;
	_cleanup_free_ char *data = malloc(PROTOCOL_BODY_MAX);
	_cleanup_close_ int body = -1;

	if (!data)
		return -ENOMEM;
	protocol_begin(&writer, data, PROTOCOL_BODY_MAX, NULL, 0);
	request_write(&writer, request);
	if (writer.full)
		return -E2BIG;
	body = packet_body(data, writer.used);
	explicit_bzero(data, writer.used);
	if (body < 0)
		return body;
	pack(parcel, PROTOCOL_FD_BODY, body);
	protocol_begin(&writer, head, sizeof(head), request_verb_name(request->verb), id);
	protocol_add(&writer, "fds", parcel->names);
	return packet_send(launcher->fd, head, writer.used, parcel->fds, parcel->count);
}

/** send_request() - @request with what travels along; its number is @ret_id's */
static int send_request(struct dyno_launcher *launcher, const struct request *request, struct parcel *parcel,
                        uint64_t *ret_id, struct dyno_error *err)
{
	struct protocol_writer writer;
	uint64_t id = launcher->next + 1;
	char *data = launcher->packet.data;
	int r;

	protocol_begin(&writer, data, sizeof(launcher->packet.data), request_verb_name(request->verb), id);
	request_write(&writer, request);
	if (parcel->count > 0)
		protocol_add(&writer, "fds", parcel->names);
	if (writer.full)
		r = send_body(launcher, request, parcel, id);
	else
		r = packet_send(launcher->fd, data, writer.used, parcel->fds, parcel->count);
	explicit_bzero(data, writer.used);
	if (r < 0)
		return error_set(err, r, STEP, "cannot send the request to the launcher:");
	launcher->next = id;
	*ret_id = id;
	return 0;
}

int dyno_launcher_start(struct dyno_launcher *launcher, const struct dyno_shape *shape, const struct dyno_app *app,
                        const struct dyno_launcher_options *options, uint64_t *ret_id, struct dyno_error *err)
{
	struct request request;
	struct parcel parcel = { 0 };
	_cleanup_close_ int slug = -1;

	request_init(&request, REQUEST_START);
	request.shape = *shape;
	request.app = *app;
	if (options) {
		request.requested_ns = options->requested_ns;
		request.grace_ms = options->grace_ms < 0 ? REQUEST_NOT_GIVEN : (uint64_t)options->grace_ms;
		request.detach = options->detach;
		request.kill_on_hangup = options->kill_on_hangup;
	}
	if (strcmp(shape->stack, "host") == 0)
		request.shape.stack = NULL;
	if (app->slug) {
		slug = open(app->slug, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (slug < 0)
			return error_set(err, -errno, "slug", "cannot open slug %s:", app->slug);
		pack(&parcel, PROTOCOL_FD_SLUG, slug);
	}
	for (unsigned i = 0; i < 3 && !shape->tty; i++)
		if (app->fds[i] >= 0)
			pack(&parcel, (enum protocol_fd)(PROTOCOL_FD_STDIN + i), app->fds[i]);
	return send_request(launcher, &request, &parcel, ret_id, err);
}

/** send_about() - a request about one dyno; @request holds the rest of it */
static int send_about(struct dyno_launcher *launcher, struct request *request, const char *name, uint64_t start,
                      uint64_t *ret_id, struct dyno_error *err)
{
	struct parcel parcel = { 0 };

	request->dyno = name;
	request->start = name ? 0 : start;
	return send_request(launcher, request, &parcel, ret_id, err);
}

int dyno_launcher_signal(struct dyno_launcher *launcher, const char *name, uint64_t start, int signo, bool all,
                         uint64_t *ret_id, struct dyno_error *err)
{
	struct request request;

	request_init(&request, REQUEST_SIGNAL);
	request.signal = signo > 0 ? (uint64_t)signo : 0;
	request.all = all;
	return send_about(launcher, &request, name, start, ret_id, err);
}

int dyno_launcher_stop(struct dyno_launcher *launcher, const char *name, uint64_t start, int64_t grace_ms,
                       uint64_t *ret_id, struct dyno_error *err)
{
	struct request request;

	request_init(&request, REQUEST_STOP);
	request.grace_ms = grace_ms < 0 ? REQUEST_NOT_GIVEN : (uint64_t)grace_ms;
	return send_about(launcher, &request, name, start, ret_id, err);
}

int dyno_launcher_kill(struct dyno_launcher *launcher, const char *name, uint64_t start, uint64_t *ret_id,
                       struct dyno_error *err)
{
	struct request request;

	request_init(&request, REQUEST_KILL);
	return send_about(launcher, &request, name, start, ret_id, err);
}

/** send_plain() - a request without fields */
static int send_plain(struct dyno_launcher *launcher, enum request_verb verb, uint64_t *ret_id, struct dyno_error *err)
{
	struct request request;
	struct parcel parcel = { 0 };

	request_init(&request, verb);
	return send_request(launcher, &request, &parcel, ret_id, err);
}

int dyno_launcher_subscribe(struct dyno_launcher *launcher, uint64_t *ret_id, struct dyno_error *err)
{
	return send_plain(launcher, REQUEST_SUBSCRIBE, ret_id, err);
}

int dyno_launcher_list(struct dyno_launcher *launcher, uint64_t *ret_id, struct dyno_error *err)
{
	return send_plain(launcher, REQUEST_LIST, ret_id, err);
}

int dyno_launcher_stats(struct dyno_launcher *launcher, enum dyno_launcher_format format, uint64_t *ret_id,
                        struct dyno_error *err)
{
	struct request request;
	struct parcel parcel = { 0 };

	request_init(&request, REQUEST_STATS);
	request.format = (unsigned)format;
	return send_request(launcher, &request, &parcel, ret_id, err);
}

int dyno_launcher_pool(struct dyno_launcher *launcher, bool resize, unsigned pool, unsigned min, unsigned max,
                       uint64_t *ret_id, struct dyno_error *err)
{
	struct request request;
	struct parcel parcel = { 0 };

	request_init(&request, REQUEST_POOL);
	if (resize) {
		request.pool = pool;
		request.min = min;
		request.max = max;
	}
	return send_request(launcher, &request, &parcel, ret_id, err);
}

int dyno_launcher_wait(struct dyno_launcher *launcher, int timeout_ms, struct dyno_launcher_event *ret,
                       struct dyno_error *err)
{
	uint64_t deadline = clock_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * 1000000;

	for (;;) {
		struct pollfd poller = { .fd = launcher->fd, .events = POLLIN };
		uint64_t now = clock_ns();
		int left = timeout_ms < 0 ? -1 : now < deadline ? (int)((deadline - now + 999999) / 1000000) : 0;
		int r = dyno_launcher_next(launcher, ret, err);

		if (r < 0 || ret->type != DYNO_LAUNCHER_NOTHING)
			return r;
		r = poll(&poller, 1, left);
		if (r < 0 && errno != EINTR)
			return error_set(err, -errno, STEP, "cannot wait for the launcher:");
		if (r == 0)
			return error_set(err, -ETIME, STEP, "the launcher said nothing for %d ms", timeout_ms);
	}
}
