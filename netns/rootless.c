/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rootless.c - see rootless.h
 *
 * Theory of operation
 *
 * pasta(1) listens on the host's 127.0.0.1:PORT and has a socket in the dyno's namespace for each connection; as both
 * ends are loopback it splices between them. Nothing else crosses: no other port either way (-T -U -u none), no address
 * of the host mapped inside (--no-map-gw), and its tap device stays down and without address (no --config-net), which a
 * dyno cannot change, having no capability. So, as with a veth pair, a private network has no way out.
 *
 * pasta has to die with us, even by SIGKILL, so it is our child (--foreground) with a parent-death signal. The kernel
 * forgets that signal whenever credentials grow, and entering a user namespace is such a moment. So the child enters the
 * dyno's user namespace first, asks for the signal second, and takes what pasta needs there through execve(2) as ambient
 * capabilities; pasta itself is told to enter the network namespace only. Those capabilities count in the dyno's
 * namespaces, nowhere else.
 * The child is made by fork(2), not vfork(2): the same growth of credentials marks the memory as not dumpable, which
 * with shared memory would be the launcher's.
 *
 * The two namespaces are opened at once, while the dyno's init may still be looked at; pasta gets the network's as its
 * standard input and opens it by /proc/self/fd/0, since newer ones close every higher descriptor. "Ready" is the pid file,
 * which pasta writes when all its sockets listen: it is a pipe to us, on its standard output. End of file instead of a
 * pid means that it ended, and its standard error, a memory file, says why.
 */
#include "netns/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"

#define STEP "pasta"
#define DEVICE "/dev/net/tun"
#define SPEC_SIZE 40
#define COMPLAINT_SIZE 160

/** enum step - where the child can fail before it is pasta */
enum step {
	STEP_JOIN,
	STEP_PRIVILEGES,
	STEP_EXEC,
};

/** struct failure - what the child writes instead of a pid; shorter than PIPE_BUF, so it arrives whole */
struct failure {
	char mark;
	enum step step;
	int code;
};

#define FAILURE_MARK '!' /* a pid begins with a digit */

/**
 * struct plumbing - descriptors between us and pasta
 * @user:     the dyno's user namespace
 * @net:      the dyno's network namespace, pasta's standard input
 * @ready:    pipe: our end and pasta's standard output
 * @messages: pasta's standard error
 */
struct plumbing {
	int user;
	int net;
	int ready[2];
	int messages;
};

/** plumbing_close() - close what is open of it */
static void plumbing_close(struct plumbing *plumbing)
{
	plumbing->user = fd_close(plumbing->user);
	plumbing->net = fd_close(plumbing->net);
	plumbing->ready[0] = fd_close(plumbing->ready[0]);
	plumbing->ready[1] = fd_close(plumbing->ready[1]);
	plumbing->messages = fd_close(plumbing->messages);
}

#define _cleanup_plumbing_ __attribute__((cleanup(plumbing_close)))

/** open_namespace() - open /proc/@pid/ns/@name */
static int open_namespace(pid_t pid, const char *name, int *ret, struct dyno_error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? error_set(err, -errno, STEP, "cannot open %s:", path) : 0;
}

/** plumbing_open() - open all four */
static int plumbing_open(pid_t pid, struct plumbing *plumbing, struct dyno_error *err)
{
	int r = open_namespace(pid, "user", &plumbing->user, err);

	if (r == 0)
		r = open_namespace(pid, "net", &plumbing->net, err);
	if (r < 0)
		return r;
	if (pipe2(plumbing->ready, O_CLOEXEC) < 0)
		return error_set(err, -errno, STEP, "cannot make a pipe:");
	plumbing->messages = memfd_create("pasta messages", MFD_CLOEXEC);
	if (plumbing->messages < 0)
		return error_set(err, -errno, STEP, "cannot make a memory file:");
	return 0;
}

/** keep_privileges_child() - carry what pasta needs in the dyno's namespaces over execve(2) */
static int keep_privileges_child(void)
{
	static const int needed[] = { CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SETPCAP };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		data[CAP_TO_INDEX(needed[i])].inheritable |= CAP_TO_MASK(needed[i]);
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].permitted = data[i].effective = data[i].inheritable;
	if (syscall(SYS_capset, &head, data) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, needed[i], 0, 0) < 0)
			return -errno;
	return 0;
}

/** become_pasta_child() - the steps up to execve(2), which returns only on failure */
static int become_pasta_child(const struct plumbing *plumbing, const char *const argv[], pid_t parent, enum step *step)
{
	static char *const no_environment[] = { NULL };
	sigset_t none;
	int r;

	*step = STEP_JOIN;
	if (setns(plumbing->user, CLONE_NEWUSER) < 0)
		return -errno;
	*step = STEP_PRIVILEGES;
	r = keep_privileges_child();
	if (r < 0)
		return r;
	/* out of the terminal's reach: Ctrl-C is for the app, which may want to finish what it is serving */
	(void)setsid();
	/* after the last change of credentials; if the launcher died before, its death is no signal any more */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	if (getppid() != parent)
		return -ESRCH;
	*step = STEP_EXEC;
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(plumbing->net, STDIN_FILENO) < 0 || dup2(plumbing->ready[1], STDOUT_FILENO) < 0 ||
	    dup2(plumbing->messages, STDERR_FILENO) < 0)
		return -errno;
	/* execve(2) writes to neither the list nor its strings; its type only predates const */
	execvpe(argv[0], (char *const *)(uintptr_t)argv, no_environment);
	return -errno;
}

