/* SPDX-License-Identifier: Apache-2.0 */
/**
 * start.c - `dyno start`: all process types of an app, each dyno of its own, until ^C
 *
 * What is run comes from recipe.h; how it is kept running is the formation's (formation/formation.h). Here are the terminal,
 * signals, and the store: a new release of config vars restarts the dynos.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/app/console.h"
#include "cli/app/operands.h"
#include "cli/app/recipe.h"
#include "cli/app/start_options.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/verb.h"
#include "config/detect.h"
#include "config/release.h"
#include "config/setting.h"
#include "formation/drain.h"
#include "formation/formation.h"
#include "formation/scale.h"
#include "netns/rootless.h"
#include "runtime/host.h"

/**
 * struct start - the verb at work
 * @allow_host: of the app's settings, owned
 * @store_fd: readable when somebody changes the store, -1 without
 * @stopped:  was asked to stop once
 * @waits:    standard output has no room
 * @note:     what is to be logged first, may be empty
 */
struct start {
	struct start_given given;
	struct recipe_source source;
	struct formation_setup setup;
	struct formation_recipe recipe;
	struct formation_log log;
	struct console console;
	struct signals signals;
	struct dyno_host *host;
	struct formation *formation;
	char *allow_host;
	char stack[PATH_MAX];
	char note[160];
	int log_fd;
	int store_fd;
	bool stopped;
	bool waits;
	bool failed;
};

/** wall_us() - microseconds since 1970 */
static uint64_t wall_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/** reload() - the recipe of a new release */
static int reload(void *data, struct formation_recipe *ret, struct dyno_error *err)
{
	const struct start *start = data;

	return recipe_make(&start->source, ret, err);
}

/** keep() - what was scaled is there at the next start */
static int keep(void *data, const struct plan *plan, struct dyno_error *err)
{
	const struct start *start = data;

	return start->source.store ? scale_keep(start->source.store, start->source.app, plan, err) : 0;
}

/** setup_network() - as dyno run has it: less than the default where nothing carries packets, and a line that says so */
static void setup_network(struct start *start)
{
	struct formation_setup *setup = &start->setup;
	struct dyno_error why = { 0 };

	setup->net = start->given.net < 0 ? DYNO_NET_PRIVATE : (enum dyno_net)start->given.net;
	setup->egress = start->given.egress;
	if (start->given.net >= 0 || setup->egress || setup->allow_host || host_has_privilege() ||
	    rootless_usable(&why) == 0)
		return;
	setup->egress = "deny";
	message_line("dyno: the dynos reach nothing outside: %s", why.text);
}

/** boot_timeout_ms() - what a web dyno has to listen: what was given, else the default of the app's language */
static uint64_t boot_timeout_ms(const struct start *start)
{
	struct detected detected = { 0 };

	if (start->given.boot_timeout_ms != UINT64_MAX)
		return start->given.boot_timeout_ms;
	detect_directory(start->source.dirfd, &detected);
	return rules_boot_timeout_ms(detected.count > 0 ? detected.languages[0].name : NULL);
}

/** setup_rules() - numbers of the formation */
static int setup_rules(struct start *start, struct dyno_error *err)
{
	const struct start_given *given = &start->given;
	struct rules *rules = &start->setup.rules;

	*rules = (struct rules)RULES_DEFAULT;
	rules->grace_ms = given->grace_ms;
	rules->boot_timeout_ms = boot_timeout_ms(start);
	/* the spread is in proportion, 216 minutes in a day */
	rules->cycle_spread_ms = given->cycle_ms / 20 * 3;
	rules->cycle_ms = given->cycle_ms;
	return given->backoff ? backoff_parse(given->backoff, &rules->backoff, err) : 0;
}

/** check_drains() - as far as can be told from what was given. Return: 0 or -EINVAL */
static int check_drains(const struct start_given *given, struct dyno_error *err)
{
	int code = 0;

	if (given->drain.count > DRAINS_MAX)
		return error_set(err, -EINVAL, "drain", "%zu drains are more than %d", given->drain.count, DRAINS_MAX);
	if (given->drain_ca && access(given->drain_ca, R_OK) < 0)
		return error_set(err, -errno, "drain", "cannot read the certificates of %.160s:", given->drain_ca);
	for (size_t i = 0; i < given->drain.count && code == 0; i++)
		code = drain_check(given->drain.items[i], err);
	return code;
}

/** setup() - from what was given to what a formation needs. Return: 0 or negative errno */
static int setup(struct start *start, struct dyno_error *err)
{
	const struct start_given *given = &start->given;
	struct formation_setup *setup = &start->setup;
	int code = 0;

	setup->app = start->source.app;
	setup->slug = start->source.root;
	setup->stack = "host";
	setup->publish = true;
	setup->metrics = given->metrics;
	setup->reload = reload;
	setup->keep = keep;
	setup->memory = recipe_memory();
	setup->data = start;
	if (given->stack && strcmp(given->stack, "host") != 0) {
		if (!realpath(given->stack, start->stack))
			return error_set(err, -errno, "stack", "stack %s:", given->stack);
		setup->stack = start->stack;
	}
	if (!given->allow_host && start->source.store)
		code = config_setting_get(start->source.store, start->source.app, "allow-host", &start->allow_host,
		                          err);
	setup->allow_host = given->allow_host ? given->allow_host : start->allow_host;
	if (code == 0)
		code = setup_rules(start, err);
	if (code == 0)
		code = check_drains(given, err);
	if (code == 0)
		setup_network(start);
	return code;
}

