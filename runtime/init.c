/* SPDX-License-Identifier: Apache-2.0 */
/* init.c - see init.h */
#include "runtime/init.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "isolation/devices.h"
#include "isolation/landlock.h"
#include "runtime/app.h"
#include "runtime/channel.h"
#include "runtime/runner.h"
#include "runtime/shed.h"

/** struct title - the memory in which the kernel finds our command line and environment (proc(5)) */
static struct {
	char *argv;
	size_t argv_size;
	char *env;
	size_t env_size;
} title;

/** note_title() - glibc hands argc, argv and envp to constructors, in a library too */
__attribute__((constructor)) static void note_title(int argc, char **argv, char **envp)
{
	char *end;

	if (argc < 1)
		return;
	title.argv = argv[0];
	end = argv[argc - 1] + strlen(argv[argc - 1]) + 1;
	title.argv_size = (size_t)(end - argv[0]);
	title.env = envp[0];
	for (end = title.env; *envp; envp++)
		end = *envp + strlen(*envp) + 1;
	title.env_size = title.env ? (size_t)(end - title.env) : 0;
}

void init_hide_title(void)
{
	if (title.env)
		explicit_bzero(title.env, title.env_size);
	if (title.argv) {
		explicit_bzero(title.argv, title.argv_size);
		strncpy(title.argv, "dyno-init", title.argv_size - 1);
	}
}

void init_reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t all;
	int signo;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (signo = 1; signo < NSIG; signo++)
		(void)sigaction(signo, &action, NULL); /* KILL, STOP and two of glibc's own refuse, rightly */
}

/** sort_kept() - in the order of their numbers, those that are not there last. Return: how many are there */
static size_t sort_kept(int *keep[], size_t count)
{
	size_t there = 0, i, j;

	for (i = 1; i < count; i++)
		for (j = i; j > 0 && (unsigned)*keep[j] < (unsigned)*keep[j - 1]; j--) {
			int *higher = keep[j - 1];

			keep[j - 1] = keep[j];
			keep[j] = higher;
		}
	while (there < count && *keep[there] >= 0)
		there++;
	return there;
}

/** close_others() - all but the @count kept ones, which are sorted, and 0 to 2 */
static void close_others(int *keep[], size_t count)
{
	unsigned from = 3;
	size_t i;

	for (i = 0; i < count; i++) {
		if ((unsigned)*keep[i] > from)
			(void)close_range(from, (unsigned)*keep[i] - 1, 0);
		if ((unsigned)*keep[i] >= from)
			from = (unsigned)*keep[i] + 1;
	}
	(void)close_range(from, ~0u, 0);
}

/** place_null() - /dev/null on 0 to 2. Return: 0 or negative errno */
static int place_null(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	if (null < 0)
		return -errno;
	for (fd = 0; fd < 3; fd++)
		if ((fd == null ? fcntl(fd, F_SETFD, 0) : dup3(null, fd, 0)) < 0)
			return -errno;
	if (null > 2)
		fd_close(null);
	return 0;
}

/**
 * drop_descriptors() - /dev/null on 0 to 2, the kept ones from 3 on, nothing else
 * The others go first: the launcher's table, of which ours is a copy, may be full.
 * Return: 0 or negative errno; the kept ones are valid in any case
 */
static int drop_descriptors(int *keep[], size_t count)
{
	size_t there = sort_kept(keep, count), i;

	close_others(keep, there);
	/* A launcher without standard streams: they are in the way of /dev/null. */
	for (i = 0; i < there && *keep[i] < 3; i++) {
		int fd = fcntl(*keep[i], F_DUPFD_CLOEXEC, 3);

		if (fd < 0)
			return -errno;
		*keep[i] = fd;
	}
	(void)sort_kept(keep, there);
	/* Sorted, so that a number is free, or its own, when its turn comes. */
	for (i = 0; i < there; i++) {
		int fd = (int)i + 3;

		if (*keep[i] == fd)
			continue;
		if (dup3(*keep[i], fd, O_CLOEXEC) < 0)
			return -errno;
		fd_close(*keep[i]);
		*keep[i] = fd;
	}
	return place_null();
}

