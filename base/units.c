/* SPDX-License-Identifier: Apache-2.0 */
/* units.c - see units.h */
#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CPUS_MILLI_MAX 1024000U

/** struct suffix - a unit and what one of it is worth */
struct suffix {
	const char *text;
	uint64_t factor;
};

/**
 * parse_digits() - the decimal number @text begins with
 * strtoull(3) will not do: it takes white space and signs, and "-1" as 18446744073709551615.
 * @ret_end: first character after the digits; written on -ERANGE too, so that malformed text is told from a huge number
 * Return: 0, -EINVAL when there is no digit, -ERANGE when it does not fit
 */
static int parse_digits(const char *text, uint64_t *ret, const char **ret_end)
{
	uint64_t number = 0;
	int code = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(number, 10U, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
			code = -ERANGE;
	*ret_end = text;
	if (code == 0)
		*ret = number;
	return code;
}

/**
 * parse_suffixed() - a number with one of @suffixes
 * @suffixes: ends with an entry without text; "" is the suffix of a bare number; case does not matter
 */
static int parse_suffixed(const char *text, const struct suffix *suffixes, uint64_t *ret)
{
	uint64_t number = 0;
	const char *end;
	int code = parse_digits(text, &number, &end);

	if (code == -EINVAL)
		return code;
	while (suffixes->text && strcasecmp(end, suffixes->text) != 0)
		suffixes++;
	if (!suffixes->text)
		return -EINVAL;
	if (code < 0 || __builtin_mul_overflow(number, suffixes->factor, &number))
		return -ERANGE;
	*ret = number;
	return 0;
}

int units_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t number = 0;
	const char *end;
	int code = parse_digits(text, &number, &end);

	if (code == -EINVAL || *end)
		return -EINVAL;
	if (code < 0 || number < min || number > max)
		return -ERANGE;
	*ret = number;
	return 0;
}

int units_size(const char *text, uint64_t *ret)
{
	static const struct suffix suffixes[] = {
		{ "", 1 },
		{ "B", 1 },
		{ "K", 1ULL << 10 },
		{ "KB", 1ULL << 10 },
		{ "KiB", 1ULL << 10 },
		{ "M", 1ULL << 20 },
		{ "MB", 1ULL << 20 },
		{ "MiB", 1ULL << 20 },
		{ "G", 1ULL << 30 },
		{ "GB", 1ULL << 30 },
		{ "GiB", 1ULL << 30 },
		{ "T", 1ULL << 40 },
		{ "TB", 1ULL << 40 },
		{ "TiB", 1ULL << 40 },
		{ NULL, 0 },
	};

	return parse_suffixed(text, suffixes, ret);
}

int units_port(const char *text, uint16_t *ret)
{
	uint64_t port;
	int code = units_number(text, 1, UINT16_MAX, &port);

	if (code < 0)
		return code;
	*ret = (uint16_t)port;
	return 0;
}

int units_cpus(const char *text, uint64_t *ret_milli)
{
	uint64_t milli = 0;
	uint64_t place = 1000;
	const char *end;
	int code = parse_digits(text, &milli, &end);

	if (code == -EINVAL)
		return code;
	if (code < 0 || __builtin_mul_overflow(milli, 1000U, &milli))
		code = -ERANGE;
	if (*end == '.') {
		end++;
		if (!*end)
			return -EINVAL;
		for (; *end >= '0' && *end <= '9'; end++) {
			place /= 10;
			/* A fourth digit would be lost without a word. */
			if (place == 0)
				return -EINVAL;
			if (code == 0 && __builtin_add_overflow(milli, (uint64_t)(*end - '0') * place, &milli))
				code = -ERANGE;
		}
	}
	if (*end)
		return -EINVAL;
	if (code < 0 || milli < 1 || milli > CPUS_MILLI_MAX)
		return -ERANGE;
	*ret_milli = milli;
	return 0;
}

int units_duration(const char *text, uint64_t *ret_ms)
{
	static const struct suffix suffixes[] = {
		{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { NULL, 0 },
	};

	return parse_suffixed(text, suffixes, ret_ms);
}

char *units_format_size(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0;
	uint64_t whole = bytes;
	uint64_t rest = 0; /* 1024ths of the unit */
	uint64_t tenths;

	while (whole >= 1024) {
		rest = whole % 1024;
		whole /= 1024;
		unit++;
	}
	if (unit == 0) {
		snprintf(buf, size, "%llu B", (unsigned long long)bytes);
		return buf;
	}
	tenths = whole * 10 + (rest * 10 + 512) / 1024;
	if (tenths == 10240) { /* 1023.96 KiB is 1.0 MiB; there is no way above EiB, of which 64 bits hold 16 */
		tenths = 10;
		unit++;
	}
	snprintf(buf, size, "%llu.%u %s", (unsigned long long)(tenths / 10), (unsigned)(tenths % 10), units[unit]);
	return buf;
}

char *units_format_ns(uint64_t ns, char *buf, size_t size)
{
	if (ns < 1000)
		snprintf(buf, size, "%llu ns", (unsigned long long)ns);
	else if (ns < 999500)
		snprintf(buf, size, "%llu us", (unsigned long long)(ns + 500) / 1000);
	else if (ns < 999995000)
		snprintf(buf, size, "%llu.%02llu ms", (unsigned long long)(ns + 5000) / 1000000,
		         (unsigned long long)(ns + 5000) / 10000 % 100);
	else if (ns < 1000000000000)
		snprintf(buf, size, "%llu.%02llu s", (unsigned long long)(ns + 5000000) / 1000000000,
		         (unsigned long long)(ns + 5000000) / 10000000 % 100);
	else
		snprintf(buf, size, "%llu s", (unsigned long long)(ns / 1000000000));
	return buf;
}
