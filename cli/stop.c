/* SPDX-License-Identifier: Apache-2.0 */
/**
 * stop.c - `dyno stop`: ask launchers to stop their dynos, and wait until they did
 *
 * All are asked first, then waited for one by one, so that their times of grace run side by side. The launcher closes the connection when
 * its dyno is gone, however it ended.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/fd.h"
#include "cli/elsewhere.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "runtime/control.h"
#include "runtime/registry.h"

#define GRACE_NOT_GIVEN UINT64_MAX

struct stop_given {
	bool help;
	bool all;
	bool now;
	const char *app;
	uint64_t grace_ms;
};

const struct option_spec stop_specs[] = {
	{ .name = "app",
	  .letter = 'a',
	  .type = OPTION_STRING,
	  .metavar = "NAME",
	  .offset = offsetof(struct stop_given, app),
	  .min = 1,
	  .help = "stop that app, as dyno stop:app does" },
	{ .name = "all",
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct stop_given, all),
	  .help = "stop every running dyno" },
	{ .name = "grace",
	  .type = OPTION_DURATION,
	  .offset = offsetof(struct stop_given, grace_ms),
	  .max = 24ULL * 60 * 60 * 1000,
	  .help = "time between TERM and KILL (default: the dyno's own, see dyno run --grace)" },
	{ .name = "now",
	  .letter = 'k',
	  .type = OPTION_FLAG,
	  .offset = offsetof(struct stop_given, now),
	  .help = "kill at once" },
	VERB_HELP_SPEC,
	{ 0 },
};

/** stop_ask() - connect to the dyno @name and ask it to stop. Return: the connection, or negative errno */
static int stop_ask(struct dyno_host *host, const char *name, const struct stop_given *given, struct dyno_error *err)
{
	int64_t grace_ms = given->grace_ms == GRACE_NOT_GIVEN ? -1 : (int64_t)given->grace_ms;
	_cleanup_close_ int fd = -1;
	int code = dyno_name_check(name, err);

	if (code < 0)
		return code;
	fd = control_connect(host, name, err);
	if (fd < 0)
		return TAKE_FD(fd);
	code = control_stop(fd, given->now, grace_ms, err);
	return code < 0 ? code : TAKE_FD(fd);
}

/** stop_wait() - wait until the launcher behind @fd let go of its dyno */
static void stop_wait(int fd)
{
	char byte;
	ssize_t got;

	do
		got = recv(fd, &byte, sizeof(byte), 0);
	while (got > 0 || (got < 0 && errno == EINTR));
}

/**
 * stop_names() - stop the @count dynos called @names
 * Return: exit code; one that could not be asked does not keep the others from being stopped
 */
static int stop_names(struct dyno_host *host, const char *const *names, size_t count, const struct stop_given *given)
{
	_cleanup_free_ int *fds = calloc(count ? count : 1, sizeof(*fds));
	int exit_code = EXIT_OK;

	if (!fds) {
		message_line("dyno: no memory for %zu names", count);
		return EXIT_DYNO_FAILED;
	}
	for (size_t i = 0; i < count; i++) {
		struct dyno_error err = { 0 };

		fds[i] = stop_ask(host, names[i], given, &err);
		if (fds[i] < 0)
			exit_code = message_error(names[i], &err);
	}
	for (size_t i = 0; i < count; i++) {
		if (fds[i] < 0)
			continue;
		stop_wait(fds[i]);
		fd_close(fds[i]);
	}
	return exit_code;
}

/** stop_all() - stop every dyno of the registry. Return: exit code */
static int stop_all(struct dyno_host *host, const struct stop_given *given)
{
	_cleanup_free_ struct registry_entry *entries = NULL;
	_cleanup_free_ const char **names = NULL;
	struct dyno_error err = { 0 };
	int count = registry_list(host, &entries, &err);

	if (count < 0)
		return message_error(NULL, &err);
	names = calloc((size_t)count + 1, sizeof(*names));
	if (!names) {
		message_line("dyno: no memory for %d names", count);
		return EXIT_DYNO_FAILED;
	}
	for (int i = 0; i < count; i++)
		names[i] = entries[i].name;
	return stop_names(host, names, (size_t)count, given);
}

int stop_main(int argc, char **argv, uint64_t requested_ns)
{
	static char elsewhere[] = "stop:app";
	struct stop_given given = { .grace_ms = GRACE_NOT_GIVEN };
	struct dyno_host *host = NULL;
	struct dyno_error err = { 0 };
	int first = argc;
	int code = verb_parse("stop", argc, argv, &given, &first);

	if (code != VERB_CONTINUE)
		return code;
	if (given.app) {
		argv[0] = elsewhere;
		return elsewhere_main(argc, argv, requested_ns);
	}
	if (given.all == (first < argc)) {
		message_line("dyno: stop takes either names of running dynos or --all (dyno ps lists them)");
		return EXIT_USAGE;
	}
	if (dyno_host_open(&host, &err) < 0)
		code = message_error(NULL, &err);
	else if (given.all)
		code = stop_all(host, &given);
	else
		code = stop_names(host, (const char *const *)argv + first, (size_t)(argc - first), &given);
	host = dyno_host_close(host);
	return code;
}
