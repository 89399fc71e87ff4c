/* SPDX-License-Identifier: Apache-2.0 */
/**
 * child.c - see child.h
 *
 * Theory of operation: the steps stand in the only order that works. Dying with the launcher comes first, so that nothing outlives
 * a launcher killed at any instant; every mount before the pivot, because afterwards there is nothing left to mount from; what the
 * launcher makes meanwhile as late as it may come: the network namespace, v1 groups, and the host name while the initial user
 * namespace still gives us power (before it is in its groups the child has made directories and written one page; v2 groups
 * have it from the clone on); then the user namespace, ids, capabilities and no_new_privs, each of which takes power away; Landlock before seccomp, which denies landlock_*; descriptors last.
 * From "syscalls" on only execve(2) is left.
 *
 * Of a sandbox whose parts were made ahead the builder of its nest (nest.h) has taken the steps that need no process of its own; they are
 * marked, and so are the few that only the child of such a one takes.
 */
#include "runtime/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "isolation/capabilities.h"
#include "isolation/cgroup.h"
#include "isolation/devices.h"
#include "isolation/landlock.h"
#include "isolation/mounts.h"
#include "isolation/namespaces.h"
#include "isolation/procfs.h"
#include "isolation/rlimits.h"
#include "isolation/scratch.h"
#include "isolation/stack.h"
#include "isolation/syscalls.h"
#include "isolation/template.h"
#include "netns/network.h"
#include "runtime/channel.h"
#include "runtime/init.h"
#include "runtime/nest.h"

/** step_begin() - die with the launcher, own session, default signal dispositions, everything blocked, limits of every process */
static int step_begin(struct child *child, struct dyno_error *err)
{
	int r = namespaces_begin_child(err);

	fd_close(child->launcher_end);
	init_reset_signals();
	return r < 0 ? r : rlimits_fix_child(err);
}

/** step_identity_map() - rootless only: be somebody in the new user namespace, and say so */
static int step_identity_map(struct child *child, struct dyno_error *err)
{
	const struct channel_message message = { .type = CHANNEL_MAPPED };
	int r;

	if (!child->rootless)
		return 0;
	r = identity_map_child(child->uid, child->gid, err);
	if (r == 0)
		(void)channel_send(child->channel, &message, NULL, NULL, 0);
	return r;
}

/** writable_owner() - host id that owns the dyno's writable directories; (uid_t)-1 rootless */
static uid_t writable_owner(const struct child *child)
{
	return child->rootless ? (uid_t)-1 : identity_user(child->identity);
}

/** take_parts() - what was made beside us: a network to enter, groups to join */
static int take_parts(struct child *child, struct dyno_error *err)
{
	static struct channel_packet packet;
	unsigned at = 0;
	int r = channel_receive(child->channel, &packet, true);

	/* EMFILE: our table is a copy of the launcher's, which may be full */
	if (r < 0)
		return error_set(err, r, "parts", "cannot take what was made beside the child:");
	if (r == 0 || packet.message.type != CHANNEL_PARTS)
		_exit(125); /* the launcher died or gave up: nobody is left to be told */
	if (packet.message.flags & CHANNEL_HAS_NETWORK)
		child->network = TAKE_FD(packet.fds[at++]);
	if (packet.message.flags & CHANNEL_HAS_APP)
		child->app = TAKE_FD(packet.fds[at++]);
	for (size_t i = 0; i < CGROUP_CONTROLLERS; i++)
		if (packet.message.value & 1 << i)
			child->group->tasks_fd[i] = TAKE_FD(packet.fds[at++]);
	child->follows = false;
	return 0;
}

/** step_parts() - wait for what is still to come; rootless the launcher takes hold of our network meanwhile */
static int step_parts(struct child *child, struct dyno_error *err)
{
	bool attached = child->rootless && child->shape->net != DYNO_NET_HOST;
	int r = attached ? network_loopback_child(err) : 0;

	return r == 0 && (attached || child->follows) ? take_parts(child, err) : r;
}

