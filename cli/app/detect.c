/* SPDX-License-Identifier: Apache-2.0 */
/* detect.c - `dyno detect`: what an app is written in and why, and what would be run */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/app/directory.h"
#include "cli/app/options.h"
#include "cli/message.h"
#include "cli/verb.h"
#include "config/detect.h"
#include "config/file.h"
#include "config/procfile.h"

/** struct findings - @procfile is empty when there is none, or none that can be read */
struct findings {
	struct detected detected;
	struct procfile procfile;
};

/** load_procfile() - the Procfile of @dir, if it has one. Return: 0, or negative errno after a message */
static int load_procfile(const struct app_directory *dir, struct procfile *ret)
{
	char name[APP_NAME_MAX];
	struct dyno_error err = { 0 };
	struct mistakes m = { .name = app_directory_name(dir, "Procfile", name), .first = &err };
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int code = file_read(dir->fd, "Procfile", PROCFILE_SIZE_MAX, &text, &size);

	if (code == -ENOENT)
		return 0;
	if (code == 0)
		code = procfile_parse(text, size, &m, ret);
	else
		(void)error_set(&err, code, "config", "cannot read %s:", name);
	if (code < 0) {
		error_remedy(&err, "dyno check tells of all mistakes");
		(void)message_error(NULL, &err);
	}
	return code;
}

/** print_language() - for people */
static void print_language(const struct detect_language *language)
{
	printf("%s%s%s (%s)\n", language->name, language->framework ? "/" : "",
	       language->framework ? language->framework : "", language->buildpack);
	for (size_t i = 0; i < language->file_count; i++)
		printf("  %-24s %s\n", language->files[i].path, language->files[i].says);
	if (language->lacks)
		printf("  missing: %s\n", language->lacks);
}

/** print_plain() - print @text, which came out of a file, without what would steer the caller's terminal */
static void print_plain(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
	putchar('\n');
}

/** print_text() - all findings for people */
static void print_text(const struct findings *found)
{
	const struct detected *detected = &found->detected;

	for (size_t i = 0; i < detected->count; i++)
		print_language(&detected->languages[i]);
	if (detected->count == 0)
		puts("no language was recognized");
	if (detected->count > 1)
		printf("several languages match: the first counts, %s\n", detected->languages[0].name);
	if (found->procfile.count > 0)
		puts("process types of the Procfile:");
	else if (detected->process_count > 0)
		printf("no Procfile; default process types of %s:\n", detected->languages[0].name);
	else
		puts("no Procfile, and no default process types");
	for (size_t i = 0; i < found->procfile.count; i++) {
		printf("  %s: ", found->procfile.processes[i].type);
		print_plain(found->procfile.processes[i].command);
	}
	for (size_t i = 0; i < detected->process_count && found->procfile.count == 0; i++)
		printf("  %s: %s\n", detected->processes[i].type, detected->processes[i].command);
}

/** json_member() - "name":"text", or null */
static void json_member(const char *before, const char *name, const char *text)
{
	printf("%s\"%s\":", before, name);
	if (text)
		text_json(stdout, text);
	else
		fputs("null", stdout);
}

/** json_language() - for programs */
static void json_language(const struct detect_language *language)
{
	json_member("{", "name", language->name);
	json_member(",", "framework", language->framework);
	json_member(",", "buildpack", language->buildpack);
	json_member(",", "missing", language->lacks);
	fputs(",\"files\":[", stdout);
	for (size_t i = 0; i < language->file_count; i++)
		json_member(i ? "},{" : "{", "path", language->files[i].path);
	fputs("}]}", stdout);
}

/** json_process() - for programs */
static void json_process(const char *before, const char *type, const char *command)
{
	fputs(before, stdout);
	json_member("{", "type", type);
	json_member(",", "command", command);
	putchar('}');
}

/** print_json() - all findings for programs */
static void print_json(const struct findings *found)
{
	const struct detected *detected = &found->detected;

	fputs("{\"languages\":[", stdout);
	for (size_t i = 0; i < detected->count; i++) {
		fputs(i ? "," : "", stdout);
		json_language(&detected->languages[i]);
	}
	printf("],\"processes_from\":\"%s\",\"processes\":[", found->procfile.count > 0 ? "Procfile" : "defaults");
	for (size_t i = 0; i < found->procfile.count; i++)
		json_process(i ? "," : "", found->procfile.processes[i].type, found->procfile.processes[i].command);
	for (size_t i = 0; i < detected->process_count && found->procfile.count == 0; i++)
		json_process(i ? "," : "", detected->processes[i].type, detected->processes[i].command);
	puts("]}");
}

int detect_main(int argc, char **argv, uint64_t requested_ns)
{
	struct detect_given given = { 0 };
	struct app_directory dir = { .fd = -1 };
	struct findings found = { 0 };
	int first = argc;
	int code = verb_parse("detect", argc, argv, &given, &first);

	(void)requested_ns;
	if (code == VERB_CONTINUE)
		code = app_directory_open(argc - first, argv + first, &dir);
	if (code != VERB_CONTINUE)
		return code;
	detect_directory(dir.fd, &found.detected);
	code = load_procfile(&dir, &found.procfile) < 0 ? EXIT_NEGATIVE : EXIT_OK;
	if (given.json)
		print_json(&found);
	else
		print_text(&found);
	procfile_done(&found.procfile);
	dir.fd = fd_close(dir.fd);
	if (fflush(stdout) != 0)
		return EXIT_DYNO_FAILED;
	return found.detected.count > 0 ? code : EXIT_NEGATIVE;
}
