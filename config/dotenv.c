/* SPDX-License-Identifier: Apache-2.0 */
/**
 * dotenv.c - see dotenv.h for the rules
 *
 * One pass over the text with a cursor. Each variable is built in one buffer as large as the text: no rule makes a
 * value longer than it is written, so that nothing need be checked while building.
 */
#include "config/dotenv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "config/environment.h"

/**
 * struct cursor - where the parse is
 * @at, @end: the rest of the text
 * @line: number of the line @at is in
 * @pair, @used: the variable under construction
 * @m:    the file's name, and who hears of its mistakes
 */
struct cursor {
	const char *at;
	const char *end;
	unsigned long line;
	char *pair;
	size_t used;
	struct mistakes *m;
};

/** malformed() - the one way a line is refused; @why never holds a piece of the text, which may be a secret */
static int malformed(const struct cursor *c, unsigned long line, const char *why)
{
	return mistakes_add(c->m, line, "%s", why);
}

/** at_line_end() - at LF, at CRLF, or at the end of the text */
static bool at_line_end(const struct cursor *c)
{
	return c->at == c->end || *c->at == '\n' || (*c->at == '\r' && (c->at + 1 == c->end || c->at[1] == '\n'));
}

/** at_blank() - at a space or tab */
static bool at_blank(const struct cursor *c)
{
	return c->at < c->end && (*c->at == ' ' || *c->at == '\t');
}

/** skip_blanks() - over spaces and tabs, within the line */
static void skip_blanks(struct cursor *c)
{
	while (at_blank(c))
		c->at++;
}

/** skip_line() - to the start of the next line */
static void skip_line(struct cursor *c)
{
	const char *newline = memchr(c->at, '\n', (size_t)(c->end - c->at));

	c->at = newline ? newline + 1 : c->end;
	c->line++;
}

/** put() - add @character to the pair, which has room for all there is to come */
static void put(struct cursor *c, char character)
{
	c->pair[c->used++] = character;
}

/** skip_export() - the word export and the white space after it; "export=1" is a variable of that name */
static void skip_export(struct cursor *c)
{
	static const char word[] = "export";
	struct cursor after = *c;

	if ((size_t)(c->end - c->at) < sizeof(word) || memcmp(c->at, word, sizeof(word) - 1) != 0)
		return;
	after.at += sizeof(word) - 1;
	if (!at_blank(&after))
		return;
	skip_blanks(&after);
	if (after.at < after.end && *after.at != '=')
		c->at = after.at;
}

/** read_key() - the key and the =, into the pair */
static int read_key(struct cursor *c)
{
	const char *start = c->at;
	size_t length;

	while (!at_line_end(c) && !at_blank(c) && *c->at != '=')
		c->at++;
	length = (size_t)(c->at - start);
	skip_blanks(c);
	if (at_line_end(c) || *c->at != '=')
		return malformed(c, c->line, "no KEY=VALUE");
	if (!environment_key_valid(start, length))
		return malformed(c, c->line, "a name is letters, digits and underscores and begins with no digit");
	c->at++;
	memcpy(c->pair, start, length);
	c->used = length;
	put(c, '=');
	return 0;
}

/** read_unquoted() - the rest of the line without comment and outer white space */
static void read_unquoted(struct cursor *c)
{
	size_t empty = c->used;
	bool blank = c->at[-1] != '=';

	while (!at_line_end(c) && !(blank && *c->at == '#')) {
		blank = at_blank(c);
		put(c, *c->at++);
	}
	while (c->used > empty && (c->pair[c->used - 1] == ' ' || c->pair[c->used - 1] == '\t'))
		c->used--;
}

