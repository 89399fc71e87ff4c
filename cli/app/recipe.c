/* SPDX-License-Identifier: Apache-2.0 */
/* recipe.c - see recipe.h */
#include "cli/app/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "cli/app/app_choice.h"
#include "cli/message.h"
#include "config/app_json.h"
#include "config/detect.h"
#include "config/file.h"
#include "config/release.h"
#include "config/setting.h"
#include "config/vars.h"
#include "formation/scale.h"

/** find_root() - the app's directory: -d, else that of the Procfile, else the current one */
static int find_root(const struct start_given *given, char *ret, struct dyno_error *err)
{
	char path[PATH_MAX] = ".";
	const char *slash = given->procfile ? strrchr(given->procfile, '/') : NULL;
	int code = 0;

	if (given->root)
		code = text_copy(path, sizeof(path), given->root);
	else if (slash)
		code = text_format(path, sizeof(path), "%.*s/", (int)(slash - given->procfile), given->procfile);
	if (code < 0)
		return error_set(err, code, "root", "the app's directory:");
	if (!realpath(path, ret))
		return error_set(err, -errno, "root", "the app's directory %s:", path);
	if (strcmp(ret, "/") == 0) {
		error_set(err, -EINVAL, "root", "the root directory of this machine is no app");
		error_remedy(err, "give the app's own directory: --root DIR");
		return -EINVAL;
	}
	return 0;
}

/**
 * open_store() - where config vars are kept; made if there is none, so that we hear of the first one that is set
 * Who has no place for a store has no config vars, and may well run apps. One that cannot be trusted is an error.
 */
static int open_store(struct recipe_source *source, struct dyno_error *err)
{
	struct dyno_error why = { 0 };
	int code = config_store_open(NULL, true, &source->store, &why);

	if (code == -EBADMSG || code == -EPERM || code == -EPROTO || code == -EBUSY || code == -ENOMEM) {
		*err = why;
		return code;
	}
	if (code < 0)
		message_line("dyno: going on without a store of config vars: %s", why.text);
	return 0;
}

int recipe_source_open(const struct start_given *given, struct recipe_source *ret, struct dyno_error *err)
{
	int code = find_root(given, ret->root, err);

	ret->given = given;
	ret->store = NULL;
	ret->dirfd = -1;
	if (code == 0)
		code = app_choose(given->app, ret->root, ret->app, err);
	if (code < 0)
		return code;
	ret->dirfd = open(ret->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->dirfd < 0)
		return error_set(err, -errno, "root", "cannot open directory %s:", ret->root);
	return open_store(ret, err);
}

/** recall_place() - setting @key, a path, into @buf if it is there still. Return: @buf, NULL when it is not; or negative errno in @ret_code */
static const char *recall_place(struct config_store *store, const char *app, const char *key, char *buf, int *ret_code,
                                struct dyno_error *err)
{
	_cleanup_free_ char *path = NULL;

	if (*ret_code == 0)
		*ret_code = config_setting_get(store, app, key, &path, err);
	if (*ret_code < 0 || !path || access(path, R_OK) < 0 || text_copy(buf, PATH_MAX, path) < 0)
		return NULL;
	return buf;
}

int recipe_source_again(struct start_given *given, struct recipe_source *ret, struct dyno_error *err)
{
	struct config_store *store = NULL;
	int code = app_choose(given->app, NULL, ret->app, err);

	ret->dirfd = -1;
	ret->store = NULL;
	if (code < 0)
		return code;
	code = config_store_open(NULL, false, &store, err);
	if (code == -ENOENT)
		code = 0;
	if (store) {
		given->root = recall_place(store, ret->app, "root", ret->root, &code, err);
		given->procfile = recall_place(store, ret->app, "procfile", ret->procfile, &code, err);
	}
	config_store_close(store);
	given->app = ret->app;
	return code < 0 ? code : recipe_source_open(given, ret, err);
}

int recipe_source_keep(const struct recipe_source *source, struct dyno_error *err)
{
	char procfile[PATH_MAX];
	bool other = source->given->procfile && realpath(source->given->procfile, procfile);
	const char *const pairs[] = { "root", source->root, "procfile", other ? procfile : NULL, NULL };
	_cleanup_free_ char *root = NULL, *file = NULL;
	int code = config_setting_get(source->store, source->app, "root", &root, err);

	if (code == 0)
		code = config_setting_get(source->store, source->app, "procfile", &file, err);
	/* each change of the store wakes who watches it */
	if (code < 0 ||
	    (root && strcmp(root, source->root) == 0 && !file == !other && (!other || strcmp(file, procfile) == 0)))
		return code;
	return config_setting_set_all(source->store, source->app, pairs, err);
}

