/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rootless.c - see rootless.h
 *
 * Theory of operation
 *
 * The launcher forks one helper, which enters the dyno's user namespace and becomes pasta (rootless_pasta.c). Before that it
 * forks the keeper of the walls (rootless_walls.c), which enters the dyno's network namespace too; so the two get ready at the same time, on two
 * CPUs. A child is needed for either: setns(2) into a user namespace is for processes with one thread, and there is no way back.
 *
 *     launcher ── helper (pasta) ── keeper
 *
 * Everybody dies with its parent, even by SIGKILL (PR_SET_PDEATHSIG). The kernel forgets that signal whenever credentials
 * grow, and entering a user namespace is such a moment: so the namespace comes first. The helper is made by fork(2), not vfork(2): the same growth
 * marks the memory as not dumpable, which with shared memory would be the launcher's.
 *
 * A policy that needs nothing from outside needs neither: a namespace with nothing but lo has no way out. Then the helper only puts the
 * dyno's address on lo, where relays look for the port, and ends.
 *
 * "Ready" is one message of the keeper, and the pid file of pasta, which it writes when it is connected: a pipe to us, on its standard
 * output. End of file means that it ended, and its standard error, a memory file, says why.
 */
#include "netns/rootless.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/fd.h"
#include "netns/link.h"
#include "netns/netlink.h"
#include "netns/rootless_pasta.h"
#include "netns/rootless_walls.h"

#define STEP "rootless network"

/**
 * struct plumbing - descriptors between us and the helpers
 * @ready:    pipe: our end and pasta's standard output
 * @report:   pipe: our end and where helper and keeper put a struct rootless_report
 * @messages: pasta's standard error
 */
struct plumbing {
	int ready[2];
	int report[2];
	int messages;
};

#define PLUMBING_NULL                                                                                                  \
	{                                                                                                              \
		{ -1, -1 }, { -1, -1 }, -1                                                                             \
	}

/** plumbing_close() - close what is open of it */
static void plumbing_close(struct plumbing *plumbing)
{
	for (int i = 0; i < 2; i++) {
		plumbing->ready[i] = fd_close(plumbing->ready[i]);
		plumbing->report[i] = fd_close(plumbing->report[i]);
	}
	plumbing->messages = fd_close(plumbing->messages);
}

#define _cleanup_plumbing_ __attribute__((cleanup(plumbing_close)))

/** plumbing_open() - open all */
static int plumbing_open(struct plumbing *plumbing, struct dyno_error *err)
{
	if (pipe2(plumbing->ready, O_CLOEXEC) < 0 || pipe2(plumbing->report, O_CLOEXEC) < 0)
		return error_set(err, -errno, STEP, "cannot make a pipe:");
	plumbing->messages = memfd_create("pasta messages", MFD_CLOEXEC);
	if (plumbing->messages < 0)
		return error_set(err, -errno, STEP, "cannot make a memory file:");
	return 0;
}

/** open_namespace() - open /proc/@pid/ns/@name. Return: descriptor or negative errno */
static int open_namespace(pid_t pid, const char *name, struct dyno_error *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? error_set(err, -errno, STEP, "cannot open %s:", path) : fd;
}

int rootless_open(pid_t pid, struct network *network, struct dyno_error *err)
{
	_cleanup_close_ int user = open_namespace(pid, "user", err);
	_cleanup_close_ int net = user < 0 ? -1 : open_namespace(pid, "net", err);

	if (user < 0)
		return user;
	if (net < 0)
		return net;
	network->user = TAKE_FD(user);
	network->fd = TAKE_FD(net);
	return 0;
}

bool rootless_carries(const struct policy_endpoint *at)
{
	return at->family == AF_INET && at->address[0] != IN_LOOPBACKNET;
}

int rootless_target(const struct address_range *range, unsigned slot, uint16_t port, struct sockaddr_in *ret)
{
	struct address_plan plan;
	int r = address_plan(range, slot, &plan);

	if (r < 0)
		return r;
	*ret = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(plan.dyno),
	};
	return 0;
}

