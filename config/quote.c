/* SPDX-License-Identifier: Apache-2.0 */
/* quote.c - see quote.h */
#include "config/quote.h"

#include <stdbool.h>
#include <string.h>

/* What means something to a shell or in an env file somewhere; ~ only in front, but who remembers */
static const char special[] = " \t\n\v\f\r\"#!$&'()*,:;<=>?@[\\]^`{|}~\x7f";

/** is_plain() - @value needs no quotes. An empty one needs none after a = */
static bool is_plain(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' || strchr(special, *value))
			return false;
	return true;
}

/** put_double() - @value in double quotes, with a backslash before what @escaped holds */
static void put_double(FILE *out, const char *value, const char *escaped)
{
	fputc('"', out);
	for (; *value; value++) {
		if (strchr(escaped, *value))
			fputc('\\', out);
		fputc(*value, out);
	}
	fputc('"', out);
}

void quote_shell(FILE *out, const char *value)
{
	if (is_plain(value))
		fputs(value, out);
	else if (!strchr(value, '\''))
		fprintf(out, "'%s'", value);
	else
		put_double(out, value, "\"\\$`");
}

/** put_double_dotenv() - within double quotes CR LF would be read as LF; \n is no LF and keeps the CR */
static void put_double_dotenv(FILE *out, const char *value)
{
	fputc('"', out);
	for (const char *at = value; *at; at++) {
		if (*at == '\n' && at > value && at[-1] == '\r') {
			fputs("\\n", out);
			continue;
		}
		if (*at == '"' || *at == '\\')
			fputc('\\', out);
		fputc(*at, out);
	}
	fputc('"', out);
}

void quote_dotenv(FILE *out, const char *value)
{
	if (is_plain(value))
		fputs(value, out);
	else if (!strchr(value, '\'') && !strstr(value, "\r\n"))
		fprintf(out, "'%s'", value);
	else
		put_double_dotenv(out, value);
}
