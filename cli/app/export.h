/* SPDX-License-Identifier: Apache-2.0 */
/* export.h - what the formats of `dyno export` are made from, and what makes them */
#ifndef CLI_APP_EXPORT_H
#define CLI_APP_EXPORT_H

#include <limits.h>
#include <stdio.h>

#include "cli/app/export_options.h"
#include "cli/app/recipe.h"

#define EXPORT_WORDS_MAX 32

/**
 * struct export - one app on its way out
 * @source, @plan: what is run
 * @dyno: path of the program
 * @data: DYNO_DATA_DIR, NULL without
 * @procfile: absolute
 * @location, @location_fd: directory that is written to
 */
struct export
{
	struct export_given given;
	struct recipe_source source;
	struct plan plan;
	char dyno[PATH_MAX];
	char procfile[PATH_MAX];
	const char *data;
	const char *location;
	int location_fd;
};

/**
 * struct export_dyno - one dyno of it
 * @label: "web.1"; @words: what runs it, NULL-terminated
 */
struct export_dyno {
	const struct export *export;
	const struct plan_type *type;
	unsigned index;
	char label[PROCFILE_TYPE_MAX + 16];
	const char *words[EXPORT_WORDS_MAX];
	char port[8];
	char grace[24];
	char env[PATH_MAX];
};

/** export_each() - call @each for each dyno, until it returns negative. Return: that, or 0 */
int export_each(const struct export *export,
                int (*each)(const struct export_dyno *dyno, void *data, struct dyno_error *err), void *data,
                struct dyno_error *err);

/** export_grace_s() - seconds that a supervisor has to wait for the end of a dyno */
unsigned export_grace_s(const struct export *export);

/** export_open() - begin file @name below the location, in the directory @below unless that is NULL. Return: NULL on failure */
FILE *export_open(const struct export *export, const char *below, const char *name, mode_t mode,
                  struct dyno_error *err);
/** export_close() - the file that @out is is complete: put it in its place, and say so. Return: 0 or negative errno */
int export_close(const struct export *export, const char *below, const char *name, FILE *out, struct dyno_error *err);

/** export_systemd(), export_supervisord(), export_runit() - write that format. Return: 0 or negative errno */
int export_systemd(const struct export *export, struct dyno_error *err);
int export_supervisord(const struct export *export, struct dyno_error *err);
int export_runit(const struct export *export, struct dyno_error *err);

#endif /* CLI_APP_EXPORT_H */