/**
 * open_log() - the log's file: STORE/logs/APP.log. A log that cannot be kept is no reason not to run, but is told
 */
static void open_log(struct start *start)
{
	struct dyno_error err = { 0 };
	char path[PATH_MAX], logs[PATH_MAX + 8];

	start->log.file = (struct logfile)LOGFILE_NULL;
	if (config_store_directory(path, sizeof(path), &err) < 0) {
		(void)message_error(NULL, &err);
		return;
	}
	(void)text_format(logs, sizeof(logs), "%s/logs", path);
	if (mkdir(path, 0700) < 0 && errno == ENOENT)
		error_set(&err, -ENOENT, "log", "no log is kept: cannot make %s:", path);
	else if (mkdir(logs, 0700) < 0 && errno != EEXIST)
		error_set(&err, -errno, "log", "no log is kept: cannot make %s:", logs);
	if (err.code == 0)
		start->log_fd = open(logs, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (err.code == 0 && start->log_fd >= 0)
		(void)logfile_open(start->log_fd, start->source.app, &start->log.file, &err);
	if (err.code < 0)
		(void)message_error(NULL, &err);
}

/**
 * on_signal() - the first one stops in order, the second at once
 * ^Z stops this process alone: the dynos go on, and their output waits in their pipes.
 */
static void on_signal(void *data)
{
	struct terminal none = { .master = -1, .in = -1, .out = -1 };
	struct start *start = data;
	bool key;
	int signo;

	while ((signo = signals_next(&start->signals, &key)) != 0) {
		if (signo == SIGTSTP)
			terminal_suspend(&none);
		if (signo != SIGINT && signo != SIGTERM && signo != SIGHUP && signo != SIGQUIT)
			continue;
		formation_stop(start->formation, start->stopped || signo == SIGQUIT);
		start->stopped = true;
	}
}

/** log_api() - a line about the app, as Heroku's API logs them */
__attribute__((format(printf, 2, 3))) static void log_api(struct start *start, const char *fmt, ...)
{
	char text[1024];
	struct logline line = { .wall_us = wall_us(), .dyno = "api", .text = text };
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	line.length = length < 0 ? 0 : (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
	log_add(&start->log, &line);
}

/** log_release() - what the newest release is */
static void log_release(struct start *start)
{
	struct config_release release = { 0 };

	if (config_release_current(start->source.store, start->source.app, &release, NULL) == 0 && release.number > 0) {
		log_api(start, "%s by user %s", release.description, release.author);
		log_api(start, "Release v%u created by user %s", release.number, release.author);
	}
	config_release_done(&release);
}

/** on_store() - somebody changed the store: it may have been our app's config vars */
static void on_store(void *data)
{
	struct start *start = data;
	struct formation_recipe recipe = { 0 };
	struct dyno_error err = { 0 };
	int code = config_store_changed(start->source.store, &err);

	if (code == 0)
		return;
	if (code > 0)
		code = recipe_make(&start->source, &recipe, &err);
	if (code < 0) {
		log_api(start, "%s: the dynos go on with the config vars that they have", err.text);
	} else if (!formation_has_vars(start->formation, &recipe.vars)) {
		log_release(start);
		formation_release(start->formation);
	}
	formation_recipe_done(&recipe);
}

/** on_room() - standard output takes more: console_flush() follows */
static void on_room(void *data)
{
	(void)data;
}

/** flush_console() - write what is to be shown; who closes standard output wants us to end */
static void flush_console(struct start *start)
{
	int left = console_flush(&start->console, wall_us());

	if (left < 0 && start->console.out.fd >= 0) {
		log_unlisten(&start->log, &start->console.listener);
		(void)formation_watch(start->formation, start->console.out.fd, 0, on_room, start);
		sink_close(&start->console.out);
		if (!start->stopped)
			formation_stop(start->formation, false);
		start->stopped = true;
	} else if ((left > 0) != start->waits) {
		start->waits = left > 0;
		(void)formation_watch(start->formation, start->console.out.fd, start->waits ? EPOLLOUT : 0, on_room,
		                      start);
	}
}

/** open_drains() - who else gets the log. Return: 0 or negative errno */
static int open_drains(struct start *start, struct dyno_error *err)
{
	const struct option_list *drains = &start->given.drain;
	int code = 0;

	for (size_t i = 0; i < drains->count && code == 0; i++)
		code = formation_drain(start->formation, drains->items[i], start->given.drain_ca, err);
	return code;
}

/** open_all() - everything that is needed before the first dyno. Return: 0 or negative errno */
static int open_all(struct start *start, struct dyno_error *err)
{
	struct dyno_error why = { 0 };
	int code = signals_open(&start->signals, err);

	if (code == 0)
		code = dyno_host_open(&start->host, err);
	if (code == 0)
		code = formation_open(start->host, &start->setup, &start->recipe, &start->log, &start->formation, err);
	if (code < 0)
		return code;
	open_log(start);
	code = console_open(&start->console, start->given.color, 10);
	if (code == 0) {
		log_listen(&start->log, &start->console.listener);
		code = formation_watch(start->formation, start->signals.fd, EPOLLIN, on_signal, start);
	}
	if (code < 0)
		return error_set(err, code, "start", "cannot wait for signals and output:");
	code = open_drains(start, err);
	if (code == 0 && start->source.store && recipe_source_keep(&start->source, &why) < 0)
		(void)message_error(NULL, &why);
	if (code == 0 && start->source.store) {
		start->store_fd = config_store_watch(start->source.store, err);
		if (start->store_fd < 0)
			return start->store_fd;
		(void)formation_watch(start->formation, start->store_fd, EPOLLIN, on_store, start);
	}
	return code;
}

/** keep_running() - until it is stopped. Return: 0 or negative errno */
static int keep_running(struct start *start, struct dyno_error *err)
{
	int code = 0;

	if (start->note[0])
		log_api(start, "%s", start->note);
	formation_begin(start->formation);
	if (start->store_fd >= 0)
		on_store(start); /* what changed since it was read was told to nobody */
	/* Whoever starts dynos sweeps up after launchers that were killed. */
	(void)dyno_gc(start->host, NULL);
	flush_console(start);
	while (code == 0 && !formation_ended(start->formation, &start->failed)) {
		code = formation_step(start->formation, err);
		flush_console(start);
	}
	return code;
}

/** close_all() - take everything down; clients hear of the end last */
static void close_all(struct start *start)
{
	start->formation = formation_close(start->formation);
	if (start->console.out.fd >= 0)
		console_close(&start->console);
	log_done(&start->log);
	fd_close(start->log_fd);
	start->host = dyno_host_close(start->host);
	signals_close(&start->signals);
	formation_recipe_done(&start->recipe);
	recipe_source_close(&start->source);
	free(start->allow_host);
}

/** check_total() - there is something to run. Return: 0 or -EINVAL */
static int check_total(const struct start *start, struct dyno_error *err)
{
	if (plan_total(&start->recipe.plan) > 0)
		return 0;
	error_set(err, -EINVAL, "formation", "there is nothing to run: every process type has 0 dynos");
	error_remedy(err, "say how many: --formation web=1, or dyno ps:scale web=1");
	return -EINVAL;
}

/** note_memory() - dynos that all take what they may take need more than there is: no mistake, but worth a line of the log */
static void note_memory(struct start *start)
{
	uint64_t has = recipe_memory(), may = plan_memory(&start->recipe.plan);
	char first[16], second[16];

	if (has > 0 && may > has)
		(void)text_format(start->note, sizeof(start->note),
		                  "%u dynos may take %s of memory together, and this machine has %s",
		                  plan_total(&start->recipe.plan), units_format_size(may, first, sizeof(first)),
		                  units_format_size(has, second, sizeof(second)));
}

/** run() - the verb, with options read. Return: exit code */
static int run(struct start *start)
{
	struct dyno_error err = { 0 };
	int code = recipe_source_open(&start->given, &start->source, &err);
	bool mistake = true;

	if (code == 0)
		code = recipe_make(&start->source, &start->recipe, &err);
	if (code == 0)
		code = check_total(start, &err);
	if (code == 0)
		code = setup(start, &err);
	if (code == 0) {
		mistake = false;
		note_memory(start);
		code = open_all(start, &err);
	}
	if (code == 0)
		code = keep_running(start, &err);
	if (code < 0)
		code = mistake && code != -ENOMEM ? message_usage(&err) : message_error(NULL, &err);
	else if (start->failed)
		code = EXIT_NEGATIVE;
	close_all(start);
	return code;
}

int start_main(int argc, char **argv, uint64_t requested_ns)
{
	struct rules rules = RULES_DEFAULT;
	struct start *start = calloc(1, sizeof(*start));
	int count = 0, code;

	(void)requested_ns;
	if (!start) {
		message_line("dyno: no memory");
		return EXIT_DYNO_FAILED;
	}
	start->given = (struct start_given){
		.net = -1, .grace_ms = rules.grace_ms, .boot_timeout_ms = UINT64_MAX, .cycle_ms = rules.cycle_ms
	};
	start->signals = (struct signals)SIGNALS_NULL;
	start->console.out = (struct sink)SINK_NULL;
	start->log.file = (struct logfile)LOGFILE_NULL;
	start->source.dirfd = start->log_fd = start->store_fd = -1;
	code = operands_parse("start", argc, argv, &start->given, &count);
	if (code == VERB_CONTINUE && count > 1) {
		message_line("dyno: one process type at most, but '%s' was given too", argv[2]);
		code = EXIT_USAGE;
	}
	if (code == VERB_CONTINUE) {
		start->source.only = count > 0 ? argv[1] : NULL;
		code = run(start);
	}
	options_done(start_specs, &start->given);
	free(start);
	return code;
}
