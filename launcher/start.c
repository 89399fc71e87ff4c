/* SPDX-License-Identifier: Apache-2.0 */
/**
 * start.c - the verb START: may this peer have this dyno, and what is it made of
 *
 * A peer of another user, let in by its group, must get nothing by the launcher's power that it could not have itself: no
 * path but through descriptors that it opened, no port that is reserved, no network of this machine's. And its slug must be
 * its own: inside, the dyno's user stands for the slug's owner (isolation/identity.h), and could read what only that may.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "launcher/resident.h"
#include "launcher/verbs.h"
#include "netns/policy.h"

#define RESERVED_PORTS 1024              /* ip(7), ip_unprivileged_port_start */
#define REQUESTED_AGE_NS 600000000000ULL /* a request that is older was not stamped by this machine's clock */

/** room_for() - @peer may have one more dyno, numbered @id */
static int room_for(const struct peer *peer, uint64_t id, struct dyno_error *err)
{
	const struct launcher *launcher = peer->launcher;

	if (launcher->stops > 0)
		return error_set(err, -ESHUTDOWN, "start", "the launcher is stopping");
	if (peer->dynos >= launcher->config.peer_dynos_max)
		return error_set(err, -EAGAIN, "start", "%u dynos are all that one connection may have",
		                 launcher->config.peer_dynos_max);
	if (launcher->resident_count >= launcher->config.dynos_max)
		return error_set(err, -EAGAIN, "start", "%u dynos are all that this launcher takes",
		                 launcher->config.dynos_max);
	if (resident_of(peer, id))
		return error_set(err, -EEXIST, "start",
		                 "request %llu of this connection started a dyno that still runs",
		                 (unsigned long long)id);
	return 0;
}

/** check_ports() - @app publishes no port that only root may take */
static int check_ports(const struct dyno_app *app, enum dyno_net net, struct dyno_error *err)
{
	struct policy policy;
	int r = policy_read(app, net, &policy, err);

	for (size_t i = 0; r == 0 && i < policy.publish_count; i++)
		if (policy.publish[i].port != 0 && policy.publish[i].port < RESERVED_PORTS)
			r = error_set(err, -EACCES, "start", "port %u is reserved", policy.publish[i].port);
	return r;
}

/** check_power() - what another user than ours may ask for */
static int check_power(const struct peer *peer, const struct request *request, struct dyno_error *err)
{
	const char *what = NULL;

	if (peer->trusted)
		return 0;
	if (strcmp(request->shape.stack, "host") != 0)
		what = "a stack of its own";
	else if (request->shape.scratch_dir)
		what = "a scratch directory";
	else if (request->app.publish_unix)
		what = "a published unix socket";
	else if (request->shape.net == DYNO_NET_HOST)
		what = "the network of this machine";
	if (!what)
		return check_ports(&request->app, request->shape.net, err);
	return error_set(err, -EACCES, "start", "%s is for the launcher's own user and root", what);
}

/** check_opened() - @fd was opened, not just looked up: an O_PATH descriptor proves no right */
static int check_opened(int fd, const char *name, struct dyno_error *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || flags & O_PATH)
		return error_set(err, -EBADF, "start", "descriptor %s was not opened for reading or writing", name);
	return 0;
}

/**
 * slug_path() - how the library finds the slug at @fd: by its own path where that is no risk and leads there, because people see it
 * in `dyno ps`; else by descriptor, which nobody can exchange
 * @buf: PATH_MAX bytes
 */
static int slug_path(const struct peer *peer, int fd, char *buf, struct dyno_error *err)
{
	char link[32];
	struct stat slug, found;
	ssize_t length;
	int r = check_opened(fd, "slug", err);

	if (r < 0)
		return r;
	if (fstat(fd, &slug) < 0 || !S_ISDIR(slug.st_mode))
		return error_set(err, -ENOTDIR, "slug", "the slug is not a directory");
	if (slug.st_nlink == 0)
		return error_set(err, -ENOENT, "slug", "the slug was removed");
	if (!peer->trusted && slug.st_uid != peer->who.uid)
		return error_set(err, -EACCES, "slug", "the slug belongs to user %u, and not to you, %u", slug.st_uid,
		                 peer->who.uid);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = peer->trusted ? readlink(link, buf, PATH_MAX - 1) : -1;
	buf[length > 0 ? length : 0] = '\0';
	if (length <= 0 || stat(buf, &found) < 0 || found.st_dev != slug.st_dev || found.st_ino != slug.st_ino)
		(void)text_copy(buf, PATH_MAX, link);
	return 0;
}

/** streams() - standard streams of @app: what came with @packet, /dev/null for the rest; none with a terminal */
static int streams(const struct launcher *launcher, const struct packet *packet, bool tty, struct dyno_app *app,
                   struct dyno_error *err)
{
	for (unsigned i = 0; i < 3; i++) {
		enum protocol_fd name = (enum protocol_fd)(PROTOCOL_FD_STDIN + i);
		int fd = packet->fds[name];
		int r = fd < 0 ? 0 : check_opened(fd, protocol_fd_name(name), err);

		if (r < 0)
			return r;
		if (fd >= 0 && tty)
			return error_set(err, -EINVAL, "start", "a dyno with a terminal takes no descriptor %s",
			                 protocol_fd_name(name));
		app->fds[i] = fd < 0 ? launcher->null : fd;
	}
	return 0;
}

/** requested() - when the boot began: as the peer says, if that can be, else now */
static uint64_t requested(const struct request *request)
{
	uint64_t now = clock_ns();

	if (request->requested_ns > now || request->requested_ns + REQUESTED_AGE_NS < now)
		return now;
	return request->requested_ns;
}

/** launch() - make the dyno */
static int launch(struct peer *peer, struct packet *packet, const struct request *request, struct dyno **ret,
                  struct dyno_error *err)
{
	uint64_t requested_ns = requested(request);
	struct dyno_app app = request->app;
	char slug[PATH_MAX];
	int r = room_for(peer, packet->head.id, err);

	if (r == 0)
		r = check_power(peer, request, err);
	if (r == 0)
		r = streams(peer->launcher, packet, request->shape.tty, &app, err);
	if (r == 0 && packet->fds[PROTOCOL_FD_SLUG] >= 0) {
		r = slug_path(peer, packet->fds[PROTOCOL_FD_SLUG], slug, err);
		app.slug = slug;
	}
	if (r < 0)
		return r;
	r = pools_start(peer->launcher->pools, &request->shape, &app, peer->trusted, requested_ns, ret, err);
	if (r == -EMFILE || r == -ENFILE)
		error_remedy(err, "try again when dynos have ended, or raise the limit of open files (LimitNOFILE=)");
	return r;
}

int start_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err)
{
	struct stats *stats = &peer->launcher->stats;
	struct dyno *dyno = NULL;
	int r = launch(peer, packet, request, &dyno, err);

	stats->asked++;
	if (r == 0)
		r = resident_add(peer, packet->head.id, request, dyno, err);
	if (r < 0)
		stats->refused++;
	return r;
}