/** start_waits() - the launcher did not wait for us: its next word is here already */
static bool start_waits(const struct init *init)
{
	struct pollfd start = { .fd = init->channel, .events = POLLIN };

	return poll(&start, 1, 0) != 0;
}

/** tell_parked() - to the launcher: all is done but the start. What it gets with that is not ours any more */
static void tell_parked(struct init *init)
{
	struct init_parked *parked = &init->parked;

	shed_child(parked->shed);
	if (channel_send(init->channel, &parked->message, NULL, parked->fds, parked->count) < 0)
		_exit(125);
	/* Among them the filter's other end: whoever holds it could answer in the launcher's place. */
	while (parked->count > 0)
		fd_close(parked->fds[--parked->count]);
	init->told = true;
}

/** hand_over() - have @fd go to the launcher with the news, as @flag says */
static void hand_over(struct init_parked *parked, int fd, uint32_t flag)
{
	if (fd < 0)
		return;
	parked->message.flags |= flag;
	parked->fds[parked->count++] = fd;
}

void init_begin(struct init *init, const struct child *child)
{
	int channel = child->channel, terminal = child->terminal, master = child->terminal_master;
	int scratch = child->shape->scratch_dir || child->nest ? -1 : child->tree >= 0 ? child->tree : child->scratch;
	int notify = child->notify, ruleset = child->ruleset;
	int *keep[] = { &channel, &terminal, &master, &scratch, &notify, &ruleset };
	sigset_t chld;
	int r = drop_descriptors(keep, sizeof(keep) / sizeof(keep[0]));

	if (r < 0) {
		struct channel_message message = { .type = CHANNEL_FAILED };

		error_set(&message.error, r, "init", "cannot drop the launcher's descriptors:");
		(void)channel_send(channel, &message, NULL, NULL, 0);
		_exit(125);
	}
	*init = (struct init){
		.channel = channel,
		.terminal = terminal,
		.no_init = child->shape->no_init,
		.ruleset = ruleset,
		.landlock_abi = child->landlock_abi,
		.parked = {
			.message = { .type = CHANNEL_PARKED, .timeline = child->timeline },
			.shed = child->shed,
		},
	};
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	init->signal_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	if (init->signal_fd < 0)
		_exit(125);
	if (child->tree >= 0)
		init->parked.message.flags |= CHANNEL_NO_APP;
	hand_over(&init->parked, master, CHANNEL_HAS_TERMINAL);
	hand_over(&init->parked, scratch, CHANNEL_HAS_SCRATCH);
	hand_over(&init->parked, notify, CHANNEL_HAS_NOTIFY);
	/* Who has asked for the start already gets that first; but /app comes only to those who told, and no_init has no later. */
	if (init->no_init || ruleset >= 0 || !start_waits(init))
		tell_parked(init);
}

/** report_failure() - the process @id could not be started */
static void report_failure(const struct init *init, uint32_t id, const struct dyno_error *error)
{
	struct channel_message message = { .type = CHANNEL_FAILED, .id = id, .error = *error };

	(void)channel_send(init->channel, &message, NULL, NULL, 0);
}

/** report_up() - the process @id runs, since @ns; @terminal: master to hand over, -1 for none */
static void report_up(const struct init *init, uint32_t id, uint64_t ns, int terminal)
{
	struct channel_message message = { .type = CHANNEL_UP, .id = id, .ns = ns };

	if (terminal >= 0)
		message.flags = CHANNEL_HAS_TERMINAL;
	(void)channel_send(init->channel, &message, NULL, &terminal, terminal >= 0 ? 1 : 0);
}

/** find_exec() - slot of the exec with @pid; 0 finds a free one */
static struct init_exec *find_exec(struct init *init, pid_t pid)
{
	size_t i;

	for (i = 0; i < INIT_EXECS; i++)
		if (init->execs[i].pid == pid)
			return &init->execs[i];
	return NULL;
}

/**
 * stay_within() - the last of the confinement: enter the Landlock rules that had to wait for /app
 * @comes: it is being attached: until the launcher says that it is there
 */
