/* SPDX-License-Identifier: Apache-2.0 */
/**
 * options_print.c - the option table as help text, man page and shell completion; see options.h
 *
 * Help texts are plain text in the table. Each language here has its own put_ function that quotes for it; nothing from
 * the table reaches the output by another way, save names and choices, which are letters, digits and dashes.
 */
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/options.h"
#include "base/text.h"

#define HELP_WIDTH 80
/* A left column wider than this would leave no room for the text; such options have it on the next line. */
#define HELP_COLUMN_MAX 32

/** value_word() - what the value is called, NULL for a FLAG */
static const char *value_word(const struct option_spec *spec)
{
	static const char *const words[OPTION_TYPE_COUNT] = {
		[OPTION_STRING] = "TEXT", [OPTION_SIZE] = "SIZE",     [OPTION_PORT] = "PORT", [OPTION_NUMBER] = "N",
		[OPTION_CPUS] = "CPUS",   [OPTION_DURATION] = "TIME", [OPTION_LIST] = "TEXT",
	};

	if (spec->metavar)
		return spec->metavar;
	return spec->choices ? spec->choices : words[spec->type];
}

/** value_is() - the table calls the value of @spec @metavar */
static bool value_is(const struct option_spec *spec, const char *metavar)
{
	return spec->metavar && strcmp(spec->metavar, metavar) == 0;
}

/** put_choices() - the choices with spaces between them, as all three shells list words */
static void put_choices(FILE *out, const struct option_spec *spec)
{
	for (const char *c = spec->choices; *c; c++)
		fputc(*c == '|' ? ' ' : *c, out);
}

/** put_identifier() - @text as part of a shell function's name */
static void put_identifier(FILE *out, const char *text)
{
	for (; *text; text++)
		fputc(*text == '-' || *text == ':' ? '_' : *text, out);
}

/* ---- help ------------------------------------------------------------------------------------------------------- */

/** help_label() - "  -p, --port PORT" into @buf. Return: its length */
static size_t help_label(const struct option_spec *spec, char *buf, size_t size)
{
	const char *value = value_word(spec);

	text_copy(buf, size, "");
	if (spec->letter)
		text_append(buf, size, "  -%c, --%s", spec->letter, spec->name);
	else
		text_append(buf, size, "      --%s", spec->name);
	if (value && spec->type == OPTION_OPTIONAL_CHOICE)
		text_append(buf, size, "[=%s]", value);
	else if (value)
		text_append(buf, size, " %s", value);
	return strlen(buf);
}

/** help_text() - @text in words, from column @column on, where the cursor already is */
static void help_text(FILE *out, const char *text, size_t column)
{
	size_t at = column;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (at > column && at + 1 + word >= HELP_WIDTH) {
			fprintf(out, "\n%*s", (int)column, "");
			at = column;
		}
		if (at > column)
			at += (size_t)fprintf(out, " ");
		fwrite(text, 1, word, out);
		at += word;
		text += word + strspn(text + word, " ");
	}
	fputc('\n', out);
}

void options_print_help(FILE *out, const struct option_spec *specs)
{
	size_t column = 0;
	char label[160];

	for (const struct option_spec *spec = specs; spec->name; spec++) {
		size_t width = help_label(spec, label, sizeof(label)) + 2;

		if (width > column && width <= HELP_COLUMN_MAX)
			column = width;
	}
	if (column == 0)
		column = HELP_COLUMN_MAX;
	for (const struct option_spec *spec = specs; spec->name; spec++) {
		size_t width = help_label(spec, label, sizeof(label));

		if (width + 2 > column)
			fprintf(out, "%s\n%*s", label, (int)column, "");
		else
			fprintf(out, "%-*s", (int)column, label);
		help_text(out, spec->help, column);
	}
}

/* ---- man page --------------------------------------------------------------------------------------------------- */

/** put_roff() - text as roff sees it: "-" is a hyphen unless escaped, and copied from a page would be no option */
static void put_roff(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '\'')
			fputs("\\(aq", out);
		else
			fputc(*text, out);
	}
}

/** put_roff_sentence() - a help text as a sentence; \& keeps a stop at its beginning from being a request */
static void put_roff_sentence(FILE *out, const char *text)
{
	fputs("\\&", out);
	if (*text)
		fputc(toupper((unsigned char)*text++), out);
	put_roff(out, text);
	fputs(".\n", out);
}

void options_print_man(FILE *out, const struct option_spec *specs)
{
	for (; specs->name; specs++) {
		const char *value = value_word(specs);

		fputs(".TP\n", out);
		if (specs->letter)
			fprintf(out, "\\fB\\-%c\\fR, ", specs->letter);
		fputs("\\fB\\-\\-", out);
		put_roff(out, specs->name);
		fputs("\\fR", out);
		if (value) {
			bool optional = specs->type == OPTION_OPTIONAL_CHOICE;

			fputs(optional ? "[=\\fI" : " \\fI", out);
			put_roff(out, value);
			fputs(optional ? "\\fR]" : "\\fR", out);
		}
		fputc('\n', out);
		put_roff_sentence(out, specs->help);
	}
}

/* ---- bash ------------------------------------------------------------------------------------------------------- */

/** bash_value() - the case arm that completes the value of one option */
static void bash_value(FILE *out, const struct option_spec *spec)
{
	fputs("\t", out);
	if (spec->type != OPTION_OPTIONAL_CHOICE) {
		if (spec->letter)
			fprintf(out, "-%c | ", spec->letter);
		fprintf(out, "--%s | ", spec->name);
	}
	fprintf(out, "--%s=)\n", spec->name);
	if (spec->choices) {
		fputs("\t\tmapfile -t COMPREPLY < <(compgen -W \"", out);
		put_choices(out, spec);
		fputs("\" -- \"$1\")\n", out);
	} else if (value_is(spec, "DIR") || value_is(spec, "FILE")) {
		fputs("\t\tcompopt -o filenames 2>/dev/null\n", out);
		fprintf(out, "\t\tmapfile -t COMPREPLY < <(compgen -%c -- \"$1\")\n",
		        value_is(spec, "DIR") ? 'd' : 'f');
	}
	fputs("\t\treturn 0\n\t\t;;\n", out);
}

