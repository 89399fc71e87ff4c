/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.c - see sandbox.h: bounds and end of what prepare.c made */
#include "runtime/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/claim.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/visitor.h"
#include "isolation/mounts.h"
#include "isolation/scratch.h"
#include "netns/address.h"
#include "netns/table.h"
#include "runtime/host.h"
#include "runtime/registry.h"

char *sandbox_group_id(unsigned slot, char *buf, size_t size)
{
	snprintf(buf, size, "%u", slot);
	return buf;
}

void sandbox_given_name(unsigned slot, char *buf, size_t size)
{
	snprintf(buf, size, "run.%u", 1000u + slot);
}

/** copy_shape() - own copies of the shape's strings, and its defaults */
static int copy_shape(struct dyno_sandbox *sandbox, const struct dyno_shape *shape)
{
	size_t stack = strlen(shape->stack) + 1;
	size_t dir = shape->scratch_dir ? strlen(shape->scratch_dir) + 1 : 0;

	sandbox->strings = malloc(stack + dir);
	if (!sandbox->strings)
		return -ENOMEM;
	sandbox->shape = *shape;
	sandbox->shape.stack = memcpy(sandbox->strings, shape->stack, stack);
	if (dir)
		sandbox->shape.scratch_dir = memcpy(sandbox->strings + stack, shape->scratch_dir, dir);
	if (sandbox->shape.scratch_size == 0)
		sandbox->shape.scratch_size = SCRATCH_DEFAULT_SIZE;
	return 0;
}

int sandbox_new(struct dyno_host *host, const struct dyno_shape *shape, const char *slug, struct dyno_sandbox **ret,
                struct dyno_error *err)
{
	struct dyno_sandbox *sandbox = calloc(1, sizeof(*sandbox));
	int r;

	if (!sandbox)
		return error_set(err, -ENOMEM, "prepare", "out of memory");
	sandbox->host = host;
	sandbox->slot_fd = sandbox->name_fd = sandbox->scratch = sandbox->channel = sandbox->pidfd = -1;
	sandbox->terminal = sandbox->notify = sandbox->slug_mount = -1;
	sandbox->nest = (struct nest)NEST_NULL;
	sandbox->group = (struct cgroup)CGROUP_NULL;
	sandbox->identity = (struct identity)IDENTITY_NULL;
	sandbox->network = (struct network)NETWORK_NULL;
	r = copy_shape(sandbox, shape);
	if (r == 0 && slug)
		r = text_copy(sandbox->slug, sizeof(sandbox->slug), slug);
	if (r < 0) {
		dyno_sandbox_destroy(sandbox);
		return error_set(err, r, "prepare", "cannot copy the spec:");
	}
	*ret = sandbox;
	return 0;
}

int sandbox_slots(const struct dyno_sandbox *sandbox, struct dyno_error *err)
{
	return sandbox->shape.net == DYNO_NET_PRIVATE ? network_slots(sandbox->host->network, err) : NETWORK_SLOTS;
}

int sandbox_take_name(struct dyno_sandbox *sandbox, const char *name, struct dyno_error *err)
{
	int fd;

	if (!name) {
		sandbox_given_name(sandbox->slot, sandbox->name, sizeof(sandbox->name));
		return 0;
	}
	fd = claim_take(sandbox->host->names_fd, name);
	if (fd == -EBUSY) {
		error_set(err, -EBUSY, "claim", "a dyno named %s is already running", name);
		error_remedy(err, "stop it with dyno stop %s, or choose another --name", name);
		return -EBUSY;
	}
	if (fd < 0)
		return error_set(err, fd, "claim", "cannot claim the name %s:", name);
	snprintf(sandbox->name, sizeof(sandbox->name), "%s", name);
	sandbox->name_fd = fd;
	return 0;
}

int sandbox_slug_owner(struct dyno_sandbox *sandbox, struct dyno_error *err)
{
	struct host_slug *last = &sandbox->host->slug;
	struct stat st;

	/* One that comes late will have the owner of the one before, most likely. */
	if (sandbox->slug[0] == '\0')
		return sandbox->late ? identity_open_slug(&sandbox->identity, last->uid, last->gid, err) : 0;
	if (stat(sandbox->slug, &st) < 0)
		return error_set(err, -errno, "slug", "cannot stat slug %s:", sandbox->slug);
	last->uid = st.st_uid;
	last->gid = st.st_gid;
	return identity_open_slug(&sandbox->identity, st.st_uid, st.st_gid, err);
}

bool sandbox_slug_lives(const struct dyno_host *host, const char *slug)
{
	struct identity identity = IDENTITY_NULL;
	int fd = -1;

	if (host->rootless)
		return true;
	/* Whose ids these would be does not matter: nobody will have them. */
	if (identity_open(0, &identity, NULL) == 0)
		fd = scratch_slug(slug, identity.user_fd, NULL);
	identity_done(&identity);
	if (fd < 0)
		return false;
	fd_close(fd);
	return true;
}