void recipe_source_close(struct recipe_source *source)
{
	config_store_close(source->store);
	source->store = NULL;
	source->dirfd = fd_close(source->dirfd);
}

/** read_default_types() - those of the language, as the text of a Procfile */
static int read_default_types(const struct recipe_source *source, char **ret_text, size_t *ret_size,
                              struct dyno_error *err)
{
	enum { SIZE = DETECT_PROCESSES_MAX * 256 };
	struct detected detected = { 0 };
	char *text = malloc(SIZE);

	if (!text)
		return error_set(err, -ENOMEM, "procfile", "no memory for process types");
	detect_directory(source->dirfd, &detected);
	text[0] = '\0';
	for (size_t i = 0; i < detected.process_count; i++)
		(void)text_append(text, SIZE, "%s: %s\n", detected.processes[i].type, detected.processes[i].command);
	if (!text[0]) {
		free(text);
		error_set(err, -ENOENT, "procfile",
		          "there is no Procfile in %s, and nothing brings default process types", source->root);
		error_remedy(err, "write one, such as: web: ./server");
		return -ENOENT;
	}
	*ret_text = text;
	*ret_size = strlen(text);
	return 0;
}

/** read_procfile() - the process types */
static int read_procfile(const struct recipe_source *source, struct procfile *ret, struct dyno_error *err)
{
	const char *name = source->given->procfile ? source->given->procfile : "Procfile";
	struct mistakes m = { .name = name, .first = err };
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int code;

	/* --procfile was given by the caller, who may read it: any path will do, relative to the current directory as -e */
	if (source->given->procfile) {
		_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		char path[PATH_MAX];

		code = root < 0 || !realpath(name, path) ? -errno
		                                         : file_read(root, path + 1, PROCFILE_SIZE_MAX, &text, &size);
	} else {
		code = file_read(source->dirfd, name, PROCFILE_SIZE_MAX, &text, &size);
	}
	if (code == -ENOENT && !source->given->procfile)
		code = read_default_types(source, &text, &size, err);
	else if (code < 0)
		error_set(err, code, "procfile", "cannot read %s:", name);
	if (code < 0)
		return code;
	code = procfile_parse(text, size, &m, ret);
	if (code == -EINVAL)
		error_remedy(err, "dyno check tells of all mistakes");
	return code;
}

/** read_store() - the current release's config vars */
static int read_store(const struct recipe_source *source, struct environment *vars, struct dyno_error *err)
{
	struct config_release release = { 0 };
	int code;

	if (!source->store)
		return 0;
	code = config_release_current(source->store, source->app, &release, err);
	if (code == 0) {
		*vars = release.vars;
		release.vars = (struct environment){ 0 };
	}
	config_release_done(&release);
	return code;
}

/** read_env_file() - one file; a path is the caller's, relative to the current directory, as foreman takes it */
static int read_env_files(const char *list, struct environment *vars, struct dyno_error *err)
{
	_cleanup_free_ char *copy = strdup(list);
	char *path, *rest = copy;
	int code = copy ? 0 : error_set(err, -ENOMEM, "env", "no memory for names of files");

	while (code == 0 && (path = strsep(&rest, ",")))
		code = environment_load(vars, path, err);
	return code;
}

/** read_vars() - config vars from everywhere, the nearest last */
static int read_vars(const struct recipe_source *source, struct environment *vars, struct dyno_error *err)
{
	const struct option_list *files = &source->given->env_file;
	char path[PATH_MAX + 8];
	int code = read_store(source, vars, err);

	for (size_t i = 0; i < files->count && code == 0; i++)
		code = read_env_files(files->items[i], vars, err);
	if (code < 0 || files->count > 0)
		return code;
	if (faccessat(source->dirfd, ".env", F_OK, 0) < 0 && errno == ENOENT)
		return 0;
	(void)text_format(path, sizeof(path), "%s/.env", source->root);
	return environment_load(vars, path, err);
}

