/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.c - see verbs.h; START is in start.c */
#include "launcher/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "launcher/peer.h"
#include "launcher/resident.h"

/** typedef verb_serve - serves one verb: see verbs_serve() */
typedef int verb_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err);

/** hello_serve() - who we are, and what is taken */
static int hello_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err)
{
	struct launcher *launcher = peer->launcher;
	const struct launcher_config *config = &launcher->config;
	struct protocol_writer writer;

	(void)request;
	(void)err;
	protocol_begin(&writer, launcher->out, sizeof(launcher->out), "OK", packet->head.id);
	protocol_add(&writer, "program", "dyno " DYNO_VERSION);
	protocol_add_number(&writer, "version", PROTOCOL_VERSION);
	protocol_add_number(&writer, "launcher_pid", (uint64_t)getpid());
	protocol_add_number(&writer, "trusted", peer->trusted);
	protocol_add_number(&writer, "packet_max", PROTOCOL_PACKET_MAX);
	protocol_add_number(&writer, "body_max", PROTOCOL_BODY_MAX);
	protocol_add_number(&writer, "dynos_max", config->peer_dynos_max);
	protocol_add_number(&writer, "boots_max", config->peer_boots_max);
	protocol_add_number(&writer, "unsent_max", config->peer_unsent_max);
	peer_send(peer, &writer, -1);
	return 0;
}

/** signal_serve() - send a signal */
static int signal_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err)
{
	struct resident *resident = resident_find(peer, request, err);

	if (!resident)
		return err->code;
	if (request->signal == 0)
		return error_set(err, -EINVAL, "signal", "no signal given");
	resident_signal(resident, (int)request->signal, request->all);
	peer_done(peer, packet->head.id);
	return 0;
}

/** stop_serve() - STOP and KILL */
static int stop_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err)
{
	struct resident *resident = resident_find(peer, request, err);

	if (!resident)
		return err->code;
	if (request->verb == REQUEST_KILL)
		resident_kill(resident);
	else
		resident_stop(resident, request->grace_ms);
	peer_done(peer, packet->head.id);
	return 0;
}

/** subscribe_serve() - tell it of all dynos of its user, those of other connections too */
static int subscribe_serve(struct peer *peer, struct packet *packet, const struct request *request,
                           struct dyno_error *err)
{
	(void)request;
	(void)err;
	peer->subscription = packet->head.id;
	peer_done(peer, packet->head.id);
	return 0;
}

/** list_one() - one line of LIST */
static void list_one(const struct resident *resident, FILE *out)
{
	static const char *const states[] = {
		[RESIDENT_BOOTING] = "booting",
		[RESIDENT_UP] = "up",
		[RESIDENT_ENDED] = "ended",
		[RESIDENT_REAPED] = "ended",
	};

	fprintf(out, "%s state=%s pid=%d uid=%u birth=%s detach=%d stopping=%d", dyno_name(resident->dyno),
	        states[resident->state], (int)dyno_pid(resident->dyno), resident->uid,
	        dyno_birth_name(dyno_birth(resident->dyno)), resident->detach, resident->deadline_ns != 0);
	if (resident->state < RESIDENT_ENDED && dyno_address(resident->dyno)[0])
		fprintf(out, " address=%s", dyno_address(resident->dyno));
	fputc('\n', out);
}

/** list_serve() - the dynos of its user; to the launcher's own and to root all of them */
static int list_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err)
{
	_cleanup_free_ char *text = NULL;
	const struct resident *resident;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)request;
	if (!out)
		return error_set(err, -ENOMEM, "list", "out of memory");
	for (resident = LIST_FIRST(&peer->launcher->residents); resident; resident = LIST_NEXT(resident, next))
		if (peer->trusted || resident->uid == peer->who.uid)
			list_one(resident, out);
	if (fclose(out) != 0)
		return error_set(err, -ENOMEM, "list", "out of memory");
	peer_report(peer, packet->head.id, text);
	return 0;
}

