/* SPDX-License-Identifier: Apache-2.0 */
/* bench_plan.c - `dyno bench`: from what was given to what is to be measured; nothing is launched here */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/app/bench.h"
#include "runtime/host.h"
#include "runtime/spec.h"

#define RUNS_UNTIL_EXEC 100
#define RUNS_UNTIL_UP 20
#define PORT_INSIDE "5000"

static const char *const ways[] = { "cold", "pool", "warm", NULL };
static const char *const peers[] = { "bare", "bwrap", "crun", "runc", "docker", "podman", "nspawn", NULL };

/** word_of() - the one of @words that is the @length bytes at @text, NULL if none is */
static const char *word_of(const char *const *words, const char *text, size_t length)
{
	for (; *words; words++)
		if (strlen(*words) == length && memcmp(*words, text, length) == 0)
			return *words;
	return NULL;
}

bool bench_is_dyno(const char *name)
{
	return word_of(ways, name, strlen(name)) != NULL;
}

/** add_name() - one more contender, once */
static void add_name(struct bench_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->names[i] == name)
			return;
	plan->names[plan->count++] = name;
}

/** unknown_peer() - complain, with the name that may have been meant */
static int unknown_peer(const char *text, size_t length, struct dyno_error *err)
{
	char name[32];
	const char *closest;

	(void)text_format(name, sizeof(name), "%.*s", (int)(length < 24 ? length : 24), text);
	closest = text_closest(name, peers);
	(void)error_set(err, -EINVAL, "bench", "--vs: there is no '%s'%s%s%s", name, closest ? ", did you mean " : "",
	                closest ? closest : "", closest ? "?" : "");
	error_remedy(err, "bare, bwrap, crun, runc, docker, podman, nspawn");
	return -EINVAL;
}

/** plan_names() - who takes part: dynos first, cold when nothing else is said, and then the others as they were named */
static int plan_names(const struct bench_given *given, struct bench_plan *plan, struct dyno_error *err)
{
	if (given->cold || (!given->pool && !given->warm))
		add_name(plan, ways[0]);
	if (given->pool)
		add_name(plan, ways[1]);
	if (given->warm)
		add_name(plan, ways[2]);
	for (size_t i = 0; i < given->vs.count; i++) {
		const char *at = given->vs.items[i];

		for (;;) {
			size_t length = strcspn(at, ",");
			const char *name = word_of(peers, at, length);

			if (!name)
				return unknown_peer(at, length, err);
			add_name(plan, name);
			if (!at[length])
				break;
			at += length + 1;
		}
	}
	return 0;
}

/** plan_until() - where the clock stops */
static int plan_until(const struct bench_given *given, struct bench_plan *plan, struct dyno_error *err)
{
	const char *until = given->until;

	if (strcmp(until, "exec") == 0) {
		plan->until = BENCH_UNTIL_EXEC;
	} else if (strcmp(until, "listen") == 0) {
		plan->until = BENCH_UNTIL_LISTEN;
	} else if (text_starts(until, "http:")) {
		plan->until = BENCH_UNTIL_HTTP;
		plan->path = until + strlen("http:");
		if (plan->path[0] != '/' || strlen(plan->path) > 1024)
			return error_set(err, -EINVAL, "bench",
			                 "--until http:PATH: the path begins with '/', as in http:/");
		/* a request line ends at the first blank (RFC 9112, 3.2) */
		for (const char *at = plan->path; *at; at++)
			if (*at <= ' ' || *at > '~')
				return error_set(
					err, -EINVAL, "bench",
					"--until http:PATH: the path holds a blank or a character that is not ASCII");
	} else {
		return error_set(err, -EINVAL, "bench", "--until: '%.40s' is neither exec, listen nor http:PATH",
		                 until);
	}
	return 0;
}

/** plan_reach() - what is to answer can be reached */
static int plan_reach(const struct bench_given *given, const struct bench_plan *plan, struct dyno_error *err)
{
	if (plan->until != BENCH_UNTIL_HTTP || given->net != DYNO_NET_NONE)
		return 0;
	(void)error_set(err, -EINVAL, "bench", "--until http: nothing reaches a dyno without a network");
	error_remedy(err, "leave --net none out, or use --until listen");
	return -EINVAL;
}

/** plan_run() - the options of a dyno, as those of `dyno run` */
static void plan_run(const struct bench_given *given, struct bench_plan *plan)
{
	static const char *any[] = { "0", NULL };
	struct run_given *run = &plan->run;

	*run = (struct run_given)RUN_GIVEN_DEFAULTS;
	run->app.env = given->env;
	run->app.env_file = given->env_file;
	run->app.no_tty = true;
	run->slug = given->slug;
	run->net = given->net;
	run->memory = given->memory;
	run->port = given->port;
	run->boot_timeout_ms = 0;
	if (!run->port && plan->until != BENCH_UNTIL_EXEC)
		run->port = given->net == DYNO_NET_HOST ? "auto" : PORT_INSIDE;
	/* an ordinary user's dyno has no address; what is published leads there */
	if (plan->until == BENCH_UNTIL_HTTP && given->net != DYNO_NET_HOST && !host_has_privilege())
		run->publish = (struct option_list){ any, 1 };
}

