/* SPDX-License-Identifier: Apache-2.0 */
/**
 * export.c - `dyno export`: files that have a supervisor of the system's run an app
 *
 * No config var is in them, and no command of the Procfile: each dyno's words name the app and the process type, and the rest is read
 * when it starts. A file is written beside its place and renamed, so that who reads the directory meanwhile sees all of it.
 */
#include "cli/app/export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/operands.h"
#include "cli/app/self.h"
#include "cli/message.h"
#include "cli/verb.h"

#define GRACE_MS 30000
/* what a dyno may take beyond its time of grace, before its supervisor kills `dyno run` itself */
#define GRACE_MORE_S 5
#define TEMPORARY ".dyno-export"

/** struct format - one row of the table below */
struct format {
	const char *name;
	int (*write)(const struct export *export, struct dyno_error *err);
};

static const struct format formats[] = {
	{ "systemd", export_systemd },
	{ "supervisord", export_supervisord },
	{ "runit", export_runit },
	{ 0 },
};

/** find() - the format called @name. Return: NULL after a message */
static const struct format *find(const char *name)
{
	const char *names[8] = { NULL }, *closest;

	for (size_t i = 0; formats[i].name; i++) {
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
		names[i] = formats[i].name;
	}
	closest = text_closest(name, names);
	message_line("dyno: there is no export format '%.40s' (%s%s)", name, closest ? "did you mean " : "",
	             closest ? closest : "there are systemd, supervisord and runit");
	return NULL;
}

unsigned export_grace_s(const struct export *export)
{
	return (unsigned)(export->given.grace_ms / 1000) + GRACE_MORE_S;
}

/** make_words() - what runs @dyno */
static void make_words(struct export_dyno *dyno)
{
	const struct export *export = dyno->export;
	const char *const always[] = { export->dyno,        "run:app", "--app",     export->source.app, "--root",
		                       export->source.root, "--as",    dyno->label, "--port",           dyno->port };
	size_t used = sizeof(always) / sizeof(*always);

	memcpy(dyno->words, always, sizeof(always));
	if (export->given.procfile) {
		dyno->words[used++] = "--procfile";
		dyno->words[used++] = export->procfile;
	}
	if (dyno->type->size.name[0]) {
		dyno->words[used++] = "--size";
		dyno->words[used++] = dyno->type->size.name;
	}
	if (export->given.grace_ms != GRACE_MS) {
		dyno->words[used++] = "--timeout";
		dyno->words[used++] = dyno->grace;
	}
	for (size_t i = 0; i < export->given.env_file.count && used < EXPORT_WORDS_MAX - 5; i++) {
		dyno->words[used++] = "--env";
		dyno->words[used++] = export->given.env_file.items[i];
	}
	dyno->words[used++] = "--no-tty";
	dyno->words[used++] = dyno->type->name;
	dyno->words[used] = NULL;
}

int export_each(const struct export *export,
                int (*each)(const struct export_dyno *dyno, void *data, struct dyno_error *err), void *data,
                struct dyno_error *err)
{
	for (size_t i = 0; i < export->plan.count; i++) {
		const struct plan_type *type = &export->plan.types[i];

		for (unsigned index = 1; index <= type->quantity; index++) {
			struct export_dyno dyno = { .export = export, .type = type, .index = index };
			int code;

			(void)text_format(dyno.label, sizeof(dyno.label), "%s.%u", type->name, index);
			(void)text_format(dyno.port, sizeof(dyno.port), "%u", plan_port(type, index));
			(void)text_format(dyno.grace, sizeof(dyno.grace), "%" PRIu64 "ms", export->given.grace_ms);
			make_words(&dyno);
			code = each(&dyno, data, err);
			if (code < 0)
				return code;
		}
	}
	return 0;
}

