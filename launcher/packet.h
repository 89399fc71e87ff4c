/* SPDX-License-Identifier: Apache-2.0 */
/**
 * packet.h - packets of protocol.h on a socket, with their descriptors and bodies; both ends use it
 */
#ifndef LAUNCHER_PACKET_H
#define LAUNCHER_PACKET_H

#include "launcher/protocol.h"

/**
 * struct packet - one that was received; to be given to packet_done()
 * @fds:  descriptors by name, -1 where there is none; what is to be kept is taken out
 * @body: mapping of the body, NULL without
 */
struct packet {
	struct protocol_head head;
	struct protocol_fields fields;
	int fds[PROTOCOL_FD_COUNT];
	char *body;
	size_t body_size;
	size_t size;
	char data[PROTOCOL_PACKET_MAX];
};

/**
 * packet_receive() - the next packet of @socket; does not block
 * @ret: filled in on failure too, as far as it was read: head.id is the number to answer to
 * Return: 1; 0 at the end; -EAGAIN; -EPROTONOSUPPORT, -EBADMSG, -EMSGSIZE and others with @err: the packet is refused; another
 * negative errno without a text in @err: the connection is broken
 */
int packet_receive(int socket, struct packet *ret, struct dyno_error *err);

/** packet_done() - close what was not taken, and wipe it: config vars may be secret */
void packet_done(struct packet *packet);

/**
 * packet_send() - one packet; does not block
 * @fds: @count descriptors, as the field "fds" of @data names them
 * Return: 0; -EAGAIN when the other side has to read first; -EPIPE when it is gone; or negative errno
 */
int packet_send(int socket, const char *data, size_t size, const int *fds, unsigned count);

/** packet_body() - a sealed memfd that holds @data. Return: descriptor or negative errno */
int packet_body(const char *data, size_t size);

#endif /* LAUNCHER_PACKET_H */