/** hold_slug() - take hold of the slug, if there is one and it is not held already */
static int hold_slug(struct child *child, struct dyno_error *err)
{
	int r = 0;

	if (!child->slug || child->slug_fd >= 0)
		return 0;
	child->slug_fd = scratch_slug(child->slug, child->identity->slug_fd, err);
	if (child->slug_fd != -EOPNOTSUPP)
		return child->slug_fd < 0 ? child->slug_fd : 0;
	/* A copy is in the dyno's memory, and counts as such: into its groups first. */
	r = step_parts(child, err);
	if (r == 0)
		r = cgroup_join_child(child->group, err);
	if (r == 0)
		child->slug_fd = scratch_copy_slug(child->slug, writable_owner(child), err);
	return r < 0 ? r : child->slug_fd < 0 ? child->slug_fd : 0;
}

/** step_keyring() - the keyring of nobody else */
static int step_keyring(struct child *child, struct dyno_error *err)
{
	(void)child;
	return identity_keyring_child(err);
}

/** step_enter() - into the nest that is ready, with the slug in hand where /app does not follow */
static int step_enter(struct child *child, struct dyno_error *err)
{
	int r = child->follows ? 0 : hold_slug(child, err);

	if (r == 0)
		r = namespaces_enter_child(child->nest->spaces, err);
	if (r < 0)
		return r;
	child->rootfd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (child->rootfd < 0 || fchdir(child->scratch) < 0)
		return error_set(err, -errno, "enter", "cannot enter the root that was made:");
	return 0;
}

/** step_private() - mounts that no longer propagate: of a copy of the template none does */
static int step_private(struct child *child, struct dyno_error *err)
{
	int r;

	if (child->template <0)
		return mounts_private_child(err);
	r = hold_slug(child, err);
	return r < 0 ? r : template_enter_child(child->template, err);
}

/** step_scratch() - make and lay out the writable layer */
static int step_scratch(struct child *child, struct dyno_error *err)
{
	if (child->scratch < 0)
		child->scratch = scratch_open(child->shape->scratch_size, err);
	if (child->scratch < 0)
		return child->scratch;
	/* While it is detached, and so free to be cloned; before Linux 6.15 it is not, and /app is made here, without a slug. */
	if (child->late)
		child->tree = mounts_clone(child->scratch, "", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, -1);
	if (child->late && child->tree < 0 && child->tree != -EINVAL)
		return error_set(err, child->tree, "scratch", "cannot clone the writable layer:");
	return scratch_layout_child(child->scratch, child->hosts, writable_owner(child), err);
}

/** step_stage() - take hold of slug and skeleton, and stage it all */
static int step_stage(struct child *child, struct dyno_error *err)
{
	int r = hold_slug(child, err);

	if (r < 0)
		return r;
	child->skeleton_fd = stack_clone_child(child->skeleton, child->identity->user_fd, err);
	if (child->skeleton_fd < 0)
		return child->skeleton_fd;
	return scratch_stage_child(child->scratch, err);
}

/** step_stack() - attach the new root and the stack */
static int step_stack(struct child *child, struct dyno_error *err)
{
	child->rootfd = stack_attach_child(child->scratch, child->skeleton_fd, child->shape->stack,
	                                   child->identity->user_fd, err);
	return child->rootfd < 0 ? child->rootfd : 0;
}

/** step_devices() - /dev/pts, and the nodes where they could not be made */
static int step_devices(struct child *child, struct dyno_error *err)
{
	return devices_attach_child(child->rootfd, child->rootless, err);
}

/** step_writable() - the writable places but /app */
static int step_writable(struct child *child, struct dyno_error *err)
{
	return scratch_attach_child(child->scratch, child->rootfd, child->identity->user_fd, err);
}

/** step_app() - /app, unless it is to be attached when the app is known, or is being made */
static int step_app(struct child *child, struct dyno_error *err)
{
	if (child->tree >= 0 || (child->nest && child->follows))
		return 0;
	return scratch_attach_app_child(child->scratch, child->rootfd, child->slug_fd, child->identity->user_fd < 0,
	                                err);
}

/** step_sys() - the bit of /sys */
static int step_sys(struct child *child, struct dyno_error *err)
{
	return procfs_attach_sys_child(child->rootfd, err);
}

/** step_proc() - /proc */
static int step_proc(struct child *child, struct dyno_error *err)
{
	return procfs_attach_child(child->rootfd, child->scratch, child->rootless, err);
}

