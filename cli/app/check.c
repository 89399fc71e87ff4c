/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - `dyno check`: Procfile, .env, app.json, .profile and .profile.d, as foreman check and more */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/directory.h"
#include "cli/app/options.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "config/app_json.h"
#include "config/detect.h"
#include "config/dotenv.h"
#include "config/file.h"
#include "config/procfile.h"
#include "config/profile.h"

/* As large as `dyno run --env-file` takes. */
#define DOTENV_SIZE_MAX (6U << 20)

/**
 * struct check - the verb at work
 * @bad:      mistakes so far
 * @failed:   something that is no mistake of the app went wrong
 * @procfile: of the app, empty when it has none or a bad one
 */
struct check {
	struct app_directory dir;
	unsigned bad;
	bool failed;
	struct procfile procfile;
	struct detected detected;
};

/** hear() - print a mistake */
static void hear(void *data, const struct dyno_error *mistake)
{
	struct check *check = data;

	check->bad++;
	(void)message_error(NULL, mistake);
}

/** struct subject - one file under examination */
struct subject {
	char name[APP_NAME_MAX];
	struct mistakes m;
	char *text;
	size_t size;
};

/** read_subject() - read @file below @dirfd. Return: whether there is a text to examine; what cannot be read is a mistake */
static bool read_subject(struct check *check, int dirfd, const char *file, const char *shown, size_t max,
                         struct subject *ret)
{
	int code;

	*ret = (struct subject){ .m = { .hear = hear, .data = check } };
	ret->m.name = app_directory_name(&check->dir, shown, ret->name);
	code = file_read(dirfd, file, max, &ret->text, &ret->size);
	if (code == -ENOENT)
		return false;
	if (code == -EXDEV)
		(void)mistakes_add(&ret->m, 0, "it is a link that leads out of the app's directory");
	else if (code == -EFBIG)
		(void)mistakes_add(&ret->m, 0, "the file has more than %zu bytes", max);
	else if (code == -EINVAL)
		(void)mistakes_add(&ret->m, 0, "it is no regular file");
	else if (code < 0)
		(void)mistakes_add(&ret->m, 0, "it cannot be read: %s", error_describe(code));
	return code == 0;
}

/** done() - judge the outcome of a parser. Return: whether the file is valid */
static bool done(struct check *check, struct subject *subject, int code)
{
	free(subject->text);
	subject->text = NULL;
	if (code == 0 || code == -EINVAL)
		return code == 0;
	message_line("dyno: cannot check %s: %s", subject->name, error_describe(code));
	check->failed = true;
	return false;
}

/** check_procfile() - or, when there is none, that the language brings process types */
static void check_procfile(struct check *check)
{
	const struct detected *detected = &check->detected;
	struct subject subject;

	if (read_subject(check, check->dir.fd, "Procfile", "Procfile", PROCFILE_SIZE_MAX, &subject)) {
		if (!done(check, &subject, procfile_parse(subject.text, subject.size, &subject.m, &check->procfile)))
			return;
		fputs("valid procfile detected (", stdout);
		for (size_t i = 0; i < check->procfile.count; i++)
			printf("%s%s", i ? ", " : "", check->procfile.processes[i].type);
		puts(")");
		return;
	}
	if (subject.m.count > 0)
		return;
	if (detected->process_count == 0) {
		(void)mistakes_add(&subject.m, 0, "there is none, and nothing here brings default process types");
		return;
	}
	printf("no Procfile: %s brings default process types (", detected->languages[0].name);
	for (size_t i = 0; i < detected->process_count; i++)
		printf("%s%s", i ? ", " : "", detected->processes[i].type);
	puts(")");
}

/** check_dotenv() - names and values are not shown */
static void check_dotenv(struct check *check)
{
	struct subject subject;
	size_t count = 0;

	if (!read_subject(check, check->dir.fd, ".env", ".env", DOTENV_SIZE_MAX, &subject))
		return;
	if (done(check, &subject, dotenv_check(subject.text, subject.size, &subject.m, &count)))
		printf("valid .env detected (%zu variable%s)\n", count, count == 1 ? "" : "s");
}

