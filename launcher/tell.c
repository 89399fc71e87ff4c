/* SPDX-License-Identifier: Apache-2.0 */
/* tell.c - see tell.h */
#include "launcher/tell.h"

#include <sys/wait.h>

#include "launcher/peer.h"

/**
 * struct tale - one event
 * @verb:  its name
 * @name:  of the dyno
 * @event: of the library; NULL for GONE
 * @fill:  adds its fields
 * @terminal: for its peer alone, -1 without
 */
struct tale {
	const char *verb;
	const char *name;
	const struct dyno_event *event;
	const struct dyno_error *error;
	void (*fill)(struct protocol_writer *writer, const struct resident *resident, const struct tale *tale);
	int terminal;
};

/** tell_one() - one packet, numbered @id */
static void tell_one(struct peer *peer, uint64_t id, const struct resident *resident, const struct tale *tale,
                     int terminal)
{
	struct protocol_writer writer;

	protocol_begin(&writer, resident->launcher->out, sizeof(resident->launcher->out), tale->verb, id);
	protocol_add(&writer, "dyno", tale->name);
	tale->fill(&writer, resident, tale);
	if (terminal >= 0)
		protocol_add(&writer, "fds", protocol_fd_name(PROTOCOL_FD_TERMINAL));
	peer_send(peer, &writer, terminal);
}

/** tell() - its peer, and whoever subscribed and may know of it */
static void tell(const struct resident *resident, const struct tale *tale)
{
	struct peer *peer;

	if (resident->peer)
		tell_one(resident->peer, resident->id, resident, tale, tale->terminal);
	for (peer = LIST_FIRST(&resident->launcher->peers); peer; peer = LIST_NEXT(peer, next))
		if (peer->subscription && (peer->trusted || peer->who.uid == resident->uid))
			tell_one(peer, peer->subscription, resident, tale, -1);
}

/** fill_up() - who and where it is, and how it came to be */
static void fill_up(struct protocol_writer *writer, const struct resident *resident, const struct tale *tale)
{
	const struct dyno *dyno = resident->dyno;
	const char *place;

	(void)tale;
	protocol_add_number(writer, "pid", (uint64_t)dyno_pid(dyno));
	protocol_add(writer, "birth", dyno_birth_name(dyno_birth(dyno)));
	if (dyno_address(dyno)[0])
		protocol_add(writer, "address", dyno_address(dyno));
	for (size_t i = 0; (place = dyno_published(dyno, i)); i++)
		protocol_add(writer, "published", place);
	if (dyno_notice(dyno)[0])
		protocol_add(writer, "notice", dyno_notice(dyno));
	protocol_add_timeline(writer, dyno_boot(dyno));
}

void tell_up(const struct resident *resident)
{
	tell(resident, &(struct tale){
			       .verb = "UP",
			       .name = dyno_name(resident->dyno),
			       .fill = fill_up,
			       .terminal = resident->tty ? dyno_terminal(resident->dyno) : -1,
		       });
}

/** fill_failed() - why, and how far it came */
static void fill_failed(struct protocol_writer *writer, const struct resident *resident, const struct tale *tale)
{
	protocol_add_error(writer, tale->error);
	protocol_add_timeline(writer, dyno_boot(resident->dyno));
}

void tell_failed(const struct resident *resident, const struct dyno_error *error)
{
	tell(resident, &(struct tale){
			       .verb = "FAILED",
			       .name = dyno_name(resident->dyno),
			       .error = error,
			       .fill = fill_failed,
			       .terminal = -1,
		       });
}

/** fill_listening() - where, and what is wrong with that if it is not ready */
static void fill_listening(struct protocol_writer *writer, const struct resident *resident, const struct tale *tale)
{
	static const char *const places[] = {
		[DYNO_LISTEN_READY] = "ready",
		[DYNO_LISTEN_LOOPBACK] = "loopback",
		[DYNO_LISTEN_OTHER_PORT] = "other_port",
	};
	const struct dyno_listen *listen = &tale->event->listen;

	protocol_add(writer, "where", places[listen->where]);
	protocol_add_number(writer, "port", listen->port);
	protocol_add(writer, "listens", listen->address);
	if (listen->hint[0])
		protocol_add(writer, "hint", listen->hint);
	protocol_add_error(writer, &tale->event->error);
	if (listen->where == DYNO_LISTEN_READY)
		protocol_add_timeline(writer, dyno_boot(resident->dyno));
}

void tell_listening(const struct resident *resident, const struct dyno_event *event)
{
	tell(resident, &(struct tale){
			       .verb = "LISTENING",
			       .name = dyno_name(resident->dyno),
			       .event = event,
			       .fill = fill_listening,
			       .terminal = -1,
		       });
}

/** fill_stopped() - by which signal */
static void fill_stopped(struct protocol_writer *writer, const struct resident *resident, const struct tale *tale)
{
	(void)resident;
	protocol_add_number(writer, "signal", (uint64_t)tale->event->status);
}

void tell_stopped(const struct resident *resident, const struct dyno_event *event)
{
	tell(resident, &(struct tale){
			       .verb = "STOPPED",
			       .name = dyno_name(resident->dyno),
			       .event = event,
			       .fill = fill_stopped,
			       .terminal = -1,
		       });
}

/** fill_exited() - how it ended, and why if that is known */
static void fill_exited(struct protocol_writer *writer, const struct resident *resident, const struct tale *tale)
{
	int status = tale->event->status;

	(void)resident;
	if (WIFSIGNALED(status))
		protocol_add_number(writer, "signal", (uint64_t)WTERMSIG(status));
	else
		protocol_add_number(writer, "exit", (uint64_t)WEXITSTATUS(status));
	if (tale->event->reason[0])
		protocol_add(writer, "reason", tale->event->reason);
}

void tell_exited(const struct resident *resident, const struct dyno_event *event)
{
	tell(resident, &(struct tale){
			       .verb = "EXITED",
			       .name = dyno_name(resident->dyno),
			       .event = event,
			       .fill = fill_exited,
			       .terminal = -1,
		       });
}

/** fill_gone() - what it wrote, which is no more */
static void fill_gone(struct protocol_writer *writer, const struct resident *resident, const struct tale *tale)
{
	const struct dyno_discarded *discarded = &resident->reaping.discarded;

	(void)tale;
	protocol_add_number(writer, "files", discarded->files);
	protocol_add_number(writer, "deleted", discarded->deleted);
	protocol_add_number(writer, "bytes", discarded->bytes);
	if (discarded->largest[0]) {
		protocol_add(writer, "largest", discarded->largest);
		protocol_add_number(writer, "largest_bytes", discarded->largest_bytes);
	}
}

void tell_gone(const struct resident *resident, const char *name)
{
	tell(resident, &(struct tale){ .verb = "GONE", .name = name, .fill = fill_gone, .terminal = -1 });
}