/* in the order of enum dyno_launcher_format */
static const struct {
	void (*stats)(const struct stats *stats, const struct stats_now *now, FILE *out);
	void (*pools)(struct pools *pools, bool all, FILE *out);
} stats_writers[] = {
	{ stats_print, pools_print },
	{ stats_print_prometheus, pools_print_prometheus },
	{ stats_print_json, pools_print_json },
};

/** stats_serve() - numbers and histograms */
static int stats_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err)
{
	struct launcher *launcher = peer->launcher;
	const struct stats_now now = { .peers = launcher->peer_count, .dynos = launcher->resident_count };
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return error_set(err, -ENOMEM, "stats", "out of memory");
	stats_writers[request->format].stats(&launcher->stats, &now, out);
	stats_writers[request->format].pools(launcher->pools, peer->trusted, out);
	if (fclose(out) != 0)
		return error_set(err, -ENOMEM, "stats", "out of memory");
	peer_report(peer, packet->head.id, text);
	return 0;
}

/** pool_resize() - other bounds for one pool */
static int pool_resize(const struct peer *peer, const struct request *request, struct dyno_error *err)
{
	if (!peer->trusted)
		return error_set(err, -EACCES, "pool", "only the launcher's own user and root change its pools");
	if (request->pool == REQUEST_NOT_GIVEN || request->min == REQUEST_NOT_GIVEN ||
	    request->max == REQUEST_NOT_GIVEN || request->min > request->max)
		return error_set(err, -EINVAL, "pool", "pool, min and max come together, and min is not above max");
	return pools_resize(peer->launcher->pools, (unsigned)request->pool, (unsigned)request->min,
	                    (unsigned)request->max, err);
}

/** pool_serve() - inspect the pools, or resize one */
static int pool_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err)
{
	bool resize = request->pool != REQUEST_NOT_GIVEN || request->min != REQUEST_NOT_GIVEN ||
	              request->max != REQUEST_NOT_GIVEN;
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out;
	int r = resize ? pool_resize(peer, request, err) : 0;

	if (r < 0)
		return r;
	out = open_memstream(&text, &size);
	if (!out)
		return error_set(err, -ENOMEM, "pool", "out of memory");
	pools_print(peer->launcher->pools, peer->trusted, out);
	if (fclose(out) != 0)
		return error_set(err, -ENOMEM, "pool", "out of memory");
	peer_report(peer, packet->head.id, text);
	return 0;
}

/** check_fds() - only START takes descriptors; any packet may have a body */
static int check_fds(const struct packet *packet, enum request_verb verb, struct dyno_error *err)
{
	for (unsigned i = 0; i < PROTOCOL_FD_COUNT; i++) {
		enum protocol_fd fd = (enum protocol_fd)i;

		if (packet->fds[i] < 0 || fd == PROTOCOL_FD_BODY ||
		    (verb == REQUEST_START && fd != PROTOCOL_FD_TERMINAL))
			continue;
		return error_set(err, -EINVAL, "request", "%s takes no descriptor %s", request_verb_name(verb),
		                 protocol_fd_name(fd));
	}
	return 0;
}

int verbs_serve(struct peer *peer, struct packet *packet, const struct request *request, struct dyno_error *err)
{
	static verb_serve *const verbs[] = {
		[REQUEST_HELLO] = hello_serve,         [REQUEST_START] = start_serve, [REQUEST_SIGNAL] = signal_serve,
		[REQUEST_STOP] = stop_serve,           [REQUEST_KILL] = stop_serve,   [REQUEST_LIST] = list_serve,
		[REQUEST_SUBSCRIBE] = subscribe_serve, [REQUEST_STATS] = stats_serve, [REQUEST_POOL] = pool_serve,
	};
	int r = check_fds(packet, request->verb, err);

	_Static_assert(sizeof(verbs) / sizeof(verbs[0]) == REQUEST_COUNT, "every verb is served");
	return r < 0 ? r : verbs[request->verb](peer, packet, request, err);
}
