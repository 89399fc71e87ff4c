/* SPDX-License-Identifier: Apache-2.0 */
/* vars_print.c - see vars_print.h */
#include "cli/app/vars_print.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "config/quote.h"

/** key_length() - of "KEY=VALUE" */
static int key_length(const char *pair)
{
	return (int)strcspn(pair, "=");
}

void vars_print_plain(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		putchar((c < ' ' && c != '\n' && c != '\t') || c == 0x7f ? '?' : c);
	}
}

void vars_print_list(const struct environment *vars)
{
	int width = 0;

	for (size_t i = 0; i < vars->count; i++)
		if (key_length(vars->vars[i]) > width)
			width = key_length(vars->vars[i]);
	for (size_t i = 0; i < vars->count; i++) {
		const char *pair = vars->vars[i];
		int length = key_length(pair);

		printf("%.*s:%*s", length, pair, width - length + 1, "");
		vars_print_plain(pair + length + 1);
		putchar('\n');
	}
}

void vars_print_shell(const struct environment *vars)
{
	for (size_t i = 0; i < vars->count; i++) {
		printf("%.*s=", key_length(vars->vars[i]), vars->vars[i]);
		quote_shell(stdout, vars->vars[i] + key_length(vars->vars[i]) + 1);
		putchar('\n');
	}
}

void vars_print_json(const struct environment *vars)
{
	putchar('{');
	for (size_t i = 0; i < vars->count; i++) {
		/* keys have nothing that JSON would escape */
		printf("%s\n  \"%.*s\": ", i ? "," : "", key_length(vars->vars[i]), vars->vars[i]);
		text_json(stdout, vars->vars[i] + key_length(vars->vars[i]) + 1);
	}
	puts(vars->count > 0 ? "\n}" : "}");
}

const char *when_format(int64_t us, int64_t now_us, char buf[static WHEN_MAX])
{
	time_t when = (time_t)(us / 1000000);
	long long ago = (now_us - us) / 1000000;
	struct tm tm = { 0 };

	if (!localtime_r(&when, &tm) || strftime(buf, WHEN_MAX, "%Y/%m/%d %H:%M:%S %z", &tm) == 0)
		(void)text_format(buf, WHEN_MAX, "%lld", (long long)when);
	if (ago < 0)
		return buf;
	/* as heroku: hours up to a day and one more */
	if (ago < 60)
		(void)text_append(buf, WHEN_MAX, " (~ %llds ago)", ago);
	else if (ago < 60 * 60)
		(void)text_append(buf, WHEN_MAX, " (~ %lldm ago)", ago / 60);
	else if (ago < 25 * 60 * 60)
		(void)text_append(buf, WHEN_MAX, " (~ %lldh ago)", ago / 60 / 60);
	return buf;
}

const char *when_format_iso(int64_t us, char buf[static WHEN_MAX])
{
	time_t when = (time_t)(us / 1000000);
	struct tm tm = { 0 };

	if (!gmtime_r(&when, &tm) || strftime(buf, WHEN_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)text_format(buf, WHEN_MAX, "%lld", (long long)when);
	return buf;
}

int64_t when_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
