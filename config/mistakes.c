/* SPDX-License-Identifier: Apache-2.0 */
/* mistakes.c - see mistakes.h */
#include "config/mistakes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

/* A name as long as this leaves room for the sentence in struct dyno_error. */
#define NAME_SHOWN 120

int mistakes_add(struct mistakes *m, unsigned long line, const char *fmt, ...)
{
	struct dyno_error mistake = { 0 };
	char sentence[sizeof(mistake.text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	if (line > 0)
		(void)error_set(&mistake, -EINVAL, "config", "%.*s:%lu: %s", NAME_SHOWN, m->name, line, sentence);
	else
		(void)error_set(&mistake, -EINVAL, "config", "%.*s: %s", NAME_SHOWN, m->name, sentence);
	if (m->count++ == 0 && m->first)
		*m->first = mistake;
	if (m->hear)
		m->hear(m->data, &mistake);
	return -EINVAL;
}

bool mistakes_enough(const struct mistakes *m)
{
	return m->count > 0 && !m->hear;
}
