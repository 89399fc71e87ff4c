/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - see request.h */
#include "launcher/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"

#define STEP "request"
#define DAY_MS (24ULL * 60 * 60 * 1000)

/** enum field_type - how a value is written, and what holds it in struct request */
enum field_type {
	FIELD_TEXT,   /* const char * */
	FIELD_LIST,   /* const char *const *, one more for each field */
	FIELD_FLAG,   /* bool: 0 or 1 */
	FIELD_CHOICE, /* unsigned: place in @choices */
	FIELD_16,     /* uint16_t, uint32_t and uint64_t: a decimal number */
	FIELD_32,
	FIELD_64,
};

/**
 * struct field - one that requests may have
 * @verbs: bits of those that may
 * @min, @max: of numbers
 */
struct field {
	const char *key;
	enum field_type type;
	unsigned verbs;
	size_t offset;
	const char *const *choices;
	uint64_t min, max;
};

#define AT(field) offsetof(struct request, field)
#define START (1u << REQUEST_START)
#define ENDS (1u << REQUEST_STOP | 1u << REQUEST_KILL)
#define SIGNAL (1u << REQUEST_SIGNAL)
#define STATS (1u << REQUEST_STATS)
#define POOL (1u << REQUEST_POOL)

/* in the order of enum dyno_net and enum dyno_launcher_format */
static const char *const nets[] = { "private", "none", "host", NULL };
static const char *const formats[] = { "text", "prometheus", "json", NULL };

static const struct field fields_known[] = {
	{ "name", FIELD_TEXT, START, AT(app.name), NULL, 0, 0 },
	{ "workdir", FIELD_TEXT, START, AT(app.workdir), NULL, 0, 0 },
	{ "argv", FIELD_LIST, START, AT(app.argv), NULL, 0, 0 },
	{ "env", FIELD_LIST, START, AT(app.env), NULL, 0, 0 },
	{ "port", FIELD_16, START, AT(app.port), NULL, 1, UINT16_MAX },
	{ "publish", FIELD_LIST, START, AT(app.publish), NULL, 0, 0 },
	{ "publish_unix", FIELD_TEXT, START, AT(app.publish_unix), NULL, 0, 0 },
	{ "egress", FIELD_TEXT, START, AT(app.egress), NULL, 0, 0 },
	{ "allow_host", FIELD_TEXT, START, AT(app.allow_host), NULL, 0, 0 },
	{ "boot_timeout_ms", FIELD_32, START, AT(app.boot_timeout_ms), NULL, 0, DAY_MS },
	{ "memory", FIELD_64, START, AT(app.limits.memory), NULL, 4ULL << 20, UINT64_MAX },
	{ "pids", FIELD_64, START, AT(app.limits.pids), NULL, 2, 4194304 },
	{ "cpu_milli", FIELD_64, START, AT(app.limits.cpu_milli), NULL, 10, 1024000 },
	{ "cpu_shares", FIELD_64, START, AT(app.limits.cpu_shares), NULL, 2, 262144 },
	{ "nofile", FIELD_64, START, AT(app.limits.nofile), NULL, 16, 1048576 },
	{ "rows", FIELD_16, START, AT(app.rows), NULL, 0, UINT16_MAX },
	{ "columns", FIELD_16, START, AT(app.columns), NULL, 0, UINT16_MAX },
	{ "stack", FIELD_TEXT, START, AT(shape.stack), NULL, 0, 0 },
	{ "net", FIELD_CHOICE, START, AT(shape.net), nets, 0, 0 },
	{ "tty", FIELD_FLAG, START, AT(shape.tty), NULL, 0, 0 },
	{ "no_init", FIELD_FLAG, START, AT(shape.no_init), NULL, 0, 0 },
	{ "watch", FIELD_FLAG, START, AT(shape.watch), NULL, 0, 0 },
	{ "scratch_size", FIELD_64, START, AT(shape.scratch_size), NULL, 1ULL << 20, UINT64_MAX },
	{ "scratch_dir", FIELD_TEXT, START, AT(shape.scratch_dir), NULL, 0, 0 },
	{ "requested_ns", FIELD_64, START, AT(requested_ns), NULL, 1, UINT64_MAX },
	{ "detach", FIELD_FLAG, START, AT(detach), NULL, 0, 0 },
	{ "kill_on_hangup", FIELD_FLAG, START, AT(kill_on_hangup), NULL, 0, 0 },
	{ "grace_ms", FIELD_64, START | 1u << REQUEST_STOP, AT(grace_ms), NULL, 0, DAY_MS },
	{ "dyno", FIELD_TEXT, ENDS | SIGNAL, AT(dyno), NULL, 0, 0 },
	{ "start", FIELD_64, ENDS | SIGNAL, AT(start), NULL, 1, UINT64_MAX },
	{ "signal", FIELD_64, SIGNAL, AT(signal), NULL, 1, 64 },
	{ "all", FIELD_FLAG, SIGNAL, AT(all), NULL, 0, 0 },
	{ "format", FIELD_CHOICE, STATS, AT(format), formats, 0, 0 },
	{ "pool", FIELD_64, POOL, AT(pool), NULL, 0, 1024 },
	{ "min", FIELD_64, POOL, AT(min), NULL, 0, 100000 },
	{ "max", FIELD_64, POOL, AT(max), NULL, 0, 100000 },
};

