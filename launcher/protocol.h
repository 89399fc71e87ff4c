/* SPDX-License-Identifier: Apache-2.0 */
/**
 * protocol.h - packets of the launcher's socket as text: reading them strictly, writing them (docs/launcher-protocol.md)
 *
 *     "DYNO/1 START 7\0" "argv=/bin/true\0" "env=A=b\0" "fds=slug,stdin,stdout,stderr\0"
 *
 * A packet is a list of fields, each ended by a NUL byte. The first is the head: version, verb, number of the request. The
 * others are KEY=VALUE; a key may come more than once where it makes a list. Descriptors travel beside it
 * (SCM_RIGHTS) and are named, in order, by the field "fds". What does not fit in a packet travels in a sealed memfd, the
 * descriptor "body", whose fields follow those of the packet.
 *
 * Pure: no system call, no allocation; everything read points into the packet, which is left as it is.
 */
#ifndef LAUNCHER_PROTOCOL_H
#define LAUNCHER_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dyno.h"

#define PROTOCOL_VERSION 1
#define PROTOCOL_PACKET_MAX 65536    /* bytes of a packet; more travels as a body */
#define PROTOCOL_BODY_MAX (4u << 20) /* execve(2) takes 6 MiB at most, and 2 with the usual stack */
#define PROTOCOL_FDS_MAX 5           /* every name of enum protocol_fd once */
#define PROTOCOL_FIELDS_MAX 65536
#define PROTOCOL_VERB_SIZE 16
#define PROTOCOL_ID_MAX UINT64_MAX

/** enum protocol_fd - what a descriptor of a packet is; protocol_fd_name() spells it */
enum protocol_fd {
	PROTOCOL_FD_SLUG,
	PROTOCOL_FD_STDIN,
	PROTOCOL_FD_STDOUT,
	PROTOCOL_FD_STDERR,
	PROTOCOL_FD_TERMINAL, /* launcher to peer: master of the pseudo-terminal */
	PROTOCOL_FD_BODY,
	PROTOCOL_FD_COUNT,
};

/**
 * struct protocol_head - first field of a packet
 * @version: as the peer says; another than PROTOCOL_VERSION fails with -EPROTONOSUPPORT
 * @verb:    upper-case letters
 * @id:      number of the request, from 1; 0 in an answer to a packet whose number could not be read
 */
struct protocol_head {
	unsigned version;
	char verb[PROTOCOL_VERB_SIZE];
	uint64_t id;
};

/**
 * struct protocol_fields - what is left to be read of a packet's fields, then of its body's
 * @more, @more_end: the body's, NULL without
 */
struct protocol_fields {
	const char *at;
	const char *end;
	const char *more;
	const char *more_end;
};

/** struct protocol_field - one field; @key is not terminated, @value is */
struct protocol_field {
	const char *key;
	size_t key_size;
	const char *value;
};

/** struct protocol_fds - the descriptors' places in a packet, by name; -1: not there */
struct protocol_fds {
	unsigned count;
	int at[PROTOCOL_FD_COUNT];
};

/**
 * protocol_read() - the head of packet @data, and its fields, all of them checked for form
 * @ret_fields: to be read with protocol_next()
 * Return: 0; -EPROTONOSUPPORT for another version, with @ret_head's number filled in if it could be read; -EBADMSG with one
 * sentence for the first thing wrong; @ret_head->id is 0 if the head was
 */
int protocol_read(const char *data, size_t size, struct protocol_head *ret_head, struct protocol_fields *ret_fields,
                  struct dyno_error *err);

/** protocol_read_body() - add the fields of a body to @fields, checked for form. Return: 0 or -EBADMSG */
int protocol_read_body(const char *data, size_t size, struct protocol_fields *fields, struct dyno_error *err);

/** protocol_next() - take the next field. Return: false at the end */
bool protocol_next(struct protocol_fields *fields, struct protocol_field *ret);

/** protocol_is() - @field has the key @key */
bool protocol_is(const struct protocol_field *field, const char *key);

/** protocol_find() - value of the first field @key among @fields, or NULL; @fields is left as it is */
const char *protocol_find(struct protocol_fields fields, const char *key);

/** protocol_read_fds() - the value of a field "fds": names, separated by commas, each once. NULL: none. Return: 0 or -EBADMSG */
int protocol_read_fds(const char *value, struct protocol_fds *ret, struct dyno_error *err);

/** protocol_fd_name() - "slug", "stdin", ... */
const char *protocol_fd_name(enum protocol_fd fd);

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/**
 * struct protocol_writer - a packet that is being written
 * @full: something did not fit: the packet is not to be sent
 */
struct protocol_writer {
	char *data;
	size_t size;
	size_t used;
	bool full;
};

/** protocol_begin() - start a packet in @data with its head; @verb NULL: a body, which has none */
void protocol_begin(struct protocol_writer *writer, char *data, size_t size, const char *verb, uint64_t id);
/** protocol_add() - one more field; a NULL @value adds none */
void protocol_add(struct protocol_writer *writer, const char *key, const char *value);
/** protocol_add_number() - the same for a number */
void protocol_add_number(struct protocol_writer *writer, const char *key, uint64_t value);
/** protocol_add_error() - the fields of @error: code (an errno, positive), step, text, remedy */
void protocol_add_error(struct protocol_writer *writer, const struct dyno_error *error);
/** protocol_get_error() - one field of them, read back. Return: false when @field is none of these */
bool protocol_get_error(const struct protocol_field *field, struct dyno_error *ret);
/** protocol_add_timeline() - "timeline=requested:NS,claimed:NS,..." of the phases that happened */
void protocol_add_timeline(struct protocol_writer *writer, const struct dyno_timeline *timeline);
/** protocol_get_timeline() - read it back; unknown phases are left out, as a newer launcher may have more */
void protocol_get_timeline(const char *value, struct dyno_timeline *ret);

#endif /* LAUNCHER_PROTOCOL_H */