/** step_pivot() - the new root becomes the root; the old one is gone. In a nest that is done, but for the working directory */
static int step_pivot(struct child *child, struct dyno_error *err)
{
	if (child->nest)
		return chdir("/") < 0 ? error_set(err, -errno, "pivot", "cannot enter /:") : 0;
	return child->template <0 ? mounts_pivot_child(child->rootfd, err) : template_cover_child(child->rootfd, err);
}

/** step_terminal() - a pseudo-terminal of the dyno's own; init keeps the slave for the app, the launcher gets the master */
static int step_terminal(struct child *child, struct dyno_error *err)
{
	struct winsize size;

	if (!child->shape->tty)
		return 0;
	child->terminal_master = devices_terminal_child(err);
	if (child->terminal_master < 0)
		return child->terminal_master;
	/* The launcher's streams are still here: born with the size of its terminal, the app's is right at the first look. */
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(child->terminal_master, TIOCSWINSZ, &size);
	/* TIOCGPTPEER: no path is looked up, so nothing can be swapped for it (CVE-2025-52565). */
	child->terminal = ioctl(child->terminal_master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (child->terminal < 0)
		return error_set(err, -errno, "terminal", "cannot open the terminal:");
	/* Ours to give: the dyno's user must be able to reopen /dev/pts/0. */
	if (!child->rootless && fchown(child->terminal, identity_user(child->identity), child->identity->base + 5) < 0)
		return error_set(err, -errno, "terminal", "cannot own the terminal:");
	return 0;
}

/** step_app_made() - /app, if it came with the parts */
static int step_app_made(struct child *child, struct dyno_error *err)
{
	return child->app < 0 ? 0 : mounts_attach(child->app, child->rootfd, "app", err);
}

/** step_network() - enter the network namespace */
static int step_network(struct child *child, struct dyno_error *err)
{
	return child->network < 0 ? 0 : network_enter_child(child->network, err);
}

/** step_cgroup() - join the v1 groups, and make the cgroup namespace of which they are the roots */
static int step_cgroup(struct child *child, struct dyno_error *err)
{
	int r = cgroup_join_child(child->group, err);

	return r < 0 ? r : namespaces_cgroup_child(err);
}

/** step_hostname() - the dyno's name */
static int step_hostname(struct child *child, struct dyno_error *err)
{
	return namespaces_hostname_child(child->hostname, err);
}

/** step_identity() - the user namespace (root) and the dyno's user */
static int step_identity(struct child *child, struct dyno_error *err)
{
	int r = capabilities_keep_child(err);

	return r < 0 ? r : identity_enter_child(child->identity, err);
}

/** step_capabilities() - no capability in any set, and no way to get one */
static int step_capabilities(struct child *child, struct dyno_error *err)
{
	(void)child;
	return capabilities_drop_child(err);
}

/** step_landlock() - the second wall; where /app is still to come, all of it but the last stone */
static int step_landlock(struct child *child, struct dyno_error *err)
{
	if (child->tree >= 0)
		return landlock_open_child(child->landlock_abi, &child->ruleset, err);
	return landlock_confine_child(child->landlock_abi, err);
}

/** step_syscalls() - the seccomp filter; of a watched dyno the launcher is to get the other end */
static int step_syscalls(struct child *child, struct dyno_error *err)
{
	return syscalls_confine_child(child->shape->watch ? &child->notify : NULL, err);
}

/**
 * step_undumpable() - nobody inside may look into init: not its memory, its /proc/1/exe, nor its descriptors
 * Changing ids cleared the parent-death signal (prctl(2)); it is set again here.
 */
static int step_undumpable(struct child *child, struct dyno_error *err)
{
	(void)child;
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_set(err, -errno, "init", "cannot protect the init process:");
	init_hide_title();
	return 0;
}

/** enum walk - who takes a step: the child, the builder of its nest in its place (nest.h), the child that enters that */
enum walk {
	WALK_WHOLE = 1,
	WALK_BUILD = 2,
	WALK_ENTER = 4,
	WALK_AHEAD = WALK_WHOLE | WALK_BUILD,
	WALK_CHILD = WALK_WHOLE | WALK_ENTER,
	WALK_ALL = WALK_AHEAD | WALK_CHILD,
};

/** struct step - one step; @stamp: phase it completes, DYNO_PHASE_COUNT for none */
struct step {
	const char *name;
	int (*run)(struct child *child, struct dyno_error *err);
	enum walk walks;
	enum dyno_phase stamp;
};

static const struct step steps[] = {
	{ "begin", step_begin, WALK_CHILD, DYNO_PHASE_COUNT },
	{ "identity map", step_identity_map, WALK_CHILD, DYNO_PHASE_CLONED },
	{ "keyring", step_keyring, WALK_CHILD, DYNO_PHASE_COUNT },
	{ "enter", step_enter, WALK_ENTER, DYNO_PHASE_COUNT },
	{ "private", step_private, WALK_AHEAD, DYNO_PHASE_COUNT },
	{ "scratch", step_scratch, WALK_AHEAD, DYNO_PHASE_SCRATCH },
	{ "stage", step_stage, WALK_AHEAD, DYNO_PHASE_COUNT },
	{ "stack", step_stack, WALK_AHEAD, DYNO_PHASE_COUNT },
	{ "devices", step_devices, WALK_AHEAD, DYNO_PHASE_COUNT },
	{ "writable", step_writable, WALK_AHEAD, DYNO_PHASE_COUNT },
	{ "app", step_app, WALK_CHILD, DYNO_PHASE_COUNT },
	{ "sys", step_sys, WALK_AHEAD, DYNO_PHASE_COUNT },
	{ "proc", step_proc, WALK_CHILD, DYNO_PHASE_COUNT },
	{ "pivot", step_pivot, WALK_ALL, DYNO_PHASE_COUNT },
	{ "terminal", step_terminal, WALK_CHILD, DYNO_PHASE_FILESYSTEM },
	{ "parts", step_parts, WALK_CHILD, DYNO_PHASE_COUNT },
	{ "app made", step_app_made, WALK_ENTER, DYNO_PHASE_COUNT },
	{ "network", step_network, WALK_CHILD, DYNO_PHASE_NETWORK },
	{ "cgroup", step_cgroup, WALK_CHILD, DYNO_PHASE_COUNT },
	{ "hostname", step_hostname, WALK_CHILD, DYNO_PHASE_COUNT },
	{ "identity", step_identity, WALK_CHILD, DYNO_PHASE_IDENTITY },
	{ "capabilities", step_capabilities, WALK_CHILD, DYNO_PHASE_COUNT },
	{ "landlock", step_landlock, WALK_CHILD, DYNO_PHASE_COUNT },
	{ "syscalls", step_syscalls, WALK_CHILD, DYNO_PHASE_COUNT },
	{ "undumpable", step_undumpable, WALK_CHILD, DYNO_PHASE_CONFINED },
};

/** run_steps() - those of @walk, stamping the timeline; the first failure ends it */
static int run_steps(struct child *child, enum walk walk, struct dyno_error *err)
{
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r;

		if (!(steps[i].walks & walk))
			continue;
		r = fault_at(steps[i].name);
		if (r < 0)
			return error_set(err, r, steps[i].name, "injected failure at %s:", steps[i].name);
		r = steps[i].run(child, err);
		if (r < 0)
			return r;
		if (steps[i].stamp != DYNO_PHASE_COUNT)
			child->timeline.ns[steps[i].stamp] = clock_ns();
	}
	return 0;
}

int child_build(struct child *child, struct dyno_error *err)
{
	(void)umask(0);
	return run_steps(child, WALK_BUILD, err);
}

void child_build_done(struct child *child)
{
	if (child->tree >= 0)
		child->scratch = fd_close(child->scratch);
	child->skeleton_fd = fd_close(child->skeleton_fd);
	child->rootfd = fd_close(child->rootfd);
}

void child_main(struct child *child)
{
	struct channel_message message = { .type = CHANNEL_FAILED };
	struct init init;

	if (run_steps(child, child->nest ? WALK_ENTER : WALK_WHOLE, &message.error) < 0) {
		(void)channel_send(child->channel, &message, NULL, NULL, 0);
		_exit(125);
	}
	init_begin(&init, child);
	init_main(&init);
}
