/* SPDX-License-Identifier: Apache-2.0 */
/**
 * procfile.c - see procfile.h for the grammar
 *
 * One pass over a copy of the text, line by line; the entries point into the copy, where terminators are put.
 */
#include "config/procfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

/** struct parse - @file, under construction, and where its mistakes go */
struct parse {
	struct procfile file;
	struct mistakes *m;
};

/** is_blank() - a space or tab */
static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/** is_type_character() - one of [-A-Za-z0-9_] */
static bool is_type_character(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool procfile_type_valid(const char *type, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_type_character(type[i]))
			return false;
	return length > 0 && length <= PROCFILE_TYPE_MAX;
}

/** check_type() - the @length bytes at @type, up to the colon, are a type that was not yet there */
static int check_type(struct parse *p, const char *type, size_t length, unsigned long line)
{
	if (is_blank(*type))
		return mistakes_add(p->m, line, "there is white space before the process type");
	if (length > 0 && is_blank(type[length - 1]))
		return mistakes_add(p->m, line, "there is white space between the process type and the colon");
	if (length > PROCFILE_TYPE_MAX)
		return mistakes_add(p->m, line, "the process type has %zu characters; it may have %d", length,
		                    PROCFILE_TYPE_MAX);
	if (!procfile_type_valid(type, length))
		return mistakes_add(p->m, line, "a process type is letters, digits, underscores and dashes");
	for (size_t i = 0; i < p->file.count; i++) {
		const struct procfile_process *other = &p->file.processes[i];

		if (strlen(other->type) == length && memcmp(other->type, type, length) == 0)
			return mistakes_add(p->m, line, "process type '%s' was there already, in line %lu", other->type,
			                    other->line);
	}
	return 0;
}

/** check_command() - a command of @length bytes can be given to a shell */
static int check_command(struct parse *p, size_t length, const char *type, unsigned long line)
{
	if (length == 0)
		return mistakes_add(p->m, line, "process type '%s' has no command", type);
	if (length > PROCFILE_COMMAND_MAX)
		return mistakes_add(p->m, line, "the command of '%s' has %zu bytes; it may have %u", type, length,
		                    PROCFILE_COMMAND_MAX);
	return 0;
}

/** read_entry() - one line that is neither empty nor a comment, from @at to @end, white space at its end removed */
static int read_entry(struct parse *p, char *at, char *end, unsigned long line)
{
	char *colon = memchr(at, ':', (size_t)(end - at));
	char *command;

	if (memchr(at, '\0', (size_t)(end - at)))
		return mistakes_add(p->m, line, "there is a NUL byte");
	if (memchr(at, '\r', (size_t)(end - at)))
		return mistakes_add(p->m, line, "there is a carriage return that ends no line");
	if (!colon)
		return mistakes_add(p->m, line, "this is no TYPE: COMMAND");
	if (check_type(p, at, (size_t)(colon - at), line) < 0)
		return -EINVAL;
	*colon = '\0';
	*end = '\0';
	command = colon + 1;
	while (is_blank(*command))
		command++;
	if (check_command(p, (size_t)(end - command), at, line) < 0)
		return -EINVAL;
	if (p->file.count == PROCFILE_TYPES_MAX)
		return mistakes_add(p->m, line, "there are more than %d process types", PROCFILE_TYPES_MAX);
	p->file.processes[p->file.count++] = (struct procfile_process){ at, command, line };
	return 0;
}

/** read_lines() - all of the text; @text has one byte more than @size, for the last terminator */
static void read_lines(struct parse *p, char *text, size_t size)
{
	char *end = text + size, *next;
	unsigned long line = 1;

	for (char *at = text; at < end && !mistakes_enough(p->m); at = next, line++) {
		char *newline = memchr(at, '\n', (size_t)(end - at));
		char *stop = newline ? newline : end, *first = at;

		next = newline ? newline + 1 : end;
		if (stop > at && stop[-1] == '\r')
			stop--;
		while (stop > at && is_blank(stop[-1]))
			stop--;
		while (first < stop && is_blank(*first))
			first++;
		if (first < stop && *first != '#')
			(void)read_entry(p, at, stop, line);
	}
}

int procfile_parse(const char *text, size_t size, struct mistakes *m, struct procfile *ret)
{
	unsigned before = m->count;
	struct parse p = { .m = m };

	if (size > PROCFILE_SIZE_MAX)
		return mistakes_add(m, 0, "the file has more than %u bytes", PROCFILE_SIZE_MAX);
	if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		text += 3;
		size -= 3;
	}
	p.file.text = malloc(size + 1);
	p.file.processes = calloc(PROCFILE_TYPES_MAX, sizeof(*p.file.processes));
	if (!p.file.text || !p.file.processes) {
		procfile_done(&p.file);
		return -ENOMEM;
	}
	if (size > 0)
		memcpy(p.file.text, text, size);
	p.file.text[size] = '\0';
	read_lines(&p, p.file.text, size);
	if (p.file.count == 0 && m->count == before)
		(void)mistakes_add(m, 0, "no process types are defined");
	if (m->count > before) {
		procfile_done(&p.file);
		return -EINVAL;
	}
	*ret = p.file;
	return 0;
}

const struct procfile_process *procfile_find(const struct procfile *file, const char *type)
{
	for (size_t i = 0; i < file->count; i++)
		if (strcmp(file->processes[i].type, type) == 0)
			return &file->processes[i];
	return NULL;
}

void procfile_done(struct procfile *file)
{
	free(file->processes);
	free(file->text);
	*file = (struct procfile){ 0 };
}
