/* SPDX-License-Identifier: Apache-2.0 */
/**
 * prepare.c - dyno_prepare(): the parent's road to a parked sandbox, one list of named steps
 *
 * The child's road (child.c) begins at the clone; the two meet where the child waits for its network.
 */
#include "runtime/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/clock.h"
#include "base/cpu.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/text.h"
#include "isolation/mounts.h"
#include "isolation/namespaces.h"
#include "isolation/scratch.h"
#include "isolation/stack.h"
#include "netns/resolver.h"
#include "netns/table.h"
#include "runtime/channel.h"
#include "runtime/child.h"
#include "runtime/host.h"
#include "runtime/late.h"
#include "runtime/parts.h"
#include "runtime/spec.h"

/** enum when - which steps are to be run: parts are what is made before there is a process */
enum when {
	WHEN_PARTS = 1,
	WHEN_REST = 2,
	WHEN_COLD = WHEN_PARTS | WHEN_REST,
};

/** struct prepare - what the steps of one dyno_prepare() share; @app: NULL when it is not known yet */
struct prepare {
	struct dyno_sandbox *sandbox;
	const struct dyno_app *app;
	const struct dyno_limits *limits;
	enum when when;
	int child_end;
	char hosts[256];
	char skeleton[160];
	char hostname[64];
};

/**
 * follows() - the child is cloned before all its parts are there, and gets them while it builds its filesystem
 * Without a v2 tree it is the v1 groups that tell of leftovers, which are to go before there is a child.
 */
static bool follows(const struct prepare *prepare)
{
	const struct dyno_host *host = prepare->sandbox->host;

	return !host->rootless && prepare->when == WHEN_COLD && host->cgroups.layout != DYNO_CGROUP_V1;
}

/** take_spare() - begin with the spare, if there is one. Return: it did */
static bool take_spare(struct dyno_sandbox *sandbox, unsigned slots)
{
	struct spare spare;

	if (!spare_take(&sandbox->host->spare, slots, &spare))
		return false;
	sandbox->slot = spare.slot;
	sandbox->slot_fd = spare.slot_fd;
	sandbox->group = spare.group;
	sandbox->limits = spare.limits;
	sandbox->identity = spare.identity;
	sandbox->grouped = true;
	return true;
}

/** step_claim() - a slot: the spare, or any; one whose last owner died is cleaned first */
static int step_claim(struct prepare *prepare, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = prepare->sandbox;
	int slots = sandbox_slots(sandbox, err), fd;
	struct stat st;

	if (slots < 0)
		return slots;
	if (prepare->app && take_spare(sandbox, (unsigned)slots))
		return 0;
	fd = claim_take_slot(sandbox->host->slots_fd, (unsigned)slots, &sandbox->slot);
	if (fd < 0)
		return error_set(err, fd, "claim", "no free slot among %d:", slots);
	sandbox->slot_fd = fd;
	if (fstat(sandbox->slot_fd, &st) == 0 && st.st_size > 0)
		return sandbox_clean_slot(sandbox->host, sandbox->slot, sandbox->slot_fd, err);
	return 0;
}

/** step_name() - the app's, or one for the time being */
static int step_name(struct prepare *prepare, struct dyno_error *err)
{
	return sandbox_take_name(prepare->sandbox, prepare->app ? prepare->app->name : NULL, err);
}

/** step_group() - the group that the child is born into; leftovers of a dead owner of the slot go first */
static int step_group(struct prepare *prepare, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = prepare->sandbox;
	struct dyno_host *host = sandbox->host;
	char id[12];
	int r;

	if (sandbox->grouped)
		return 0;
	sandbox_group_id(sandbox->slot, id, sizeof(id));
	r = cgroup_create_v2(&host->cgroups, id, &sandbox->group, err);
	if (r == -EEXIST) {
		r = sandbox_clean_slot(host, sandbox->slot, sandbox->slot_fd, err);
		if (r == 0)
			r = cgroup_create_v2(&host->cgroups, id, &sandbox->group, err);
	}
	return r;
}

/** step_users() - ready user namespaces; rootless the child makes its own */
static int step_users(struct prepare *prepare, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = prepare->sandbox;
	int r = 0;

	if (sandbox->host->rootless)
		return 0;
	if (sandbox->identity.user_fd < 0)
		r = identity_open(sandbox->slot, &sandbox->identity, err);
	return r < 0 ? r : sandbox_slug_owner(sandbox, err);
}

