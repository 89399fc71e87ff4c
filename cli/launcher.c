/* SPDX-License-Identifier: Apache-2.0 */
/**
 * launcher.c - `dyno launcher`: the resident launcher in the foreground, and what is asked of one that runs
 *
 * Without an operand this process becomes the launcher (launcher/launcher.h) until it is told to stop. With one it is a client for
 * one question. HUP reads the options again, which a file (--config) may have changed; one that is mistaken changes nothing.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/launcher_options.h"
#include "cli/launcher_pool.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "dyno-launcher.h"

#define ANSWER_MS 10000 /* a launcher answers within a millisecond */

/** say() - what an administrator should know goes to standard error, which systemd keeps */
static void say(void *data, const char *line)
{
	(void)data;
	message_line("dyno: launcher: %s", line);
}

/** settings_read() - launcher_settings_read(), and where the launcher's lines go */
static int settings_read(int argc, char *const *argv, struct launcher_settings *ret, struct dyno_error *err)
{
	int code = launcher_settings_read(argc, argv, ret, err);

	if (!ret->given.quiet)
		ret->config.say = say;
	return code;
}

/** serve_anew() - HUP: read the options again and work by them; a mistake in them leaves all as it was */
static void serve_anew(struct launcher *launcher, int argc, char *const *argv)
{
	struct launcher_settings settings;
	struct dyno_error err = { 0 };
	int code = settings_read(argc, argv, &settings, &err);

	if (code == 0)
		code = launcher_reload(launcher, &settings.config, &err);
	if (code < 0)
		(void)message_error("launcher", &err);
	launcher_settings_done(&settings);
}

/** serve() - be the launcher. Return: exit code */
static int serve(int argc, char *const *argv)
{
	struct launcher_settings settings;
	struct launcher *launcher = NULL;
	struct dyno_error err = { 0 };
	int code = settings_read(argc, argv, &settings, &err);

	if (code == -EINVAL) {
		launcher_settings_done(&settings);
		return message_usage(&err);
	}
	if (code == 0)
		code = launcher_open(&settings.config, &launcher, &err);
	if (code == 0 && !settings.given.quiet)
		message_line("dyno: launcher: listens at %s", launcher_socket(launcher));
	launcher_settings_done(&settings);
	if (code == 0) {
		while ((code = launcher_run(launcher, &err)) == LAUNCHER_RELOAD)
			serve_anew(launcher, argc, argv);
	}
	launcher = launcher_close(launcher);
	return code < 0 ? message_error("launcher", &err) : EXIT_OK;
}

/** ask_answer() - wait for the answer to request @id and print its text. Return: 0 or negative errno */
static int ask_answer(struct dyno_launcher *launcher, uint64_t id, struct dyno_error *err)
{
	struct dyno_launcher_event event;
	int code;

	do
		code = dyno_launcher_wait(launcher, ANSWER_MS, &event, err);
	while (code == 0 && event.id != id);
	if (code < 0)
		return err->text[0] ? code : error_set(err, code, "launcher", "the launcher does not answer:");
	if (event.type == DYNO_LAUNCHER_REFUSED) {
		*err = event.error;
		return event.error.code < 0 ? event.error.code : -EPROTO;
	}
	if (event.text && fputs(event.text, stdout) == EOF)
		return error_set(err, -EIO, "launcher", "cannot print the answer:");
	return fflush(stdout) == 0 ? 0 : error_set(err, -errno, "launcher", "cannot print the answer:");
}

/** ask_stats() - `dyno launcher stats` */
static int ask_stats(struct dyno_launcher *launcher, const struct launcher_given *given, struct dyno_error *err)
{
	enum dyno_launcher_format format = given->json         ? DYNO_LAUNCHER_JSON
	                                   : given->prometheus ? DYNO_LAUNCHER_PROMETHEUS
	                                                       : DYNO_LAUNCHER_TEXT;
	uint64_t id = 0;
	int code = dyno_launcher_stats(launcher, format, &id, err);

	return code < 0 ? code : ask_answer(launcher, id, err);
}

/** ask_pool() - `dyno launcher pool [NUMBER MIN-MAX]` */
static int ask_pool(struct dyno_launcher *launcher, char *const *operands, struct dyno_error *err)
{
	unsigned min = 0, max = 0;
	uint64_t number = 0, id = 0;
	int code = 0;

	if (operands[0] && units_number(operands[0], 0, UINT32_MAX, &number) < 0)
		return error_set(err, -EINVAL, "pool",
		                 "'%.24s' is not the number of a pool (dyno launcher pool lists them)", operands[0]);
	if (operands[0])
		code = launcher_pool_bounds(operands[1], &min, &max, err);
	if (code == 0)
		code = dyno_launcher_pool(launcher, operands[0] != NULL, (unsigned)number, min, max, &id, err);
	return code < 0 ? code : ask_answer(launcher, id, err);
}

