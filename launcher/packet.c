/* SPDX-License-Identifier: Apache-2.0 */
/* packet.c - see packet.h */
#include "launcher/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

#define STEP "protocol"
/* The most that sendmsg(2) takes (include/net/scm.h, SCM_MAX_FD): with room for them all, a cut list means that we have none left */
#define SENT_MAX 253

/* Whoever may write or shorten it would change what was checked, or make us touch what is no more */
#define BODY_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK)

/** union control - ancillary data, aligned as cmsg(3) wants it */
union control {
	struct cmsghdr align;
	char data[CMSG_SPACE(SENT_MAX * sizeof(int))];
};

/** struct received - descriptors in the order in which they came */
struct received {
	int fds[SENT_MAX];
	unsigned count;
};

/** take_fds() - move the descriptors of @msg to @ret */
static void take_fds(struct msghdr *msg, struct received *ret)
{
	struct cmsghdr *head;

	ret->count = 0;
	for (head = CMSG_FIRSTHDR(msg); head; head = CMSG_NXTHDR(msg, head)) {
		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		ret->count = (unsigned)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(ret->fds, CMSG_DATA(head), ret->count * sizeof(int));
	}
}

/** drop_fds() - close what was not named */
static void drop_fds(struct received *received)
{
	for (unsigned i = 0; i < received->count; i++)
		(void)fd_close(received->fds[i]);
	received->count = 0;
}

/** name_fds() - put the descriptors of @received where the field "fds" says */
static int name_fds(struct packet *packet, struct received *received, struct dyno_error *err)
{
	struct protocol_fds named;
	int r = protocol_read_fds(protocol_find(packet->fields, "fds"), &named, err);

	if (r < 0)
		return r;
	if (named.count != received->count)
		return error_set(err, -EBADMSG, STEP, "fds names %u descriptors, and %u came with the packet",
		                 named.count, received->count);
	for (unsigned i = 0; i < PROTOCOL_FD_COUNT; i++)
		if (named.at[i] >= 0)
			packet->fds[i] = received->fds[named.at[i]];
	received->count = 0;
	return 0;
}

/** open_body() - map the body, if there is one, and add its fields */
static int open_body(struct packet *packet, struct dyno_error *err)
{
	int fd = packet->fds[PROTOCOL_FD_BODY];
	struct stat st;
	int seals;

	if (fd < 0)
		return 0;
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & BODY_SEALS) != BODY_SEALS || fstat(fd, &st) < 0) {
		error_set(err, -EBADMSG, STEP, "the body is not a memfd that is sealed against writing and shrinking");
		error_remedy(err, "memfd_create(2) with MFD_ALLOW_SEALING, then F_ADD_SEALS of fcntl(2)");
		return -EBADMSG;
	}
	if (st.st_size <= 0 || st.st_size > (off_t)PROTOCOL_BODY_MAX)
		return error_set(err, -EMSGSIZE, STEP, "the body holds %lld bytes, 1 to %u are taken",
		                 (long long)st.st_size, PROTOCOL_BODY_MAX);
	packet->body = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (packet->body == MAP_FAILED) {
		packet->body = NULL;
		return error_set(err, -errno, STEP, "cannot map the body:");
	}
	packet->body_size = (size_t)st.st_size;
	return protocol_read_body(packet->body, packet->body_size, &packet->fields, err);
}

/** read_packet() - what was received, from its flags to its body */
static int read_packet(struct packet *packet, int flags, struct received *received, struct dyno_error *err)
{
	int r = protocol_read(packet->data, packet->size, &packet->head, &packet->fields, err);

	if (r < 0 && packet->head.id == 0)
		return r;
	if (flags & MSG_TRUNC) {
		error_set(err, -EMSGSIZE, STEP, "the packet is longer than %d bytes", PROTOCOL_PACKET_MAX);
		error_remedy(err, "send its fields in a body");
		return -EMSGSIZE;
	}
	if (r < 0)
		return r;
	if (flags & MSG_CTRUNC) {
		error_set(err, -EMFILE, STEP, "no descriptor is left here to receive those of the packet");
		error_remedy(err, "try again when dynos have ended, or raise the limit of open files (LimitNOFILE=)");
		return -EMFILE;
	}
	r = name_fds(packet, received, err);
	return r < 0 ? r : open_body(packet, err);
}

int packet_receive(int socket, struct packet *ret, struct dyno_error *err)
{
	union control control;
	struct iovec part = { .iov_base = ret->data, .iov_len = sizeof(ret->data) };
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct received received;
	ssize_t got;
	int r;

	memset(ret, 0, offsetof(struct packet, data));
	for (unsigned i = 0; i < PROTOCOL_FD_COUNT; i++)
		ret->fds[i] = -1;
	do {
		got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		/* A reset is told before the packets that the peer sent while it lived: they are still there. */
	} while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return -errno;
	if (got == 0 && msg.msg_controllen == 0)
		return 0;
	take_fds(&msg, &received);
	ret->size = (size_t)got;
	r = read_packet(ret, msg.msg_flags, &received, err);
	drop_fds(&received);
	return r < 0 ? r : 1;
}

void packet_done(struct packet *packet)
{
	explicit_bzero(packet->data, packet->size);
	packet->size = 0;
	if (packet->body)
		(void)munmap(packet->body, packet->body_size);
	packet->body = NULL;
	for (unsigned i = 0; i < PROTOCOL_FD_COUNT; i++)
		packet->fds[i] = fd_close(packet->fds[i]);
}

int packet_send(int socket, const char *data, size_t size, const int *fds, unsigned count)
{
	union control control;
	struct iovec part = { .iov_base = (void *)(uintptr_t)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;

	if (count > 0) {
		struct cmsghdr *head = &control.align;

		memset(&control, 0, CMSG_SPACE(count * sizeof(int)));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	}
	do {
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	/* ENOBUFS, ETOOMANYREFS: descriptors in flight are bounded for each user (unix(7)): they come free as the other side reads */
	if (errno == ENOBUFS || errno == ETOOMANYREFS)
		return -EAGAIN;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

int packet_body(const char *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("dyno-body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = fd < 0 ? -errno : fd_write_all(fd, data, size);

	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, BODY_SEALS | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return TAKE_FD(fd);
}
