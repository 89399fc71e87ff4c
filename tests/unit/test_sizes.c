/* SPDX-License-Identifier: Apache-2.0 */
/* test_sizes.c - config/sizes: the table against what Heroku documents; config/sizes_file: sizes of one's own */
#include "tests/unit/directory_fixture.h"

#include <strings.h>

#include "config/sizes_file.h"

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

/** parse() - @text, and no more than the first mistake. Return: as sizes_parse() */
static int parse(const char *file, struct sizes *sizes, struct dyno_error *err)
{
	struct mistakes m = { .name = "sizes", .first = err };

	return sizes_parse(file, strlen(file), &m, sizes);
}

static void a_file_brings_more(void **state)
{
	struct dyno_error err = { 0 };
	struct sizes own = { 0 };

	(void)state;
	assert_int_equal(
		parse("# ours\n\n tiny\tmemory=128M pids=64 cpus=0.25 # small\r\nbig-2x memory=4G share=8 nofile=4096\nsame",
	              &own, &err),
		0);
	assert_int_equal(own.count, 3);
	assert_int_equal(sizes_get(&own, "tiny")->limits.memory, 128 * MIB);
	assert_int_equal(sizes_get(&own, "tiny")->limits.pids, 64);
	assert_int_equal(sizes_get(&own, "tiny")->limits.cpu_milli, 250);
	assert_int_equal(sizes_get(&own, "tiny")->limits.cpu_shares, 1024);
	assert_int_equal(sizes_get(&own, "BIG-2x")->limits.cpu_shares, 8192);
	assert_int_equal(sizes_get(&own, "big-2x")->limits.nofile, 4096);
	assert_string_equal(sizes_get(&own, "big-2x")->label, "Big-2X");
	/* what is not said is a standard-1x's */
	assert_int_equal(sizes_get(&own, "same")->limits.memory, 512 * MIB);
	assert_int_equal(sizes_get(&own, "same")->limits.pids, 256);
	/* a second file wins, and keeps what it does not name */
	assert_int_equal(parse("tiny memory=64M\n", &own, &err), 0);
	assert_int_equal(own.count, 3);
	assert_int_equal(sizes_get(&own, "tiny")->limits.memory, 64 * MIB);
	assert_int_equal(sizes_get(&own, "tiny")->limits.pids, 256);
	assert_ptr_equal(sizes_get(&own, "eco"), sizes_find("eco"));
	assert_null(sizes_get(&own, "none"));
	assert_null(sizes_get(NULL, "tiny"));
	sizes_done(&own);
}

static void mistakes_have_lines(void **state)
{
	static const struct {
		const char *file, *says;
	} rows[] = {
		{ "\n# x\ntiny memory=1M", "sizes:3: memory of size tiny: no amount of memory from 4M" },
		{ "a b", "sizes:1: b of size a: no KEY=VALUE" },
		{ "a disk=1G", "disk of size a: unknown; there are memory, pids, cpus, share and nofile" },
		{ "a pids=1", "no number from 2" },
		{ "a cpus=none", "no number of CPUs" },
		{ "a share=0", "no number from 1 to 256" },
		{ "a nofile=2", "no number from 16" },
		{ "Tiny memory=64M", "'Tiny' cannot be the name of a size" },
		{ "1x", "'1x' cannot be" },
		{ "abcdefghijklmnopqrstuvwxyz-012345", "at most 31" },
		{ "eco memory=1G", "eco is one of Heroku's sizes" },
		{ "a\nb\na", "sizes:3: size a stands here twice" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct dyno_error err = { 0 };
		struct sizes own = { 0 };

		assert_int_equal(parse(rows[i].file, &own, &err), -EINVAL);
		if (!strstr(err.text, rows[i].says))
			fail_msg("%s: %s", rows[i].file, err.text);
		sizes_done(&own);
	}
}

static void only_a_size_of_our_own_has_the_files_read(void **state)
{
	struct directory *d = *state;
	struct dyno_error err = { 0 };
	struct size size = { .name = "" };

	assert_int_equal(mkdirat(d->fd, "dyno", 0700), 0);
	assert_int_equal(setenv("XDG_CONFIG_HOME", d->path, 1), 0);
	assert_int_equal(sizes_resolve("tiny", &size, &err), -EINVAL);
	assert_string_equal(err.text, "there is no dyno size 'tiny'");
	assert_int_equal(fd_create_text(d->fd, "dyno/sizes", 0600, "tiny memory=64M\nwrong=1\n"), 0);
	assert_int_equal(sizes_resolve("Standard-2X", &size, &err), 0);
	assert_string_equal(size.name, "standard-2x");
	assert_int_equal(sizes_resolve("tiny", &size, &err), -EINVAL);
	assert_non_null(strstr(err.text, "dyno/sizes:2: 'wrong=1' cannot be the name of a size"));
	assert_int_equal(unlinkat(d->fd, "dyno/sizes", 0), 0);
	assert_int_equal(fd_create_text(d->fd, "dyno/sizes", 0600, "tiny memory=64M\n"), 0);
	assert_int_equal(sizes_resolve("Tiny", &size, &err), 0);
	assert_int_equal(size.limits.memory, 64 * MIB);
	assert_int_equal(sizes_resolve("tinny", &size, &err), -EINVAL);
	assert_string_equal(err.remedy, "did you mean tiny?");
	assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(contract_4_4_ram_cpu_and_processes_of_each_size),
		cmocka_unit_test(labels_are_the_names_in_capitals),
		cmocka_unit_test(found_whatever_the_case_but_whole),
		cmocka_unit_test(a_file_brings_more),
		cmocka_unit_test(mistakes_have_lines),
		DIRECTORY_TEST(only_a_size_of_our_own_has_the_files_read),
	};

	return cmocka_run_group_tests_name("sizes", tests, NULL, NULL);
}
