/* SPDX-License-Identifier: Apache-2.0 */
/**
 * dotenv.h - env files, as foreman and the dotenv libraries read them
 *
 * - A line is KEY=VALUE, optionally after `export `; empty lines and lines that begin with # are skipped. White space
 *   before the key and around the = does not matter. Lines end in LF or CRLF; a UTF-8 byte order mark is skipped.
 * - Keys are [A-Za-z_][A-Za-z0-9_]*.
 * - 'single quotes': every character stands for itself. There is no way to put a single quote in.
 * - "double quotes": \n is a newline, \" a quote, \\ a backslash; a backslash before anything else stands for itself.
 * - A quoted value may go on over several lines (CRLF within it becomes LF); after its closing quote only white space
 *   and a comment may follow.
 * - An unquoted value ends with the line or before a # that follows white space, and loses white space at both ends.
 *   Quotes and backslashes in its middle stand for themselves.
 * - $NAME and `command` are not expanded, anywhere: a value means the same whoever reads it.
 * - Anything else is an error that names the line. NUL bytes are errors: no environment can hold them.
 */
#ifndef CONFIG_DOTENV_H
#define CONFIG_DOTENV_H

#include <stddef.h>

#include "dyno.h"

/**
 * dotenv_parse() - call @each for every variable of an env file
 * @text, @size: the file's content; needs no terminator
 * @name: the file's name, for messages
 * @each: gets "KEY=VALUE", valid during the call; a negative return ends the parse and is returned; its error is given
 *        the file and line in front
 * @err:  names file and line, never a value
 * Return: 0, -EINVAL for a malformed line, or negative errno
 */
int dotenv_parse(const char *text, size_t size, const char *name,
                 int (*each)(void *data, const char *pair, struct dyno_error *err), void *data, struct dyno_error *err);

#endif /* CONFIG_DOTENV_H */
