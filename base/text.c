/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - see text.h */
#include "base/text.h"

#include <errno.h>
#include <string.h>

/* Longer words are never looked at for suggestions, which bounds the distance table and lets it live on the stack. */
#define CLOSEST_LENGTH_MAX 48

int text_copy(char *to, size_t size, const char *from)
{
	size_t length = strlen(from);

	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(to, from, length + 1);
	return 0;
}

/**
 * format_at() - print at @used in @to; on failure the text before @used is left terminated
 * @to, @size: the whole buffer
 * @used: where to print, less than @size
 * Return: length of what was printed, or -ENAMETOOLONG
 */
__attribute__((format(printf, 4, 0))) static int format_at(char *to, size_t size, size_t used, const char *fmt,
                                                           va_list args)
{
	int length = vsnprintf(to + used, size - used, fmt, args);

	if (length < 0 || (size_t)length >= size - used) {
		to[used] = '\0';
		return -ENAMETOOLONG;
	}
	return length;
}

int text_format(char *to, size_t size, const char *fmt, ...)
{
	va_list args;
	int length;

	if (size == 0)
		return -ENAMETOOLONG;
	va_start(args, fmt);
	length = format_at(to, size, 0, fmt, args);
	va_end(args);
	return length;
}

int text_append(char *to, size_t size, const char *fmt, ...)
{
	size_t used = strnlen(to, size);
	va_list args;
	int length;

	if (used >= size)
		return -ENAMETOOLONG;
	va_start(args, fmt);
	length = format_at(to, size, used, fmt, args);
	va_end(args);
	return length;
}

bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/**
 * utf8_length() - length of the UTF-8 sequence @text begins with
 * Overlong forms, surrogates and code points above U+10FFFF are no UTF-8 (RFC 3629 section 4): they would let two
 * different byte strings read as the same text.
 * @text: terminated; the terminator ends a sequence that is too short
 * Return: 1 to 4, or 0 when @text begins with no valid sequence
 */
static size_t utf8_length(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xBF;
	size_t length;

	if (byte[0] < 0x80)
		return 1;
	if (byte[0] < 0xC2 || byte[0] > 0xF4)
		return 0;
	length = byte[0] < 0xE0 ? 2 : byte[0] < 0xF0 ? 3 : 4;
	if (byte[0] == 0xE0)
		low = 0xA0;
	else if (byte[0] == 0xED)
		high = 0x9F;
	else if (byte[0] == 0xF0)
		low = 0x90;
	else if (byte[0] == 0xF4)
		high = 0x8F;
	if (byte[1] < low || byte[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((byte[i] & 0xC0) != 0x80)
			return 0;
	return length;
}

bool text_is_utf8(const char *text)
{
	size_t length = 1;

	for (; *text && length > 0; text += length)
		length = utf8_length(text);
	return length > 0;
}

/** json_ascii() - print one ASCII character as it stands within a JSON string */
static void json_ascii(FILE *out, char c)
{
	static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: character, letter after the backslash */

	for (size_t i = 0; i + 1 < sizeof(named); i += 2) {
		if (c != named[i])
			continue;
		fputc('\\', out);
		fputc(named[i + 1], out);
		return;
	}
	/* DEL may stand in JSON but does things to terminals. */
	if ((unsigned char)c < 0x20 || c == 0x7F)
		fprintf(out, "\\u%04x", (unsigned)(unsigned char)c);
	else
		fputc(c, out);
}

void text_json(FILE *out, const char *text)
{
	fputc('"', out);
	while (*text) {
		size_t length = utf8_length(text);

		if (length == 1)
			json_ascii(out, *text);
		else if (length == 0)
			fputs("\\ufffd", out);
		else
			fwrite(text, 1, length, out);
		text += length > 0 ? length : 1;
	}
	fputc('"', out);
}

/** least() - the smaller of two */
static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/**
 * edit_distance() - insertions, deletions, replacements and swaps of neighbours that make @b of @a
 * The optimal string alignment distance; swaps count as one because they are the commonest slip of the hand.
 * @a, @b: at most CLOSEST_LENGTH_MAX characters
 */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][CLOSEST_LENGTH_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	size_t width = strlen(b);

	for (size_t j = 0; j <= width; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t *reused = before;

		before = above;
		above = row;
		row = reused;
		row[0] = i;
		for (size_t j = 1; j <= width; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return row[width];
}

const char *text_closest(const char *text, const char *const *words)
{
	size_t length = strnlen(text, CLOSEST_LENGTH_MAX + 1);
	const char *closest = NULL;
	size_t nearest;

	if (length < 2 || length > CLOSEST_LENGTH_MAX)
		return NULL;
	nearest = least(length - 1, length / 3 + 1) + 1;
	for (; *words; words++) {
		size_t distance;

		if (strnlen(*words, CLOSEST_LENGTH_MAX + 1) > CLOSEST_LENGTH_MAX)
			continue;
		/* A word cut short is as near as one slip, however much is missing. */
		distance = length >= 3 && text_starts(*words, text) ? 1 : edit_distance(text, *words);
		if (distance < nearest) {
			nearest = distance;
			closest = *words;
		}
	}
	return closest;
}
