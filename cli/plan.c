/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - see plan.h */
#include "cli/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/units.h"

/** net_text() - a network mode in words */
static const char *net_text(enum dyno_net net)
{
	switch (net) {
	case DYNO_NET_PRIVATE: return "private (an address of its own)";
	case DYNO_NET_NONE: return "none (loopback only)";
	case DYNO_NET_HOST: return "host (this machine's, no isolation)";
	}
	return "?";
}

/** print_size() - one line with a size in bytes, or "default" */
static void print_size(FILE *out, const char *label, uint64_t bytes)
{
	char text[16];

	fprintf(out, "  %-13s %s\n", label, bytes ? units_format_size(bytes, text, sizeof(text)) : "default");
}

/** print_number() - one line with a number, or @otherwise for 0 */
static void print_number(FILE *out, const char *label, uint64_t number, const char *otherwise)
{
	if (number)
		fprintf(out, "  %-13s %" PRIu64 "\n", label, number);
	else
		fprintf(out, "  %-13s %s\n", label, otherwise);
}

/** print_shape() - the app-independent half */
static void print_shape(FILE *out, const struct dyno_shape *shape)
{
	fputs("shape\n", out);
	fprintf(out, "  %-13s %s\n", "stack", shape->stack);
	fprintf(out, "  %-13s %s\n", "net", net_text(shape->net));
	fprintf(out, "  %-13s %s\n", "terminal", shape->tty ? "its own" : "none");
	fprintf(out, "  %-13s %s\n", "process 1", shape->no_init ? "the command" : "init");
	print_size(out, "scratch size", shape->scratch_size ? shape->scratch_size : 512ULL << 20);
	fprintf(out, "  %-13s %s\n", "scratch", shape->scratch_dir ? shape->scratch_dir : "in memory");
}

/** print_vars() - names of the config vars, never their values: a plan ends up in logs */
static void print_vars(FILE *out, const char *const *env)
{
	fprintf(out, "  %-13s HOME PATH DYNO", "environment");
	for (; *env; env++)
		fprintf(out, " %.*s", (int)strcspn(*env, "="), *env);
	fputc('\n', out);
}

/** print_text() - one line with @text, or @otherwise for none */
static void print_text(FILE *out, const char *label, const char *text, const char *otherwise)
{
	fprintf(out, "  %-13s %s\n", label, text ? text : otherwise);
}

/** print_network() - what the app gets of the network */
static void print_network(FILE *out, const struct dyno_app *app)
{
	print_number(out, "port", app->port, "none");
	for (size_t i = 0; app->publish && app->publish[i]; i++)
		print_text(out, "published", app->publish[i], "");
	if (app->publish_unix)
		print_text(out, "published", app->publish_unix, "");
	print_text(out, "egress", app->egress, "allow");
	print_text(out, "host's ports", app->allow_host, "none");
	if (app->boot_timeout_ms)
		fprintf(out, "  %-13s %u.%03u s\n", "boot timeout", app->boot_timeout_ms / 1000,
		        app->boot_timeout_ms % 1000);
	else
		print_text(out, "boot timeout", NULL, "none");
}

/** print_app() - the app-dependent half */
static void print_app(FILE *out, const struct dyno_app *app)
{
	fputs("app\n", out);
	fprintf(out, "  %-13s %s\n", "name", app->name ? app->name : "run.NNNN");
	fprintf(out, "  %-13s %s\n", "slug", app->slug);
	fprintf(out, "  %-13s %s\n", "workdir", app->workdir ? app->workdir : "/app");
	fprintf(out, "  %-13s", "command");
	for (const char *const *arg = app->argv; *arg; arg++) {
		fputc(' ', out);
		text_json(out, *arg);
	}
	fputc('\n', out);
	print_vars(out, app->env);
	print_network(out, app);
	print_size(out, "memory", app->limits.memory);
	print_number(out, "processes", app->limits.pids, "default");
	if (app->limits.cpu_milli)
		fprintf(out, "  %-13s %" PRIu64 ".%03" PRIu64 " CPUs\n", "CPU time", app->limits.cpu_milli / 1000,
		        app->limits.cpu_milli % 1000);
	else
		fprintf(out, "  %-13s no hard limit\n", "CPU time");
	print_number(out, "CPU weight", app->limits.cpu_shares, "default");
	print_number(out, "open files", app->limits.nofile, "default");
}

