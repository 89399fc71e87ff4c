/* SPDX-License-Identifier: Apache-2.0 */
/* run_options.c - see run_options.h */
#include "cli/run_options.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/net_default.h"
#include "cli/network_options.h"
#include "cli/verb.h"
#include "config/sizes_file.h"

#define RUN(field) offsetof(struct run_given, field)

#define MIB (1ULL << 20)

/*
 * The lower bounds are those below which a dyno cannot run at all: its first process needs a process of its own beside
 * the app's, the dynamic loader a dozen descriptors, the skeleton of the root some pages; 1 ms in 100 ms is the least
 * that the kernel's bandwidth control takes (kernel/sched/core.c, min_cfs_quota_period).
 */
const struct option_spec run_specs[] = {
	{ .name = "app",
	  .letter = 'a',
	  .type = OPTION_STRING,
	  .metavar = "NAME",
	  .offset = RUN(of_app),
	  .min = 1,
	  .help = "run a process type or command of that app with its config vars, as dyno run:app does, whose options are those that "
	          "count then; $DYNO_APP does the same where no option is given that dyno run:app has not" },
	{ .name = "slug",
	  .letter = 's',
	  .type = OPTION_STRING,
	  .metavar = "DIR",
	  .offset = RUN(slug),
	  .min = 1,
	  .help = "the app's directory, seen at /app (default: the current directory)" },
	{ .name = "stack",
	  .type = OPTION_STRING,
	  .metavar = "DIR",
	  .offset = RUN(stack),
	  .min = 1,
	  .help = "operating-system tree under the dyno: 'host' (default) or a directory" },
	{ .name = "name",
	  .letter = 'n',
	  .type = OPTION_STRING,
	  .metavar = "NAME",
	  .offset = RUN(name),
	  .min = 1,
	  .help = "name of the dyno, such as web.1 (default: run.NNNN)" },
	{ .name = "label",
	  .type = OPTION_STRING,
	  .metavar = "NAME",
	  .offset = RUN(label),
	  .min = 1,
	  .max = 140,
	  .help = "what the app is told of its name in $DYNO, where that need not be unique on this machine (default: the name)" },
	APP_OPTION_SPECS(struct run_given),
	{ .name = "port",
	  .letter = 'p',
	  .type = OPTION_STRING,
	  .metavar = "PORT|auto",
	  .offset = RUN(port),
	  .min = 1,
	  .help = "set $PORT, and tell when the app listens there; 'auto' chooses one" },
	{ .name = "publish",
	  .type = OPTION_LIST,
	  .metavar = "[ADDR:]PORT",
	  .offset = RUN(publish),
	  .min = 1,
	  .help = "make $PORT reachable at this port of this machine: by itself alone (127.0.0.1 and [::1]), or at "
	          "ADDR, such as 0.0.0.0, [::] or one of its own; port 0 is one that is free" },
	{ .name = "publish-unix",
	  .type = OPTION_STRING,
	  .metavar = "FILE",
	  .offset = RUN(publish_unix),
	  .min = 1,
	  .help = "make a unix socket whose connections go to $PORT, mode 0660" },
	{ .name = "egress",
	  .type = OPTION_STRING,
	  .metavar = "CIDR[,CIDR]",
	  .offset = RUN(egress),
	  .min = 1,
	  .help = "what the app may connect to: 'allow' (default), 'deny', or only these networks; never other dynos, "
	          "this machine or metadata services" },
	{ .name = "allow-host",
	  .type = OPTION_STRING,
	  .metavar = "PORT[,PORT]",
	  .offset = RUN(allow_host),
	  .min = 1,
	  .help = "let the app reach these ports of this machine, as host.dyno.internal" },
	{ .name = "boot-timeout",
	  .type = OPTION_DURATION,
	  .offset = RUN(boot_timeout_ms),
	  .max = 24ULL * 60 * 60 * 1000,
	  .help = "kill an app that does not listen on $PORT by then, R10, exit status 137 (default 60s for web.N and published dynos, else "
	          "none); 0 waits for ever" },
	{ .name = "net",
	  .type = OPTION_CHOICE,
	  .choices = "private|none|host",
	  .offset = RUN(net),
	  .help = "network: an address of its own (default), loopback only, or this machine's" },
	{ .name = "size",
	  .type = OPTION_STRING,
	  .min = 1,
	  .choices = "eco|basic|standard-1x|standard-2x|private-s|performance-m|performance-l|performance-l-ram|"
	             "performance-xl|performance-2xl",
	  .metavar = "SIZE",
	  .offset = RUN(size),
	  .help = "limits of a Heroku dyno size: eco, basic, standard-1x, standard-2x, private-s, performance-m, "
	          "performance-l, performance-l-ram, performance-xl, performance-2xl or one of /etc/dyno/sizes; the four "
	          "options below override single ones" },
	{ .name = "memory",
	  .letter = 'm',
	  .type = OPTION_SIZE,
	  .offset = RUN(memory),
	  .min = 4 * MIB,
	  .help = "limit of memory" },
	{ .name = "pids",
	  .type = OPTION_NUMBER,
	  .offset = RUN(pids),
	  .min = 2,
	  .max = 4194304,
	  .help = "limit of processes and threads" },
	{ .name = "cpus",
	  .type = OPTION_CPUS,
	  .offset = RUN(cpu_milli),
	  .min = 10,
	  .help = "hard limit of CPU time, in CPUs" },
	{ .name = "nofile",
	  .type = OPTION_NUMBER,
	  .offset = RUN(nofile),
	  .min = 16,
	  .max = 1048576,
	  .help = "limit of open files of each process" },
	{ .name = "scratch-size",
	  .type = OPTION_SIZE,
	  .offset = RUN(scratch_size),
	  .min = MIB,
	  .help = "limit of what the dyno writes (default 512M)" },
	{ .name = "scratch-dir",
	  .type = OPTION_STRING,
	  .metavar = "DIR",
	  .offset = RUN(scratch_dir),
	  .min = 1,
	  .help = "keep what the dyno writes on the disk of DIR instead of in memory" },
	{ .name = "grace",
	  .type = OPTION_DURATION,
	  .offset = RUN(grace_ms),
	  .max = 24ULL * 60 * 60 * 1000,
	  .help = "time between TERM and KILL when the dyno is stopped (default 30s)" },
	{ .name = "no-init",
	  .type = OPTION_FLAG,
	  .offset = RUN(no_init),
	  .help = "run the command itself as process 1" },
	{ .name = "timeline",
	  .type = OPTION_OPTIONAL_CHOICE,
	  .choices = "text|json|chrome",
	  .offset = RUN(timeline),
	  .help = "tell how long each phase of the boot took" },
	{ .name = "timeline-file",
	  .type = OPTION_STRING,
	  .metavar = "FILE",
	  .offset = RUN(timeline_file),
	  .min = 1,
	  .help = "write the timeline to FILE instead of standard error" },
	{ .name = "diff",
	  .type = OPTION_FLAG,
	  .offset = RUN(diff),
	  .help = "list every path that the dyno added, changed or deleted" },
	{ .name = "keep",
	  .type = OPTION_STRING,
	  .metavar = "DIR",
	  .offset = RUN(keep),
	  .min = 1,
	  .help = "save what the dyno wrote into DIR, which must be empty or missing" },
	{ .name = "launcher",
	  .type = OPTION_STRING,
	  .metavar = "FILE",
	  .offset = RUN(launcher),
	  .min = 1,
	  .help = "have the dyno launched by the launcher that listens at FILE (default: this user's own, if it runs)" },
	{ .name = "no-launcher",
	  .type = OPTION_FLAG,
	  .offset = RUN(no_launcher),
	  .help = "launch the dyno here, whether a launcher runs or not" },
	{ .name = "quiet", .letter = 'q', .type = OPTION_FLAG, .offset = RUN(quiet), .help = "say nothing but errors" },
	{ .name = "dry-run",
	  .type = OPTION_FLAG,
	  .offset = RUN(dry_run),
	  .help = "print the validated request and the plan of steps, and do nothing" },
	VERB_HELP_SPEC,
	{ 0 },
};