/** step_disk() - a writable layer on disk; a tmpfs is made by the child */
static int step_disk(struct prepare *prepare, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = prepare->sandbox;
	const struct dyno_shape *shape = &sandbox->shape;
	int r;

	if (!shape->scratch_dir)
		return 0;
	/* Before there is anything to clean up: whoever finds this claim stale must know where to look. */
	r = sandbox_note(sandbox, NULL, err);
	if (r == 0)
		r = scratch_open_disk(shape->scratch_dir, sandbox->slot, shape->scratch_size, err);
	if (r < 0)
		return r;
	sandbox->scratch = r;
	return 0;
}

/**
 * read_resolver() - the text of /etc/resolv.conf
 * @services: where a private dyno is led to a resolver on this machine's loopback, "" for nowhere
 */
static int read_resolver(struct dyno_sandbox *sandbox, const char *services, char *buf, size_t size,
                         struct dyno_error *err)
{
	uint32_t server = 0;
	int r = resolver_conf(sandbox->shape.net, services, buf, size, &server);

	if (r < 0)
		return error_set(err, r, "resolver", "cannot make resolv.conf:");
	network_resolver(sandbox->host->network, server);
	/* that of ready parts is there already, and was opened when nobody had looked yet */
	sandbox->network.resolver = server;
	return 0;
}

/** step_skeleton() - find the root's skeleton, and the text of /etc/hosts, the one file in which dynos differ */
static int step_skeleton(struct prepare *prepare, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = prepare->sandbox;
	const struct dyno_host *host = sandbox->host;
	char resolv[RESOLVER_SIZE], name[32], services[ADDRESS_TEXT_SIZE] = "";
	const struct stack_kind kind = { sandbox->shape.stack, host->rootless, resolv };
	int r = 0;

	namespaces_hostname(sandbox->name, prepare->hostname);
	if (nest_ready(&sandbox->nest))
		return sandbox->name_fd < 0 ? 0 : late_rename(sandbox, prepare->hostname, err);
	if (sandbox->shape.net == DYNO_NET_PRIVATE)
		r = network_services(host->network, services, err);
	if (r == 0)
		r = read_resolver(sandbox, services, resolv, sizeof(resolv), err);
	if (r == 0)
		r = stack_skeleton(host->stacks_fd, &kind, name, err);
	if (r < 0)
		return r;
	r = text_format(prepare->skeleton, sizeof(prepare->skeleton), "%s/stacks/%s", host->state_dir, name);
	if (r >= 0)
		r = sandbox_hosts(sandbox, prepare->hostname, prepare->hosts, sizeof(prepare->hosts));
	return r < 0 ? error_set(err, r, "skeleton", "a path or name is too long") : 0;
}

/** step_channel() - the control socket */
static int step_channel(struct prepare *prepare, struct dyno_error *err)
{
	int ends[2];
	int r = channel_pair(ends);

	if (r < 0)
		return error_set(err, r, "channel", "cannot make the control socket:");
	prepare->sandbox->channel = ends[0];
	prepare->child_end = ends[1];
	return 0;
}

/** plan_child() - what the child, or the builder of its nest, is to do */
static struct child plan_child(struct prepare *prepare)
{
	struct dyno_sandbox *sandbox = prepare->sandbox;
	struct dyno_host *host = sandbox->host;
	bool nested = nest_ready(&sandbox->nest);

	return (struct child){
		.shape = &sandbox->shape,
		.slug = sandbox->slug[0] != '\0' ? sandbox->slug : NULL,
		.hostname = prepare->hostname,
		.rootless = host->rootless,
		.uid = host->uid,
		.gid = host->gid,
		.channel = prepare->child_end,
		.launcher_end = sandbox->channel,
		.landlock_abi = host->landlock_abi,
		.follows = follows(prepare) || sandbox->nest.detached,
		.nest = nested ? &sandbox->nest : NULL,
		.app = -1,
		.network = sandbox->network.fd,
		.identity = &sandbox->identity,
		.group = &sandbox->group,
		.hosts = prepare->hosts,
		.skeleton = prepare->skeleton,
		.template = !nested && stack_is_host(sandbox->shape.stack) ? host_template(host) : -1,
		.scratch = sandbox->scratch,
		.slug_fd = -1,
		.skeleton_fd = -1,
		.rootfd = -1,
		.terminal = -1,
		.terminal_master = -1,
		.notify = -1,
		.shed = &host->shed,
		/* Of a parked one whose slug is known only the name comes late. */
		.late = sandbox->late && sandbox->slug[0] == '\0' && !host->rootless && !sandbox->shape.scratch_dir,
		.tree = -1,
		.ruleset = -1,
	};
}

