/* SPDX-License-Identifier: Apache-2.0 */
/* spec.c - see spec.h */
#include "runtime/spec.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "isolation/scratch.h"
#include "isolation/stack.h"
#include "netns/policy.h"

#define STEP "spec"

bool spec_name_valid(const char *name)
{
	size_t length = strlen(name);
	size_t i;

	if (length == 0 || length > SPEC_NAME_MAX || name[0] == '.' || name[0] == '-' || name[length - 1] == '.')
		return false;
	for (i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
			return false;
	return true;
}

/** given_name() - @name has the form run.NUMBER, which dyno itself gives */
static bool given_name(const char *name)
{
	return text_starts(name, "run.") && name[4] != '\0' && strspn(name + 4, "0123456789") == strlen(name + 4);
}

/** check_directory() - @path is absolute and a directory that we may enter */
static int check_directory(const char *what, const char *path, struct dyno_error *err)
{
	struct stat st;

	if (path[0] != '/')
		return error_set(err, -EINVAL, STEP, "%s %s: not an absolute path", what, path);
	if (stat(path, &st) < 0)
		return error_set(err, -errno, STEP, "%s %s:", what, path);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, -ENOTDIR, STEP, "%s %s: not a directory", what, path);
	if (access(path, X_OK) < 0)
		return error_set(err, -errno, STEP, "%s %s:", what, path);
	return 0;
}

int spec_check_shape(const struct dyno_shape *shape, struct dyno_error *err)
{
	int r = 0;

	if (!shape->stack)
		return error_set(err, -EINVAL, STEP, "no stack given");
	if (shape->net > DYNO_NET_HOST)
		return error_set(err, -EINVAL, STEP, "unknown network mode %u", (unsigned)shape->net);
	if (shape->scratch_size != 0 && shape->scratch_size < SCRATCH_MIN_SIZE)
		return error_set(err, -ERANGE, STEP, "scratch size %llu is below the smallest that works (1M)",
		                 (unsigned long long)shape->scratch_size);
	if (shape->no_init && shape->tty)
		return error_set(err, -EINVAL, STEP, "a terminal needs the init process: drop --no-init or --tty");
	if (shape->scratch_dir && strchr(shape->scratch_dir, '\n'))
		return error_set(err, -EINVAL, STEP, "the name of the scratch directory holds a line end");
	if (!stack_is_host(shape->stack))
		r = check_directory("stack", shape->stack, err);
	if (r == 0 && shape->scratch_dir)
		r = check_directory("scratch directory", shape->scratch_dir, err);
	return r;
}

/** check_env() - every variable is KEY=VALUE; the message never repeats a value */
static int check_env(const char *const *env, struct dyno_error *err)
{
	size_t i;

	for (i = 0; env && env[i]; i++)
		if (env[i][0] == '=' || !strchr(env[i], '='))
			return error_set(err, -EINVAL, STEP, "environment entry %zu is not KEY=VALUE", i + 1);
	return 0;
}

int spec_check_exec(const struct dyno_app *app, struct dyno_error *err)
{
	if (!app->argv || !app->argv[0] || app->argv[0][0] == '\0')
		return error_set(err, -EINVAL, STEP, "no command given");
	if (app->workdir && app->workdir[0] != '/')
		return error_set(err, -EINVAL, STEP, "working directory %s: not an absolute path", app->workdir);
	return check_env(app->env, err);
}

int spec_check_streams(const int fds[3], struct dyno_error *err)
{
	static const char *const names[] = { "input", "output", "error" };
	struct stat st;
	size_t i;

	for (i = 0; i < 3; i++)
		if (fstat(fds[i], &st) == 0 && S_ISDIR(st.st_mode))
			return error_set(err, -EISDIR, "streams",
			                 "standard %s is a directory, which would lead the command out of its dyno",
			                 names[i]);
	return 0;
}

/** check_network() - what the app is to get of the network, and when it is to be up there */
static int check_network(const struct dyno_shape *shape, const struct dyno_app *app, struct dyno_error *err)
{
	struct policy policy;
	int r = policy_read(app, shape->net, &policy, err);

	if (r < 0 || app->boot_timeout_ms == 0)
		return r;
	if (app->port == 0)
		return error_set(err, -EINVAL, STEP, "a time to boot without a port: nobody knows when the app is up");
	if (!shape->watch)
		return error_set(err, -EINVAL, STEP, "a time to boot without shape.watch: nobody sees the app listen");
	return 0;
}