/** has_type() - the app has process type @type; one with a Procfile that is no good has any */
static bool has_type(const struct check *check, const char *type)
{
	if (check->procfile.count > 0)
		return procfile_find(&check->procfile, type) != NULL;
	for (size_t i = 0; i < check->detected.process_count; i++)
		if (strcmp(check->detected.processes[i].type, type) == 0)
			return true;
	return check->detected.process_count == 0;
}

/** check_app_json() - Should: come after check_procfile(), for the formation is of its process types */
static void check_app_json(struct check *check)
{
	struct sizes sizes = { 0 };
	struct app_json app = { 0 };
	struct dyno_error err = { 0 };
	struct subject subject;
	bool valid;

	if (!read_subject(check, check->dir.fd, "app.json", "app.json", APP_JSON_SIZE_MAX, &subject))
		return;
	if (sizes_load(&sizes, &err) < 0)
		hear(check, &err);
	valid = done(check, &subject, app_json_parse(subject.text, subject.size, &sizes, &subject.m, &app));
	sizes_done(&sizes);
	if (!valid)
		return;
	for (size_t i = 0; i < app.type_count; i++)
		if (!has_type(check, app.types[i].type))
			(void)mistakes_add(&subject.m, app.types[i].line, "the app has no process type '%s'",
			                   app.types[i].type);
	if (subject.m.count == 0) {
		printf("valid app.json detected (%zu config var%s", app.var_count, app.var_count == 1 ? "" : "s");
		for (size_t i = 0; i < app.type_count; i++)
			printf("%s%s=%u", i ? " " : ", formation ", app.types[i].type, app.types[i].quantity);
		puts(")");
	}
	app_json_done(&app);
}

/** check_profile() - one script; @file below @dirfd is called @shown */
static void check_profile(struct check *check, int dirfd, const char *file, const char *shown)
{
	struct subject subject;
	int code;

	if (!read_subject(check, dirfd, file, shown, PROFILE_SIZE_MAX, &subject))
		return;
	code = profile_check(subject.text, subject.size, &subject.m);
	if (done(check, &subject, code == -ENOENT ? 0 : code))
		printf("valid %s detected%s\n", shown,
		       code == -ENOENT ? " (syntax unknown: there is no /bin/bash)" : "");
}

/** is_script() - what the dyno's shell reads of .profile.d */
static int is_script(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 3 && entry->d_name[0] != '.' && strcmp(entry->d_name + length - 3, ".sh") == 0;
}

/** check_profiles() - .profile.d in the order of its names, then .profile */
static void check_profiles(struct check *check)
{
	_cleanup_close_ int fd = file_open_directory(check->dir.fd, ".profile.d");
	struct dirent **list = NULL;
	int count = fd < 0 ? 0 : scandirat(fd, ".", &list, is_script, alphasort);

	for (int i = 0; i < count; i++) {
		char shown[sizeof(".profile.d/") + sizeof(list[i]->d_name)];

		(void)text_format(shown, sizeof(shown), ".profile.d/%s", list[i]->d_name);
		check_profile(check, fd, list[i]->d_name, shown);
		free(list[i]);
	}
	free(list);
	check_profile(check, check->dir.fd, ".profile", ".profile");
}

int check_main(int argc, char **argv, uint64_t requested_ns)
{
	struct check_given given = { 0 };
	struct check check = { .dir = { .fd = -1 } };
	int first = argc;
	int code = verb_parse("check", argc, argv, &given, &first);

	(void)requested_ns;
	if (code == VERB_CONTINUE)
		code = app_directory_open(argc - first, argv + first, &check.dir);
	if (code != VERB_CONTINUE)
		return code;
	detect_directory(check.dir.fd, &check.detected);
	check_procfile(&check);
	check_dotenv(&check);
	check_app_json(&check);
	check_profiles(&check);
	procfile_done(&check.procfile);
	check.dir.fd = fd_close(check.dir.fd);
	if (fflush(stdout) != 0 || check.failed)
		return EXIT_DYNO_FAILED;
	return check.bad > 0 ? EXIT_NEGATIVE : EXIT_OK;
}
