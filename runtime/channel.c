/* SPDX-License-Identifier: Apache-2.0 */
/* channel.c - see channel.h */
#include "runtime/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* Padding behind the descriptors would be filled with one more, for which a packet has no place. */
_Static_assert(CMSG_SPACE(CHANNEL_FDS * sizeof(int)) == CMSG_LEN(CHANNEL_FDS * sizeof(int)), "CHANNEL_FDS is even");

/** union control - ancillary data big enough for CHANNEL_FDS descriptors, aligned as cmsg(3) wants it */
union control {
	struct cmsghdr align;
	char data[CMSG_SPACE(CHANNEL_FDS * sizeof(int))];
};

int channel_pair(int ret[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0 ? -errno : 0;
}

int channel_send(int fd, const struct channel_message *message, const void *blob, const int *fds, unsigned count)
{
	struct channel_message copy = *message;
	union control control;
	struct iovec parts[2] = {
		{ .iov_base = &copy, .iov_len = sizeof(copy) },
		{ .iov_base = (void *)(uintptr_t)blob, .iov_len = blob ? message->blob_size : 0 },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = blob ? 2 : 1 };
	ssize_t sent;

	if (count > 0) {
		struct cmsghdr *head;

		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		head = CMSG_FIRSTHDR(&msg);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	}
	do {
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	/* A peer that died with packets unread is told as a reset, once (net/unix/af_unix.c, unix_release_sock). */
	return errno == ECONNRESET ? -EPIPE : -errno;
}

/** take_fds() - move received descriptors from ancillary data into @packet */
static void take_fds(struct msghdr *msg, struct channel_packet *packet)
{
	struct cmsghdr *head;

	for (head = CMSG_FIRSTHDR(msg); head; head = CMSG_NXTHDR(msg, head)) {
		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		packet->fd_count = (unsigned)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(packet->fds, CMSG_DATA(head), packet->fd_count * sizeof(int));
	}
}

int channel_receive(int fd, struct channel_packet *ret, bool wait)
{
	union control control;
	struct iovec parts[2] = {
		{ .iov_base = &ret->message, .iov_len = sizeof(ret->message) },
		{ .iov_base = ret->blob, .iov_len = sizeof(ret->blob) },
	};
	struct msghdr msg = {
		.msg_iov = parts,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;
	unsigned i;

	for (i = 0; i < CHANNEL_FDS; i++)
		ret->fds[i] = -1;
	ret->fd_count = 0;
	do {
		got = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
		/* A reset is told before the packets that the peer sent while it lived: they are still there. */
	} while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return -errno;
	if (got == 0)
		return 0;
	take_fds(&msg, ret);
	/* unix(7): descriptors for which there was no room are left out */
	if (msg.msg_flags & MSG_CTRUNC) {
		channel_close_fds(ret);
		return -EMFILE;
	}
	if ((size_t)got < sizeof(ret->message) || (msg.msg_flags & MSG_TRUNC) ||
	    (!(ret->message.flags & CHANNEL_HAS_BLOB) &&
	     ret->message.blob_size != (size_t)got - sizeof(ret->message))) {
		channel_close_fds(ret);
		return -EPROTO;
	}
	return 1;
}

void channel_close_fds(struct channel_packet *packet)
{
	unsigned i;

	for (i = 0; i < CHANNEL_FDS; i++)
		packet->fds[i] = fd_close(packet->fds[i]);
	packet->fd_count = 0;
}

/** vector_size() - bytes of all strings of @vector with terminators; @ret_count: how many */
static size_t vector_size(const char *const *vector, uint32_t *ret_count)
{
	size_t bytes = 0;
	uint32_t count = 0;

	for (; vector && vector[count]; count++)
		bytes += strlen(vector[count]) + 1;
	*ret_count = count;
	return bytes;
}

/** put_string() - append @text at *@at. Return: its offset from @blob */
static uint64_t put_string(const char *blob, char **at, const char *text)
{
	uint64_t offset = (uint64_t)(*at - blob);
	size_t size = strlen(text) + 1;

	memcpy(*at, text, size);
	*at += size;
	return offset;
}

int channel_app_pack(const struct dyno_app *app, const char *const *env, uint64_t file_size, bool no_cgroup, void **ret,
                     size_t *ret_size)
{
	const char *workdir = app->workdir ? app->workdir : "/app";
	struct channel_app head = {
		.limits = app->limits,
		.file_size = file_size,
		.rows = app->rows,
		.columns = app->columns,
		.no_cgroup = no_cgroup,
	};
	size_t strings = vector_size(app->argv, &head.argc) + vector_size(env, &head.envc) + strlen(workdir) + 1;
	size_t tables = ((size_t)head.argc + head.envc + 2) * sizeof(uint64_t);
	size_t size = sizeof(head) + tables + strings;
	uint64_t *table;
	char *blob = calloc(1, size);
	char *at;
	uint32_t i;

	if (!blob)
		return -ENOMEM;
	head.argv = sizeof(head);
	head.env = head.argv + (head.argc + 1) * sizeof(uint64_t);
	at = blob + sizeof(head) + tables;
	head.workdir = put_string(blob, &at, workdir);
	table = (uint64_t *)(void *)(blob + head.argv);
	for (i = 0; i < head.argc; i++)
		table[i] = put_string(blob, &at, app->argv[i]);
	table = (uint64_t *)(void *)(blob + head.env);
	for (i = 0; i < head.envc; i++)
		table[i] = put_string(blob, &at, env[i]);
	memcpy(blob, &head, sizeof(head));
	*ret = blob;
	*ret_size = size;
	return 0;
}

int channel_send_app(int fd, const struct channel_message *head, const void *blob, size_t size, const int *streams)
{
	struct channel_message message = *head;
	_cleanup_close_ int memfd = -1;
	int fds[CHANNEL_FDS];
	unsigned count = 0;
	int r;

	message.blob_size = size;
	if (streams) {
		memcpy(fds, streams, 3 * sizeof(int));
		count = 3;
		message.flags |= CHANNEL_WITH_STREAMS;
	}
	if (size <= CHANNEL_INLINE)
		return channel_send(fd, &message, blob, fds, count);
	memfd = memfd_create("dyno-app", MFD_CLOEXEC);
	if (memfd < 0)
		return -errno;
	r = fd_write_all(memfd, blob, size);
	if (r < 0)
		return r;
	fds[count++] = memfd;
	message.flags |= CHANNEL_HAS_BLOB;
	return channel_send(fd, &message, NULL, fds, count);
}

/** open_table() - turn the offsets at @offset into pointers */
static bool open_table(char *blob, size_t size, uint64_t offset, uint32_t count)
{
	uint64_t *table = (uint64_t *)(void *)(blob + offset);
	uint32_t i;

	if (offset % 8 != 0 || offset > size || (size - offset) / 8 <= count)
		return false;
	for (i = 0; i < count; i++) {
		if (table[i] >= size)
			return false;
		table[i] = (uint64_t)(uintptr_t)(blob + table[i]);
	}
	return table[count] == 0;
}

struct channel_app *channel_app_open(struct channel_packet *packet, size_t *ret_mapping)
{
	size_t size = packet->message.blob_size;
	char *blob = packet->blob;
	struct channel_app *app;
	struct stat st;

	*ret_mapping = 0;
	if (size < sizeof(*app))
		return NULL;
	if (packet->message.flags & CHANNEL_HAS_BLOB) {
		/* to touch a mapping past the end of its file is a SIGBUS */
		if (packet->fd_count == 0 || fstat(packet->fds[packet->fd_count - 1], &st) < 0 ||
		    (size_t)st.st_size < size)
			return NULL;
		blob = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, packet->fds[packet->fd_count - 1], 0);
		if (blob == MAP_FAILED)
			return NULL;
		*ret_mapping = size;
	} else if (size > sizeof(packet->blob)) {
		return NULL;
	}
	app = (struct channel_app *)(void *)blob;
	/* as channel_app_pack() lays it out: tables that overlap would turn each other's entries into pointers */
	if (blob[size - 1] != '\0' || app->argc == 0 || app->workdir >= size || app->argv != sizeof(*app) ||
	    app->env != app->argv + (app->argc + 1ULL) * sizeof(uint64_t) ||
	    !open_table(blob, size, app->argv, app->argc) || !open_table(blob, size, app->env, app->envc)) {
		channel_app_close(app, size, *ret_mapping);
		return NULL;
	}
	return app;
}

void channel_app_close(struct channel_app *app, size_t size, size_t mapping)
{
	explicit_bzero(app, size);
	if (mapping > 0)
		(void)munmap(app, mapping);
}
