/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - see owner.h */
#include "netns/owner.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"

/* States of a socket in /proc/net/tcp: include/net/tcp_states.h */
#define STATE_TIME_WAIT 6U
#define STATE_LISTEN 10U

#define FDS_MAX 65536U /* descriptors looked at: this is a message, not a search engine */
#define NAME_SIZE 32

/**
 * struct holder - a socket that holds the port
 * @state: 0 while none was found
 * @inode: 0 for those that no process has any more
 */
struct holder {
	unsigned state;
	unsigned uid;
	unsigned long inode;
};

/** rank() - which of several sockets is the one to be named: who listens, then who has a process */
static int rank(const struct holder *holder)
{
	if (holder->state == STATE_LISTEN)
		return 3;
	return holder->state == 0 ? 0 : 1 + (holder->inode != 0);
}

/** read_line() - a row of /proc/net/tcp: local port and who. Return: it was one */
static bool read_line(const char *line, unsigned *ret_port, struct holder *ret)
{
	/* sl: local:port remote:port state tx:rx tr:when retransmit uid timeout inode */
	return sscanf(line,
	              "%*u: %*[0-9A-F]:%X %*[0-9A-F]:%*X %X %*[0-9A-F]:%*[0-9A-F] %*[0-9A-F]:%*[0-9A-F] %*X %u %*d %lu",
	              ret_port, &ret->state, &ret->uid, &ret->inode) == 4;
}

/** look() - the best holder of @port in the table @path */
static void look(const char *path, uint16_t port, struct holder *best)
{
	FILE *table = fopen(path, "re");
	char line[512];

	while (table && fgets(line, sizeof(line), table)) {
		struct holder holder = { 0 };
		unsigned at = 0;

		if (read_line(line, &at, &holder) && at == port && rank(&holder) > rank(best))
			*best = holder;
	}
	if (table)
		fclose(table);
}

/** has_socket() - the process whose /proc directory is @dirfd has socket @link open; counts what was looked at */
static bool has_socket(int dirfd, const char *link, unsigned *looked)
{
	int fd = openat(dirfd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool found = false;
	char target[64];

	if (!dir) {
		fd_close(fd);
		return false;
	}
	while (!found && *looked < FDS_MAX && (entry = readdir(dir))) {
		ssize_t length = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);

		(*looked)++;
		if (length <= 0)
			continue;
		target[length] = '\0';
		found = strcmp(target, link) == 0;
	}
	closedir(dir);
	return found;
}

/** name_process() - the process that has the socket of @inode open. Return: it was found */
static bool name_process(unsigned long inode, char *buf, size_t size)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	char link[64], name[NAME_SIZE];
	unsigned looked = 0;
	bool found = false;

	snprintf(link, sizeof(link), "socket:[%lu]", inode);
	while (proc && !found && looked < FDS_MAX && (entry = readdir(proc))) {
		_cleanup_close_ int dir = -1;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		dir = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0 || !has_socket(dir, link, &looked))
			continue;
		found = true;
		if (fd_read_text(dir, "comm", name, sizeof(name)) < 0)
			(void)text_copy(name, sizeof(name), "a process");
		name[strcspn(name, "\n")] = '\0';
		snprintf(buf, size, "%s (pid %.10s)", name, entry->d_name);
	}
	if (proc)
		closedir(proc);
	return found;
}

char *owner_of(const struct policy_endpoint *at, char *buf, size_t size)
{
	struct holder best = { 0 };

	/* An IPv6 socket may hold the port for IPv4 as well: both tables count for both. */
	look(at->family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6", at->port, &best);
	look(at->family == AF_INET ? "/proc/net/tcp6" : "/proc/net/tcp", at->port, &best);
	if (best.state == 0)
		snprintf(buf, size, "a process that has it reserved and does not listen, as another user's dyno");
	else if (best.state == STATE_TIME_WAIT)
		snprintf(buf, size, "a closed connection, for a minute at most");
	else if (best.inode == 0 || !name_process(best.inode, buf, size))
		snprintf(buf, size, "a process of uid %u", best.uid);
	return buf;
}
