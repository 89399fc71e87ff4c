/* SPDX-License-Identifier: Apache-2.0 */
/* protocol.c - see protocol.h */
#include "launcher/protocol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"

#define STEP "protocol"
#define MAGIC "DYNO/"
#define KEY_MAX 32

/** malformed() - refuse a packet: one sentence */
#define malformed(err, ...) error_set(err, -EBADMSG, STEP, __VA_ARGS__)

/** struct word - part of a text, not terminated */
struct word {
	const char *text;
	size_t size;
};

/** next_word() - cut off what stands before the next space; an empty one at the end */
static struct word next_word(const char **at)
{
	size_t length = strcspn(*at, " ");
	struct word word = { *at, length };

	*at += length;
	if (**at == ' ')
		++*at;
	return word;
}

/** read_number() - @word is a decimal number of at least @min, without sign, zeros in front or anything else */
static bool read_number(struct word word, uint64_t min, uint64_t *ret)
{
	char text[21];

	if (word.size == 0 || word.size >= sizeof(text) || (word.text[0] == '0' && word.size > 1))
		return false;
	memcpy(text, word.text, word.size);
	text[word.size] = '\0';
	return units_number(text, min, PROTOCOL_ID_MAX, ret) == 0;
}

/** read_head() - "DYNO/1 START 7" */
static int read_head(const char *text, struct protocol_head *ret, struct dyno_error *err)
{
	struct word version, verb, id;
	uint64_t number = 0;

	if (!text_starts(text, MAGIC))
		return malformed(err, "the packet does not begin with \"" MAGIC "1 VERB NUMBER\"");
	text += strlen(MAGIC);
	version = next_word(&text);
	verb = next_word(&text);
	id = next_word(&text);
	if (!read_number(version, 0, &number) || number > UINT16_MAX)
		return malformed(err, "the version behind \"" MAGIC "\" is not a number");
	ret->version = (unsigned)number;
	if (read_number(id, 1, &number) && id.text[id.size] == '\0')
		ret->id = number;
	if (ret->version != PROTOCOL_VERSION)
		return error_set(err, -EPROTONOSUPPORT, STEP, "version %u of the protocol is not spoken here, %d is",
		                 ret->version, PROTOCOL_VERSION);
	if (verb.size == 0 || verb.size >= sizeof(ret->verb) ||
	    strspn(verb.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != verb.size) {
		ret->id = 0;
		return malformed(err, "the verb is not a word of capital letters");
	}
	memcpy(ret->verb, verb.text, verb.size);
	/* What could not be read has no number that it could be answered by. */
	if (ret->id == 0 && !(strcmp(ret->verb, "ERROR") == 0 && strcmp(id.text, "0") == 0))
		return malformed(err, "the request's number is not a decimal number from 1, the last of three words");
	return 0;
}

/** key_size() - length of the key that field @text begins with, 0 when it is not KEY=VALUE */
static size_t key_size(const char *text)
{
	size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789");

	return size <= KEY_MAX && text[size] == '=' && text[0] >= 'a' && text[0] <= 'z' ? size : 0;
}

/** check_fields() - each field of what lies from @at to @end is KEY=VALUE; what is there ends with a NUL byte */
static int check_fields(const char *at, const char *end, struct dyno_error *err)
{
	unsigned count = 0;

	for (; at < end; at += strlen(at) + 1) {
		if (++count > PROTOCOL_FIELDS_MAX)
			return malformed(err, "more than %d fields", PROTOCOL_FIELDS_MAX);
		if (key_size(at) == 0) /* its text is not repeated: it may be a secret */
			return malformed(err, "field %u is not KEY=VALUE with a key of small letters", count);
	}
	return 0;
}

int protocol_read(const char *data, size_t size, struct protocol_head *ret_head, struct protocol_fields *ret_fields,
                  struct dyno_error *err)
{
	const char *at;
	int r;

	memset(ret_head, 0, sizeof(*ret_head));
	if (size == 0 || !memchr(data, '\0', size))
		return malformed(err, "the packet holds no field that a NUL byte ends");
	r = read_head(data, ret_head, err);
	if (r < 0)
		return r;
	if (data[size - 1] != '\0')
		return malformed(err, "the last field is not ended by a NUL byte");
	at = data + strlen(data) + 1;
	r = check_fields(at, data + size, err);
	if (r == 0)
		*ret_fields = (struct protocol_fields){ .at = at, .end = data + size };
	return r;
}

int protocol_read_body(const char *data, size_t size, struct protocol_fields *fields, struct dyno_error *err)
{
	int r;

	if (size == 0 || data[size - 1] != '\0')
		return malformed(err, "the last field of the body is not ended by a NUL byte");
	r = check_fields(data, data + size, err);
	if (r == 0) {
		fields->more = data;
		fields->more_end = data + size;
	}
	return r;
}

bool protocol_next(struct protocol_fields *fields, struct protocol_field *ret)
{
	if (fields->at == fields->end) {
		fields->at = fields->more;
		fields->end = fields->more_end;
		fields->more = fields->more_end = NULL;
	}
	if (fields->at == fields->end)
		return false;
	ret->key = fields->at;
	ret->key_size = key_size(fields->at);
	ret->value = fields->at + ret->key_size + 1;
	fields->at = ret->value + strlen(ret->value) + 1;
	return true;
}

bool protocol_is(const struct protocol_field *field, const char *key)
{
	return strlen(key) == field->key_size && memcmp(field->key, key, field->key_size) == 0;
}

const char *protocol_find(struct protocol_fields fields, const char *key)
{
	struct protocol_field field;

	while (protocol_next(&fields, &field))
		if (protocol_is(&field, key))
			return field.value;
	return NULL;
}

const char *protocol_fd_name(enum protocol_fd fd)
{
	static const char *const names[] = {
		[PROTOCOL_FD_SLUG] = "slug",     [PROTOCOL_FD_STDIN] = "stdin",       [PROTOCOL_FD_STDOUT] = "stdout",
		[PROTOCOL_FD_STDERR] = "stderr", [PROTOCOL_FD_TERMINAL] = "terminal", [PROTOCOL_FD_BODY] = "body",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == PROTOCOL_FD_COUNT, "every descriptor has a name");
	return (unsigned)fd < PROTOCOL_FD_COUNT ? names[fd] : "?";
}

/** find_fd() - which descriptor the first @length bytes of @name mean; PROTOCOL_FD_COUNT: none */
static unsigned find_fd(const char *name, size_t length)
{
	unsigned fd = 0;

	while (fd < PROTOCOL_FD_COUNT && (strlen(protocol_fd_name((enum protocol_fd)fd)) != length ||
	                                  strncmp(protocol_fd_name((enum protocol_fd)fd), name, length) != 0))
		fd++;
	return fd;
}

int protocol_read_fds(const char *value, struct protocol_fds *ret, struct dyno_error *err)
{
	struct protocol_fds fds = { 0 };

	for (unsigned i = 0; i < PROTOCOL_FD_COUNT; i++)
		fds.at[i] = -1;
	while (value) {
		size_t length = strcspn(value, ",");
		unsigned fd = find_fd(value, length);

		if (fd == PROTOCOL_FD_COUNT)
			return malformed(err, "fds: \"%.*s\" is no descriptor of this protocol", (int)(length & 31),
			                 value);
		if (fds.at[fd] >= 0)
			return malformed(err, "fds: %s is named twice", protocol_fd_name((enum protocol_fd)fd));
		fds.at[fd] = (int)fds.count++;
		value = value[length] == ',' ? value + length + 1 : NULL;
	}
	*ret = fds;
	return 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/** put() - append @size bytes, or nothing of them */
static void put(struct protocol_writer *writer, const void *data, size_t size)
{
	if (writer->full || size > writer->size - writer->used) {
		writer->full = true;
		return;
	}
	memcpy(writer->data + writer->used, data, size);
	writer->used += size;
}

void protocol_begin(struct protocol_writer *writer, char *data, size_t size, const char *verb, uint64_t id)
{
	char head[PROTOCOL_VERB_SIZE + 32];

	writer->data = data;
	writer->size = size;
	writer->used = 0;
	writer->full = false;
	if (!verb)
		return;
	snprintf(head, sizeof(head), MAGIC "%d %.*s %" PRIu64, PROTOCOL_VERSION, PROTOCOL_VERB_SIZE - 1, verb, id);
	put(writer, head, strlen(head) + 1);
}

void protocol_add(struct protocol_writer *writer, const char *key, const char *value)
{
	if (!value)
		return;
	put(writer, key, strlen(key));
	put(writer, "=", 1);
	put(writer, value, strlen(value) + 1);
}

void protocol_add_number(struct protocol_writer *writer, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	protocol_add(writer, key, text);
}

void protocol_add_error(struct protocol_writer *writer, const struct dyno_error *error)
{
	if (error->code == 0)
		return;
	protocol_add_number(writer, "code", (uint64_t) - (int64_t)error->code);
	protocol_add(writer, "step", error->step);
	protocol_add(writer, "text", error->text);
	if (error->remedy[0])
		protocol_add(writer, "remedy", error->remedy);
}

bool protocol_get_error(const struct protocol_field *field, struct dyno_error *ret)
{
	uint64_t code;

	if (protocol_is(field, "code"))
		ret->code = units_number(field->value, 1, 4095, &code) == 0 ? -(int)code : -EPROTO;
	else if (protocol_is(field, "step"))
		snprintf(ret->step, sizeof(ret->step), "%s", field->value);
	else if (protocol_is(field, "text"))
		snprintf(ret->text, sizeof(ret->text), "%s", field->value);
	else if (protocol_is(field, "remedy"))
		snprintf(ret->remedy, sizeof(ret->remedy), "%s", field->value);
	else
		return false;
	return true;
}

void protocol_add_timeline(struct protocol_writer *writer, const struct dyno_timeline *timeline)
{
	char text[DYNO_PHASE_COUNT * 40] = "";

	for (unsigned i = 0; i < DYNO_PHASE_COUNT; i++)
		if (timeline->ns[i])
			(void)text_append(text, sizeof(text), "%s%s:%" PRIu64, text[0] ? "," : "",
			                  dyno_phase_name((enum dyno_phase)i), timeline->ns[i]);
	protocol_add(writer, "timeline", text);
}

/** get_stamp() - "exec:123", of @length bytes */
static void get_stamp(const char *text, size_t length, struct dyno_timeline *ret)
{
	const char *colon = memchr(text, ':', length);
	uint64_t ns;

	if (!colon || !read_number((struct word){ colon + 1, length - (size_t)(colon + 1 - text) }, 1, &ns))
		return;
	for (unsigned i = 0; i < DYNO_PHASE_COUNT; i++) {
		const char *name = dyno_phase_name((enum dyno_phase)i);

		if (strlen(name) == (size_t)(colon - text) && memcmp(name, text, strlen(name)) == 0)
			ret->ns[i] = ns;
	}
}

void protocol_get_timeline(const char *value, struct dyno_timeline *ret)
{
	memset(ret, 0, sizeof(*ret));
	while (*value) {
		size_t length = strcspn(value, ",");

		get_stamp(value, length, ret);
		value += length + (value[length] == ',');
	}
}
