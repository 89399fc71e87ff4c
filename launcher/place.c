/* SPDX-License-Identifier: Apache-2.0 */
/* place.c - see place.h */
#include "launcher/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "launcher/client.h"
#include "launcher/launcher.h"

#define STEP "socket"
#define INHERITED_FD 3 /* sd_listen_fds(3), SD_LISTEN_FDS_START */
#define BACKLOG 4096

/** inherited() - systemd handed over a socket to this very process. Return: how many, 0 for none */
static unsigned inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint64_t number = 0, sockets = 0;

	if (!pid || !count || units_number(pid, 1, INT_MAX, &number) < 0 || (pid_t)number != getpid() ||
	    units_number(count, 0, 1024, &sockets) < 0)
		return 0;
	return (unsigned)sockets;
}

/** option_of() - the number that socket option @name of @fd holds, -1 without */
static int option_of(int fd, int name)
{
	int value = -1;
	socklen_t size = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -1 : value;
}

/** take_inherited() - systemd's socket, which must be of our kind */
static int take_inherited(unsigned count, struct place *place, struct dyno_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNSPEC };
	socklen_t size = sizeof(address) - 1;

	if (count != 1 || option_of(INHERITED_FD, SO_DOMAIN) != AF_UNIX ||
	    option_of(INHERITED_FD, SO_TYPE) != SOCK_SEQPACKET || option_of(INHERITED_FD, SO_ACCEPTCONN) != 1) {
		error_set(err, -EINVAL, STEP,
		          "what systemd hands over is not one listening SOCK_SEQPACKET unix socket");
		error_remedy(err, "ListenSequentialPacket= in the socket unit, once");
		return -EINVAL;
	}
	place->fd = INHERITED_FD;
	/* no child of ours is to take it for its own */
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	/* Once more, so that SO_PEERCRED tells peers of us and not of systemd (net/unix/af_unix.c, unix_listen). */
	if (fcntl(place->fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(place->fd, F_SETFL, O_NONBLOCK) < 0 ||
	    listen(place->fd, BACKLOG) < 0)
		return error_set(err, -errno, STEP, "cannot use the socket that systemd hands over:");
	if (getsockname(place->fd, (struct sockaddr *)&address, &size) == 0 &&
	    size > offsetof(struct sockaddr_un, sun_path))
		(void)text_format(place->path, sizeof(place->path), "%.*s",
		                  (int)(size - offsetof(struct sockaddr_un, sun_path)), address.sun_path);
	return 0;
}

/** open_directory() - the directory of @path. Return: descriptor or negative errno */
static int open_directory(const char *path)
{
	char directory[PATH_MAX];
	int fd, r = text_format(directory, sizeof(directory), "%.*s/", (int)(strrchr(path, '/') - path), path);

	if (r < 0)
		return r;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/** bind_at() - a socket named @name in the place's directory, open to this user, and to @group */
static int bind_at(const struct place *place, const char *name, gid_t group)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	bool shared = group != (gid_t)-1;
	struct stat st;
	mode_t mask;
	int r;

	/* By descriptor: sun_path holds 108 bytes, and the path may be longer (unix(7), BUGS). */
	r = text_format(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", place->dir, name);
	if (fd < 0 || r < 0)
		return r < 0 ? r : -errno;
	/* The claim is ours: a socket that is there already is of a launcher that died. Nothing else is ours to remove. */
	if (fstatat(place->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (!S_ISSOCK(st.st_mode) || unlinkat(place->dir, name, 0) < 0))
		return S_ISSOCK(st.st_mode) ? -errno : -EEXIST;
	mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	(void)umask(mask);
	if (r < 0)
		return r;
	if (shared && (fchownat(place->dir, name, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW) < 0 ||
	               fchmodat(place->dir, name, 0660, 0) < 0))
		return -errno;
	return listen(fd, BACKLOG) < 0 ? -errno : TAKE_FD(fd);
}

/** take_own() - a socket of our own at @path */
static int take_own(const char *path, gid_t group, struct place *place, struct dyno_error *err)
{
	const char *name = strrchr(path, '/');
	char claim[NAME_MAX + 1];

	if (!name || path[0] != '/' || name[1] == '\0')
		return error_set(err, -EINVAL, STEP, "socket %s: not an absolute path of a file", path);
	if (text_copy(place->path, sizeof(place->path), path) < 0 ||
	    text_format(claim, sizeof(claim), "%s.lock", ++name) < 0)
		return error_set(err, -ENAMETOOLONG, STEP, "the path of the socket is too long");
	place->dir = open_directory(path);
	if (place->dir < 0)
		return error_set(err, place->dir, STEP, "cannot open the directory of %s:", path);
	place->claim = claim_take(place->dir, claim);
	if (place->claim == -EBUSY) {
		error_set(err, -EADDRINUSE, STEP, "another launcher listens at %s", path);
		error_remedy(err, "stop it, or choose another place: --socket PATH");
		return -EADDRINUSE;
	}
	if (place->claim < 0)
		return error_set(err, place->claim, STEP, "cannot claim %s:", path);
	place->fd = bind_at(place, name, group);
	return place->fd < 0 ? error_set(err, place->fd, STEP, "cannot listen at %s:", path) : 0;
}

int place_open(const char *path, gid_t group, struct place *ret, struct dyno_error *err)
{
	struct place place = PLACE_NULL;
	unsigned count = inherited();
	int r = count > 0 ? take_inherited(count, &place, err) : take_own(path, group, &place, err);

	if (r < 0)
		place_close(&place);
	else
		*ret = place;
	return r;
}

void place_close(struct place *place)
{
	const char *name = strrchr(place->path, '/');
	char claim[NAME_MAX + 1];

	if (place->claim >= 0 && name && text_format(claim, sizeof(claim), "%s.lock", name + 1) >= 0) {
		if (place->fd >= 0)
			(void)unlinkat(place->dir, name + 1, 0);
		place->claim = claim_drop(place->dir, claim, place->claim);
	}
	place->fd = fd_close(place->fd);
	place->dir = fd_close(place->dir);
}

int launcher_sweep(void)
{
	static const char name[] = "launcher.sock", lock[] = "launcher.sock.lock";
	_cleanup_close_ int dir = -1;
	char path[PATH_MAX];
	int claim, r = launcher_socket_path(path, sizeof(path));

	if (r < 0)
		return r;
	dir = open_directory(path);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = claim_held(dir, lock);
	if (r != 0)
		return r == -ENOENT || r > 0 ? 0 : r;
	claim = claim_take(dir, lock);
	if (claim < 0)
		return claim == -EBUSY ? 0 : claim;
	(void)unlinkat(dir, name, 0);
	(void)claim_drop(dir, lock, claim);
	return 1;
}

void place_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	size_t length;

	if (!path || text_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
		return;
	length = strlen(path);
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* Who does not listen has not asked. */
	if (fd >= 0)
		(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
		             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}