/**
 * resolve_directory() - canonical path of directory @path
 * @what: how messages call it, e.g. "slug"
 * @ret:  PATH_MAX bytes
 */
static int resolve_directory(const char *what, const char *path, char *ret, struct dyno_error *err)
{
	struct stat st;

	if (!realpath(path, ret))
		return error_set(err, -errno, what, "%s %s:", what, path);
	if (stat(ret, &st) < 0)
		return error_set(err, -errno, what, "%s %s:", what, path);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, -ENOTDIR, what, "%s %s is not a directory", what, path);
	return 0;
}

/** same_directory() - @path is the directory @other, whatever the names; false when one of them is missing */
static bool same_directory(const char *path, const char *other)
{
	struct stat a, b;

	return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/**
 * resolve_slug() - the slug: given or the current directory
 * The root and the home directory are refused: they are what somebody has who forgot to change directory, and the app
 * would read every key and password in them.
 */
static int resolve_slug(const struct run_given *given, struct run_request *request, struct dyno_error *err)
{
	const char *path = given->slug ? given->slug : ".";
	const char *home = getenv("HOME");
	const char *mistake = NULL;
	int code = resolve_directory("slug", path, request->slug, err);

	if (code < 0)
		return code;
	if (same_directory(request->slug, "/"))
		mistake = "the root directory of this machine";
	else if ((home && home[0] == '/' && same_directory(request->slug, home)) ||
	         (geteuid() == 0 && same_directory(request->slug, "/root")))
		mistake = "your home directory, with all that is private in it";
	if (mistake) {
		error_set(err, -EINVAL, "slug", "slug %s is %s", request->slug, mistake);
		error_remedy(err, "give the app's own directory: --slug DIR");
		return -EINVAL;
	}
	if (access(request->slug, R_OK | X_OK) < 0)
		return error_set(err, -errno, "slug", "slug %s cannot be read:", request->slug);
	request->app.slug = request->slug;
	return 0;
}

/** resolve_keep() - fail before the run, not after it, when --keep names something that cannot take the files */
static int resolve_keep(const char *keep, struct dyno_error *err)
{
	struct dirent *entry;
	bool empty = true;
	DIR *dir = opendir(keep);

	if (!dir)
		return errno == ENOENT ? 0 : error_set(err, -errno, "keep", "--keep %s:", keep);
	while (empty && (entry = readdir(dir)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(dir);
	if (!empty)
		return error_set(err, -ENOTEMPTY, "keep", "--keep %s: the directory is not empty", keep);
	return 0;
}

/** resolve_shape() - the app-independent half */
static int resolve_shape(const struct run_given *given, struct run_request *request, struct dyno_error *err)
{
	struct dyno_shape *shape = &request->shape;
	int code;

	shape->stack = "host";
	shape->net = given->net < 0 ? DYNO_NET_PRIVATE : (enum dyno_net)given->net;
	shape->no_init = given->no_init;
	shape->scratch_size = given->scratch_size;
	if (given->stack && strcmp(given->stack, "host") != 0) {
		code = resolve_directory("stack", given->stack, request->stack, err);
		if (code < 0)
			return code;
		shape->stack = request->stack;
	}
	if (given->scratch_dir) {
		code = resolve_directory("scratch directory", given->scratch_dir, request->scratch_dir, err);
		if (code < 0)
			return code;
		if (access(request->scratch_dir, W_OK | X_OK) < 0)
			return error_set(err, -errno, "scratch directory",
			                 "scratch directory %s cannot be written:", request->scratch_dir);
		shape->scratch_dir = request->scratch_dir;
	}
	return 0;
}

/** resolve_limits() - those of the size, each overridden by the option of its own */
static int resolve_limits(const struct run_given *given, struct dyno_limits *limits, struct dyno_error *err)
{
	struct size size = { .limits = *limits };
	int code = given->size ? sizes_resolve(given->size, &size, err) : 0;

	*limits = size.limits;
	if (given->memory)
		limits->memory = given->memory;
	if (given->pids)
		limits->pids = given->pids;
	if (given->cpu_milli)
		limits->cpu_milli = given->cpu_milli;
	if (given->nofile)
		limits->nofile = given->nofile;
	return code;
}

/** resolve_launcher() - --launcher together with what contradicts it */
static int resolve_launcher(const struct run_given *given, struct dyno_error *err)
{
	const char *other = given->no_launcher ? "--no-launcher"
	                    : given->keep      ? "--keep"
	                    : given->diff      ? "--diff"
	                    : given->label     ? "--label"
	                                       : NULL;

	if (!given->launcher || !other)
		return 0;
	error_set(err, -EINVAL, "launcher", "--launcher and %s exclude each other", other);
	if (!given->no_launcher)
		error_remedy(err, "a launcher cannot do that: use --no-launcher");
	return -EINVAL;
}

int run_options_resolve(const struct run_given *given, char *const *command, struct run_request *ret,
                        struct dyno_error *err)
{
	struct app_given app = given->app;
	int code;

	ret->given = given;
	memset(&ret->shape, 0, sizeof(ret->shape));
	memset(&ret->app, 0, sizeof(ret->app));
	ret->inputs = (struct app_inputs)APP_INPUTS_NULL;
	ret->timeline = REPORT_NONE;
	if (given->timeline >= 0)
		ret->timeline = (enum report_format)(REPORT_TEXT + given->timeline);
	else if (given->timeline_file)
		ret->timeline = REPORT_TEXT;
	ret->app.name = given->name;
	ret->app.label = given->label;
	code = resolve_limits(given, &ret->app.limits, err);
	if (code == 0 && given->name)
		code = dyno_name_check(given->name, err);
	if (code == 0 && given->no_init && app.tty)
		code = error_set(err, -EINVAL, "terminal", "--tty needs the init that --no-init leaves out");
	app.no_tty = app.no_tty || given->no_init;
	if (code == 0)
		code = app_options_resolve(&app, command, &ret->inputs, &ret->app, &ret->shape.tty, err);
	if (code == 0)
		code = resolve_slug(given, ret, err);
	if (code == 0)
		code = resolve_shape(given, ret, err);
	if (code == 0)
		code = network_options_resolve(given, ret, err);
	if (code == 0)
		net_default(given, ret);
	if (code == 0 && given->keep)
		code = resolve_keep(given->keep, err);
	if (code == 0)
		code = resolve_launcher(given, err);
	return code;
}

void run_request_done(struct run_request *request)
{
	app_inputs_done(&request->inputs);
}