/** enum condition - when a step is taken; several must all hold */
enum condition {
	ROOT = 1,
	ROOTLESS = 2,
	DISK = 4,
	MEMORY = 8,
	TERMINAL = 16,
	NETWORK = 32,
	PRIVATE = 64,
	PUBLISHED = 128,
	WATCHED = 256,
};

/** struct step - one step of a boot; @when: conditions, 0 for always */
struct step {
	unsigned when;
	const char *text;
};

/* The steps of runtime/prepare.c (launcher) and runtime/child.c (dyno); after the clone both go on side by side. */
static const struct step steps[] = {
	{ ROOT | NETWORK, "launcher: begin the network namespace, on another CPU" },
	{ 0, "launcher: claim a slot and the name" },
	{ 0, "launcher: make the control groups, set the limits" },
	{ DISK, "launcher: make the writable layer on the disk, with its quota" },
	{ 0, "launcher: find the skeleton of the root" },
	{ ROOT, "launcher: make the user namespaces that the dyno will enter" },
	{ 0, "launcher: clone3 with new mount, PID, IPC and UTS namespaces" },
	{ ROOT | NETWORK, "launcher: finish the network namespace and its link, hand it over" },
	{ ROOTLESS | NETWORK, "launcher: attach the network namespace" },
	{ 0, "launcher: look for mounts hidden below the slug" },
	{ ROOTLESS, "dyno: map the caller's id to its user" },
	{ 0, "dyno: join the control groups, make the cgroup namespace" },
	{ 0, "dyno: own keyring, private mounts" },
	{ MEMORY, "dyno: make the writable layer in memory" },
	{ 0, "dyno: mount the new root, stack, devices, slug under the writable layer, /proc" },
	{ 0, "dyno: change the root, let go of the old one" },
	{ TERMINAL, "dyno: make a terminal" },
	{ NETWORK, "dyno: enter the network namespace" },
	{ 0, "dyno: set the host name" },
	{ ROOT, "dyno: enter the user namespace and become its user" },
	{ 0, "dyno: empty all capability sets, lock securebits, set no_new_privs" },
	{ 0, "dyno: restrict writing by Landlock, where the kernel has it" },
	{ 0, "dyno: load the seccomp filter" },
	{ 0, "dyno: park until the app is known" },
	{ PUBLISHED, "launcher: reserve the published addresses" },
	{ PRIVATE | ROOT, "launcher: tell the packet filter what leads to the app, and what it may reach" },
	{ PRIVATE | ROOTLESS, "launcher: connect the network namespace by pasta, and wall it" },
	{ 0, "dyno: execute the command" },
	{ WATCHED, "launcher: see the app listen on its port" },
	{ WATCHED | PUBLISHED, "launcher: open the ways that depend on how it listens" },
};

/** conditions() - those that hold for @request, launched by us */
static unsigned conditions(const struct run_request *request, bool root)
{
	const struct dyno_shape *shape = &request->shape;
	bool published = request->app.publish || request->app.publish_unix;

	return (root ? ROOT : ROOTLESS) | (shape->scratch_dir ? DISK : MEMORY) | (shape->tty ? TERMINAL : 0U) |
	       (shape->net != DYNO_NET_HOST ? NETWORK : 0U) | (shape->net == DYNO_NET_PRIVATE ? PRIVATE : 0U) |
	       (published ? PUBLISHED : 0U) | (shape->watch ? WATCHED : 0U);
}

int plan_print(FILE *out, const struct run_request *request)
{
	bool root = geteuid() == 0;
	unsigned hold = conditions(request, root);
	unsigned number = 1;

	print_shape(out, &request->shape);
	print_app(out, &request->app);
	fprintf(out, "steps (%s)\n", root ? "as root" : "as an ordinary user");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if ((steps[i].when & ~hold) == 0)
			fprintf(out, "  %2u. %s\n", number++, steps[i].text);
	return fflush(out) == 0 ? 0 : -EIO;
}