FILE *export_open(const struct export *export, const char *below, const char *name, mode_t mode, struct dyno_error *err)
{
	_cleanup_close_ int dirfd = -1, fd = -1;
	FILE *out;

	if (below && mkdirat(export->location_fd, below, 0755) < 0 && errno != EEXIST) {
		error_set(err, -errno, "export", "cannot make the directory %.120s:", below);
		return NULL;
	}
	dirfd = openat(export->location_fd, below ? below : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd >= 0) {
		(void)unlinkat(dirfd, TEMPORARY, 0);
		fd = openat(dirfd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	}
	out = fd >= 0 && fchmod(fd, mode) == 0 ? fdopen(fd, "w") : NULL;
	if (!out) {
		error_set(err, -errno, "export", "cannot write %.80s in %.120s:", name, export->location);
		return NULL;
	}
	(void)TAKE_FD(fd);
	return out;
}

int export_close(const struct export *export, const char *below, const char *name, FILE *out, struct dyno_error *err)
{
	_cleanup_close_ int dirfd = openat(export->location_fd, below ? below : ".",
	                                   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool bad = ferror(out) != 0;
	int code = fclose(out) != 0 || bad ? -EIO : 0;

	if (code == 0 && (dirfd < 0 || renameat(dirfd, TEMPORARY, dirfd, name) < 0))
		code = -errno;
	if (code < 0)
		return error_set(err, code, "export", "cannot write %.80s in %.120s:", name, export->location);
	printf("writing: %s%s%s/%s\n", export->location, below ? "/" : "", below ? below : "", name);
	return 0;
}

/** open_location() - the directory, made if there is none. Return: 0 or negative errno */
static int open_location(struct export *export, struct dyno_error *err)
{
	if (mkdir(export->location, 0755) < 0 && errno != EEXIST)
		return error_set(err, -errno, "export", "cannot make the directory %.160s:", export->location);
	export->location_fd = open(export->location, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return export->location_fd < 0 ? error_set(err, -errno, "export", "cannot open %.160s:", export->location) : 0;
}

/** absolute_files() - the env files, which are named from where we are, each by a path of its own. Return: 0 or negative errno */
static int absolute_files(struct option_list *files, char **ret, struct dyno_error *err)
{
	_cleanup_free_ char *list = NULL;
	size_t size = 0;
	FILE *out = files->count > 0 ? open_memstream(&list, &size) : NULL;
	int code = 0;

	if (files->count == 0)
		return 0;
	for (size_t i = 0; out && i < files->count && code == 0; i++) {
		_cleanup_free_ char *copy = strdup(files->items[i]);
		char *name, *rest = copy, path[PATH_MAX];

		while (code == 0 && (name = strsep(&rest, ","))) {
			if (realpath(name, path))
				fprintf(out, "%s%s", ftell(out) > 0 ? "," : "", path);
			else
				code = error_set(err, -errno, "env", "cannot read %.160s:", name);
		}
	}
	if (!out || fclose(out) != 0)
		return error_set(err, -ENOMEM, "env", "no memory for names of files");
	files->items[0] = *ret = TAKE_PTR(list);
	files->count = 1;
	return code;
}

/** check() - what can be told before anything is written. Return: 0 or negative errno */
static int check(struct export *export, struct dyno_error *err)
{
	int code = recipe_check(&export->plan, err);

	if (code < 0)
		return code;
	if (plan_total(&export->plan) == 0) {
		error_set(err, -EINVAL, "export", "there is nothing to run: every process type has 0 dynos");
		error_remedy(err, "say how many: --formation web=1");
		return -EINVAL;
	}
	if (export->given.user &&
	    strspn(export->given.user, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
	            strlen(export->given.user))
		return error_set(err, -EINVAL, "user", "'%.40s' cannot be the name of a user", export->given.user);
	if (export->given.log && export->given.log[0] != '/')
		return error_set(err, -EINVAL, "log", "--log %.160s is no absolute path", export->given.log);
	if (export->given.procfile && !realpath(export->given.procfile, export->procfile))
		return error_set(err, -errno, "procfile", "cannot read %.160s:", export->given.procfile);
	/* a line of its own in any of these files would be somebody else's words */
	if (strpbrk(export->source.root, "\n\r") || strpbrk(export->procfile, "\n\r") ||
	    (export->given.log && strpbrk(export->given.log, "\n\r")))
		return error_set(err, -EINVAL, "export", "a path with a newline in it cannot be exported");
	code = self_dyno(export->dyno);
	return code < 0 ? error_set(err, code, "export", "cannot tell where the program dyno is:") : 0;
}

/** run() - with options read. Return: exit code */
static int run(struct export *export, const struct format *format)
{
	const struct export_given *given = &export->given;
	struct start_given start = { .net = -1,
		                     .app = given->app,
		                     .root = given->root,
		                     .procfile = given->procfile,
		                     .formation = given->formation,
		                     .size = given->size,
		                     .env_file = given->env_file,
		                     .port = given->port };
	struct formation_recipe recipe = { 0 };
	struct dyno_error err = { 0 };
	char *files = NULL;
	int code = recipe_source_open(&start, &export->source, &err);
	bool mistake = true;

	if (code == 0)
		code = recipe_make(&export->source, &recipe, &err);
	export->plan = recipe.plan;
	recipe.plan = (struct plan){ 0 };
	if (code == 0)
		code = absolute_files(&export->given.env_file, &files, &err);
	if (code == 0)
		code = check(export, &err);
	if (code == 0) {
		mistake = false;
		code = open_location(export, &err);
	}
	if (code == 0)
		code = format->write(export, &err);
	if (code < 0)
		code = mistake && code != -ENOMEM ? message_usage(&err) : message_error(NULL, &err);
	formation_recipe_done(&recipe);
	plan_done(&export->plan);
	recipe_source_close(&export->source);
	fd_close(export->location_fd);
	free(files);
	return code == 0 && fflush(stdout) != 0 ? EXIT_DYNO_FAILED : code;
}

int export_main(int argc, char **argv, uint64_t requested_ns)
{
	struct export export = { .given = { .grace_ms = GRACE_MS }, .source = { .dirfd = -1 }, .location_fd = -1 };
	const struct format *format;
	int count = 0, code = operands_parse("export", argc, argv, &export.given, &count);

	(void)requested_ns;
	if (code == VERB_CONTINUE && count != 2) {
		message_line(
			"dyno: export takes a format (systemd, supervisord or runit) and the directory to write to");
		code = EXIT_USAGE;
	}
	if (code == VERB_CONTINUE) {
		format = find(argv[1]);
		export.location = argv[2];
		export.data = getenv("DYNO_DATA_DIR");
		code = format ? run(&export, format) : EXIT_USAGE;
	}
	options_done(export_specs, &export.given);
	return code;
}
