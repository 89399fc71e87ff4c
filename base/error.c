/* SPDX-License-Identifier: Apache-2.0 */
/* error.c - see error.h */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *error_describe(int code)
{
	const char *text = strerrordesc_np(abs(code));

	return text ? text : "unknown error";
}

int error_set(struct dyno_error *err, int code, const char *step, const char *fmt, ...)
{
	va_list args;
	size_t used;

	if (!err)
		return code;
	memset(err, 0, sizeof(*err));
	err->code = code;
	snprintf(err->step, sizeof(err->step), "%s", step);
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	used = strlen(err->text);
	if (used > 0 && err->text[used - 1] == ':')
		snprintf(err->text + used, sizeof(err->text) - used, " %s", error_describe(code));
	return code;
}

void error_remedy(struct dyno_error *err, const char *fmt, ...)
{
	va_list args;

	if (!err)
		return;
	va_start(args, fmt);
	vsnprintf(err->remedy, sizeof(err->remedy), fmt, args);
	va_end(args);
}
