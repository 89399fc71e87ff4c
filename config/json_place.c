/* SPDX-License-Identifier: Apache-2.0 */
/**
 * json_place.c - see json_place.h
 *
 * One pass that looks at strings, braces and colons only: the text is known to be valid. It keeps two depths, of the
 * nesting and of the path: a key counts where the first is one more than the second.
 */
#include "config/json_place.h"

#include <stdbool.h>
#include <string.h>

/**
 * struct walk - where we are
 * @depth: objects and arrays around @at
 * @found: keys of the path that enclose @at
 * @place: line of the last of them
 */
struct walk {
	const char *at;
	const char *end;
	unsigned long line;
	unsigned long place;
	size_t depth;
	size_t found;
};

/** skip_string() - from an opening quote to after the closing one. Return: length of what is between */
static size_t skip_string(struct walk *w)
{
	const char *start = ++w->at;

	while (w->at < w->end && *w->at != '"')
		w->at += *w->at == '\\' && w->at + 1 < w->end ? 2 : 1;
	if (w->at < w->end)
		w->at++;
	return (size_t)(w->at - start) - 1;
}

/** colon_follows() - the string before @w->at is a key */
static bool colon_follows(const struct walk *w)
{
	const char *at = w->at;

	while (at < w->end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
		at++;
	return at < w->end && *at == ':';
}

/** at_string() - take a string; note it when it is the next key of @path, in the object of the one before */
static void at_string(struct walk *w, const char *const *path)
{
	const char *start = w->at + 1, *key = path[w->found];
	size_t length = skip_string(w);

	if (!key || w->depth != w->found + 1 || !colon_follows(w))
		return;
	if (strlen(key) != length || memcmp(key, start, length) != 0)
		return;
	w->found++;
	w->place = w->line;
}

unsigned long json_place(const char *text, size_t size, const char *const *path)
{
	struct walk w = { .at = text, .end = text + size, .line = 1, .place = 1 };

	while (w.at < w.end && path[w.found]) {
		if (*w.at == '"') {
			at_string(&w, path);
			continue;
		}
		if (*w.at == '{' || *w.at == '[')
			w.depth++;
		/* the object of the last key that was found ends here: its successor is not in it */
		if ((*w.at == '}' || *w.at == ']') && w.depth-- == w.found)
			break;
		/* the value of the last key that was found is no object */
		if (*w.at == ',' && w.found > 0 && w.depth == w.found)
			break;
		w.line += *w.at == '\n';
		w.at++;
	}
	return w.place;
}
