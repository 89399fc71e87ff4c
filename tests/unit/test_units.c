/* SPDX-License-Identifier: Apache-2.0 */
/* test_units.c - base/units: strict parsers, and back; base/clock */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/units.h"

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define UNTOUCHED 4711U

/** struct sample - a text, what its parser returns, and the result (UNTOUCHED when it fails) */
struct sample {
	const char *text;
	int code;
	uint64_t value;
};

static void check_samples(int (*parse)(const char *, uint64_t *), const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = UNTOUCHED;
		int code = parse(samples[i].text, &value);

		if (code != samples[i].code || value != (code < 0 ? UNTOUCHED : samples[i].value))
			fail_msg("'%s' gave %d, %llu", samples[i].text, code, (unsigned long long)value);
	}
}

#define CHECK_SAMPLES(parse, samples) check_samples(parse, samples, sizeof(samples) / sizeof(*(samples)))

static int any_number(const char *text, uint64_t *ret)
{
	return units_number(text, 0, UINT64_MAX, ret);
}

static int small_number(const char *text, uint64_t *ret)
{
	return units_number(text, 2, 9, ret);
}

static int port(const char *text, uint64_t *ret)
{
	uint16_t number;
	int code = units_port(text, &number);

	if (code == 0)
		*ret = number;
	return code;
}

