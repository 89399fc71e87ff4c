/* SPDX-License-Identifier: Apache-2.0 */
/**
 * report.h - what `dyno run` tells about a dyno: how its boot went, and what it left behind
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "dyno.h"

/** enum report_format - forms of a timeline; the order of the choices of --timeline */
enum report_format { REPORT_NONE, REPORT_TEXT, REPORT_JSON, REPORT_CHROME };

/**
 * report_timeline_print() - print @timeline to @out
 * @format: TEXT for people; JSON, one object; CHROME, the trace-event format that chrome://tracing and Perfetto read
 */
void report_timeline_print(FILE *out, enum report_format format, const char *name,
                           const struct dyno_timeline *timeline);

/**
 * report_timeline() - the same into a file, or on standard error in one write
 * @path: NULL for standard error
 */
int report_timeline(enum report_format format, const char *name, const struct dyno_timeline *timeline, const char *path,
                    struct dyno_error *err);

/**
 * report_places() - say where the app is reached: where it is published, else at its own address
 * @places:  as dyno_published() gives them, ended by NULL
 * @address: "" without; @port: 0 without
 */
void report_places(const char *const *places, const char *address, uint16_t port);

/**
 * report_discarded_line() - the line about what a dyno wrote, e.g. "discarded 3 files, 1.2 MiB (largest /app/uploads/a.png)"
 * @kept: directory into which it was saved, NULL when it is gone
 * Return: length of the line, 0 when nothing was written and there is nothing to say
 */
int report_discarded_line(const struct dyno_discarded *discarded, const char *kept, char *buf, size_t size);

/** report_discarded() - say on standard error what the exited @dyno wrote; @diff: path by path first */
int report_discarded(struct dyno *dyno, bool diff, const char *kept, struct dyno_error *err);

#endif /* CLI_REPORT_H */
