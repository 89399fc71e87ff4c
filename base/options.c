/* SPDX-License-Identifier: Apache-2.0 */
/**
 * options.c - reading a command line by its table; see options.h
 *
 * What a value means is said in one place, store_value(): one branch a type. options_print.c prints the same table.
 */
#include "base/options.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"

/* Rows looked at for a suggestion; no verb has as many. */
#define SUGGESTIONS_MAX 64
/* As much of a word of the user's as a message repeats. */
#define SHOWN_MAX 40

/**
 * struct parse - one run of options_parse()
 * @next: the next word of @argv
 */
struct parse {
	const struct option_spec *specs;
	int argc;
	char *const *argv;
	int next;
	void *into;
	struct dyno_error *err;
};

/** shown() - @text fit for a message: of bounded length, and with nothing in it that a terminal would act on */
static const char *shown(const char *text, char buf[SHOWN_MAX + 4])
{
	size_t i = 0;

	for (; i < SHOWN_MAX && text[i]; i++)
		buf[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	memcpy(buf + i, text[i] ? "..." : "", text[i] ? 4 : 1);
	return buf;
}

/** format_bound() - a bound as its type writes it */
static const char *format_bound(enum option_type type, uint64_t bound, char *buf, size_t size)
{
	unsigned long long number = bound;

	if (type == OPTION_SIZE)
		return units_format_size(bound, buf, size);
	if (type == OPTION_CPUS && bound % 1000 != 0)
		text_format(buf, size, "%llu.%03llu", number / 1000, number % 1000);
	else if (type == OPTION_CPUS)
		text_format(buf, size, "%llu", number / 1000);
	else if (type == OPTION_DURATION && bound % 1000 == 0)
		text_format(buf, size, "%llus", number / 1000);
	else if (type == OPTION_DURATION)
		text_format(buf, size, "%llums", number);
	else
		text_format(buf, size, "%llu", number);
	return buf;
}

/** describe_choices() - "private, none or host" for "private|none|host" */
static void describe_choices(const char *choices, char *buf, size_t size)
{
	const char *last = strrchr(choices, '|');

	text_copy(buf, size, "");
	for (; *choices; choices++) {
		if (*choices != '|')
			text_append(buf, size, "%c", *choices);
		else
			text_append(buf, size, "%s", choices == last ? " or " : ", ");
	}
}

/** describe_accepted() - what the option takes, for a message */
static void describe_accepted(const struct option_spec *spec, char *buf, size_t size)
{
	static const char *const kinds[OPTION_TYPE_COUNT] = {
		[OPTION_SIZE] = "a size such as 512M or 1G",
		[OPTION_PORT] = "a port from 1 to 65535",
		[OPTION_NUMBER] = "a number",
		[OPTION_CPUS] = "a number of CPUs such as 2 or 0.5",
		[OPTION_DURATION] = "a time such as 30s, 1500ms or 2m",
	};
	char min[32], max[32];

	if (spec->choices) {
		describe_choices(spec->choices, buf, size);
		return;
	}
	text_copy(buf, size, kinds[spec->type] ? kinds[spec->type] : "a value");
	format_bound(spec->type, spec->min, min, sizeof(min));
	format_bound(spec->type, spec->max, max, sizeof(max));
	if (spec->min > 0 && spec->max > 0)
		text_append(buf, size, ", from %s to %s", min, max);
	else if (spec->min > 0)
		text_append(buf, size, ", at least %s", min);
	else if (spec->max > 0)
		text_append(buf, size, ", at most %s", max);
}

/** refuse_value() - the message for a value that is malformed (-EINVAL) or out of range (-ERANGE) */
static int refuse_value(const struct parse *p, const struct option_spec *spec, const char *value, int code)
{
	const char *fault = spec->choices ? "not known" : "malformed";
	char accepted[160], buf[SHOWN_MAX + 4];

	if (code == -ERANGE)
		fault = "out of range";
	describe_accepted(spec, accepted, sizeof(accepted));
	return error_set(p->err, -EINVAL, "options", "--%s: '%s' is %s; give %s", spec->name, shown(value, buf), fault,
	                 accepted);
}

/** store_number() - the types whose field is an uint64_t */
static int store_number(const struct option_spec *spec, const char *value, uint64_t *field)
{
	uint64_t max = spec->max > 0 ? spec->max : UINT64_MAX;
	uint64_t number = 0;
	int code;

	if (spec->type == OPTION_SIZE)
		code = units_size(value, &number);
	else if (spec->type == OPTION_CPUS)
		code = units_cpus(value, &number);
	else if (spec->type == OPTION_DURATION)
		code = units_duration(value, &number);
	else
		code = units_number(value, 0, UINT64_MAX, &number);
	if (code < 0)
		return code;
	if (number < spec->min || number > max)
		return -ERANGE;
	*field = number;
	return 0;
}

/** store_choice() - the place of @value among the words of @choices */
static int store_choice(const char *choices, const char *value, int *field)
{
	size_t length = strlen(value);

	for (int place = 0;; place++) {
		size_t word = strcspn(choices, "|");

		if (word == length && memcmp(choices, value, length) == 0) {
			*field = place;
			return 0;
		}
		if (!choices[word])
			return -EINVAL;
		choices += word + 1;
	}
}

/** check_length() - bounds of a STRING or one item of a LIST; the value stays out of the message */
static int check_length(const struct parse *p, const struct option_spec *spec, const char *value)
{
	size_t length = strlen(value);

	if (length == 0 && spec->min > 0)
		return error_set(p->err, -EINVAL, "options", "--%s: the value is empty", spec->name);
	if (length < spec->min)
		return error_set(p->err, -EINVAL, "options", "--%s: the value has %zu bytes; at least %llu are needed",
		                 spec->name, length, (unsigned long long)spec->min);
	if (spec->max > 0 && length > spec->max)
		return error_set(p->err, -EINVAL, "options", "--%s: the value has %zu bytes; at most %llu are taken",
		                 spec->name, length, (unsigned long long)spec->max);
	return 0;
}

/** append_item() - add @value to a list, in whose allocation there is always room for the NULL at its end */
static int append_item(struct option_list *list, const char *value)
{
	const char **grown = reallocarray(list->items, list->count + 2, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	grown[list->count++] = value;
	grown[list->count] = NULL;
	list->items = grown;
	return 0;
}

/** store_value() - one value into its field, by type */
static int store_value(const struct parse *p, const struct option_spec *spec, const char *value)
{
	void *field = (char *)p->into + spec->offset;
	int code = -EINVAL;

	switch (spec->type) {
	case OPTION_FLAG:
	case OPTION_TYPE_COUNT: break;
	case OPTION_STRING:
		code = check_length(p, spec, value);
		if (code == 0)
			*(const char **)field = value;
		return code;
	case OPTION_LIST:
		code = check_length(p, spec, value);
		if (code == 0 && append_item(field, value) < 0)
			code = error_set(p->err, -ENOMEM, "options", "cannot keep a value of --%s:", spec->name);
		return code;
	case OPTION_SIZE:
	case OPTION_NUMBER:
	case OPTION_CPUS:
	case OPTION_DURATION: code = store_number(spec, value, field); break;
	case OPTION_PORT: code = units_port(value, field); break;
	case OPTION_CHOICE:
	case OPTION_OPTIONAL_CHOICE: code = store_choice(spec->choices, value, field); break;
	}
	return code < 0 ? refuse_value(p, spec, value, code) : 0;
}

/** set_bare() - an option that stands without a value and may: 1 when @spec is such a one and is set, else 0 */
static int set_bare(const struct parse *p, const struct option_spec *spec)
{
	void *field = (char *)p->into + spec->offset;

	if (spec->type == OPTION_FLAG)
		*(bool *)field = true;
	else if (spec->type == OPTION_OPTIONAL_CHOICE)
		*(int *)field = 0;
	else
		return 0;
	return 1;
}

/** store_next() - the next word is the value */
static int store_next(struct parse *p, const struct option_spec *spec)
{
	char accepted[160];

	if (p->next < p->argc)
		return store_value(p, spec, p->argv[p->next++]);
	describe_accepted(spec, accepted, sizeof(accepted));
	if (spec->type == OPTION_STRING || spec->type == OPTION_LIST)
		text_format(accepted, sizeof(accepted), "%s", spec->metavar ? spec->metavar : "a value");
	return error_set(p->err, -EINVAL, "options", "--%s: the value is missing; give %s", spec->name, accepted);
}

/** unknown() - refuse an option that is not in the table; @word is what stood there, @name what it may be a slip of */
static int unknown(const struct parse *p, const char *word, const char *name)
{
	const char *names[SUGGESTIONS_MAX + 1];
	char buf[SHOWN_MAX + 4];
	const char *closest;
	size_t count = 0;

	for (const struct option_spec *spec = p->specs; spec->name && count < SUGGESTIONS_MAX; spec++)
		names[count++] = spec->name;
	names[count] = NULL;
	closest = text_closest(name, names);
	error_set(p->err, -EINVAL, "options", "unknown option '%s'", shown(word, buf));
	if (closest)
		error_remedy(p->err, "did you mean --%s?", closest);
	else
		error_remedy(p->err, "--help lists the options");
	return -EINVAL;
}

/** parse_long() - --name, --name=value, --name value */
static int parse_long(struct parse *p, const char *word)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "=");
	const char *value = name[length] ? name + length + 1 : NULL;
	const struct option_spec *spec = p->specs;

	while (spec->name && (strncmp(spec->name, name, length) != 0 || spec->name[length]))
		spec++;
	if (!spec->name) {
		char bare[SHOWN_MAX + 1];

		/* What follows the = may be a secret, and would spoil the comparison. */
		text_format(bare, sizeof(bare), "%.*s", (int)(length < SHOWN_MAX - 2 ? length + 2 : SHOWN_MAX), word);
		return unknown(p, bare, bare + 2);
	}
	if (!value)
		return set_bare(p, spec) ? 0 : store_next(p, spec);
	if (spec->type == OPTION_FLAG)
		return error_set(p->err, -EINVAL, "options", "--%s takes no value", spec->name);
	return store_value(p, spec, value);
}

