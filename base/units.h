/* SPDX-License-Identifier: Apache-2.0 */
/**
 * units.h - numbers as people write them, parsed strictly and printed back
 *
 * Parsers take the whole text or nothing: no sign, no white space, no trailing characters. 0, -EINVAL for malformed text, -ERANGE for a
 * number out of range; the result is written on success only.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

/** units_number() - decimal digits within [@min, @max] */
int units_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
/** units_size() - bytes: digits with an optional K, M, G or T (powers of 1024; "KiB", "MB" spelt out also taken, all 1024) */
int units_size(const char *text, uint64_t *ret);
/** units_port() - 1 to 65535 */
int units_port(const char *text, uint16_t *ret);
/** units_cpus() - "2", "0.5", "1.25" CPUs as thousandths, 1 to 1,024,000 */
int units_cpus(const char *text, uint64_t *ret_milli);
/** units_duration() - "30", "30s", "1500ms", "2m", "1h" as milliseconds */
int units_duration(const char *text, uint64_t *ret_ms);

/** units_format_size() - "1.2 MiB", "512 B" into @buf (at least 16 bytes). Return: @buf */
char *units_format_size(uint64_t bytes, char *buf, size_t size);
/** units_format_ns() - "1.24 ms", "87 us" into @buf (at least 16 bytes). Return: @buf */
char *units_format_ns(uint64_t ns, char *buf, size_t size);

#endif /* BASE_UNITS_H */
