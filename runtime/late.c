/* SPDX-License-Identifier: Apache-2.0 */
/* late.c - see late.h */
#include "runtime/late.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/text.h"
#include "isolation/namespaces.h"
#include "isolation/scratch.h"
#include "runtime/channel.h"
#include "runtime/host.h"

int late_refuse(const struct dyno_app *app, struct dyno_error *err)
{
	error_set(err, -ENOTSUP, "start", "slug %s was not known when the sandbox was prepared", app->slug);
	error_remedy(err, "give the app to dyno_prepare(); a slug can come later as root on Linux 6.15 and newer");
	return -ENOTSUP;
}

/** await_parked() - until the child is behind all its steps, and has handed over what only it could make */
static int await_parked(struct dyno_sandbox *sandbox, struct dyno_error *err)
{
	_cleanup_free_ struct channel_packet *packet = sandbox->parked ? NULL : malloc(sizeof(*packet));
	int r;

	if (sandbox->parked)
		return 0;
	r = packet ? channel_receive(sandbox->channel, packet, true) : -ENOMEM;
	if (r > 0 && packet->message.type == CHANNEL_PARKED) {
		sandbox_on_parked(sandbox, packet);
		return 0;
	}
	if (r > 0 && packet->message.type == CHANNEL_FAILED) {
		if (err)
			*err = packet->message.error;
		r = packet->message.error.code;
	} else {
		r = error_set(err, r < 0 ? r : -EPIPE, "start", "cannot hear that the sandbox is parked:");
	}
	if (packet)
		channel_close_fds(packet);
	return r;
}

int late_make_app(struct dyno_sandbox *sandbox, struct dyno_error *err)
{
	const struct identity *identity = &sandbox->identity;
	int r;

	if (sandbox->slug[0] == '\0')
		return scratch_app(sandbox->scratch, -1, err);
	r = sandbox_slug_owner(sandbox, err);
	if (r == 0)
		r = sandbox_check_slug(sandbox->host, sandbox->slug, err);
	if (r < 0)
		return r;
	r = scratch_slug(sandbox->slug, identity->slug_fd, err);
	if (r == -EOPNOTSUPP)
		r = scratch_copy_slug(sandbox->slug, identity_user(identity), err);
	if (r < 0)
		return r;
	sandbox->slug_mount = r;
	return scratch_app(sandbox->scratch, r, err);
}

/** new_hostname() - the dyno's own, where it is not the one that it has: written to @hostname, "" otherwise */
static void new_hostname(const struct dyno_sandbox *sandbox, char hostname[64])
{
	hostname[0] = '\0';
	/* Rootless nobody outside has power over the host name: it stays that of the slot. */
	if (sandbox->name_fd >= 0 && !sandbox->host->rootless && sandbox->scratch >= 0)
		namespaces_hostname(sandbox->name, hostname);
}

int late_rename(const struct dyno_sandbox *sandbox, const char *hostname, struct dyno_error *err)
{
	char hosts[256];
	int r = sandbox_hosts(sandbox, hostname, hosts, sizeof(hosts));

	return r < 0 ? error_set(err, r, "hosts", "cannot make the hosts file:")
	             : scratch_rename(sandbox->scratch, hosts, err);
}

int late_attach(struct dyno_sandbox *sandbox, struct attach *attach, struct dyno_error *err)
{
	int app = -1, r = fault_at("late attach");

	if (r < 0)
		return error_set(err, r, "late attach", "injected failure at late attach:");
	new_hostname(sandbox, attach->hostname);
	if (!sandbox->no_app && attach->hostname[0] == '\0')
		return 0;
	r = attach_begin(attach, sandbox->pidfd, &sandbox->visitor, err);
	if (r == 0 && sandbox->no_app)
		r = app = late_make_app(sandbox, err);
	if (r >= 0 && attach->hostname[0] != '\0')
		r = late_rename(sandbox, attach->hostname, err);
	if (r < 0)
		fd_close(app);
	else
		attach_give(attach, app);
	return r < 0 ? r : 0;
}

int late_end(struct dyno_sandbox *sandbox, struct attach *attach, struct dyno_error *err)
{
	bool begun = attach->begun;
	int r = attach_end(attach, err);

	attach->app = fd_close(attach->app);
	if (begun && r == 0)
		sandbox->timeline.ns[DYNO_PHASE_ATTACHED] = clock_ns();
	return r;
}

int late_adopt(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno_error *err)
{
	bool other = app->slug && strcmp(app->slug, sandbox->slug) != 0;
	int r = fault_at("late");

	if (r < 0)
		return error_set(err, r, "late", "injected failure at late:");
	r = await_parked(sandbox, err);
	if (r == 0 && other && !sandbox->no_app)
		r = late_refuse(app, err);
	if (r == 0)
		r = sandbox_take_name(sandbox, app->name, err);
	if (r == 0 && other && text_copy(sandbox->slug, sizeof(sandbox->slug), app->slug) < 0)
		r = error_set(err, -ENAMETOOLONG, "slug", "the path of the slug is too long");
	return r;
}
