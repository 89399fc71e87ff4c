/* SPDX-License-Identifier: Apache-2.0 */
/* live_rows.c - see live_rows.h */
#include "cli/app/live_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"

/** keep() - a copy of @frame at the end of @rows. Return: 0 or -ENOMEM */
static int keep(struct row **rows, const struct wire_frame *frame)
{
	const char *last = frame->words[frame->count - 1];
	size_t size = (size_t)(last - frame->words[0]) + frame->sizes[frame->count - 1] + 1;
	struct row *row = malloc(sizeof(*row) + size);

	if (!row)
		return -ENOMEM;
	memcpy(row->bytes, frame->words[0], size);
	row->next = NULL;
	row->frame = *frame;
	for (size_t i = 0; i < frame->count; i++)
		row->frame.words[i] = row->bytes + (frame->words[i] - frame->words[0]);
	while (*rows)
		rows = &(*rows)->next;
	*rows = row;
	return 0;
}

void rows_free(struct row *rows)
{
	while (rows) {
		struct row *next = rows->next;

		free(rows);
		rows = next;
	}
}

bool row_is(const struct row *row, const char *name, size_t count)
{
	return row->frame.count == count && strcmp(row->frame.words[0], name) == 0;
}

uint64_t row_number(const struct row *row, size_t index)
{
	uint64_t number = 0;

	(void)units_number(row->frame.words[index], 0, UINT64_MAX, &number);
	return number;
}

void row_print(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

void row_age(uint64_t seconds, char *buf, size_t size)
{
	if (seconds < 60)
		(void)text_format(buf, size, "%" PRIu64 "s", seconds);
	else if (seconds < 3600)
		(void)text_format(buf, size, "%" PRIu64 "m", seconds / 60);
	else if (seconds < 24 * 3600)
		(void)text_format(buf, size, "%" PRIu64 "h", seconds / 3600);
	else
		(void)text_format(buf, size, "%" PRIu64 "d", seconds / (24 * 3600));
}

int rows_ask(const char *given, char ret_app[static APP_NAME_LENGTH_MAX + 1], struct row **ret, struct dyno_error *err)
{
	struct row *rows = NULL;
	struct wire_frame frame;
	struct live live;
	int code = live_ask(&live, given, (const char *const[]){ "ps" }, 1, err);

	while (code == 0 && (code = live_next(&live, &frame, err)) > 0)
		code = keep(&rows, &frame) < 0 ? error_set(err, -ENOMEM, "app", "no memory for the answer") : 0;
	live_close(&live);
	if (code < 0) {
		rows_free(rows);
		return code;
	}
	(void)text_copy(ret_app, APP_NAME_LENGTH_MAX + 1, live.app);
	*ret = rows;
	return 0;
}
