/* SPDX-License-Identifier: Apache-2.0 */
/* uplink.c - see uplink.h */
#include "netns/uplink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "netns/link.h"
#include "netns/route.h"

#define STEP "uplink"
#define CONF4 "/proc/sys/net/ipv4/conf"
#define CONF6 "/proc/sys/net/ipv6/conf"
#define ALL4 "/proc/sys/net/ipv4/ip_forward"
#define ALL6 CONF6 "/all/forwarding"
#define NOTE_SIZE 8192
#define PATH_SIZE 96

/** note_name() - name of the note of the calling thread's network namespace, in @buf of 32 bytes. Return: 0 or negative errno */
static int note_name(char *buf)
{
	struct stat st;

	if (stat("/proc/thread-self/ns/net", &st) < 0)
		return -errno;
	return text_format(buf, 32, "uplink-%llu", (unsigned long long)st.st_ino) < 0 ? -ENAMETOOLONG : 0;
}

/** switch_path() - the file that lets packets which come in by link @name be forwarded */
static int switch_path(char buf[PATH_SIZE], const char *name, sa_family_t family)
{
	int r = text_format(buf, PATH_SIZE, family == AF_INET ? CONF4 "/%s/forwarding" : CONF6 "/%s/force_forwarding",
	                    name);

	return r < 0 ? r : 0;
}

/** is_on() - a kernel file of one number says other than 0. Return: 1, 0, or negative errno */
static int is_on(const char *path)
{
	char text[16];
	ssize_t r = fd_read_text(AT_FDCWD, path, text, sizeof(text));

	return r < 0 ? (int)r : text[0] != '0';
}