static int stay_within(struct init *init, bool comes, struct dyno_error *err)
{
	static struct channel_packet packet;

	if (comes && (channel_receive(init->channel, &packet, true) <= 0 || packet.message.type != CHANNEL_ATTACHED))
		_exit(125); /* the launcher died or gave up: nobody is left to be told */
	/* Here, not in the app's process: all that ever runs in the dyno is to be in one domain. */
	return landlock_enter_child(TAKE_FD(init->ruleset), init->landlock_abi, err);
}

/** on_start() - START: the sandbox becomes a dyno */
static void on_start(struct init *init, struct channel_packet *packet)
{
	size_t mapping, size = packet->message.blob_size;
	struct channel_app *app = channel_app_open(packet, &mapping);
	struct app_streams streams = { .job = !init->no_init, .terminal = TAKE_FD(init->terminal) };
	struct dyno_error error = { 0 };
	uint64_t up_ns;
	pid_t pid;

	memcpy(streams.fds, packet->fds, sizeof(streams.fds));
	streams.given = (packet->message.flags & CHANNEL_WITH_STREAMS) != 0;
	if (!app)
		error_set(&error, -EPROTO, "start", "malformed start message");
	if (!app || stay_within(init, (packet->message.flags & CHANNEL_APP_COMES) != 0, &error) < 0) {
		report_failure(init, 0, &error);
		_exit(125);
	}
	if (init->no_init) {
		struct pollfd launcher = { .fd = init->channel };

		/*
		 * The parent-death signal was armed again when the ids were set. A launcher that died before is told by the
		 * channel; with an init that shows later, but here nobody will look again.
		 */
		if (poll(&launcher, 1, 0) > 0 && (launcher.revents & POLLHUP))
			_exit(125);
		app_exec(app, &streams, &error); /* returns only on failure */
		report_failure(init, 0, &error);
		_exit(125);
	}
	pid = app_spawn(app, &streams, &error);
	up_ns = clock_ns();
	channel_app_close(app, size, mapping);
	channel_close_fds(packet);
	fd_close(streams.terminal);
	if (!init->told)
		tell_parked(init);
	if (pid < 0) {
		report_failure(init, 0, &error);
		_exit(125);
	}
	init->main_pid = pid;
	report_up(init, 0, up_ns, -1);
}

/** open_exec_terminal() - a new pseudo-terminal for an EXEC that wants one. Return: master, or negative errno */
static int open_exec_terminal(const struct channel_app *app, struct app_streams *streams, struct dyno_error *err)
{
	const struct winsize size = { .ws_row = app->rows, .ws_col = app->columns };
	int master = devices_terminal_child(err);

	if (master < 0)
		return master;
	if (size.ws_row)
		(void)ioctl(master, TIOCSWINSZ, &size); /* before the app can look */
	streams->terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (streams->terminal < 0) {
		int code = -errno;

		fd_close(master);
		return error_set(err, code, "terminal", "cannot open the terminal:");
	}
	return master;
}

/** on_exec() - EXEC: one more process */
static void on_exec(struct init *init, struct channel_packet *packet)
{
	size_t mapping, size = packet->message.blob_size;
	struct channel_app *app = channel_app_open(packet, &mapping);
	struct init_exec *slot = find_exec(init, 0);
	struct app_streams streams = { .terminal = -1 };
	struct dyno_error error = { 0 };
	_cleanup_close_ int master = -1;
	pid_t pid = -1;

	memcpy(streams.fds, packet->fds, sizeof(streams.fds));
	streams.given = (packet->message.flags & CHANNEL_WITH_STREAMS) != 0;
	if (!app || !slot)
		error_set(&error, slot ? -EPROTO : -EAGAIN, "exec", "cannot start another process in this dyno:");
	else if (packet->message.flags & CHANNEL_WANT_TERMINAL)
		master = open_exec_terminal(app, &streams, &error);
	if (error.code == 0)
		pid = app_spawn(app, &streams, &error);
	if (app)
		channel_app_close(app, size, mapping);
	channel_close_fds(packet);
	fd_close(streams.terminal);
	if (pid < 0 || !slot) {
		report_failure(init, packet->message.id, &error);
		return;
	}
	*slot = (struct init_exec){ .id = packet->message.id, .pid = pid };
	report_up(init, slot->id, clock_ns(), master);
}