void rootless_places(struct policy *policy)
{
	const struct policy_endpoint own = { AF_INET, policy->port, { IN_LOOPBACKNET, 0, 0, 1 } };

	if (policy->port == 0 || policy->publish_count > 0 || policy->publish_unix)
		return;
	policy->publish[0] = own;
	policy->publish_count = 1;
}

/** needs_outside() - something has to lead out of the namespace */
static bool needs_outside(const struct network *network, const struct policy *policy)
{
	bool needs = policy->egress != POLICY_EGRESS_DENY || policy->allow_count > 0;

	for (size_t i = 0; i < network->publish.count; i++)
		needs = needs || rootless_carries(&network->publish.at[i]);
	return needs;
}

/**
 * share_ports() - let pasta listen where our own sockets reserve the address
 * Two sockets may have one address when both say SO_REUSEADDR and the other does not listen (inet_csk_bind_conflict()). Ours
 * says so only now, so that nobody else's could have got in before; when pasta listens nobody else's can any more.
 */
static int share_ports(const struct network *network, struct dyno_error *err)
{
	const int yes = 1;

	for (size_t i = 0; i < network->publish.count; i++)
		if (rootless_carries(&network->publish.at[i]) &&
		    setsockopt(network->publish.fds[i], SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
			return error_set(err, -errno, STEP, "cannot share a published port with pasta:");
	return 0;
}

/** add_own_address() - the dyno's address of one family on lo */
static void add_own_address(struct netlink_batch *batch, sa_family_t family, const void *address, size_t size)
{
	const struct ifaddrmsg head = {
		.ifa_family = (uint8_t)family,
		.ifa_prefixlen = (uint8_t)(size * 8),
		.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_scope = RT_SCOPE_HOST,
		.ifa_index = LINK_LOOPBACK_INDEX,
	};

	netlink_add(batch, "give the dyno its address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof(head));
	netlink_put(batch, IFA_LOCAL, address, size);
	netlink_put(batch, IFA_ADDRESS, address, size);
}

/** address_child() - all that a dyno without a way out needs, from within its namespaces. Return: 0 or negative errno */
static int address_child(const struct rootless_job *job)
{
	_cleanup_netlink_ struct nl_sock *sock = NULL;
	_cleanup_batch_ struct netlink_batch batch = { 0 };
	const uint32_t four = htonl(job->plan.dyno);
	int r;

	if (setns(job->net, CLONE_NEWNET) < 0)
		return -errno;
	r = netlink_open(NETLINK_ROUTE, &sock, NULL);
	if (r < 0)
		return r;
	add_own_address(&batch, AF_INET, &four, sizeof(four));
	r = netlink_send(sock, &batch, STEP, NULL);
	netlink_clear(&batch);
	if (r < 0)
		return r;
	/* not where IPv6 is switched off, and no relay asks for it */
	add_own_address(&batch, AF_INET6, job->plan.dyno6, sizeof(job->plan.dyno6));
	(void)netlink_send(sock, &batch, STEP, NULL);
	return 0;
}

/** report_child() - tell the launcher how @step went */
static void report_child(const struct rootless_job *job, enum rootless_step step, int code)
{
	const struct rootless_report report = { .step = step, .code = code };

	(void)fd_write_all(job->report, &report, sizeof(report));
}

/** fault_child() - the injected failure of step @name, if it is that one's turn; then @step says so */
static int fault_child(const char *name, enum rootless_step fault, enum rootless_step *step)
{
	int r = fault_at(name);

	if (r < 0)
		*step = fault;
	return r;
}

/** keeper_child() - the keeper of the walls, whose parent @pasta is or will be; does not return */
static _Noreturn void keeper_child(const struct rootless_job *job, pid_t pasta)
{
	enum rootless_step step = ROOTLESS_WALLS;
	struct rootless_walls walls;
	int r = prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;

	if (r == 0 && getppid() != pasta)
		r = -ESRCH;
	if (r == 0)
		r = fault_child("rootless walls", ROOTLESS_FAULT_WALLS, &step);
	if (r == 0)
		r = rootless_walls_open(job, &walls);
	if (r == 0)
		r = rootless_walls_keep(&walls, false);
	report_child(job, step, r);
	if (r < 0)
		_exit(1);
	(void)close(job->report);
	(void)rootless_walls_keep(&walls, true);
	/* walls that cannot be kept up any more: rather no way out than one without them */
	(void)kill(pasta, SIGKILL);
	_exit(1);
}

/** helper_child() - the steps of the helper; does not return */
static _Noreturn void helper_child(const struct rootless_job *job, pid_t launcher)
{
	enum rootless_step step = ROOTLESS_JOIN;
	int r = fault_child("rootless join", ROOTLESS_FAULT_JOIN, &step);
	pid_t self = getpid(), keeper;

	if (r == 0 && setns(job->user, CLONE_NEWUSER) < 0)
		r = -errno;
	/* after the last change of credentials; if the launcher died before, its death is no signal any more */
	if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		r = -errno;
	if (r == 0 && getppid() != launcher)
		r = -ESRCH;
	if (r == 0 && !job->outside) {
		r = address_child(job);
		report_child(job, ROOTLESS_ADDRESS, r);
		_exit(0);
	}
	/* out of the terminal's reach: Ctrl-C is for the app, which may want to finish what it is serving */
	(void)setsid();
	if (r == 0) {
		keeper = fork();
		if (keeper == 0)
			keeper_child(job, self);
		r = keeper < 0 ? -errno : 0;
	}
	if (r == 0)
		r = fault_child("rootless pasta", ROOTLESS_FAULT_PASTA, &step);
	if (r == 0)
		r = rootless_pasta_child(job, &step);
	report_child(job, step, r);
	_exit(127);
}

/** explain() - what went wrong in a helper */
static int explain(const struct rootless_report *report, struct dyno_error *err)
{
	struct dyno_error real = { 0 };
	static const char *const names[] = {
		[ROOTLESS_JOIN] = "enter the dyno's user namespace",
		[ROOTLESS_ADDRESS] = "give the dyno its address",
		[ROOTLESS_WALLS] = "install the packet filter",
		[ROOTLESS_PRIVILEGES] = "prepare the privileges of pasta",
		[ROOTLESS_EXEC] = "run pasta",
		[ROOTLESS_FAULT_JOIN] = "injected failure at rootless join",
		[ROOTLESS_FAULT_PASTA] = "injected failure at rootless pasta",
	};

	if (report->step == ROOTLESS_FAULT_WALLS) {
		/* with the words for a real one, which a test can hardly bring about */
		(void)rootless_walls_explain(report->code, &real);
		error_set(err, report->code, STEP, "injected failure at rootless walls: %s", real.text);
		error_remedy(err, "%s", real.remedy);
		return report->code;
	}
	if (report->step >= ROOTLESS_FAULT_JOIN)
		return error_set(err, report->code, STEP, "%s:", names[report->step]);
	if (report->step == ROOTLESS_WALLS)
		return rootless_walls_explain(report->code, err);
	if (report->step == ROOTLESS_EXEC && report->code == -ENOENT)
		return rootless_usable(err) < 0 ? -ENOENT : error_set(err, -ENOENT, STEP, "cannot run pasta:");
	return error_set(err, report->code, STEP, "cannot %s:", names[report->step]);
}

/**
 * await_report() - wait for the one message of the keeper or of a helper that failed
 * Return: 0, negative errno, or -EPIPE without @err when all are gone without a word
 */
static int await_report(const struct plumbing *plumbing, struct dyno_error *err)
{
	struct rootless_report report;
	ssize_t got;

	do
		got = read(plumbing->report[0], &report, sizeof(report));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_set(err, -errno, STEP, "cannot wait for the helper:");
	if (got != sizeof(report))
		return error_set(err, -EPIPE, STEP, "the helper ended without a word:");
	return report.code < 0 ? explain(&report, err) : 0;
}

/** await_pasta() - wait for its pid, or the end of file */
static int await_pasta(const struct plumbing *plumbing, struct dyno_error *err)
{
	char buf[32];
	ssize_t got;
	int r;

	do
		got = read(plumbing->ready[0], buf, sizeof(buf));
	while (got < 0 && errno == EINTR);
	if (got > 0)
		return 0;
	if (got < 0)
		return error_set(err, -errno, STEP, "cannot wait for pasta:");
	/* it ended; before it was pasta, there is a second report */
	r = await_report(plumbing, err);
	return r < 0 && r != -EPIPE ? r : rootless_pasta_explain(plumbing->messages, err);
}

/** start_helper() - fork the helper. Return: its pid, or negative errno */
static pid_t start_helper(const struct rootless_job *job, struct plumbing *plumbing)
{
	pid_t launcher = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0)
		helper_child(job, launcher);
	/* ours have to go, or there would be no end of file */
	plumbing->ready[1] = fd_close(plumbing->ready[1]);
	plumbing->report[1] = fd_close(plumbing->report[1]);
	return pid;
}

/** check_ports() - a service of the host that the dyno reaches on its own loopback cannot have the app's own port */
static int check_ports(const struct policy *policy, struct dyno_error *err)
{
	for (size_t i = 0; i < policy->allow_count; i++) {
		if (policy->port == 0 || policy->allow_host[i] != policy->port)
			continue;
		error_set(
			err, -EINVAL, STEP,
			"port %u is the app's own and the host's that it may reach: without root both are on its loopback",
			policy->port);
		error_remedy(err, "choose another --port");
		return -EINVAL;
	}
	return 0;
}

int rootless_start(const struct address_range *range, bool resolver, const struct network *network,
                   const struct policy *policy, pid_t *ret, struct dyno_error *err)
{
	_cleanup_plumbing_ struct plumbing plumbing = PLUMBING_NULL;
	struct rootless_job job = { .user = network->user, .net = network->fd, .range = range, .policy = policy };
	pid_t helper;
	int r = address_plan(range, network->slot, &job.plan);

	if (r < 0)
		return error_set(err, r, STEP, "slot %u has no address:", network->slot);
	job.resolver = resolver && policy->egress == POLICY_EGRESS_ALLOW;
	job.outside = needs_outside(network, policy);
	if (!job.outside && policy->port == 0) {
		*ret = 0;
		return 0;
	}
	r = check_ports(policy, err);
	if (r == 0 && job.outside)
		r = rootless_usable(err);
	if (r == 0)
		r = share_ports(network, err);
	if (r == 0)
		r = plumbing_open(&plumbing, err);
	if (r < 0)
		return r;
	if (job.outside)
		rootless_pasta_uplink6(job.uplink6);
	job.publish = &network->publish;
	job.ready = plumbing.ready[1];
	job.report = plumbing.report[1];
	job.messages = plumbing.messages;
	helper = start_helper(&job, &plumbing);
	if (helper < 0)
		return error_set(err, helper, STEP, "cannot start a process for the network:");
	r = await_report(&plumbing, err);
	if (r == 0 && job.outside)
		r = await_pasta(&plumbing, err);
	if (r < 0 || !job.outside)
		helper = rootless_stop(helper);
	if (r == 0)
		*ret = helper;
	return r;
}

pid_t rootless_stop(pid_t helper)
{
	int saved = errno;

	if (helper > 0) {
		/* it keeps nothing worth an orderly end; as our unreaped child its pid cannot mean anybody else */
		(void)kill(helper, SIGKILL);
		while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
			;
	}
	errno = saved;
	return 0;
}