int spec_check_app(const struct dyno_shape *shape, const struct dyno_app *app, struct dyno_error *err)
{
	struct stat slug, root;
	int r = spec_check_exec(app, err);

	if (r == 0)
		r = check_network(shape, app, err);
	if (r < 0)
		return r;
	if (app->name && !spec_name_valid(app->name)) {
		error_set(err, -EINVAL, STEP, "bad dyno name %s", app->name);
		error_remedy(err, "letters, digits, '.', '_' and '-', at most %d, as in web.1", SPEC_NAME_MAX);
		return -EINVAL;
	}
	if (app->name && given_name(app->name)) {
		error_set(err, -EINVAL, STEP, "the name %s is of the kind that dyno gives itself", app->name);
		error_remedy(err, "choose another, as in web.1, or leave --name out");
		return -EINVAL;
	}
	if (!app->slug)
		return 0;
	r = check_directory("slug", app->slug, err);
	if (r < 0)
		return r;
	if (stat(app->slug, &slug) == 0 && stat("/", &root) == 0 && slug.st_ino == root.st_ino &&
	    slug.st_dev == root.st_dev)
		return error_set(err, -EINVAL, STEP, "slug /: the whole machine is not an app");
	return 0;
}

/** has_key() - @env sets the variable named by the first @length bytes of @key */
static bool has_key(const char *const *env, const char *key, size_t length)
{
	size_t i;

	for (i = 0; env && env[i]; i++)
		if (strncmp(env[i], key, length) == 0 && env[i][length] == '=')
			return true;
	return false;
}

/** platform_key() - @pair sets a variable that only the platform may set */
static bool platform_key(const char *pair, bool port)
{
	return text_starts(pair, "DYNO=") || (port && text_starts(pair, "PORT="));
}

/** copy_vector() - own copy of @vector and its strings in one allocation, or NULL */
static char **copy_vector(const char *const *vector)
{
	size_t count = 0, bytes = 0, i;
	char **copy;
	char *at;

	for (; vector[count]; count++)
		bytes += strlen(vector[count]) + 1;
	copy = malloc((count + 1) * sizeof(*copy) + bytes);
	if (!copy)
		return NULL;
	at = (char *)(copy + count + 1);
	for (i = 0; i < count; i++) {
		copy[i] = at;
		at = stpcpy(at, vector[i]) + 1;
	}
	copy[count] = NULL;
	return copy;
}

int spec_environment(const struct dyno_app *app, const char *name, char ***ret)
{
	enum { OWN = 4 };
	char dyno[256], port[16];
	_cleanup_free_ const char **env = NULL;
	size_t count = 0, used = 0, i;

	while (app->env && app->env[count])
		count++;
	env = malloc((count + OWN + 1) * sizeof(*env));
	if (!env)
		return -ENOMEM;
	snprintf(dyno, sizeof(dyno), "DYNO=%.200s", app->label ? app->label : name);
	snprintf(port, sizeof(port), "PORT=%u", app->port);
	if (!has_key(app->env, "HOME", strlen("HOME")))
		env[used++] = "HOME=/app";
	if (!has_key(app->env, "PATH", strlen("PATH")))
		env[used++] = "PATH=/usr/local/bin:/usr/bin:/bin";
	env[used++] = dyno;
	if (app->port != 0)
		env[used++] = port;
	for (i = 0; i < count; i++)
		if (!platform_key(app->env[i], app->port != 0))
			env[used++] = app->env[i];
	env[used] = NULL;
	*ret = copy_vector(env);
	return *ret ? 0 : -ENOMEM;
}

int spec_merge_environment(char *const *base, const char *const *extra, char ***ret)
{
	_cleanup_free_ const char **env = NULL;
	size_t bases = 0, extras = 0, used = 0, i;

	while (base[bases])
		bases++;
	while (extra && extra[extras])
		extras++;
	env = malloc((bases + extras + 1) * sizeof(*env));
	if (!env)
		return -ENOMEM;
	for (i = 0; i < bases; i++)
		if (!has_key(extra, base[i], strcspn(base[i], "=")))
			env[used++] = base[i];
	for (i = 0; i < extras; i++)
		env[used++] = extra[i];
	env[used] = NULL;
	*ret = copy_vector(env);
	return *ret ? 0 : -ENOMEM;
}
