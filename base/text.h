/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - bounded text: copying, building, JSON strings, suggestions */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** text_copy() - copy @from into @to of @size bytes, terminated. Return: 0, or -ENAMETOOLONG with @to untouched */
int text_copy(char *to, size_t size, const char *from);
/** text_format() - snprintf(3) that fails instead of cutting. Return: length, or -ENAMETOOLONG */
int text_format(char *to, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/** text_append() - text_format() at the end of the text already in @to */
int text_append(char *to, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/** text_starts() - @text begins with @prefix */
bool text_starts(const char *text, const char *prefix);
/** text_json() - print @text to @out as a JSON string, quotes included; invalid UTF-8 becomes U+FFFD */
void text_json(FILE *out, const char *text);
/** text_is_utf8() - @text is UTF-8 (RFC 3629) */
bool text_is_utf8(const char *text);
/** text_closest() - the one of @words (NULL-terminated) nearest to @text by edit distance, NULL if none is near */
const char *text_closest(const char *text, const char *const *words);

#endif /* BASE_TEXT_H */
