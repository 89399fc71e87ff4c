/* SPDX-License-Identifier: Apache-2.0 */
/**
 * bench_words.c - `dyno bench`: the command lines of other runtimes
 *
 * Until exec everybody has a network like the dyno's, as far as it can; until something listens everybody shares this
 * machine's, because a fresh one leads nowhere without more work, which the others are thus spared.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/app/bench_peer.h"

bool peer_shares_network(const struct bench_plan *plan)
{
	return plan->until != BENCH_UNTIL_EXEC || plan->request.shape.net == DYNO_NET_HOST;
}

/** add_command() - dyno-stamp at @stamp, then the command itself if it is to run; or the command alone */
static void add_command(const struct bench_contender *contender, const char *stamp, struct bench_words *words)
{
	const struct bench_plan *plan = contender->plan;

	if (plan->until == BENCH_UNTIL_EXEC)
		bench_word(words, "%s", stamp);
	for (size_t i = 0; plan->request.app.argv[i]; i++)
		if (plan->until != BENCH_UNTIL_EXEC || contender->verify)
			bench_word(words, "%s", plan->request.app.argv[i]);
}

void peer_environment(const struct bench_plan *plan, unsigned index, struct bench_words *env)
{
	for (size_t i = 0; plan->env[i]; i++)
		if (text_starts(plan->env[i], "PORT=") && plan->ports[index] != 0)
			bench_word(env, "PORT=%u", (unsigned)plan->ports[index]);
		else
			bench_word(env, "%s", plan->env[i]);
}

/** to_host() - replace /app at the start of @word's value, or of @word, by the slug's path */
static void to_host(char **word, bool variable, const char *slug)
{
	char *value = variable ? strchr(*word, '=') + 1 : *word, *replaced = NULL;

	if (!text_starts(value, "/app") || (value[4] != '\0' && value[4] != '/'))
		return;
	if (asprintf(&replaced, "%.*s%s%s", (int)(value - *word), *word, slug, value + 4) < 0)
		return;
	free(*word);
	*word = replaced;
}

/** bare_words() - the command itself, in this machine's tree */
static int bare_words(const struct bench_contender *contender, unsigned index, struct command *command,
                      struct dyno_error *err)
{
	const struct bench_plan *plan = contender->plan;
	const char *path = getenv("PATH"), *name;
	char here[PATH_MAX];

	(void)index;
	add_command(contender, plan->stamp, &command->words);
	for (size_t i = 0; i < command->words.count; i++)
		to_host(&command->words.items[i], false, plan->request.app.slug);
	for (size_t i = 0; i < command->env.count; i++) {
		to_host(&command->env.items[i], true, plan->request.app.slug);
		if (text_starts(command->env.items[i], "PATH="))
			path = command->env.items[i] + strlen("PATH=");
	}
	if (command->words.failed || command->words.count == 0)
		return error_set(err, -E2BIG, "bench", "the command has too many words");
	name = command->words.items[0];
	/* a path is relative to the slug, in which the process will be */
	if (strchr(name, '/') && name[0] != '/' &&
	    text_format(here, sizeof(here), "%s/%s", plan->request.app.slug, name) > 0)
		name = here;
	if (bench_find_program(name, path, command->program, sizeof(command->program)) < 0)
		return error_set(err, -ENOENT, "bench", "%s is no program of this machine", name);
	return 0;
}

/** bwrap_words() - bubblewrap: namespaces, read-only binds, no limits, no filter */
static int bwrap_words(const struct bench_contender *contender, unsigned index, struct command *command,
                       struct dyno_error *err)
{
	const struct bench_plan *plan = contender->plan;
	struct bench_words *words = &command->words;
	char target[PATH_MAX], kind;
	const char *name;
	size_t at = 0;

