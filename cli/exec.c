/* SPDX-License-Identifier: Apache-2.0 */
/**
 * exec.c - `dyno exec`: one more command inside a running dyno
 *
 * The launcher of the dyno is asked over its control socket; the dyno's first process starts the command. Nothing of this
 * process enters the dyno but its standard streams. Signals go to the command; the loop ends with it.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app_options.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "runtime/control.h"

enum { WAIT_SIGNALS, WAIT_CONTROL, WAIT_TERMINAL, WAIT_COUNT = WAIT_TERMINAL + TERMINAL_POLLS };

struct exec_given {
	bool help;
	struct app_given app;
	const char *of_app;
};

const struct option_spec exec_specs[] = {
	{ .name = "app",
	  .letter = 'a',
	  .type = OPTION_STRING,
	  .metavar = "NAME",
	  .offset = offsetof(struct exec_given, of_app),
	  .min = 1,
	  .help = "the dyno is one of that app, as in: dyno exec -a shop web.1 bash" },
	APP_OPTION_SPECS(struct exec_given),
	VERB_HELP_SPEC,
	{ 0 },
};

/**
 * struct exec - one command
 * @fd:     control socket; the process belongs to the connection
 * @master: master side of the command's terminal, owned; -1 without
 * @ended:  @exit_code is known
 * @abandoned: do not wait for the rest of the output
 */
struct exec {
	const char *name;
	struct terminal *terminal;
	struct signals signals;
	int fd;
	int master;
	bool tty;
	bool ended;
	bool abandoned;
	int exit_code;
};

/** exec_launch() - connect and start the command */
static int exec_launch(struct exec *exec, const struct dyno_app *app, struct dyno_error *err)
{
	struct dyno_host *host = NULL;
	struct dyno_app sized = *app;
	struct winsize size;
	int code = signals_open(&exec->signals, err);

	if (exec->tty &&
	    (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)) {
		sized.rows = size.ws_row;
		sized.columns = size.ws_col;
	}
	if (code == 0)
		code = dyno_host_open(&host, err);
	if (code == 0) {
		exec->fd = control_connect(host, exec->name, err);
		code = exec->fd < 0 ? exec->fd : 0;
	}
	if (code == 0)
		code = control_exec(exec->fd, &sized, exec->tty, &exec->master, err);
	host = dyno_host_close(host);
	if (code < 0)
		return code;
	terminal_init(exec->terminal, exec->tty ? exec->master : -1);
	return terminal_raw(exec->terminal, err);
}

/** exec_signal() - act on signal @signo that was sent to us */
static void exec_signal(struct exec *exec, int signo)
{
	if (exec->ended) {
		exec->abandoned = signo == SIGTERM || signo == SIGINT || signo == SIGHUP || signo == SIGQUIT;
		return;
	}
	if (signo == SIGWINCH && exec->tty) {
		terminal_resize(exec->terminal); /* the kernel tells the command */
		return;
	}
	if (signo == SIGCONT)
		terminal_resume(exec->terminal);
	(void)control_signal(exec->fd, signo);
	if (signo == SIGTSTP) {
		terminal_suspend(exec->terminal);
		(void)control_signal(exec->fd, SIGCONT);
	}
}

/** exec_answer() - take the end of the command from the control socket */
static int exec_answer(struct exec *exec, struct dyno_error *err)
{
	int status = 0;
	int code = control_wait(exec->fd, &status);

	if (code == 0)
		return 0;
	if (code < 0)
		return error_set(err, code, "exec", "the dyno ended, and the command with it");
	exec->ended = true;
	exec->exit_code = message_status(status);
	return 0;
}

/** exec_wait() - wait for what comes next, and dispatch it */
static int exec_wait(struct exec *exec, struct dyno_error *err)
{
	struct pollfd fds[WAIT_COUNT] = {
		[WAIT_SIGNALS] = { .fd = exec->signals.fd, .events = POLLIN },
		[WAIT_CONTROL] = { .fd = exec->ended ? -1 : exec->fd, .events = POLLIN },
	};
	bool key;
	int signo;

	terminal_polls(exec->terminal, fds + WAIT_TERMINAL);
	if (poll(fds, WAIT_COUNT, -1) < 0)
		return errno == EINTR ? 0 : error_set(err, -errno, "wait", "cannot wait for the command:");
	while (fds[WAIT_SIGNALS].revents && (signo = signals_next(&exec->signals, &key)) != 0)
		exec_signal(exec, signo);
	if (terminal_relay(exec->terminal, fds + WAIT_TERMINAL) < 0 && !exec->ended)
		(void)control_signal(exec->fd, SIGHUP);
	return fds[WAIT_CONTROL].revents ? exec_answer(exec, err) : 0;
}

/** exec_command() - start @app in the dyno @name and stay with it. Return: exit code */
static int exec_command(const char *name, const struct dyno_app *app, bool tty)
{
	struct terminal terminal;
	struct exec exec = {
		.name = name, .terminal = &terminal, .signals = SIGNALS_NULL, .fd = -1, .master = -1, .tty = tty
	};
	struct dyno_error err = { 0 };
	int code;

	terminal_init(&terminal, -1);
	code = exec_launch(&exec, app, &err);
	while (code == 0 && !exec.abandoned && (!exec.ended || !terminal_drained(&terminal)))
		code = exec_wait(&exec, &err);
	terminal_done(&terminal);
	if (code < 0)
		exec.exit_code = message_error(name, &err);
	fd_close(exec.master);
	fd_close(exec.fd);
	signals_close(&exec.signals);
	return exec.exit_code;
}

/** exec_request() - check what was given, then run it. Return: exit code */
static int exec_request(const struct exec_given *given, char **operands)
{
	struct app_inputs inputs = APP_INPUTS_NULL;
	struct dyno_app app = { 0 };
	struct dyno_error err = { 0 };
	const char *name = operands[0];
	char whole[256], **command;
	bool tty = false;
	int code = 0;

	if (!operands[0]) {
		message_line("dyno: exec needs the name of a running dyno and a command (dyno ps lists dynos)");
		return EXIT_USAGE;
	}
	command = operands + 1;
	if (command[0] && command[0][0] == '-' && command[0][1] == '-' && !command[0][2])
		command++;
	if (given->of_app) {
		/* so are dynos of a formation called among those of the machine (formation/body.c) */
		code = text_format(whole, sizeof(whole), "%s.%s", given->of_app, name);
		name = whole;
	}
	if (code < 0)
		error_set(&err, -EINVAL, "name", "the name of app or dyno is too long");
	else
		code = dyno_name_check(name, &err);
	if (code == 0)
		code = app_options_resolve(&given->app, command, &inputs, &app, &tty, &err);
	if (code == -ENOMEM)
		code = message_error(name, &err);
	else if (code < 0)
		code = message_usage(&err);
	else
		code = exec_command(name, &app, tty);
	app_inputs_done(&inputs);
	return code;
}

int exec_main(int argc, char **argv, uint64_t requested_ns)
{
	struct exec_given given = { 0 };
	int first = argc;
	int code = verb_parse("exec", argc, argv, &given, &first);

	(void)requested_ns;
	if (code == VERB_CONTINUE)
		code = exec_request(&given, argv + first);
	options_done(exec_specs, &given);
	return code;
}