/**
 * spawn() - make the child and turn it into pasta
 * Return: its pid, or negative errno
 */
static pid_t spawn(struct plumbing *plumbing, const char *const argv[])
{
	struct failure failure = { .mark = FAILURE_MARK };
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid > 0) {
		/* ours has to go, or there would be no end of file */
		plumbing->ready[1] = fd_close(plumbing->ready[1]);
		return pid;
	}
	failure.code = become_pasta_child(plumbing, argv, parent, &failure.step);
	(void)fd_write_all(plumbing->ready[1], &failure, sizeof(failure));
	_exit(127);
}

/** complaint() - the last line that pasta wrote, or "" */
static void complaint(int messages, char *text, size_t size)
{
	char buf[4096];
	ssize_t got = pread(messages, buf, sizeof(buf) - 1, 0);
	char *line;

	text[0] = '\0';
	if (got <= 0)
		return;
	buf[got] = '\0';
	while (got > 0 && buf[got - 1] == '\n')
		buf[--got] = '\0';
	line = strrchr(buf, '\n');
	snprintf(text, size, "%.*s", (int)size - 1, line ? line + 1 : buf);
}

/** explain_child() - the child failed before it was pasta */
static int explain_child(const struct failure *failure, struct dyno_error *err)
{
	static const char *const names[] = {
		[STEP_JOIN] = "enter the dyno's user namespace",
		[STEP_PRIVILEGES] = "prepare the privileges of pasta",
		[STEP_EXEC] = "run pasta",
	};

	error_set(err, failure->code, STEP, "cannot %s:", names[failure->step]);
	if (failure->step == STEP_EXEC && failure->code == -ENOENT) {
		error_set(err, failure->code, STEP,
		          "pasta is not installed: it connects private networks without root");
		error_remedy(err, "install passt, or use --net none or --net host");
	}
	return failure->code;
}

/** explain_end() - pasta ended instead of getting ready */
static int explain_end(int messages, uint16_t port, struct dyno_error *err)
{
	char text[COMPLAINT_SIZE];

	complaint(messages, text, sizeof(text));
	if (access(DEVICE, R_OK | W_OK) < 0) {
		error_set(err, -errno, STEP, "pasta needs " DEVICE ":");
		error_remedy(err, "let this user read and write it (mode 0666 is usual), or use --net none");
		return -EACCES;
	}
	error_set(err, -EIO, STEP, "pasta could not publish port %u: %s", port, text[0] ? text : "it gave no reason");
	if (port < 1024)
		error_remedy(err, "ports below 1024 are for root: choose another --port");
	else
		error_remedy(err, "is 127.0.0.1:%u in use? choose another --port, or use --net none", port);
	return -EIO;
}

/** wait_ready() - wait for the pid, a failure record or the end of file, whichever comes */
static int wait_ready(const struct plumbing *plumbing, uint16_t port, struct dyno_error *err)
{
	char buf[64] __attribute__((aligned(_Alignof(struct failure))));
	struct failure failure;
	ssize_t got;

	do
		got = read(plumbing->ready[0], buf, sizeof(buf));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_set(err, -errno, STEP, "cannot wait for pasta:");
	if (got == sizeof(failure) && buf[0] == FAILURE_MARK) {
		memcpy(&failure, buf, sizeof(failure));
		return explain_child(&failure, err);
	}
	return got == 0 ? explain_end(plumbing->messages, port, err) : 0;
}

int rootless_start(pid_t pid, uint16_t port, pid_t *ret, struct dyno_error *err)
{
	_cleanup_plumbing_ struct plumbing plumbing = { -1, -1, { -1, -1 }, -1 };
	char spec[SPEC_SIZE];
	const char *const argv[] = {
		"pasta",
		"--foreground",
		"--quiet",
		"--ipv4-only",
		/* what may cross: one port, inwards */
		spec,
		"--udp-ports=none",
		"--tcp-ns=none",
		"--udp-ns=none",
		"--no-map-gw",
		/* the namespace, and where to say "ready" */
		"--netns-only",
		"--no-netns-quit",
		"--netns=/proc/self/fd/0",
		"--pid=/proc/self/fd/1",
		/* the tap device in full: else pasta copies the host's, and gives up on a host that is offline */
		"--ns-ifname=eth0",
		"--interface=lo",
		"--address=172.29.0.2",
		"--netmask=30",
		"--gateway=172.29.0.1",
		"--mac-addr=02:64:79:00:00:00",
		NULL,
	};
	pid_t helper;
	int r;

	snprintf(spec, sizeof(spec), "--tcp-ports=127.0.0.1/%u", port);
	r = plumbing_open(pid, &plumbing, err);
	if (r < 0)
		return r;
	helper = spawn(&plumbing, argv);
	if (helper < 0)
		return error_set(err, helper, STEP, "cannot start a process for pasta:");
	r = wait_ready(&plumbing, port, err);
	if (r < 0) {
		(void)rootless_stop(helper);
		return r;
	}
	*ret = helper;
	return 0;
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