	(void)index;
	(void)err;
	bench_word(words, "bwrap");
	bench_word(words, "--unshare-all");
	if (peer_shares_network(plan))
		bench_word(words, "--share-net");
	bench_word(words, "--die-with-parent");
	while ((kind = bench_host_entry(&at, &name, target)) != 0) {
		bench_word(words, kind == 'd' ? "--ro-bind" : "--symlink");
		bench_word(words, "%s%s", kind == 'd' ? "/" : "", kind == 'd' ? name : target);
		bench_word(words, "/%s", name);
	}
	bench_word(words, "--ro-bind");
	bench_word(words, "%s", plan->request.app.slug);
	bench_word(words, "/app");
	bench_word(words, "--ro-bind");
	bench_word(words, "%s", plan->stamp);
	bench_word(words, BENCH_STAMP_INSIDE);
	for (const char *const *more = (const char *const[]){ "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
	                                                      "--chdir", "/app", "--", NULL };
	     *more; more++)
		bench_word(words, "%s", *more);
	add_command(contender, BENCH_STAMP_INSIDE, words);
	return 0;
}

/** oci_words() - crun and runc: a bundle for each launch of a turn */
static int oci_words(const struct bench_contender *contender, unsigned index, struct command *command,
                     struct dyno_error *err)
{
	const struct bench_plan *plan = contender->plan;
	struct bench_words *words = &command->words, inside = { 0 };
	char root[PATH_MAX + 8], dir[PATH_MAX + 48], id[48];
	int code;

	(void)text_format(root, sizeof(root), "%s/root", plan->home);
	(void)text_format(dir, sizeof(dir), "%s/%s-%u", plan->home, contender->name, index);
	add_command(contender, BENCH_STAMP_INSIDE, &inside);
	code = bench_bundle_make(plan, root, dir, &(struct bench_inside){ &inside, &command->env }, err);
	bench_words_done(&inside);
	bench_word(words, "%s", contender->name);
	bench_word(words, "--root=%s/state-%s", plan->home, contender->name);
	if (strcmp(contender->name, "crun") == 0 && geteuid() != 0)
		bench_word(words, "--cgroup-manager=disabled");
	bench_word(words, "run");
	bench_word(words, "--bundle=%s", dir);
	bench_word(words, "--pid-file=%s/pid", dir);
	bench_word(words, "%s", bench_container_name(getpid(), index, id));
	return code;
}

/** engine_limits() - the dyno's, in docker's words */
static void engine_limits(const struct bench_plan *plan, struct bench_words *words)
{
	uint64_t memory = plan->request.app.limits.memory;

	bench_word(words, "--memory=%llu", (unsigned long long)(memory ? memory : 512ULL << 20));
	bench_word(words, "--pids-limit=256");
	bench_word(words, "--cap-drop=ALL");
	bench_word(words, "--security-opt=no-new-privileges");
	bench_word(words, "--read-only");
	bench_word(words, "--tmpfs=/tmp");
}

/** write_env() - the environment as a file: on a command line everybody could read it */
static int write_env(const char *path, const struct bench_words *env, struct dyno_error *err)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return error_set(err, -errno, "bench", "cannot write %s:", path);
	for (size_t i = 0; i < env->count; i++)
		fprintf(file, "%s\n", env->items[i]);
	return fclose(file) == 0 ? 0 : error_set(err, -errno, "bench", "cannot write %s:", path);
}

/** engine_words() - docker, from an image that holds nothing but mount points, and podman, from a directory of them */
static int engine_words(const struct bench_contender *contender, unsigned index, struct command *command,
                        struct dyno_error *err)
{
	const struct bench_plan *plan = contender->plan;
	bool docker = strcmp(contender->name, "docker") == 0;
	struct bench_words *words = &command->words;
	char target[PATH_MAX], path[PATH_MAX + 48], id[48], kind;
	const char *name;
	size_t at = 0;

