/* SPDX-License-Identifier: Apache-2.0 */
/* test_sizes.c - config/sizes: the table against what Heroku documents */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "config/sizes.h"

#define MIB (1ULL << 20)

static void contract_4_4_ram_cpu_and_processes_of_each_size(void **state)
{
	static const struct {
		const char *name;
		uint64_t memory, pids, shares;
	} rows[] = {
		{ "eco", 512, 256, 1024 },
		{ "basic", 512, 256, 1024 },
		{ "standard-1x", 512, 256, 1024 },
		{ "standard-2x", 1024, 512, 2048 },
		{ "private-s", 1024, 512, 2048 },
		{ "performance-m", 2560, 16384, 12288 },
		{ "performance-l", 14336, 32768, 51200 },
		{ "performance-l-ram", 30720, 24576, 24576 },
		{ "performance-xl", 63488, 32768, 51200 },
		{ "performance-2xl", 129024, 65536, 102400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct size *size = sizes_find(rows[i].name);

		assert_non_null(size);
		assert_string_equal(size->name, rows[i].name);
		assert_string_equal(sizes_names()[i], rows[i].name);
		assert_int_equal(size->limits.memory, rows[i].memory * MIB);
		assert_int_equal(size->limits.pids, rows[i].pids);
		assert_int_equal(size->limits.cpu_shares, rows[i].shares);
		assert_int_equal(size->limits.cpu_milli, 0);
		assert_int_equal(size->limits.nofile, 0);
	}
	assert_null(sizes_names()[sizeof(rows) / sizeof(*rows)]);
}

static void labels_are_the_names_in_capitals(void **state)
{
	(void)state;
	for (const char *const *name = sizes_names(); *name; name++)
		assert_int_equal(strcasecmp(sizes_find(*name)->label, *name), 0);
	assert_string_equal(sizes_find("standard-1x")->label, "Standard-1X");
}

static void found_whatever_the_case_but_whole(void **state)
{
	(void)state;
	assert_ptr_equal(sizes_find("Standard-1X"), sizes_find("standard-1x"));
	assert_non_null(sizes_find("PERFORMANCE-2XL"));
	assert_null(sizes_find(""));
	assert_null(sizes_find("standard"));
	assert_null(sizes_find("standard-1x "));
	assert_null(sizes_find("standard-1xx"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(contract_4_4_ram_cpu_and_processes_of_each_size),
		cmocka_unit_test(labels_are_the_names_in_capitals),
		cmocka_unit_test(found_whatever_the_case_but_whole),
	};

	return cmocka_run_group_tests_name("sizes", tests, NULL, NULL);
}