/** seen_whole() - nothing was mounted below the slug when that was last looked at, nor anywhere since */
static bool seen_whole(struct host_slug *last, const char *slug)
{
	struct statx st;
	uint64_t dev;
	bool same;

	/* First, so that a change after it shows the next time. */
	same = last->table >= 0 && !mounts_table_changed(last->table) && last->whole;
	if (statx(AT_FDCWD, slug, 0, STATX_INO | STATX_MNT_ID, &st) < 0)
		return false;
	dev = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
	same = same && last->mount == st.stx_mnt_id && last->dev == dev && last->ino == st.stx_ino;
	last->mount = st.stx_mnt_id;
	last->dev = dev;
	last->ino = st.stx_ino;
	return same;
}

int sandbox_check_slug(struct dyno_host *host, const char *slug, struct dyno_error *err)
{
	struct host_slug *last = &host->slug;
	char place[256];
	int r;

	if (slug[0] == '\0' || seen_whole(last, slug))
		return 0;
	/* Worth it from the second on, also where all dynos come from pools. */
	if (last->looked && last->table < 0)
		last->table = mounts_table();
	last->looked = true;
	r = mounts_below(slug, place, sizeof(place));
	last->whole = r == 0;
	if (r < 0)
		return error_set(err, r, "slug", "cannot look for mounts below slug %s:", slug);
	if (r == 0)
		return 0;
	error_set(err, -EXDEV, "slug", "slug %s has another filesystem mounted at %s, which its dyno would not see",
	          slug, place);
	error_remedy(err, "unmount it, or copy the slug to one filesystem");
	return -EXDEV;
}

int sandbox_hosts(const struct dyno_sandbox *sandbox, const char *hostname, char *buf, size_t size)
{
	char services[ADDRESS_TEXT_SIZE] = "";
	int r = text_format(buf, size, "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 %s\n",
	                    hostname);

	if (r < 0 || sandbox->shape.net != DYNO_NET_PRIVATE)
		return r;
	r = network_services(sandbox->host->network, services, NULL);
	/* rootless they are on the dyno's own loopback */
	return r < 0 ? r
	             : text_append(buf, size, "%s " TABLE_HOST_NAME "\n",
	                           sandbox->host->rootless ? "127.0.0.1" : services);
}

/** unset_same() - what @limits has as it is set already need not be written again: 0 leaves it */
static void unset_same(struct dyno_limits *limits, const struct dyno_limits *set)
{
	limits->memory = limits->memory == set->memory ? 0 : limits->memory;
	limits->pids = limits->pids == set->pids ? 0 : limits->pids;
	limits->cpu_milli = limits->cpu_milli == set->cpu_milli ? 0 : limits->cpu_milli;
	limits->cpu_shares = limits->cpu_shares == set->cpu_shares ? 0 : limits->cpu_shares;
}

int sandbox_bound(const struct dyno_host *host, const struct cgroup *group, const struct dyno_limits *asked,
                  struct dyno_limits *set, struct dyno_error *err)
{
	const struct cgroup_host *cgroups = &host->cgroups;
	const struct dyno_limits before = *set;
	struct dyno_limits held;

	*set = *asked;
	if (set->memory == 0)
		set->memory = SANDBOX_MEMORY;
	if (set->pids == 0)
		set->pids = SANDBOX_PIDS;
	held = *set;
	/* What no cgroup holds is left to rlimits_apply_child(); dyno_notice() tells. */
	if (!cgroup_holds(cgroups, CGROUP_MEMORY))
		held.memory = 0;
	if (!cgroup_holds(cgroups, CGROUP_PIDS))
		held.pids = 0;
	if (!cgroup_holds(cgroups, CGROUP_CPU))
		held.cpu_shares = 0;
	unset_same(&held, &before);
	if (held.memory == 0 && held.pids == 0 && held.cpu_milli == 0 && held.cpu_shares == 0)
		return 0;
	return cgroup_limit(cgroups, group, &held, err);
}

int sandbox_note(struct dyno_sandbox *sandbox, const char *publish_unix, struct dyno_error *err)
{
	const struct dyno_shape *shape = &sandbox->shape;
	struct registry_entry entry = { .slot = sandbox->slot, .net = shape->net };
	int r = 0;

	if (sandbox->noted && !publish_unix)
		return 0;
	if (shape->scratch_dir)
		r = text_copy(entry.scratch_dir, sizeof(entry.scratch_dir), shape->scratch_dir);
	if (r == 0 && publish_unix)
		r = text_copy(entry.publish_unix, sizeof(entry.publish_unix), publish_unix);
	if (r == 0)
		r = registry_publish(sandbox->slot_fd, &entry);
	if (r < 0)
		return error_set(err, r, "claim", "cannot note the dyno in its claim:");
	sandbox->noted = true;
	return 0;
}