/** on_signal() - SIGNAL: to the app, to everything, or to one exec'd process */
static void on_signal(const struct init *init, const struct channel_message *message)
{
	size_t i;

	if (message->id == CHANNEL_ALL)
		(void)kill(-1, message->value); /* kill(2): all but ourselves, within the PID namespace */
	else if (message->id == 0 && init->main_pid > 0)
		(void)kill(init->main_pid, message->value);
	for (i = 0; message->id != 0 && i < INIT_EXECS; i++)
		if (init->execs[i].pid > 0 && init->execs[i].id == message->id)
			(void)kill(-init->execs[i].pid, message->value); /* it leads a group: app_exec() */
}

/** on_packet() - one packet of the launcher */
static void on_packet(struct init *init)
{
	static struct channel_packet packet;

	if (channel_receive(init->channel, &packet, true) <= 0)
		_exit(125); /* the launcher died: so does the dyno */
	switch (packet.message.type) {
	case CHANNEL_START:
		if (init->main_pid == 0)
			on_start(init, &packet);
		break;
	case CHANNEL_EXEC:
		if (init->main_pid > 0)
			on_exec(init, &packet);
		break;
	case CHANNEL_SIGNAL: on_signal(init, &packet.message); break;
	default: break;
	}
	channel_close_fds(&packet);
	/* It was not the start: who sent it may wait for us. */
	if (!init->told)
		tell_parked(init);
}

/** report_child() - tell the launcher what became of @pid, if it is one it asked for; the app's end is the dyno's */
static void report_child(struct init *init, pid_t pid, int status)
{
	struct channel_message message = { .type = CHANNEL_EXITED, .value = status };
	struct init_exec *slot = pid == init->main_pid ? NULL : find_exec(init, pid);

	if (pid != init->main_pid && !slot)
		return; /* an orphan of the app's: reaped, and nobody's business */
	message.id = slot ? slot->id : 0;
	if (WIFSTOPPED(status)) {
		message.type = CHANNEL_STOPPED;
		message.value = WSTOPSIG(status);
	} else if (slot) {
		slot->pid = 0;
	}
	(void)channel_send(init->channel, &message, NULL, NULL, 0);
	if (message.type == CHANNEL_EXITED && !slot)
		_exit(0);
}

/** reap() - drain: one SIGCHLD may stand for many children, as a zombie storm shows */
static void reap(struct init *init)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(init->signal_fd, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
		report_child(init, pid, status);
}

/** park_runner() - have a process ready for the start, unless that is there already, or has to pass init first */
static bool park_runner(struct init *init, struct runner *runner)
{
	return init->told && !init->no_init && init->ruleset < 0 && !start_waits(init) &&
	       runner_park(runner, init->channel, init->terminal) == 0;
}

/** await_runner() - until the runner became the app; who waits for the start is not woken for anything else */
static void await_runner(struct init *init, struct runner *runner)
{
	struct pollfd gone = { .fd = runner->gone, .events = POLLIN };

	while (poll(&gone, 1, -1) < 0)
		;
	if (runner->failed)
		report_failure(init, 0, &runner->error);
	if (runner->failed || !runner->started)
		_exit(125);
	init->main_pid = runner->pid;
	report_up(init, 0, clock_ns(), -1);
	runner_done(runner);
	init->terminal = fd_close(init->terminal);
}

void init_main(struct init *init)
{
	static struct runner runner;
	struct pollfd fds[2] = {
		{ .fd = init->channel, .events = POLLIN },
		{ .fd = init->signal_fd, .events = POLLIN },
	};

	/* Ours is the session, the app's the job in the foreground; what becomes the app fails if this did. */
	if (init->terminal >= 0 && !init->no_init)
		(void)ioctl(init->terminal, TIOCSCTTY, 0);
	if (park_runner(init, &runner))
		await_runner(init, &runner);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue; /* EINTR only: everything is blocked but KILL and STOP */
		if (fds[1].revents)
			reap(init);
		if (fds[0].revents)
			on_packet(init);
	}
}
