/* SPDX-License-Identifier: Apache-2.0 */
/* parts.c - see parts.h */
#include "runtime/parts.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/fd.h"
#include "isolation/cgroup.h"
#include "netns/network.h"
#include "runtime/channel.h"
#include "runtime/host.h"
#include "runtime/late.h"
#include "runtime/sandbox.h"

/** make_groups() - the v1 groups, and the limits of all; leftovers of a dead owner of the slot go first */
static int make_groups(struct dyno_sandbox *sandbox, const struct dyno_limits *limits, struct dyno_error *err)
{
	struct cgroup_host v1 = sandbox->host->cgroups;
	char id[12];
	int r;

	if (sandbox->grouped)
		return sandbox_bound(sandbox->host, &sandbox->group, limits, &sandbox->limits, err);
	sandbox_group_id(sandbox->slot, id, sizeof(id));
	r = cgroup_create_v1(&v1, id, &sandbox->group, err);
	if (r == -EEXIST) {
		v1.v2_fd = -1; /* that one is ours, and our child may be in it */
		r = cgroup_remove(&v1, id, err);
		if (r == 0)
			r = cgroup_create_v1(&v1, id, &sandbox->group, err);
	}
	return r < 0 ? r : sandbox_bound(sandbox->host, &sandbox->group, limits, &sandbox->limits, err);
}

/** open_network() - as root: the network namespace, which the child then only enters; most of it was made meanwhile */
static int open_network(struct dyno_sandbox *sandbox, struct dyno_error *err)
{
	if (sandbox->host->rootless || sandbox->shape.net == DYNO_NET_HOST)
		return 0;
	return network_open(sandbox->host->network, sandbox->shape.net, sandbox->slot, &sandbox->network, err);
}

int parts_make(struct dyno_sandbox *sandbox, const struct dyno_limits *limits, struct dyno_error *err)
{
	int r = make_groups(sandbox, limits, err);

	return r < 0 ? r : open_network(sandbox, err);
}

/**
 * from_child() - take one packet of the child, which has something to say or is dead
 * @code: what is wrong if it does not say so itself, 0 for nothing; @err has its sentence
 */
static int from_child(const struct dyno_sandbox *sandbox, bool wait, int code, struct dyno_error *err)
{
	_cleanup_free_ struct channel_packet *packet = malloc(sizeof(*packet));
	int r = packet ? channel_receive(sandbox->channel, packet, wait) : -ENOMEM;

	if (r > 0 && packet->message.type == CHANNEL_FAILED) {
		if (err)
			*err = packet->message.error;
		return packet->message.error.code;
	}
	if (code < 0 || r > 0)
		return code;
	return error_set(err, r < 0 ? r : -EPIPE, "clone", "the child ended before it had an id:");
}

int parts_attach(struct dyno_sandbox *sandbox, struct dyno_error *err)
{
	enum dyno_net net = sandbox->shape.net;
	int r = from_child(sandbox, true, 0, err);

	if (r < 0 || net == DYNO_NET_HOST)
		return r;
	r = network_attach(sandbox->host->network, net, sandbox->slot, sandbox->pid, &sandbox->network, err);
	/* gone already: then it knows better why */
	return r == -ENOENT ? from_child(sandbox, false, r, err) : r;
}

/** send_parts() - @message with @count descriptors */
static int send_parts(const struct dyno_sandbox *sandbox, const struct channel_message *message, const int *fds,
                      unsigned count, struct dyno_error *err)
{
	int r = channel_send(sandbox->channel, message, NULL, fds, count);

	/* EPIPE: a dead child has left its error record in the channel, for dyno_next_event() */
	return r < 0 && r != -EPIPE ? error_set(err, r, "channel", "cannot reach the child:") : 0;
}

int parts_send(const struct dyno_sandbox *sandbox, struct dyno_error *err)
{
	struct channel_message message = { .type = CHANNEL_PARTS };
	int fds[CHANNEL_FDS];
	unsigned count = 0;

	/* rootless it is in its namespace already, and the descriptor is for those who have to enter it */
	if (!sandbox->host->rootless && sandbox->network.fd >= 0) {
		message.flags |= CHANNEL_HAS_NETWORK;
		fds[count++] = sandbox->network.fd;
	}
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++) {
		if (sandbox->group.tasks_fd[i] < 0)
			continue;
		message.value |= 1 << i;
		fds[count++] = sandbox->group.tasks_fd[i];
	}
	return send_parts(sandbox, &message, fds, count, err);
}

int parts_send_app(struct dyno_sandbox *sandbox, struct dyno_error *err)
{
	const struct channel_message message = { .type = CHANNEL_PARTS, .flags = CHANNEL_HAS_APP };
	_cleanup_close_ int app = late_make_app(sandbox, err);

	return app < 0 ? app : send_parts(sandbox, &message, &app, 1, err);
}
