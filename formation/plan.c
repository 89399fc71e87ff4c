/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - see plan.h */
#include "formation/plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "config/sizes_file.h"

#define PORT_MAX 65535U

/** fill() - copy the types of @file into @plan. Return: 0 or -ENOMEM */
static int fill(const struct procfile *file, unsigned base_port, struct plan *plan)
{
	plan->types = calloc(file->count ? file->count : 1, sizeof(*plan->types));
	if (!plan->types)
		return -ENOMEM;
	for (size_t i = 0; i < file->count; i++) {
		const struct procfile_process *process = &file->processes[i];
		struct plan_type *type = &plan->types[plan->count];

		if (strcmp(process->type, "release") == 0) {
			plan->release = strdup(process->command);
			if (!plan->release)
				return -ENOMEM;
			continue;
		}
		plan->count++;
		type->name = strdup(process->type);
		type->command = strdup(process->command);
		if (!type->name || !type->command)
			return -ENOMEM;
		/* of the place in the file, release counted too, as foreman does */
		type->port = base_port + (unsigned)i * PLAN_PORTS_A_TYPE;
	}
	return 0;
}

int plan_make(const struct procfile *file, unsigned base_port, struct plan *ret, struct dyno_error *err)
{
	struct plan plan = { 0 };

	if (fill(file, base_port, &plan) < 0) {
		plan_done(&plan);
		return error_set(err, -ENOMEM, "plan", "no memory for the formation");
	}
	*ret = plan;
	return 0;
}

void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->types[i].name);
		free(plan->types[i].command);
	}
	free(plan->types);
	free(plan->release);
	*plan = (struct plan){ 0 };
}

struct plan_type *plan_find(const struct plan *plan, const char *name, size_t length)
{
	for (size_t i = 0; i < plan->count; i++)
		if (strncmp(plan->types[i].name, name, length) == 0 && plan->types[i].name[length] == '\0')
			return &plan->types[i];
	return NULL;
}

int plan_unknown(const struct plan *plan, const char *name, struct dyno_error *err)
{
	_cleanup_free_ const char **names = calloc(plan->count + 1, sizeof(*names));
	const char *closest;

	if (!names)
		return error_set(err, -ENOMEM, "plan", "no memory for names");
	for (size_t i = 0; i < plan->count; i++)
		names[i] = plan->types[i].name;
	closest = text_closest(name, names);
	error_set(err, -EINVAL, "plan", "the app has no process type '%.128s'", name);
	if (closest)
		error_remedy(err, "did you mean %.128s?", closest);
	return -EINVAL;
}

/** struct change - one word, read */
struct change {
	struct plan_type *type; /* NULL: all */
	char how;
	unsigned number;
	struct size size; /* without a name: as it is */
};

/** read_change() - "web=2:standard-2x"; @word is changed */
static int read_change(const struct plan *plan, char *word, struct change *ret, struct dyno_error *err)
{
	size_t length = strcspn(word, "=+");
	char *minus = strrchr(word, '-'), *colon;
	struct change change = { 0 };
	uint64_t number;
	int code = 0;

	/* a type's name may hold a dash: the last one counts, where neither = nor + stands */
	if (!word[length] && minus)
		length = (size_t)(minus - word);
	if (length == 0 || !word[length])
		goto malformed;
	change.how = word[length];
	colon = strchr(word + length, ':');
	if (colon)
		*colon++ = '\0';
	if (units_number(word + length + 1, 0, PLAN_QUANTITY_MAX, &number) < 0)
		goto malformed;
	change.number = (unsigned)number;
	word[length] = '\0';
	change.type = plan_find(plan, word, length);
	if (!change.type && strcmp(word, "all") != 0)
		return plan_unknown(plan, word, err);
	if (colon)
		code = sizes_resolve(colon, &change.size, err);
	*ret = change;
	return code;
malformed:
	error_set(err, -EINVAL, "scale", "'%.80s' does not say how many dynos of which type", word);
	error_remedy(err, "TYPE=N, TYPE+N or TYPE-N with N from 0 to %d, as in web=2", PLAN_QUANTITY_MAX);
	return -EINVAL;
}

/** wanted() - @type's quantity after @change; above the bound when it cannot be */
static unsigned wanted(const struct plan_type *type, const struct change *change)
{
	if (change->how == '=')
		return change->number;
	if (change->how == '+')
		return type->quantity + change->number;
	return type->quantity > change->number ? type->quantity - change->number : 0;
}

/** apply() - make @change of all types that it names */
static int apply(struct plan *plan, const struct change *change, struct dyno_error *err)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct plan_type *type = &plan->types[i];
		unsigned quantity = wanted(type, change);

		if (change->type && change->type != type)
			continue;
		if (quantity > PLAN_QUANTITY_MAX)
			return error_set(err, -EINVAL, "scale", "%s: %u dynos are more than %d", type->name, quantity,
			                 PLAN_QUANTITY_MAX);
		type->quantity = quantity;
		type->scaled = true;
		if (!change->size.name[0])
			continue;
		type->size = change->size;
		type->resized = true;
	}
	return 0;
}

/** remove_blanks() - white space means nothing, as in foreman's -m "web = 2, worker = 1" */
static void remove_blanks(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (!isspace((unsigned char)*text))
			*to++ = *text;
	*to = '\0';
}

/** typedef word_fn - what is done with each word, which may be changed */
typedef int word_fn(struct plan *plan, char *word, struct dyno_error *err);