/** print_bash() - a case over the previous word for values, then one over the word itself for names */
static void print_bash(FILE *out, const char *program, const char *verb, const struct option_spec *specs)
{
	fputc('_', out);
	put_identifier(out, program);
	fputc('_', out);
	put_identifier(out, verb);
	fputs("() {\n\tCOMPREPLY=()\n\tcase $2 in\n", out);
	for (const struct option_spec *spec = specs; spec->name; spec++)
		if (spec->type != OPTION_FLAG)
			bash_value(out, spec);
	fputs("\tesac\n\t[[ $1 == -* ]] || return 1\n\tmapfile -t COMPREPLY < <(compgen -W \"", out);
	for (const struct option_spec *spec = specs; spec->name; spec++)
		fprintf(out, "%s--%s", spec == specs ? "" : " ", spec->name);
	fputs("\" -- \"$1\")\n}\n", out);
}

/* ---- zsh -------------------------------------------------------------------------------------------------------- */

/** put_zsh() - text within single quotes in a spec of _arguments, to which brackets and colons mean something */
static void put_zsh(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'') {
			fputs("'\\''", out);
			continue;
		}
		if (strchr("[]:\\", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

/** zsh_names() - the spec's beginning: names, what they exclude, and how the value is attached */
static void zsh_names(FILE *out, const struct option_spec *spec)
{
	const char *attached = spec->type == OPTION_FLAG ? "" : spec->type == OPTION_OPTIONAL_CHOICE ? "=-" : "=";
	const char *beside = spec->type == OPTION_FLAG ? "" : spec->type == OPTION_OPTIONAL_CHOICE ? "-" : "+";

	if (!spec->letter)
		fprintf(out, "'%s--%s%s[", spec->type == OPTION_LIST ? "*" : "", spec->name, attached);
	else if (spec->type == OPTION_LIST)
		fprintf(out, "'*'{-%c%s,--%s%s}'[", spec->letter, beside, spec->name, attached);
	else
		fprintf(out, "'(-%c --%s)'{-%c%s,--%s%s}'[", spec->letter, spec->name, spec->letter, beside, spec->name,
		        attached);
}

/** zsh_option() - one spec of _arguments */
static void zsh_option(FILE *out, const struct option_spec *spec)
{
	zsh_names(out, spec);
	put_zsh(out, spec->help);
	fputc(']', out);
	if (spec->type != OPTION_FLAG) {
		fputs(spec->type == OPTION_OPTIONAL_CHOICE ? "::" : ":", out);
		put_zsh(out, spec->choices && !spec->metavar ? spec->name : value_word(spec));
		fputc(':', out);
		if (spec->choices) {
			fputc('(', out);
			put_choices(out, spec);
			fputc(')', out);
		} else if (value_is(spec, "DIR") || value_is(spec, "FILE")) {
			fputs(value_is(spec, "DIR") ? "_files -/" : "_files", out);
		} else {
			fputc(' ', out); /* a single space: a value that cannot be completed */
		}
	}
	fputs("' \\\n", out);
}

/** print_zsh() - one call of _arguments with a spec for each option */
static void print_zsh(FILE *out, const char *program, const char *verb, const struct option_spec *specs)
{
	fputc('_', out);
	put_identifier(out, program);
	fputc('_', out);
	put_identifier(out, verb);
	fputs("() {\n\t_arguments -s -S -A '-*' \\\n", out);
	for (; specs->name; specs++) {
		fputs("\t\t", out);
		zsh_option(out, specs);
	}
	fputs("\t\t\"$@\"\n}\n", out);
}

/* ---- fish ------------------------------------------------------------------------------------------------------- */

/** put_fish() - text within single quotes, where only the quote and the backslash are special */
static void put_fish(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

/** print_fish() - one `complete` for each option */
static void print_fish(FILE *out, const char *program, const char *verb, const struct option_spec *specs)
{
	for (; specs->name; specs++) {
		fprintf(out, "complete -c %s -n '__fish_seen_subcommand_from %s'", program, verb);
		if (specs->letter)
			fprintf(out, " -s %c", specs->letter);
		fprintf(out, " -l %s", specs->name);
		if (specs->choices) {
			fputs(specs->type == OPTION_OPTIONAL_CHOICE ? " -f -a '" : " -x -a '", out);
			put_choices(out, specs);
			fputc('\'', out);
		} else if (value_is(specs, "DIR")) {
			fputs(" -x -a '(__fish_complete_directories)'", out);
		} else if (value_is(specs, "FILE")) {
			fputs(" -r -F", out);
		} else {
			fputs(specs->type == OPTION_FLAG ? " -f" : " -x", out);
		}
		fputs(" -d '", out);
		put_fish(out, specs->help);
		fputs("'\n", out);
	}
}

void options_print_completion(FILE *out, enum option_shell shell, const char *program, const char *verb,
                              const struct option_spec *specs)
{
	static void (*const printers[OPTION_SHELL_COUNT])(FILE *, const char *, const char *,
	                                                  const struct option_spec *) = {
		[OPTION_SHELL_BASH] = print_bash,
		[OPTION_SHELL_ZSH] = print_zsh,
		[OPTION_SHELL_FISH] = print_fish,
	};

	printers[shell](out, program, verb, specs);
}