/** free_port() - one that is free at every address of this machine now; @ret_fd holds it until all are chosen */
static int free_port(uint16_t wanted, int *ret_fd, uint16_t *ret)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in place = { .sin_family = AF_INET, .sin_port = htons(wanted) };
	socklen_t size = sizeof(place);

	if (fd < 0 || bind(fd, (struct sockaddr *)&place, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&place, &size) < 0)
		return -errno;
	*ret = ntohs(place.sin_port);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/** plan_shared() - somebody will listen on this machine's own network */
static bool plan_shared(const struct bench_plan *plan)
{
	bool peer = false;

	for (size_t i = 0; i < plan->count; i++)
		peer = peer || !bench_is_dyno(plan->names[i]);
	return plan->request.shape.net == DYNO_NET_HOST || (peer && plan->until != BENCH_UNTIL_EXEC);
}

/** plan_ports() - one for each launch that shares this machine's network */
static int plan_ports(struct bench_plan *plan, struct dyno_error *err)
{
	bool chosen = plan->run.port && plan->given->port && strcmp(plan->given->port, "auto") != 0;
	int held[BENCH_CONCURRENCY_MAX];
	unsigned count = 0;
	int code = 0;

	plan->port = plan->request.app.port;
	if (!plan_shared(plan))
		return 0;
	for (; count < plan->concurrency && plan->port != 0; count++) {
		unsigned wanted = chosen ? plan->port + count : 0;

		held[count] = -1;
		if (wanted > UINT16_MAX)
			code = error_set(err, -EINVAL, "port", "--port %u and %u after it: there are 65535",
			                 (unsigned)plan->port, plan->concurrency - 1);
		else
			code = free_port((uint16_t)wanted, &held[count], &plan->ports[count]);
		if (code < 0)
			break;
	}
	if (code < 0 && code != -EINVAL)
		code = error_set(err, code, "port",
		                 "port %u of this machine, which some contenders share, cannot be had:",
		                 chosen ? plan->port + count : 0);
	while (count > 0)
		(void)fd_close(held[--count]);
	return code;
}

/** plan_stamp() - find dyno-stamp, which is beside this program */
static int plan_stamp(struct bench_plan *plan, struct dyno_error *err)
{
	ssize_t length = readlink("/proc/self/exe", plan->stamp, sizeof(plan->stamp) - sizeof("/dyno-stamp"));
	char *slash;

	if (length < 0 || (size_t)length >= sizeof(plan->stamp) - sizeof("/dyno-stamp"))
		return error_set(err, length < 0 ? -errno : -ENAMETOOLONG, "bench",
		                 "cannot tell where this program is:");
	plan->stamp[length] = '\0';
	slash = strrchr(plan->stamp, '/');
	if (!slash)
		return error_set(err, -ENOENT, "bench", "cannot tell where this program is");
	strcpy(slash, "/dyno-stamp");
	plan->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (plan->null_fd < 0)
		return error_set(err, -errno, "bench", "cannot open /dev/null:");
	plan->stamp_fd = open(plan->stamp, O_RDONLY | O_CLOEXEC);
	if (plan->stamp_fd >= 0)
		return 0;
	(void)error_set(err, -errno, "bench", "cannot open %.200s:", plan->stamp);
	error_remedy(err, "make install puts it beside dyno-app");
	return err->code;
}

/** plan_files() - the reports can be written: an hour later is too late to learn that they cannot */
static int plan_files(const struct bench_given *given, struct dyno_error *err)
{
	const char *files[] = { given->json, given->csv, given->html };
	bool standard = false;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_close_ int fd = -1;

		if (!files[i])
			continue;
		if (strcmp(files[i], "-") == 0) {
			if (standard)
				return error_set(err, -EINVAL, "bench", "only one report can go to standard output");
			standard = true;
			continue;
		}
		fd = open(files[i], O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
		if (fd < 0)
			return error_set(err, -errno, "bench", "cannot write %.200s:", files[i]);
	}
	return 0;
}

int bench_plan_make(const struct bench_given *given, char *const *command, struct bench_plan *ret,
                    struct dyno_error *err)
{
	int code;

	*ret = (struct bench_plan){ .given = given, .stamp_fd = -1, .null_fd = -1, .request.inputs = APP_INPUTS_NULL };
	ret->warmup = (unsigned)given->warmup;
	ret->concurrency = (unsigned)given->concurrency;
	code = plan_until(given, ret, err);
	if (code == 0)
		code = plan_reach(given, ret, err);
	if (code == 0)
		code = plan_names(given, ret, err);
	if (code == 0)
		code = plan_files(given, err);
	if (code < 0)
		return code;
	ret->runs = (unsigned)given->runs;
	if (ret->runs == 0)
		ret->runs = ret->until == BENCH_UNTIL_EXEC ? RUNS_UNTIL_EXEC : RUNS_UNTIL_UP;
	plan_run(given, ret);
	code = run_options_resolve(&ret->run, command, &ret->request, err);
	ret->blind = ret->request.shape.net == DYNO_NET_NONE ||
	             (ret->request.shape.net == DYNO_NET_PRIVATE && !host_has_privilege());
	if (code == 0)
		code = plan_ports(ret, err);
	if (code == 0 && spec_environment(&ret->request.app, "run.1", &ret->env) < 0)
		code = error_set(err, -ENOMEM, "bench", "no memory for the environment");
	return code == 0 ? plan_stamp(ret, err) : code;
}

void bench_plan_done(struct bench_plan *plan)
{
	free(plan->env);
	plan->env = NULL;
	plan->stamp_fd = fd_close(plan->stamp_fd);
	plan->null_fd = fd_close(plan->null_fd);
	run_request_done(&plan->request);
}
