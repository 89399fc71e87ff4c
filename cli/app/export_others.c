/* SPDX-License-Identifier: Apache-2.0 */
/* export_others.c - `dyno export supervisord` and `dyno export runit` */
#include <string.h>

#include "base/text.h"
#include "cli/app/export.h"
#include "config/quote.h"

#define NAME_SIZE 256

/** log_directory() - of --log, else foreman's. Return: @buf */
static const char *log_directory(const struct export *export, char buf[static PATH_MAX])
{
	(void)text_format(buf, PATH_MAX, "%s%s", export->given.log ? export->given.log : "/var/log/",
	                  export->given.log ? "" : export->source.app);
	return buf;
}

/* ---- supervisord: http://supervisord.org/configuration.html ------------------------------------------------------- */

/** put_doubled() - @text with each % twice: supervisord expands %(name)s */
static void put_doubled(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '%')
			fputc('%', out);
		fputc(*text, out);
	}
}

/** put_quoted() - a word as supervisord's shlex reads it */
static void put_quoted(FILE *out, const char *word)
{
	fputc('"', out);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			fputc('\\', out);
		if (*word == '%')
			fputc('%', out);
		fputc(*word, out);
	}
	fputc('"', out);
}

/** put_program() - one dyno, in the shape that export_each() calls */
static int put_program(const struct export_dyno *dyno, void *data, struct dyno_error *err)
{
	const struct export *export = dyno->export;
	char log[PATH_MAX];
	FILE *out = data;

	(void)err;
	fprintf(out, "[program:%s-%s-%u]\ncommand=", export->source.app, dyno->type->name, dyno->index);
	for (size_t i = 0; dyno->words[i]; i++) {
		fputs(i > 0 ? " " : "", out);
		put_quoted(out, dyno->words[i]);
	}
	fputs("\ndirectory=", out);
	put_doubled(out, export->source.root);
	fprintf(out, "\nautostart=true\nautorestart=true\nstartsecs=1\nstopsignal=TERM\nstopwaitsecs=%u\n",
	        export_grace_s(export));
	if (export->given.user)
		fprintf(out, "user=%s\n", export->given.user);
	if (export->data) {
		fputs("environment=DYNO_DATA_DIR=", out);
		put_quoted(out, export->data);
		fputc('\n', out);
	}
	fputs("redirect_stderr=true\nstdout_logfile=", out);
	put_doubled(out, log_directory(export, log));
	fprintf(out, "/%s-%u.log\n\n", dyno->type->name, dyno->index);
	return 0;
}

/** struct members - of the group, as they are written; @more: there was one before */
struct members {
	FILE *out;
	bool more;
};

/** put_member() - its name in the group, in the shape that export_each() calls */
static int put_member(const struct export_dyno *dyno, void *data, struct dyno_error *err)
{
	struct members *members = data;

	(void)err;
	fprintf(members->out, "%s%s-%s-%u", members->more ? "," : "", dyno->export->source.app, dyno->type->name,
	        dyno->index);
	members->more = true;
	return 0;
}

int export_supervisord(const struct export *export, struct dyno_error *err)
{
	char name[NAME_SIZE];
	FILE *out;

	(void)text_format(name, sizeof(name), "%s.conf", export->source.app);
	out = export_open(export, NULL, name, 0644, err);
	if (!out)
		return err->code;
	fputs("; Written by dyno export. Config vars are those of the store when a dyno starts, and none is in here.\n",
	      out);
	(void)export_each(export, put_program, out, err);
	fprintf(out, "[group:%s]\nprograms=", export->source.app);
	(void)export_each(export, put_member, &(struct members){ .out = out }, err);
	fputc('\n', out);
	return export_close(export, NULL, name, out, err);
}

/* ---- runit: http://smarden.org/runit/runsv.8.html ------------------------------------------------------------------ */

/** put_run() - what runs @dyno */
static void put_run(FILE *out, const struct export_dyno *dyno)
{
	const struct export *export = dyno->export;

	fputs("#!/bin/sh\n# Written by dyno export. Config vars are those of the store when it starts, and none is in here.\nset -e\ncd ",
	      out);
	quote_shell(out, export->source.root);
	fputs("\nexec 2>&1 </dev/null\n", out);
	if (export->data) {
		fputs("export DYNO_DATA_DIR=", out);
		quote_shell(out, export->data);
		fputc('\n', out);
	}
	fputs("exec", out);
	if (export->given.user)
		fprintf(out, " chpst -u %s", export->given.user);
	for (size_t i = 0; dyno->words[i]; i++) {
		fputc(' ', out);
		quote_shell(out, dyno->words[i]);
	}
	fputc('\n', out);
}

/** put_log() - what writes its log */
static void put_log(FILE *out, const struct export_dyno *dyno)
{
	const struct export *export = dyno->export;
	char log[PATH_MAX], place[PATH_MAX + NAME_SIZE];

	(void)text_format(place, sizeof(place), "%s/%s-%u", log_directory(export, log), dyno->type->name, dyno->index);
	fputs("#!/bin/sh\n# Written by dyno export.\nset -e\nlog=", out);
	quote_shell(out, place);
	fputs("\nmkdir -p \"$log\"\n", out);
	if (export->given.user)
		fprintf(out, "chown %s \"$log\"\nexec chpst -u %s svlogd -tt \"$log\"\n", export->given.user,
		        export->given.user);
	else
		fputs("exec svlogd -tt \"$log\"\n", out);
}

/** write_service() - the directory of one dyno, in the shape that export_each() calls */
static int write_service(const struct export_dyno *dyno, void *data, struct dyno_error *err)
{
	const struct export *export = dyno->export;
	char directory[NAME_SIZE], log[NAME_SIZE + 8];
	FILE *out;
	int code;

	(void)data;
	(void)text_format(directory, sizeof(directory), "%s-%s-%u", export->source.app, dyno->type->name, dyno->index);
	(void)text_format(log, sizeof(log), "%s/log", directory);
	out = export_open(export, directory, "run", 0755, err);
	if (!out)
		return err->code;
	put_run(out, dyno);
	code = export_close(export, directory, "run", out, err);
	out = code == 0 ? export_open(export, log, "run", 0755, err) : NULL;
	if (!out)
		return err->code;
	put_log(out, dyno);
	return export_close(export, log, "run", out, err);
}

int export_runit(const struct export *export, struct dyno_error *err)
{
	return export_each(export, write_service, NULL, err);
}