/** read_quoted() - from the opening quote to what follows the closing one */
static int read_quoted(struct cursor *c)
{
	unsigned long opened = c->line;
	char quote = *c->at++;

	for (; c->at < c->end && *c->at != quote; c->at++) {
		char next = c->at + 1 < c->end ? c->at[1] : '\0';

		if (*c->at == '\n')
			c->line++;
		if (*c->at == '\r' && next == '\n')
			continue;
		if (quote == '"' && *c->at == '\\' && (next == 'n' || next == '"' || next == '\\')) {
			put(c, next == 'n' ? '\n' : next);
			c->at++;
			continue;
		}
		put(c, *c->at);
	}
	if (c->at == c->end)
		return malformed(c, opened, "the quote is not closed");
	c->at++;
	skip_blanks(c);
	if (!at_line_end(c) && *c->at != '#')
		return malformed(c, c->line, "there is text after the closing quote");
	return 0;
}

/** read_pair() - one line that is neither empty nor a comment (several, when a quoted value goes on) */
static int read_pair(struct cursor *c)
{
	unsigned long line = c->line;
	int code;

	skip_export(c);
	code = read_key(c);
	if (code < 0)
		return code;
	skip_blanks(c);
	if (c->at < c->end && (*c->at == '"' || *c->at == '\''))
		code = read_quoted(c);
	else
		read_unquoted(c);
	if (code < 0)
		return code;
	if (memchr(c->pair, '\0', c->used))
		return malformed(c, line, "there is a NUL byte in the value");
	put(c, '\0');
	return 0;
}

/** add_place() - put file and line before the sentence of @err */
static void add_place(const struct cursor *c, unsigned long line, struct dyno_error *err)
{
	char text[sizeof(err->text)];

	if (!err)
		return;
	memcpy(text, err->text, sizeof(text));
	snprintf(err->text, sizeof(err->text), "%.80s:%lu: %.200s", c->m->name, line, text);
}

/** typedef pair_fn - what is done with each variable, see dotenv_parse() */
typedef int pair_fn(void *data, const char *pair, struct dyno_error *err);

/** read_pairs() - all of the text at @c; after a mistake go on with the line after the one in which it began */
static int read_pairs(struct cursor *c, pair_fn *each, void *data, struct dyno_error *err)
{
	for (; c->at < c->end; skip_line(c)) {
		struct cursor start = *c;
		int code;

		skip_blanks(c);
		if (at_line_end(c) || *c->at == '#')
			continue;
		if (read_pair(c) < 0) {
			if (mistakes_enough(c->m))
				return -EINVAL;
			*c = start;
			continue;
		}
		code = each(data, c->pair, err);
		if (code < 0) {
			add_place(c, start.line, err);
			return code;
		}
	}
	return 0;
}

/** parse() - dotenv_parse() with @m */
static int parse(const char *text, size_t size, struct mistakes *m, pair_fn *each, void *data, struct dyno_error *err)
{
	_cleanup_free_ char *pair = malloc(size + 1);
	struct cursor c = { .at = text, .end = text + size, .line = 1, .pair = pair, .m = m };

	if (!pair)
		return error_set(err, -ENOMEM, "env file", "%s:", m->name);
	if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		c.at += 3;
	return read_pairs(&c, each, data, err);
}

int dotenv_parse(const char *text, size_t size, const char *name,
                 int (*each)(void *data, const char *pair, struct dyno_error *err), void *data, struct dyno_error *err)
{
	struct mistakes m = { .name = name, .first = err };

	return parse(text, size, &m, each, data, err);
}

/** count_pair() - in the shape that is called for each variable */
static int count_pair(void *data, const char *pair, struct dyno_error *err)
{
	(void)pair;
	(void)err;
	++*(size_t *)data;
	return 0;
}

int dotenv_check(const char *text, size_t size, struct mistakes *m, size_t *ret_count)
{
	unsigned before = m->count;
	size_t count = 0;
	int code = parse(text, size, m, count_pair, &count, m->first);

	if (code == 0 && m->count > before)
		code = -EINVAL;
	if (code == 0)
		*ret_count = count;
	return code;
}