static void numbers(void **state)
{
	static const struct sample any[] = {
		{ "0", 0, 0 },
		{ "007", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999999999999", -ERANGE, 0 },
		{ "99999999999999999999999999999999x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
		{ "1\n", -EINVAL, 0 },
		{ "\xD9\xA1", -EINVAL, 0 }, /* ARABIC-INDIC DIGIT ONE */
	};
	static const struct sample small[] = {
		{ "1", -ERANGE, 0 }, { "2", 0, 2 }, { "9", 0, 9 }, { "10", -ERANGE, 0 }, { "x", -EINVAL, 0 },
	};

	(void)state;
	CHECK_SAMPLES(any_number, any);
	CHECK_SAMPLES(small_number, small);
}

static void sizes(void **state)
{
	static const struct sample samples[] = {
		{ "0", 0, 0 },
		{ "512", 0, 512 },
		{ "512B", 0, 512 },
		{ "1K", 0, KIB },
		{ "1k", 0, KIB },
		{ "64KB", 0, 64 * KIB },
		{ "64KiB", 0, 64 * KIB },
		{ "512M", 0, 512 * MIB },
		{ "512m", 0, 512 * MIB },
		{ "512mib", 0, 512 * MIB },
		{ "14GB", 0, 14 * GIB },
		{ "2T", 0, 2048 * GIB },
		{ "16777215T", 0, 16777215ULL << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551615K", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "18446744073709551616Q", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "M", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "1 G", -EINVAL, 0 },
		{ "1MM", -EINVAL, 0 },
		{ "1iB", -EINVAL, 0 },
		{ "1Ki", -EINVAL, 0 },
		{ "1P", -EINVAL, 0 },
		{ "-1M", -EINVAL, 0 },
	};

	(void)state;
	CHECK_SAMPLES(units_size, samples);
}

static void ports(void **state)
{
	static const struct sample samples[] = {
		{ "0", -ERANGE, 0 },     { "1", 0, 1 },           { "80", 0, 80 },        { "65535", 0, 65535 },
		{ "65536", -ERANGE, 0 }, { "65616", -ERANGE, 0 }, { "80x", -EINVAL, 0 },  { "x80", -EINVAL, 0 },
		{ "", -EINVAL, 0 },      { "-80", -EINVAL, 0 },   { "80 ", -EINVAL, 0 },  { "4294967376", -ERANGE, 0 },
		{ "0x50", -EINVAL, 0 },  { "80.0", -EINVAL, 0 },  { "http", -EINVAL, 0 },
	};

	(void)state;
	CHECK_SAMPLES(port, samples);
}

static void cpus(void **state)
{
	static const struct sample samples[] = {
		{ "2", 0, 2000 },
		{ "0.5", 0, 500 },
		{ "1.25", 0, 1250 },
		{ "0.001", 0, 1 },
		{ "0.125", 0, 125 },
		{ "1024", 0, 1024000 },
		{ "1024.000", 0, 1024000 },
		{ "1024.001", -ERANGE, 0 },
		{ "0", -ERANGE, 0 },
		{ "0.000", -ERANGE, 0 },
		{ "0.0001", -EINVAL, 0 },
		{ "18446744073709551615", -ERANGE, 0 },
		{ "18446744073709551.999", -ERANGE, 0 },
		{ "99999999999999999999.5", -ERANGE, 0 },
		{ "99999999999999999999.5x", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ ".5", -EINVAL, 0 },
		{ "2.", -EINVAL, 0 },
		{ "1.2.3", -EINVAL, 0 },
		{ "1,5", -EINVAL, 0 },
		{ "50%", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
	};

	(void)state;
	CHECK_SAMPLES(units_cpus, samples);
}

static void durations(void **state)
{
	static const struct sample samples[] = {
		{ "0", 0, 0 },
		{ "30", 0, 30000 },
		{ "30s", 0, 30000 },
		{ "1500ms", 0, 1500 },
		{ "2m", 0, 120000 },
		{ "1h", 0, 3600000 },
		{ "18446744073709551615ms", 0, UINT64_MAX },
		{ "18446744073709551615", -ERANGE, 0 },
		{ "5124095576031h", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "1.5s", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "1h30m", -EINVAL, 0 },
		{ "10 s", -EINVAL, 0 },
	};

	(void)state;
	CHECK_SAMPLES(units_duration, samples);
}

/** struct printed - a number and how it is printed */
struct printed {
	uint64_t value;
	const char *text;
};

static void check_printed(char *(*format)(uint64_t, char *, size_t), const struct printed *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char buf[16];

		assert_ptr_equal(format(samples[i].value, buf, sizeof(buf)), buf);
		assert_string_equal(buf, samples[i].text);
	}
}

static void sizes_printed(void **state)
{
	static const struct printed samples[] = {
		{ 0, "0 B" },
		{ 512, "512 B" },
		{ 1023, "1023 B" },
		{ KIB, "1.0 KiB" },
		{ KIB + 512, "1.5 KiB" },
		{ 1258291, "1.2 MiB" },
		{ MIB - 1, "1.0 MiB" },
		{ GIB - 1, "1.0 GiB" },
		{ 1023 * KIB, "1023.0 KiB" },
		{ 512 * MIB, "512.0 MiB" },
		{ 126 * GIB, "126.0 GiB" },
		{ UINT64_MAX, "16.0 EiB" },
	};

	(void)state;
	check_printed(units_format_size, samples, sizeof(samples) / sizeof(*samples));
}

static void times_printed(void **state)
{
	static const struct printed samples[] = {
		{ 0, "0 ns" },
		{ 999, "999 ns" },
		{ 1000, "1 us" },
		{ 87400, "87 us" },
		{ 999499, "999 us" },
		{ 999500, "1.00 ms" },
		{ 1240000, "1.24 ms" },
		{ 999994999, "999.99 ms" },
		{ 999995000, "1.00 s" },
		{ 61500000000, "61.50 s" },
		{ 999999999999, "1000.00 s" },
		{ UINT64_MAX, "18446744073 s" },
	};

	(void)state;
	check_printed(units_format_ns, samples, sizeof(samples) / sizeof(*samples));
}

static void clock_goes_forward(void **state)
{
	uint64_t before = clock_ns();

	(void)state;
	assert_true(before > 0);
	assert_true(clock_ns() >= before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),       cmocka_unit_test(sizes),
		cmocka_unit_test(ports),         cmocka_unit_test(cpus),
		cmocka_unit_test(durations),     cmocka_unit_test(sizes_printed),
		cmocka_unit_test(times_printed), cmocka_unit_test(clock_goes_forward),
	};

	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