/** step_nest() - the root, and what else needs no process, where that can be made before its slug is known */
static int step_nest(struct prepare *prepare, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = prepare->sandbox;
	struct child plan;
	int r;

	/* Nobody enters the mounts of an ordinary user's child but itself. */
	if (prepare->when != WHEN_PARTS || sandbox->host->rootless || sandbox->shape.scratch_dir)
		return 0;
	plan = plan_child(prepare);
	if (plan.template <0)
		return 0;
	r = nest_build(&plan, &sandbox->nest, err);
	sandbox->scratch = r < 0 ? -1 : r;
	return r < 0 ? r : 0;
}

/** step_clone() - the one clone; in the child it does not return */
static int step_clone(struct prepare *prepare, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = prepare->sandbox;
	const struct dyno_host *host = sandbox->host;
	struct cpu_seat seat = { .other = -1 };
	struct child child = plan_child(prepare);
	uint64_t flags = namespaces_flags(host->rootless, sandbox->shape.net, child.template >= 0, child.nest);
	pid_t pid;

	if (prepare->when == WHEN_COLD)
		cpu_seat_take(&seat, network_helper_cpu(host->network));
	pid = namespaces_clone(flags, cgroup_clone_fd(&sandbox->group), &sandbox->pidfd, err);
	if (pid == 0) {
		cpu_seat_child(&seat);
		child_main(&child);
	}
	cpu_seat_leave(&seat);
	if (pid < 0)
		return pid;
	sandbox->pid = pid;
	prepare->child_end = fd_close(prepare->child_end);
	return 0;
}

/** step_parts() - what the child needs late, where it is to be there before the child */
static int step_parts(struct prepare *prepare, struct dyno_error *err)
{
	return follows(prepare) ? 0 : parts_make(prepare->sandbox, prepare->limits, err);
}

/** step_join() - where the child waits for what is made beside it */
static int step_join(struct prepare *prepare, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = prepare->sandbox;
	bool rootless = sandbox->host->rootless;
	int r;

	if (sandbox->nest.detached)
		return parts_send_app(sandbox, err);
	if (!rootless && !follows(prepare))
		return 0;
	r = rootless ? parts_attach(sandbox, err) : parts_make(sandbox, prepare->limits, err);
	if (r < 0 || (rootless && sandbox->shape.net == DYNO_NET_HOST))
		return r;
	return parts_send(sandbox, err);
}

/** step_slug() - before the clone: the list of mounts is behind a lock that the child needs for each of its own */
static int step_slug(struct prepare *prepare, struct dyno_error *err)
{
	return sandbox_check_slug(prepare->sandbox->host, prepare->sandbox->slug, err);
}

/** step_connect() - connect the namespace with this machine */
static int step_connect(struct prepare *prepare, struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = prepare->sandbox;

	network_expect(&sandbox->network, sandbox->shape.net, prepare->app, sandbox->shape.watch);
	return network_connect(sandbox->host->network, sandbox->shape.net, &sandbox->network, err);
}

/**
 * struct step - one step of the parent
 * @when:  made ahead with the parts of a sandbox, with the rest of it, or in both
 * @stamp: phase it completes, DYNO_PHASE_COUNT for none
 */
static const struct {
	const char *name;
	int (*run)(struct prepare *prepare, struct dyno_error *err);
	enum when when;
	enum dyno_phase stamp;
} steps[] = {
	{ "parent claim", step_claim, WHEN_PARTS, DYNO_PHASE_COUNT },
	{ "parent name", step_name, WHEN_COLD, DYNO_PHASE_COUNT },
	{ "parent group", step_group, WHEN_PARTS, DYNO_PHASE_COUNT },
	{ "parent disk", step_disk, WHEN_REST, DYNO_PHASE_COUNT },
	{ "parent skeleton", step_skeleton, WHEN_COLD, DYNO_PHASE_COUNT },
	{ "parent slug", step_slug, WHEN_REST, DYNO_PHASE_COUNT },
	{ "parent users", step_users, WHEN_COLD, DYNO_PHASE_COUNT },
	{ "parent nest", step_nest, WHEN_PARTS, DYNO_PHASE_COUNT },
	{ "parent parts", step_parts, WHEN_PARTS, DYNO_PHASE_COUNT },
	{ "parent channel", step_channel, WHEN_REST, DYNO_PHASE_CLAIMED },
	{ "parent clone", step_clone, WHEN_REST, DYNO_PHASE_COUNT },
	{ "parent join", step_join, WHEN_REST, DYNO_PHASE_COUNT },
	{ "parent connect", step_connect, WHEN_PARTS, DYNO_PHASE_COUNT },
};

