/* SPDX-License-Identifier: Apache-2.0 */
/* answers.c - what a launcher tells: dyno_launcher_next(), see dyno-launcher.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "launcher/connection.h"

/** read_type() - what the verb of a packet tells */
static enum dyno_launcher_event_type read_type(const char *verb)
{
	static const char *const verbs[] = {
		[DYNO_LAUNCHER_DONE] = "OK",
		[DYNO_LAUNCHER_REFUSED] = "ERROR",
		[DYNO_LAUNCHER_UP] = "UP",
		[DYNO_LAUNCHER_FAILED] = "FAILED",
		[DYNO_LAUNCHER_LISTENING] = "LISTENING",
		[DYNO_LAUNCHER_STOPPED] = "STOPPED",
		[DYNO_LAUNCHER_EXITED] = "EXITED",
		[DYNO_LAUNCHER_GONE] = "GONE",
	};

	for (unsigned i = DYNO_LAUNCHER_DONE; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i], verb) == 0)
			return (enum dyno_launcher_event_type)i;
	return DYNO_LAUNCHER_NOTHING;
}

/** read_number() - @value, 0 when it is none */
static uint64_t read_number(const char *value)
{
	uint64_t number = 0;

	(void)units_number(value, 0, UINT64_MAX, &number);
	return number;
}

/** read_word() - place of @value in @words, 0 when it is not there */
static unsigned read_word(const char *value, const char *const *words)
{
	for (unsigned i = 0; words[i]; i++)
		if (strcmp(words[i], value) == 0)
			return i;
	return 0;
}

/** read_listen() - the fields of LISTENING. Return: false when @field is none of them */
static bool read_listen(const struct protocol_field *field, struct dyno_listen *ret)
{
	static const char *const places[] = { "ready", "loopback", "other_port", NULL };

	if (protocol_is(field, "where"))
		ret->where = (enum dyno_listen_where)read_word(field->value, places);
	else if (protocol_is(field, "port"))
		ret->port = (uint16_t)read_number(field->value);
	else if (protocol_is(field, "listens"))
		snprintf(ret->address, sizeof(ret->address), "%s", field->value);
	else if (protocol_is(field, "hint"))
		snprintf(ret->hint, sizeof(ret->hint), "%s", field->value);
	else
		return false;
	return true;
}

/** read_discarded() - the totals of GONE. Return: false when @field is none of them */
static bool read_discarded(const struct protocol_field *field, struct dyno_discarded *ret)
{
	if (protocol_is(field, "files"))
		ret->files = read_number(field->value);
	else if (protocol_is(field, "deleted"))
		ret->deleted = read_number(field->value);
	else if (protocol_is(field, "bytes"))
		ret->bytes = read_number(field->value);
	else if (protocol_is(field, "largest"))
		snprintf(ret->largest, sizeof(ret->largest), "%s", field->value);
	else if (protocol_is(field, "largest_bytes"))
		ret->largest_bytes = read_number(field->value);
	else
		return false;
	return true;
}

/** read_end() - how the main process ended, or stopped. Return: false when @field does not tell */
static bool read_end(const struct protocol_field *field, struct dyno_launcher_event *ret)
{
	if (protocol_is(field, "exit"))
		ret->status = W_EXITCODE((int)(read_number(field->value) & 0xff), 0);
	else if (protocol_is(field, "signal"))
		ret->status = (int)(read_number(field->value) & 0x7f);
	else if (protocol_is(field, "reason"))
		snprintf(ret->reason, sizeof(ret->reason), "%s", field->value);
	else
		return false;
	return true;
}

/** append_published() - one more place where the app is reached */
static void append_published(struct dyno_launcher_event *ret, const char *place)
{
	(void)text_append(ret->published, sizeof(ret->published), "%s%s", ret->published[0] ? " " : "", place);
}

/** read_up() - the fields of UP. What is not known is a newer launcher's, and left out */
static void read_up(const struct protocol_field *field, struct dyno_launcher_event *ret)
{
	static const char *const births[] = { "cold", "pooled", "warm", NULL };

	if (protocol_is(field, "dyno"))
		snprintf(ret->name, sizeof(ret->name), "%s", field->value);
	else if (protocol_is(field, "pid"))
		ret->pid = (pid_t)read_number(field->value);
	else if (protocol_is(field, "birth"))
		ret->birth = (enum dyno_birth)read_word(field->value, births);
	else if (protocol_is(field, "address"))
		snprintf(ret->address, sizeof(ret->address), "%s", field->value);
	else if (protocol_is(field, "published"))
		append_published(ret, field->value);
	else if (protocol_is(field, "notice"))
		snprintf(ret->notice, sizeof(ret->notice), "%s", field->value);
	else if (protocol_is(field, "timeline"))
		protocol_get_timeline(field->value, &ret->timeline);
}

/** keep_text() - the text of an answer, which outlives its packet */
static int keep_text(struct dyno_launcher *launcher, const char *text)
{
	free(launcher->text);
	launcher->text = text ? strdup(text) : NULL;
	return text && !launcher->text ? -ENOMEM : 0;
}

/** read_event() - what @packet tells */
static int read_event(struct dyno_launcher *launcher, struct packet *packet, struct dyno_launcher_event *ret)
{
	struct protocol_fields fields = packet->fields;
	struct protocol_field field;

	ret->type = read_type(packet->head.verb);
	ret->id = packet->head.id;
	while (protocol_next(&fields, &field)) {
		/* "signal" is how it ended, or, of one that stopped, by what */
		if (!protocol_get_error(&field, &ret->error) && !read_end(&field, ret) &&
		    !read_listen(&field, &ret->listen) && !read_discarded(&field, &ret->discarded))
			read_up(&field, ret);
	}
	ret->terminal = TAKE_FD(packet->fds[PROTOCOL_FD_TERMINAL]);
	if (ret->type != DYNO_LAUNCHER_DONE)
		return 0;
	ret->text = NULL;
	if (keep_text(launcher, protocol_find(packet->fields, "report")) < 0)
		return -ENOMEM;
	ret->text = launcher->text;
	return 0;
}

int dyno_launcher_next(struct dyno_launcher *launcher, struct dyno_launcher_event *ret, struct dyno_error *err)
{
	struct packet *packet = &launcher->packet;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->terminal = -1;
	do {
		r = packet_receive(launcher->fd, packet, err);
		if (r > 0)
			r = read_event(launcher, packet, ret) < 0 ? -ENOMEM : 1;
		packet_done(packet);
		/* An event of a kind that only newer launchers send says nothing to us. */
	} while (r > 0 && ret->type == DYNO_LAUNCHER_NOTHING);
	if (r == -EAGAIN || r > 0)
		return 0;
	if (r == 0)
		return error_set(err, -EPIPE, "launcher", "the launcher went away");
	return err && err->code == r ? r : error_set(err, r, "launcher", "cannot read what the launcher says:");
}
