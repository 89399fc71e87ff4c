/* SPDX-License-Identifier: Apache-2.0 */
/* export_systemd.c - `dyno export systemd`: APP.target, and APP-TYPE.N.service for each dyno, as foreman calls them */
#include <string.h>

#include "base/text.h"
#include "cli/app/export.h"

#define NAME_SIZE 256

/** put_word() - one word of a command line, see systemd.service(5), "Command lines"; a % would be a specifier, a $ a variable */
static void put_word(FILE *out, const char *word)
{
	fputc('"', out);
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			fputc('\\', out);
		else if (*word == '%' || *word == '$')
			fputc(*word, out);
		fputc(*word, out);
	}
	fputc('"', out);
}

/** put_path() - a value that is no command line: only a % means something */
static void put_path(FILE *out, const char *path)
{
	for (; *path; path++) {
		if (*path == '%')
			fputc('%', out);
		fputc(*path, out);
	}
	fputc('\n', out);
}

/** put_service() - the part of a unit that says how @dyno is run */
static void put_service(FILE *out, const struct export_dyno *dyno)
{
	const struct export *export = dyno->export;

	fputs("\n[Service]\nExecStart=", out);
	for (size_t i = 0; dyno->words[i]; i++) {
		fputs(i > 0 ? " " : "", out);
		put_word(out, dyno->words[i]);
	}
	fputs("\nWorkingDirectory=", out);
	put_path(out, export->source.root);
	if (export->given.user)
		fprintf(out, "User=%s\n", export->given.user);
	if (export->data) {
		fputs("Environment=", out);
		fputs("\"DYNO_DATA_DIR=", out);
		for (const char *c = export->data; *c; c++)
			fprintf(out, "%s%c", *c == '%' ? "%" : *c == '"' || *c == '\\' ? "\\" : "", *c);
		fputs("\"\n", out);
	}
	fprintf(out, "SyslogIdentifier=%s.%s\nStandardInput=null\n", export->source.app, dyno->label);
	if (export->given.log) {
		char file[PATH_MAX];

		(void)text_format(file, sizeof(file), "%s/%s-%s.log", export->given.log, export->source.app,
		                  dyno->label);
		fputs("StandardOutput=append:", out);
		put_path(out, file);
		fputs("StandardError=inherit\n", out);
	}
	/* 143: the end that a stop has, see `dyno run` */
	fprintf(out, "Restart=always\nRestartSec=1\nSuccessExitStatus=143\nKillMode=mixed\nTimeoutStopSec=%u\n",
	        export_grace_s(export));
	/* dynos have control groups of their own, as those of dyno-launcher.service */
	fputs("Delegate=yes\nOOMPolicy=continue\n", out);
}

/** write_unit() - of one dyno, in the shape that export_each() calls */
static int write_unit(const struct export_dyno *dyno, void *data, struct dyno_error *err)
{
	const struct export *export = dyno->export;
	char name[NAME_SIZE];
	FILE *out;

	(void)data;
	(void)text_format(name, sizeof(name), "%s-%s.service", export->source.app, dyno->label);
	out = export_open(export, NULL, name, 0644, err);
	if (!out)
		return err->code;
	fprintf(out,
	        "# Written by dyno export. Config vars are those of the store when it starts, and none is in here.\n"
	        "[Unit]\nDescription=%s of %s\nPartOf=%s.target\nAfter=network.target\nStartLimitIntervalSec=0\n",
	        dyno->label, export->source.app, export->source.app);
	put_service(out, dyno);
	return export_close(export, NULL, name, out, err);
}

/** put_wanted() - the target wants it, in the shape that export_each() calls */
static int put_wanted(const struct export_dyno *dyno, void *data, struct dyno_error *err)
{
	FILE *out = data;

	(void)err;
	fprintf(out, "Wants=%s-%s.service\n", dyno->export->source.app, dyno->label);
	return 0;
}

int export_systemd(const struct export *export, struct dyno_error *err)
{
	char name[NAME_SIZE];
	int code = export_each(export, write_unit, NULL, err);
	FILE *out;

	if (code < 0)
		return code;
	(void)text_format(name, sizeof(name), "%s.target", export->source.app);
	out = export_open(export, NULL, name, 0644, err);
	if (!out)
		return err->code;
	fprintf(out, "# Written by dyno export.\n[Unit]\nDescription=%s, its dynos\n", export->source.app);
	(void)export_each(export, put_wanted, out, err);
	fprintf(out, "\n[Install]\nWantedBy=%s\n", export->given.user ? "multi-user.target" : "default.target");
	return export_close(export, NULL, name, out, err);
}
