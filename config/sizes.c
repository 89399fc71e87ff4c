/* SPDX-License-Identifier: Apache-2.0 */
/**
 * sizes.c - see sizes.h
 *
 * One list makes both the table and the names. A share of 1024 is one standard-1x; the performance sizes have a
 * machine's CPU to themselves on Heroku, which here becomes a weight in the proportion of its "compute" column.
 */
#include "config/sizes.h"

#include <strings.h>

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)

/* clang-format off */
/*        name                 label                memory      pids   share of the CPU, in standard-1x */
#define SIZES(SIZE) \
	SIZE("eco",               "Eco",               512 * MIB,  256,   1) \
	SIZE("basic",             "Basic",             512 * MIB,  256,   1) \
	SIZE("standard-1x",       "Standard-1X",       512 * MIB,  256,   1) \
	SIZE("standard-2x",       "Standard-2X",       1 * GIB,    512,   2) \
	SIZE("private-s",         "Private-S",         1 * GIB,    512,   2) \
	SIZE("performance-m",     "Performance-M",     2560 * MIB, 16384, 12) \
	SIZE("performance-l",     "Performance-L",     14 * GIB,   32768, 50) \
	SIZE("performance-l-ram", "Performance-L-RAM", 30 * GIB,   24576, 24) \
	SIZE("performance-xl",    "Performance-XL",    62 * GIB,   32768, 50) \
	SIZE("performance-2xl",   "Performance-2XL",   126 * GIB,  65536, 100)
/* clang-format on */

#define SIZE_ROW(name, label, bytes, processes, share)                                                                 \
	{ name, label, { .memory = (bytes), .pids = (processes), .cpu_shares = (share)*1024 } },
#define SIZE_NAME(name, label, bytes, processes, share) name,

const struct size *sizes_find(const char *name)
{
	static const struct size sizes[] = { SIZES(SIZE_ROW) };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (strcasecmp(name, sizes[i].name) == 0)
			return &sizes[i];
	return NULL;
}

const char *const *sizes_names(void)
{
	static const char *const names[] = { SIZES(SIZE_NAME) NULL };

	return names;
}