/** parse_letters() - -n value, -nvalue, and flags in one word: -abc */
static int parse_letters(struct parse *p, const char *word)
{
	for (const char *letter = word + 1; *letter; letter++) {
		const struct option_spec *spec = p->specs;

		while (spec->name && spec->letter != *letter)
			spec++;
		if (!spec->name) {
			char single[3] = { '-', *letter, '\0' };

			return unknown(p, single, word + 1);
		}
		if (spec->type != OPTION_FLAG && letter[1])
			return store_value(p, spec, letter + 1);
		if (!set_bare(p, spec))
			return store_next(p, spec);
	}
	return 0;
}

int options_parse(const struct option_spec *specs, int argc, char *const *argv, void *into, int *ret_first_operand,
                  struct dyno_error *err)
{
	struct parse p = { .specs = specs, .argc = argc, .argv = argv, .next = 1, .into = into, .err = err };

	while (p.next < argc && argv[p.next][0] == '-' && argv[p.next][1]) {
		const char *word = argv[p.next++];
		int code;

		if (strcmp(word, "--") == 0)
			break;
		code = text_starts(word, "--") ? parse_long(&p, word) : parse_letters(&p, word);
		if (code < 0)
			return code;
	}
	/* With argc 0 there is not even a verb's name to skip. */
	*ret_first_operand = p.next < argc ? p.next : argc;
	return 0;
}

void options_done(const struct option_spec *specs, void *into)
{
	for (; specs->name; specs++) {
		struct option_list *list = (void *)((char *)into + specs->offset);

		if (specs->type != OPTION_LIST)
			continue;
		free(list->items);
		*list = (struct option_list){ 0 };
	}
}