/** each_word() - hand the words of @text, separated by commas, to @each */
static int each_word(struct plan *plan, const char *text, word_fn *each, struct dyno_error *err)
{
	_cleanup_free_ char *copy = strdup(text);
	char *word, *rest = copy;
	int code = 0;

	if (!copy)
		return error_set(err, -ENOMEM, "plan", "no memory for '%.40s'", text);
	remove_blanks(copy);
	while (code == 0 && (word = strsep(&rest, ",")))
		code = each(plan, word, err);
	return code;
}

/** change_plan() - hand the words of @text to @first, then to @second, if there is one; if one fails, nothing has changed */
static int change_plan(struct plan *plan, const char *text, word_fn *first, word_fn *second, struct dyno_error *err)
{
	struct plan_type *before = calloc(plan->count ? plan->count : 1, sizeof(*before));
	int code;

	if (!before)
		return error_set(err, -ENOMEM, "plan", "no memory for '%.40s'", text);
	memcpy(before, plan->types, plan->count * sizeof(*before));
	code = each_word(plan, text, first, err);
	if (code == 0 && second)
		code = each_word(plan, text, second, err);
	if (code < 0)
		memcpy(plan->types, before, plan->count * sizeof(*before));
	free(before);
	return code;
}

/** is_all() - is @word about all types? */
static bool is_all(const char *word)
{
	return strncmp(word, "all", 3) == 0 && strchr("=+-", word[3]) && word[3];
}

/** scale_word() - one word of plan_scale() */
static int scale_word(struct plan *plan, char *word, struct dyno_error *err)
{
	struct change change = { 0 };
	int code = read_change(plan, word, &change, err);

	return code < 0 ? code : apply(plan, &change, err);
}

/** scale_all() - one word of plan_scale(), if it is about all types */
static int scale_all(struct plan *plan, char *word, struct dyno_error *err)
{
	return is_all(word) ? scale_word(plan, word, err) : 0;
}

/** scale_named() - one word of plan_scale(), if it is about one type */
static int scale_named(struct plan *plan, char *word, struct dyno_error *err)
{
	return is_all(word) ? 0 : scale_word(plan, word, err);
}

/** resize_word() - one word of plan_resize() */
static int resize_word(struct plan *plan, char *word, struct dyno_error *err)
{
	char *equals = strchr(word, '=');
	const struct plan_type *only = equals ? plan_find(plan, word, (size_t)(equals - word)) : NULL;
	struct size size;
	int code = sizes_resolve(equals ? equals + 1 : word, &size, err);

	if (code < 0)
		return code;
	if (equals && !only) {
		*equals = '\0';
		return plan_unknown(plan, word, err);
	}
	for (size_t i = 0; i < plan->count; i++) {
		if (only && &plan->types[i] != only)
			continue;
		plan->types[i].size = size;
		plan->types[i].resized = true;
	}
	return 0;
}

int plan_scale(struct plan *plan, const char *word, struct dyno_error *err)
{
	/* as in foreman, "all" is of the types that no word names, wherever it stands */
	return change_plan(plan, word, scale_all, scale_named, err);
}

int plan_resize(struct plan *plan, const char *word, struct dyno_error *err)
{
	return change_plan(plan, word, resize_word, NULL, err);
}

void plan_settle(struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		plan->types[i].scaled = plan->types[i].resized = false;
}

void plan_told(const struct plan *plan, char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < plan->count; i++)
		(void)text_append(buf, size, "%s%s@%u:%s", i ? " " : "", plan->types[i].name, plan->types[i].quantity,
		                  plan_size_label(&plan->types[i]));
}

unsigned plan_port(const struct plan_type *type, unsigned index)
{
	return type->port + index - 1;
}

bool plan_is_web(const struct plan_type *type)
{
	return strcmp(type->name, "web") == 0;
}

struct dyno_limits plan_limits(const struct plan_type *type)
{
	return (type->size.name[0] ? &type->size : sizes_find("standard-1x"))->limits;
}

const char *plan_size_label(const struct plan_type *type)
{
	return (type->size.name[0] ? &type->size : sizes_find("standard-1x"))->label;
}

bool plan_same_size(const struct plan_type *a, const struct plan_type *b)
{
	struct dyno_limits first = plan_limits(a), second = plan_limits(b);

	/* all of them numbers of one width: there is nothing in between */
	return strcmp(plan_size_label(a), plan_size_label(b)) == 0 && memcmp(&first, &second, sizeof(first)) == 0;
}

int plan_check(const struct plan *plan, uint64_t memory, struct dyno_error *err)
{
	char has[16], wants[16];

	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_type *type = &plan->types[i];
		struct dyno_limits limits = plan_limits(type);

		if (type->quantity > 0 && plan_port(type, type->quantity) > PORT_MAX) {
			error_set(err, -EINVAL, "port", "%s.%u would have port %u, above %u", type->name,
			          type->quantity, plan_port(type, type->quantity), PORT_MAX);
			error_remedy(err, "begin with a lower port: --port");
			return -EINVAL;
		}
		if (type->quantity > 0 && memory > 0 && limits.memory > memory)
			return error_set(err, -EINVAL, "size",
			                 "a dyno of size %s has %s of memory, and this machine only %s",
			                 plan_size_label(type), units_format_size(limits.memory, wants, sizeof(wants)),
			                 units_format_size(memory, has, sizeof(has)));
	}
	return 0;
}

uint64_t plan_memory(const struct plan *plan)
{
	uint64_t total = 0;

	for (size_t i = 0; i < plan->count; i++)
		total += plan->types[i].quantity * plan_limits(&plan->types[i]).memory;
	return total;
}

unsigned plan_total(const struct plan *plan)
{
	unsigned total = 0;

	for (size_t i = 0; i < plan->count; i++)
		total += plan->types[i].quantity;
	return total;
}
