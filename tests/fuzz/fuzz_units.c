/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_units.c - numbers, sizes, ports, CPUs, times, words of any bytes: results in range, none on failure */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"

#define UNTOUCHED 0x5A5AU

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** check() - @code is one of the documented ones, and only success writes */
static void check(int code, uint64_t value, uint64_t min, uint64_t max)
{
	if (code != 0 && code != -EINVAL && code != -ERANGE)
		abort();
	if (code == 0 && (value < min || value > max))
		abort();
	if (code != 0 && value != UNTOUCHED)
		abort();
}

/** check_parsers() - each on @text */
static void check_parsers(const char *text)
{
	uint64_t number = UNTOUCHED, small = UNTOUCHED, bytes = UNTOUCHED, milli = UNTOUCHED, ms = UNTOUCHED;
	uint16_t port = UNTOUCHED;
	char buf[16], again[32];

	check(units_number(text, 0, UINT64_MAX, &number), number, 0, UINT64_MAX);
	check(units_number(text, 3, 300, &small), small, 3, 300);
	check(units_size(text, &bytes), bytes, 0, UINT64_MAX);
	check(units_port(text, &port), port, 1, 65535);
	check(units_cpus(text, &milli), milli, 1, 1024000);
	check(units_duration(text, &ms), ms, 0, UINT64_MAX);
	units_format_size(bytes, buf, sizeof(buf));
	units_format_ns(ms, buf, sizeof(buf));
	snprintf(again, sizeof(again), "%llu", (unsigned long long)number);
	if (units_number(again, 0, UINT64_MAX, &small) != 0 || small != number)
		abort();
}

/** check_words() - @text as JSON, and as a word somebody mistyped */
static void check_words(const char *text)
{
	static const char *const words[] = { "memory", "net", "timeline", "scratch-size", NULL };
	_cleanup_free_ char *json = NULL;
	const char *closest = text_closest(text, words);
	size_t length;
	FILE *out = open_memstream(&json, &length);

	if (closest && !strstr("memory net timeline scratch-size", closest))
		abort();
	if (!out)
		return;
	text_json(out, text);
	fclose(out);
	if (length < 2 || json[0] != '"' || json[length - 1] != '"')
		abort();
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)json[i] < 0x20)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_parsers(text);
	check_words(text);
	return 0;
}