/** run_steps() - the parent's road, or the part of it that is to be gone */
static int run_steps(struct prepare *prepare, struct dyno_error *err)
{
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r;

		if (!(steps[i].when & prepare->when))
			continue;
		r = fault_at(steps[i].name);
		if (r < 0)
			return error_set(err, r, steps[i].name, "injected failure at %s:", steps[i].name);
		r = steps[i].run(prepare, err);
		if (r < 0)
			return r;
		if (steps[i].stamp != DYNO_PHASE_COUNT)
			prepare->sandbox->timeline.ns[steps[i].stamp] = clock_ns();
	}
	return 0;
}

/** prepare_new() - a sandbox and its first steps; on failure nothing is left */
static int prepare_new(struct prepare *prepare, struct dyno_host *host, const struct dyno_shape *shape,
                       const char *slug, struct dyno_sandbox **ret, struct dyno_error *err)
{
	static const struct dyno_limits defaults;
	int r = sandbox_new(host, shape, slug, &prepare->sandbox, err);

	if (r < 0)
		return r;
	prepare->sandbox->late = !prepare->app;
	if (!prepare->limits)
		prepare->limits = &defaults;
	host->launches++;
	network_begin(host->network, shape->net);
	r = run_steps(prepare, err);
	/* Nobody waits for a parked one yet: 40 us less when somebody does. */
	if (r == 0 && !prepare->app && shape->net == DYNO_NET_PRIVATE) {
		r = network_settle(&prepare->sandbox->network, err);
		if (r == 0)
			r = sandbox_note(prepare->sandbox, NULL, err);
	}
	fd_close(prepare->child_end);
	if (r < 0) {
		dyno_sandbox_destroy(prepare->sandbox);
		return r;
	}
	*ret = prepare->sandbox;
	return 0;
}

int dyno_prepare(struct dyno_host *host, const struct dyno_shape *shape, const struct dyno_app *app,
                 uint64_t requested_ns, struct dyno_sandbox **ret, struct dyno_error *err)
{
	struct prepare prepare = {
		.app = app,
		.limits = app ? &app->limits : NULL,
		.when = WHEN_COLD,
		.child_end = -1,
	};
	uint64_t now_ns = requested_ns ? requested_ns : clock_ns();
	int r = spec_check_shape(shape, err);

	if (r == 0 && app)
		r = spec_check_app(shape, app, err);
	if (r == 0)
		r = prepare_new(&prepare, host, shape, app ? app->slug : NULL, ret, err);
	if (r == 0)
		(*ret)->timeline.ns[DYNO_PHASE_REQUESTED] = now_ns;
	return r;
}

int sandbox_prepare_parked(struct dyno_host *host, const struct dyno_shape *shape, const char *slug,
                           const struct dyno_limits *limits, struct dyno_sandbox **ret, struct dyno_error *err)
{
	struct prepare prepare = { .limits = limits, .when = WHEN_COLD, .child_end = -1 };
	int r = spec_check_shape(shape, err);

	return r < 0 ? r : prepare_new(&prepare, host, shape, slug, ret, err);
}

int sandbox_prepare_parts(struct dyno_host *host, const struct dyno_shape *shape, const struct dyno_limits *limits,
                          struct dyno_sandbox **ret, struct dyno_error *err)
{
	struct prepare prepare = { .limits = limits, .when = WHEN_PARTS, .child_end = -1 };
	int r = spec_check_shape(shape, err);

	return r < 0 ? r : prepare_new(&prepare, host, shape, NULL, ret, err);
}

int sandbox_complete(struct dyno_sandbox *sandbox, const struct dyno_app *app, struct dyno_error *err)
{
	struct prepare prepare = {
		.sandbox = sandbox,
		.app = app,
		.limits = &app->limits,
		.when = WHEN_REST,
		.child_end = -1,
	};
	int r = app->slug ? text_copy(sandbox->slug, sizeof(sandbox->slug), app->slug) : 0;

	if (r < 0)
		return error_set(err, r, "slug", "the path of the slug is too long");
	sandbox->late = false;
	r = run_steps(&prepare, err);
	fd_close(prepare.child_end);
	return r;
}