/** note() - remember that link @name is about to be switched on */
static int note(int dir, const char *name, sa_family_t family)
{
	char file[32], line[IFNAMSIZ + 8];
	_cleanup_close_ int fd = -1;
	int r = note_name(file);

	if (r < 0)
		return r;
	fd = openat(dir, file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = text_format(line, sizeof(line), "%d %s\n", family == AF_INET ? 4 : 6, name);
	return r < 0 ? r : fd_write_all(fd, line, strlen(line));
}

int uplink_forward(int dir, const char *name, sa_family_t family, struct dyno_error *err)
{
	char path[PATH_SIZE];
	int r = switch_path(path, name, family);

	if (r < 0)
		return error_set(err, r, STEP, "the name of link %s is too long", name);
	r = is_on(path);
	/* no such link any more; or no such switch, on an older kernel, where IPv6 stays within the machine */
	if (r > 0 || r == -ENOENT)
		return 0;
	if (r == 0)
		r = note(dir, name, family);
	if (r == 0)
		r = fd_write_text(AT_FDCWD, path, "1\n");
	if (r == 0)
		return 0;
	error_set(err, r, STEP, "cannot let answers for dynos in by %s (%s):", name, path);
	error_remedy(err, "set it to 1 yourself, or use --egress deny and publish on loopback only");
	return r;
}

/** forward_to() - uplink_forward() for the link by which @address is reached, or which has it; none is fine */
static int forward_to(int dir, struct nl_sock *sock, sa_family_t family, const void *address, struct dyno_error *err)
{
	char name[IFNAMSIZ];
	struct route route;

	if (route_find(sock, family, address, &route) < 0 || route.link <= 0 ||
	    !if_indextoname((unsigned)route.link, name) || strcmp(name, "lo") == 0)
		return 0;
	return uplink_forward(dir, name, family, err);
}

/** forward_all() - uplink_forward() for every link but loopback and those of dynos */
static int forward_all(int dir, sa_family_t family, struct dyno_error *err)
{
	static const char *const others[] = { ".", "..", "all", "default", "lo" };
	DIR *links = opendir(family == AF_INET ? CONF4 : CONF6);
	const struct dirent *entry;
	int r = 0;

	if (!links)
		return 0;
	while (r == 0 && (entry = readdir(links))) {
		bool other = text_starts(entry->d_name, "dyno");

		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			other |= strcmp(entry->d_name, others[i]) == 0;
		if (!other)
			r = uplink_forward(dir, entry->d_name, family, err);
	}
	closedir(links);
	return r;
}

int uplink_world(struct nl_sock *sock, sa_family_t family, struct route *ret)
{
	/* any address of the world does: nothing is sent there */
	static const uint8_t world4[4] = { 9, 9, 9, 9 };
	static const uint8_t world6[16] = { 0x26, 0x20, 0, 0xfe, [15] = 0xfe };

	return route_find(sock, family, family == AF_INET ? world4 : world6, ret);
}

/** forward_world() - uplink_forward() for the link that leads to the world */
static int forward_world(int dir, struct nl_sock *sock, sa_family_t family, struct dyno_error *err)
{
	char name[IFNAMSIZ];
	struct route route;

	if (uplink_world(sock, family, &route) < 0 || route.link <= 0 || !if_indextoname((unsigned)route.link, name))
		return 0;
	return uplink_forward(dir, name, family, err);
}

int uplink_open(int dir, struct nl_sock *sock, const struct policy *policy, bool ipv6, struct dyno_error *err)
{
	int r = 0;

	/* a router forwards IPv6 already, whatever the switches of its links say */
	ipv6 = ipv6 && uplink_can_ipv6() == 1;
	if (policy->egress != POLICY_EGRESS_DENY) {
		r = forward_world(dir, sock, AF_INET, err);
		if (r == 0 && ipv6)
			r = forward_world(dir, sock, AF_INET6, err);
	}
	for (size_t i = 0; r == 0 && i < policy->publish_count; i++) {
		const struct policy_endpoint *at = &policy->publish[i];

		if (policy_is_loopback(at) || (at->family == AF_INET6 && !ipv6))
			continue;
		r = policy_is_any(at) ? forward_all(dir, at->family, err)
		                      : forward_to(dir, sock, at->family, at->address, err);
	}
	return r;
}

/** world_is_open() - uplink_is_open() for one family. No such route: there is nothing to open */
static bool world_is_open(struct nl_sock *sock, sa_family_t family)
{
	char name[IFNAMSIZ], path[PATH_SIZE];
	struct route route;

	if (uplink_world(sock, family, &route) < 0 || route.link <= 0 || !if_indextoname((unsigned)route.link, name))
		return true;
	return switch_path(path, name, family) == 0 && is_on(path) != 0;
}

bool uplink_is_open(struct nl_sock *sock, bool ipv6)
{
	return world_is_open(sock, AF_INET) && (!ipv6 || uplink_can_ipv6() != 1 || world_is_open(sock, AF_INET6));
}

int uplink_can_ipv6(void)
{
	if (is_on(ALL6) == 1)
		return 2;
	return access(CONF6 "/default/force_forwarding", F_OK) == 0;
}

int uplink_link6(const char *name)
{
	char path[PATH_SIZE];
	int r = switch_path(path, name, AF_INET6);

	return r < 0 ? r : fd_write_text(AT_FDCWD, path, "1\n");
}

/** put_back() - undo one line of the note */
static void put_back(const char *line, bool router)
{
	char path[PATH_SIZE];
	sa_family_t family = line[0] == '4' ? AF_INET : AF_INET6;
	const char *name = line + 2;

	/* who made the machine a router meanwhile (Docker does) wants this on */
	if ((line[0] != '4' && line[0] != '6') || line[1] != ' ' || strchr(name, '/') || (family == AF_INET && router))
		return;
	if (switch_path(path, name, family) == 0)
		(void)fd_write_text(AT_FDCWD, path, "0\n");
}

void uplink_restore(int dir)
{
	char file[32], text[NOTE_SIZE];
	char *rest = text, *line;
	bool router;
	int saved = errno;

	if (note_name(file) == 0 && fd_read_text(dir, file, text, sizeof(text)) >= 0) {
		router = is_on(ALL4) == 1;
		while ((line = strsep(&rest, "\n")))
			put_back(line, router);
		(void)unlinkat(dir, file, 0);
	}
	errno = saved;
}
