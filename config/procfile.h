/* SPDX-License-Identifier: Apache-2.0 */
/**
 * procfile.h - what an app runs: process types and their commands (https://devcenter.heroku.com/articles/procfile)
 *
 * - A line is TYPE: COMMAND. A type is 1 to 128 letters, digits, underscores and dashes, and begins its line.
 * - The command is all that follows the colon, without white space at both ends. It is shell text: # and quotes in it
 *   mean what they mean to the shell, and nothing is expanded here.
 * - Empty lines and lines whose first character but white space is # are skipped. Lines end in LF or CRLF; a UTF-8 byte
 *   order mark is skipped.
 * - A type stands there once; the second is refused with the lines of both.
 *
 * Where the peers differ: foreman skips every line that is no entry, so that "wbe web: x" or an indented "web:" are
 * processes that silently never start, and starts both of two equal types; `heroku local` gives up with an error of
 * JavaScript on the former and takes the last of the latter. Here all of these are mistakes. Every file without such
 * lines reads the same in all of them.
 */
#ifndef CONFIG_PROCFILE_H
#define CONFIG_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/mistakes.h"

#define PROCFILE_SIZE_MAX (1U << 20)
#define PROCFILE_TYPES_MAX 512
#define PROCFILE_TYPE_MAX 128
/* It becomes one argument of a shell, of which the kernel takes 128 KiB (MAX_ARG_STRLEN) with what we put before it. */
#define PROCFILE_COMMAND_MAX (96U << 10)

/**
 * struct procfile_process - one entry
 * @line: where it stands, from 1
 */
struct procfile_process {
	const char *type;
	const char *command;
	unsigned long line;
};

/** struct procfile - the entries in the order of the file; owned */
struct procfile {
	struct procfile_process *processes;
	size_t count;
	char *text; /* what the strings point into */
};

/** procfile_type_valid() - @type can be the name of a process type: ^[-A-Za-z0-9_]{1,128}$ */
bool procfile_type_valid(const char *type, size_t length);

/**
 * procfile_parse() - read the text of a Procfile
 * @text, @size: needs no terminator
 * Return: 0, -EINVAL (see @m), or -ENOMEM. A file without a process is a mistake.
 */
int procfile_parse(const char *text, size_t size, struct mistakes *m, struct procfile *ret);

/** procfile_find() - the entry of type @type, NULL if there is none */
const struct procfile_process *procfile_find(const struct procfile *file, const char *type);

/** procfile_done() - free what it owns; one that is all zero is fine */
void procfile_done(struct procfile *file);

#endif /* CONFIG_PROCFILE_H */
