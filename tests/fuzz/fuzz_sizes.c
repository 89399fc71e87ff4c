/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_sizes.c - files of sizes of any bytes: what is accepted is in range and has a name of its own, mistakes are told */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/sizes_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** must() - what has to hold, also where assert(3) is compiled away */
static void must(bool holds)
{
	if (!holds)
		abort();
}

/** hear() - a mistake is a sentence */
static void hear(void *data, const struct dyno_error *mistake)
{
	must(mistake->code == -EINVAL && strncmp(mistake->text, "fuzz:", 5) == 0);
	++*(unsigned *)data;
}

/** check() - one size */
static void check(const struct sizes *own, const struct size *size)
{
	must(sizes_get(own, size->name) == size && !sizes_find(size->name));
	must(strlen(size->label) == strlen(size->name));
	must(size->limits.memory >= 4 << 20 && size->limits.pids >= 2 && size->limits.cpu_shares >= 1024);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned heard = 0;
	struct mistakes all = { .name = "fuzz", .hear = hear, .data = &heard }, first = { .name = "fuzz" };
	struct sizes own = { 0 }, same = { 0 };
	int code = sizes_parse((const char *)data, size, &all, &own);

	must(heard == all.count && (code == 0) == (heard == 0));
	must(sizes_parse((const char *)data, size, &first, &same) == code && first.count == (heard > 0));
	must(own.count <= SIZES_MAX);
	for (size_t i = 0; i < own.count; i++)
		check(&own, &own.items[i]);
	/* read once more, it changes nothing */
	if (code == 0)
		must(sizes_parse((const char *)data, size, &all, &own) == 0 && own.count == same.count);
	sizes_done(&own);
	sizes_done(&same);
	return 0;
}
