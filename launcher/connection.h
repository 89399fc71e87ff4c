/* SPDX-License-Identifier: Apache-2.0 */
/* connection.h - a connection to a launcher, for the client's files */
#ifndef LAUNCHER_CONNECTION_H
#define LAUNCHER_CONNECTION_H

#include "dyno-launcher.h"
#include "launcher/packet.h"

/**
 * struct dyno_launcher - one connection
 * @next:   number of the request that was sent last
 * @text:   of the last answer that had one, owned
 * @packet: what was received last, or is being sent
 */
struct dyno_launcher {
	int fd;
	uint64_t next;
	char *text;
	struct packet packet;
};

#endif /* LAUNCHER_CONNECTION_H */