	(void)text_format(path, sizeof(path), "%s/env-%s-%u", plan->home, contender->name, index);
	bench_word(words, "%s", contender->name);
	bench_word(words, "run");
	bench_word(words, "--rm");
	bench_word(words, "--name=%s", bench_container_name(getpid(), index, id));
	bench_word(words, "--env-file=%s", path);
	bench_word(words, "--workdir=/app");
	if (peer_shares_network(plan))
		bench_word(words, "--network=host");
	else if (plan->request.shape.net == DYNO_NET_NONE)
		bench_word(words, "--network=none");
	engine_limits(plan, words);
	while ((kind = bench_host_entry(&at, &name, target)) != 0)
		if (kind == 'd')
			bench_word(words, "--volume=/%s:/%s:ro", name, name);
	bench_word(words, "--volume=%s:/app:ro", plan->request.app.slug);
	bench_word(words, "--volume=%s:" BENCH_STAMP_INSIDE ":ro", plan->stamp);
	if (!docker)
		bench_word(words, "--rootfs");
	if (docker)
		bench_word(words, "dyno-bench-%d", (int)getpid());
	else
		bench_word(words, "%s/root", plan->home);
	add_command(contender, BENCH_STAMP_INSIDE, words);
	return write_env(path, &command->env, err);
}

/** nspawn_words() - systemd-nspawn; a variable named without a value is taken from its own environment */
static int nspawn_words(const struct bench_contender *contender, unsigned index, struct command *command,
                        struct dyno_error *err)
{
	static const char *const fixed[] = { "systemd-nspawn",    "--quiet",        "--register=no",
		                             "--keep-unit",       "--as-pid2",      "--console=pipe",
		                             "--read-only",       "--tmpfs=/tmp",   "--chdir=/app",
		                             "--resolv-conf=off", "--timezone=off", "--link-journal=no" };
	const struct bench_plan *plan = contender->plan;
	struct bench_words *words = &command->words;
	char target[PATH_MAX], kind;
	const char *name;
	size_t at = 0;

	(void)index;
	(void)err;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		bench_word(words, "%s", fixed[i]);
	bench_word(words, "--directory=%s/root", plan->home);
	if (!peer_shares_network(plan))
		bench_word(words, "--private-network");
	while ((kind = bench_host_entry(&at, &name, target)) != 0)
		if (kind == 'd')
			bench_word(words, "--bind-ro=/%s", name);
	bench_word(words, "--bind-ro=%s:/app", plan->request.app.slug);
	bench_word(words, "--bind-ro=%s:" BENCH_STAMP_INSIDE, plan->stamp);
	for (size_t i = 0; i < command->env.count; i++)
		bench_word(words, "--setenv=%.*s", (int)strcspn(command->env.items[i], "="), command->env.items[i]);
	bench_word(words, "--");
	add_command(contender, BENCH_STAMP_INSIDE, words);
	return 0;
}

static const struct peer peers[] = {
	{ .name = "bare",
	  .label = "bare process",
	  .what = "vfork and exec on this machine, no isolation",
	  .words = bare_words },
	{ .name = "bwrap",
	  .program = "bwrap",
	  .label = "bubblewrap",
	  .what = "its six namespaces, read-only binds, /dev, a tmpfs; no limits, no filter, no address",
	  .words = bwrap_words },
	{ .name = "crun",
	  .program = "crun",
	  .label = "crun",
	  .what = "an OCI bundle: five namespaces, no capabilities, as root a cgroup with limits; no filter, no address",
	  .ending = END_INIT,
	  .own_env = true,
	  .words = oci_words },
	{ .name = "runc",
	  .program = "runc",
	  .label = "runc",
	  .what = "an OCI bundle: five namespaces, no capabilities, as root a cgroup with limits; no filter, no address",
	  .ending = END_INIT,
	  .own_env = true,
	  .words = oci_words },
	{ .name = "docker",
	  .program = "docker",
	  .label = "docker run",
	  .what = "a container of the daemon's with limits and its default filter, from an image of empty directories",
	  .ending = END_CONTAINER,
	  .own_env = true,
	  .words = engine_words },
	{ .name = "podman",
	  .program = "podman",
	  .label = "podman run",
	  .what = "a container with limits and the default filter, from a directory of mount points",
	  .ending = END_CONTAINER,
	  .own_env = true,
	  .words = engine_words },
	{ .name = "nspawn",
	  .program = "systemd-nspawn",
	  .label = "systemd-nspawn",
	  .ending = END_TERM,
	  .what = "namespaces, its default filter, read-only binds; no limits, no address",
	  .words = nspawn_words },
};

const struct peer *peer_find(const char *name)
{
	for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++)
		if (strcmp(peers[i].name, name) == 0)
			return &peers[i];
	return NULL;
}
