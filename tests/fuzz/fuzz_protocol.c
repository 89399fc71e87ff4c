/* SPDX-License-Identifier: Apache-2.0 */
/**
 * fuzz_protocol.c - packets of the launcher's socket: refused with a sentence, or read, and the same when written again
 *
 * The input is a packet, and behind the first byte 0xff a body.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "launcher/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** must() - what has to hold whatever the input is */
static void must(int condition)
{
	if (!condition)
		abort();
}

/** same_list() - two lists read the same */
static void same_list(const char *const *a, const char *const *b)
{
	must(!a == !b);
	for (; a && *a; a++, b++)
		must(*b && strcmp(*a, *b) == 0);
	must(!a || !*b);
}

/** same_text() - both are not there, or read the same */
static void same_text(const char *a, const char *b)
{
	must(!a == !b && (!a || strcmp(a, b) == 0));
}

/** check_again() - @request, written and read again, is the same */
static void check_again(const struct request *request, size_t size)
{
	size_t room = 2 * size + 4096;
	_cleanup_free_ char *data = malloc(room);
	struct protocol_writer writer;
	struct protocol_head head;
	struct protocol_fields fields;
	struct request again;

	must(data != NULL);
	protocol_begin(&writer, data, room, request_verb_name(request->verb), 1);
	request_write(&writer, request);
	must(!writer.full);
	must(protocol_read(data, writer.used, &head, &fields, NULL) == 0);
	must(request_read(&head, &fields, &again, NULL) == 0);
	same_list(request->app.argv, again.app.argv);
	same_list(request->app.env, again.app.env);
	same_list(request->app.publish, again.app.publish);
	same_text(request->app.name, again.app.name);
	same_text(request->dyno, again.dyno);
	must(memcmp(&request->app.limits, &again.app.limits, sizeof(again.app.limits)) == 0);
	must(request->shape.net == again.shape.net && request->app.port == again.app.port);
	must(request->grace_ms == again.grace_ms && request->signal == again.signal);
	request_done(&again);
}

/** check_fields() - every field lies within the input, and names of descriptors are few */
static void check_fields(struct protocol_fields fields, const char *begin, const char *end)
{
	struct protocol_field field;
	struct protocol_fds fds;
	struct dyno_timeline timeline;
	struct dyno_error error = { 0 };

	while (protocol_next(&fields, &field)) {
		must(field.key >= begin && field.value + strlen(field.value) < end);
		must(field.key_size > 0 && field.key[field.key_size] == '=');
		protocol_get_timeline(field.value, &timeline);
		(void)protocol_get_error(&field, &error);
		if (protocol_read_fds(field.value, &fds, NULL) == 0)
			must(fds.count <= PROTOCOL_FD_COUNT);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *packet = malloc(size + 1);
	struct protocol_head head;
	struct protocol_fields fields;
	struct request request;
	struct dyno_error err = { 0 };
	const char *body;
	size_t packet_size;

	must(packet != NULL);
	memcpy(packet, data, size);
	body = memchr(packet, 0xff, size);
	packet_size = body ? (size_t)(body - packet) : size;
	if (protocol_read(packet, packet_size, &head, &fields, &err) < 0) {
		must(err.code < 0 && err.text[0] != '\0');
		return 0;
	}
	must(head.version == PROTOCOL_VERSION && (head.id > 0 || strcmp(head.verb, "ERROR") == 0) &&
	     head.verb[0] != '\0');
	if (body)
		(void)protocol_read_body(body + 1, size - packet_size - 1, &fields, &err);
	check_fields(fields, packet, packet + size);
	if (request_read(&head, &fields, &request, &err) < 0)
		must(err.code < 0 && err.text[0] != '\0');
	else
		check_again(&request, size);
	request_done(&request);
	return 0;
}