#define FIELDS (sizeof(fields_known) / sizeof(fields_known[0]))

_Static_assert(sizeof(enum dyno_net) == sizeof(unsigned), "a choice is held as its number");

const char *request_verb_name(enum request_verb verb)
{
	static const char *const names[] = {
		[REQUEST_HELLO] = "HELLO",         [REQUEST_START] = "START", [REQUEST_SIGNAL] = "SIGNAL",
		[REQUEST_STOP] = "STOP",           [REQUEST_KILL] = "KILL",   [REQUEST_LIST] = "LIST",
		[REQUEST_SUBSCRIBE] = "SUBSCRIBE", [REQUEST_STATS] = "STATS", [REQUEST_POOL] = "POOL",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == REQUEST_COUNT, "every verb has a name");
	return (unsigned)verb < REQUEST_COUNT ? names[verb] : "?";
}

void request_init(struct request *ret, enum request_verb verb)
{
	*ret = (struct request){
		.verb = verb,
		.shape = { .stack = "host" },
		.grace_ms = REQUEST_NOT_GIVEN,
		.pool = REQUEST_NOT_GIVEN,
		.min = REQUEST_NOT_GIVEN,
		.max = REQUEST_NOT_GIVEN,
		.app = { .fds = { -1, -1, -1 } },
	};
}

/** at() - where @request holds @field */
static void *at(struct request *request, const struct field *field)
{
	return (char *)request + field->offset;
}

/** set_number() - @value into @to, whose size @type tells */
static void set_number(void *to, enum field_type type, uint64_t value)
{
	if (type == FIELD_16)
		*(uint16_t *)to = (uint16_t)value;
	else if (type == FIELD_32)
		*(uint32_t *)to = (uint32_t)value;
	else
		*(uint64_t *)to = value;
}

/** read_choice() - place of @value in the choices of @field */
static int read_choice(const struct field *field, const char *value, unsigned *ret, struct dyno_error *err)
{
	unsigned i = 0;

	while (field->choices[i] && strcmp(field->choices[i], value) != 0)
		i++;
	if (!field->choices[i])
		return error_set(err, -EINVAL, STEP, "%s: not one of those there are, as %s", field->key,
		                 field->choices[0]);
	*ret = i;
	return 0;
}

/** read_value() - @value of @field, which is no list, into @request. The message never repeats a value */
static int read_value(const struct field *field, const char *value, struct request *request, struct dyno_error *err)
{
	uint64_t number = 0;
	int r;

	switch (field->type) {
	case FIELD_TEXT: *(const char **)at(request, field) = value; return 0;
	case FIELD_CHOICE: return read_choice(field, value, at(request, field), err);
	case FIELD_FLAG:
		if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
			return error_set(err, -EINVAL, STEP, "%s: neither 0 nor 1", field->key);
		*(bool *)at(request, field) = value[0] == '1';
		return 0;
	default: break;
	}
	r = units_number(value, field->min, field->max, &number);
	if (r == -ERANGE)
		return error_set(err, r, STEP, "%s: not within %" PRIu64 " and %" PRIu64, field->key, field->min,
		                 field->max);
	if (r < 0)
		return error_set(err, r, STEP, "%s: not a decimal number", field->key);
	set_number(at(request, field), field->type, number);
	return 0;
}

/** find_field() - the row of @field, or NULL */
static const struct field *find_field(const struct protocol_field *field)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (protocol_is(field, fields_known[i].key))
			return &fields_known[i];
	return NULL;
}

/** known_field() - the row of @field, which requests of @verb may have, or NULL with @err */
static const struct field *known_field(const struct protocol_field *field, enum request_verb verb,
                                       struct dyno_error *err)
{
	const struct field *row = find_field(field);

	if (row && row->verbs >> verb & 1)
		return row;
	error_set(err, -EINVAL, STEP, "%s takes no field %.*s", request_verb_name(verb), (int)field->key_size,
	          field->key);
	return NULL;
}