/**
 * ask_process() - the process behind @launcher, as a descriptor
 * The socket has the credentials of who called listen(2) on it: with a launcher that systemd was asked to start, and that did not
 * listen yet, systemd itself.
 */
static int ask_process(struct dyno_launcher *launcher, struct dyno_error *err)
{
	struct ucred peer = { .pid = 0 };
	socklen_t size = sizeof(peer);
	int fd;

	if (getsockopt(dyno_launcher_fd(launcher), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return error_set(err, -errno, "launcher", "cannot tell who the launcher is:");
	if (peer.pid <= 1) {
		error_set(err, -ESRCH, "launcher", "the launcher is not a process of this machine that can be told");
		error_remedy(err, "if systemd runs it: systemctl stop dyno-launcher, or reload");
		return -ESRCH;
	}
	fd = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	return fd < 0 ? error_set(err, -errno, "launcher", "cannot reach the launcher, process %d:", (int)peer.pid)
	              : fd;
}

/** ask_signal() - `dyno launcher reload`; and `stop`, which waits for the end */
static int ask_signal(struct dyno_launcher *launcher, int signo, struct dyno_error *err)
{
	_cleanup_close_ int process = ask_process(launcher, err);
	struct pollfd end = { .fd = process, .events = POLLIN };

	if (process < 0)
		return process;
	if (syscall(SYS_pidfd_send_signal, process, signo, NULL, 0) < 0)
		return error_set(err, -errno, "launcher", "cannot signal the launcher:");
	while (signo == SIGTERM && poll(&end, 1, -1) < 0 && errno == EINTR)
		;
	return 0;
}

/** ask_check() - the operands and options of a question fit together. Return: 0 or -EINVAL */
static int ask_check(const struct launcher_given *given, char *const *operands, struct dyno_error *err)
{
	static const char *const words[] = { "stats", "pool", "stop", "reload", NULL };
	bool pool = strcmp(operands[0], "pool") == 0, stats = strcmp(operands[0], "stats") == 0, known = false;
	size_t count = 0;

	for (size_t i = 0; words[i]; i++)
		known = known || strcmp(words[i], operands[0]) == 0;
	if (!known) {
		error_set(err, -EINVAL, "launcher", "a launcher knows no '%.24s'", operands[0]);
		error_remedy(err, "stats, pool, stop or reload; nothing to run one");
		return -EINVAL;
	}
	while (operands[count])
		count++;
	if (count != 1 && !(pool && count == 3))
		return error_set(err, -EINVAL, "launcher", "launcher %s takes %s", operands[0],
		                 pool ? "the number of a pool and MIN-MAX, or nothing" : "no operand");
	if (!stats && (given->json || given->prometheus))
		return error_set(err, -EINVAL, "launcher", "--json and --prometheus are for launcher stats");
	if (given->json && given->prometheus)
		return error_set(err, -EINVAL, "launcher", "--json and --prometheus exclude each other");
	return 0;
}

/** ask() - one question to a launcher that runs. Return: exit code */
static int ask(const struct launcher_given *given, char *const *operands)
{
	struct dyno_launcher *launcher = NULL;
	struct dyno_error err = { 0 };
	int code = ask_check(given, operands, &err);

	if (code < 0)
		return message_usage(&err);
	code = dyno_launcher_connect(given->socket, &launcher, &err);
	if (code == 0 && strcmp(operands[0], "stats") == 0)
		code = ask_stats(launcher, given, &err);
	else if (code == 0 && strcmp(operands[0], "pool") == 0)
		code = ask_pool(launcher, operands + 1, &err);
	else if (code == 0)
		code = ask_signal(launcher, strcmp(operands[0], "stop") == 0 ? SIGTERM : SIGHUP, &err);
	launcher = dyno_launcher_close(launcher);
	return code < 0 ? message_error("launcher", &err) : EXIT_OK;
}

int launcher_main(int argc, char **argv, uint64_t requested_ns)
{
	struct launcher_given given = LAUNCHER_GIVEN_DEFAULTS;
	int first = argc, second = argc;
	int code = verb_parse("launcher", argc, argv, &given, &first);

	(void)requested_ns;
	/* what follows the word may be options again */
	if (code == VERB_CONTINUE && first < argc)
		code = verb_parse("launcher", argc - first, argv + first, &given, &second);
	if (code == VERB_CONTINUE && first < argc) {
		char *operands[5] = { argv[first] };

		for (int i = 0; i < 3 && first + second + i < argc; i++)
			operands[i + 1] = argv[first + second + i];
		code = ask(&given, operands);
	} else if (code == VERB_CONTINUE && (given.json || given.prometheus)) {
		message_line("dyno: --json and --prometheus are for dyno launcher stats");
		code = EXIT_USAGE;
	} else if (code == VERB_CONTINUE) {
		code = serve(argc, argv);
	}
	options_done(launcher_specs, &given);
	return code;
}
