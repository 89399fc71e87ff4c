/* SPDX-License-Identifier: Apache-2.0 */
/**
 * publish.c - see publish.h
 *
 * A reserving socket never has SO_REUSEADDR while it does not listen: two sockets that both have it, and of which none listens, are both
 * given the port (net/ipv4/inet_connection_sock.c, inet_csk_bind_conflict()), so that the reservation would hold nobody
 * off. But without it bind(2) is refused as long as a connection of the port's last owner is in TIME_WAIT. bind_beside_closed()
 * has both: see there.
 */
#include "netns/publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/text.h"
#include "netns/owner.h"
#include "netns/relay.h"

#define STEP "publish"

#define FREE_PORT_TRIES 64
#define UNIX_MODE 0660

/** union address - a socket's address of either family */
union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

/** address_of() - @at for the socket calls. Return: its size */
static socklen_t address_of(const struct policy_endpoint *at, union address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (at->family == AF_INET) {
		ret->four.sin_family = AF_INET;
		ret->four.sin_port = htons(at->port);
		memcpy(&ret->four.sin_addr, at->address, 4);
		return sizeof(ret->four);
	}
	ret->six.sin6_family = AF_INET6;
	ret->six.sin6_port = htons(at->port);
	memcpy(&ret->six.sin6_addr, at->address, 16);
	return sizeof(ret->six);
}