void sandbox_settle(struct dyno_sandbox *sandbox)
{
	visitor_reap(&sandbox->visitor);
	/* The overlay has its own clone of it. To drop a detached mount takes an RCU grace period: 60 us. */
	sandbox->slug_mount = fd_close(sandbox->slug_mount);
	nest_done(&sandbox->nest);
	/* The holders of the user namespaces were killed long ago. */
	identity_done(&sandbox->identity);
}

void sandbox_on_parked(struct dyno_sandbox *sandbox, struct channel_packet *packet)
{
	const struct channel_message *message = &packet->message;
	unsigned at = 0;
	size_t i;

	for (i = 0; i < DYNO_PHASE_COUNT; i++)
		if (message->timeline.ns[i])
			sandbox->timeline.ns[i] = message->timeline.ns[i];
	if (message->flags & CHANNEL_HAS_TERMINAL)
		sandbox->terminal = TAKE_FD(packet->fds[at++]);
	if (message->flags & CHANNEL_HAS_SCRATCH)
		sandbox->scratch = TAKE_FD(packet->fds[at++]);
	if (message->flags & CHANNEL_HAS_NOTIFY)
		sandbox->notify = TAKE_FD(packet->fds[at]);
	sandbox->no_app = (message->flags & CHANNEL_NO_APP) != 0;
	sandbox->parked = true;
}

void dyno_sandbox_requested(struct dyno_sandbox *sandbox, uint64_t requested_ns)
{
	sandbox->timeline.ns[DYNO_PHASE_REQUESTED] = requested_ns ? requested_ns : clock_ns();
	sandbox->birth = sandbox->pid > 0 ? DYNO_BIRTH_WARM : DYNO_BIRTH_POOLED;
}

const char *dyno_birth_name(enum dyno_birth birth)
{
	static const char *const names[] = {
		[DYNO_BIRTH_COLD] = "cold",
		[DYNO_BIRTH_POOLED] = "pooled",
		[DYNO_BIRTH_WARM] = "warm",
	};

	return (unsigned)birth < sizeof(names) / sizeof(names[0]) ? names[birth] : "unknown";
}

int sandbox_reap(struct dyno_sandbox *sandbox)
{
	int status = -1;

	if (sandbox->pid <= 0)
		return -1;
	(void)pidfd_send_signal(sandbox->pidfd, SIGKILL, NULL, 0);
	while (waitpid(sandbox->pid, &status, 0) < 0 && errno == EINTR)
		;
	/* -1 still when the caller ignores SIGCHLD: then the call waited, but the kernel kept the status to itself. */
	sandbox->pid = 0;
	return status;
}

int sandbox_clean_slot(struct dyno_host *host, unsigned slot, int claim, struct dyno_error *err)
{
	struct registry_entry entry = { 0 };
	char id[12], name[16];
	int r = cgroup_remove(&host->cgroups, sandbox_group_id(slot, id, sizeof(id)), err);

	sandbox_given_name(slot, name, sizeof(name));
	(void)unlinkat(host->sockets_fd, name, 0);

	(void)registry_read(claim, &entry);
	/* A claim that says nothing yet counts as private. */
	if (r == 0 && !host->rootless && entry.net == DYNO_NET_PRIVATE)
		r = network_remove(host->network, slot, err);
	if (r == 0)
		publish_sweep(entry.publish_unix);
	if (r == 0 && entry.scratch_dir[0] != '\0') {
		r = scratch_remove_disk(entry.scratch_dir, slot);
		if (r < 0)
			error_set(err, r, "scratch", "cannot remove dyno-%u in %s:", slot, entry.scratch_dir);
	}
	if (r == 0 && ftruncate(claim, 0) < 0)
		r = error_set(err, -errno, "claim", "cannot empty the claim of slot %u:", slot);
	return r;
}

struct dyno_sandbox *dyno_sandbox_destroy(struct dyno_sandbox *sandbox)
{
	struct dyno_host *host;
	char id[12];

	if (!sandbox)
		return NULL;
	host = sandbox->host;
	(void)sandbox_reap(sandbox);
	sandbox_settle(sandbox);
	network_abandon(host->network);
	network_close(host->network, &sandbox->network);
	cgroup_done(&sandbox->group);
	if (sandbox->slot_fd >= 0)
		(void)cgroup_remove(&host->cgroups, sandbox_group_id(sandbox->slot, id, sizeof(id)), NULL);
	fd_close(sandbox->pidfd);
	fd_close(sandbox->channel);
	fd_close(sandbox->scratch);
	fd_close(sandbox->terminal);
	fd_close(sandbox->notify);
	if (sandbox->shape.scratch_dir)
		(void)scratch_remove_disk(sandbox->shape.scratch_dir, sandbox->slot);
	if (sandbox->name_fd >= 0)
		claim_drop(host->names_fd, sandbox->name, sandbox->name_fd);
	if (sandbox->slot_fd >= 0)
		claim_drop(host->slots_fd, sandbox_group_id(sandbox->slot, id, sizeof(id)), sandbox->slot_fd);
	free(sandbox->strings);
	free(sandbox);
	return NULL;
}