/**
 * make_lists() - the lists of @request, in one allocation, from the @counts of their entries
 * They are filled by read_lists(); a list without entries stays NULL.
 */
static int make_lists(struct request *request, const uint32_t *counts)
{
	size_t total = 0;
	const char **next;

	for (size_t i = 0; i < FIELDS; i++)
		if (fields_known[i].type == FIELD_LIST && counts[i] > 0)
			total += counts[i] + 1;
	request->vectors = total > 0 ? calloc(total, sizeof(char *)) : NULL;
	if (!request->vectors)
		return total > 0 ? -ENOMEM : 0;
	next = request->vectors;
	for (size_t i = 0; i < FIELDS; i++) {
		if (fields_known[i].type != FIELD_LIST || counts[i] == 0)
			continue;
		*(const char ***)at(request, &fields_known[i]) = next;
		next += counts[i] + 1;
	}
	return 0;
}

/** read_lists() - fill the lists, which hold room for all of their entries */
static void read_lists(struct protocol_fields fields, struct request *request)
{
	uint32_t used[FIELDS] = { 0 };
	struct protocol_field field;

	while (protocol_next(&fields, &field)) {
		const struct field *row = find_field(&field);

		if (row && row->type == FIELD_LIST)
			(*(const char ***)at(request, row))[used[row - fields_known]++] = field.value;
	}
}

/** find_verb() - what @name asks for */
static int find_verb(const char *name, enum request_verb *ret, struct dyno_error *err)
{
	for (unsigned i = 0; i < REQUEST_COUNT; i++) {
		if (strcmp(request_verb_name((enum request_verb)i), name) != 0)
			continue;
		*ret = (enum request_verb)i;
		return 0;
	}
	return error_set(err, -EBADMSG, STEP, "%s is no verb of this protocol", name);
}

int request_read(const struct protocol_head *head, const struct protocol_fields *fields, struct request *ret,
                 struct dyno_error *err)
{
	struct protocol_fields left = *fields;
	struct protocol_field field;
	uint32_t counts[FIELDS] = { 0 };
	enum request_verb verb = REQUEST_HELLO;
	unsigned fds = 0;
	int r;

	request_init(ret, verb);
	r = find_verb(head->verb, &verb, err);
	if (r < 0)
		return r;
	ret->verb = verb;
	while (protocol_next(&left, &field)) {
		const struct field *row;

		if (protocol_is(&field, "fds") && fds++ == 0)
			continue;
		row = known_field(&field, verb, err);
		if (!row)
			return -EINVAL;
		if (counts[row - fields_known]++ == 0 || row->type == FIELD_LIST)
			r = row->type == FIELD_LIST ? 0 : read_value(row, field.value, ret, err);
		else
			r = error_set(err, -EINVAL, STEP, "%s is given twice", row->key);
		if (r < 0)
			return r;
	}
	if (make_lists(ret, counts) < 0)
		return error_set(err, -ENOMEM, STEP, "out of memory");
	read_lists(*fields, ret);
	return 0;
}

/** get_number() - what set_number() set */
static uint64_t get_number(const void *from, enum field_type type)
{
	if (type == FIELD_16)
		return *(const uint16_t *)from;
	return type == FIELD_32 ? *(const uint32_t *)from : *(const uint64_t *)from;
}

/** write_list() - one field for each entry */
static void write_list(struct protocol_writer *writer, const char *key, const char *const *list)
{
	for (; list && *list; list++)
		protocol_add(writer, key, *list);
}

void request_write(struct protocol_writer *writer, const struct request *request)
{
	struct request nothing;

	request_init(&nothing, request->verb);
	for (size_t i = 0; i < FIELDS; i++) {
		const struct field *field = &fields_known[i];
		const void *from = (const char *)request + field->offset;
		const void *unset = (const char *)&nothing + field->offset;

		if (!(field->verbs >> request->verb & 1))
			continue;
		switch (field->type) {
		case FIELD_TEXT: protocol_add(writer, field->key, *(const char *const *)from); break;
		case FIELD_LIST: write_list(writer, field->key, *(const char *const *const *)from); break;
		case FIELD_FLAG: protocol_add(writer, field->key, *(const bool *)from ? "1" : NULL); break;
		case FIELD_CHOICE:
			if (*(const unsigned *)from != *(const unsigned *)unset)
				protocol_add(writer, field->key, field->choices[*(const unsigned *)from]);
			break;
		default:
			if (get_number(from, field->type) != get_number(unset, field->type))
				protocol_add_number(writer, field->key, get_number(from, field->type));
		}
	}
}

void request_done(struct request *request)
{
	free(request->vectors);
	request->vectors = NULL;
}