/** set_flag() - an integer socket option of SOL_SOCKET */
static int set_flag(int fd, int option, int value)
{
	return setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/** open_socket() - a socket for @at; an IPv6 one does not take IPv4, which has addresses of its own */
static int open_socket(const struct policy_endpoint *at)
{
	const int on = 1;
	int fd = socket(at->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && at->family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) {
		int code = -errno;

		fd_close(fd);
		return code;
	}
	return fd < 0 ? -errno : fd;
}

/**
 * bind_beside_closed() - reserve an address although connections of its last owner are not forgotten yet
 * SO_REUSEADDR lets us beside them. Listening for a moment then makes the kernel forget that everyone on this port may be
 * reused (tb->fastreuse), and without the flag from there on nobody gets the port beside us, whether he has the flag or not.
 * shutdown(2) ends the listening and keeps the address (tcp_disconnect(), SOCK_BINDPORT_LOCK).
 */
static int bind_beside_closed(const struct policy_endpoint *at)
{
	union address address;
	socklen_t size = address_of(at, &address);
	_cleanup_close_ int fd = open_socket(at);
	int r = fd < 0 ? fd : set_flag(fd, SO_REUSEADDR, 1);

	if (r < 0)
		return r;
	if (bind(fd, &address.any, size) < 0 || listen(fd, 0) < 0)
		return -errno;
	r = set_flag(fd, SO_REUSEADDR, 0);
	if (r < 0)
		return r;
	return shutdown(fd, SHUT_RD) < 0 ? -errno : TAKE_FD(fd);
}

/** bind_at() - reserve @at; port 0 becomes the one that was found. Return: the socket or negative errno */
static int bind_at(struct policy_endpoint *at)
{
	union address address;
	socklen_t size = address_of(at, &address);
	_cleanup_close_ int fd = open_socket(at);

	if (fd < 0)
		return fd;
	if (bind(fd, &address.any, size) < 0)
		return errno == EADDRINUSE && at->port != 0 ? bind_beside_closed(at) : -errno;
	if (at->port == 0) {
		if (getsockname(fd, &address.any, &size) < 0)
			return -errno;
		at->port = ntohs(at->family == AF_INET ? address.four.sin_port : address.six.sin6_port);
	}
	return TAKE_FD(fd);
}

/** is_loopback() - 127.0.0.1 or ::1, the two that are meant by a bare port */
static bool is_loopback(const struct policy_endpoint *at)
{
	static const uint8_t four[4] = { 127, 0, 0, 1 }, six[16] = { [15] = 1 };

	return at->family == AF_INET ? memcmp(at->address, four, 4) == 0 : memcmp(at->address, six, 16) == 0;
}

/** twins() - @a and @b are the same place in the two families */
static bool twins(const struct policy_endpoint *a, const struct policy_endpoint *b)
{
	return a->family != b->family && ((is_loopback(a) && is_loopback(b)) || (policy_is_any(a) && policy_is_any(b)));
}

/** twin_of() - place in @policy of the twin of number @at, asked for with the same port; @policy->publish_count without */
static size_t twin_of(const struct policy *policy, size_t at)
{
	size_t i;

	for (i = 0; i < policy->publish_count; i++)
		if (twins(&policy->publish[i], &policy->publish[at]) &&
		    policy->publish[i].port == policy->publish[at].port)
			break;
	return i;
}

/** say_in_use() - the address has an owner: name it */
static void say_in_use(const struct policy_endpoint *at, struct dyno_error *err)
{
	char text[POLICY_ENDPOINT_TEXT], owner[128];

	error_set(err, -EADDRINUSE, STEP, "%s is taken by %s", policy_endpoint_text(at, text),
	          owner_of(at, owner, sizeof(owner)));
	error_remedy(err, "publish another port, or 0 for one that is free");
}

/** say_privileged() - the port is below the first that an ordinary user may have */
static void say_privileged(const struct policy_endpoint *at, struct dyno_error *err)
{
	char text[POLICY_ENDPOINT_TEXT], first[16] = "1024";

	if (fd_read_text(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", first, sizeof(first)) > 0)
		first[strcspn(first, "\n")] = '\0';
	error_set(err, -EACCES, STEP, "%s: ports below %s are the system's", policy_endpoint_text(at, text), first);
	error_remedy(err, "publish a port from %s on, or run as root", first);
}

/** say_why() - the address @at could not be reserved. Return: @code */
static int say_why(const struct policy_endpoint *at, int code, struct dyno_error *err)
{
	char text[POLICY_ENDPOINT_TEXT];

	policy_endpoint_text(at, text);
	switch (code) {
	case -EADDRINUSE:
		if (at->port == 0)
			return error_set(err, code, STEP, "%s: no port of this machine is free", text);
		say_in_use(at, err);
		return code;
	case -EACCES: say_privileged(at, err); return code;
	case -EADDRNOTAVAIL:
	case -EAFNOSUPPORT:
		if (at->family == AF_INET6 && (is_loopback(at) || policy_is_any(at) || code == -EAFNOSUPPORT))
			return error_set(err, -EADDRNOTAVAIL, STEP, "%s: this machine has no IPv6", text);
		error_set(err, -EADDRNOTAVAIL, STEP, "%s is no address of this machine", text);
		error_remedy(err, "0.0.0.0 or [::] stands for all of its addresses");
		return -EADDRNOTAVAIL;
	default: return error_set(err, code, STEP, "cannot reserve %s:", text);
	}
}

/** keep() - one more address is ours */
static void keep(struct publish *publish, const struct policy_endpoint *at, int fd)
{
	publish->at[publish->count] = *at;
	publish->fds[publish->count] = fd;
	policy_endpoint_text(at, publish->texts[publish->count]);
	publish->count++;
}

/** without_six() - this machine cannot have @at since it has no IPv6, and its IPv4 twin serves as well */
static bool without_six(const struct policy *policy, size_t i, int code)
{
	const struct policy_endpoint *at = &policy->publish[i];

	return at->family == AF_INET6 && is_loopback(at) && twin_of(policy, i) < policy->publish_count &&
	       (code == -EAFNOSUPPORT || code == -EADDRNOTAVAIL);
}

/**
 * reserve_pair() - one free port for two addresses: numbers @first and @second of @policy
 * The kernel chooses for the first; the second says whether that is free there too.
 */
static int reserve_pair(const struct policy *policy, size_t first, size_t second, struct publish *publish,
                        struct dyno_error *err)
{
	int code = -EADDRINUSE, tries;

	for (tries = 0; tries < FREE_PORT_TRIES && code == -EADDRINUSE; tries++) {
		struct policy_endpoint one = policy->publish[first], other = policy->publish[second];
		_cleanup_close_ int one_fd = bind_at(&one);
		int other_fd;

		if (one_fd < 0)
			return say_why(&one, one_fd, err);
		other.port = one.port;
		other_fd = bind_at(&other);
		code = other_fd < 0 ? other_fd : 0;
		if (code < 0 && !without_six(policy, second, code))
			continue;
		keep(publish, &one, TAKE_FD(one_fd));
		if (other_fd >= 0)
			keep(publish, &other, other_fd);
		return 0;
	}
	return say_why(&policy->publish[second], code, err);
}

/** reserve_one() - number @i of @policy */
static int reserve_one(const struct policy *policy, size_t i, struct publish *publish, struct dyno_error *err)
{
	struct policy_endpoint at = policy->publish[i];
	size_t twin = at.port == 0 ? twin_of(policy, i) : policy->publish_count;
	int fd;

	if (twin < i)
		return 0; /* was reserved with its twin */
	if (twin < policy->publish_count)
		return at.family == AF_INET ? reserve_pair(policy, i, twin, publish, err)
		                            : reserve_pair(policy, twin, i, publish, err);
	fd = bind_at(&at);
	if (fd < 0)
		return without_six(policy, i, fd) ? 0 : say_why(&at, fd, err);
	keep(publish, &at, fd);
	return 0;
}

/** unix_address() - @path for the socket calls */
static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	(void)text_copy(un.sun_path, sizeof(un.sun_path), path);
	return un;
}

/** is_dead() - @path is a socket at which nobody answers */
static bool is_dead(const char *path)
{
	const struct sockaddr_un un = unix_address(path);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;

	return fd >= 0 && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       connect(fd, (const struct sockaddr *)&un, sizeof(un)) < 0 && errno == ECONNREFUSED;
}

/** say_unix() - the unix socket could not be made. Return: @code */
static int say_unix(const char *path, int code, struct dyno_error *err)
{
	struct stat st;

	if (code != -EADDRINUSE)
		return error_set(err, code, STEP, "unix socket %s:", path);
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return error_set(err, -EEXIST, STEP, "unix socket %s: there is something else of that name", path);
	error_set(err, code, STEP, "unix socket %s: somebody listens there", path);
	error_remedy(err, "choose another path, or end who has it");
	return code;
}

/**
 * own_file() - note which file the unix socket is, and who may connect
 * By a descriptor that follows no symlink: in a directory of others', the name could have become one meanwhile.
 */
static int own_file(struct publish *publish)
{
	_cleanup_close_ int file = open(publish->unix_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char self[32];
	struct stat st;

	if (file < 0 || fstat(file, &st) < 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return -EEXIST;
	publish->unix_dev = st.st_dev;
	publish->unix_ino = st.st_ino;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", file);
	return chmod(self, UNIX_MODE) < 0 ? -errno : 0;
}

/** reserve_unix() - make the unix socket; a dead owner's is replaced */
static int reserve_unix(const char *path, struct publish *publish, struct dyno_error *err)
{
	const struct sockaddr_un un = unix_address(path);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0 || fchmod(fd, UNIX_MODE) < 0) /* what bind(2) begins with: nobody gets in by a wider umask */
		return say_unix(path, -errno, err);
	if (is_dead(path))
		(void)unlink(path);
	if (bind(fd, (const struct sockaddr *)&un, sizeof(un)) < 0)
		return say_unix(path, -errno, err);
	(void)text_copy(publish->unix_path, sizeof(publish->unix_path), path);
	r = own_file(publish);
	if (r == 0 && listen(fd, SOMAXCONN) < 0)
		r = -errno;
	publish->unix_fd = TAKE_FD(fd);
	return r < 0 ? say_unix(path, r, err) : 0;
}

int publish_reserve(const struct policy *policy, struct publish *ret, struct dyno_error *err)
{
	struct publish publish = PUBLISH_NULL;
	int r = fault_at(STEP);
	size_t i;

	if (r < 0)
		return error_set(err, r, STEP, "injected failure at publish:");
	for (i = 0; i < policy->publish_count && r == 0; i++)
		r = reserve_one(policy, i, &publish, err);
	if (r == 0 && policy->publish_unix)
		r = reserve_unix(policy->publish_unix, &publish, err);
	if (r < 0) {
		publish_release(&publish);
		return r;
	}
	*ret = publish;
	return 0;
}

int publish_relay(struct publish *publish, const bool *marked, int user, int net, const struct sockaddr_in *to,
                  struct dyno_error *err)
{
	int listeners[POLICY_PUBLISH_MAX + 1];
	size_t count = 0, i;
	pid_t relay;

	for (i = 0; i < publish->count; i++) {
		if (!marked[i])
			continue;
		/* Who listens shares with nobody. What it accepts inherits the flag, and is then in no successor's way. */
		if (set_flag(publish->fds[i], SO_REUSEADDR, 1) < 0 || listen(publish->fds[i], SOMAXCONN) < 0)
			return say_why(&publish->at[i], -errno, err);
		listeners[count++] = publish->fds[i];
	}
	if (publish->unix_fd >= 0)
		listeners[count++] = publish->unix_fd;
	if (count == 0 || publish->relay != 0)
		return 0;
	relay = relay_start(listeners, count, user, net, to, err);
	if (relay < 0)
		return relay;
	publish->relay = relay;
	return 0;
}

void publish_release(struct publish *publish)
{
	struct stat st;
	size_t i;

	publish->relay = relay_stop(publish->relay);
	for (i = 0; i < publish->count; i++)
		publish->fds[i] = fd_close(publish->fds[i]);
	publish->count = 0;
	/* The file goes first: as long as the socket listens nobody takes the name for a dead one's. */
	if (publish->unix_ino != 0 && lstat(publish->unix_path, &st) == 0 && st.st_ino == publish->unix_ino &&
	    st.st_dev == publish->unix_dev)
		(void)unlink(publish->unix_path);
	publish->unix_ino = 0;
	publish->unix_path[0] = '\0';
	publish->unix_fd = fd_close(publish->unix_fd);
}

void publish_sweep(const char *path)
{
	if (path[0] == '/' && is_dead(path))
		(void)unlink(path);
}
