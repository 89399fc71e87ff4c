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
 *
 * Where the peers differ (read in foreman 0.87, Ruby's dotenv 2.4, python-dotenv 0.21, node-foreman of `heroku local`):
 *
 *     a line that is no KEY=VALUE   foreman, dotenv and python-dotenv skip it or warn; an error here
 *     white space around the =      foreman skips such a line, and `export` too; the others take it
 *     A=1 # x                       foreman: "1 # x"; the others "1"
 *     A=x#y                         dotenv and heroku local: "x"; foreman and python-dotenv "x#y", as here
 *     unquoted, trailing space      foreman keeps it; the others do not
 *     A="a\tb"                      foreman and dotenv: "atb"; python-dotenv: a tab; heroku local: as written, as here
 *     A='it\'s'                     python-dotenv: "it's"; foreman keeps the backslash; an error here
 *     A="x" y                       heroku local drops the y, foreman and dotenv keep all of it; an error here
 *     lines within quotes           python-dotenv as here; the others end the value with the line
 *     $NAME, ${NAME}, $(command)    dotenv expands all, python-dotenv ${NAME}; foreman and heroku local do not
 *     A: 1, a.b=1, 9=1              dotenv takes all, python-dotenv the last two, foreman the last; errors here
 *
 * A file in which values with spaces, #, $, quotes or backslashes stand in single quotes, one line each, reads the same
 * in all of them.
 */
#ifndef CONFIG_DOTENV_H
#define CONFIG_DOTENV_H

#include <stddef.h>

#include "config/mistakes.h"

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

/**
 * dotenv_check() - read all of an env file, going on after a malformed line if @m wants to hear of more
 * @ret_count: number of variables
 * Return: 0, -EINVAL (see @m), or -ENOMEM
 */
int dotenv_check(const char *text, size_t size, struct mistakes *m, size_t *ret_count);

#endif /* CONFIG_DOTENV_H */
