/* SPDX-License-Identifier: Apache-2.0 */
/**
 * channel.h - what launcher and init say to each other, over one SOCK_SEQPACKET pair
 *
 * The names say who waits for what. EOF tells the init that its launcher died (it then ends, and the kernel ends the
 * dyno), and tells a launcher of a dyno without init that execve(2) succeeded (the channel is close-on-exec).
 */
#ifndef RUNTIME_CHANNEL_H
#define RUNTIME_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "dyno.h"

enum channel_type {
	CHANNEL_PARTS, /* launcher: what was made beside the child, which waits for this: your network namespace, rootless: it is attached;
	                    value: bits of the v1 groups to be joined, their `tasks` */
	CHANNEL_START,    /* launcher: become a dyno: app blob, 3 streams; the parked sandbox waits for this */
	CHANNEL_ATTACHED, /* launcher: /app is there: a START with CHANNEL_APP_COMES waits for this */
	CHANNEL_EXEC,     /* launcher: one more process: like START, with an id */
	CHANNEL_SIGNAL,   /* launcher: value = signal, id = process, CHANNEL_ALL for every process */
	CHANNEL_MAPPED,   /* child, rootless: the user namespace has its maps: the launcher waits for this */
	CHANNEL_PARKED, /* child: confined and waiting: timeline; fds: terminal master, scratch unless the launcher has it, notify */
	CHANNEL_UP,      /* child: execve of process id succeeded at ns; fd: terminal master of an EXEC */
	CHANNEL_FAILED,  /* child: a step or the execve of process id failed: error */
	CHANNEL_EXITED,  /* child: process id ended: value = wait status */
	CHANNEL_STOPPED, /* child: process id was stopped: value = signal */
};

#define CHANNEL_ALL UINT32_MAX
#define CHANNEL_FDS 6        /* PARTS: a network or /app, and four groups */
#define CHANNEL_INLINE 32768 /* larger app blobs travel in a memfd: a packet must fit the socket's send buffer */

/** enum channel_flag - which optional descriptors a packet carries, in this order */
enum channel_flag {
	CHANNEL_HAS_TERMINAL = 1,
	CHANNEL_HAS_SCRATCH = 2,
	CHANNEL_HAS_BLOB = 4,
	CHANNEL_WANT_TERMINAL = 8,
	CHANNEL_WITH_STREAMS = 16,
	CHANNEL_HAS_NOTIFY = 32,   /* behind scratch: the listener of the system call filter */
	CHANNEL_NO_APP = 64,       /* PARKED: there is no /app yet: isolation/attach.h */
	CHANNEL_APP_COMES = 128,   /* START: it is being made: wake up meanwhile */
	CHANNEL_HAS_NETWORK = 256, /* PARTS: before those of the groups */
	CHANNEL_HAS_APP = 512,     /* PARTS: the mount for /app, likewise */
};

/** struct channel_message - fixed part of every packet; @blob_size bytes of app blob follow START and EXEC */
struct channel_message {
	uint32_t type;
	uint32_t id;
	int32_t value;
	uint32_t flags;
	uint64_t ns;
	uint64_t blob_size;
	union {
		struct dyno_error error;
		struct dyno_timeline timeline;
	};
};

/** struct channel_packet - a message with its descriptors (owned by the receiver, -1 padded) and inline blob */
struct channel_packet {
	struct channel_message message;
	char blob[CHANNEL_INLINE] __attribute__((aligned(8)));
	int fds[CHANNEL_FDS];
	unsigned fd_count;
};

/**
 * struct channel_app - head of an app blob: what the process that becomes the app needs
 * Offsets are from the start of the blob. The argv and env tables hold offsets as sent, pointers after
 * channel_app_open().
 */
struct channel_app {
	struct dyno_limits limits;
	uint64_t file_size;
	uint64_t workdir;
	uint64_t argv;
	uint64_t env;
	uint32_t argc, envc;
	uint16_t rows, columns;
	bool no_cgroup;
};

/** channel_pair() - both ends, close-on-exec */
int channel_pair(int ret[2]);
/** channel_send() - one packet. Return: 0, -EPIPE when the other side is gone, or negative errno */
int channel_send(int fd, const struct channel_message *message, const void *blob, const int *fds, unsigned count);
/**
 * channel_receive() - one packet; does not allocate
 * @wait: block until there is one
 * Return: 1 received, 0 end of file, -EAGAIN nothing yet, -EPROTO malformed,
 *         -EMFILE no room for its descriptors, or negative errno
 */
int channel_receive(int fd, struct channel_packet *ret, bool wait);
/** channel_close_fds() - close the descriptors of @packet that were not taken */
void channel_close_fds(struct channel_packet *packet);

/**
 * channel_app_pack() - make the blob of @app
 * @env: complete environment
 * @ret: one allocation, owned by the caller; @ret_size: its size
 */
int channel_app_pack(const struct dyno_app *app, const char *const *env, uint64_t file_size, bool no_cgroup, void **ret,
                     size_t *ret_size);
/** channel_send_app() - send @blob with START or EXEC, inline or in a memfd; @streams: three descriptors or NULL */
int channel_send_app(int fd, const struct channel_message *head, const void *blob, size_t size, const int *streams);

/**
 * channel_app_open() - find the blob of a START or EXEC packet and turn its offsets into pointers
 * @ret_mapping: size of a mapping to be removed with channel_app_close(), 0 when it lies in @packet
 * Return: the head, or NULL when it is malformed
 */
struct channel_app *channel_app_open(struct channel_packet *packet, size_t *ret_mapping);
/** channel_app_close() - wipe and drop the blob: init must not keep an app's secrets */
void channel_app_close(struct channel_app *app, size_t size, size_t mapping);

#endif /* RUNTIME_CHANNEL_H */