/** base_port() - of the first type: -p, else PORT of the config vars, else foreman's */
static int base_port(const struct recipe_source *source, const struct environment *vars, unsigned *ret,
                     struct dyno_error *err)
{
	const char *text = config_vars_get(vars, "PORT");
	uint16_t port = source->given->port;

	if (port == 0 && text && units_port(text, &port) < 0)
		return error_set(err, -EINVAL, "port", "the config var PORT is no port: 1 to 65535");
	*ret = port ? port : RECIPE_PORT;
	return 0;
}

/** scale_by_app_json() - quantities and sizes of app.json, if there is one */
static int scale_by_app_json(const struct recipe_source *source, struct plan *plan, struct dyno_error *err)
{
	struct mistakes m = { .name = "app.json", .first = err };
	_cleanup_free_ char *text = NULL;
	struct sizes sizes = { 0 };
	struct app_json app = { 0 };
	size_t size = 0;
	int code = file_read(source->dirfd, "app.json", APP_JSON_SIZE_MAX, &text, &size);

	if (code == -ENOENT)
		return 0;
	if (code < 0)
		return error_set(err, code, "app.json", "cannot read app.json:");
	code = sizes_load(&sizes, err);
	if (code == 0)
		code = app_json_parse(text, size, &sizes, &m, &app);
	sizes_done(&sizes);
	if (code < 0)
		return code;
	for (size_t i = 0; i < app.type_count; i++) {
		struct plan_type *type = plan_find(plan, app.types[i].type, strlen(app.types[i].type));

		if (!type)
			continue; /* dyno check tells */
		type->quantity = app.types[i].quantity;
		if (app.types[i].size.name[0])
			type->size = app.types[i].size;
	}
	app_json_done(&app);
	return 0;
}

/** scale() - how many dynos of which size */
static int scale(const struct recipe_source *source, struct plan *plan, struct dyno_error *err)
{
	const struct start_given *given = source->given;
	unsigned quantity = given->formation || source->only ? 0 : 1;
	int code;

	for (size_t i = 0; i < plan->count; i++)
		plan->types[i].quantity = quantity;
	code = scale_by_app_json(source, plan, err);
	if (code == 0 && source->store)
		code = scale_recall(source->store, source->app, plan, err);
	for (size_t i = 0; i < plan->count && quantity == 0; i++)
		plan->types[i].quantity = 0;
	if (code == 0 && source->only) {
		struct plan_type *type = plan_find(plan, source->only, strlen(source->only));

		code = type ? 0 : plan_unknown(plan, source->only, err);
		if (type)
			type->quantity = 1;
	}
	if (code == 0 && given->formation)
		code = plan_scale(plan, given->formation, err);
	for (size_t i = 0; i < given->size.count && code == 0; i++)
		code = plan_resize(plan, given->size.items[i], err);
	plan_settle(plan);
	return code;
}

uint64_t recipe_memory(void)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
}

int recipe_check(const struct plan *plan, struct dyno_error *err)
{
	return plan_check(plan, recipe_memory(), err);
}

int recipe_plan(const struct recipe_source *source, struct plan *ret, struct dyno_error *err)
{
	struct procfile file = { 0 };
	struct plan plan = { 0 };
	int code = read_procfile(source, &file, err);

	if (code == 0)
		code = plan_make(&file, RECIPE_PORT, &plan, err);
	if (code == 0)
		code = scale(source, &plan, err);
	procfile_done(&file);
	if (code < 0)
		plan_done(&plan);
	else
		*ret = plan;
	return code;
}

int recipe_make(const struct recipe_source *source, struct formation_recipe *ret, struct dyno_error *err)
{
	struct formation_recipe recipe = { 0 };
	struct procfile file = { 0 };
	unsigned port = RECIPE_PORT;
	int code = read_procfile(source, &file, err);

	if (code == 0)
		code = read_vars(source, &recipe.vars, err);
	if (code == 0)
		code = base_port(source, &recipe.vars, &port, err);
	if (code == 0)
		code = plan_make(&file, port, &recipe.plan, err);
	if (code == 0)
		code = scale(source, &recipe.plan, err);
	if (code == 0)
		code = recipe_check(&recipe.plan, err);
	procfile_done(&file);
	if (code < 0)
		formation_recipe_done(&recipe);
	else
		*ret = recipe;
	return code;
}
